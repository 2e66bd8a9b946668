import { type DescEnum, type DescField, type JsonValue, ScalarType } from "@bufbuild/protobuf";

/** Well-known messages whose ProtoJSON is one string. */
const TEXT_MESSAGES = new Set(["google.protobuf.Timestamp", "google.protobuf.Duration"]);

const FIELD_MASK = "google.protobuf.FieldMask";

const camelCase = (path: string): string =>
  path.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** ProtoJSON of a field mask from paths in snake_case. */
export const fieldMaskJson = (paths: readonly string[]): string => paths.map(camelCase).join(",");

const ofScalar = (scalar: ScalarType, text: string): JsonValue | undefined => {
  if (scalar !== ScalarType.BOOL) return text;
  if (text === "true") return true;
  return text === "false" ? false : undefined;
};

const ofEnum = (descriptor: DescEnum, text: string): JsonValue | undefined => {
  if (/^-?\d{1,10}$/.test(text)) return Number(text);
  return descriptor.values.some((value) => value.name === text) ? text : undefined;
};

/**
 * The ProtoJSON of one element of a field that was written as text, in a path or
 * a query. Undefined if the field cannot be written so, or not with this text.
 * Numbers stay text, which ProtoJSON takes.
 */
export const fieldFromText = (field: DescField, text: string): JsonValue | undefined => {
  if (field.enum && field.fieldKind !== "map") return ofEnum(field.enum, text);
  if (field.fieldKind === "scalar") return ofScalar(field.scalar, text);
  if (field.fieldKind === "list" && field.listKind === "scalar")
    return ofScalar(field.scalar, text);
  if (field.fieldKind !== "message") return undefined;
  if (field.message.typeName === FIELD_MASK) return fieldMaskJson(text.split(","));
  return TEXT_MESSAGES.has(field.message.typeName) ? text : undefined;
};
