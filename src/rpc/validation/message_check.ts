import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { FieldViolation } from "../../core/errors.js";
import { at, type Check, type DecodedMessage, ENOUGH_VIOLATIONS } from "./check.js";
import { listCheck, mapCheck } from "./collection_check.js";
import type { FieldOptions, ReadFieldOptions } from "./field_options.js";
import { enumCheck } from "./number_check.js";
import { embeddedCheck, NO_OPTIONS, scalarCheck, wellKnownCheck } from "./singular_check.js";

/** Makes the checks of message types; undefined: every value is acceptable. */
export interface MessageChecks {
  /** Everything in the message, however deep. */
  readonly deep: (type: DescMessage) => Check | undefined;
  /** The same, but of repeated messages only how many there are. */
  readonly shallow: (type: DescMessage) => Check | undefined;
}

/** The field's value in a ts-proto message, where oneofs are unions. */
const getter = (field: DescField): ((message: DecodedMessage) => unknown) => {
  const name = field.localName;
  const union = field.oneof?.localName;
  if (union === undefined) return (message) => message[name];
  return (message) => {
    const chosen = message[union] as { $case: string; value: unknown } | undefined;
    return chosen?.$case === name ? chosen.value : undefined;
  };
};

const combine = (
  fields: readonly DescField[],
  checkOf: (field: DescField) => Check | undefined,
): Check | undefined => {
  const checks = fields.flatMap((field) => {
    const check = checkOf(field);
    return check === undefined ? [] : [{ name: field.name, read: getter(field), check }];
  });
  if (checks.length === 0) return undefined;
  return (message) => {
    let found: FieldViolation[] | undefined;
    for (const { name, read, check } of checks) {
      const violations = check(read(message as DecodedMessage));
      if (violations === undefined) continue;
      found = [...(found ?? []), ...at(name, violations)];
      if (found.length >= ENOUGH_VIOLATIONS) break;
    }
    return found;
  };
};

/** Makes checks from the options of the fields: once per type, which may contain itself. */
export const messageChecks = (optionsOf: ReadFieldOptions): MessageChecks => {
  const made = new Map<string, Check | undefined>();

  const elementCheck = (field: DescField, options: FieldOptions): Check | undefined => {
    if (field.scalar !== undefined) return scalarCheck(field.scalar, options);
    if (field.enum !== undefined) return enumCheck(field.enum, options.required);
    if (field.message === undefined) return undefined;
    return field.message.typeName.startsWith("google.protobuf.")
      ? wellKnownCheck(field.message, options.required)
      : embeddedCheck(deep(field.message), options.required);
  };

  const collectionCheck = (field: DescField, options: FieldOptions, element: Check | undefined) => {
    const bounds = { required: options.required, maxItems: options.bounds.maxItems };
    if (field.fieldKind === "map") {
      return mapCheck(bounds, scalarCheck(field.mapKey, NO_OPTIONS), element);
    }
    const anySize = !bounds.required && bounds.maxItems === 0;
    return element === undefined && anySize ? undefined : listCheck(bounds, element);
  };

  const fieldCheck = (field: DescField): Check | undefined => {
    const options = optionsOf(field);
    return field.fieldKind === "list" || field.fieldKind === "map"
      ? collectionCheck(field, options, elementCheck(field, { ...options, required: false }))
      : elementCheck(field, options);
  };

  const sizeCheck = (field: DescField): Check | undefined =>
    field.fieldKind === "list" && field.listKind === "message"
      ? collectionCheck(field, optionsOf(field), undefined)
      : fieldCheck(field);

  const deep = (type: DescMessage): Check | undefined => {
    if (made.has(type.typeName)) return made.get(type.typeName);
    // While its fields are looked at, a type that contains itself refers to this.
    made.set(type.typeName, (value) => made.get(type.typeName)?.(value));
    const check = combine(type.fields, fieldCheck);
    made.set(type.typeName, check);
    return check;
  };

  return { deep, shallow: (type) => combine(type.fields, sizeCheck) };
};
