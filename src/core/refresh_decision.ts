import type { RefreshState } from "./session.js";

/** What to do with a presented refresh token. */
export type RefreshDecision =
  /** Its first use: make the successor. */
  | { readonly kind: "rotate"; readonly next: RefreshState }
  /** Its successor may have been lost on the way: give the same again (R2). */
  | { readonly kind: "repeat" }
  /** A late duplicate of an honest client: give nothing, end nothing (R3). */
  | { readonly kind: "refuse" }
  /** Somebody has an old copy: end the session (R3). */
  | { readonly kind: "end" }
  /** A generation that was never issued. */
  | { readonly kind: "unknown" };

/**
 * Decides by the order of generations; the clock only measures the grace of a
 * generation, which runs from its first use and never restarts (R4, R7).
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
          previousRotatedAt: state.rotatedAt,
        },
      };
    case 1:
      return now < state.rotatedAt + graceMs ? { kind: "repeat" } : { kind: "end" };
    case 2:
      return now < state.previousRotatedAt + graceMs ? { kind: "refuse" } : { kind: "end" };
    default:
      return presented > state.generation ? { kind: "unknown" } : { kind: "end" };
  }
};
