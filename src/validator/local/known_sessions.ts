import type { AccessClaims } from "../../access_token/access_claims.js";
import type { VerifiedToken } from "../token/token_verifier.js";
import type { ValidSession } from "../valid_session.js";
import type { Use } from "./activity_reporter.js";
import type { Verdict } from "./ended_verdict.js";
import { type TwoGenerationCache, twoGenerationCache } from "./two_generation_cache.js";

/** A session that Curfew called live when it was last asked. Changed in place: its tokens share it. */
export interface KnownSession extends Use {
  /** What Curfew said last. */
  answer: ValidSession;
  /** When Curfew was last asked, on the monotonic clock. */
  askedAt: number;
  /**
   * The time on Curfew's clock at which the session becomes idle without another use; uses that are not known here can
   * only move it later.
   */
  idleExpiresAt: number;
  /** Set once it has ended. */
  verdict: Verdict | undefined;
  isRefreshing: boolean;
}

/** A token whose signature and claims are right. */
export interface KnownToken {
  readonly text: string;
  readonly verified: VerifiedToken;
  /** On Curfew's clock, in milliseconds. */
  readonly expiresAt: number;
  readonly session: KnownSession;
  /** What `result` was made from. */
  answer: ValidSession;
  /** The result of a check of this token. */
  result: ValidSession;
}

/** The sessions and tokens that can be judged without asking. */
export interface KnownSessions {
  token(text: string): KnownToken | undefined;
  session(sessionId: string): KnownSession | undefined;
  /** Curfew called it live: remembers that. */
  learn(answer: ValidSession, askedAt: number): KnownSession;
  /** Remembers a token of a session. */
  admit(text: string, verified: VerifiedToken, session: KnownSession): KnownToken;
  /** It has ended: none of its tokens is good any more. */
  end(sessionId: string, verdict: Verdict): void;
  clear(): void;
  readonly size: number;
}

/**
 * Tokens are looked up by the end of their signature and then compared whole:
 * to hash a text of 500 characters anew for each check takes a microsecond.
 */
const KEY_LENGTH = 43;

/** Combines the session's answer with the claims of this token. */
const resultFor = (claims: AccessClaims, answer: ValidSession): ValidSession =>
  claims.jti === answer.jti
    ? answer
    : Object.freeze({
        ...answer,
        jti: claims.jti,
        amr: Object.freeze(claims.amr),
        issuedAt: new Date(claims.iat * 1000),
        expiresAt: new Date(claims.exp * 1000),
        authTime: new Date(claims.auth_time * 1000),
      });

export const knownSessions = (capacity: number): KnownSessions => {
  const tokens: TwoGenerationCache<string, KnownToken> = twoGenerationCache(capacity);
  const sessions: TwoGenerationCache<string, KnownSession> = twoGenerationCache(capacity);
  return {
    token(text) {
      const known = tokens.get(text.slice(-KEY_LENGTH));
      if (known === undefined || known.text !== text) return undefined;
      const { answer, sessionId, verdict } = known.session;
      // A session that has been forgotten can no longer receive its revocation.
      if (verdict === undefined && sessions.get(sessionId) !== known.session) return undefined;
      if (known.answer !== answer) {
        known.answer = answer;
        known.result = resultFor(known.verified.claims, answer);
      }
      return known;
    },

    session: (sessionId) => sessions.get(sessionId),

    learn(answer, askedAt) {
      const known = sessions.get(answer.sessionId);
      const news = { answer, askedAt, idleExpiresAt: answer.idleExpiresAt.getTime() };
      if (known !== undefined) {
        if (askedAt >= known.askedAt) Object.assign(known, news);
        return known;
      }
      const { sessionId } = answer;
      const use = { lastUse: askedAt, isWaiting: false };
      const session = { sessionId, ...news, ...use, verdict: undefined, isRefreshing: false };
      sessions.set(sessionId, session);
      return session;
    },

    admit(text, verified, session) {
      const { claims } = verified;
      const { answer } = session;
      const known: KnownToken = {
        text,
        verified,
        expiresAt: claims.exp * 1000,
        session,
        answer,
        result: resultFor(claims, answer),
      };
      tokens.set(text.slice(-KEY_LENGTH), known);
      return known;
    },

    end(sessionId, verdict) {
      const session = sessions.get(sessionId);
      if (session === undefined) return;
      session.verdict ??= verdict;
      sessions.delete(sessionId);
    },

    clear() {
      tokens.clear();
      sessions.clear();
    },

    get size() {
      return sessions.size;
    },
  };
};
