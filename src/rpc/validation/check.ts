import type { FieldViolation } from "../../core/errors.js";

/** The violations of a value, by paths that start at the value; undefined if there are none. */
export type Violations = readonly FieldViolation[] | undefined;

/** Judges a value as ts-proto decodes it. */
export type Check = (value: unknown) => Violations;

/** A message as ts-proto decodes it, by local names. */
export type DecodedMessage = Readonly<Record<string, unknown>>;

/** Where looking for more stops. */
export const ENOUGH_VIOLATIONS = 16;

/** The value itself is wrong. */
export const bad = (description: string): Violations => [{ field: "", description }];

/** Violations of a part, seen from the whole: `at("requests", at("[2]", …))`. */
export const at = (part: string, violations: Violations): FieldViolation[] =>
  (violations ?? []).map(({ field, description }) => ({
    field: field === "" || field.startsWith("[") ? `${part}${field}` : `${part}.${field}`,
    description,
  }));

/** The bytes of a request are none. */
export const MALFORMED_REQUEST: FieldViolation = {
  field: "request",
  description: "must be a message of the method's type in protobuf encoding, with text in UTF-8",
};
