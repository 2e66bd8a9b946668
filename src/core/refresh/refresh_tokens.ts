import type { Call } from "../call.js";
import { type CurfewError, fail } from "../errors.js";
import { accessTokenTerms, type IssuedTokens, type IssueTokens } from "../login/issue_tokens.js";
import type { Clock } from "../ports/clock.js";
import type { IdSource } from "../ports/id_source.js";
import type { RefreshTokenCodec, RefreshTokenContent } from "../ports/refresh_token_codec.js";
import type { SessionStore, SessionTransaction } from "../ports/session_store.js";
import type { CacheLease } from "../revocation/cache_lease.js";
import type { ActivityLog } from "../session/activity_log.js";
import type { WithRecentActivity } from "../session/recent_activity.js";
import { type EndReason, idleTimeoutOf, type Session, timedOut } from "../session/session.js";
import type { CoreSettings } from "../settings.js";
import { endedRefreshVerdict } from "../validation/verdict.js";
import type { AnswerLog } from "./answer_log.js";
import { createFirstUse, type FirstUse } from "./first_use.js";
import { decideRefresh } from "./refresh_decision.js";
import type { RefreshThrottle } from "./refresh_throttle.js";
import { createRepetitions, type Repetition } from "./repetitions.js";

export interface RefreshInput {
  readonly refreshToken: string;
  readonly ip: string;
  /** Leave the roles out of the access token. */
  readonly omitRoles?: boolean | undefined;
  /** Do not count this refresh as a use of the session, as when the user is away. */
  readonly skipActivity?: boolean;
}

export interface RefreshOutput {
  readonly tokens: IssuedTokens;
  readonly session: Session;
}

/** The outcome of one transaction. Refusals are answers here, because their records have to be committed. */
type Outcome =
  | {
      readonly kind: "granted";
      readonly session: Session;
      readonly issue: () => Promise<IssuedTokens>;
    }
  | { readonly kind: "refused"; readonly failure: CurfewError }
  | { readonly kind: "ended"; readonly session: Session; readonly failure: CurfewError };

/**
 * Exchanges a refresh token for its successor, under the lock of its session,
 * so that of any number of racing exchanges and revocations each sees the one
 * before. The first use of a token, which nearly every exchange is, shares its
 * transaction with others (first_use.ts); all other uses are decided here.
 */
export const refreshTokens = (deps: {
  store: SessionStore;
  codec: RefreshTokenCodec;
  issue: IssueTokens;
  cacheLease: CacheLease;
  activity: ActivityLog;
  answers: AnswerLog;
  throttle: RefreshThrottle;
  withRecentActivity: WithRecentActivity;
  ids: IdSource;
  clock: Clock;
  schedule: (task: () => void) => void;
  settings: CoreSettings;
}): ((input: RefreshInput, call?: Call) => Promise<RefreshOutput>) => {
  const { store, codec, cacheLease, activity, answers, throttle, clock, settings } = deps;
  const repetitions = createRepetitions();
  const firstUse = createFirstUse(deps);

  const end = async (
    tx: SessionTransaction,
    session: Session,
    reason: EndReason,
    at: number,
    failure: (ended: Session) => CurfewError,
    ip: string,
  ): Promise<Outcome> => {
    const [ended] = await tx.revokeSessions([
      { sessionId: session.id, reason, at, by: "system", ip },
    ]);
    return ended
      ? { kind: "ended", session: ended, failure: failure(ended) }
      : { kind: "refused", failure: fail("SESSION_REVOKED_OR_INVALID") };
  };

  /** What every refresh token of an ended session is refused with. */
  const finalVerdict = (ended: Session): CurfewError =>
    ended.end ? endedRefreshVerdict(ended.end) : fail("SESSION_REVOKED_OR_INVALID");

  const granted = (
    { session, roles, terms, at }: FirstUse,
    { keyTag }: RefreshTokenContent,
    omitRoles = false,
  ): Outcome => ({
    kind: "granted",
    session,
    issue: () => deps.issue(session, omitRoles ? [] : roles, terms, at, keyTag),
  });

  const exchange = async (
    tx: SessionTransaction,
    presented: RefreshTokenContent,
    { ip, omitRoles = false, skipActivity = false }: RefreshInput,
    call: Call | undefined,
    repetition: Repetition,
  ): Promise<Outcome> => {
    const session = await tx.lockSession(presented.sessionId);
    // A session with an actor never had a refresh token.
    if (session === undefined || session.actor)
      return { kind: "refused", failure: fail("SESSION_REVOKED_OR_INVALID") };
    // A revocation answers "ended" only when it is in force everywhere (L2).
    if (session.end) return { kind: "ended", session, failure: endedRefreshVerdict(session.end) };

    const now = clock.now();
    const seemsIdle = timedOut(session, now, settings.idleTimeoutMs) === "IDLE_TIMEOUT";
    const [used = session] = seemsIdle ? await deps.withRecentActivity([session]) : [session];
    const lastActivityAt = Math.max(used.lastActivityAt, activity.pending(session.id));
    const timeout = timedOut({ ...session, lastActivityAt }, now, settings.idleTimeoutMs);
    if (timeout === "EXPIRED")
      return end(tx, session, "EXPIRED", session.expiresAt, finalVerdict, ip);
    if (timeout === "IDLE_TIMEOUT") {
      const at = lastActivityAt + idleTimeoutOf(session, settings.idleTimeoutMs);
      return end(tx, session, "IDLE_TIMEOUT", at, finalVerdict, ip);
    }

    const state = answers.apply(session.id, session.refresh);
    const decision = decideRefresh(state, presented.generation, now, settings.graceMs);
    if (decision.kind === "unknown")
      return { kind: "refused", failure: fail("REFRESH_TOKEN_INVALID") };
    const about = { at: now, userId: session.userId, sessionId: session.id, ip };
    if (decision.kind === "refuse" || decision.kind === "end") {
      const metadata = { generation: String(presented.generation) };
      await tx.record([{ ...about, type: "REFRESH_REUSED", reason: decision.kind, metadata }]);
      const reused = fail("REFRESH_TOKEN_REUSED");
      return decision.kind === "refuse"
        ? { kind: "refused", failure: reused }
        : end(tx, session, "REFRESH_REUSE", now, () => reused, ip);
    }

    const user = await tx.readUser(session.userId);
    const terms = accessTokenTerms(deps.ids, now, session, settings);
    const repeated = decision.kind === "repeat";
    const patch = {
      jti: terms.jti,
      accessExpiresAt: Math.max(session.accessExpiresAt, terms.expiresAt),
      // A repetition is not a new use: grace extends no timeout (R4).
      ...(!repeated && {
        // A caller in this process has the tokens as soon as this resolves.
        refresh: { ...decision.next, ...(call && { isUnanswered: true }) },
        lastActivityAt: skipActivity ? lastActivityAt : Math.max(lastActivityAt, now),
      }),
    };
    await tx.updateSession(session.id, patch);
    if (!repeated || repetitions.isFirst(repetition, session.id, presented.generation))
      await tx.record([
        {
          ...about,
          type: "REFRESHED",
          actor: session.userId,
          metadata: repeated ? { repeated: "true" } : {},
        },
      ]);
    const renewed = { ...session, ...patch };
    const roles = user?.roles ?? [];
    return granted({ session: renewed, roles, terms, at: now }, presented, omitRoles);
  };

  /** Decides about one token in its own transaction. */
  const exchangeAlone = async (
    presented: RefreshTokenContent,
    input: RefreshInput,
    call: Call | undefined,
  ): Promise<Outcome> => {
    const repetition: Repetition = {};
    try {
      return await store.transaction(
        (tx) => exchange(tx, presented, input, call, repetition),
        call,
      );
    } catch (failure) {
      repetitions.forget(repetition);
      throw failure;
    }
  };

  return async (input, call) => {
    const presented = await codec.parse(input.refreshToken);
    if (presented === undefined) throw throttle.refuse(input.ip);
    throttle.admit(presented.sessionId, input.ip);
    const { skipActivity = false, ip } = input;
    const rotation = await firstUse({ ...presented, skipActivity, ip, call });
    const outcome = rotation
      ? granted(rotation, presented, input.omitRoles)
      : await exchangeAlone(presented, input, call);
    if (outcome.kind === "granted") {
      const { session } = outcome;
      const tokens = await outcome.issue();
      call?.onAnswered((isSent) => {
        if (isSent) answers.record(session.id, session.refresh.generation, clock.now());
      });
      return { session, tokens };
    }
    if (outcome.kind === "ended") {
      await cacheLease.awaitRevoked(
        [{ sessionId: outcome.session.id, ...outcome.session }],
        settings.consistencyTimeoutMs,
      );
      throttle.noteEnded(presented.sessionId, finalVerdict(outcome.session));
    } else if (outcome.failure.reason === "SESSION_REVOKED_OR_INVALID")
      throttle.noteEnded(presented.sessionId, outcome.failure);
    throw outcome.failure;
  };
};
