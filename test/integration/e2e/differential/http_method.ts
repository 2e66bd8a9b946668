import type { DescMethod, FileRegistry } from "@bufbuild/protobuf";
import type { Access } from "../../../../generated/curfew/options/v1/options.js";
import type { HttpRule } from "../../../../generated/google/api/http.js";
import { methodOptionsReader } from "../../../../src/gateway/method_options.js";
import { readDescriptors, registryOf } from "../../../../src/rpc/descriptors.js";

/** A method that REST has too. */
export interface HttpMethod {
  /** For example `AuthService.Login`. */
  readonly name: string;
  /** Of gRPC. */
  readonly path: string;
  readonly descriptor: DescMethod;
  readonly access: Access;
  readonly routes: readonly HttpRoute[];
}

/** One way to call it over HTTP. */
export interface HttpRoute {
  readonly verb: string;
  readonly path: string;
  /** `*`, a field's name, or empty. */
  readonly body: string;
  readonly responseBody: string;
}

/** Everything the project serves. */
export const registry: FileRegistry = registryOf(readDescriptors());

const routeOf = ({ pattern, body, responseBody }: HttpRule): HttpRoute => {
  if (pattern === undefined || pattern.$case === "custom") {
    throw new Error("an annotation of another kind than get, put, post, delete and patch");
  }
  return { verb: pattern.$case.toUpperCase(), path: pattern.value, body, responseBody };
};

/** Every method with a `google.api.http` annotation, in the order of the files. */
export const readHttpMethods = (): HttpMethod[] => {
  const optionsOf = methodOptionsReader(registry);
  const methods = [...registry].flatMap((type) => (type.kind === "service" ? type.methods : []));
  return methods.flatMap((descriptor) => {
    const { http, rule } = optionsOf(descriptor);
    const { parent, name } = descriptor;
    if (http === undefined) return [];
    return {
      name: `${parent.name}.${name}`,
      path: `/${parent.typeName}/${name}`,
      descriptor,
      access: rule.access,
      routes: [http, ...http.additionalBindings].map(routeOf),
    };
  });
};
