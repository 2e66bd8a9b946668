import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import type { CallContext } from "../call_context.js";

/** A status as grpc-js sends it; its own have no metadata. */
export type OutgoingStatus = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];

/**
 * A concern of every call. Interceptors are composed once, at start, into the
 * single one that grpc-js knows of (compose.ts), since each of those costs
 * microseconds per call.
 */
export interface Interceptor {
  /**
   * Lets a call in, before its request is read. Throws, or rejects with, what
   * the call is refused for; returns a promise only if there is something to wait for.
   */
  readonly admit?: (ctx: CallContext) => void | Promise<void>;
  /** Sees, and may replace, the status that a call ends with. */
  readonly status?: (ctx: CallContext, status: OutgoingStatus) => OutgoingStatus;
  /** Once for every call that was offered to `admit`, when it is over. */
  readonly done?: (ctx: CallContext, code: number) => void;
}
