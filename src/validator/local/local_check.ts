import type { ValidateTokenRequest } from "../../../generated/curfew/v1/auth_service.js";
import type { OnlineCheck } from "../remote/online_check.js";
import type { KeySet } from "../token/key_set.js";
import type { VerifiedToken, VerifyToken } from "../token/token_verifier.js";
import type { ValidSession } from "../valid_session.js";
import { outage, ValidatorError } from "../validator_error.js";
import type { ActivityReporter } from "./activity_reporter.js";
import type { EndedSessions } from "./ended_sessions.js";
import { lastingVerdict, type Verdict } from "./ended_verdict.js";
import type { Freshness } from "./freshness.js";
import type { KnownSession, KnownSessions } from "./known_sessions.js";
import type { ServerClock } from "./server_clock.js";

/** Validates tokens with the local knowledge, and calls Curfew where that is not sufficient. */
export interface LocalCheck {
  /** The answer, if it is known here; undefined: `check` has to ask. Throws the verdict of an ended session. */
  now(token: string): ValidSession | undefined;
  check(token: string): Promise<ValidSession>;
  /** Calls Curfew, whatever is known locally. */
  online(token: string, skipActivity: boolean): Promise<ValidSession>;
}

export interface LocalCheckOptions {
  readonly keys: Pick<KeySet, "find">;
  readonly verify: VerifyToken;
  readonly known: KnownSessions;
  readonly ended: Pick<EndedSessions, "verdictOn" | "lostAt">;
  readonly clock: ServerClock;
  readonly freshness: Freshness;
  readonly activity: ActivityReporter;
  readonly onlineCheck: OnlineCheck;
  readonly audience: string;
  readonly whenStale: "online" | "fail";
  readonly profileMaxAge: number;
  /** Remembers that a session has ended, as long as `relevantUntil` of Curfew's clock. */
  readonly onEnded: (sessionId: string, verdict: Verdict, relevantUntil: number) => void;
}

/** From this share of its greatest age on, a profile is fetched anew while it is still used. */
const REFRESH_AT = 0.8;

export const createLocalCheck = (options: LocalCheckOptions): LocalCheck => {
  const { keys, known, ended, clock, freshness, activity, profileMaxAge } = options;

  const ask = async (
    token: string,
    verified: VerifiedToken | undefined,
    skipActivity = false,
  ): Promise<ValidSession> => {
    const request: ValidateTokenRequest = {
      accessToken: token,
      audience: options.audience,
      skipActivity,
    };
    const askedAt = performance.now();
    try {
      const answer = await options.onlineCheck.check(request);
      if (verified === undefined) return answer;
      // The feed may have been quicker than the answer.
      const verdict = ended.verdictOn(answer.sessionId);
      if (verdict !== undefined) throw verdict();
      // The lost feed may also have delivered the revocation, and that may be forgotten. Then this answer is all there
      // is.
      if (ended.lostAt() >= askedAt) return answer;
      activity.observeTimeout(answer.idleExpiresAt.getTime() - answer.lastActivityAt.getTime());
      return known.admit(token, verified, known.learn(answer, askedAt)).result;
    } catch (error) {
      const verdict = lastingVerdict(error);
      if (verified !== undefined && verdict !== undefined) {
        // No later check of this session says valid, whichever of its tokens it is about (L2).
        options.onEnded(verified.claims.sid, verdict, verified.claims.sexp * 1000);
      }
      throw error;
    }
  };

  const refresh = (token: string, verified: VerifiedToken, session: KnownSession): void => {
    session.isRefreshing = true;
    ask(token, verified)
      // While Curfew does not answer, the local knowledge stays valid for the rest of its time.
      .catch(() => undefined)
      .finally(() => {
        session.isRefreshing = false;
      });
  };

  /** Whether the knowledge of a session, and of all revocations, is sufficient to accept the session as live. */
  const isKnownLive = (session: KnownSession, now: number, latest: number): boolean =>
    latest < session.idleExpiresAt &&
    now - session.askedAt < profileMaxAge &&
    freshness.isFresh(now);

  const use = (session: KnownSession, now: number): void => {
    session.lastUse = now;
    if (!session.isWaiting) activity.used(session);
  };

  const sync = (token: string): ValidSession | undefined => {
    const found = known.token(token);
    if (found === undefined) return undefined;
    const { session, verified } = found;
    const now = performance.now();
    const latest = clock.latest(now);
    if (latest >= found.expiresAt || keys.find(verified.kid) !== verified.key) return undefined;
    if (session.verdict !== undefined) throw session.verdict();
    if (!isKnownLive(session, now, latest)) return undefined;
    if (now - session.askedAt > profileMaxAge * REFRESH_AT && !session.isRefreshing)
      refresh(token, verified, session);
    use(session, now);
    return found.result;
  };

  /** Throws if the token's own times make it invalid. */
  const judgeTimes = ({ claims }: VerifiedToken, now: number): void => {
    const soonest = clock.soonest(now);
    if (soonest >= claims.sexp * 1000) throw new ValidatorError("SESSION_EXPIRED");
    if (soonest >= claims.exp * 1000) throw new ValidatorError("ACCESS_TOKEN_EXPIRED");
  };

  const verified = async (token: string): Promise<VerifiedToken | undefined> => {
    const before = known.token(token)?.verified;
    if (before !== undefined && keys.find(before.kid) === before.key) return before;
    const verification = await options.verify(token);
    if (verification === "invalid") throw new ValidatorError("ACCESS_TOKEN_INVALID");
    return verification === "unknown_key" ? undefined : verification;
  };

  return {
    now: sync,

    async check(token) {
      const good = await verified(token);
      const now = performance.now();
      if (good !== undefined) {
        const { sid, sub, exp } = good.claims;
        judgeTimes(good, now);
        const verdict = ended.verdictOn(sid);
        if (verdict !== undefined) throw verdict();
        const session = known.session(sid);
        const latest = clock.latest(now);
        const isGood = session?.answer.userId === sub && latest < exp * 1000;
        if (session && isGood && isKnownLive(session, now, latest)) {
          use(session, now);
          return known.admit(token, good, session).result;
        }
      }
      if (options.whenStale === "fail" && freshness.isSilent(now))
        throw outage(new Error("The feed of revocations is older than maxStaleness"));
      return ask(token, good);
    },

    online: async (token, skipActivity) => ask(token, await verified(token), skipActivity),
  };
};
