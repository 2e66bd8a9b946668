import { type Call, requireCaller } from "../call.js";
import { sourceOf } from "../caller/source.js";
import { type CurfewError, fail } from "../errors.js";
import type { ActionResult, TryPassword } from "../login/password_attempt.js";
import { checkNewPassword, type PasswordPolicy } from "../login/password_policy.js";
import type { Clock } from "../ports/clock.js";
import type { PasswordHasher } from "../ports/password_hasher.js";
import type { SessionStore } from "../ports/session_store.js";
import type { UserStore } from "../ports/user_store.js";
import { type RevokeSessions, revocationsOf } from "../revocation/revoke_sessions.js";
import { type Account, foldUsername } from "./user.js";

export interface ChangePasswordInput {
  readonly userId: string;
  readonly sessionId: string;
  readonly currentPassword: string;
  readonly newPassword: string;
  readonly ip: string;
}

/** The user's own change of password: proves the old one, and ends all other sessions. Resolves to the revision. */
export const changePassword =
  (deps: {
    store: SessionStore;
    users: UserStore;
    tryPassword: TryPassword;
    hasher: PasswordHasher;
    end: RevokeSessions;
    clock: Clock;
    passwordPolicy: PasswordPolicy;
  }) =>
  async (input: ChangePasswordInput, call?: Call): Promise<bigint> => {
    const { store, clock } = deps;
    requireCaller(call);
    const account = await deps.users.getAccount(input.userId);
    if (account === undefined) {
      await deps.end.awaitUserRevoked(input.userId);
      throw fail("USER_INACTIVE");
    }
    checkNewPassword("new_password", input.newPassword, account.username, deps.passwordPolicy);
    const { userId, sessionId, ip } = input;

    /** Sets the new password, unless the caller's session or user has ended meanwhile. */
    const replace = async (proven: Account): Promise<ActionResult<bigint>> => {
      const passwordHash = await deps.hasher.hash(input.newPassword, sourceOf(ip), call);
      const result = await store.transaction(
        async (tx): Promise<"set" | "changed" | CurfewError> => {
          const user = await tx.lockUser(userId);
          if (user === undefined) return fail("USER_INACTIVE");
          if (user.passwordHash !== proven.passwordHash) return "changed";
          const open = await tx.lockOpenSessionsOf(user.id);
          if (!open.some(({ id }) => id === sessionId)) return fail("SESSION_REVOKED_OR_INVALID");
          await tx.updateUser(user.id, { passwordHash });
          const at = clock.now();
          const about = { at, userId: user.id, actor: user.id, ip };
          await tx.record([{ ...about, type: "PASSWORD_SET", sessionId }]);
          const cause = { reason: "PASSWORD_CHANGE", by: user.id, ip } as const;
          await tx.revokeSessions(revocationsOf(open, sessionId, at, cause));
          return "set";
        },
        call,
      );
      if (result === "changed") return { kind: "changed" };
      // Also before a refusal: no call says that a session has ended before all do (L2).
      const revision = await deps.end.awaitUserRevoked(userId);
      if (result !== "set") throw result;
      return { kind: "done", value: revision };
    };

    // A stolen session must not be a way to guess the password, and each guess is recorded (D7).
    return deps.tryPassword({
      usernameFolded: foldUsername(account.username),
      password: input.currentPassword,
      ip,
      call,
      about: { userId, sessionId, actor: userId, metadata: { attempt: "change_password" } },
      find: () => deps.users.getAccount(userId),
      act: replace,
    });
  };
