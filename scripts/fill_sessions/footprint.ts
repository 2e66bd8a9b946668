import type pg from "pg";

/** The size of the population in Postgres, in bytes. */
export interface Footprint {
  readonly sessions: number;
  readonly heap: number;
  readonly indexes: number;
  readonly byIndex: readonly { readonly name: string; readonly bytes: number }[];
}

export const footprint = async (database: pg.Client): Promise<Footprint> => {
  const { rows } = await database.query<{ sessions: string; heap: string; indexes: string }>(
    `SELECT (SELECT count(*) FROM sessions) AS sessions,
       pg_table_size('sessions') AS heap, pg_indexes_size('sessions') AS indexes`,
  );
  const indexes = await database.query<{ name: string; bytes: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid) AS bytes
     FROM pg_index WHERE indrelid = 'sessions'::regclass ORDER BY 2 DESC`,
  );
  const [total] = rows;
  return {
    sessions: Number(total?.sessions),
    heap: Number(total?.heap),
    indexes: Number(total?.indexes),
    byIndex: indexes.rows.map(({ name, bytes }) => ({ name, bytes: Number(bytes) })),
  };
};

/** For people: in total, and for one session. */
export const describeFootprint = (found: Footprint): string => {
  const each = (bytes: number) => `${(bytes / found.sessions).toFixed(0)} bytes a session`;
  const mebibytes = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
  return [
    `${found.sessions} sessions: table ${mebibytes(found.heap)}, ${each(found.heap)}; indexes ${mebibytes(found.indexes)}, ${each(found.indexes)}`,
    ...found.byIndex.map(({ name, bytes }) => `  ${name} ${mebibytes(bytes)}`),
  ].join("\n");
};
