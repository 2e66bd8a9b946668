import type { handleBidiStreamingCall } from "@grpc/grpc-js";
import { contextOf } from "./call_context.js";
import type { ExchangeHandler } from "./handlers.js";
import { enforce, type MethodRule } from "./rules.js";
import { failureOf } from "./status.js";

const MOST_IN_FLIGHT = 256;

/**
 * The adapter of handlers that answer each message of a stream. Reads no
 * further while too many questions are open or the caller does not read the answers.
 */
export const exchange =
  <Request, Response>(
    rule: MethodRule,
    { answer, refuse, mostInFlight = MOST_IN_FLIGHT }: ExchangeHandler<Request, Response>,
  ): handleBidiStreamingCall<Request, Response> =>
  (call) => {
    const ctx = contextOf(call.metadata);
    let inFlight = 0;
    let isRead = true;
    let isAsked = false;

    const proceed = (): void => {
      if (ctx.over) return;
      if (isAsked && inFlight === 0) call.end();
      else if (inFlight >= mostInFlight || !isRead) call.pause();
      else if (call.isPaused()) call.resume();
    };

    const send = (response: Response): void => {
      inFlight -= 1;
      if (ctx.over) return;
      isRead = call.write(response);
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
      inFlight += 1;
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

    call.on("drain", () => {
      isRead = true;
      proceed();
    });
    call.on("end", () => {
      isAsked = true;
      proceed();
    });
    call.on("data", (request: Request) => {
      if (ctx.over) return;
      ask(request);
      proceed();
    });
  };
