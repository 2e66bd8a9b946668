import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

const enumText = (descriptor: DescEnum): string =>
  `one of ${descriptor.values.map(({ name }) => name).join(", ")}`;

const messageText = ({ typeName }: DescMessage): string => {
  switch (typeName) {
    case "google.protobuf.Timestamp":
      return "a time in the form of RFC 3339, for example 2026-01-31T12:00:00Z";
    case "google.protobuf.Duration":
      return "a number of seconds with the suffix s, for example 1.5s";
    case "google.protobuf.FieldMask":
      return "names of fields, separated by commas";
    default:
      return "an object";
  }
};

const scalarText = (scalar: ScalarType): string => {
  switch (scalar) {
    case ScalarType.STRING:
      return "a string of valid Unicode";
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.BYTES:
      return "a string of base64";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "a number";
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return "a 64-bit integer, as a string or a number";
    default:
      return "a 32-bit integer";
  }
};

/** Describes the values that a field takes, in words that follow "takes". */
export const fieldTypeText = (field: DescField): string => {
  const one = field.enum
    ? enumText(field.enum)
    : field.message
      ? messageText(field.message)
      : scalarText(field.scalar);
  if (field.fieldKind === "list") return `a list, each element ${one}`;
  return field.fieldKind === "map" ? `an object with values of ${one}` : one;
};
