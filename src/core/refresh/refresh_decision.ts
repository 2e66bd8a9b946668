import type { RefreshState } from "../session/session.js";

/** What to do with a presented refresh token. */
export type RefreshDecision =
  /** Its first use: make the successor. */
  | { readonly kind: "rotate"; readonly next: RefreshState }
  /** Its successor may have been lost on the way: give the same again (R2). */
  | { readonly kind: "repeat" }
  /** A late duplicate of an honest client: give nothing, end nothing (R3). */
  | { readonly kind: "refuse" }
  /** An old copy of the token is in use: revoke the session (R3). */
  | { readonly kind: "end" }
  /** A generation that was never issued. */
  | { readonly kind: "unknown" };

/**
 * Decides by the order of generations. The clock only measures the grace of a generation, which runs from the first
 * answer sent for it and never restarts (R4, R7). While no answer was sent, no client can have received the successor:
 * a repetition of the generation is not a reuse, however late (O3).
 */
export const decideRefresh = (
  state: RefreshState,
  presented: number,
  now: number,
  graceMs: number,
): RefreshDecision => {
  switch (state.generation - presented) {
    case 0:
      return {
        kind: "rotate",
        next: {
          generation: state.generation + 1,
          rotatedAt: now,
          // A caller has this generation, so an answer was sent, at some time before now.
          previousRotatedAt: state.isUnanswered ? now : state.rotatedAt,
        },
      };
    case 1:
      return state.isUnanswered || now < state.rotatedAt + graceMs
        ? { kind: "repeat" }
        : { kind: "end" };
    case 2:
      return now < state.previousRotatedAt + graceMs ? { kind: "refuse" } : { kind: "end" };
    default:
      return presented > state.generation ? { kind: "unknown" } : { kind: "end" };
  }
};
