import { fail } from "../errors.js";
import type { Clock } from "../ports/clock.js";
import type { HotEntry } from "../ports/hot_store.js";
import type { RefreshTokenCodec } from "../ports/refresh_token_codec.js";
import type { SessionStore } from "../ports/session_store.js";
import type { AnswerLog } from "../refresh/answer_log.js";
import { decideRefresh } from "../refresh/refresh_decision.js";
import type { Session } from "../session/session.js";
import type { SessionCheck } from "./session_check.js";
import { CLOCK_UNCERTAINTY_MS } from "./validate_token.js";
import { asRefreshVerdict } from "./verdict.js";

/** A refresh token that could be exchanged: its session as recorded, and as it is now. */
export interface ValidRefreshToken {
  readonly recorded: Session;
  readonly session: HotEntry;
}

/**
 * Says whether a refresh token could be exchanged at this moment, without
 * exchanging it: nothing is written, and it is no use of the session.
 *
 * The session is checked after its record was read: an ended session is never
 * called live because of an older read (L2).
 */
export const validateRefreshToken = (deps: {
  codec: Pick<RefreshTokenCodec, "parse">;
  store: Pick<SessionStore, "get">;
  check: SessionCheck;
  answers: Pick<AnswerLog, "apply">;
  clock: Clock;
  /** How long an exchanged token gives its successor again (R2). Milliseconds. */
  graceMs: number;
}): ((refreshToken: string) => Promise<ValidRefreshToken>) => {
  const { codec, store, check, answers, clock, graceMs } = deps;
  return async (refreshToken) => {
    const presented = await codec.parse(refreshToken);
    if (presented === undefined) throw fail("REFRESH_TOKEN_INVALID");
    const recorded = await store.get(presented.sessionId);
    if (recorded === undefined) throw fail("SESSION_REVOKED_OR_INVALID");
    const session = await check(recorded.id, 0).catch((failure: unknown) => {
      throw asRefreshVerdict(failure);
    });
    const now = clock.now();
    const left = session.expiresAt - now;
    if (left <= CLOCK_UNCERTAINTY_MS) {
      if (left > 0) await clock.sleep(left);
      throw fail("SESSION_EXPIRED");
    }
    const state = answers.apply(recorded.id, recorded.refresh);
    const { kind } = decideRefresh(state, presented.generation, now, graceMs);
    if (kind === "unknown") throw fail("REFRESH_TOKEN_INVALID");
    if (kind === "refuse" || kind === "end") throw fail("REFRESH_TOKEN_REUSED");
    return { recorded, session };
  };
};
