import type { Environment } from "../config/setting.js";
import { SETTINGS } from "../config/settings_table.js";
import { REDACTED, redactLooks } from "../telemetry/redaction.js";

/** Environment variables that hold secrets: the settings that are marked so, and the caller's token. */
const SECRET_VARIABLES = [
  "CURFEW_TOKEN",
  ...Object.values(SETTINGS).flatMap(({ name, secret }) => (secret ? [name] : [])),
];
/** Shorter pieces are no secrets, and would be found in ordinary words. */
const MIN_LENGTH = 6;

const secretOptions = (words: readonly string[]): readonly string[] =>
  words.flatMap((word, index) => {
    if (word === "--token") return words.slice(index + 1, index + 2);
    // Also an option that the command does not have, such as --password=….
    const value = /^--[\w-]*(?:token|password|secret|key)[\w-]*=(.*)$/s.exec(word)?.[1];
    return value === undefined ? [] : [value];
  });

/** A value as a message may repeat it: whole, a line of it, the password of a URL, escaped or not. */
const formsOf = (value: string): readonly string[] => {
  const password = /:\/\/[^/?#]*?:(.*)@/s.exec(value)?.[1] ?? "";
  const pieces = [value, value.trim(), password, ...value.split(/[\r\n]+/)];
  return pieces.flatMap((piece) => [piece, JSON.stringify(piece).slice(1, -1)]);
};

/**
 * Removes from a message whatever this command was given as a secret (D6): an error of a library
 * may repeat the value that it did not take.
 */
export const createRedaction = (
  words: readonly string[],
  environment: Environment,
): ((text: string) => string) => {
  const given = SECRET_VARIABLES.flatMap((name) => environment[name] ?? []);
  const values = [...given, ...secretOptions(words)]
    .flatMap(formsOf)
    .filter(({ length }) => length >= MIN_LENGTH)
    .sort((a, b) => b.length - a.length);
  return (text) =>
    redactLooks(values.reduce((rest, value) => rest.replaceAll(value, REDACTED), text));
};
