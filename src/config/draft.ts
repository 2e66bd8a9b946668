import { strippedLine } from "../core/caller/header_text.js";
import { type Environment, fallbackText, type Setting } from "./setting.js";
import type { GivenSettings } from "./settings.js";
import { SETTINGS, type SettingKey } from "./settings_table.js";

/** Settings that have been read one by one, and not yet looked at together. */
export interface Draft {
  /** Without those that could not be read. */
  readonly values: Partial<GivenSettings>;
  /** Whether the environment has a text for it, be it good or bad. */
  isGiven(key: SettingKey): boolean;
  readonly production: boolean;
  /** The problems of single settings. */
  readonly problems: readonly string[];
}

const MAX_ECHOED = 60;

const describe = (declared: Setting, value: string, messages: readonly string[]): string => {
  const echo = declared.secret || value.length > MAX_ECHOED ? "" : `; it is "${value}"`;
  return `${declared.name} ${messages.join(", ")}${echo}.`;
};

/** Reads each setting by its schema. An empty text counts as none, as compose files write it. */
export const draftSettings = (environment: Environment): Draft => {
  const textOf = (key: SettingKey): string | undefined => {
    const declared: Setting = SETTINGS[key];
    const text = environment[declared.name];
    return (declared.verbatim || text === undefined ? text : strippedLine(text)) || undefined;
  };
  // A misspelt "prod" is a problem of its own; the others are judged as it was meant.
  const production = /^prod/i.test(textOf("environment") ?? "");
  const problems: string[] = [];
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const key of Object.keys(SETTINGS) as SettingKey[]) {
    const declared: Setting = SETTINGS[key];
    const text = textOf(key) ?? fallbackText(declared, production);
    const outcome = declared.schema.safeParse(text);
    if (outcome.success) values[key] = outcome.data;
    else {
      const messages = outcome.error.issues.map((issue) => issue.message);
      problems.push(describe(declared, text ?? "", messages));
    }
  }
  return {
    values: values as Partial<GivenSettings>,
    isGiven: (key) => textOf(key) !== undefined,
    production,
    problems,
  };
};
