import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as FieldPresence } from "@bufbuild/protobuf/wkt";
import type { FieldBounds } from "../../../generated/curfew/options/v1/options.js";
import type { CommentReader } from "./comments.js";
import type { FieldRules } from "./field_rules.js";

/** A schema of JSON Schema 2020-12, as OpenAPI 3.1 uses it. */
export interface Schema {
  [keyword: string]: unknown;
}

/** Whether a schema describes a request or an answer. */
export type Direction = "request" | "answer";

/** Turns descriptors into schemas, and keeps those that others refer to. */
export interface SchemaWriter {
  /** A reference to a message's schema. */
  message(message: DescMessage, direction?: Direction): Schema;
  /** A field's schema with its comment and bounds. */
  field(field: DescField, direction?: Direction): Schema;
  /** An object of some of a message's fields, in place. */
  object(message: DescMessage, fields: readonly DescField[]): Schema;
  /** Every schema referred to, for `components.schemas`. */
  readonly components: { [name: string]: Schema };
}

const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?\\d+(\\.\\d{1,9})?s$" },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array", items: {} },
  "google.protobuf.Any": {
    type: "object",
    properties: { "@type": { type: "string" } },
    required: ["@type"],
    additionalProperties: true,
  },
};

const scalarSchema = (scalar: ScalarType): Schema => {
  switch (scalar) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: "number" };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: "string", format: "int64" };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: "string", format: "uint64" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", minimum: 0, maximum: 4_294_967_295 };
    default:
      return { type: "integer", format: "int32" };
  }
};

const lengths = ({ minLength, maxLength }: FieldBounds): Schema => ({
  ...(minLength > 0 ? { minLength } : {}),
  ...(maxLength > 0 ? { maxLength } : {}),
});

const range = ({ min, max }: FieldBounds): Schema => ({
  ...(min === undefined ? {} : { minimum: Number(min) }),
  ...(max === undefined ? {} : { maximum: Number(max) }),
});

const bounded = (schema: Schema, bounds: FieldBounds): Schema => {
  if (schema.type === "string" && !schema.format) return { ...schema, ...lengths(bounds) };
  return schema.type === "integer" ? { ...schema, ...range(bounds) } : schema;
};

/** `Session.State` for a type of Curfew's, the full name for any other: no two types share one. */
const nameOf = ({ typeName, file }: DescMessage | DescEnum): string => {
  const { package: scope } = file.proto;
  return scope.startsWith("curfew.") ? typeName.slice(scope.length + 1) : typeName;
};

/** In cookie mode the tokens come as cookies, and not in the body. */
const MAY_BE_COOKIES = new Set(["access_token", "refresh_token"]);

/** Whether an answer always has the field: the gateway's ProtoJSON includes fields without presence. */
const isAlwaysWritten = ({ fieldKind, presence, name, oneof }: DescField): boolean =>
  (fieldKind === "list" || fieldKind === "map" || presence === FieldPresence.IMPLICIT) &&
  oneof === undefined &&
  !MAY_BE_COOKIES.has(name);

/** Every message that is in one of these, at any depth. */
const reachableFrom = (messages: Iterable<DescMessage>): ReadonlySet<DescMessage> => {
  const found = new Set<DescMessage>();
  const visit = (message: DescMessage): void => {
    if (found.has(message)) return;
    found.add(message);
    for (const field of message.fields) if (field.message) visit(field.message);
  };
  for (const message of messages) visit(message);
  return found;
};

/**
 * Makes a writer. A message that is both sent and answered has two schemas: an answer
 * always has the fields without presence, where a request may leave them out. That of
 * the request has a name that ends with `Input`.
 *
 * @param answers every message that a call answers
 */
export const createSchemaWriter = (
  commentOf: CommentReader,
  rulesOf: (field: DescField) => FieldRules,
  answers: Iterable<DescMessage>,
): SchemaWriter => {
  const answered = reachableFrom(answers);
  const components: { [name: string]: Schema } = {};
  const refer = (descriptor: DescMessage | DescEnum, write: () => Schema, suffix = ""): Schema => {
    const name = nameOf(descriptor) + suffix;
    if (!components[name]) {
      // Kept before it is written, so that a message may contain itself.
      components[name] = {};
      const description = commentOf(descriptor);
      Object.assign(components[name], description ? { description } : {}, write());
    }
    return { $ref: `#/components/schemas/${name}` };
  };
  const enumSchema = (descriptor: DescEnum): Schema =>
    refer(descriptor, () => ({
      type: "string",
      enum: descriptor.values.map(({ name }) => name),
    }));
  const messageSchema = (message: DescMessage, direction: Direction = "request"): Schema =>
    WELL_KNOWN[message.typeName] ??
    refer(
      message,
      () => objectSchema(message, message.fields, direction),
      direction === "request" && answered.has(message) ? "Input" : "",
    );
  const element = (field: DescField, direction: Direction): Schema => {
    if (field.message) return messageSchema(field.message, direction);
    return field.enum ? enumSchema(field.enum) : scalarSchema(field.scalar);
  };
  const fieldSchema = (field: DescField, direction: Direction = "request"): Schema => {
    const { bounds } = rulesOf(field);
    const one = bounded(element(field, direction), bounds);
    const description = commentOf(field);
    const secret = field.proto.options?.debugRedact ? { format: "password" } : {};
    const described = { ...secret, ...(description ? { description } : {}) };
    if (field.fieldKind === "list") {
      const most = bounds.maxItems > 0 ? { maxItems: bounds.maxItems } : {};
      return { type: "array", items: one, ...most, ...described };
    }
    return field.fieldKind === "map"
      ? { type: "object", additionalProperties: one, ...described }
      : { ...one, ...described };
  };
  const objectSchema = (
    message: DescMessage,
    fields: readonly DescField[],
    direction: Direction = "request",
  ): Schema => {
    const isRequired = (field: DescField): boolean =>
      direction === "answer" ? isAlwaysWritten(field) : rulesOf(field).required;
    const required = fields.filter(isRequired).map(({ name }) => name);
    return {
      type: "object",
      properties: Object.fromEntries(
        fields.map((field) => [field.name, fieldSchema(field, direction)]),
      ),
      ...(required.length > 0 ? { required } : {}),
      ...(message.fields.length > fields.length || fields.length === 0
        ? { additionalProperties: false }
        : {}),
    };
  };
  return { message: messageSchema, field: fieldSchema, object: objectSchema, components };
};
