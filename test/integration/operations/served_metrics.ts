import { REASONS } from "../../../src/core/errors.js";

/** Values of each label of each series that is served, from Prometheus's text format. */
export type ServedMetrics = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

const SERIES = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export const parseMetrics = (text: string): ServedMetrics => {
  const served = new Map<string, Map<string, Set<string>>>();
  for (const line of text.split("\n")) {
    const [, name, labels = ""] = SERIES.exec(line) ?? [];
    if (name === undefined) continue;
    const known = served.get(name) ?? new Map<string, Set<string>>();
    served.set(name, known);
    for (const [, label = "", value = ""] of labels.matchAll(LABEL)) {
      known.set(label, (known.get(label) ?? new Set()).add(value));
    }
  }
  return served;
};

/** The sum of all series of a name whose labels have the values given. */
export const sumOf = (text: string, name: string, labels: Record<string, string> = {}): number =>
  text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) =>
      Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);

/** Labels that Prometheus adds to every series. */
const ADDED_BY_PROMETHEUS = new Set(["instance"]);

/** Values that a label takes when something goes wrong. */
const POSSIBLE: Readonly<Record<string, readonly string[]>> = { reason: Object.keys(REASONS) };

/** One line for each metric or label in a PromQL expression that is not served. */
export const unserved = (expression: string, served: ServedMetrics): string[] => {
  const problems: string[] = [];
  const groupings = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = ""]) =>
    labels.split(",").map((label) => label.trim()),
  );
  const names: string[] = [];
  for (const [, name = "", matchers = ""] of expression.matchAll(
    /\b((?:curfew|nodejs|process)_\w+)(?:\{([^}]*)\})?/g,
  )) {
    names.push(name);
    const labels = served.get(name);
    if (labels === undefined) problems.push(`${name} is not served`);
    for (const [, label = "", operator = "", value = ""] of matchers.matchAll(
      /(\w+)(=~|!=|=)"([^"]*)"/g,
    )) {
      const values = labels?.get(label);
      if (values === undefined) problems.push(`${name} has no label ${label}`);
      else if (operator === "=" && !values.has(value) && !POSSIBLE[label]?.includes(value))
        problems.push(`${name} has no ${label}="${value}"`);
    }
  }
  if (names.length === 0) problems.push(`no metric of ours in ${expression}`);
  for (const label of groupings.filter((candidate) => !ADDED_BY_PROMETHEUS.has(candidate))) {
    if (!names.some((name) => served.get(name)?.has(label)))
      problems.push(`no metric in ${expression} has the label ${label}`);
  }
  return problems;
};
