import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDataDir } from "../../../src/embedded/data_dir_lock.js";

let parent: string;
let dataDir: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "curfew-lock-"));
  dataDir = join(parent, "data");
});
afterEach(() => rm(parent, { recursive: true, force: true }));

/** Makes the newest claim that of another process. */
const leaveClaim = async (pid: number, host: string, startedAt: string): Promise<void> => {
  await (await lockDataDir(dataDir)).release();
  await writeFile(join(dataDir, "lock", "1"), `${pid}\n${host}\n${startedAt}\n`);
};

const endedProcess = async (): Promise<number> => {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid ?? 0;
};

test("a second lock is refused by name, until the first is released", async () => {
  const lock = await lockDataDir(dataDir);
  await expect(lockDataDir(dataDir)).rejects.toThrow(
    `The data directory ${dataDir} is in use by process ${process.pid}: stop that process`,
  );
  await lock.release();
  await (await lockDataDir(dataDir)).release();
});

test("the lock of a process that died is taken over", async () => {
  await leaveClaim(await endedProcess(), hostname(), "12345");
  await (await lockDataDir(dataDir)).release();
});

test.runIf(process.platform === "linux")(
  "so is one whose process id now belongs to another process, or to this one",
  async () => {
    for (const pid of [process.pid, process.ppid]) {
      await leaveClaim(pid, hostname(), "1");
      await (await lockDataDir(dataDir)).release();
      await rm(dataDir, { recursive: true });
    }
  },
);

test("the lock of another host stays, and the message says what to delete", async () => {
  await leaveClaim(1, "elsewhere", "5");
  await expect(lockDataDir(dataDir)).rejects.toThrow(
    new RegExp(`by process 1 on host elsewhere: .* delete ${join(dataDir, "lock")}`),
  );
});

test("of many that find a dead owner at the same time, one gets in", async () => {
  const pid = await endedProcess();
  for (let round = 0; round < 10; round += 1) {
    await leaveClaim(pid, hostname(), "12345");
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(dataDir)));
    const winners = tries.filter((attempt) => attempt.status === "fulfilled");
    expect(winners).toHaveLength(1);
    await winners[0]?.value.release();
    await rm(dataDir, { recursive: true });
  }
});

test("many locks and releases in parallel never overlap", async () => {
  let inside = 0;
  let entered = 0;
  const contend = async (): Promise<void> => {
    for (let round = 0; round < 30; round += 1) {
      const lock = await lockDataDir(dataDir).catch(() => undefined);
      if (lock === undefined) continue;
      inside += 1;
      entered += 1;
      expect(inside).toBe(1);
      // Gives the others time to try.
      await readdir(dataDir);
      inside -= 1;
      await lock.release();
    }
  };
  await Promise.all(Array.from({ length: 6 }, contend));
  expect(entered).toBeGreaterThan(1);
  const left = await readdir(join(dataDir, "lock"));
  expect(left).toHaveLength(1);
  expect(await readFile(join(dataDir, "lock", left[0] ?? ""), "utf8")).toBe("");
});

test("a path that cannot be a directory is refused with what to do", async () => {
  await writeFile(dataDir, "a file");
  await expect(lockDataDir(dataDir)).rejects.toThrow(/cannot be used .* set DATA_DIR/);
});
