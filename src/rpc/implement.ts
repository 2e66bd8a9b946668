import type {
  Metadata,
  MethodDefinition,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { type CallContext, contextOf } from "./call_context.js";
import { strictly } from "./decoding.js";
import { exchange } from "./exchange.js";
import type {
  BatchHandler,
  ExchangeHandler,
  HandlersOf,
  ServerStreamHandler,
  UnaryHandler,
} from "./handlers.js";
import type { MethodRule, Rules } from "./rules.js";
import { serverStream } from "./server_stream.js";
import { unary } from "./unary.js";

/** A service ready to be served: give it to createRpcServer. */
export interface ServiceRegistration {
  /** Full name: `package.Service`. */
  readonly name: string;
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** Does the work of a call inside something of its own, such as the span of a trace. */
export type Around = (ctx: CallContext, work: () => void) => void;

const surrounded = <Call extends { readonly metadata: Metadata }, Rest extends unknown[]>(
  handle: (call: Call, ...rest: Rest) => void,
  around: Around | undefined,
) =>
  around === undefined
    ? handle
    : (call: Call, ...rest: Rest): void =>
        around(contextOf(call.metadata), () => handle(call, ...rest));

type Message = object;
type AnyUnary = UnaryHandler<Message, Message> | BatchHandler<Message, Message>;

const adapt = (
  { requestStream, responseStream }: MethodDefinition<Message, Message>,
  rule: MethodRule,
  handler: unknown,
  around: Around | undefined,
): UntypedHandleCall => {
  if (requestStream)
    return surrounded(exchange(rule, handler as ExchangeHandler<Message, Message>), around);
  if (responseStream)
    return surrounded(serverStream(rule, handler as ServerStreamHandler<Message, Message>), around);
  const unaryHandler = handler as AnyUnary;
  return typeof unaryHandler === "function"
    ? surrounded(unary(rule, unaryHandler, rule.check), around)
    : surrounded(unary(rule, unaryHandler.batch, rule.shallowCheck), around);
};

/**
 * Makes a service of handlers for all methods of a generated definition. They
 * deal in decoded messages and a CallContext, and know nothing of grpc-js.
 */
export const implement = <Definition extends ServiceDefinition>(
  definition: Definition,
  handlers: HandlersOf<Definition>,
  rules: Rules,
  around?: Around,
): ServiceRegistration => {
  const methods: [string, MethodDefinition<Message, Message>][] = Object.entries(definition);
  const [, , name = ""] = /^\/(([^/]+)\/)/.exec(methods[0]?.[1].path ?? "") ?? [];
  return {
    name,
    definition: Object.fromEntries(
      methods.map(([key, method]) => [
        key,
        {
          ...method,
          requestDeserialize: strictly(
            method.requestDeserialize,
            rules.of(method.path).countFields,
          ),
        },
      ]),
    ),
    implementation: Object.fromEntries(
      methods.map(([key, method]) => [
        key,
        adapt(method, rules.of(method.path), handlers[key as keyof Definition], around),
      ]),
    ),
  };
};
