import type { MethodDefinition } from "@grpc/grpc-js";
import type { CurfewError } from "../core/errors.js";
import type { CallContext } from "./call_context.js";

/** Answers one request, or throws a CurfewError. Synchronous answers are sent without delay. */
export type UnaryHandler<Request, Response> = (
  request: Request,
  ctx: CallContext,
) => Response | Promise<Response>;

/**
 * A unary handler that judges the elements of repeated messages one by one
 * itself, so that a bad one fails only its own result.
 */
export interface BatchHandler<Request, Response> {
  readonly batch: UnaryHandler<Request, Response>;
}

/**
 * Answers one request with messages, at the pace the caller reads. It is
 * suspended while the caller does not: whatever feeds it bounds its own queue.
 * It should end soon after `ctx.signal` is aborted; until then it lives on.
 */
export type ServerStreamHandler<Request, Response> = (
  request: Request,
  ctx: CallContext,
) => AsyncIterable<Response>;

/** Answers each message of a stream with one message, in any order. */
export interface ExchangeHandler<Request, Response> {
  readonly answer: UnaryHandler<Request, Response>;
  /** Encodes the failure of a question in a message; the stream goes on. */
  readonly refuse: (request: Request, failure: CurfewError, ctx: CallContext) => Response;
  /** The maximum number of concurrent questions; at this number no more are read. Default: 256. */
  readonly mostInFlight?: number;
}

/** The handler that a method of a generated service definition takes. */
export type HandlerOf<Method> =
  Method extends MethodDefinition<infer Request, infer Response>
    ? Method extends { readonly requestStream: true }
      ? ExchangeHandler<Request, Response>
      : Method extends { readonly responseStream: true }
        ? ServerStreamHandler<Request, Response>
        : UnaryHandler<Request, Response> | BatchHandler<Request, Response>
    : never;

/** A handler for every method of a generated service definition. */
export type HandlersOf<Definition> = {
  readonly [Name in keyof Definition]: HandlerOf<Definition[Name]>;
};
