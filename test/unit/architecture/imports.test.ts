import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findForbiddenImports } from "./dependency_rule.js";
import { findImportCycle } from "./import_cycle.js";
import { isScript, readSourceFiles } from "./source_file.js";

const MOST_LINES = 300;

const root = fileURLToPath(new URL("../../..", import.meta.url));
const files = readSourceFiles(root, "src");
const scripts = files.filter(isScript);

function pathsWhere(condition: (text: string) => boolean, among = scripts): string[] {
  return among.filter(({ text }) => condition(text)).map(({ path }) => path);
}

describe("the source", () => {
  test("keeps the dependency rule", () => {
    expect(scripts.flatMap(findForbiddenImports)).toEqual([]);
  });

  test("has no import cycle", () => {
    expect(findImportCycle(scripts)).toBeUndefined();
  });

  test("reads the environment only in src/config", () => {
    const outside = scripts.filter(({ path }) => !path.startsWith("src/config/"));

    expect(pathsWhere((text) => text.includes("process.env"), outside)).toEqual([]);
  });

  test("keeps clocks, chance and the process out of src/core", () => {
    const core = scripts.filter(({ path }) => path.startsWith("src/core/"));
    const impure = /\bprocess\.|\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(/;

    expect(pathsWhere((text) => impure.test(text), core)).toEqual([]);
  });

  test(`has no file over ${MOST_LINES} lines`, () => {
    expect(pathsWhere((text) => text.split("\n").length > MOST_LINES + 1, files)).toEqual([]);
  });

  test("has no grab-bag file", () => {
    const grabBags = /(?:^|\/)(?:utils?|helpers?|common|misc)\.tsx?$/;

    expect(scripts.map(({ path }) => path).filter((path) => grabBags.test(path))).toEqual([]);
  });
});
