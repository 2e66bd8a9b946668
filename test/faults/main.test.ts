import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makePrivateFolder } from "../support/private_folder.js";

/** Plays one schedule as `npm run faults` does. Nothing of it reaches the ledger. */
const replay = (...args: string[]) =>
  new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const folder = makePrivateFolder("faults");
    const files = ["--runs", join(folder, "runs.jsonl"), "--summary", join(folder, "summary.md")];
    const program = ["--import", "tsx", "faults/main.ts", "--replay", "8", ...files, ...args];
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
    const { code, output } = await replay();
    expect(output).toContain("| violations | none |");
    expect(code).toBe(0);
  });

  test("ends with 1 for the same schedule and a defect, and names what was broken", async () => {
    const { code, output } = await replay("--defect", "Redis-only blacklist");
    expect(output).toContain("planted: Redis-only blacklist");
    expect(output).toMatch(/seed 8: L1 session \S+ was called valid after its end/);
    expect(code).toBe(1);
  });

  test("says which defects there are", async () => {
    const { code, output } = await replay("--defect", "nonesuch");
    expect(output).toContain("Redis-only blacklist");
    expect(code).toBe(1);
  });
});
