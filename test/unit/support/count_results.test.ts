import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makePrivateFolder } from "../../support/private_folder.js";

const SCRIPT = join(import.meta.dirname, "../../../scripts/count_results.mjs");

const PASSED_FILE = { status: "passed", assertionResults: [{ status: "passed" }] };
const TESTS = {
  numPassedTests: 4,
  numFailedTests: 0,
  numPendingTests: 2,
  numTodoTests: 1,
  testResults: [PASSED_FILE],
};
const CHECKS = [
  { name: "lint", passed: true },
  { name: "types", passed: true },
];

interface Run {
  readonly tests?: object;
  readonly checks?: object;
  readonly testsExitCode?: number;
  readonly checksExitCode?: number;
}

/** The last line that the script prints, and its exit code. */
function count({ tests, checks, testsExitCode = 0, checksExitCode = 0 }: Run) {
  const folder = makePrivateFolder("count");
  mkdirSync(join(folder, ".test"));
  if (tests) writeFileSync(join(folder, ".test/vitest.json"), JSON.stringify(tests));
  if (checks) writeFileSync(join(folder, ".test/checks.json"), JSON.stringify(checks));
  const args = [SCRIPT, String(testsExitCode), String(checksExitCode)];
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  return { line: stdout.trimEnd().split("\n").at(-1), status };
}

test("sums tests and checks", () => {
  expect(count({ tests: TESTS, checks: CHECKS })).toEqual({
    line: "6 passed, 0 failed, 3 skipped",
    status: 0,
  });
});

test("counts failed tests, failed checks, and files that failed without a failed test", () => {
  const failedTest = { status: "failed", assertionResults: [{ status: "failed" }] };
  const leakingFile = { status: "failed", assertionResults: [{ status: "passed" }] };
  const unloadableFile = { status: "failed", assertionResults: [] };
  const tests = {
    ...TESTS,
    numFailedTests: 1,
    testResults: [PASSED_FILE, failedTest, leakingFile, unloadableFile],
  };
  const checks = [...CHECKS, { name: "proto", passed: false }];

  expect(count({ tests, checks, testsExitCode: 1, checksExitCode: 1 })).toEqual({
    line: "6 passed, 4 failed, 3 skipped",
    status: 1,
  });
});

test("counts a bad end that no report tells of, such as an unhandled rejection", () => {
  expect(count({ tests: TESTS, checks: CHECKS, testsExitCode: 1 })).toEqual({
    line: "6 passed, 1 failed, 3 skipped",
    status: 1,
  });
});

test("counts a step without a report as failed", () => {
  expect(count({ checks: CHECKS })).toEqual({ line: "2 passed, 1 failed, 0 skipped", status: 1 });
  expect(count({ tests: TESTS })).toEqual({ line: "4 passed, 1 failed, 3 skipped", status: 1 });
});
