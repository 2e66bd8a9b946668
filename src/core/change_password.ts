import { type Call, requireCaller } from "./call.js";
import { type EndSessions, endingsOf } from "./end_sessions.js";
import { fail, unavailable } from "./errors.js";
import { checkNewPassword, type PasswordPolicy } from "./password_policy.js";
import type { Clock } from "./ports/clock.js";
import type { LoginThrottle } from "./ports/login_throttle.js";
import type { PasswordHasher } from "./ports/password_hasher.js";
import type { SessionStore } from "./ports/session_store.js";
import type { UserStore } from "./ports/user_store.js";
import { foldUsername } from "./user.js";

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
    throttle: LoginThrottle;
    hasher: PasswordHasher;
    end: EndSessions;
    clock: Clock;
    passwordPolicy: PasswordPolicy;
  }) =>
  async (input: ChangePasswordInput, call?: Call): Promise<bigint> => {
    const { store, throttle, clock } = deps;
    requireCaller(call);
    const account = await deps.users.getAccount(input.userId);
    if (account === undefined) {
      await deps.end.settleUser(input.userId);
      throw fail("USER_INACTIVE");
    }
    checkNewPassword("new_password", input.newPassword, account.username, deps.passwordPolicy);
    const name = foldUsername(account.username);
    // A stolen session must not be a way to guess the password, and each guess is told of (D7).
    const { retryAfterMs, locked } = await throttle.attempt(name, input.ip);
    const refuse = async (reason: "TOO_MANY_ATTEMPTS" | "INVALID_CREDENTIALS") => {
      const about = {
        at: clock.now(),
        userId: input.userId,
        sessionId: input.sessionId,
        actor: input.userId,
        ip: input.ip,
      };
      await store.transaction((tx) =>
        tx.record([
          { ...about, type: "LOGIN_FAILED", reason, metadata: { attempt: "change_password" } },
          ...(locked ? [{ ...about, type: "ACCOUNT_LOCKED" as const }] : []),
        ]),
      );
      return fail(reason, retryAfterMs > 0 ? { retryAfterMs } : {});
    };
    if (retryAfterMs > 0) throw await refuse("TOO_MANY_ATTEMPTS");
    const current = await deps.hasher
      .verify(input.currentPassword, account.passwordHash)
      .catch(async (busy) => {
        await throttle.forgive(name, input.ip, false);
        throw busy;
      });
    if (!current.ok) throw await refuse("INVALID_CREDENTIALS");
    await throttle.forgive(name, input.ip, true);
    requireCaller(call);
    const passwordHash = await deps.hasher.hash(input.newPassword);

    const refusal = await store.transaction(async (tx) => {
      const user = await tx.lockUser(input.userId);
      if (user === undefined) return fail("USER_INACTIVE");
      if (user.passwordHash !== account.passwordHash) throw unavailable("changed meanwhile");
      const open = await tx.lockOpenSessionsOf(user.id);
      if (!open.some(({ id }) => id === input.sessionId)) return fail("SESSION_REVOKED_OR_INVALID");
      await tx.updateUser(user.id, { passwordHash });
      const at = clock.now();
      const about = { at, userId: user.id, actor: user.id, ip: input.ip };
      await tx.record([{ ...about, type: "PASSWORD_SET", sessionId: input.sessionId }]);
      const cause = { reason: "PASSWORD_CHANGE", by: user.id, ip: input.ip } as const;
      await tx.endSessions(endingsOf(open, input.sessionId, at, cause));
      return undefined;
    }, call);
    // Also before a refusal: no call says that a session has ended before all do (L2).
    const revision = await deps.end.settleUser(input.userId);
    if (refusal) throw refusal;
    return revision;
  };
