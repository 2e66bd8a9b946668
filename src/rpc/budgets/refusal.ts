import { type CurfewError, type FieldViolation, fail, type Reason } from "../../core/errors.js";

/** Which kind of limit refused a call or a connection; a label of `curfew_refusals_total`. */
export type RefusedBy = "bound" | "budget" | "queue";

/** Called for each refusal, for the metrics. `limit` is one of a few fixed names. */
export type OnRefused = (by: RefusedBy, limit: string) => void;

const RETRY_MS = 1000;

/** The facts of a refusal, which callers find in the metadata of ErrorInfo. */
const facts = (refusedBy: RefusedBy, limit: string) => ({ refused_by: refusedBy, limit });

/** The request itself is too large: the same one is refused again. */
export const beyondBound = (limit: string, field: string, description: string): CurfewError =>
  fail("INVALID_ARGUMENT", {
    metadata: facts("bound", limit),
    violations: [{ field, description }],
  });

/** The request is not as the protocol or its method has it: it was not decoded. */
export const malformed = (...violations: FieldViolation[]): CurfewError =>
  fail("INVALID_ARGUMENT", { metadata: facts("bound", "request_form"), violations });

/** The compression of the request is not supported. @param accepted the supported ones */
export const unknownEncoding = (accepted: string): CurfewError =>
  fail("UNIMPLEMENTED", {
    metadata: { accept_encoding: accepted, ...facts("bound", "request_form") },
  });

/** The share of one source is used up. */
export const sourceOverBudget = (limit: string): CurfewError =>
  fail("TOO_MANY_ATTEMPTS", { metadata: facts("budget", limit), retryAfterMs: RETRY_MS });

/** What all callers of a kind share is used up. */
export const overBudget = (limit: string): CurfewError =>
  fail("OVERLOADED", { metadata: facts("budget", limit), retryAfterMs: RETRY_MS });

/** A queue is full. */
export const queueFull = (limit: string): CurfewError =>
  fail("OVERLOADED", { metadata: facts("queue", limit), retryAfterMs: RETRY_MS });

interface Refusal {
  readonly by: RefusedBy;
  readonly limit: string;
}

/** The refusals of limits that are kept elsewhere. */
const ELSEWHERE: Partial<Record<Reason, Refusal>> = {
  OVERLOADED: { by: "queue", limit: "work" },
  TOO_MANY_ATTEMPTS: { by: "budget", limit: "attempts" },
};

/** Which limit a failure comes from; undefined: none. */
export const refusalOf = (failure: CurfewError | undefined): Refusal | undefined => {
  if (failure === undefined) return undefined;
  const { refused_by: by, limit } = failure.metadata;
  return (by === "bound" || by === "budget" || by === "queue") && limit !== undefined
    ? { by, limit }
    : ELSEWHERE[failure.reason];
};
