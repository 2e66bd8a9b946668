import { type Call, requireCaller } from "../call.js";
import { sourceOf } from "../caller/source.js";
import { isOutage } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { IdSource } from "../ports/id_source.js";
import type { PasswordHasher } from "../ports/password_hasher.js";
import type {
  SessionRevocation,
  SessionStore,
  SessionTransaction,
} from "../ports/session_store.js";
import type { UserStore } from "../ports/user_store.js";
import type { AnswerLog } from "../refresh/answer_log.js";
import type { CacheLease } from "../revocation/cache_lease.js";
import type { WithRecentActivity } from "../session/recent_activity.js";
import { type Session, timedOut } from "../session/session.js";
import { makeRoom } from "../session/session_limit.js";
import type { CoreSettings } from "../settings.js";
import { type Account, foldUsername, type User } from "../users/user.js";
import { accessTokenTerms, type IssuedTokens, type IssueTokens } from "./issue_tokens.js";
import type { ActionResult, TryPassword } from "./password_attempt.js";
import { type UnansweredLogins, withdrawal } from "./unanswered_logins.js";

export interface LoginInput {
  readonly username: string;
  readonly password: string;
  readonly device: string;
  readonly ip: string;
  readonly userAgent: string;
  /** Leave the roles out of the access token. */
  readonly omitRoles?: boolean | undefined;
}

export interface LoginOutput {
  readonly tokens: IssuedTokens;
  readonly session: Session;
  readonly user: User;
  /** Ended by the limit to make room. */
  readonly evicted: readonly Session[];
}

type Admission =
  | {
      readonly kind: "admitted";
      readonly user: Account;
      readonly session: Session;
      readonly ended: readonly Session[];
      readonly issue: () => Promise<IssuedTokens>;
    }
  | { readonly kind: "full"; readonly ended: readonly Session[] }
  | { readonly kind: "changed" };

/**
 * Signs a user in with a password and makes a session, under the lock of the
 * user: racing logins and revocations of all sessions are ordered (L5, N1-N4).
 * No lock is held while hashing.
 */
export const login = (deps: {
  store: SessionStore;
  users: UserStore;
  tryPassword: TryPassword;
  hasher: PasswordHasher;
  issue: IssueTokens;
  cacheLease: CacheLease;
  answers: AnswerLog;
  unanswered: UnansweredLogins;
  withRecentActivity: WithRecentActivity;
  ids: IdSource;
  clock: Clock;
  settings: CoreSettings;
}): ((input: LoginInput, call?: Call) => Promise<LoginOutput>) => {
  const { store, users, hasher, cacheLease, answers, unanswered, ids, clock, settings } = deps;

  const admit = async (
    tx: SessionTransaction,
    verified: Account,
    newHash: string | undefined,
    input: LoginInput,
    call: Call | undefined,
  ): Promise<Admission> => {
    const user = await tx.lockUser(verified.id);
    if (user?.passwordHash !== verified.passwordHash || user.isActive !== verified.isActive)
      return { kind: "changed" };
    const found = await tx.lockOpenSessionsOf(user.id);
    const now = clock.now();
    const seemsIdle = found.some(
      (session) => timedOut(session, now, settings.idleTimeoutMs) === "IDLE_TIMEOUT",
    );
    // Postgres learns of a use seconds later: too late to say which session is in use now, or
    // which was never used.
    const isFull = found.length >= settings.maxSessions;
    const mattersUse =
      settings.limitPolicy === "evict_least_recently_used" ||
      found.some((session) => unanswered.includes(session, now));
    const open = seemsIdle || (isFull && mattersUse) ? await deps.withRecentActivity(found) : found;
    const revocations: SessionRevocation[] = [];
    const live: Session[] = [];
    for (const session of open) {
      // What seems timed out is ended here, so that what does not count against
      // the limit is not valid either (N1).
      const reason = timedOut(session, now, settings.idleTimeoutMs);
      if (reason !== undefined)
        revocations.push({ sessionId: session.id, reason, at: now, by: "system" });
      // Nobody holds the tokens of these, so they go before any session in use.
      else if (isFull && unanswered.includes(session, now))
        revocations.push(withdrawal(session.id, now));
      else live.push(session);
    }
    const room = makeRoom(live, settings.maxSessions, settings.limitPolicy);
    if (room === undefined) return { kind: "full", ended: await tx.revokeSessions(revocations) };
    for (const { id } of room)
      revocations.push({
        sessionId: id,
        reason: "SESSION_LIMIT",
        at: now,
        by: "system",
        ip: input.ip,
      });

    // Later than every open session, whichever replica made it, so that "oldest" is the order of logins.
    const createdAt = Math.max(now, ...open.map((session) => session.createdAt + 1));
    const expiresAt = Math.ceil((createdAt + settings.maxLifetimeMs) / 1000) * 1000;
    const terms = accessTokenTerms(ids, createdAt, expiresAt, settings);
    const session: Session = {
      id: ids.next(createdAt),
      userId: user.id,
      createdAt,
      lastActivityAt: createdAt,
      expiresAt,
      accessExpiresAt: terms.expiresAt,
      jti: terms.jti,
      device: input.device,
      ip: input.ip,
      userAgent: input.userAgent,
      refresh: {
        generation: 1,
        rotatedAt: createdAt,
        previousRotatedAt: createdAt,
        ...(call && { isUnanswered: true }),
      },
      end: undefined,
    };
    if (newHash !== undefined) await tx.updateUser(user.id, { passwordHash: newHash });
    await tx.insertSession(session, Math.min(expiresAt, createdAt + settings.idleTimeoutMs));
    await tx.record([
      {
        type: "LOGIN",
        at: createdAt,
        userId: user.id,
        sessionId: session.id,
        actor: user.id,
        ip: input.ip,
      },
    ]);
    const ended = await tx.revokeSessions(revocations);
    const issue = () => deps.issue(session, input.omitRoles ? [] : user.roles, terms, createdAt);
    return { kind: "admitted", user, session, ended, issue };
  };

  const awaitRevoked = (ended: readonly Session[]) =>
    cacheLease.awaitRevoked(
      ended.map((session) => ({ sessionId: session.id, ...session })),
      settings.consistencyTimeoutMs,
    );

  /** Admits the user in one transaction. If nobody knows whether it was committed, it is undone. */
  const admitOrUndo = async (
    account: Account,
    newHash: string | undefined,
    input: LoginInput,
    call: Call | undefined,
  ): Promise<Admission> => {
    let made: Session | undefined;
    try {
      return await store.transaction(async (tx) => {
        const admission = await admit(tx, account, newHash, input, call);
        made = admission.kind === "admitted" ? admission.session : undefined;
        return admission;
      }, call);
    } catch (failure) {
      // Not waited for: Postgres is silent, and the caller has to hear so.
      if (made !== undefined && isOutage(failure)) void unanswered.withdraw(made);
      throw failure;
    }
  };

  /** Makes the session of a user whose password was right. */
  const signIn = async (
    input: LoginInput,
    account: Account,
    needsRehash: boolean,
    call: Call | undefined,
  ): Promise<ActionResult<LoginOutput>> => {
    if (!account.isActive) return { kind: "refused", reason: "USER_INACTIVE" };
    const newHash = needsRehash
      ? await hasher.hash(input.password, sourceOf(input.ip), call)
      : undefined;
    const admission = await admitOrUndo(account, newHash, input, call);
    if (admission.kind === "changed") return admission;
    if (admission.kind === "full") {
      await awaitRevoked(admission.ended);
      return { kind: "refused", reason: "SESSION_LIMIT_EXCEEDED" };
    }
    const { session, user, ended } = admission;
    try {
      await awaitRevoked(ended);
      const tokens = await admission.issue();
      call?.onAnswered((isSent) => {
        if (isSent) answers.record(session.id, session.refresh.generation, clock.now());
        else void unanswered.withdraw(session);
      });
      const evicted = ended.filter((gone) => gone.end?.reason === "SESSION_LIMIT");
      return { kind: "done", value: { tokens, session, user, evicted } };
    } catch (failure) {
      await unanswered.withdraw(session);
      throw failure;
    }
  };

  return async (input, call) => {
    requireCaller(call);
    const usernameFolded = foldUsername(input.username);
    return deps.tryPassword({
      usernameFolded,
      password: input.password,
      ip: input.ip,
      call,
      find: () => users.findByUsername(usernameFolded),
      act: (account, needsRehash) => signIn(input, account, needsRehash, call),
    });
  };
};
