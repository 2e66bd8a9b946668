import type { handleServerStreamingCall, ServerWritableStream } from "@grpc/grpc-js";
import { fail } from "../core/errors.js";
import { type CallContext, contextOf } from "./call_context.js";
import type { ServerStreamHandler } from "./handlers.js";
import { enforce, type MethodRule } from "./rules.js";
import { failureOf, statusOf } from "./status.js";
import { noteLanguage } from "./unary.js";

/** How long callers may leave messages unread before their stream ends. */
const LONGEST_STALL_MS = 10_000;

/**
 * The failure does not name the last sent message, since clients drop unread messages when a failure arrives: they
 * resume after the last message that they have read.
 */
const endStalled = (ctx: CallContext): void => ctx.end(fail("WATCH_FELL_BEHIND"));

/** Resolves when the caller has read the written messages, or the call is over. */
const drained = <Request, Response>(
  call: ServerWritableStream<Request, Response>,
  ctx: CallContext,
  stallMs: number,
): Promise<void> =>
  new Promise((resolve) => {
    const stall = setTimeout(endStalled, stallMs, ctx);
    const proceed = (): void => {
      clearTimeout(stall);
      call.off("drain", proceed);
      ctx.signal.removeEventListener("abort", proceed);
      resolve();
    };
    call.on("drain", proceed);
    ctx.signal.addEventListener("abort", proceed);
    if (ctx.over) proceed();
  });

/**
 * The adapter of handlers that answer with a stream. Writes at the pace the
 * caller reads, and ends the stream of a caller that has stopped reading with
 * WATCH_FELL_BEHIND.
 */
export const serverStream =
  <Request, Response>(
    rule: MethodRule,
    handler: ServerStreamHandler<Request, Response>,
    stallMs = LONGEST_STALL_MS,
  ): handleServerStreamingCall<Request, Response> =>
  (call) => {
    const ctx = contextOf(call.metadata);

    const send = async (): Promise<void> => {
      noteLanguage(rule, call.request, ctx);
      enforce(rule.check, call.request);
      for await (const message of handler(call.request, ctx)) {
        if (!ctx.over && !call.write(message)) await drained(call, ctx, stallMs);
        if (ctx.over) return;
      }
      call.end();
    };

    send().catch((error: unknown) => {
      if (ctx.over) return;
      ctx.failure = failureOf(error);
      // Unlike ctx.end, this lets the messages that were written before the failure arrive.
      call.emit("error", statusOf(ctx.failure, ctx));
    });
  };
