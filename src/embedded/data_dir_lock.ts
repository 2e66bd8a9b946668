import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ProcessIdentity, sessionStatusOf, thisProcess } from "./process_identity.js";

export interface DataDirLock {
  /** Lets the next process in. */
  release(): Promise<void>;
}

/**
 * Makes this process the only one that uses a data directory, which is made if
 * it does not exist. The lock of a process that died is taken over. Rejects,
 * with an error that names it, while another process holds the lock.
 *
 * The lock is a folder of claims: files named 1, 2, 3 …, each made at once with
 * its owner in it. The highest is the one that holds. Removing a dead owner's
 * lock file and making a new one would let two processes in that do it at the
 * same time; making the next higher number succeeds for one of them only.
 */
export const lockDataDir = async (dataDir: string): Promise<DataDirLock> => {
  const folder = join(dataDir, "lock");
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw new Error(
      `The data directory ${dataDir} cannot be used (${cause.message}): make it writable, or set DATA_DIR to another directory.`,
      { cause },
    );
  });
  for (;;) {
    const newest = (await claimNumbers(folder)).at(-1) ?? 0;
    await refuseIfHeld(dataDir, folder, newest);
    const mine = newest + 1;
    if (!(await makeClaim(folder, mine))) continue;
    const others = (await claimNumbers(folder)).filter((number) => number !== mine);
    const overtaken = others.some((number) => number > mine);
    for (const old of overtaken ? [mine] : others) await rm(join(folder, `${old}`), IF_THERE);
    // A claim stays when it is given up, empty, so that numbers only ever rise.
    if (!overtaken) return { release: () => truncate(join(folder, `${mine}`)) };
  }
};

const IF_THERE = { force: true } as const;

const claimNumbers = async (folder: string): Promise<number[]> =>
  (await readdir(folder))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);

/** Resolves to whether the claim was made: not if that number exists. */
const makeClaim = async (folder: string, number: number): Promise<boolean> => {
  const { pid, host, startedAt } = await thisProcess();
  const draft = join(folder, `draft-${randomUUID()}`);
  await writeFile(draft, `${pid}\n${host}\n${startedAt}\n`);
  try {
    await link(draft, join(folder, `${number}`));
    return true;
  } catch (failure) {
    if (failure instanceof Error && "code" in failure && failure.code === "EEXIST") return false;
    throw failure;
  } finally {
    await rm(draft, IF_THERE);
  }
};

const refuseIfHeld = async (dataDir: string, folder: string, number: number): Promise<void> => {
  const owner = await ownerOf(join(folder, `${number}`));
  const sessionStatus = owner && (await sessionStatusOf(owner));
  if (owner === undefined || sessionStatus === "gone") return;
  throw new Error(
    sessionStatus === "running"
      ? `The data directory ${dataDir} is in use by process ${owner.pid}: stop that process, or set DATA_DIR to another directory.`
      : `The data directory ${dataDir} is in use by process ${owner.pid} on host ${owner.host}: stop that process, or set DATA_DIR to another directory. If that process is gone for certain, delete ${folder}.`,
  );
};

/** Undefined for a claim that was given up, or that is no longer there. */
const ownerOf = async (claim: string): Promise<ProcessIdentity | undefined> => {
  const text = await readFile(claim, "utf8").catch(() => "");
  const [pid = "", host = "", startedAt = ""] = text.split("\n");
  return host === "" ? undefined : { pid: Number(pid), host, startedAt };
};
