import type { Metadata } from "@grpc/grpc-js";
import {
  BadRequest,
  ErrorInfo,
  LocalizedMessage,
} from "../../../generated/google/rpc/error_details.js";
import { Status } from "../../../generated/google/rpc/status.js";

/** The details that a server sends with an error code. */
export interface ErrorDetails {
  readonly reason: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** For people. */
  readonly message: string | undefined;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
}

const NONE: ErrorDetails = { reason: undefined, metadata: {}, message: undefined, violations: [] };

const decodeDetails = (encoded: Buffer): ErrorDetails => {
  let details = NONE;
  for (const { typeUrl, value } of Status.decode(encoded).details) {
    const type = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
    if (type === "google.rpc.ErrorInfo") {
      const { reason, metadata } = ErrorInfo.decode(value);
      details = { ...details, reason, metadata };
    } else if (type === "google.rpc.LocalizedMessage") {
      details = { ...details, message: LocalizedMessage.decode(value).message };
    } else if (type === "google.rpc.BadRequest") {
      details = { ...details, violations: BadRequest.decode(value).fieldViolations };
    }
  }
  return details;
};

/** Reads the `google.rpc.Status` that came with a failure (AIP-193), if one did. */
export const readErrorDetails = (trailers: Metadata | undefined): ErrorDetails => {
  const encoded = trailers?.get("grpc-status-details-bin")[0];
  if (!Buffer.isBuffer(encoded)) return NONE;
  try {
    return decodeDetails(encoded);
  } catch {
    // Details that cannot be parsed must not hide the code that came with them.
    return NONE;
  }
};
