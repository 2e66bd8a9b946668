import { fail, type Reason } from "../../core/errors.js";
import { STATUS_DETAILS_KEY, statusOf } from "../status.js";
import type { Interceptor } from "./interceptor.js";

/** Reasons of the statuses that grpc-js and the services we did not write end calls with. */
const FOREIGN: Readonly<Record<number, Reason>> = {
  3: "INVALID_ARGUMENT",
  5: "NOT_FOUND",
  12: "UNIMPLEMENTED",
};

/**
 * Gives every failure the details that clients act on (contract, section 2),
 * also those which grpc-js itself makes, and masks their text.
 */
export const errors = (): Interceptor => ({
  status: (ctx, status) => {
    if (status.code === 0 || status.metadata?.get(STATUS_DETAILS_KEY).length) return status;
    ctx.failure ??= fail(FOREIGN[status.code] ?? "INTERNAL", { cause: status.details });
    return statusOf(ctx.failure, ctx);
  },
});
