import type { DescField, DescMessage, DescMethod, FileRegistry } from "@bufbuild/protobuf";
import type { Access } from "../../generated/curfew/options/v1/options.js";
import type { HttpRule } from "../../generated/google/api/http.js";
import { findField } from "./field_path.js";
import { type MethodOptions, methodOptionsReader } from "./method_options.js";
import { compileTemplate, type PathTemplate } from "./path_template.js";

/** A method of a service, as the gateway calls it. */
export interface Rpc {
  /** gRPC path, for example `/curfew.v1.AuthService/Login`. */
  readonly path: string;
  readonly method: DescMethod;
  /** The callers that may call it; the service enforces this. */
  readonly access: Access;
  /** Its own deadline in milliseconds, 0 if it declares none. */
  readonly deadlineMs: number;
}

/** One way to call a method over HTTP. */
export interface Binding {
  readonly rpc: Rpc;
  /** GET, POST, … */
  readonly verb: string;
  readonly template: PathTemplate;
  /** `*`: the body is the whole request; a field: that field; undefined: there is no body. */
  readonly body: "*" | DescField | undefined;
  /** The field of the response that is the answer. Absent: all of it. */
  readonly responseBody: DescField | undefined;
}

const topField = (message: DescMessage, name: string, what: string): DescField => {
  const field = message.fields.find((candidate) => candidate.name === name);
  if (!field) throw new Error(`${what} "${name}" is not a field of ${message.typeName}`);
  return field;
};

const verbAndPath = ({ pattern }: HttpRule): readonly [string, string] | undefined => {
  if (!pattern) return undefined;
  return pattern.$case === "custom"
    ? [pattern.value.kind, pattern.value.path]
    : [pattern.$case.toUpperCase(), pattern.value];
};

const bind = (rpc: Rpc, rule: HttpRule): Binding => {
  const { method } = rpc;
  const [verb, path] = verbAndPath(rule) ?? [];
  if (!verb || !path) throw new Error(`${rpc.path}: an http rule without a path`);
  const template = compileTemplate(path);
  for (const variable of template.variables) {
    if (!findField(method.input, variable)) {
      throw new Error(`${rpc.path}: "${variable}" in "${path}" is not a field of the request`);
    }
  }
  return {
    rpc,
    verb,
    template,
    body:
      rule.body === "*" || rule.body === ""
        ? rule.body || undefined
        : topField(method.input, rule.body, "body"),
    responseBody: rule.responseBody
      ? topField(method.output, rule.responseBody, "response_body")
      : undefined,
  };
};

const bindingsOf = (method: DescMethod, options: MethodOptions): Binding[] => {
  const { http, rule } = options;
  if (!http) return [];
  const rpc: Rpc = {
    path: `/${method.parent.typeName}/${method.name}`,
    method,
    access: rule.access,
    deadlineMs: rule.deadlineMs,
  };
  if (method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming") {
    throw new Error(`${rpc.path}: a stream of requests cannot be called over HTTP with JSON`);
  }
  return [http, ...http.additionalBindings].map((rule) => bind(rpc, rule));
};

/**
 * Every way to call a method over HTTP that the descriptors declare with
 * `google.api.http`, in the order of the files.
 *
 * @throws Error if an annotation is malformed or names a field that is not there
 */
export const readBindings = (registry: FileRegistry): Binding[] => {
  const optionsOf = methodOptionsReader(registry);
  const bindings: Binding[] = [];
  for (const file of registry.files) {
    for (const service of file.services) {
      for (const method of service.methods) bindings.push(...bindingsOf(method, optionsOf(method)));
    }
  }
  return bindings;
};
