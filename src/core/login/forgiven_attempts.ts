import type { Clock } from "../ports/clock.js";
import { type LoginThrottle, RESERVATION_MS, type Reservation } from "../ports/login_throttle.js";

/** Attempts beyond this many are left to expire. */
const MAX_WAITING = 10_000;

type Forgive = LoginThrottle["forgive"];

/** Forgives attempts, also those that could not be forgiven at once because the store did not answer. */
export interface ForgivenAttempts {
  /** Forgives an attempt at once if the store answers. Never rejects. */
  readonly forgive: Forgive;
  /** Forgives the waiting attempts one after the other. Rejects while the store does not answer. */
  flush(): Promise<void>;
}

export const createForgivenAttempts = ({
  throttle,
  clock,
}: {
  throttle: Pick<LoginThrottle, "forgive">;
  clock: Pick<Clock, "monotonic">;
}): ForgivenAttempts => {
  const waiting: { readonly given: Parameters<Forgive>; readonly expiresAt: number }[] = [];
  let flushing: Promise<void> | undefined;

  const flushAll = async (): Promise<void> => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (clock.monotonic() < next.expiresAt) await throttle.forgive(...next.given);
      waiting.shift();
    }
  };

  return {
    async forgive(...given: [Reservation, "passed" | "released"]) {
      const expiresAt = clock.monotonic() + RESERVATION_MS;
      try {
        await throttle.forgive(...given);
      } catch {
        if (waiting.length < MAX_WAITING) waiting.push({ given, expiresAt });
      }
    },

    flush() {
      if (waiting.length === 0) return Promise.resolve();
      flushing ??= flushAll().finally(() => {
        flushing = undefined;
      });
      return flushing;
    },
  };
};
