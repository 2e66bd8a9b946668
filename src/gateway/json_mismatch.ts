import { type DescField, type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import type { FieldViolation } from "../core/errors.js";
import { fieldTypeText } from "./field_type.js";
import { badField, badRequest, type ProblemError } from "./problem.js";

const MAX_VIOLATIONS = 20;

const isObject = (json: JsonValue): json is { [key: string]: JsonValue } =>
  typeof json === "object" && json !== null && !Array.isArray(json);

/** The message to look into for a field, unless its ProtoJSON is a single value. */
const inner = (field: DescField): DescMessage | undefined => {
  if (field.fieldKind === "map") return undefined;
  const { message } = field;
  return message?.typeName.startsWith("google.protobuf.") ? undefined : message;
};

const accepts = (message: DescMessage, json: JsonValue): boolean => {
  try {
    fromJson(message, json);
    return true;
  } catch {
    return false;
  }
};

function* inField(
  parent: DescMessage,
  field: DescField,
  json: JsonValue,
  path: string,
): Generator<FieldViolation> {
  const message = inner(field);
  if (accepts(parent, { [field.name]: json })) return;
  if (message && field.fieldKind === "message") {
    yield* inMessage(message, json, path);
  } else if (message && Array.isArray(json)) {
    for (const [index, item] of json.entries()) {
      yield* inMessage(message, item, `${path}[${index}]`);
    }
  } else {
    yield { field: path, description: `takes ${fieldTypeText(field)}` };
  }
}

function* inMessage(
  message: DescMessage,
  json: JsonValue,
  path: string,
): Generator<FieldViolation> {
  if (!isObject(json)) {
    yield { field: path || "body", description: "takes an object" };
    return;
  }
  const seen = new Set<DescField>();
  for (const [key, value] of Object.entries(json)) {
    const field = message.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    const at = path ? `${path}.${field?.name ?? key}` : (field?.name ?? key);
    if (!field) {
      yield { field: at, description: "is not a field of this request" };
    } else if (seen.has(field)) {
      yield { field: at, description: "is given more than once" };
    } else {
      seen.add(field);
      yield* inField(message, field, value, at);
    }
  }
}

/**
 * The problem of a request that is not ProtoJSON of its message: each field and its accepted values. The parser's own
 * text is not used, because it repeats values, and a value may be a password.
 *
 * @param text the JSON that the parser refused
 * @param error the parser's error; only its report of a duplicate member, which the parsed value no longer shows, is
 *   used
 */
export const jsonMismatch = (message: DescMessage, text: string, error: unknown): ProblemError => {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch {
    return badRequest("The body is not valid JSON.");
  }
  const duplicate =
    error instanceof Error ? /duplicate object key "(.*)"$/s.exec(error.message)?.[1] : undefined;
  if (duplicate !== undefined) return badField(duplicate, "is given more than once");
  const violations: FieldViolation[] = [];
  for (const violation of inMessage(message, json, "")) {
    violations.push(violation);
    if (violations.length === MAX_VIOLATIONS) break;
  }
  const [first] = violations;
  return first
    ? badRequest(`${first.field} ${first.description}.`, violations)
    : badRequest("The body does not have the form of this request.");
};
