import { twoGenerationCache } from "../two_generation_cache.js";

/** Repetitions that are remembered. */
const MAX_NOTED = 20_000;

/** One call, as the one that writes the event of a repetition or does not. */
export interface Repetition {
  /** The key of the event that it writes. */
  key?: string;
}

/**
 * Remembers which repetitions of a refresh token have their security event: a
 * token that is presented a thousand times within its grace time writes one
 * event for its generation, not a thousand. Each replica remembers its own.
 */
export interface Repetitions {
  /** Whether this call has to write the event. It keeps the answer if its transaction is run again. */
  isFirst(call: Repetition, sessionId: string, generation: number): boolean;
  /** The event was not committed: the next repetition writes it. */
  forget(call: Repetition): void;
}

export const createRepetitions = (): Repetitions => {
  const noted = twoGenerationCache<string, Repetition | undefined>(MAX_NOTED);
  return {
    isFirst(call, sessionId, generation) {
      const key = `${sessionId} ${generation}`;
      const first = noted.get(key);
      if (first !== undefined) return first === call;
      call.key = key;
      noted.set(key, call);
      return true;
    },
    forget(call) {
      if (call.key !== undefined) noted.set(call.key, undefined);
    },
  };
};
