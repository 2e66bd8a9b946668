import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  fromJsonString,
  type JsonValue,
  type Message,
  mergeFromJson,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Binding } from "./binding.js";
import { findField } from "./field_path.js";
import { jsonMismatch } from "./json_mismatch.js";
import { badField, badRequest } from "./problem.js";
import { readParameters } from "./request_parameters.js";
import { fillUpdateMask } from "./update_mask.js";

/** What of an HTTP request becomes the message. */
export interface RequestParts {
  /** Of the path, percent-encoded, in the template's order. */
  readonly variables: readonly string[];
  /** Without the question mark. */
  readonly query: string;
  /** JSON text; empty if there is none. */
  readonly body: string;
}

/** Undefined unless the text is as `JSON.stringify` writes it, so that `JSON.parse` hid nothing of it. */
const parsePlain = (text: string): JsonValue | undefined => {
  try {
    const value = JSON.parse(text) as JsonValue;
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
};

/** The message's own parser, which sees duplicate members, takes ten times as long as `JSON.parse`. */
const parse = (input: DescMessage, text: string): Message => {
  const plain = parsePlain(text);
  try {
    return plain === undefined ? fromJsonString(input, text) : fromJson(input, plain);
  } catch (error) {
    throw jsonMismatch(input, text, error);
  }
};

const parseJson = (text: string): JsonValue => {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw badRequest("The body is not valid JSON.");
  }
};

/** The text of a singular field, if it is set. */
const fieldText = (
  input: DescMessage,
  message: Message,
  fields: readonly DescField[],
): string | undefined => {
  let at = reflect(input, message);
  for (const field of fields) {
    if (!at.isSet(field)) return undefined;
    if (field.fieldKind !== "message") return String(at.get(field));
    at = at.get(field);
  }
  return undefined;
};

const refuseDisagreement = (
  { rpc, template }: Binding,
  message: Message,
  variables: readonly string[],
): void => {
  const { input } = rpc.method;
  template.variables.forEach((path, index) => {
    const inBody = fieldText(input, message, findField(input, path) ?? []);
    if (inBody !== undefined && inBody !== decodeURIComponent(variables[index] ?? "")) {
      throw badField(path, "differs between the path and the body");
    }
  });
};

const readBody = ({ rpc, body }: Binding, text: string): Message => {
  const { input } = rpc.method;
  if (text === "") return create(input);
  if (body === "*") return parse(input, text);
  if (body === undefined) throw badRequest("This call takes no body.");
  parseJson(text);
  return parse(input, `{${JSON.stringify(body.name)}:${text}}`);
};

/**
 * The message of an HTTP request: its path, query and body by the binding's rule,
 * as strict ProtoJSON. Unknown and duplicate members are refused.
 *
 * Source: google/api/http.proto, "Rules for HTTP mapping".
 *
 * @throws ProblemError 400 that names each field and its accepted values
 */
export const readMessage = (binding: Binding, parts: RequestParts): Message => {
  const { input } = binding.rpc.method;
  const message = readBody(binding, parts.body);
  if (parts.variables.length === 0 && parts.query === "" && binding.verb !== "PATCH") {
    return message;
  }
  const parameters = readParameters(binding, parts.variables, parts.query);
  refuseDisagreement(binding, message, parts.variables);
  if (parts.body !== "") fillUpdateMask(binding, parameters, parseJson(parts.body));
  try {
    return mergeFromJson(input, message, parameters);
  } catch (error) {
    throw jsonMismatch(input, JSON.stringify(parameters), error);
  }
};
