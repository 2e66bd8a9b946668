import { failureAdvice, failureText } from "../redis/failure_advice.js";
import type { Logger } from "../telemetry/logger.js";

/** A server that is back before this is not worth a line, in milliseconds. */
const REPORT_AFTER_MS = 500;

/** Reports to the operator once when Redis becomes unusable, and once when it is usable again. */
export interface RedisWatch {
  /** Records the result of a check of the servers: the failure if it failed for some, else undefined. */
  see(failure: unknown): void;
  /** The reported problem of Redis; undefined if none was reported. */
  trouble(): string | undefined;
  /** Resolves when Redis was seen to work, or its failure was reported, for the first time. */
  readonly firstSeen: Promise<void>;
}

export const createRedisWatch = (logger: Logger, monotonic: () => number): RedisWatch => {
  let failingSince: number | undefined;
  let reported: string | undefined;
  let know: () => void = () => undefined;
  const firstSeen = new Promise<void>((resolve) => {
    know = resolve;
  });
  return {
    firstSeen,
    see(failure) {
      if (failure === undefined) {
        failingSince = undefined;
        if (reported !== undefined)
          logger.info("Redis can be used again: tokens are validated from it");
        reported = undefined;
        know();
        return;
      }
      failingSince ??= monotonic();
      if (monotonic() - failingSince < REPORT_AFTER_MS) return;
      const advice = failureAdvice(failure);
      if (advice === reported) return;
      reported = advice;
      logger.error(
        { reason: failureText(failure) },
        `Redis cannot be used: ${advice}. Until it can, every token is validated in PostgreSQL: right, but slower.`,
      );
      know();
    },
    trouble: () => reported,
  };
};
