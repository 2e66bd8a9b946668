import { CHECK_SAMPLES } from "./passwords/check_samples.js";
import { isExcessive, MAX_CHECK_MEMORY_BYTES, type WorkKind } from "./passwords/check_work.js";
import { readPasswordHash } from "./passwords/read_password_hash.js";

/** Returns what is wrong with an encoded hash, in words that repeat no part of it, or undefined if the hash is good. */
export type HashJudge = (encoded: string) => Promise<string | undefined>;

/** How many times longer than on the reference machine a check of this kind takes here. */
export type MeasureSlowness = (kind: WorkKind) => Promise<number>;

/**
 * What one login may cost on this machine. Twice that (a password that NFC changes is tried both
 * ways) after the wait for another such login is within the deadline of a login (10 s).
 */
const MAX_LOGIN_MS = 2000;
/** The fastest of them counts: the first may have had to get its memory first. */
const SAMPLE_RUNS = 3;
const MIB = 1024 * 1024;

const UNKNOWN =
  "password_hash is malformed or of an unknown scheme: docs/migration.md lists the forms of argon2, bcrypt, PBKDF2 and scrypt that are accepted";

const tooCostly = (what: string): string => `password_hash costs too much to check: ${what}`;

const inSeconds = (ms: number): string => `${(ms / 1000).toPrecision(2)} s`;

/**
 * Judges hashes for an import: whether a login with them can be checked, and at what cost on this
 * machine, which is measured once for each kind of hash.
 */
export function createHashJudge(measure: MeasureSlowness = measureSlowness): HashJudge {
  const measured = new Map<WorkKind, Promise<number>>();
  const slownessOf = (kind: WorkKind): Promise<number> => {
    const known = measured.get(kind) ?? measure(kind);
    measured.set(kind, known);
    return known;
  };

  return async (encoded) => {
    const work = readPasswordHash(encoded)?.work;
    if (work === undefined) {
      return UNKNOWN;
    }
    if (work.memoryBytes > MAX_CHECK_MEMORY_BYTES) {
      const [needed, most] = [work.memoryBytes, MAX_CHECK_MEMORY_BYTES].map((bytes) =>
        Math.ceil(bytes / MIB),
      );
      return tooCostly(`it takes ${needed} MiB of memory; at most ${most} MiB are accepted`);
    }
    const ms = work.nominalMs * (await slownessOf(work.kind));
    return ms > MAX_LOGIN_MS || isExcessive(work)
      ? tooCostly(
          `about ${inSeconds(ms)} for one login on this machine; at most ${inSeconds(MAX_LOGIN_MS)} are accepted`,
        )
      : undefined;
  };
}

async function measureSlowness(kind: WorkKind): Promise<number> {
  const check = readPasswordHash(CHECK_SAMPLES[kind]);
  if (check === undefined) {
    throw new Error(`the sample of ${kind} is no hash`);
  }
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < SAMPLE_RUNS; run += 1) {
    // Processor time, so that other work on this machine does not count.
    const before = process.cpuUsage();
    await check.matches("");
    const { user, system } = process.cpuUsage(before);
    fastest = Math.min(fastest, (user + system) / 1000);
  }
  return fastest / check.work.nominalMs;
}
