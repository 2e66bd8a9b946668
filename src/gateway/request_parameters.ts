import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import type { Binding } from "./binding.js";
import { findField } from "./field_path.js";
import { fieldFromText } from "./field_text.js";
import { fieldTypeText } from "./field_type.js";
import { badField } from "./problem.js";

/** ProtoJSON of a message that is being put together from parameters. */
export interface JsonObject {
  [key: string]: JsonValue;
}

const within = (root: JsonObject, fields: readonly DescField[]): JsonObject => {
  let target = root;
  for (const { name } of fields) {
    const next = target[name];
    const child: JsonObject = typeof next === "object" && next && !Array.isArray(next) ? next : {};
    target[name] = child;
    target = child;
  }
  return target;
};

const put = (root: JsonObject, input: DescMessage, path: string, text: string): void => {
  const fields = findField(input, path);
  const field = fields?.at(-1);
  if (!fields || !field) throw badField(path, "is not a parameter of this call");
  const value = fieldFromText(field, text);
  if (value === undefined) {
    throw badField(path, `takes ${fieldTypeText(field)} here`);
  }
  const target = within(root, fields.slice(0, -1));
  const before = target[field.name];
  if (field.fieldKind === "list") {
    target[field.name] = Array.isArray(before) ? [...before, value] : [value];
  } else if (before !== undefined) {
    throw badField(path, "is given more than once");
  } else {
    target[field.name] = value;
  }
};

const decoded = (path: string, text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badField(path, "is not valid percent-encoding in the path");
  }
};

/** URLSearchParams repairs malformed input, and a repaired value differs from the sent one. */
const refuseMalformed = (query: string): void => {
  for (const pair of query.split("&")) {
    try {
      decodeURIComponent(pair);
    } catch {
      throw badField(pair.split("=", 1)[0] ?? "", "is not valid percent-encoding in the query");
    }
  }
};

/**
 * Returns the values of path and query as ProtoJSON by proto names. Refuses unknown parameters, and parameters that the
 * path or the body already carries.
 *
 * Source: google/api/http.proto, "Rules for HTTP mapping".
 *
 * @param variables of the path, percent-encoded, in the template's order
 * @param query without the question mark
 * @throws ProblemError 400
 */
export const readParameters = (
  { rpc, template, body }: Binding,
  variables: readonly string[],
  query: string,
): JsonObject => {
  const json: JsonObject = {};
  template.variables.forEach((path, index) => {
    put(json, rpc.method.input, path, decoded(path, variables[index] ?? ""));
  });
  if (query.includes("%")) refuseMalformed(query);
  for (const [path, text] of new URLSearchParams(query)) {
    const top = findField(rpc.method.input, path)?.[0];
    if (body === "*" || (top && top === body)) {
      throw badField(path, "is not a parameter of this call; send it in the body");
    }
    put(json, rpc.method.input, path, text);
  }
  return json;
};
