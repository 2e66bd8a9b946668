import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const MAX_README_LINES = 40;
const rooms = readdirSync("src", { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => join("src", name));

/** Paths in backquotes that name a file or a folder; a glob stands for its folder. */
const pathsIn = (text: string): string[] =>
  [...text.matchAll(/`([\w/.*-]+(?:\.(?:ts|tsx|lua|md|sql|sh|json)|\/))`/g)]
    .map(([, path = ""]) => path.replace(/\*\.\w+$/, ""))
    .filter((path) => !path.startsWith("."));

test("docs/architecture.md names only files that exist", () => {
  const named = pathsIn(readFileSync("docs/architecture.md", "utf8"));

  expect(named.filter((path) => !existsSync(path))).toEqual([]);
  expect(named.length).toBeGreaterThan(20);
});

describe.each(rooms)("%s", (room) => {
  const readme = join(room, "README.md");

  test(`has a README of at most ${MAX_README_LINES} lines, which says what the folder may import`, () => {
    const text = readFileSync(readme, "utf8");

    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_README_LINES);
    expect(text).toMatch(/May import/);
    expect(text).toMatch(/Start reading/);
  });

  test("names only files that exist in its README", () => {
    const known = (path: string) =>
      [path, join(room, path), join("src", path)].some((candidate) => existsSync(candidate));

    expect(pathsIn(readFileSync(readme, "utf8")).filter((path) => !known(path))).toEqual([]);
  });
});
