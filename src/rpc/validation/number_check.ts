import type { DescEnum } from "@bufbuild/protobuf";
import { bad, type Check } from "./check.js";

/** Bounds of a number, inclusive. */
export interface NumberBounds {
  readonly min: bigint | undefined;
  readonly max: bigint | undefined;
}

/** Accepts numbers and bigints within bounds; undefined: there are none. */
export const numberCheck = ({ min, max }: NumberBounds): Check | undefined => {
  if (min === undefined && max === undefined) return undefined;
  return (value) => {
    if (value === undefined) return undefined;
    if (typeof value !== "number" && typeof value !== "bigint") return bad("must be a number");
    // "Not at least" and "not at most", so that NaN is refused too.
    if (min !== undefined && !(value >= min)) return bad(`must be at least ${min}`);
    if (max !== undefined && !(value <= max)) return bad(`must be at most ${max}`);
    return undefined;
  };
};

/** Accepts the numbers that an enum has names for. */
export const enumCheck = (type: DescEnum, required: boolean): Check => {
  const known = new Set(type.values.map(({ number }) => number));
  const names = type.values.map(({ name }) => name).join(", ");
  return (value) => {
    if (value === undefined || value === 0) {
      return required ? bad(`must be set to one of ${names}`) : undefined;
    }
    return known.has(Number(value)) ? undefined : bad(`must be one of ${names}`);
  };
};
