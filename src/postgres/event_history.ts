import type { Knex } from "knex";
import type { EventPosition } from "../core/events/event_cursor.js";
import type { EventHistory } from "../core/ports/event_history.js";
import { EVENT_SOURCE } from "./event_source.js";
import { isUuid } from "./rows.js";
import type { Rows } from "./statements.js";

/** Refreshes of a session to look back on. */
const LATELY = 20;

type Counts = ReadonlyMap<string, number>;

/** The events before `handled`, in the follower's transaction. */
export const eventHistory = (rows: Rows, handled: EventPosition): EventHistory => {
  const counts = async (sql: string, bindings: readonly Knex.RawBinding[]): Promise<Counts> => {
    const found = await rows<{ subject: string; count: number }>(sql, bindings);
    return new Map(found.map(({ subject, count }) => [subject, count]));
  };

  return {
    async failedLogins(by, subjects, since) {
      const failed = (subject: string, of: readonly string[]) =>
        counts(
          `SELECT ${subject} AS subject, count(*)::int AS count FROM audit_events e
           WHERE ${subject} = ANY(?::text[]) AND e.type = 'LOGIN_FAILED' AND e.at >= ? GROUP BY 1`,
          [of as string[], new Date(since)],
        );
      if (by === "user") return failed("e.user_id", subjects);
      // Single addresses have an index; networks are searched among the recent failures.
      const networks = subjects.filter((subject) => subject.includes(":"));
      const addresses = subjects.filter((subject) => !subject.includes(":"));
      const ofAddresses = await failed("e.ip", addresses);
      if (networks.length === 0) return ofAddresses;
      return new Map([...ofAddresses, ...(await failed(EVENT_SOURCE, networks))]);
    },

    revocationsBy: (actors, since) =>
      counts(
        `SELECT e.actor AS subject, count(*)::int AS count FROM audit_events e
         WHERE e.at >= ? AND e.type = 'SESSION_ENDED' AND e.reason <> 'LOGOUT'
           AND e.actor = ANY(?::text[]) GROUP BY 1`,
        [new Date(since), actors as string[]],
      ),

    async toldOf(kind, since) {
      const found = await rows<{ subject: string }>(
        `SELECT DISTINCT coalesce(e.user_id, e.actor, e.ip) AS subject FROM audit_events e
         WHERE e.type = 'UNUSUAL_ACTIVITY' AND e.at >= ? AND e.reason = ?`,
        [new Date(since), kind],
      );
      return new Set(found.map(({ subject }) => subject));
    },

    async signInsOf(sessionIds) {
      const found = await rows<{
        session_id: string;
        device: string;
        user_agent: string;
        ip: string;
      }>(
        `SELECT s.session_id, s.device, s.user_agent, s.ip FROM sessions s
         WHERE s.session_id = ANY(?::uuid[])`,
        [sessionIds.filter(isUuid)],
      );
      return new Map(
        found.map((row) => [
          row.session_id,
          { device: row.device, userAgent: row.user_agent, ip: row.ip },
        ]),
      );
    },

    async addressesOf(sessionIds) {
      const found = await rows<{ session_id: string; addresses: string[] }>(ADDRESSES, [
        sessionIds as string[],
        handled.eventId.toString(),
        LATELY,
      ]);
      return new Map(found.map((row) => [row.session_id, row.addresses]));
    },

    async noteDevices(devices) {
      if (devices.length === 0) return [];
      const found = await rows<{ user_id: string; device: string; at: Date }>(NOTE_DEVICES, [
        devices.map(({ userId }) => userId),
        devices.map(({ device }) => device),
        devices.map(({ at }) => new Date(at)),
      ]);
      return found.map((row) => ({
        userId: row.user_id,
        device: row.device,
        at: row.at.getTime(),
      }));
    },
  };
};

const ADDRESSES = `
  SELECT asked.session_id, array_agg(DISTINCT lately.ip) AS addresses
  FROM unnest(?::text[]) AS asked (session_id)
  JOIN LATERAL (
    SELECT e.ip FROM audit_events e
    WHERE e.session_id = asked.session_id AND e.type IN ('LOGIN', 'REFRESHED')
      AND e.event_id <= ?::bigint
    ORDER BY e.event_id DESC LIMIT ?
  ) AS lately ON lately.ip <> ''
  GROUP BY 1`;

/**
 * Resolves to the devices that were not known, of users that had others before. A known device is recorded again once a
 * day, so that most logins write nothing here. "Before" is the snapshot that both reads share with the insert.
 */
const NOTE_DEVICES = `
  WITH used AS (
    SELECT u.user_id, u.device, u.at, u.place
    FROM unnest(?::text[], ?::text[], ?::timestamptz[])
      WITH ORDINALITY AS u (user_id, device, at, place)
  ),
  noted AS (
    INSERT INTO known_devices AS known (user_id, device, last_seen_at)
    SELECT used.user_id, used.device, used.at FROM used
    ON CONFLICT (user_id, device) DO UPDATE SET last_seen_at = excluded.last_seen_at
      WHERE known.last_seen_at < excluded.last_seen_at - interval '1 day'
  )
  SELECT used.user_id, used.device, used.at FROM used
  WHERE (
      EXISTS (SELECT 1 FROM known_devices k WHERE k.user_id = used.user_id)
      OR EXISTS (SELECT 1 FROM used u WHERE u.user_id = used.user_id AND u.place < used.place)
    )
    AND NOT EXISTS (
      SELECT 1 FROM known_devices k WHERE k.user_id = used.user_id AND k.device = used.device
    )`;
