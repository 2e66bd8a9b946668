import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const module = (path: string): string =>
  JSON.stringify(new URL(`../../../src/telemetry/${path}`, import.meta.url).href);

/** Runs code in a process that logs as the service does, and returns the result. */
const run = (code: string) => {
  const script = `
    import { createLogger } from ${module("logger.ts")};
    import { routeFailures } from ${module("process_failures.ts")};
    const logger = createLogger({ level: "info", people: false });
    routeFailures(logger);
    ${code}`;
  const args = ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const lines = stdout.split("\n").filter(Boolean);
  return { status, stderr, lines: lines.map((line) => JSON.parse(line)) };
};

test("D6 what nobody has caught is one line of the log, without secrets, and ends the process", () => {
  const { status, stderr, lines } = run(`
    process.once("beforeExit", () => logger.info("goes on"));
    setImmediate(() => { throw new Error("no\\npassword=hunter2"); });`);
  expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
  expect(lines).toEqual([
    expect.objectContaining({ level: "fatal", msg: "a failure nobody caught, ending" }),
  ]);
  expect(lines[0].err.message).toBe("no\npassword=[redacted]");
}, 30_000);

test("D5 a promise that nobody waited for is one line of the log, and the process lives", () => {
  const { status, stderr, lines } = run(`
    Promise.reject(new Error("refused"));
    Promise.reject(undefined);
    process.once("beforeExit", () => logger.info("goes on"));`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    ["error", "a failure nobody waited for"],
    ["error", "a failure nobody waited for"],
    ["info", "goes on"],
  ]);
}, 30_000);
