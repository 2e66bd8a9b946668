import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { findOrInstall } from "../../support/debian_packages.js";
import { findExecutable, searchPath } from "../../support/executable.js";
import { findPostgresPrograms } from "../../support/postgres_programs.js";

const run = promisify(execFile);

const HEADER = `-- The schema that the migrations make, for reading and for review: they are what counts.
-- Written anew by scripts/schema.sh.`;

/** The schema of a database as SQL, without what differs from server to server. */
export const dumpSchema = async (url: string): Promise<string> => {
  const options = ["--schema-only", "--no-owner", "--no-privileges", "--no-tablespaces"];
  const { stdout } = await run(findPgDump(), [
    ...options,
    "--schema=public",
    "--exclude-table=curfew_migrations*",
    `--dbname=${url}`,
  ]);
  const statements = stdout
    .split("\n")
    // Comments of pg_dump's, settings of its session, and the guards of newer versions.
    .filter((line) => !/^(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict )/.test(line))
    .filter((line) => !/^(CREATE SCHEMA public;|COMMENT ON SCHEMA public )/.test(line))
    .join("\n")
    .replaceAll("public.", "")
    .replace(/\n{2,}/g, "\n\n")
    .trim();
  return `${HEADER}\n\n${statements}\n`;
};

const findPgDump = (): string =>
  findOrInstall(
    "pg_dump",
    () =>
      findExecutable(["pg_dump"]) ??
      findExecutable(["pg_dump"], [dirname(findPostgresPrograms().initdb), ...searchPath()]),
    ["postgresql-client"],
    "install PostgreSQL's client programs (Debian: apt-get install postgresql-client).",
  );
