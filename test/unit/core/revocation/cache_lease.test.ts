import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { cacheLeaseStage, revocation } from "../cache_lease_stage.js";

const LEASE_MS = 15_000;
const OUTAGE = { reason: "DEPENDENCY_UNAVAILABLE" };

describe("trust in the hot store", () => {
  test("begins with a lease in the registry, and then with what the servers have missed", async () => {
    const stage = cacheLeaseStage();
    stage.waiting = [revocation("a"), revocation("b")];
    expect(stage.cacheLease.lease()).toBeUndefined();
    await stage.cacheLease.heartbeat();
    expect(stage.log).toEqual(["renew s1", "invalidate a b"]);
    expect(stage.cacheLease.lease()).toEqual({ serverIds: ["s1"], epochs: ["1"] });
  });

  test("what the servers have missed is told to the last page", async () => {
    const stage = cacheLeaseStage();
    stage.waiting = Array.from({ length: 2500 }, (_, i) => revocation(`${i}`.padStart(5, "0")));
    stage.notes = false;
    await stage.cacheLease.heartbeat();
    const told = stage.log.filter((line) => line.startsWith("invalidate"));
    expect(told.map((line) => line.split(" ").length - 1)).toEqual([1000, 1000, 500]);
    expect(stage.cacheLease.lease()).toBeDefined();
  });

  test("L3: does not begin when what was missed went to another server than the lease names", async () => {
    const stage = cacheLeaseStage();
    stage.waiting = [revocation("a")];
    stage.notes = false;
    stage.invalidatesAt = ["s2"];
    await stage.cacheLease.heartbeat();
    expect(stage.cacheLease.lease()).toBeUndefined();
    stage.invalidatesAt = undefined;
    stage.elapsed += 1000;
    await stage.cacheLease.heartbeat();
    expect(stage.cacheLease.lease()).toBeDefined();
  });

  test("does not begin when the servers cannot be told, nor while another replica's lease dissents", async () => {
    const stage = cacheLeaseStage();
    stage.refused = true;
    await stage.cacheLease.heartbeat();
    expect(stage.cacheLease.lease()).toBeUndefined();
    stage.refused = false;
    stage.waiting = [revocation("a")];
    stage.servers = ["s1"];
    stage.elapsed += 1000;
    stage.storeDown = true;
    await expect(stage.cacheLease.heartbeat()).rejects.toMatchObject(OUTAGE);
    expect(stage.cacheLease.lease()).toBeUndefined();
  });

  test("is renewed every second, as the same lease", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    const lease = stage.cacheLease.lease();
    for (let i = 0; i < 40; i++) {
      stage.elapsed += 100;
      await stage.cacheLease.heartbeat();
    }
    expect(stage.log.filter((line) => line === "renew s1")).toHaveLength(5);
    expect(stage.cacheLease.lease()).toBe(lease);
  });

  test("outlasts Postgres by no more than its lease", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    const lease = stage.cacheLease.lease();
    stage.storeDown = true;
    stage.elapsed = LEASE_MS - 600;
    await stage.cacheLease.heartbeat().catch(() => undefined);
    expect(stage.cacheLease.lease()).toBe(lease);
    expect(lease && stage.cacheLease.holds(lease, "a")).toBe(true);
    stage.elapsed = LEASE_MS - 500;
    expect(stage.cacheLease.lease()).toBeUndefined();
    expect(lease && stage.cacheLease.holds(lease, "a")).toBe(false);
  });

  test("Postgres counts as lost until it has answered again, also between two questions", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    expect(stage.cacheLease.primaryStoreAnswers()).toBe(true);
    stage.storeDown = true;
    for (stage.elapsed = 1000; stage.elapsed < 2 * LEASE_MS; stage.elapsed += 100) {
      // The hot server goes as well, and comes back.
      stage.servers =
        stage.elapsed > LEASE_MS && stage.elapsed < LEASE_MS + 3000 ? undefined : ["s1"];
      await expect(stage.cacheLease.heartbeat()).rejects.toMatchObject(OUTAGE);
      expect(stage.cacheLease.primaryStoreAnswers()).toBe(false);
    }
    stage.storeDown = false;
    stage.elapsed += 1000;
    await stage.cacheLease.heartbeat();
    expect(stage.cacheLease.primaryStoreAnswers()).toBe(true);
    expect(stage.cacheLease.lease()).toBeDefined();
  });

  test("is steady since the first of its renewals that had no outage and no stall between them", async () => {
    const stage = cacheLeaseStage();
    const { cacheLease } = stage;
    const run = async (ms: number) => {
      for (const end = stage.elapsed + ms; stage.elapsed < end; stage.elapsed += 100)
        await cacheLease.heartbeat().catch(() => undefined);
    };
    expect(cacheLease.steadyForMs()).toBe(0);
    await run(20_000);
    expect(cacheLease.steadyForMs()).toBe(20_000);
    stage.storeDown = true;
    await run(5000);
    expect(cacheLease.steadyForMs()).toBe(0);
    stage.storeDown = false;
    await run(4000);
    expect(cacheLease.steadyForMs()).toBeLessThanOrEqual(4000);
    // A process that could not run for a while is not steady either.
    stage.elapsed += 10_000;
    await run(1000);
    expect(cacheLease.steadyForMs()).toBeLessThanOrEqual(1000);
  });

  test("ends at once when no server answers, and the lease is given up", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    stage.servers = undefined;
    await stage.cacheLease.heartbeat();
    expect(stage.cacheLease.lease()).toBeUndefined();
    expect(stage.log).toEqual(["renew s1", "give up"]);
    // Once is enough; then only now and then, to hear the store's time.
    await stage.cacheLease.heartbeat();
    await stage.cacheLease.heartbeat();
    expect(stage.log).toHaveLength(2);
    stage.elapsed += 1000;
    await stage.cacheLease.heartbeat();
    expect(stage.log).toHaveLength(3);
  });

  test("starts anew, as another lease, when the servers are others", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    const before = stage.cacheLease.lease();
    stage.servers = ["s2"];
    stage.epochs = ["2"];
    stage.waiting = [revocation("a")];
    await stage.cacheLease.heartbeat();
    expect(stage.log).toEqual(["renew s1", "renew s2", "invalidate a"]);
    expect(stage.cacheLease.lease()).toEqual({ serverIds: ["s2"], epochs: ["2"] });
    expect(before && stage.cacheLease.holds(before, "a")).toBe(false);
  });

  test("ends when the registry starts another epoch, or refuses", async () => {
    for (const change of [{ epochs: ["2"] }, { refused: true }]) {
      const stage = cacheLeaseStage();
      await stage.cacheLease.heartbeat();
      Object.assign(stage, change);
      stage.elapsed += 1000;
      await stage.cacheLease.heartbeat();
      expect(stage.cacheLease.lease()).toBeUndefined();
    }
  });

  test("a suspicion ends it until the servers have been seen to be the same", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    const lease = stage.cacheLease.lease();
    stage.cacheLease.suspend();
    expect(stage.cacheLease.lease()).toBeUndefined();
    await stage.cacheLease.heartbeat();
    expect(stage.cacheLease.lease()).toBe(lease);
    stage.disturb();
    expect(stage.cacheLease.lease()).toBeUndefined();
  });

  test("a suspicion ends soon also while a heartbeat waits for Postgres", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    const lease = stage.cacheLease.lease();
    stage.storeHangs = true;
    stage.elapsed += 1000;
    void stage.cacheLease.heartbeat();
    await nextTurn();
    stage.cacheLease.suspend();
    expect(stage.cacheLease.lease()).toBeUndefined();
    await nextTurn();
    expect(stage.cacheLease.lease()).toBe(lease);
    stage.servers = ["s2"];
    stage.cacheLease.suspend();
    await nextTurn();
    expect(stage.cacheLease.lease()).toBeUndefined();
  });

  test("heartbeats that overlap are one", async () => {
    const stage = cacheLeaseStage();
    await Promise.all([
      stage.cacheLease.heartbeat(),
      stage.cacheLease.heartbeat(),
      stage.cacheLease.heartbeat(),
    ]);
    expect(stage.log).toEqual(["renew s1"]);
  });

  test("a graceful stop ends it before the lease is forgotten", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    await stage.cacheLease.leave();
    expect(stage.log).toEqual(["renew s1", "leave"]);
    expect(stage.cacheLease.lease()).toBeUndefined();
  });

  test("L7: the revision never goes back", async () => {
    const stage = cacheLeaseStage();
    for (const [told, known] of [
      [5n, 5n],
      [3n, 5n],
      [9n, 9n],
    ] as const) {
      stage.lastRevision = told;
      stage.elapsed += 1000;
      await stage.cacheLease.heartbeat();
      expect(stage.cacheLease.revision()).toBe(known);
    }
  });
});

describe("trust in a hot store of several servers", () => {
  const twoServers = async () => {
    const stage = cacheLeaseStage();
    stage.servers = ["s1", "s2"];
    stage.epochs = ["1", "1"];
    await stage.cacheLease.heartbeat();
    return stage;
  };
  const isLeaseValid = ({ cacheLease }: Awaited<ReturnType<typeof twoServers>>) =>
    ["first", "second"].filter((sessionId) => cacheLease.lease(sessionId) !== undefined);

  test("L3: one that is gone, or another, is given up alone and at once; answers of the rest count on", async () => {
    for (const second of ["", "s3"]) {
      const stage = await twoServers();
      const asked = stage.cacheLease.lease("first");
      stage.servers = ["s1", second];
      stage.waiting = [revocation("second a")];
      stage.elapsed += 100;
      await stage.cacheLease.heartbeat();
      expect(stage.log.slice(0, 2)).toEqual(["renew s1 s2", `renew s1 ${second}`]);
      expect(asked && stage.cacheLease.holds(asked, "first")).toBe(true);
      expect(asked && stage.cacheLease.holds(asked, "second")).toBe(false);
      // A new server receives the missed invalidations before its cache lease becomes valid. Without a server nothing
      // is sent.
      expect(stage.log.slice(2)).toEqual(second === "" ? [] : ["invalidate second a"]);
      expect(isLeaseValid(stage)).toEqual(second === "" ? ["first"] : ["first", "second"]);
    }
  });

  test("one that comes back is trusted again when it was told what it has missed", async () => {
    const stage = await twoServers();
    stage.servers = ["s1", ""];
    await stage.cacheLease.heartbeat();
    stage.servers = ["s1", "s2"];
    stage.waiting = [revocation("second a"), revocation("a")];
    stage.invalidatesAt = ["s1", "s3"];
    stage.elapsed += 1000;
    await stage.cacheLease.heartbeat();
    expect(isLeaseValid(stage)).toEqual(["first"]);
    stage.invalidatesAt = undefined;
    stage.waiting = [revocation("second a")];
    stage.elapsed += 1000;
    await stage.cacheLease.heartbeat();
    expect(isLeaseValid(stage)).toEqual(["first", "second"]);
  });

  test("a suspicion concerns the server of its session alone", async () => {
    const stage = await twoServers();
    stage.storeHangs = true;
    stage.elapsed += 1000;
    void stage.cacheLease.heartbeat();
    await nextTurn();
    stage.servers = ["s1", ""];
    stage.cacheLease.suspend("second a");
    expect(isLeaseValid(stage)).toEqual(["first"]);
    await nextTurn();
    expect(isLeaseValid(stage)).toEqual(["first"]);
    stage.servers = ["s1", "s2"];
    stage.disturb();
    expect(isLeaseValid(stage)).toEqual([]);
    await nextTurn();
    expect(isLeaseValid(stage)).toEqual(["first", "second"]);
  });

  test("L4: while Postgres is away the registry may show a shard that was given up; it is told as soon as it can be", async () => {
    const stage = await twoServers();
    stage.storeDown = true;
    stage.servers = ["s1", ""];
    await expect(stage.cacheLease.heartbeat()).rejects.toMatchObject(OUTAGE);
    expect(isLeaseValid(stage)).toEqual(["first"]);
    stage.storeDown = false;
    await stage.cacheLease.heartbeat();
    expect(stage.log).toEqual(["renew s1 s2", "renew s1 "]);
  });

  test("L4: a revocation of a server that is gone is settled when nobody has a lease of it", async () => {
    const stage = await twoServers();
    stage.servers = ["s1", ""];
    stage.invalidatedAmong = ["second a"];
    await stage.cacheLease.awaitRevoked([revocation("first a"), revocation("second a")], 1000);
    expect(isLeaseValid(stage)).toEqual(["first"]);
  });
});

describe("a machine that was suspended", () => {
  test("L3: has no lease any more, although its clock says so", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    const asked = stage.cacheLease.lease();
    stage.interruptions += 1;
    expect(stage.cacheLease.lease()).toBeUndefined();
    expect(asked && stage.cacheLease.holds(asked, "a")).toBe(false);
    await stage.cacheLease.heartbeat();
    expect(stage.log).toEqual(["renew s1", "renew s1"]);
    expect(stage.cacheLease.lease()).toBeDefined();
  });

  test("L3: gets none from an answer that it slept through", async () => {
    const stage = cacheLeaseStage();
    stage.sleepsThrough = true;
    await stage.cacheLease.heartbeat();
    expect(stage.cacheLease.lease()).toBeUndefined();
  });

  test("waits for the time that Postgres tells, or says that it is not known", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.knowTime();
    expect(stage.log).toEqual([]);
    stage.interruptions += 1;
    await stage.cacheLease.knowTime();
    expect(stage.log).toEqual(["renew s1"]);
    stage.interruptions += 1;
    stage.storeDown = true;
    await expect(stage.cacheLease.knowTime()).rejects.toMatchObject(OUTAGE);
  });
});

describe("L4: a revocation is settled", () => {
  test("and others are told once it is, however it came about", async () => {
    const stage = cacheLeaseStage();
    let told = 0;
    stage.cacheLease.onRevoked(() => {
      told += 1;
    });
    await stage.cacheLease.awaitRevoked([revocation("a"), revocation("b")], 1000);
    expect(told).toBe(1);
    await stage.cacheLease.awaitRevoked([], 0);
    await stage.cacheLease.awaitRevoked([{ ...revocation("live"), end: undefined }], 1000);
    expect(told).toBe(1);
    stage.servers = undefined;
    await expect(stage.cacheLease.awaitRevoked([revocation("c")], 100)).rejects.toMatchObject(
      OUTAGE,
    );
    expect(told).toBe(1);
    stage.servers = ["s1"];
    stage.waiting = [revocation("c")];
    await stage.cacheLease.heartbeat();
    expect(told).toBe(2);
  });

  test("when the servers were told and that was noted", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.awaitRevoked([revocation("a"), revocation("b")], 1000);
    await stage.cacheLease.awaitRevoked([], 0);
    expect(stage.log).toEqual(["invalidate a b"]);
    expect(stage.sleeps).toBe(0);
  });

  test("when no server can be told and no lease is left", async () => {
    const stage = cacheLeaseStage();
    stage.servers = undefined;
    stage.invalidatedAmong = ["a"];
    await stage.cacheLease.awaitRevoked([revocation("a")], 1000);
  });

  test("or not: the rest is tried again until it is, or its time is over", async () => {
    const stage = cacheLeaseStage();
    stage.notes = false;
    stage.invalidatedAmong = ["b"];
    await expect(
      stage.cacheLease.awaitRevoked([revocation("a"), revocation("b")], 100),
    ).rejects.toMatchObject(OUTAGE);
    expect(stage.elapsed).toBeGreaterThanOrEqual(100);
    expect(stage.elapsed).toBeLessThan(150);
    expect(stage.log[0]).toBe("invalidate a b");
    expect(new Set(stage.log.slice(1))).toEqual(new Set(["invalidate a"]));
  });

  test("or not, when neither the servers nor Postgres can say", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    stage.servers = undefined;
    stage.storeDown = true;
    await expect(stage.cacheLease.awaitRevoked([revocation("a")], 1000)).rejects.toMatchObject(
      OUTAGE,
    );
    expect(stage.sleeps).toBe(0);
    expect(stage.cacheLease.lease()).toBeUndefined();
  });

  test("later, by the heartbeats, when it had to be given up", async () => {
    const stage = cacheLeaseStage();
    await stage.cacheLease.heartbeat();
    stage.waiting = [revocation("a")];
    stage.elapsed += 100;
    await stage.cacheLease.heartbeat();
    expect(stage.log).toEqual(["renew s1", "invalidate a"]);
    expect(stage.waiting).toEqual([]);
  });
});
