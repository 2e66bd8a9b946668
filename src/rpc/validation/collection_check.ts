import type { FieldViolation } from "../../core/errors.js";
import { at, bad, type Check, ENOUGH_VIOLATIONS } from "./check.js";

/** 0: no bound. */
export interface CollectionBounds {
  readonly required: boolean;
  readonly maxItems: number;
}

const sizeViolation = (size: number, { required, maxItems }: CollectionBounds) => {
  if (required && size === 0) return bad("must have at least 1 element");
  return maxItems > 0 && size > maxItems
    ? bad(`must have at most ${maxItems} elements`)
    : undefined;
};

/** Accepts lists of acceptable size whose elements are all acceptable. */
export const listCheck = (bounds: CollectionBounds, element: Check | undefined): Check => {
  return (value) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [];
    const size = sizeViolation(list.length, bounds);
    if (size !== undefined || element === undefined) return size;
    let found: FieldViolation[] | undefined;
    for (let index = 0; index < list.length; index += 1) {
      const violations = element(list[index]);
      if (violations === undefined) continue;
      found = [...(found ?? []), ...at(`[${index}]`, violations)];
      if (found.length >= ENOUGH_VIOLATIONS) break;
    }
    return found;
  };
};

/** Accepts maps of acceptable size whose keys and values are all acceptable. */
export const mapCheck = (
  bounds: CollectionBounds,
  key: Check | undefined,
  element: Check | undefined,
): Check => {
  const list = listCheck(bounds, (entry) => {
    const [name, value] = entry as [unknown, unknown];
    return key?.(name) ?? element?.(value);
  });
  return (value) => list(Object.entries(value ?? {}));
};
