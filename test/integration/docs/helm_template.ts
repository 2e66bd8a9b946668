/** The facts in a Helm template besides YAML, as far as they can be read without Helm. */
export interface TemplateFacts {
  /** Paths below `.Values`, for example `image.tag`. */
  readonly values: readonly string[];
  /** Names that are included. */
  readonly includes: readonly string[];
  /** Names that are defined. */
  readonly defines: readonly string[];
  /** How many blocks are opened, less how many are closed. */
  readonly openBlocks: number;
}

const ACTION = /\{\{-?\s*([\s\S]*?)\s*-?\}\}/g;

const actionsOf = (template: string): string[] =>
  [...template.matchAll(ACTION)].map(([, action]) => action ?? "");

const all = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, found]) => found ?? "");

export const templateFacts = (template: string): TemplateFacts => {
  const actions = actionsOf(template);
  const text = actions.join("\n");
  const opened = actions.filter((action) => /^(if|range|with|define)\b/.test(action)).length;
  const closed = actions.filter((action) => action === "end").length;
  return {
    values: all(text, /\$?\.Values\.([\w.]+)/g),
    includes: all(text, /include "([^"]+)"/g),
    defines: all(text, /^define "([^"]+)"/gm),
    openBlocks: opened - closed,
  };
};
