import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Renewal, ReplicaRegistry } from "../../src/core/ports/replica_registry.js";
import { forgetReplicas, postgresReplicaRegistry } from "../../src/postgres/replica_registry.js";
import { postgresSessionStore } from "../../src/postgres/session_store.js";
import { waitUntil } from "../support/wait_until.js";
import type { Engine } from "./primary_store.js";
import { addSession, end } from "./samples.js";
import { useDatabases } from "./use_databases.js";

const LONG = 60_000;

/** The contract of every registry of replicas: at no time do two replicas use different hot servers. */
export const describeReplicaRegistry = (engine: Engine): void => {
  describe(`replica registry on ${engine.name}`, () => {
    const databases = useDatabases(engine);
    const join = (i = 0): ReplicaRegistry =>
      postgresReplicaRegistry(databases()[i % 2 ? 1 : 0], randomUUID());
    const epochsOf = (renewal: Renewal) => renewal.lease?.epochs;

    test("the first lease is granted, and renewed with the same epochs", async () => {
      const registry = join();
      const first = await registry.renew(["a", "b"], LONG);
      expect(first.lease?.serverIds).toEqual(["a", "b"]);
      expect(first.lease?.epochs).toHaveLength(2);
      expect((await registry.renew(["a", "b"], LONG)).lease).toEqual(first.lease);
    });

    test("R7: tells the store's time and how far revocations have come", async () => {
      const store = postgresSessionStore(databases()[0]);
      const registry = join();
      const before = await registry.renew(["s1"], LONG);
      expect(before.lastRevision).toBe(0n);
      expect(Math.abs(before.storeNow - Date.now())).toBeLessThan(60_000);
      const sessions = [await addSession(store), await addSession(store), await addSession(store)];
      const ended = await Promise.all(sessions.map(({ id }) => end(store, id)));
      const told = ended.map((session) => ({
        pendingInvalidations: { sessionId: session?.id ?? "", end: session?.end },
        shard: 0,
        serverId: "s1",
      }));
      const byRevision = told.sort((a, b) =>
        Number(
          (a.pendingInvalidations.end?.revision ?? 0n) -
            (b.pendingInvalidations.end?.revision ?? 0n),
        ),
      );
      const revision = async () => (await registry.renew(undefined, LONG)).lastRevision;
      // The last revision up to which every revocation is invalidated in every cache.
      expect(await revision()).toBe(0n);
      await store.markInvalidated(byRevision.slice(1, 2));
      expect(await revision()).toBe(0n);
      await store.markInvalidated(byRevision.slice(0, 1));
      expect(await revision()).toBe(2n);
      await store.markInvalidated(byRevision);
      expect(await revision()).toBe(3n);
      expect((await registry.renew(["s1"], LONG)).storeNow).toBeGreaterThanOrEqual(before.storeNow);
    });

    test("who leaves takes those away that were killed a day ago, and no other", async () => {
      const [database] = databases();
      const [leaving, staying] = [join(), join(1)];
      await leaving.renew(["s1"], LONG);
      await staying.renew(["s1"], LONG);
      const [killed, late] = [randomUUID(), randomUUID()];
      await database("replicas").insert([
        { replica_id: killed, trusts_until: database.raw("now() - interval '25 hours'") },
        { replica_id: late, trusts_until: database.raw("now() - interval '1 hour'") },
      ]);
      await leaving.leave();
      const left = await database("replicas").pluck<string[]>("replica_id");
      expect(left).toHaveLength(2);
      expect(left).toContain(late);
      expect((await staying.renew(["s1"], LONG)).lease).toBeDefined();
    });

    test("replicas that name the same servers share their epochs", async () => {
      const renewals = await Promise.all(
        Array.from({ length: 8 }, (_, i) => join(i).renew(["a", "b"], LONG)),
      );
      const [first] = renewals;
      expect(first?.lease).toBeDefined();
      for (const { lease } of renewals) expect(lease).toEqual(first?.lease);
    });

    test("a lease that names only other servers than another replica's is refused, and asks for none", async () => {
      const [one, other] = [join(), join(1)];
      const { lease } = await one.renew(["a", "b"], LONG);
      for (const servers of [["b", "a"], ["a"], ["a", "b", "c"], ["", ""], []])
        expect((await other.renew(servers, LONG)).lease, String(servers)).toBeUndefined();
      expect((await one.renew(["a", "b"], LONG)).lease).toEqual(lease);
      expect((await other.renew(["a", "b"], LONG)).lease).toEqual(lease);
    });

    test("a lease is granted by shards: of those that nobody trusts another server for", async () => {
      const [one, other] = [join(), join(1)];
      const { lease } = await one.renew(["a", "b"], LONG);
      const [epoch] = lease?.epochs ?? [];
      const part = { serverIds: ["a", ""], epochs: [epoch, ""] };
      expect((await other.renew(["a", "c"], LONG)).lease).toEqual(part);
      // A shard that is given up is free for another server, in a new epoch.
      expect((await one.renew(["a", ""], LONG)).lease).toEqual(part);
      const both = (await other.renew(["a", "c"], LONG)).lease;
      expect(both).toEqual({ serverIds: ["a", "c"], epochs: [epoch, expect.any(String)] });
      expect(both?.epochs[1]).not.toBe(lease?.epochs[1]);
      expect((await one.renew(["a", "b"], LONG)).lease).toEqual(part);
    });

    test("the memory of one process has a lease only while no other replica lives", async () => {
      const joinAlone = (i: 0 | 1): ReplicaRegistry =>
        postgresReplicaRegistry(databases()[i], randomUUID(), { isPrivate: true });
      const [one, other] = [joinAlone(0), joinAlone(1)];
      expect((await one.renew(["a"], LONG)).lease).toBeDefined();
      expect((await one.renew(["a"], LONG)).lease).toBeDefined();
      expect((await other.renew(["b"], LONG)).lease).toBeUndefined();
      // It lives, without a lease of its own.
      expect((await one.renew(["a"], LONG)).lease).toBeUndefined();
      expect((await other.renew(["b"], LONG)).lease).toBeUndefined();
      await one.leave();
      expect((await other.renew(["b"], LONG)).lease).toBeDefined();
    });

    test("leases of processes that are dead for certain are forgotten at once", async () => {
      const [dead, other] = [join(), join(1)];
      await dead.renew(["a"], LONG);
      await forgetReplicas(databases()[1]);
      expect((await other.renew(["b"], LONG)).lease).toBeDefined();
    });

    test.each<[string, (registry: ReplicaRegistry) => Promise<unknown>]>([
      ["leaves", (registry) => registry.leave()],
      ["gives its lease up", (registry) => registry.renew(undefined, LONG)],
      ["changes its mind itself", async () => undefined],
    ])("another server is adopted once the replica %s, in a new epoch", async (_, release) => {
      const registry = join();
      const before = await registry.renew(["a", "b"], LONG);
      await release(registry);
      const after = await registry.renew(["a", "c"], LONG);
      expect(epochsOf(after)?.[0]).toBe(epochsOf(before)?.[0]);
      expect(epochsOf(after)?.[1]).not.toBe(epochsOf(before)?.[1]);
    });

    test("a server that comes back after another comes in an epoch of its own", async () => {
      const registry = join();
      const epochs = [];
      for (const server of ["a", "b", "a", "b"])
        epochs.push(epochsOf(await registry.renew([server], LONG))?.[0]);
      expect(new Set(epochs).size).toBe(4);
    });

    test("a replica that died stands in the way until its lease has run out", async () => {
      const [dead, other] = [join(), join(1)];
      await dead.renew(["a"], 300);
      expect((await other.renew(["b"], LONG)).lease).toBeUndefined();
      await waitUntil(
        "the lease has run out",
        async () => (await other.renew(["b"], LONG)).lease !== undefined,
      );
      expect((await dead.renew(["a"], LONG)).lease).toBeUndefined();
    });

    test("leases granted at the same time all name the same servers", async () => {
      for (let round = 0; round < 5; round++) {
        const replicas = Array.from({ length: 10 }, (_, i) => join(i));
        const renewals = await Promise.all(
          replicas.map((replica, i) => replica.renew([i % 3 ? "a" : "b"], LONG)),
        );
        const granted = renewals.flatMap(({ lease }) => lease ?? []);
        expect(granted.length).toBeGreaterThan(0);
        for (const lease of granted) expect(lease).toEqual(granted[0]);
        await Promise.all(replicas.map((replica) => replica.leave()));
      }
    });

    test("leaving, also twice or without having come, concerns nobody else", async () => {
      const [one, other] = [join(), join(1)];
      await other.renew(["a"], LONG);
      await one.leave();
      await one.leave();
      expect((await one.renew(["b"], LONG)).lease).toBeUndefined();
    });
  });
};
