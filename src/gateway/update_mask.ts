import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import type { Binding } from "./binding.js";
import { fieldMaskJson } from "./field_text.js";
import type { JsonObject } from "./request_parameters.js";

const MASK = "update_mask";

const isObject = (json: JsonValue | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json);

const members = (message: DescMessage, json: JsonObject, prefix: string): string[] =>
  Object.entries(json).flatMap(([key, value]) => {
    const field = message.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (!field) return [];
    const path = `${prefix}${field.name}`;
    const below = field.fieldKind === "message" ? field.message : undefined;
    return below && isObject(value) ? members(below, value, `${path}.`) : [path];
  });

const maskField = ({ method }: Binding["rpc"]): DescField | undefined =>
  method.input.fields.find(
    ({ name, message }) => name === MASK && message?.typeName === "google.protobuf.FieldMask",
  );

/**
 * Fills the `update_mask` that a PATCH did not give with the members its body has, so that `{"is_active": false}`
 * changes only that member. Members that the path names are not changes.
 *
 * Source: AIP-134 and grpc-gateway, which does the same.
 */
export const fillUpdateMask = (binding: Binding, parameters: JsonObject, body: JsonValue): void => {
  const { rpc, verb, template } = binding;
  if (verb !== "PATCH" || typeof binding.body !== "object" || !binding.body.message) return;
  if (!maskField(rpc) || parameters[MASK] !== undefined || !isObject(body)) return;
  const inPath = new Set(template.variables);
  const prefix = binding.body.name;
  const paths = members(binding.body.message, body, "").filter(
    (path) => !inPath.has(`${prefix}.${path}`),
  );
  if (paths.length > 0) parameters[MASK] = fieldMaskJson(paths);
};
