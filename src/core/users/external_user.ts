import { fail, unavailable } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { IdSource } from "../ports/id_source.js";
import type { SessionTransaction } from "../ports/session_store.js";
import { type Account, type ExternalIdentity, foldUsername } from "./user.js";

/** What another issuer says of a user. Undefined: nothing, so nothing is changed. */
export interface ExternalProfile {
  readonly username: string | undefined;
  readonly displayName: string | undefined;
  readonly roles: readonly string[] | undefined;
}

export interface ExternalUserRequest {
  readonly identity: ExternalIdentity;
  readonly profile: ExternalProfile;
  /** The name of a user who is made; undefined: none is made. */
  readonly newUsername: string | undefined;
  /** The actor of the change, for the security events; absent: the user. */
  readonly by?: string | undefined;
  readonly ip: string;
}

export interface ExternalUser {
  /** Locked until commit. */
  readonly user: Account;
  /** Whether the hot store has to forget what it remembers of the user's sessions. */
  readonly isChanged: boolean;
}

/**
 * Finds and locks the user of an identity, makes one where there is none, and
 * brings what the issuer says of the user up to date. All of it is part of the
 * given transaction.
 *
 * @throws CurfewError NOT_FOUND if the identity is unknown and no user is created, ALREADY_EXISTS if another user has
 *   the new user's name
 */
export type FindExternalUser = (
  tx: SessionTransaction,
  request: ExternalUserRequest,
) => Promise<ExternalUser>;

/** How often an identity is looked up whose user is deleted at the same time. */
const MAX_LOOKS = 3;

/** A name as users have it. */
const shown = (username: string): string => username.normalize("NFKC").trim();

const isSame = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((one, index) => one === right[index]);

export const findExternalUser = (deps: { ids: IdSource; clock: Clock }): FindExternalUser => {
  const { ids, clock } = deps;

  const make = async (
    tx: SessionTransaction,
    userId: string,
    newUsername: string,
    { profile, by, ip }: ExternalUserRequest,
  ): Promise<Account> => {
    const now = clock.now();
    const account: Account = {
      id: userId,
      username: shown(newUsername),
      displayName: profile.displayName ?? "",
      roles: profile.roles ?? [],
      isActive: true,
      createdAt: now,
      passwordHash: undefined,
    };
    if ((await tx.insertUser(account, foldUsername(newUsername))) === "username_taken")
      throw fail("ALREADY_EXISTS", { metadata: { field: "username" } });
    const metadata = { roles: account.roles.join(" ") };
    const actor = by ?? userId;
    await tx.record([{ type: "USER_CREATED", at: now, userId, actor, ip, metadata }]);
    return account;
  };

  /** Writes what has changed. A name that another user has is left as it was: it must not keep the user out. */
  const update = async (
    tx: SessionTransaction,
    before: Account,
    { profile, by, ip }: ExternalUserRequest,
  ): Promise<ExternalUser> => {
    const { displayName, roles } = profile;
    const username = profile.username && shown(profile.username);
    const isRenamed =
      username !== undefined &&
      username !== "" &&
      username !== before.username &&
      (await tx.renameUser(before.id, username, foldUsername(username)));
    const patch = {
      ...(displayName !== undefined && displayName !== before.displayName && { displayName }),
      ...(roles !== undefined && !isSame(roles, before.roles) && { roles }),
    };
    const changes = { ...patch, ...(isRenamed && { username }) };
    if (Object.keys(changes).length === 0) return { user: before, isChanged: false };
    await tx.updateUser(before.id, patch);
    const metadata = Object.fromEntries(
      Object.entries(changes).map(([field, value]) => [field, String(value)]),
    );
    await tx.record([
      {
        type: "USER_UPDATED",
        at: clock.now(),
        userId: before.id,
        actor: by ?? before.id,
        ip,
        metadata,
      },
    ]);
    const isChanged = isRenamed || patch.roles !== undefined;
    if (isChanged) await tx.forgetHot(before.id);
    return { user: { ...before, ...changes }, isChanged };
  };

  return async (tx, request) => {
    const { identity, newUsername } = request;
    for (let looks = 1; looks <= MAX_LOOKS; looks++) {
      let userId = await tx.userOfIdentity(identity);
      if (userId === undefined) {
        if (newUsername === undefined) throw fail("NOT_FOUND", { metadata: { what: "identity" } });
        const now = clock.now();
        const newId = ids.next(now);
        userId = await tx.claimIdentity(identity, newId, now);
        if (userId === newId)
          return { user: await make(tx, newId, newUsername, request), isChanged: false };
      }
      const user = await tx.lockUser(userId);
      if (user !== undefined) return update(tx, user, request);
    }
    throw unavailable("the user of the identity keeps being deleted");
  };
};
