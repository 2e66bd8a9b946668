import { type Call, requireCaller } from "../call.js";
import { isOutage } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { IdSource } from "../ports/id_source.js";
import type {
  SessionRevocation,
  SessionStore,
  SessionTransaction,
} from "../ports/session_store.js";
import type { AnswerLog } from "../refresh/answer_log.js";
import type { CacheLease } from "../revocation/cache_lease.js";
import { actingMetadata } from "../session/actor.js";
import type { WithRecentActivity } from "../session/recent_activity.js";
import { idleTimeoutOf, type Session, timedOut } from "../session/session.js";
import { makeRoom } from "../session/session_limit.js";
import type { CoreSettings } from "../settings.js";
import type { Account, User } from "../users/user.js";
import { accessTokenTerms, type IssuedTokens, type IssueTokens } from "./issue_tokens.js";
import type { ActionResult } from "./password_attempt.js";
import { type UnansweredLogins, withdrawal } from "./unanswered_logins.js";

/** The terms of a new session. Times are milliseconds since the epoch, durations milliseconds. */
export interface SessionTerms
  extends Pick<
    Session,
    "device" | "ip" | "userAgent" | "clientId" | "amr" | "acr" | "actor" | "idleTimeoutMs"
  > {
  /** When the user proved who they are, no later than now; absent: now. The maximum lifetime counts from it. */
  readonly authTime?: number | undefined;
  /** Counts if it is shorter than the configured one. */
  readonly maxLifetimeMs?: number | undefined;
  /** Leave the roles out of the access token. */
  readonly omitRoles?: boolean | undefined;
  /** The actor that opens the session, for the security event; absent: the user. */
  readonly by?: string | undefined;
  /** Further metadata of the security event. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Whose session a call is about, as the first statements of its transaction found out. */
export type Subject =
  /** A locked user, who may receive a session. */
  | { readonly kind: "user"; readonly user: Account }
  /** An earlier call made the session, which is locked and live: it is answered again. */
  | {
      readonly kind: "repeated";
      readonly user: Account;
      readonly session: Session;
      readonly evicted: readonly Session[];
    }
  /** The account is not the one that was proved. */
  | { readonly kind: "changed" };

export interface SessionOpening {
  readonly terms: SessionTerms;
  /** Runs first in the transaction. Its writes are committed with the session, or not at all. */
  readonly subject: (tx: SessionTransaction) => Promise<Subject>;
  /** Runs last in the transaction, if it made a session. */
  readonly made?: (
    tx: SessionTransaction,
    session: Session,
    ended: readonly Session[],
  ) => Promise<void>;
}

export interface OpenedSession {
  readonly tokens: IssuedTokens;
  readonly session: Session;
  readonly user: User;
  /** Ended by the limit to make room. */
  readonly evicted: readonly Session[];
}

/**
 * Opens a session for an authenticated user. Every call that opens a session goes this way (I1). The lock of the user
 * orders racing calls and revocations of all sessions (L5, N1-N4). A call that is not answered OK leaves no session
 * (O3).
 */
export type OpenSession = (
  opening: SessionOpening,
  call?: Call | undefined,
) => Promise<ActionResult<OpenedSession>>;

type Admission =
  | {
      readonly kind: "admitted";
      readonly user: Account;
      readonly session: Session;
      /** Has to be in force everywhere before the call is answered. */
      readonly ended: readonly Session[];
      readonly issue: () => Promise<IssuedTokens>;
    }
  | { readonly kind: "full"; readonly ended: readonly Session[] }
  | { readonly kind: "changed" };

export const openSession = (deps: {
  store: SessionStore;
  issue: IssueTokens;
  cacheLease: Pick<CacheLease, "awaitRevoked">;
  answers: AnswerLog;
  unanswered: UnansweredLogins;
  withRecentActivity: WithRecentActivity;
  ids: IdSource;
  clock: Clock;
  settings: CoreSettings;
}): OpenSession => {
  const { store, cacheLease, answers, unanswered, ids, clock, settings } = deps;

  /** Makes room for one more session of a user, whose open sessions are given. Undefined: there is none. */
  const sortOut = async (
    found: readonly Session[],
    now: number,
    ip: string,
  ): Promise<{ readonly revocations: SessionRevocation[]; readonly isFull: boolean }> => {
    const seemsIdle = found.some(
      (session) => timedOut(session, now, settings.idleTimeoutMs) === "IDLE_TIMEOUT",
    );
    // Postgres learns of a use seconds later: too late to say which session is in use now, or
    // which was never used.
    const mayBeFull = found.length >= settings.maxSessions;
    const mattersUse =
      settings.limitPolicy === "evict_least_recently_used" ||
      found.some((session) => unanswered.includes(session, now));
    const open =
      seemsIdle || (mayBeFull && mattersUse) ? await deps.withRecentActivity(found) : found;
    const revocations: SessionRevocation[] = [];
    const live: Session[] = [];
    for (const session of open) {
      // What seems timed out is ended here, so that what does not count against
      // the limit is not valid either (N1).
      const reason = timedOut(session, now, settings.idleTimeoutMs);
      if (reason !== undefined)
        revocations.push({ sessionId: session.id, reason, at: now, by: "system" });
      // No client holds the tokens of these sessions, so they are evicted before any session in use.
      else if (mayBeFull && unanswered.includes(session, now))
        revocations.push(withdrawal(session.id, now));
      else live.push(session);
    }
    const room = makeRoom(live, settings.maxSessions, settings.limitPolicy);
    for (const { id } of room ?? [])
      revocations.push({ sessionId: id, reason: "SESSION_LIMIT", at: now, by: "system", ip });
    return { revocations, isFull: room === undefined };
  };

  /** The session as it is made at `createdAt`, and the terms of its first access token. */
  const newSession = (user: Account, given: SessionTerms, createdAt: number, isCalled: boolean) => {
    const authTime = Math.min(given.authTime ?? createdAt, createdAt);
    const { maxLifetimeMs = settings.maxLifetimeMs, idleTimeoutMs } = given;
    const lifetimeMs = Math.min(maxLifetimeMs, settings.maxLifetimeMs);
    const expiresAt = Math.ceil((authTime + lifetimeMs) / 1000) * 1000;
    const { device, ip, userAgent, clientId, amr, acr, actor } = given;
    const unissued = {
      id: ids.next(createdAt),
      userId: user.id,
      createdAt,
      lastActivityAt: createdAt,
      expiresAt,
      device,
      ip,
      userAgent,
      clientId,
      amr,
      authTime,
      ...(acr !== undefined && { acr }),
      ...(actor && { actor }),
      ...(idleTimeoutMs !== undefined &&
        idleTimeoutMs < settings.idleTimeoutMs && { idleTimeoutMs }),
      refresh: {
        generation: 1,
        rotatedAt: createdAt,
        previousRotatedAt: createdAt,
        ...(isCalled && { isUnanswered: true }),
      },
      end: undefined,
    };
    const terms = accessTokenTerms(ids, createdAt, unissued, settings);
    const session: Session = { ...unissued, accessExpiresAt: terms.expiresAt, jti: terms.jti };
    return { session, terms };
  };

  /** A session that was made before, with tokens of its own for this answer. */
  const repeat = async (
    tx: SessionTransaction,
    { user, session, evicted }: Extract<Subject, { kind: "repeated" }>,
    given: SessionTerms,
  ): Promise<Admission> => {
    const now = Math.max(clock.now(), session.refresh.rotatedAt + 1);
    const terms = accessTokenTerms(ids, now, session, settings);
    const patch = {
      jti: terms.jti,
      accessExpiresAt: Math.max(session.accessExpiresAt, terms.expiresAt),
      // The sweep that withdraws unanswered sessions sees by this time that the tokens were issued again.
      ...(session.refresh.isUnanswered && { refresh: { ...session.refresh, rotatedAt: now } }),
    };
    await tx.updateSession(session.id, patch);
    const renewed = { ...session, ...patch };
    const roles = given.omitRoles ? [] : user.roles;
    const issue = () => deps.issue(renewed, roles, terms, now);
    return { kind: "admitted", user, session: renewed, ended: evicted, issue };
  };

  const admit = async (
    tx: SessionTransaction,
    opening: SessionOpening,
    call: Call | undefined,
  ): Promise<Admission> => {
    const subject = await opening.subject(tx);
    if (subject.kind === "changed") return subject;
    const given = opening.terms;
    if (subject.kind === "repeated") return repeat(tx, subject, given);
    const { user } = subject;
    const found = await tx.lockOpenSessionsOf(user.id);
    // Sessions with an actor do not count towards the limit.
    const counted = given.actor ? [] : found.filter(({ actor }) => actor === undefined);
    const now = clock.now();
    const { revocations, isFull } = await sortOut(counted, now, given.ip);
    if (isFull) return { kind: "full", ended: await tx.revokeSessions(revocations) };

    // Later than every open session, whichever replica made it, so that "oldest" is the order of logins.
    const createdAt = Math.max(now, ...found.map((session) => session.createdAt + 1));
    const { session, terms } = newSession(user, given, createdAt, call !== undefined);
    const idleAt = createdAt + idleTimeoutOf(session, settings.idleTimeoutMs);
    await tx.insertSession(session, Math.min(session.expiresAt, idleAt));
    await tx.record([
      {
        type: "LOGIN",
        at: createdAt,
        userId: user.id,
        sessionId: session.id,
        actor: given.by ?? user.id,
        ip: given.ip,
        metadata: {
          client_id: session.clientId,
          ...given.metadata,
          ...actingMetadata(session.actor),
        },
      },
    ]);
    const ended = await tx.revokeSessions(revocations);
    await opening.made?.(tx, session, ended);
    const roles = given.omitRoles ? [] : user.roles;
    const issue = () => deps.issue(session, roles, terms, createdAt);
    return { kind: "admitted", user, session, ended, issue };
  };

  const awaitRevoked = (ended: readonly Session[]) =>
    cacheLease.awaitRevoked(
      ended.map((session) => ({ sessionId: session.id, ...session })),
      settings.consistencyTimeoutMs,
    );

  /** Admits the user in one transaction. If it is unknown whether the transaction was committed, it is undone. */
  const admitOrUndo = async (
    opening: SessionOpening,
    call: Call | undefined,
  ): Promise<Admission> => {
    let made: Session | undefined;
    try {
      return await store.transaction(async (tx) => {
        const admission = await admit(tx, opening, call);
        made = admission.kind === "admitted" ? admission.session : undefined;
        return admission;
      }, call);
    } catch (failure) {
      // Not awaited: Postgres is unresponsive, and the caller needs the answer now.
      if (made !== undefined && isOutage(failure)) void unanswered.withdraw(made);
      throw failure;
    }
  };

  return async (opening, call) => {
    requireCaller(call);
    const admission = await admitOrUndo(opening, call);
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
};
