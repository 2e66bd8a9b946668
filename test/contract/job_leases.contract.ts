import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { postgresJobLeases } from "../../src/postgres/job_leases.js";
import { countSessions } from "../../src/postgres/session_count.js";
import { postgresSessionCounts } from "../../src/postgres/session_counts.js";
import { plannedRows } from "../../src/postgres/statements.js";
import type { Engine } from "./primary_store.js";
import { useDatabases } from "./use_databases.js";

const LONG_MS = 60_000;

/** What must hold of the jobs that one replica does for all. */
export const describeJobLeases = (engine: Engine): void => {
  describe(`job leases on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const replicas = () =>
      [0, 1, 0, 1].map((i) => postgresJobLeases(databases()[i === 1 ? 1 : 0], randomUUID()));

    test("of many who ask at once one has the job, keeps it, and gives it up", async () => {
      const all = replicas();
      const taken = await Promise.all(all.map((leases) => leases.take("cleanup", LONG_MS)));
      expect(taken.filter(Boolean)).toHaveLength(1);
      const again = await Promise.all(all.map((leases) => leases.take("cleanup", LONG_MS)));
      expect(again).toEqual(taken);
      expect(await all[taken.indexOf(false)]?.take("sessionCounts", LONG_MS)).toBe(true);
      await all[taken.indexOf(true)]?.leave();
      expect(await all[taken.indexOf(false)]?.take("cleanup", LONG_MS)).toBe(true);
    });

    test("the job of a replica that died goes to another when its time is over", async () => {
      const [died, other] = replicas();
      expect(await died?.take("cleanup", LONG_MS)).toBe(true);
      expect(await other?.take("cleanup", LONG_MS)).toBe(false);
      await databases()[0].raw("UPDATE job_leases SET until = clock_timestamp()");
      expect(await other?.take("cleanup", LONG_MS)).toBe(true);
      expect(await died?.take("cleanup", LONG_MS)).toBe(false);
    });
  });

  describe(`sessionCounts on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const fill = (count: number, lastActivityAt: number, end: boolean) =>
      databases()[0].raw(
        `INSERT INTO sessions (session_id, user_id, created_at, last_activity_at, expires_at,
           access_expires_at, next_check_at, jti, device, ip, user_agent, refresh_generation,
           rotated_at, previous_rotated_at, revoked_at, end_reason, ended_by, revision, relevant_until)
         SELECT gen_random_uuid(), gen_random_uuid(), now(), ?, now() + interval '1 day', now(),
           now(), '', '', '', '', 1, now(), now(), e.at, e.reason, e.by,
           CASE WHEN e.at IS NULL THEN NULL ELSE n END, e.at
         FROM generate_series(1, ?::int) n,
           (SELECT CASE WHEN ? THEN now() END AS at, CASE WHEN ? THEN 'LOGOUT' END AS reason,
             CASE WHEN ? THEN 'x' END AS by) e`,
        [new Date(lastActivityAt), count, end, end, end],
      );

    test("counts every session in its state, in slices of any size, and tells all replicas", async () => {
      const now = Date.now();
      const liveAt = { now, idleTimeoutMs: 60_000 };
      const sessionCounts = postgresSessionCounts(databases()[1]);
      expect(await sessionCounts.read()).toBeUndefined();
      expect(await sessionCounts.take(liveAt)).toEqual({ live: 0, idle: 0, ended: 0 });
      await fill(7, now, false);
      await fill(3, now - 120_000, false);
      await fill(6, now, true);
      const counts = { live: 7, idle: 3, ended: 6 };
      for (const size of [1, 2, 3, 5, 6, 10, 1000]) {
        expect(await countSessions(plannedRows(databases()[0]), liveAt, size)).toEqual(counts);
      }
      expect(await postgresSessionCounts(databases()[0]).take(liveAt)).toEqual(counts);
      expect(await sessionCounts.read()).toEqual(counts);
    });
  });
};
