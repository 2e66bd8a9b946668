import type { handleUnaryCall } from "@grpc/grpc-js";
import { type CallContext, contextOf } from "./call_context.js";
import type { UnaryHandler } from "./handlers.js";
import { enforce, type MethodRule } from "./rules.js";
import { failureOf } from "./status.js";
import type { Check } from "./validation/check.js";

/** Remembers the language that a request prefers, before anything can fail. */
export const noteLanguage = (rule: MethodRule, request: unknown, ctx: CallContext): void => {
  if (rule.localized) ctx.wantedLanguage = (request as { language: string }).language;
};

/**
 * The adapter of all unary handlers, with the only try/catch there is: a value that a handler throws ends only its own
 * call, with a status of ours. The interceptors handle access, deadlines and disconnected callers.
 *
 * @param check what requests have to pass; undefined: nothing
 */
export const unary =
  <Request, Response>(
    rule: MethodRule,
    handler: UnaryHandler<Request, Response>,
    check: Check | undefined,
  ): handleUnaryCall<Request, Response> =>
  (call, callback) => {
    const { request } = call;
    const ctx = contextOf(call.metadata);
    try {
      noteLanguage(rule, request, ctx);
      enforce(check, request);
      const answer = handler(request, ctx);
      if (!(answer instanceof Promise)) {
        callback(null, answer);
        return;
      }
      answer.then(
        (response) => callback(null, response),
        (error: unknown) => ctx.end(failureOf(error)),
      );
    } catch (error) {
      ctx.end(failureOf(error));
    }
  };
