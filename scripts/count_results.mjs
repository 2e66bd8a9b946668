// Sums up one CI run from vitest's JSON report and the report of check.mjs, and prints, as its last line,
// `N passed, N failed, N skipped`. Ends with 1 when anything failed.
//
//   node scripts/count_results.mjs <exit code of the tests> <exit code of the checks>
//
// A step that ended badly without a failure in its report, or left no report at all, counts as one failure.
import { readFileSync } from "node:fs";

const TESTS_REPORT = ".test/vitest.json";
const CHECKS_REPORT = ".test/checks.json";

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @returns {Counts} */
function countTests() {
  const report = readReport(TESTS_REPORT);
  // A file that could not be loaded, that failed in a hook or that left resources open has no failed test to show.
  const brokenFiles = report.testResults.filter(
    (file) =>
      file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** @returns {Counts} */
function countChecks() {
  const outcomes = readReport(CHECKS_REPORT);
  const passed = outcomes.filter((check) => check.passed).length;
  return { passed, failed: outcomes.length - passed, skipped: 0 };
}

function readReport(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

/** @returns {Counts} */
function countStep(name, exitCode, count) {
  let counts;
  try {
    counts = count();
  } catch (error) {
    console.error(`The ${name} left no report to count: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  if (exitCode !== 0 && counts.failed === 0) {
    console.error(`The ${name} ended with ${exitCode}, though nothing in their report failed.`);
    counts.failed = 1;
  }
  return counts;
}

const [testsExitCode, checksExitCode] = process.argv.slice(2).map(Number);
const steps = [
  countStep("tests", testsExitCode, countTests),
  countStep("checks", checksExitCode, countChecks),
];
const sum = (key) => steps.reduce((total, counts) => total + counts[key], 0);

process.exitCode = sum("failed") === 0 ? 0 : 1;
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
