const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses a JSON object in UTF-8 (RFC 8259). Returns undefined for any other value and for an object that repeats a
 * member name at any depth: parsers differ in which of the two values they take (RFC 8725 §2.6, RFC 7519 §4).
 */
export function parseStrictJsonObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    return isObject(value) && !hasDuplicateMember(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;

/** Looks at a text that is known to be JSON. */
function hasDuplicateMember(json: string): boolean {
  // The names seen in each object that is open; undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  let nameComes = false;
  for (const [token] of json.matchAll(TOKENS)) {
    const names = open.at(-1);
    if (token === "{" || token === "[") {
      nameComes = token === "{";
      open.push(nameComes ? new Set() : undefined);
    } else if (token === "}" || token === "]") {
      nameComes = false;
      open.pop();
    } else if (token === ",") {
      nameComes = names !== undefined;
    } else if (nameComes && names !== undefined) {
      const name = JSON.parse(token) as string;
      if (names.has(name)) {
        return true;
      }
      names.add(name);
      nameComes = false;
    }
  }
  return false;
}
