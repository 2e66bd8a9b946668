import type { ThrottleRefusal } from "./throttle_verdict.js";

/** Sources that are remembered. */
const MAX_SOURCES = 10_000;
/** After this many milliseconds the throttle is queried again, and the refusal is a security event again. */
const REMEMBERED_MS = 60_000;

interface RefusedSource {
  readonly askAgainAt: number;
  readonly lockedUntil: number;
}

/**
 * Remembers sources that have reached their limit of failures. Until their lock
 * ends nothing can open it, so they are refused without asking anybody: a flood
 * from a locked-out source costs next to nothing (D10).
 */
export interface RefusedSources {
  /** The refusal of a source that is known to be locked out. */
  refusalOf(source: string): ThrottleRefusal | undefined;
  note(source: string, refusal: ThrottleRefusal): void;
}

export const createRefusedSources = (monotonic: () => number): RefusedSources => {
  const sources = new Map<string, RefusedSource>();
  return {
    refusalOf(source) {
      const found = sources.get(source);
      if (found === undefined) return undefined;
      const now = monotonic();
      if (now < found.askAgainAt)
        return { cause: "failures", retryAfterMs: Math.ceil(found.lockedUntil - now) };
      sources.delete(source);
      return undefined;
    },
    note(source, { cause, retryAfterMs }) {
      if (cause !== "failures") return;
      const now = monotonic();
      const [oldest] = sources.keys();
      if (sources.size >= MAX_SOURCES && oldest !== undefined) sources.delete(oldest);
      sources.set(source, {
        askAgainAt: now + Math.min(retryAfterMs, REMEMBERED_MS),
        lockedUntil: now + retryAfterMs,
      });
    },
  };
};
