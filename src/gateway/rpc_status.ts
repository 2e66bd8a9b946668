import { status as Code, type ServiceError } from "@grpc/grpc-js";
import {
  BadRequest,
  ErrorInfo,
  LocalizedMessage,
  RetryInfo,
} from "../../generated/google/rpc/error_details.js";
import { Status } from "../../generated/google/rpc/status.js";
import { type FieldViolation, REASONS } from "../core/errors.js";
import { isReason } from "./localize.js";
import { ProblemError } from "./problem.js";

/** HTTP status of each google.rpc.Code, as google/rpc/code.proto gives it. */
const HTTP_STATUS: Readonly<Record<number, number>> = {
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
  [Code.UNAUTHENTICATED]: 401,
};

/**
 * The meaning of a status without details. The channel or a proxy on the way wrote it, not the service, so its text is
 * not for callers and it says nothing about a session: 401 and 403 count as an outage.
 */
const BARE_STATUS: Readonly<Record<number, readonly [number, string, string]>> = {
  [Code.CANCELLED]: [499, "deadline_exceeded", "The call was cancelled."],
  [Code.INVALID_ARGUMENT]: [400, "invalid_argument", "The request is not valid."],
  [Code.DEADLINE_EXCEEDED]: [504, "deadline_exceeded", "The call took too long."],
  [Code.RESOURCE_EXHAUSTED]: [429, "too_many_attempts", "The call exceeds a limit of the service."],
  [Code.UNIMPLEMENTED]: [501, "unimplemented", "The service does not have this method."],
  [Code.UNAVAILABLE]: [503, "dependency_unavailable", "The service does not answer. Try again."],
  [Code.UNAUTHENTICATED]: [
    503,
    "dependency_unavailable",
    "The service cannot be reached. Try again.",
  ],
  [Code.PERMISSION_DENIED]: [
    503,
    "dependency_unavailable",
    "The service cannot be reached. Try again.",
  ],
};

const INTERNAL = [500, "internal", "An internal error occurred."] as const;
const OUTAGE_RETRY_MS = 1000;

interface Details {
  info?: ErrorInfo;
  text?: LocalizedMessage;
  retryAfterMs?: number;
  violations: FieldViolation[];
}

const detailReaders: Readonly<Record<string, (into: Details, value: Uint8Array) => void>> = {
  "google.rpc.ErrorInfo": (into, value) => {
    into.info = ErrorInfo.decode(value);
  },
  "google.rpc.LocalizedMessage": (into, value) => {
    into.text = LocalizedMessage.decode(value);
  },
  "google.rpc.RetryInfo": (into, value) => {
    const delay = RetryInfo.decode(value).retryDelay;
    if (delay) into.retryAfterMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
  },
  "google.rpc.BadRequest": (into, value) => {
    for (const { field, description } of BadRequest.decode(value).fieldViolations) {
      into.violations.push({ field, description });
    }
  },
};

const detailsOf = (status: Status): Details => {
  const details: Details = { violations: [] };
  for (const any of status.details) {
    detailReaders[any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1)]?.(details, any.value);
  }
  return details;
};

/** The google.rpc.Status that came with an error; one without details if none did. */
const statusOf = (error: ServiceError): Status => {
  const [encoded] = error.metadata.get("grpc-status-details-bin");
  return encoded instanceof Buffer
    ? Status.decode(encoded)
    : Status.create({ code: error.code, message: error.details });
};

/** Reasons that share a code may differ in HTTP: OVERLOADED is 503, TOO_MANY_ATTEMPTS is 429. */
const httpStatusOf = (reason: string, code: number): number =>
  isReason(reason) && REASONS[reason].code === code
    ? REASONS[reason].http
    : (HTTP_STATUS[code] ?? 500);

/**
 * The problem that a google.rpc.Status is answered as.
 *
 * The HTTP status follows from the reason, or from the gRPC code where a newer
 * service gives a reason that this gateway does not know; `code` and `metadata`
 * from ErrorInfo, `detail` from LocalizedMessage. Source: AIP-193.
 */
export const problemOfStatus = (status: Status): ProblemError => {
  const details = detailsOf(status);
  if (!details.info?.reason) {
    const [http, code, detail] = BARE_STATUS[status.code] ?? INTERNAL;
    return new ProblemError(
      http,
      code,
      detail,
      http === 503 ? { retryAfterMs: OUTAGE_RETRY_MS } : {},
    );
  }
  const { reason } = details.info;
  return new ProblemError(
    httpStatusOf(reason, status.code),
    reason.toLowerCase(),
    details.text?.message || status.message,
    {
      metadata: details.info.metadata,
      violations: details.violations,
      locale: details.text?.locale,
      retryAfterMs: details.retryAfterMs,
    },
  );
};

/** The problem that a failed call is answered as. */
export const problemOfCall = (error: ServiceError): ProblemError =>
  problemOfStatus(Status.fromPartial({ ...statusOf(error), code: error.code }));

/** Whether something thrown is a gRPC status from a call of this process. */
export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error &&
  "metadata" in error &&
  "code" in error &&
  typeof error.code === "number";
