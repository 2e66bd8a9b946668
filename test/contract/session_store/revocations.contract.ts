import { expect, test } from "vitest";
import type { RevocationsPage, SessionStore } from "../../../src/core/ports/session_store.js";
import { waitUntil } from "../../support/wait_until.js";
import { addSession, addSessions, end, idsOf, NOW, newId, newSession } from "../samples.js";
import type { SessionStores } from "./fixture.js";

/** Revocations, their order, and their remaining records. */
export const describeRevocations = (stores: () => SessionStores): void => {
  test("a revocation is kept whole, with one event that tells of it (D7)", async () => {
    const { one, two, audit } = stores();
    const session = await addSession(one);
    const revocation = { reason: "ADMIN", at: NOW + 5, by: "service:cli" } as const;
    const ended = await end(one, session.id, { ...revocation, ip: "198.51.100.7", note: "stolen" });
    const kept = { ...session, end: { ...revocation, revision: 1n } };
    expect(ended).toEqual(kept);
    expect(await two.get(session.id)).toEqual(kept);
    expect(await audit.revocationEventOf(session.id)).toEqual({
      type: "SESSION_ENDED",
      at: NOW + 5,
      userId: session.userId,
      sessionId: session.id,
      actor: "service:cli",
      ip: "198.51.100.7",
      reason: "ADMIN",
      metadata: { note: "stolen" },
    });
  });

  test("a session ends once: of parallel revocations one is the revocation, and one event is written", async () => {
    const { one, two, databases } = stores();
    const session = await addSession(one);
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        end(i % 2 ? one : two, session.id, { at: NOW + i, by: `service:${i}` }),
      ),
    );
    const [ended, ...more] = outcomes.filter((outcome) => outcome !== undefined);
    expect(more).toEqual([]);
    expect((await one.get(session.id))?.end).toEqual(ended?.end);
    expect(await databases[0]("audit_events").where("type", "SESSION_ENDED")).toHaveLength(1);
  });

  test("several end together, in order, each with a revision of its own", async () => {
    const { one } = stores();
    const sessions = await addSessions(one, 4);
    await end(one, sessions[1]?.id ?? "");
    const ended = await one.transaction(async (tx) => {
      expect(await tx.revokeSessions([])).toEqual([]);
      return tx.revokeSessions(
        [...sessions, newSession()].map(({ id }) => ({
          sessionId: id,
          reason: "USER" as const,
          at: NOW,
          by: "",
        })),
      );
    });
    expect(new Set(idsOf(ended))).toEqual(
      new Set(idsOf([0, 2, 3].flatMap((i) => sessions[i] ?? []))),
    );
    expect(ended.map((session) => session.end?.revision)).toEqual([2n, 3n, 4n]);
  });

  test("what is rolled back has not ended, and tells nobody", async () => {
    const { one, audit } = stores();
    const session = await addSession(one);
    const failed = one.transaction(async (tx) => {
      await tx.revokeSessions([{ sessionId: session.id, reason: "USER", at: NOW, by: "" }]);
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await one.get(session.id)).toEqual(session);
    expect(await audit.revocationEventOf(session.id)).toBeUndefined();
    expect(await one.revocationsAfter(0n, 10)).toEqual({ revocations: [], lastRevision: 0n });
  });

  test("L7: who has seen a revision has seen all below it, however many end at once", async () => {
    const { one, two } = stores();
    const sessions = await addSessions(one, 120);
    let revocation = true;
    const seen: { id: string; revision: bigint }[] = [];
    const follow = async () => {
      const { revocations, lastRevision } = await two.revocationsAfter(
        seen.at(-1)?.revision ?? 0n,
        7,
      );
      for (const { sessionId, end } of revocations)
        seen.push({ id: sessionId, revision: end.revision });
      // The page and where the order ended are of one moment.
      if (revocations.length < 7) expect(seen.at(-1)?.revision ?? 0n).toBe(lastRevision);
      return revocations.length;
    };
    const reader = (async () => {
      while (revocation) await follow();
    })();
    const outcomes = await Promise.allSettled(
      sessions.map(({ id }, i) =>
        (i % 2 ? one : two).transaction(async (tx) => {
          await tx.lockSession(id);
          await tx.revokeSessions([{ sessionId: id, reason: "LOGOUT", at: NOW, by: "" }]);
          if (i % 10 === 0) throw new Error("rolled back");
        }),
      ),
    );
    revocation = false;
    await reader;
    while ((await follow()) > 0);

    const committed = sessions.filter((_, i) => outcomes[i]?.status === "fulfilled");
    expect(committed).toHaveLength(108);
    expect(new Set(seen.map(({ id }) => id))).toEqual(new Set(idsOf(committed)));
    expect(seen).toHaveLength(committed.length);
    const revisions = seen.map(({ revision }) => revision);
    expect(revisions).toEqual([...revisions].sort((a, b) => Number(a - b)));
    expect(await one.lastRevision()).toBe(revisions.at(-1));
  });

  test("L7: a later revision is never seen before an earlier one that is about to be", async ({
    skip,
  }) => {
    const { one, two, databases, parallelTransactions } = stores();
    skip(!parallelTransactions, "its transactions never overlap");
    const [first, second] = await addSessions(one, 2);
    if (!first || !second) throw new Error("They are there.");
    let later: Promise<unknown> = Promise.resolve();
    let committed = false;
    await one.transaction(async (tx) => {
      await tx.revokeSessions([{ sessionId: first.id, reason: "USER", at: NOW, by: "" }]);
      later = end(two, second.id).finally(() => {
        committed = true;
      });
      await waitUntil("the second waits for its turn, or has not", async () => {
        const { rows } = await databases[0].raw<{ rows: unknown[] }>(
          `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
           WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted`,
        );
        return committed || rows.length > 0;
      });
      expect((await two.revocationsAfter(0n, 10)).revocations).toEqual([]);
    });
    await later;
    expect(sessionIdsOf(await two.revocationsAfter(0n, 10))).toEqual(idsOf([first, second]));
  });

  test("a page of the order of revocations: whole, in order, and with where the order ends", async () => {
    const { one } = stores();
    expect(await one.revocationsAfter(5n, 10)).toEqual({ revocations: [], lastRevision: 0n });
    const sessions = await addSessions(one, 3);
    for (const [i, { id }] of sessions.entries()) await end(one, id, { at: NOW + i, by: `b${i}` });
    const recorded = sessions.map(({ id, userId, accessExpiresAt }, i) => ({
      sessionId: id,
      userId,
      end: { reason: "LOGOUT", at: NOW + i, by: `b${i}`, revision: BigInt(i + 1) },
      accessExpiresAt,
      pendingInvalidation: false,
    }));
    expect(await one.revocationsAfter(0n, 10)).toEqual({ revocations: recorded, lastRevision: 3n });
    expect(await one.revocationsAfter(1n, 1)).toEqual({
      revocations: [recorded[1]],
      lastRevision: 3n,
    });
    expect(await one.revocationsAfter(3n, 10)).toEqual({ revocations: [], lastRevision: 3n });
    expect(await one.revocationsAfter(9n, 10)).toEqual({ revocations: [], lastRevision: 3n });
  });

  test("L2: a revocation says whether some replica may still call the session live", async () => {
    const { one, joinRegistry } = stores();
    const [told, waiting] = await addSessions(one, 2);
    if (!told || !waiting) throw new Error("They are there.");
    const registry = joinRegistry();
    await registry.renew(["s1"], 60_000);
    await endAndInvalidate(one, told.id);
    await end(one, waiting.id);
    const pendingInvalidation = async () =>
      (await one.revocationsAfter(0n, 10)).revocations.map(
        (revocation) => revocation.pendingInvalidation,
      );
    expect(await pendingInvalidation()).toEqual([false, true]);
    await registry.leave();
    expect(await pendingInvalidation()).toEqual([false, false]);
  });

  test("all revocations that an access token can still ask about come after a known revision", async () => {
    const { one } = stores();
    expect(await one.relevantAfter(NOW)).toBe(0n);
    const [early, late, middle] = await addSessions(one, 3);
    if (!early || !late || !middle) throw new Error("They are there.");
    for (const { id } of [early, middle, late]) await end(one, id);
    expect(await one.relevantAfter(NOW)).toBe(0n);
    expect(await one.relevantAfter(early.accessExpiresAt)).toBe(1n);
    expect(await one.relevantAfter(late.accessExpiresAt)).toBe(1n);
    expect(await one.relevantAfter(middle.accessExpiresAt)).toBe(3n);
  });

  test("the last revision, of all and of one user", async () => {
    const { one } = stores();
    expect(await one.lastRevision()).toBe(0n);
    const mine = await addSession(one);
    const other = await addSession(one);
    await end(one, mine.id);
    await end(one, other.id);
    expect(await one.lastRevision()).toBe(2n);
    expect(await one.lastRevision(mine.userId)).toBe(1n);
    expect(await one.lastRevision(newId())).toBe(0n);
  });

  test("deletes only what ended before, is out of every token's and cache's reach, and is not the newest", async () => {
    const { one, joinRegistry } = stores();
    await joinRegistry().renew(["s1"], 0);
    const sessions = await addSessions(one, 5);
    const [first, second, pendingInvalidations, , newest] = sessions;
    if (!first || !second || !pendingInvalidations || !newest) throw new Error("They are there.");
    await endAndInvalidate(one, first.id);
    await endAndInvalidate(one, second.id);
    await end(one, pendingInvalidations.id);
    await endAndInvalidate(one, newest.id);

    const long = newest.accessExpiresAt + 1;
    expect(await one.deleteEnded(NOW, long, 10)).toBe(0);
    expect(await one.deleteEnded(NOW + 1, first.accessExpiresAt, 10)).toBe(0);
    expect(await one.deleteEnded(NOW + 1, first.accessExpiresAt + 1, 10)).toBe(1);
    expect(await one.get(first.id)).toBeUndefined();
    expect(await one.deleteEnded(NOW + 1, long, 10)).toBe(1);
    expect(await one.get(second.id)).toBeUndefined();
    expect(sessionIdsOf(await one.revocationsAfter(0n, 10))).toEqual(
      idsOf([pendingInvalidations, newest]),
    );
    expect(await one.lastRevision()).toBe(4n);
  });

  test("cleaners share the work: each ended session is deleted by one", async () => {
    const { one, two, joinRegistry, databases } = stores();
    await joinRegistry().renew(["s1"], 0);
    for (const { id } of await addSessions(one, 41)) await endAndInvalidate(one, id);
    const long = NOW + 24 * 3_600_000;
    const deleted = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? one : two).deleteEnded(NOW + 1, long, 6)),
    );
    for (let more = 1; more > 0; deleted.push(more)) more = await one.deleteEnded(NOW + 1, long, 6);
    expect(deleted.reduce((sum, count) => sum + count)).toBe(40);
    expect(await databases[0]("sessions").count({ n: "*" }).first()).toEqual({ n: "1" });
  });
};

/** Revokes a session and invalidates it on the hot server. */
const endAndInvalidate = async (store: SessionStore, sessionId: string): Promise<void> => {
  const ended = await end(store, sessionId);
  if (ended === undefined) throw new Error("It is live.");
  const told = { pendingInvalidations: { sessionId, end: ended.end }, shard: 0, serverId: "s1" };
  expect(await store.markInvalidated([told])).toEqual([sessionId]);
};

const sessionIdsOf = ({ revocations }: RevocationsPage): string[] =>
  revocations.map(({ sessionId }) => sessionId);
