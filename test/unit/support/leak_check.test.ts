import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../../..");

/** The resources that the only test of each sample file leaves behind. */
const SAMPLES = {
  server: `(await import("node:net")).createServer().listen(0);`,
  timer: "setTimeout(() => {}, 60_000);",
  child: `(await import("node:child_process")).spawn("sleep", ["20"], { stdio: "ignore" });`,
  closing: "setTimeout(() => {}, 150);",
  unref: "setInterval(() => {}, 60_000).unref();",
};

let folder: string;
/** Messages of the failed sample files, by name. */
let failures: Record<string, string>;

/** One run of vitest for all samples, because a run takes a second to start. */
beforeAll(async () => {
  // Within the repository, for the samples to find vitest.
  folder = await mkdtemp(join(ROOT, "node_modules/.curfew-leak-check-"));
  for (const [name, body] of Object.entries(SAMPLES)) {
    await writeFile(
      join(folder, `${name}.test.mjs`),
      `import { test } from "vitest";\ntest("sample", async () => {${body}});\n`,
    );
  }
  const config = join(folder, "vitest.config.mjs");
  await writeFile(config, `export default ${JSON.stringify(configuration())};\n`);
  failures = readFailures(await runVitest(config));
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

function configuration() {
  return {
    root: folder,
    test: {
      pool: "forks",
      include: ["*.test.mjs"],
      exclude: [],
      maxWorkers: 3,
      reporters: ["json"],
      setupFiles: [join(ROOT, "test/support/leak_check.ts")],
    },
  };
}

function runVitest(config: string): Promise<string> {
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  return new Promise((done) => {
    // The run fails because the samples fail; the report names the failures.
    execFile(process.execPath, [vitest, "run", "--config", config], (_error, stdout) =>
      done(stdout),
    );
  });
}

function readFailures(report: string): Record<string, string> {
  const { testResults } = JSON.parse(report) as {
    testResults: { name: string; status: string; message: string }[];
  };
  return Object.fromEntries(
    testResults
      .filter(({ status }) => status === "failed")
      .map(({ name, message }) => [name.replace(/^.*\/(\w+)\.test\.mjs$/, "$1"), message]),
  );
}

test("a file fails that leaves a server, a timer or a child, not one with what closes or is unref'd", () => {
  expect(failures).toEqual({
    server: expect.stringContaining("This test file left open: 1 × TCPServerWrap."),
    timer: expect.stringContaining("This test file left open: 1 × Timeout."),
    child: expect.stringContaining("This test file left open: 1 × ProcessWrap."),
  });
});
