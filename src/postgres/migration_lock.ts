import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { unavailable } from "../core/errors.js";

/** Any number, the same in every replica: who holds it migrates. */
export const MIGRATION_LOCK = 7_302_001;

/** Limits of the wait for another process that migrates. */
export interface MigrationWait {
  /** Gives up after this long, in milliseconds. */
  readonly limitMs: number;
  /** Receives a sentence that names the process it waits for, at first and then every `noticeMs`. */
  readonly onWait: (sentence: string) => void;
  /** Milliseconds from one notice to the next. */
  readonly noticeMs: number;
}

/** A migration of a large table takes minutes; a limit of this length is for a process that hangs. */
export const MIGRATION_WAIT: MigrationWait = {
  limitMs: 15 * 60_000,
  onWait: () => undefined,
  noticeMs: 10_000,
};

const LOOK_EVERY_MS = 100;

interface Holder {
  readonly pid: number;
  readonly application_name: string | null;
  readonly address: string | null;
  readonly since: number | null;
}

/** The two halves of a key stand in different columns (PostgreSQL, `pg_locks`). */
const HOLDER = `
  SELECT l.pid, a.application_name, host(a.client_addr) AS address,
    extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS since
  FROM pg_catalog.pg_locks l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = 0 AND l.objid = $1
    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())`;

const describeHolder = ({ pid, application_name, address, since }: Holder): string => {
  const who = application_name ? `"${application_name}"` : "another process";
  const from = address === null ? "" : ` from ${address}`;
  const time = since === null ? "" : `, for ${Math.round(since)} s`;
  return `${who}${from} (process ${pid} of PostgreSQL) holds the lock of migrations${time}`;
};

/**
 * Takes the lock of migrations for the transaction of `guard`.
 *
 * @throws CurfewError DEPENDENCY_UNAVAILABLE with a sentence that says who holds it, after `limitMs`
 */
export const lockMigrations = async (
  guard: pg.Client,
  { limitMs, onWait, noticeMs }: MigrationWait,
): Promise<void> => {
  const begun = performance.now();
  let noticeAt = begun;
  for (;;) {
    const { rows } = await guard.query<{ locked: boolean }>(
      "SELECT pg_try_advisory_xact_lock($1) AS locked",
      [MIGRATION_LOCK],
    );
    if (rows[0]?.locked === true) return;
    const now = performance.now();
    const isOver = now - begun >= limitMs;
    if (isOver || now >= noticeAt) {
      const [holder] = (await guard.query<Holder>(HOLDER, [MIGRATION_LOCK])).rows;
      // It may have let go in the meantime.
      if (holder !== undefined) {
        noticeAt = now + noticeMs;
        if (isOver)
          throw unavailable(
            new Error(
              `the database was not migrated: ${describeHolder(holder)}, and was waited for ${Math.round(limitMs / 1000)} s. Wait for it, or end it with SELECT pg_terminate_backend(${holder.pid})`,
            ),
          );
        onWait(
          `waiting to migrate the database, for at most ${Math.round((limitMs - (now - begun)) / 1000)} s more: ${describeHolder(holder)}`,
        );
      }
    }
    await sleep(LOOK_EVERY_MS);
  }
};
