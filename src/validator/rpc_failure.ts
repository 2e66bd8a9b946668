import { status as Code, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  ErrorInfo,
  LocalizedMessage,
  RetryInfo,
} from "../../generated/google/rpc/error_details.js";
import { Status } from "../../generated/google/rpc/status.js";
import { isErrorReason } from "./error_reason.js";
import { outage, ValidatorError } from "./validator_error.js";

const STATUS_DETAILS_KEY = "grpc-status-details-bin";
const DOMAIN = "curfew";

const named = (status: Status, name: string): Uint8Array | undefined =>
  status.details.find(({ typeUrl }) => typeUrl.endsWith(`/google.rpc.${name}`))?.value;

const infoOf = (status: Status): ErrorInfo | undefined => {
  const bytes = named(status, "ErrorInfo");
  return bytes && ErrorInfo.decode(bytes);
};

/** What Curfew said of one token (AIP-193). A reason that this version does not know counts as an outage. */
export const verdictOf = (status: Status): ValidatorError => {
  const info = infoOf(status);
  if (info === undefined || !isErrorReason(info.reason)) return outage(status, status.message);
  const text = named(status, "LocalizedMessage");
  return new ValidatorError(info.reason, {
    detail: text && LocalizedMessage.decode(text).message,
    metadata: info.metadata,
    retryAfter: retryAfterOf(status),
  });
};

/** Seconds to wait, as RetryInfo has it. */
const retryAfterOf = (status: Status): number | undefined => {
  const retry = named(status, "RetryInfo");
  const delay = retry && RetryInfo.decode(retry).retryDelay;
  return delay && Number(delay.seconds) + delay.nanos / 1e9;
};

const statusDetailsOf = (error: ServiceError): Status | undefined => {
  const [encoded] = error.metadata?.get(STATUS_DETAILS_KEY) ?? [];
  return encoded instanceof Buffer ? Status.decode(encoded) : undefined;
};

/** The reason that Curfew gave for failing a call; undefined: it was not Curfew that failed it. */
export const reasonOf = (error: ServiceError): string | undefined => {
  const status = statusDetailsOf(error);
  return status && infoOf(status)?.reason;
};

const OWN_CREDENTIAL =
  "Curfew refuses the validator's own credential: check `serviceKey` (a key with the scope validate) and `tls`";

/**
 * A whole call that failed. It says nothing of any token, whatever its code:
 * UNAUTHENTICATED is about the validator's own key.
 */
export const callFailure = (error: ServiceError): ValidatorError => {
  if (error.code === Code.UNAUTHENTICATED || error.code === Code.PERMISSION_DENIED)
    return outage(new Error(OWN_CREDENTIAL, { cause: error }));
  const status = statusDetailsOf(error);
  if (status !== undefined && infoOf(status)?.reason === "OVERLOADED")
    return new ValidatorError("OVERLOADED", { cause: error, retryAfter: retryAfterOf(status) });
  return error.code === Code.DEADLINE_EXCEEDED
    ? new ValidatorError("DEADLINE_EXCEEDED", { cause: error, retryAfter: 1 })
    : outage(error);
};

const any = (name: string, value: Uint8Array) => ({
  typeUrl: `type.googleapis.com/google.rpc.${name}`,
  value: Buffer.from(value),
});

/** A refusal as the status of a gRPC call, in the shape that Curfew itself answers with. */
export const grpcStatusOf = (error: ValidatorError) => {
  const { reason, code, message, metadata, retryAfter } = error;
  const info = { reason, domain: DOMAIN, metadata: { ...metadata } };
  const details = [
    any("ErrorInfo", ErrorInfo.encode(info).finish()),
    any("LocalizedMessage", LocalizedMessage.encode({ locale: "en", message }).finish()),
  ];
  if (retryAfter !== undefined) {
    const nanos = Math.round((retryAfter % 1) * 1e9);
    const retryDelay = { seconds: BigInt(Math.floor(retryAfter)), nanos };
    details.push(any("RetryInfo", RetryInfo.encode({ retryDelay }).finish()));
  }
  const trailers = new Metadata();
  const encoded = Status.encode({ code, message, details }).finish();
  trailers.set(STATUS_DETAILS_KEY, Buffer.from(encoded));
  return { code, details: message, metadata: trailers };
};
