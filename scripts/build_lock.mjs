import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

const LOOK_EVERY_MS = 100;

/** Whether the process that wrote the lock is gone: it was killed before it could remove it. */
const isAbandoned = (path) => {
  let pid;
  try {
    pid = Number(readFileSync(path, "utf8"));
  } catch {
    return false;
  }
  // Being written at this moment.
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
};

/** Waits until no other process holds the lock, and takes it. Returns what gives it back. */
export const acquireBuildLock = async (path) => {
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (isAbandoned(path)) rmSync(path, { force: true });
    else await wait(LOOK_EVERY_MS);
  }
};
