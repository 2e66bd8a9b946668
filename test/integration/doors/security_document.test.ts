import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkNewPassword } from "../../../src/core/password_policy.js";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const DOCUMENT = readFileSync(join(ROOT, "SECURITY.md"), "utf8");

const sources = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
  .filter((file) => /\.test\.tsx?$/.test(file))
  .map((file) => readFileSync(join(ROOT, "test", file), "utf8"));

/** What tests and groups of tests are called, in the words of their files. */
const names = new Set(
  sources.flatMap((source) =>
    [...source.matchAll(/"((?:[^"\\\n]|\\.)+)"/g)].map(([, name]) => name ?? ""),
  ),
);

/** The rows of the table whose requirement holds, with the names they give as a proof. */
const rows = DOCUMENT.split("\n")
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, id = "", , holds = "", proof = ""]) => ({
    id,
    holds,
    tests: [...proof.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  }));

/** Names of files, settings and methods are in code spans too. */
const isTestName = (text: string): boolean => text.includes(" ");

describe("the ASVS table of SECURITY.md", () => {
  test("has rows of every chapter, and answers each of them", () => {
    for (const chapter of ["6", "7", "9", "16"])
      expect(rows.some(({ id }) => id.startsWith(`${chapter}.`))).toBe(true);
    for (const { id, holds } of rows)
      expect([id, holds]).toEqual([id, expect.toBeOneOf(["yes", "partly", "no"])]);
  });

  test.each(rows)("names tests that exist: $id", ({ tests }) => {
    for (const name of tests.filter(isTestName)) expect(names).toContain(name);
  });
});

test("the password policy is the one that SECURITY.md tells of", () => {
  const judge = (password: string) => () => checkNewPassword("password", password, "ada", 15);
  expect(judge("x".repeat(14))).toThrow("INVALID_ARGUMENT");
  expect(judge("only small letters and spaces")).not.toThrow();
  const long = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
  expect(judge(long)).not.toThrow();
});
