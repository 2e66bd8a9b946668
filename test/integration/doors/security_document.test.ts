import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkNewPassword } from "../../../src/core/login/password_policy.js";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const DOCUMENT = readFileSync(join(ROOT, "SECURITY.md"), "utf8");

const sources = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
  .filter((file) => /\.test\.tsx?$/.test(file))
  .map((file) => readFileSync(join(ROOT, "test", file), "utf8"));

/** What tests are called, in the words of their files: the first argument of a call that has more. */
const titles = new Set(
  sources.flatMap((source) =>
    [...source.matchAll(/\(\s*"((?:[^"\\\n]|\\.)+)",/g)].map(([, title]) => title ?? ""),
  ),
);

/** OWASP ASVS 5.0: how many requirements each section of the four chapters has. */
const REQUIREMENTS: Readonly<Record<string, number>> = {
  "6.1": 3,
  "6.2": 12,
  "6.3": 8,
  "6.4": 6,
  "6.5": 8,
  "6.6": 4,
  "6.7": 2,
  "6.8": 4,
  "7.1": 3,
  "7.2": 4,
  "7.3": 2,
  "7.4": 5,
  "7.5": 3,
  "7.6": 2,
  "9.1": 3,
  "9.2": 4,
  "16.1": 1,
  "16.2": 5,
  "16.3": 4,
  "16.4": 3,
  "16.5": 4,
};

/** The rows of the table, with the test titles that they give as proof in code spans. */
const rows = DOCUMENT.split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, ids = "", , holds = "", proof = ""]) => ({
    ids: ids.split(", "),
    holds,
    proof,
    spans: [...proof.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  }));

/** Names of settings and methods are in code spans too. */
const isTestTitle = (text: string): boolean => text.includes(" ");
const isFile = (text: string): boolean => /^[\w./-]+\.(md|example|proto|ts)$/.test(text);

describe("the ASVS table of SECURITY.md", () => {
  test("answers every requirement of its chapters once, and no others", () => {
    const all = Object.entries(REQUIREMENTS).flatMap(([section, count]) =>
      Array.from({ length: count }, (_, index) => `${section}.${index + 1}`),
    );
    const answered = rows.flatMap(({ ids }) =>
      // A section stands for all its requirements.
      ids.flatMap((id) =>
        id in REQUIREMENTS ? all.filter((one) => one.startsWith(`${id}.`)) : id,
      ),
    );
    expect(answered.sort()).toEqual(all.sort());
    for (const { ids, holds } of rows)
      expect([ids, holds]).toEqual([ids, expect.toBeOneOf(["yes", "partly", "no"])]);
  });

  test.each(rows)("names tests and files that exist: $ids", ({ proof, spans }) => {
    expect(proof).not.toBe("");
    for (const title of spans.filter(isTestTitle)) expect(titles).toContain(title);
    for (const file of spans.filter(isFile)) expect(existsSync(join(ROOT, file))).toBe(true);
  });
});

test("the password policy is the one that SECURITY.md tells of", () => {
  const judge = (password: string) => () =>
    checkNewPassword("password", password, "ada", {
      minLength: 15,
      isCommon: () => false,
      contextWords: [],
    });
  expect(judge("x".repeat(14))).toThrow("INVALID_ARGUMENT");
  expect(judge("only small letters and spaces")).not.toThrow();
  const long = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
  expect(judge(long)).not.toThrow();
});
