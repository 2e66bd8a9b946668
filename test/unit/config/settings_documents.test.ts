import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load_settings.js";
import {
  renderEnvironmentExample,
  renderSettingsMarkdown,
} from "../../../src/config/settings_documents.js";
import { SETTINGS } from "../../../src/config/settings_table.js";

const names = Object.values(SETTINGS).map(({ name }) => name);
const example = new URL("../../../.env.example", import.meta.url);

test("the Markdown has one row of four cells for each setting", () => {
  const rows = renderSettingsMarkdown()
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  expect(rows.map((row) => /^\| `(\w+)`/.exec(row)?.[1])).toEqual(names);
  for (const row of rows) expect(row.split(" | ")).toHaveLength(4);
  for (const row of rows) expect(row).not.toMatch(/\|\s+\|/);
});

test(".env.example is what the settings' schema says", () => {
  expect(readFileSync(example, "utf8")).toBe(renderEnvironmentExample());
});

test(".env.example with every default uncommented is the default", () => {
  const uncommented = renderEnvironmentExample().replaceAll(/^#(?=[A-Z_]+=)/gm, "");
  const environment = parseEnv(uncommented);
  expect(Object.keys(environment).sort()).toEqual([...names].sort());
  const defaults = { ...loadSettings({}), jwtAlgorithmIsGiven: true };
  expect(loadSettings(environment)).toEqual(defaults);
});
