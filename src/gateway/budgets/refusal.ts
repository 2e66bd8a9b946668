import { ProblemError } from "../problem.js";

/** Called for each refusal, for the metrics: `bound`, `budget` or `queue`, and one of a few fixed names. */
export type OnRefused = (by: "bound" | "budget", limit: string) => void;

const RETRY_MS = 1000;

/** The share of one source is used up. */
export const sourceOverBudget = (limit: string): ProblemError =>
  new ProblemError(429, "too_many_attempts", "Too many requests from this address at once.", {
    metadata: { refused_by: "budget", limit },
    retryAfterMs: RETRY_MS,
  });

/** What all callers share is used up. */
export const overBudget = (limit: string): ProblemError =>
  new ProblemError(503, "overloaded", "Too many requests at once.", {
    metadata: { refused_by: "budget", limit },
    retryAfterMs: RETRY_MS,
  });

/** The request itself is too large: the same one is refused again. */
export const beyondBound = (status: 400 | 413, limit: string, detail: string): ProblemError =>
  new ProblemError(status, "invalid_argument", detail, {
    metadata: { refused_by: "bound", limit },
  });

/** Counts a failure in the metrics if a limit caused it. */
export const countRefusal = ({ extras }: ProblemError, onRefused: OnRefused): void => {
  const { refused_by: by, limit } = extras.metadata ?? {};
  if ((by === "bound" || by === "budget") && limit !== undefined) onRefused(by, limit);
};
