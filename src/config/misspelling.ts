import type { Environment } from "./setting.js";
import { SETTINGS } from "./settings_table.js";

const NAMES = Object.values(SETTINGS).map(({ name }) => name);
const PREFIX = "CURFEW_";
/** Names of the command line's own. */
const CLIENT_NAMES = new Set([
  "CURFEW_TARGET",
  "CURFEW_TOKEN",
  "CURFEW_TLS_CA",
  "CURFEW_TLS_CERT",
  "CURFEW_TLS_KEY",
]);

/** Fewest letters to insert, delete or replace to come from one text to the other (Levenshtein). */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (let column = 0; column < to.length; column += 1) {
      const replaced = (row[column] ?? 0) + (letter === to[column] ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
};

/** The setting that a foreign name was probably meant to be. */
const meant = (name: string): string | undefined => {
  const bare = name.toUpperCase().replaceAll("-", "_");
  const unprefixed = bare.startsWith(PREFIX) ? bare.slice(PREFIX.length) : bare;
  const candidates = NAMES.map((ours) => ({ ours, apart: distance(unprefixed, ours) }))
    .filter(({ ours, apart }) => apart <= Math.max(1, Math.min(6, Math.floor(ours.length / 5))))
    // Short names are near to too many others: HOME is not HOST.
    .filter(({ ours, apart }) => ours.length >= 7 || apart === 0)
    .sort((left, right) => left.apart - right.apart);
  return candidates[0]?.ours;
};

/** One sentence for each name in the environment that is not ours and looks as if it should be. */
export const misspellingWarnings = (environment: Environment): readonly string[] =>
  Object.keys(environment)
    .filter((name) => !NAMES.includes(name) && !CLIENT_NAMES.has(name))
    .flatMap((name) => {
      const ours = meant(name);
      return ours === undefined || environment[ours] !== undefined
        ? []
        : [`${name} is not a setting: did you mean ${ours}?`];
    });
