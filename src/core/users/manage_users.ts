import type { Call } from "../call.js";
import { fail, invalidField } from "../errors.js";
import { checkNewPassword, type PasswordPolicy } from "../login/password_policy.js";
import type { Clock } from "../ports/clock.js";
import type { IdSource } from "../ports/id_source.js";
import type { PasswordHasher } from "../ports/password_hasher.js";
import type { SessionStore, SessionTransaction, UserPatch } from "../ports/session_store.js";
import type { UserStore } from "../ports/user_store.js";
import { type RevokeSessions, revocationsOf } from "../revocation/revoke_sessions.js";
import type { EndReason } from "../session/session.js";
import { isRole, ROLE_SPELLING } from "./role.js";
import { type Account, foldUsername, type User } from "./user.js";

export interface NewUser {
  readonly username: string;
  readonly password: string;
  readonly displayName: string;
  readonly roles: readonly string[];
}

/** The actor of a change, and the address of its call. */
export interface Actor {
  readonly by: string;
  readonly ip: string;
  /** Absent: no caller waits for it. */
  readonly call?: Call | undefined;
}

/** What administrators do with users. */
export interface ManageUsers {
  create(user: NewUser, actor: Actor): Promise<User>;
  update(
    userId: string,
    patch: Pick<UserPatch, "displayName" | "roles" | "isActive">,
    actor: Actor,
  ): Promise<User>;
  /** Resolves to the revision by which all the user's sessions have ended. */
  setPassword(userId: string, password: string, actor: Actor): Promise<bigint>;
  unlock(userId: string, actor: Actor): Promise<void>;
  /** Resolves to the revision by which all the user's sessions have ended, also when repeated as long as any is on record. */
  delete(userId: string, actor: Actor): Promise<bigint>;
}

export const manageUsers = (deps: {
  store: SessionStore;
  users: UserStore;
  hasher: PasswordHasher;
  end: RevokeSessions;
  ids: IdSource;
  clock: Clock;
  passwordPolicy: PasswordPolicy;
}): ManageUsers => {
  const { store, users, hasher, clock } = deps;

  const lock = async (tx: SessionTransaction, userId: string): Promise<Account> => {
    const user = await tx.lockUser(userId);
    if (user === undefined) throw fail("NOT_FOUND", { metadata: { user_id: userId } });
    return user;
  };

  const endAll = async (
    tx: SessionTransaction,
    userId: string,
    reason: EndReason,
    actor: Actor,
  ): Promise<void> => {
    const open = await tx.lockOpenSessionsOf(userId);
    const cause = { reason, by: actor.by, ip: actor.ip };
    await tx.revokeSessions(revocationsOf(open, undefined, clock.now(), cause));
  };

  const event = (
    type: "PASSWORD_SET" | "USER_CREATED" | "USER_UPDATED" | "USER_DELETED" | "ACCOUNT_UNLOCKED",
    userId: string,
    actor: Actor,
    metadata: Record<string, string> = {},
  ) => ({ type, at: clock.now(), userId, actor: actor.by, ip: actor.ip, metadata }) as const;

  return {
    async create({ username, password, displayName, roles }, actor) {
      const shown = username.normalize("NFKC").trim();
      if (shown === "") throw invalidField("username", "must have at least 1 character");
      checkRoles("roles", roles);
      checkNewPassword("password", password, shown, deps.passwordPolicy);
      const now = clock.now();
      const account: Account = {
        id: deps.ids.next(now),
        username: shown,
        displayName,
        roles: [...new Set(roles)],
        isActive: true,
        createdAt: now,
        passwordHash: await hasher.hash(password, undefined, actor.call),
      };
      await store.transaction(async (tx) => {
        if ((await tx.insertUser(account, foldUsername(shown))) === "username_taken")
          throw fail("ALREADY_EXISTS", { metadata: { field: "username" } });
        await tx.record([
          event("USER_CREATED", account.id, actor, { roles: account.roles.join(" ") }),
        ]);
      }, actor.call);
      return account;
    },

    async update(userId, patch, actor) {
      if (patch.roles !== undefined) checkRoles("user.roles", patch.roles);
      const user = await store.transaction(async (tx) => {
        const before = await lock(tx, userId);
        await tx.updateUser(userId, patch);
        const changes = Object.entries(patch).map(([field, value]) => [field, String(value)]);
        await tx.record([event("USER_UPDATED", userId, actor, Object.fromEntries(changes))]);
        if (patch.isActive === false) await endAll(tx, userId, "USER_DISABLED", actor);
        else if (patch.roles !== undefined) await tx.forgetHot(userId);
        return { ...before, ...patch };
      }, actor.call);
      await deps.end.awaitUserRevoked(userId);
      return user;
    },

    async setPassword(userId, password, actor) {
      const account = await users.getAccount(userId);
      if (account === undefined) throw fail("NOT_FOUND", { metadata: { user_id: userId } });
      checkNewPassword("password", password, account.username, deps.passwordPolicy);
      const passwordHash = await hasher.hash(password, undefined, actor.call);
      await store.transaction(async (tx) => {
        await lock(tx, userId);
        await tx.updateUser(userId, { passwordHash });
        await tx.record([event("PASSWORD_SET", userId, actor)]);
        await tx.unlockAccount(foldUsername(account.username));
        await endAll(tx, userId, "PASSWORD_CHANGE", actor);
      }, actor.call);
      return deps.end.awaitUserRevoked(userId);
    },

    async unlock(userId, actor) {
      await store.transaction(async (tx) => {
        const user = await lock(tx, userId);
        await tx.unlockAccount(foldUsername(user.username));
        await tx.record([event("ACCOUNT_UNLOCKED", userId, actor)]);
      }, actor.call);
    },

    async delete(userId, actor) {
      const user = await store.transaction(async (tx) => {
        const user = await tx.lockUser(userId);
        if (user === undefined) return undefined;
        await tx.deleteUser(userId);
        await tx.unlockAccount(foldUsername(user.username));
        await tx.record([event("USER_DELETED", userId, actor)]);
        await endAll(tx, userId, "USER_DELETED", actor);
        return user;
      }, actor.call);
      const revision = await deps.end.awaitUserRevoked(userId);
      // Sessions without a user: an earlier call, whose answer may have been lost, did it.
      if (user === undefined && revision === 0n)
        throw fail("NOT_FOUND", { metadata: { user_id: userId } });
      return revision;
    },
  };
};

const checkRoles = (field: string, roles: readonly string[]): void => {
  const bad = roles.findIndex((role) => !isRole(role));
  if (bad >= 0) throw invalidField(`${field}[${bad}]`, ROLE_SPELLING);
};
