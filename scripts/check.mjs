// Runs the checks, each an npm script and each even when one before it failed, and leaves the outcomes in
// .test/checks.json for count_results.mjs.
//
//   node scripts/check.mjs <npm script>...
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";

const REPORT = ".test/checks.json";

const outcomes = process.argv.slice(2).map((name) => {
  console.log(`\n== ${name}`);
  const { status } = spawnSync("npm", ["run", "--silent", name], { stdio: "inherit" });
  return { name, passed: status === 0 };
});

mkdirSync(".test", { recursive: true });
writeFileSync(REPORT, JSON.stringify(outcomes, null, 2));

console.log();
for (const { name, passed } of outcomes) console.log(`${passed ? "passed" : "FAILED"}  ${name}`);
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;
