import type {
  MethodDefinition,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
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

type Message = object;
type AnyUnary = UnaryHandler<Message, Message> | BatchHandler<Message, Message>;

const adapt = (
  { requestStream, responseStream }: MethodDefinition<Message, Message>,
  rule: MethodRule,
  handler: unknown,
): UntypedHandleCall => {
  if (requestStream) return exchange(rule, handler as ExchangeHandler<Message, Message>);
  if (responseStream) return serverStream(rule, handler as ServerStreamHandler<Message, Message>);
  const unaryHandler = handler as AnyUnary;
  return typeof unaryHandler === "function"
    ? unary(rule, unaryHandler, rule.check)
    : unary(rule, unaryHandler.batch, rule.shallowCheck);
};

/**
 * Makes a service of handlers for all methods of a generated definition. They
 * deal in decoded messages and a CallContext, and know nothing of grpc-js.
 */
export const implement = <Definition extends ServiceDefinition>(
  definition: Definition,
  handlers: HandlersOf<Definition>,
  rules: Rules,
): ServiceRegistration => {
  const methods: [string, MethodDefinition<Message, Message>][] = Object.entries(definition);
  const [, , name = ""] = /^\/(([^/]+)\/)/.exec(methods[0]?.[1].path ?? "") ?? [];
  return {
    name,
    definition: Object.fromEntries(
      methods.map(([key, method]) => [
        key,
        { ...method, requestDeserialize: strictly(method.requestDeserialize) },
      ]),
    ),
    implementation: Object.fromEntries(
      methods.map(([key, method]) => [
        key,
        adapt(method, rules.of(method.path), handlers[key as keyof Definition]),
      ]),
    ),
  };
};
