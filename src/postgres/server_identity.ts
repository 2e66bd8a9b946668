import type pg from "pg";
import { unavailable } from "../core/errors.js";

/**
 * Which primary a connection leads to. A standby that is promoted begins a
 * timeline with a higher number (PostgreSQL, "Timelines"), so of two servers of
 * one cluster that both say they are the primary, the one with the lower
 * number is a former primary.
 */
export interface ServerIdentity {
  /** PostgreSQL's system identifier: the same for a primary and its standbys. */
  readonly cluster: string;
  readonly timeline: number;
}

const IDENTITY = `
  SELECT c.system_identifier::text AS cluster,
    pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) AS timeline
  FROM pg_catalog.pg_control_system() c`;

/**
 * Reads the primary that a server belongs to. Undefined if the server does not report it, as some PostgreSQL-compatible
 * services do not.
 *
 * @throws CurfewError DEPENDENCY_UNAVAILABLE: the server is a standby
 */
export const readServerIdentity = async (
  connection: pg.Client,
): Promise<ServerIdentity | undefined> => {
  const { rows } = await connection.query<{ is_standby: boolean }>(
    "SELECT pg_catalog.pg_is_in_recovery() AS is_standby",
  );
  if (rows[0]?.is_standby === true)
    throw unavailable(
      new Error(`${connection.host}:${connection.port} is a standby, which only reads`),
    );
  try {
    const [found] = (await connection.query<{ cluster: string; timeline: string }>(IDENTITY)).rows;
    return found && { cluster: found.cluster, timeline: Number.parseInt(found.timeline, 16) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** SQLSTATEs of a function that is not there, not supported or not allowed (PostgreSQL, appendix A). */
const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && /^(0A000|42...|55000)$/.test(String(error.code));

export const identityText = ({ cluster, timeline }: ServerIdentity): string =>
  `${cluster}/${timeline}`;

/** Whether `other` was the primary before `known`. Unknown for different clusters. */
export const isFormer = (other: ServerIdentity, known: ServerIdentity): boolean =>
  other.cluster === known.cluster && other.timeline < known.timeline;

/** The primary that a pool of connections is for: the newest that any of them has found. */
export interface KnownPrimary {
  /** Undefined: none was found yet, or the server does not say. */
  current(): ServerIdentity | undefined;
  /**
   * Takes note of the server of a new connection.
   *
   * @returns whether that server replaces the one known so far, whose connections must not be used any more
   * @throws CurfewError DEPENDENCY_UNAVAILABLE: it is a former primary
   */
  admit(found: ServerIdentity): boolean;
}

export const createKnownPrimary = (): KnownPrimary => {
  let known: ServerIdentity | undefined;
  return {
    current: () => known,
    admit(found) {
      if (known !== undefined && isFormer(found, known))
        throw unavailable(
          new Error(
            `a former primary accepts connections: it is on timeline ${found.timeline}, the primary on ${known.timeline}`,
          ),
        );
      const isNew = known !== undefined && identityText(known) !== identityText(found);
      known = found;
      return isNew;
    },
  };
};
