import type { JsonValue } from "@bufbuild/protobuf";
import type { Outcome } from "./question.js";

/** What one call makes anew and another makes otherwise, as patterns within any text. */
const ANEW: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, "<access token>"],
  [/\bcfr_[\w-]{76}/g, "<refresh token>"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "<time>"],
];
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

/** Members whose values each call has for itself, as a time that runs down between two calls. */
const OWN_MEMBERS = new Set([
  "revision",
  "user_agent",
  "expires_in",
  "next_page_token",
  "retryAfter",
]);

const mapTexts = (json: JsonValue, change: (text: string) => string, member = ""): JsonValue => {
  if (OWN_MEMBERS.has(member)) return `<${typeof json}>`;
  if (typeof json === "string") return change(json);
  if (Array.isArray(json)) return json.map((item) => mapTexts(item, change));
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [change(name), mapTexts(value, change, name)]),
  );
};

/**
 * An outcome without what each call makes anew: ids by the order in which they
 * appear, so that equal ids stay equal, and times, tokens and revisions by their
 * form. Two calls on subjects of the same kind come to the same.
 */
export const inKind = (outcome: Outcome): JsonValue => {
  const ids = new Map<string, string>();
  const idOf = (id: string): string => {
    const name = ids.get(id) ?? `<id ${ids.size + 1}>`;
    ids.set(id, name);
    return name;
  };
  return mapTexts(outcome as unknown as JsonValue, (text) =>
    ANEW.reduce((rest, [pattern, name]) => rest.replace(pattern, name), text).replace(UUID, idOf),
  );
};

/** An outcome without the members that time changes from one call to the next, at any depth. */
export const without = (outcome: Outcome, names: readonly string[]): JsonValue => {
  const cut = (json: JsonValue): JsonValue => {
    if (Array.isArray(json)) return json.map(cut);
    if (typeof json !== "object" || json === null) return json;
    return Object.fromEntries(
      Object.entries(json).map(([name, value]) => [
        name,
        names.includes(name) ? `<${typeof value}>` : cut(value),
      ]),
    );
  };
  return cut(outcome as unknown as JsonValue);
};
