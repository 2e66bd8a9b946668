import type { handleBidiStreamingCall } from "@grpc/grpc-js";
import { fail } from "../core/errors.js";
import { type CallContext, contextOf } from "./call_context.js";
import type { ExchangeHandler } from "./handlers.js";
import { enforce, type MethodRule } from "./rules.js";
import { failureOf } from "./status.js";

const MAX_OPEN = 256;
/** How long callers may leave that many answers unread before their stream ends. */
const LONGEST_STALL_MS = 30_000;

const endStalled = (ctx: CallContext): void =>
  ctx.end(fail("TOO_MANY_ATTEMPTS", { metadata: { cause: "slow_reader" } }));

/**
 * The adapter of handlers that answer each message of a stream. A question is open until its answer is on its way, as
 * HTTP/2's flow control allows. While too many are open, no more are read; a caller that sends but does not read loses
 * its stream.
 */
export const exchange =
  <Request, Response>(
    rule: MethodRule,
    { answer, refuse, mostInFlight = MAX_OPEN }: ExchangeHandler<Request, Response>,
    stallMs = LONGEST_STALL_MS,
  ): handleBidiStreamingCall<Request, Response> =>
  (call) => {
    const ctx = contextOf(call.metadata);
    let open = 0;
    let unsent = 0;
    let isAsked = false;
    let stall: NodeJS.Timeout | undefined;

    const proceed = (): void => {
      if (ctx.over) return;
      if (isAsked && open === 0) call.end();
      else if (open >= mostInFlight) {
        call.pause();
        if (unsent > 0) stall ??= setTimeout(endStalled, stallMs, ctx);
      } else if (call.isPaused()) call.resume();
    };

    const sent = (): void => {
      clearTimeout(stall);
      stall = undefined;
      unsent -= 1;
      open -= 1;
      proceed();
    };

    const send = (response: Response): void => {
      if (ctx.over) return;
      unsent += 1;
      ctx.send(response, sent);
      proceed();
    };

    const sendRefusal = (request: Request, error: unknown): void => {
      const failure = failureOf(error);
      if (failure.reason === "INTERNAL") ctx.reportDefect(failure);
      let response: Response;
      try {
        response = refuse(request, failure, ctx);
      } catch (cause) {
        ctx.end(failureOf(cause));
        return;
      }
      send(response);
    };

    const ask = (request: Request): void => {
      open += 1;
      let response: Response | Promise<Response>;
      try {
        enforce(rule.check, request);
        response = answer(request, ctx);
      } catch (error) {
        sendRefusal(request, error);
        return;
      }
      if (response instanceof Promise) {
        response.then(send, (error: unknown) => sendRefusal(request, error));
      } else {
        send(response);
      }
    };

    call.on("end", () => {
      isAsked = true;
      proceed();
    });
    call.on("close", () => clearTimeout(stall));
    call.on("data", (request: Request) => {
      if (ctx.over) return;
      ask(request);
      proceed();
    });
  };
