import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makePrivateFolder } from "../../test/support/private_folder.js";

/** Where Debian's package libfaketime puts it: below a folder named after the architecture. */
const LIBRARIES = "/usr/lib";
const LIBRARY = join("faketime", "libfaketimeMT.so.1");
const AN_HOUR_S = 3600;

/** A wall clock that can be set while the process that reads it runs. Its monotonic clock stays true. */
export interface FakeClock {
  /** What makes a process read it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sets it to so many seconds off the true time; processes notice within two seconds. */
  step(seconds: number): void;
}

/** Finds libfaketime, if it is there and works with this Node. */
export const findFakeTime = (): string | undefined => {
  const library = architectureFolders()
    .map((folder) => join(LIBRARIES, folder, LIBRARY))
    .find((path) => existsSync(path));
  if (library === undefined) return undefined;
  const file = join(makePrivateFolder("clock"), "offset");
  const clock = createFakeClock(library, file);
  clock.step(AN_HOUR_S);
  const script = "process.stdout.write(String(Date.now()))";
  const env = { PATH: process.env.PATH, ...clock.environment };
  const told = Number(execFileSync(process.execPath, ["-e", script], { env, encoding: "utf8" }));
  const ahead = (told - Date.now()) / 1000;
  return Math.abs(ahead - AN_HOUR_S) < 60 ? library : undefined;
};

/** @param file where its distance from the true time is written */
export const createFakeClock = (library: string, file: string): FakeClock => {
  const step = (seconds: number): void => {
    writeFileSync(file, `${seconds < 0 ? "" : "+"}${seconds}\n`);
  };
  mkdirSync(dirname(file), { recursive: true });
  step(0);
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    step,
  };
};

const architectureFolders = (): string[] => {
  try {
    return readdirSync(LIBRARIES).filter((name) => name.endsWith("-linux-gnu"));
  } catch {
    return [];
  }
};
