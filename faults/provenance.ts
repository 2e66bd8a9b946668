import { execFileSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { findPostgresPrograms } from "../test/support/postgres_programs.js";
import { findRedisProgram } from "../test/support/redis.js";

/** What ran, and on what. */
export interface Provenance {
  /** Empty where there is no git. */
  readonly commit: string;
  /** Whether product or harness differed from the commit. */
  readonly uncommitted: boolean;
  readonly machine: string;
  readonly node: string;
  readonly postgres: string;
  readonly redis: string;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The files that a run writes itself do not change the tested program. */
const SOURCES = ["package-lock.json", "proto", "generated", "src", "test/support", "faults"];
const WRITTEN = [":!faults/runs.jsonl", ":!faults/summary.md"];

/** Read before the run, so that commits and changes made meanwhile do not count. */
export const provenance = (): Provenance => {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return {
    commit: firstLine("git", "rev-parse", "HEAD"),
    uncommitted: firstLine("git", "status", "--porcelain", "--", ...SOURCES, ...WRITTEN) !== "",
    machine: `${cpus().length} × ${cpu?.model.trim()}, ${memory} GiB`,
    node: process.version,
    postgres: version(firstLine(findPostgresPrograms().postgres, "--version")),
    redis: version(firstLine(findRedisProgram(), "--version")),
  };
};

/** The full hash of a commit. */
export const commitOf = (name: string): string =>
  firstLine("git", "rev-parse", "--verify", `${name}^{commit}`);

const firstLine = (program: string, ...args: string[]): string => {
  try {
    const options = { encoding: "utf8", stdio: "pipe", cwd: ROOT } as const;
    return execFileSync(program, args, options).split("\n")[0] ?? "";
  } catch {
    return "";
  }
};

const version = (text: string): string => /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? "unknown";
