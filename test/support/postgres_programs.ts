import { readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { findOrInstall } from "./debian_packages.js";
import { findExecutable, isExecutable, searchPath } from "./executable.js";

/** Where Debian keeps one folder of programs for each version, away from PATH. */
const DEBIAN_ROOT = "/usr/lib/postgresql";

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
  /** Part of the same packages. */
  readonly basebackup: string;
}

/** Finds, or installs as root on Debian, PostgreSQL's programs. */
export function findPostgresPrograms(): PostgresPrograms {
  return findOrInstall(
    "PostgreSQL",
    lookForPrograms,
    ["postgresql"],
    "set TEST_DATABASE_URL to a server (a container, say) whose user may create databases, or install " +
      "PostgreSQL 15 or newer (Debian: apt-get install postgresql).",
  );
}

function lookForPrograms(): PostgresPrograms | undefined {
  const initdb = findExecutable(
    ["initdb"],
    [...searchPath(), ...debianFolders()].filter(isComplete),
  );
  if (initdb === undefined) return undefined;
  const postgres = join(dirname(initdb), "postgres");
  // A folder of PATH may hold links to some of the programs.
  const basebackup = join(dirname(realpathSync(initdb)), "pg_basebackup");
  return { initdb, postgres, basebackup };
}

function isComplete(folder: string): boolean {
  return isExecutable(join(folder, "postgres"));
}

function debianFolders(): string[] {
  try {
    return readdirSync(DEBIAN_ROOT)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(DEBIAN_ROOT, version, "bin"));
  } catch {
    return [];
  }
}
