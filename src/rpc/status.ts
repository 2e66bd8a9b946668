import { Metadata } from "@grpc/grpc-js";
import { Status } from "../../generated/google/rpc/status.js";
import { Code, CurfewError, fail, REASONS, type Reason } from "../core/errors.js";
import { twoGenerationCache } from "../core/two_generation_cache.js";
import { errorDetails, retryAfterMs } from "./error_details.js";
import { DEFAULT_LANGUAGE, type Language, textOf } from "./messages/catalogue.js";

/** Metadata that carries `google.rpc.Status`, as all gRPC implementations agree. */
export const STATUS_DETAILS_KEY = "grpc-status-details-bin";

/** A failed call as grpc-js sends it. Shared between calls: never change one. */
export interface GrpcStatus {
  readonly code: number;
  /** For developers, in English. */
  readonly details: string;
  readonly metadata: Metadata;
}

/** Returns the failure of a call; every error but a CurfewError is a defect, and masked. */
export const failureOf = (error: unknown): CurfewError =>
  error instanceof CurfewError ? error : fail("INTERNAL", { cause: error });

/** The failure with nothing of its own, so that its status can be kept. */
const isPlain = (error: CurfewError): boolean =>
  error.retryAfterMs === undefined &&
  error.violations.length === 0 &&
  Object.keys(error.metadata).length === 0;

const developerText = (error: CurfewError): string => {
  const text = textOf(DEFAULT_LANGUAGE, error.reason);
  const [first] = error.violations;
  return first === undefined ? text : `${text}: ${first.field} ${first.description}`;
};

const encode = (error: CurfewError, language: Language, requestId: string | undefined): Status => ({
  code: REASONS[error.reason].code,
  message: developerText(error),
  details: errorDetails(error, language, requestId),
});

/**
 * Informs the retry policies of gRPC clients, which know only codes, whether and when to call again: "Pushback"
 * of gRFC A6. Of the reasons that share RESOURCE_EXHAUSTED only OVERLOADED is worth a repetition; each repetition of
 * a login that was refused by a limit would be counted once more.
 */
const PUSHBACK_KEY = "grpc-retry-pushback-ms";
const NEVER = "-1";

const pushbackOf = (error: CurfewError): string =>
  error.reason === "OVERLOADED" ? String(Math.ceil(retryAfterMs(error) ?? 0)) : NEVER;

const toGrpc = (error: CurfewError, status: Status): GrpcStatus => {
  const metadata = new Metadata();
  metadata.set(STATUS_DETAILS_KEY, Buffer.from(Status.encode(status).finish()));
  if (status.code === Code.RESOURCE_EXHAUSTED) metadata.set(PUSHBACK_KEY, pushbackOf(error));
  return { code: status.code, details: status.message, metadata };
};

interface Kept {
  readonly status: Status;
  readonly grpc: GrpcStatus;
}

/** Statuses of plain failures never change: reasons × languages of them at most. */
const kept = new Map<`${Language}/${Reason}`, Kept>();

const keep = (reason: Reason, language: Language): Kept => {
  const key = `${language}/${reason}` as const;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const failure = fail(reason);
  const status = encode(failure, language, undefined);
  const entry = { status, grpc: toGrpc(failure, status) };
  kept.set(key, entry);
  return entry;
};

/** Statuses of refusals by a limit that are kept. */
const MAX_REFUSALS = 1000;
const refusals = twoGenerationCache<string, GrpcStatus>(MAX_REFUSALS);

/** The status of a refusal by a limit, which must cost next to nothing while there is too much to do. */
const refusalStatus = (failure: CurfewError, language: Language): GrpcStatus => {
  const { reason, metadata } = failure;
  const retryMs = Math.ceil(retryAfterMs(failure) ?? 0);
  const key = `${language} ${reason} ${retryMs} ${Object.entries(metadata).join(" ")}`;
  const known = refusals.get(key);
  if (known !== undefined) return known;
  const status = toGrpc(failure, encode(failure, language, undefined));
  refusals.set(key, status);
  return status;
};

/** The recipient of a status. */
export interface Addressee {
  readonly language: Language;
  /** Included when the failure is a defect, so that an operator can find it in the log. */
  readonly requestId: string;
}

/** The status that a call ends with: the message in English, the details in the caller's language. */
export const statusOf = (failure: CurfewError, to: Addressee): GrpcStatus => {
  if (failure.reason === "INTERNAL")
    return toGrpc(failure, encode(failure, to.language, to.requestId));
  if (isPlain(failure)) return keep(failure.reason, to.language).grpc;
  return REASONS[failure.reason].code === Code.RESOURCE_EXHAUSTED && failure.violations.length === 0
    ? refusalStatus(failure, to.language)
    : toGrpc(failure, encode(failure, to.language, undefined));
};

/**
 * A failure as a value inside an answer (ValidateTokens). Shared between
 * answers: never change one.
 */
export const toRpcStatus = (error: unknown, language: Language): Status => {
  const failure = failureOf(error);
  return isPlain(failure)
    ? keep(failure.reason, language).status
    : encode(failure, language, undefined);
};
