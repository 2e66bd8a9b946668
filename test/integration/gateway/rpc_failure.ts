import type { JsonValue } from "@bufbuild/protobuf";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { Status } from "../../../generated/google/rpc/status.js";
import { type FailureDetails, fail, REASONS, type Reason } from "../../../src/core/errors.js";
import { errorDetails } from "../../../src/rpc/error_details.js";
import type { Language } from "../../../src/rpc/messages/catalogue.js";

/** A status to throw from an answer of the stub. */
export interface RpcFailure extends Partial<StatusObject> {
  /** Of a stream: the messages before its failure. */
  readonly after?: readonly JsonValue[];
}

/** The status that the service answers for a reason, with all its details. */
export const rpcFailure = (
  reason: Reason,
  details?: FailureDetails,
  language: Language = "en",
): RpcFailure => {
  const error = fail(reason, details);
  const { code } = REASONS[reason];
  const metadata = new Metadata();
  const status = { code, message: reason, details: errorDetails(error, language, undefined) };
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(status).finish()));
  return { code, details: reason, metadata };
};
