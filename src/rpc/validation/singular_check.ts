import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { bad, type Check } from "./check.js";
import { listCheck } from "./collection_check.js";
import type { FieldOptions } from "./field_options.js";
import { numberCheck } from "./number_check.js";
import { bytesCheck, stringCheck } from "./string_check.js";
import { timeCheck } from "./time_check.js";

/** A field of which the schema says nothing. */
export const NO_OPTIONS: FieldOptions = {
  required: false,
  bounds: { minLength: 0, maxLength: 0, maxItems: 0, min: undefined, max: undefined },
};

/** The check of one scalar; undefined: every value is acceptable. */
export const scalarCheck = (
  type: ScalarType,
  { required, bounds }: FieldOptions,
): Check | undefined => {
  switch (type) {
    case ScalarType.STRING:
      return stringCheck({ required, ...bounds });
    case ScalarType.BYTES:
      return bytesCheck({ required, ...bounds });
    case ScalarType.BOOL:
      return undefined;
    default:
      return numberCheck({ min: bounds.min, max: bounds.max });
  }
};

/** The check of a type that ts-proto decodes to something else than a message. */
export const wellKnownCheck = (type: DescMessage, required: boolean): Check => {
  switch (type.typeName) {
    case "google.protobuf.Timestamp":
      return timeCheck(required);
    case "google.protobuf.FieldMask":
      return listCheck({ required, maxItems: 0 }, scalarCheck(ScalarType.STRING, NO_OPTIONS));
    default:
      throw new Error(`no check is known for fields of type ${type.typeName}`);
  }
};

/** The check of a message in a field: set if required, and acceptable itself. */
export const embeddedCheck = (inner: Check | undefined, required: boolean): Check | undefined => {
  if (!required) return inner && ((value) => (value === undefined ? undefined : inner(value)));
  return (value) => (value === undefined ? bad("must be set") : inner?.(value));
};
