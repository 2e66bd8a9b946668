/// <reference lib="es2024.string" />
import { bad, type Check } from "./check.js";

/** Lengths are in Unicode code points. 0: no bound. */
export interface StringBounds {
  readonly required: boolean;
  readonly minLength: number;
  readonly maxLength: number;
}

const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** A code point takes one or two of the units that `length` counts, so counting is rarely needed. */
const isLonger = (text: string, most: number): boolean =>
  text.length > most && (text.length > 2 * most || codePoints(text) > most);

const isShorter = (text: string, least: number): boolean =>
  text.length < 2 * least && (text.length < least || codePoints(text) < least);

/**
 * Accepts text within bounds, without U+0000 (Postgres cannot store it) and
 * without halves of surrogate pairs (UTF-8 has none).
 */
export const stringCheck = ({ required, minLength, maxLength }: StringBounds): Check => {
  const needed = required || minLength > 0;
  return (value) => {
    if (value === "" || value === undefined) return needed ? bad("must be set") : undefined;
    if (typeof value !== "string") return bad("must be a string");
    if (maxLength > 0 && isLonger(value, maxLength)) {
      return bad(`must have at most ${maxLength} characters`);
    }
    if (minLength > 1 && isShorter(value, minLength)) {
      return bad(`must have at least ${minLength} characters`);
    }
    if (value.includes("\0")) return bad("must not contain U+0000");
    return value.isWellFormed() ? undefined : bad("must be well-formed Unicode");
  };
};

/** Accepts bytes within bounds, which count bytes here. */
export const bytesCheck = ({ required, minLength, maxLength }: StringBounds): Check | undefined => {
  const least = Math.max(minLength, required ? 1 : 0);
  if (least === 0 && maxLength === 0) return undefined;
  return (value) => {
    const length = value instanceof Uint8Array ? value.length : 0;
    if (length < least)
      return bad(length === 0 ? "must be set" : `must have at least ${least} bytes`);
    return maxLength > 0 && length > maxLength
      ? bad(`must have at most ${maxLength} bytes`)
      : undefined;
  };
};
