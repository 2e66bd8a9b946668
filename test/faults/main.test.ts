import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makePrivateFolder } from "../support/private_folder.js";

/** Runs what `npm run faults` runs. Nothing of it reaches the ledger. */
const runFaults = (...args: string[]) =>
  new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const folder = makePrivateFolder("faults");
    const files = ["--runs", join(folder, "runs.jsonl"), "--summary", join(folder, "summary.md")];
    const program = ["--import", "tsx", "faults/main.ts", ...files, ...args];
    const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });

describe("npm run faults", { timeout: 120_000 }, () => {
  test("ends with 0 for a schedule that finds nothing", async () => {
    const { code, output } = await runFaults("--replay", "8");
    expect(output).toContain("| violations | none |");
    expect(code).toBe(0);
  });

  test("ends with 1 for schedules and a defect, and names what was broken", async () => {
    // Whether one schedule shows the defect depends on the moment; about every second one does.
    const schedules = ["--pairs", "0", "--schedules", "60", "--seed", "8"];
    const { code, output } = await runFaults(...schedules, "--defect", "Redis-only blacklist");
    expect(output).toContain("planted: Redis-only blacklist");
    expect(output).toMatch(/seed \d+: L1 session \S+ was called valid after its end/);
    expect(code).toBe(1);
  });

  test("says which defects there are", async () => {
    const { code, output } = await runFaults("--defect", "nonesuch");
    expect(output).toContain("Redis-only blacklist");
    expect(code).toBe(1);
  });
});
