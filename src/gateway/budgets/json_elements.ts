const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENERS = new Set([0x5b, 0x7b]);
const CLOSERS = new Set([0x5d, 0x7d]);

/** The maximum depth of a request; no method needs more. */
const MAX_DEPTH = 32;

/**
 * Counts the parts of a JSON text without building it: at least the members and elements of all its levels. Stops at
 * the first excess.
 *
 * @returns the violation, or undefined
 */
export const excessOf = (
  bytes: Uint8Array,
  maxElements: number,
): "elements" | "depth" | undefined => {
  let elements = 0;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA) elements += 1;
    else if (OPENERS.has(byte)) {
      elements += 1;
      depth += 1;
      if (depth > MAX_DEPTH) return "depth";
    } else if (CLOSERS.has(byte)) depth -= 1;
    if (elements > maxElements) return "elements";
  }
  return undefined;
};
