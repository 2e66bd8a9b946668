import type { handleServerStreamingCall, ServerWritableStream } from "@grpc/grpc-js";
import { fail } from "../core/errors.js";
import { type CallContext, contextOf } from "./call_context.js";
import type { ServerStreamHandler } from "./handlers.js";
import { enforce, type MethodRule } from "./rules.js";
import { failureOf, statusOf } from "./status.js";
import { noteLanguage } from "./unary.js";

/** How long a caller may leave its messages unread before the stream ends. */
const LONGEST_STALL_MS = 30_000;

/** Resolves when the caller has read enough, or the call is over. */
const drained = (call: ServerWritableStream<unknown, unknown>, ctx: CallContext): Promise<void> =>
  new Promise((resolve) => {
    const stalled = setTimeout(() => ctx.end(fail("TOO_MANY_ATTEMPTS")), LONGEST_STALL_MS);
    const go = (): void => {
      clearTimeout(stalled);
      call.off("drain", go);
      ctx.signal.removeEventListener("abort", go);
      resolve();
    };
    call.on("drain", go);
    ctx.signal.addEventListener("abort", go);
    if (ctx.over) go();
  });
