import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LocalAdmin } from "../../../src/cli/local_admin.js";
import { importUsers } from "../../../src/core/users/import_users.js";
import { createHashJudge } from "../../../src/crypto/hash_judge.js";
import { uuidV7Source } from "../../../src/crypto/uuid_v7.js";
import { type MemoryIntake, memoryIntake } from "./memory_intake.js";
import { type Invocation, run } from "./recording_terminal.js";

const HASH = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

let folder: string;
let intake: MemoryIntake;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "curfew-import-"));
  intake = memoryIntake();
});
afterEach(() => rmSync(folder, { recursive: true }));

const hashProblem = createHashJudge();
const localAdmin: Partial<LocalAdmin> = {
  importUsers: (_settings, rows, watcher, how) =>
    importUsers({ intake, ids: uuidV7Source(), clock: { now: Date.now }, hashProblem })(
      rows,
      watcher,
      how,
    ),
};
const importing = (words: readonly string[], invocation: Invocation = {}) =>
  run(["users", "import", ...words], {
    localAdmin,
    environment: { DATABASE_URL: "postgres://db/curfew" },
    ...invocation,
  });

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("users import", () => {
  test("takes a file in and says how many", async () => {
    const path = file("users.csv", `username,password_hash\nann,${HASH}\nbob,${HASH}\n`);
    expect(await importing([path])).toMatchObject({
      exitCode: 0,
      output: "Imported 2 users; 0 there already; refused 0 rows.\n",
      errors: "",
    });
    expect(await importing([path])).toMatchObject({
      exitCode: 0,
      output: "Imported 0 users; 2 there already; refused 0 rows.\n",
    });
    expect([...intake.accounts.keys()]).toEqual(["ann", "bob"]);
  });

  test("refused rows are told and listed without their hashes, and end it with 1", async () => {
    const path = file(
      "users.jsonl",
      [
        JSON.stringify({ username: 'b"ob', password_hash: "plainmd5" }),
        "{",
        JSON.stringify({ username: "ann", password_hash: HASH }),
      ].join("\n"),
    );
    const report = join(folder, "refused.csv");
    const outcome = await importing([path, "--report", report]);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.output).toBe(
      `Imported 1 user; 0 there already; refused 2 rows (see ${report}).\n`,
    );
    expect(outcome.errors).toMatch(
      /^line 1 \(b"ob\): password_hash is malformed.*\nline 2: it is not JSON.*\n$/,
    );
    expect(readFileSync(report, "utf8")).toMatch(
      /^line,username,reason\n1,"b""ob","password_hash is malformed [^\n]*"\n2,"","it is not JSON[^\n]*"\n$/,
    );
    expect(readFileSync(report, "utf8") + outcome.errors).not.toContain("plainmd5");
  });

  test("only the first of many refused rows are told; the file next to the input has them all", async () => {
    const path = file("users.csv", `username,password_hash\n${"x,y\n".repeat(50)}`);
    const { errors, exitCode } = await importing([path]);
    expect(exitCode).toBe(1);
    expect(errors.trimEnd().split("\n")).toHaveLength(21);
    expect(errors).toContain(`more are in ${path}.refused.csv\n`);
    expect(readFileSync(`${path}.refused.csv`, "utf8").trimEnd().split("\n")).toHaveLength(51);
  });

  test("--dry-run writes nobody; --json counts", async () => {
    const path = file("users.csv", `username,password_hash\nann,${HASH}\n`);
    const { output } = await importing([path, "--dry-run", "--json"]);
    expect(JSON.parse(output)).toEqual({
      imported: 1,
      existing: 0,
      refused: 0,
      dry_run: true,
      stopped: false,
      report: null,
    });
    expect(intake.accounts.size).toBe(0);
  });

  test("reads standard input", async () => {
    const piped = `${JSON.stringify({ username: "ann", password_hash: HASH })}\n`;
    expect(await importing(["-", "--format", "jsonl"], { piped })).toMatchObject({ exitCode: 0 });
    expect(intake.accounts.size).toBe(1);
  });

  test.each<[string, readonly string[], number, RegExp]>([
    ["no file", ["nowhere.csv"], 1, /^curfew: The file cannot be read \(ENOENT.*Nothing was imp/],
    ["a folder", ["/tmp", "--format", "csv"], 1, /^curfew: .*(EISDIR|directory)/],
    ["no format", ["users.txt"], 2, /^curfew: Say what users\.txt holds: --format csv or/],
    ["another format", ["users.csv", "--format", "xml"], 2, /Allowed choices are csv, jsonl/],
  ])("%s is a sentence", async (_case, words, exitCode, sentence) => {
    const outcome = await importing(words);
    expect(outcome).toMatchObject({ exitCode, output: "" });
    expect(outcome.errors).toMatch(sentence);
  });

  test("a first line that will not do is a sentence, and nothing is imported", async () => {
    const outcome = await importing([file("users.csv", "username,password\nann,secret\n")]);
    expect(outcome).toMatchObject({ exitCode: 1, output: "" });
    expect(outcome.errors).toMatch(/^curfew: The first line names the columns: password: .*\n$/);
    expect(intake.accounts.size).toBe(0);
  });
});
