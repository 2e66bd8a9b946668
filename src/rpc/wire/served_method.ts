import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";

/** A method as grpc-js's handlers take it. */
export interface ServedMethod {
  readonly path: string;
  readonly type: "unary" | "clientStream" | "serverStream" | "bidi";
  readonly func: unknown;
  deserialize(bytes: Buffer): unknown;
  serialize(message: unknown): Buffer;
}

const typeOf = (requestStream: boolean, responseStream: boolean): ServedMethod["type"] => {
  if (requestStream) return responseStream ? "bidi" : "clientStream";
  return responseStream ? "serverStream" : "unary";
};

/** The methods of a service. */
export const servedMethods = (
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
): ServedMethod[] =>
  Object.entries(definition).map(([name, method]) => {
    const func = implementation[name] ?? implementation[method.originalName ?? ""];
    if (func === undefined) throw new Error(`${method.path} has no handler`);
    return {
      path: method.path,
      type: typeOf(method.requestStream, method.responseStream),
      func: func.bind(implementation),
      deserialize: method.requestDeserialize,
      serialize: method.responseSerialize,
    };
  });
