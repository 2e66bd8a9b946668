import type { Any } from "../../generated/google/protobuf/any.js";
import type { Duration } from "../../generated/google/protobuf/duration.js";
import {
  BadRequest,
  ErrorInfo,
  LocalizedMessage,
  RequestInfo,
  RetryInfo,
} from "../../generated/google/rpc/error_details.js";
import { type CurfewError, REASONS } from "../core/errors.js";
import { type Language, textOf } from "./messages/catalogue.js";

/** `domain` of every ErrorInfo. */
export const ERROR_DOMAIN = "curfew";

/** When to retry what helps to retry, if the failure itself does not say. */
const DEFAULT_RETRY_MS = 1000;

/** More violations than this would not fit into the trailers of a call. */
const MAX_VIOLATIONS = 16;

interface Encoder<T> {
  encode(message: T): { finish(): Uint8Array };
}

const any = <T>(name: string, type: Encoder<T>, message: T): Any => ({
  typeUrl: `type.googleapis.com/google.rpc.${name}`,
  value: Buffer.from(type.encode(message).finish()),
});

const duration = (milliseconds: number): Duration => {
  const whole = Math.max(0, Math.ceil(milliseconds));
  return { seconds: BigInt(Math.floor(whole / 1000)), nanos: (whole % 1000) * 1_000_000 };
};

/** When to retry, in milliseconds; undefined: the same call will fail again. */
export const retryAfterMs = (error: CurfewError): number | undefined =>
  error.retryAfterMs ?? (REASONS[error.reason].retryable ? DEFAULT_RETRY_MS : undefined);

/**
 * What clients act on: ErrorInfo, LocalizedMessage, and where they help
 * RetryInfo, BadRequest and (for a defect, to find it in the log) RequestInfo.
 * See AIP-193.
 */
export const errorDetails = (
  error: CurfewError,
  language: Language,
  requestId: string | undefined,
): Any[] => {
  const { reason, violations } = error;
  const details = [
    any("ErrorInfo", ErrorInfo, { reason, domain: ERROR_DOMAIN, metadata: { ...error.metadata } }),
    any("LocalizedMessage", LocalizedMessage, {
      locale: language,
      message: textOf(language, reason),
    }),
  ];
  const retry = retryAfterMs(error);
  if (retry !== undefined) {
    details.push(any("RetryInfo", RetryInfo, { retryDelay: duration(retry) }));
  }
  if (violations.length > 0) {
    const fieldViolations = violations.slice(0, MAX_VIOLATIONS).map((violation) => ({
      ...violation,
      reason: "",
      localizedMessage: undefined,
    }));
    details.push(any("BadRequest", BadRequest, { fieldViolations }));
  }
  if (requestId !== undefined) {
    details.push(any("RequestInfo", RequestInfo, { requestId, servingData: "" }));
  }
  return details;
};
