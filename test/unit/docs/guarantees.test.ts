import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SPECIFICATION = "docs/guarantees.md";
/** An id such as `L1` or `D10`. Parts of encoded text and the numbers of gRFCs are none. */
const ID = /(?<![\w%$./+=-]|gRFC )[LRANDOI]\d{1,2}(?![\w%+=/-])/g;

interface Guarantee {
  readonly id: string;
  /** Test files that the specification names as its proof. */
  readonly proofs: readonly string[];
}

const readGuarantees = (): readonly Guarantee[] =>
  readFileSync(SPECIFICATION, "utf8")
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const proofs = /^Proved by: (.*)$/m.exec(section)?.[1] ?? "";
      return {
        id: section.slice(0, section.indexOf("\n")),
        proofs: [...proofs.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file),
      };
    });

const filesBelow = (folder: string, revocation: RegExp): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => revocation.test(path));

/** Comments and string literals of a line: code itself names no guarantee. */
const proseOf = (line: string): string =>
  [...line.matchAll(/\/\/.*$|^\s*\*.*$|^\s*\/\*.*$|"[^"]*"|'[^']*'|`[^`]*`/g)].join(" ");

const idsIn = (text: string): string[] => [...text.matchAll(ID)].map(([id]) => id);

const guarantees = readGuarantees();
const defined = new Set(guarantees.map(({ id }) => id));

test("every id is defined once", () => {
  expect(defined.size).toBe(guarantees.length);
  expect([...defined].every((id) => idsIn(id).length === 1)).toBe(true);
});

test("code, tests, protos and documents mention only ids that are defined", () => {
  const code = ["src", "test", "faults", "bench"]
    .flatMap((folder) => filesBelow(folder, /\.(ts|tsx|lua)$/))
    .flatMap((path) =>
      readFileSync(path, "utf8")
        .split("\n")
        .flatMap((line) => idsIn(proseOf(line)).map((id) => ({ path, id }))),
    );
  const prose = [
    ...filesBelow("proto", /\.proto$/),
    ...filesBelow("docs", /\.md$/),
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
  ].flatMap((path) => idsIn(readFileSync(path, "utf8")).map((id) => ({ path, id })));

  expect([...code, ...prose].filter(({ id }) => !defined.has(id))).toEqual([]);
  // A pattern that finds nothing would pass, too.
  expect(new Set(code.map(({ id }) => id)).size).toBeGreaterThan(20);
});

test.each(guarantees.flatMap(({ id, proofs }) => proofs.map((file) => [id, file] as const)))(
  "%s is named in a title of %s",
  (id, file) => {
    const titles = [...readFileSync(file, "utf8").matchAll(/"[^"\n]*"|`[^`]*`/g)];

    expect(titles.some(([title]) => idsIn(title).includes(id))).toBe(true);
  },
);
