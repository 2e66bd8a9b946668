import type { FileRegistry } from "@bufbuild/protobuf";
import type { Binding, Rpc } from "../binding.js";
import { createCommentReader } from "./comments.js";
import { fieldRulesReader } from "./field_rules.js";
import { type OperationParts, operationOf } from "./operation.js";
import { variableName } from "./parameters.js";
import { PROBLEM_SCHEMA, reasonTexts } from "./problems.js";
import { createSchemaWriter, type Schema } from "./schema.js";
import { SECURITY_SCHEMES } from "./security.js";

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: Schema;
  readonly servers: readonly Schema[];
  readonly tags: readonly Schema[];
  readonly paths: { readonly [path: string]: { readonly [verb: string]: Schema } };
  readonly components: {
    readonly schemas: { readonly [name: string]: Schema };
    readonly securitySchemes: Schema;
  };
}

/**
 * A template as OpenAPI writes it: variables by the last part of their names, without their
 * patterns. `{user.user_id}` and `{user_id}` are one template, which may stand there once.
 */
const openApiPath = (source: string): string =>
  source.replace(
    /\{([^}=]+)(?:=[^}]*)?\}/g,
    (_variable, path: string) => `{${variableName(path)}}`,
  );

/**
 * Describes every binding as OpenAPI 3.1: parameters, bodies, answers, credentials
 * and each reason a call can fail for, with the comments of the proto files as
 * the text.
 *
 * @param bindings of the same registry
 */
export const buildOpenApi = (
  registry: FileRegistry,
  bindings: readonly Binding[],
): OpenApiDocument => {
  const commentOf = createCommentReader();
  const rulesOf = fieldRulesReader(registry);
  const answers = bindings.map(({ rpc }) => rpc.method.output);
  const schemas = createSchemaWriter(commentOf, rulesOf, answers);
  const parts: OperationParts = {
    schemas,
    commentOf,
    rulesOf,
    reasonTexts: reasonTexts(registry, commentOf),
  };
  const occurrences = new Map<Rpc, number>();
  const paths: { [path: string]: { [verb: string]: Schema } } = {};
  for (const binding of bindings) {
    const occurrence = occurrences.get(binding.rpc) ?? 0;
    occurrences.set(binding.rpc, occurrence + 1);
    const path = openApiPath(binding.template.source);
    paths[path] = {
      ...paths[path],
      [binding.verb.toLowerCase()]: operationOf(binding, occurrence, parts),
    };
  }
  const services = new Set(bindings.map(({ rpc }) => rpc.method.parent));
  return {
    openapi: "3.1.0",
    info: {
      title: "Curfew",
      version: "v1",
      description:
        "The REST form of the gRPC package `curfew.v1`. A page in a browser may call with the " +
        "session's cookies in place of `Authorization`, and repeats the value of the cookie " +
        "`__Host-csrf` in the header `X-CSRF-Token` of a call that changes something.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [...services].map((service) => ({ name: service.name, description: commentOf(service) })),
    paths,
    components: {
      schemas: { ...schemas.components, Problem: PROBLEM_SCHEMA },
      securitySchemes: SECURITY_SCHEMES,
    },
  };
};
