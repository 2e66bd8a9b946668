import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findForbiddenImports } from "./dependency_rule.js";
import { findImportCycle } from "./import_cycle.js";
import { isScript, readSourceFiles } from "./source_file.js";

const MAX_LINES = 500;
/** A file that is longer has become two things, with few exceptions. */
const LONG_LINES = 300;
const MAX_LONG_FILES = 3;

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

  test(`has at most ${MAX_LONG_FILES} files over ${LONG_LINES} lines, and none over ${MAX_LINES}`, () => {
    const longer = (lines: number) =>
      pathsWhere((text) => text.split("\n").length > lines + 1, files);

    expect(longer(MAX_LINES)).toEqual([]);
    expect(longer(LONG_LINES).length).toBeLessThanOrEqual(MAX_LONG_FILES);
  });

  test("has no grab-bag file", () => {
    const grabBags = /(?:^|\/)(?:utils?|helpers?|common|misc)\.tsx?$/;

    expect(scripts.map(({ path }) => path).filter((path) => grabBags.test(path))).toEqual([]);
  });
});
