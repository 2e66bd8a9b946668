import { CurfewError } from "../errors.js";
import type { AuditLog } from "../ports/audit_log.js";
import type { Clock } from "../ports/clock.js";
import type { SessionStore } from "../ports/session_store.js";
import type { TokenVerifier } from "../ports/token_verifier.js";
import type { CurrentSessions } from "../session/current_sessions.js";
import type { Session } from "../session/session.js";
import type { SessionCheck } from "./session_check.js";

export interface ExplainStep {
  readonly check: string;
  readonly outcome: "PASS" | "FAIL" | "SKIPPED";
  readonly detail: string;
}

export interface Explanation {
  /** `VALID` or the reason that validation gives. */
  readonly verdict: string;
  readonly steps: readonly ExplainStep[];
  readonly session: Session | undefined;
}

/** The checks of validation, in its order. */
const CHECKS = [
  "token",
  "session_maximum",
  "token_expiry",
  "session_ended",
  "session_idle",
  "session_known",
];

/** Which check a reason comes from. */
const FAILING_CHECK: Readonly<Record<string, string>> = {
  ACCESS_TOKEN_INVALID: "token",
  SESSION_EXPIRED: "session_maximum",
  ACCESS_TOKEN_EXPIRED: "token_expiry",
  ACCESS_TOKEN_BLACKLISTED: "session_ended",
  USER_INACTIVE: "session_ended",
  SESSION_INACTIVITY_TIMEOUT: "session_idle",
  SESSION_REVOKED_OR_INVALID: "session_known",
};

/**
 * Makes every check of an access token in order and says how it came out; a bad
 * token is an answer, not an error. Does not count as a use of the session.
 */
export const explainToken =
  (deps: {
    verifier: TokenVerifier;
    check: SessionCheck;
    store: SessionStore;
    audit: AuditLog;
    current: CurrentSessions;
    clock: Clock;
  }) =>
  async (accessToken: string): Promise<Explanation> => {
    const claims = await deps.verifier.verify(accessToken);
    const now = deps.clock.now();
    const found = claims && (await deps.store.get(claims.sid));
    const [session] = await deps.current(found ? [found] : []);
    const verdict = await (async () => {
      if (claims === undefined) return "ACCESS_TOKEN_INVALID";
      if (now >= claims.sexp * 1000) return "SESSION_EXPIRED";
      if (now >= claims.exp * 1000) return "ACCESS_TOKEN_EXPIRED";
      try {
        const { userId } = await deps.check(claims.sid, 0);
        return userId === claims.sub ? "VALID" : "SESSION_REVOKED_OR_INVALID";
      } catch (failure) {
        if (failure instanceof CurfewError && failure.reason in FAILING_CHECK)
          return failure.reason;
        throw failure;
      }
    })();
    const revocation = session?.end && (await deps.audit.revocationEventOf(session.id));
    const iso = (at: number) => new Date(at).toISOString();
    const refusal = claims === undefined ? await deps.verifier.describeRefusal(accessToken) : "";
    const describe = (check: string, failed: boolean): string => {
      if (claims === undefined) return refusal;
      switch (check) {
        case "token":
          return `signed by us for ${claims.aud.join(", ")}, issued ${iso(claims.iat * 1000)}`;
        case "session_maximum":
          return `the session ends at the latest ${iso(claims.sexp * 1000)}`;
        case "token_expiry":
          return `the token expires ${iso(claims.exp * 1000)}`;
        case "session_ended":
          return session?.end
            ? `ended ${iso(session.end.at)} for ${session.end.reason} by ${session.end.by}${noteOf(revocation?.metadata)}`
            : "nobody has ended the session";
        case "session_idle":
          return session === undefined
            ? "the session is not on record"
            : `last recorded use ${iso(session.lastActivityAt)}`;
        default:
          if (session === undefined) return "the session is not on record";
          return failed ? "the session is another user's" : "the session is on record";
      }
    };
    const failing = FAILING_CHECK[verdict];
    const stop = failing === undefined ? CHECKS.length : CHECKS.indexOf(failing);
    const steps = CHECKS.map((check, i): ExplainStep => {
      const outcome = i < stop ? "PASS" : i === stop ? "FAIL" : "SKIPPED";
      const detail =
        outcome === "SKIPPED" ? "an earlier check failed" : describe(check, i === stop);
      return { check, outcome, detail };
    });
    return { verdict, steps, session };
  };

const noteOf = (metadata: Readonly<Record<string, string>> | undefined): string =>
  metadata?.note ? ` (${metadata.note})` : "";
