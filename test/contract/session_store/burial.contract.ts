import { expect, test } from "vitest";
import type { PendingInvalidation, Told } from "../../../src/core/ports/session_store.js";
import { waitUntil } from "../../support/wait_until.js";
import { addSession, addSessions, addUser, end, idsOf, newId } from "../samples.js";
import type { SessionStores } from "./fixture.js";

const LONG = 60_000;

const toldTo = (
  serverId: string,
  pendingInvalidations: Told["pendingInvalidations"],
  shard = 0,
): Told => ({
  pendingInvalidations,
  shard,
  serverId,
});

/** The contract for the invalidations of the hot servers: which sessions, and until when (L4). */
export const describeInvalidation = (stores: () => SessionStores): void => {
  test("a revocation waits to be told, whole, until it has been", async () => {
    const { one, two, joinRegistry } = stores();
    await joinRegistry().renew(["s1"], LONG);
    const session = await addSession(one);
    expect(await two.pendingInvalidations({ limit: 10 })).toEqual([]);
    const ended = await end(one, session.id);
    const [waiting, ...more] = await two.pendingInvalidations({ limit: 10 });
    expect(more).toEqual([]);
    expect(waiting).toMatchObject({
      sessionId: session.id,
      userId: session.userId,
      end: ended?.end,
      accessExpiresAt: session.accessExpiresAt,
    });
    expect(await one.markInvalidated([toldTo("s1", waiting as PendingInvalidation)])).toEqual([
      session.id,
    ]);
    expect(await one.pendingInvalidations({ limit: 10 })).toEqual([]);
    expect(await one.markInvalidated([toldTo("s1", waiting as PendingInvalidation)])).toEqual([]);
    expect(await one.markInvalidated([])).toEqual([]);
  });

  test("what waits comes page by page, by id, of all users or of one", async () => {
    const { one } = stores();
    const sessions = await addSessions(one, 5);
    const [stranger] = await addSessions(one, 1);
    if (!stranger) throw new Error("It is there.");
    for (const { id } of [...sessions, stranger].reverse()) await end(one, id);
    const all = idsOf([...sessions, stranger]).sort();
    const ids = (page: PendingInvalidation[]) => page.map(({ sessionId }) => sessionId);
    expect(ids(await one.pendingInvalidations({ limit: 4 }))).toEqual(all.slice(0, 4));
    expect(ids(await one.pendingInvalidations({ limit: 4, after: all[3] ?? "" }))).toEqual(
      all.slice(4),
    );
    expect(ids(await one.pendingInvalidations({ limit: 10, userId: stranger.userId }))).toEqual([
      stranger.id,
    ]);
    expect(await one.pendingInvalidations({ limit: 10, userId: newId() })).toEqual([]);
  });

  test("L1: told to another server than the replicas agree on, it stays open", async () => {
    const { one, joinRegistry } = stores();
    const session = await addSession(one);
    const ended = await end(one, session.id);
    const pendingInvalidations = { sessionId: session.id, end: ended?.end };
    expect(await one.markInvalidated([toldTo("s1", pendingInvalidations)])).toEqual([]);

    const [trusting, other] = [joinRegistry(), joinRegistry()];
    await trusting.renew(["s1"], LONG);
    await other.renew(["s1"], LONG);
    expect(await one.markInvalidated([toldTo("s2", pendingInvalidations)])).toEqual([]);
    expect(await one.invalidatedAmong([session.id])).toEqual([]);
    // No replica uses it now, but its entries would count again for the next one that does.
    await trusting.leave();
    await other.renew(undefined, LONG);
    expect(await one.markInvalidated([toldTo("s2", pendingInvalidations)])).toEqual([]);
    expect(await one.pendingInvalidations({ limit: 1 })).toHaveLength(1);
    expect(await one.markInvalidated([toldTo("s1", pendingInvalidations)])).toEqual([session.id]);
  });

  test("each session counts with the server of its shard", async () => {
    const { one, joinRegistry } = stores();
    await joinRegistry().renew(["a", "b", "c"], LONG);
    const sessions = await addSessions(one, 3);
    const told: Told[] = [];
    for (const [shard, { id }] of sessions.entries()) {
      const ended = await end(one, id);
      told.push(toldTo(["a", "x", "c"][shard] ?? "", { sessionId: id, end: ended?.end }, shard));
    }
    const right = idsOf([0, 2].flatMap((shard) => sessions[shard] ?? []));
    expect(new Set(await one.markInvalidated(told))).toEqual(new Set(right));
  });

  test("told of a change, it has not been told of the end that followed", async () => {
    const { one, joinRegistry } = stores();
    await joinRegistry().renew(["s1"], LONG);
    const { id: userId } = await addUser(one);
    const [first, second] = await addSessions(one, 2, { userId });
    if (!first || !second) throw new Error("They are there.");
    const forgotten = await one.transaction((tx) => tx.forgetHot(userId));
    expect(new Set(forgotten)).toEqual(new Set([first.id, second.id]));
    const waiting = await one.pendingInvalidations({ limit: 10 });
    expect(waiting.map((change) => change.end)).toEqual([undefined, undefined]);
    const ended = await end(one, first.id);

    expect(await one.markInvalidated(waiting.map((change) => toldTo("s1", change)))).toEqual([
      second.id,
    ]);
    const pendingInvalidations = { sessionId: first.id, end: ended?.end };
    expect(await one.pendingInvalidations({ limit: 10 })).toMatchObject([pendingInvalidations]);
    expect(await one.markInvalidated([toldTo("s1", pendingInvalidations)])).toEqual([first.id]);
  });

  test("told of a change, it has not been told of the next one", async () => {
    const { one, joinRegistry } = stores();
    await joinRegistry().renew(["s1"], LONG);
    const session = await addSession(one);
    const change = async () => {
      await one.transaction((tx) => tx.forgetHot(session.userId));
      const [waiting] = await one.pendingInvalidations({ limit: 10 });
      return toldTo("s1", waiting as PendingInvalidation);
    };
    const earlier = await change();
    const later = await change();
    expect(await one.markInvalidated([earlier])).toEqual([]);
    expect(await one.markInvalidated([later])).toEqual([session.id]);
  });

  test("a change concerns live sessions only", async () => {
    const { one, joinRegistry } = stores();
    await joinRegistry().renew(["s1"], LONG);
    const session = await addSession(one);
    const ended = await end(one, session.id);
    await one.markInvalidated([toldTo("s1", { sessionId: session.id, end: ended?.end })]);
    expect(await one.transaction((tx) => tx.forgetHot(session.userId))).toEqual([]);
    expect(await one.pendingInvalidations({ limit: 10 })).toEqual([]);
  });

  test("invalidated in every cache is what was told, and everything once the last lease has run out", async () => {
    const { one, two, joinRegistry } = stores();
    const registry = joinRegistry();
    await registry.renew(["s1"], LONG);
    const [told, untold] = await addSessions(one, 2);
    if (!told || !untold) throw new Error("They are there.");
    const ended = await end(one, told.id);
    await end(one, untold.id);
    await one.markInvalidated([toldTo("s1", { sessionId: told.id, end: ended?.end })]);
    const reach = async () =>
      (await two.sessionStatuses([told.id, untold.id])).map(
        (sessionStatus) => sessionStatus?.pendingInvalidation,
      );

    expect(await two.invalidatedAmong([told.id, untold.id, newId()])).toEqual([told.id]);
    expect(await reach()).toEqual([false, true]);
    await registry.renew(["s1"], 100);
    await waitUntil("the lease has run out", async () =>
      (await two.invalidatedAmong([untold.id])).includes(untold.id),
    );
    expect(await reach()).toEqual([false, false]);
  });

  test("invalidated in every cache is what is in a shard that nobody has a lease of", async () => {
    const { one, joinRegistry } = stores();
    await joinRegistry().renew(["s1", ""], LONG);
    const [first, second] = await addSessions(one, 2);
    if (!first || !second) throw new Error("They are there.");
    await end(one, first.id);
    await end(one, second.id);
    const ids = [first.id, second.id];
    const shards = (count: number) => ({ count, of: (id: string) => (id === first.id ? 0 : 1) });
    expect(await one.invalidatedAmong(ids, shards(2))).toEqual([second.id]);
    expect(await one.invalidatedAmong(ids)).toEqual([]);
    // A replica that spreads sessions over other shards may hold any of them.
    expect(await one.invalidatedAmong(ids, shards(3))).toEqual([]);
    await joinRegistry().renew(["", "s2"], LONG);
    expect(await one.invalidatedAmong(ids, shards(2))).toEqual([]);
  });

  test("parallel invalidations of the same revocations each settle them or leave them to another", async () => {
    const { one, two, joinRegistry } = stores();
    await joinRegistry().renew(["s1"], LONG);
    const sessions = await addSessions(one, 30);
    for (const { id } of sessions) await end(one, id);
    const told = (await one.pendingInvalidations({ limit: 100 })).map((waiting) =>
      toldTo("s1", waiting),
    );
    const marked = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        (i % 2 ? one : two).markInvalidated(i % 3 ? told : [...told].reverse()),
      ),
    );
    expect(marked.flat().sort()).toEqual(idsOf(sessions).sort());
    expect(await one.pendingInvalidations({ limit: 1 })).toEqual([]);
  });
};
