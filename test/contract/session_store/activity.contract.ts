import { expect, test } from "vitest";
import { addSession, addSessions, end, NOW, newId } from "../samples.js";
import type { SessionStores } from "./fixture.js";

/** Activity on its way to the primary store (A3). */
export const describeActivity = (stores: () => SessionStores): void => {
  test("A3: moves the last activity forward, never back, and changes nothing else", async () => {
    const { one, two } = stores();
    const session = await addSession(one);
    const { id } = session;
    expect(await one.touch([{ sessionId: id, at: NOW + 2000 }])).toEqual([id]);
    expect(await two.get(id)).toEqual({ ...session, lastActivityAt: NOW + 2000 });
    expect(await two.touch([{ sessionId: id, at: NOW + 1000 }])).toEqual([id]);
    expect(await two.get(id)).toEqual({ ...session, lastActivityAt: NOW + 2000 });
  });

  test("A3: never inserts and never revives; what cannot be used any more is done with", async () => {
    const { one, databases } = stores();
    const session = await addSession(one);
    const ended = await end(one, session.id);
    const unknown = newId();
    const used = [session.id, unknown].map((sessionId) => ({ sessionId, at: NOW + 1000 }));
    expect(new Set(await one.touch(used))).toEqual(new Set([session.id, unknown]));
    expect(await one.get(session.id)).toEqual(ended);
    expect(await databases[0]("sessions").count({ n: "*" }).first()).toEqual({ n: "1" });
    expect(await one.touch([])).toEqual([]);
  });

  test("of parallel flushes of several replicas the newest use of each session stays", async () => {
    const { one, two } = stores();
    const sessions = await addSessions(one, 10);
    const uses = Array.from({ length: 12 }, (_, flush) =>
      sessions.map(({ id }, i) => ({
        sessionId: id,
        at: NOW + 60_000 + ((flush * 7 + i * 3) % 12) * 1000,
      })),
    );
    // Those that another flush holds are left out, so each flushes until it is done, as replicas do.
    await Promise.all(
      uses.map(async (all, flush) => {
        for (let left = all; left.length > 0; ) {
          const done = new Set(await (flush % 2 ? one : two).touch(left));
          left = left.filter(({ sessionId }) => !done.has(sessionId));
        }
      }),
    );
    for (const { id } of sessions)
      expect((await one.get(id))?.lastActivityAt).toBe(NOW + 60_000 + 11_000);
  });

  test("sessions that a transaction holds are left for the next flush, which nobody waits for", async ({
    skip,
  }) => {
    const { one, two, parallelTransactions } = stores();
    skip(!parallelTransactions, "its transactions never overlap");
    const [held, free] = await addSessions(one, 2);
    if (!held || !free) throw new Error("They are there.");
    const used = [held.id, free.id].map((sessionId) => ({ sessionId, at: NOW + 9000 }));
    await one.transaction(async (tx) => {
      await tx.lockSession(held.id);
      expect(await two.touch(used)).toEqual([free.id]);
    });
    expect((await one.get(held.id))?.lastActivityAt).toBe(NOW);
    expect(new Set(await two.touch(used))).toEqual(new Set([held.id, free.id]));
    expect((await one.get(held.id))?.lastActivityAt).toBe(NOW + 9000);
  });

  test("a flush that races a revocation moves nothing after the end", async () => {
    const { one, two } = stores();
    const sessions = await addSessions(one, 20);
    const uses = sessions.map(({ id }) => ({ sessionId: id, at: NOW + 100_000 }));
    const [ended] = await Promise.all([
      Promise.all(sessions.map(({ id }) => end(one, id))),
      Promise.all(Array.from({ length: 5 }, () => two.touch(uses))),
    ]);
    for (const session of ended) expect(await one.get(session?.id ?? "")).toEqual(session);
  });
};
