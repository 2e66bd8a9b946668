import type { Knex } from "knex";
import { expect, test } from "vitest";
import type { SessionStore } from "../../../src/core/ports/session_store.js";
import type { Session } from "../../../src/core/session/session.js";
import { addUser, IDLE_TIMEOUT_MS, NOW, newSession } from "../samples.js";
import type { SessionStores } from "./fixture.js";

const MAX_SESSIONS = 3;
const DEADLOCK = "40P01";

/** The transactions of the use cases, with the same locks in the same order. */
const steps = (store: SessionStore, userIds: readonly string[]) => {
  const byAge = (sessions: Session[]) => sessions.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const revocations = (sessions: readonly Session[]) =>
    sessions.map(({ id }) => ({ sessionId: id, reason: "USER" as const, at: NOW, by: "system" }));
  return {
    login: (userId: string, at: number) =>
      store.transaction(async (tx) => {
        await tx.lockUser(userId);
        const open = byAge(await tx.lockOpenSessionsOf(userId));
        await tx.insertSession(newSession({ userId, createdAt: at }), at);
        await tx.revokeSessions(
          revocations(open.slice(0, Math.max(0, open.length - MAX_SESSIONS + 1))),
        );
      }),
    endOne: (sessionId: string) =>
      store.transaction(async (tx) => {
        const session = await tx.lockSession(sessionId);
        if (session) await tx.revokeSessions(revocations([session]));
      }),
    endAll: (userId: string) =>
      store.transaction(async (tx) => {
        await tx.lockUser(userId);
        await tx.revokeSessions(revocations(await tx.lockOpenSessionsOf(userId)));
      }),
    endMatching: () =>
      store.transaction(async (tx) => {
        const liveAt = { now: NOW, idleTimeoutMs: IDLE_TIMEOUT_MS };
        await tx.revokeSessions(revocations(await tx.lockMatching({}, liveAt, 4, undefined)));
      }),
    changeRoles: (userId: string) =>
      store.transaction(async (tx) => {
        await tx.lockUser(userId);
        await tx.forgetHot(userId);
      }),
    touch: (sessionIds: readonly string[], at: number) =>
      store.touch(sessionIds.map((sessionId) => ({ sessionId, at }))),
    sweep: () =>
      store.transaction(async (tx) => {
        const due = await tx.lockDue(NOW + 10_000, 3);
        await tx.postponeChecks(
          due.slice(1).map(({ id }) => ({ sessionId: id, nextCheckAt: NOW + 20_000 })),
        );
        await tx.revokeSessions(revocations(due.slice(0, 1)));
      }),
    invalidate: async () => {
      const waiting = await store.pendingInvalidations({ limit: 50 });
      await store.markInvalidated(
        waiting
          .map((pendingInvalidations) => ({ pendingInvalidations, shard: 0, serverId: "s1" }))
          .reverse(),
      );
    },
    clean: () => store.deleteEnded(NOW + 1, NOW + 3_600_000, 5),
    read: () => store.sessionStatuses(userIds),
  };
};

/** Everything at once. */
export const describeParallelWork = (stores: () => SessionStores): void => {
  test("N4: logins, revocations, uses, sweeps, invalidations and cleanings never deadlock, and every ending is told of once", async () => {
    const { one, two, databases, joinRegistry } = stores();
    await joinRegistry().renew(["s1"], 60_000);
    const users = await Promise.all(Array.from({ length: 4 }, () => addUser(one)));
    const userIds = users.map(({ id }) => id);
    const work = [steps(one, userIds), steps(two, userIds)];
    let deadlocks = 0;
    const watch = (error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === DEADLOCK) deadlocks += 1;
    };
    for (const database of databases) database.on("query-error", watch);

    const random = randomSource(7);
    const known = async () => {
      const rows = await databases[0]("sessions").pluck<string[]>("session_id");
      return rows[random(rows.length)] ?? "";
    };
    const act = async (i: number) => {
      const {
        login,
        endOne,
        endAll,
        endMatching,
        changeRoles,
        touch,
        sweep,
        invalidate,
        clean,
        read,
      } = work[i % 2] as (typeof work)[number];
      const userId = userIds[random(userIds.length)] ?? "";
      const actions = [
        () => login(userId, NOW + i),
        () => login(userId, NOW + i),
        () => login(userId, NOW + i),
        async () => endOne(await known()),
        () => endAll(userId),
        endMatching,
        () => changeRoles(userId),
        async () => touch([await known(), await known(), await known()], NOW + i),
        sweep,
        invalidate,
        clean,
        read,
      ];
      await actions[random(actions.length)]?.();
    };
    const worker = async (first: number) => {
      for (let i = first; i < 400; i += 12) await act(i);
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => worker(i)));
    for (const database of databases) database.off("query-error", watch);

    expect(deadlocks).toBe(0);
    await expectInvariants(databases[0]);
  });

  test("a transaction that does end up in a deadlock is run again", async ({ skip }) => {
    const { one, two, parallelTransactions } = stores();
    skip(!parallelTransactions, "its transactions never overlap");
    const [a, b] = [await addUser(one), await addUser(one)];
    const waiting: (() => void)[] = [];
    /** Resolves for both when both have arrived, so that each holds the lock that the other wants. */
    const meet = () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length < 2) return;
        for (const go of waiting) go();
      });
    let runs = 0;
    const lockBoth = (store: SessionStore, first: string, second: string) =>
      store.transaction(async (tx) => {
        runs += 1;
        await tx.lockUser(first);
        if (runs <= 2) await meet();
        await tx.lockUser(second);
        await tx.updateUser(second, { displayName: first });
      });
    await Promise.all([lockBoth(one, a.id, b.id), lockBoth(two, b.id, a.id)]);
    expect(runs).toBeGreaterThanOrEqual(3);
    const nameOf = async (id: string) =>
      (await one.transaction((tx) => tx.readUser(id)))?.displayName;
    expect([await nameOf(a.id), await nameOf(b.id)]).toEqual([b.id, a.id]);
  });
};

const expectInvariants = async (database: Knex): Promise<void> => {
  const crowded = await database("sessions")
    .whereNull("revoked_at")
    .groupBy("user_id")
    .havingRaw("count(*) > ?", [MAX_SESSIONS])
    .select("user_id");
  expect(crowded).toEqual([]);
  const toldTwice = await database("audit_events")
    .where("type", "SESSION_ENDED")
    .groupBy("session_id")
    .havingRaw("count(*) > 1")
    .select("session_id");
  expect(toldTwice).toEqual([]);
  const untold = await database.raw<{ rows: unknown[] }>(
    `SELECT session_id FROM sessions s WHERE revoked_at IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM audit_events e
       WHERE e.session_id = s.session_id::text AND e.type = 'SESSION_ENDED'
     )`,
  );
  expect(untold.rows).toEqual([]);
};

/** A linear congruential generator: the same numbers in every run. */
const randomSource = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};
