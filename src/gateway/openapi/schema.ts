import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { FieldBounds } from "../../../generated/curfew/options/v1/options.js";
import type { CommentReader } from "./comments.js";
import type { FieldRules } from "./field_rules.js";

/** A schema of JSON Schema 2020-12, as OpenAPI 3.1 uses it. */
export interface Schema {
  [keyword: string]: unknown;
}

/** Turns descriptors into schemas, and keeps those that others refer to. */
export interface SchemaWriter {
  /** A reference to a message's schema. */
  message(message: DescMessage): Schema;
  /** A field's schema with its comment and bounds. */
  field(field: DescField): Schema;
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

/** Makes a writer. */
export const createSchemaWriter = (
  commentOf: CommentReader,
  rulesOf: (field: DescField) => FieldRules,
): SchemaWriter => {
  const components: { [name: string]: Schema } = {};
  const refer = (descriptor: DescMessage | DescEnum, write: () => Schema): Schema => {
    const name = nameOf(descriptor);
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
  const messageSchema = (message: DescMessage): Schema =>
    WELL_KNOWN[message.typeName] ?? refer(message, () => objectSchema(message, message.fields));
  const element = (field: DescField): Schema => {
    if (field.message) return messageSchema(field.message);
    return field.enum ? enumSchema(field.enum) : scalarSchema(field.scalar);
  };
  const fieldSchema = (field: DescField): Schema => {
    const { bounds } = rulesOf(field);
    const one = bounded(element(field), bounds);
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
  const objectSchema = (message: DescMessage, fields: readonly DescField[]): Schema => {
    const required = fields.filter((field) => rulesOf(field).required).map(({ name }) => name);
    return {
      type: "object",
      properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field)])),
      ...(required.length > 0 ? { required } : {}),
      ...(message.fields.length > fields.length || fields.length === 0
        ? { additionalProperties: false }
        : {}),
    };
  };
  return { message: messageSchema, field: fieldSchema, object: objectSchema, components };
};
