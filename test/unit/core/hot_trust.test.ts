import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ending, trustStage } from "./trust_stage.js";

const LEASE_MS = 15_000;
const OUTAGE = { reason: "DEPENDENCY_UNAVAILABLE" };

describe("trust in the hot store", () => {
  test("begins with a lease in the registry, and then with what the servers have missed", async () => {
    const stage = trustStage();
    stage.waiting = [ending("a"), ending("b")];
    expect(stage.trust.lease()).toBeUndefined();
    await stage.trust.pulse();
    expect(stage.log).toEqual(["renew s1", "bury a b"]);
    expect(stage.trust.lease()).toEqual({ serverIds: ["s1"], epochs: ["1"] });
  });

  test("what the servers have missed is told to the last page", async () => {
    const stage = trustStage();
    stage.waiting = Array.from({ length: 2500 }, (_, i) => ending(`${i}`.padStart(5, "0")));
    stage.notes = false;
    await stage.trust.pulse();
    const told = stage.log.filter((line) => line.startsWith("bury"));
    expect(told.map((line) => line.split(" ").length - 1)).toEqual([1000, 1000, 500]);
    expect(stage.trust.lease()).toBeDefined();
  });

  test("L3: does not begin when what was missed went to another server than the lease names", async () => {
    const stage = trustStage();
    stage.waiting = [ending("a")];
    stage.notes = false;
    stage.buriesAt = ["s2"];
    await stage.trust.pulse();
    expect(stage.trust.lease()).toBeUndefined();
    stage.buriesAt = undefined;
    stage.elapsed += 1000;
    await stage.trust.pulse();
    expect(stage.trust.lease()).toBeDefined();
  });

  test("does not begin when the servers cannot be told, nor while another replica's lease dissents", async () => {
    const stage = trustStage();
    stage.refused = true;
    await stage.trust.pulse();
    expect(stage.trust.lease()).toBeUndefined();
    stage.refused = false;
    stage.waiting = [ending("a")];
    stage.servers = ["s1"];
    stage.elapsed += 1000;
    stage.storeDown = true;
    await expect(stage.trust.pulse()).rejects.toMatchObject(OUTAGE);
    expect(stage.trust.lease()).toBeUndefined();
  });

  test("is renewed every second, as the same lease", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    const lease = stage.trust.lease();
    for (let i = 0; i < 40; i++) {
      stage.elapsed += 100;
      await stage.trust.pulse();
    }
    expect(stage.log.filter((line) => line === "renew s1")).toHaveLength(5);
    expect(stage.trust.lease()).toBe(lease);
  });

  test("outlasts Postgres by no more than its lease", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    const lease = stage.trust.lease();
    stage.storeDown = true;
    stage.elapsed = LEASE_MS - 600;
    await stage.trust.pulse().catch(() => undefined);
    expect(stage.trust.lease()).toBe(lease);
    expect(lease && stage.trust.holds(lease, "a")).toBe(true);
    stage.elapsed = LEASE_MS - 500;
    expect(stage.trust.lease()).toBeUndefined();
    expect(lease && stage.trust.holds(lease, "a")).toBe(false);
  });

  test("Postgres counts as lost until it has answered again, also between two questions", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    expect(stage.trust.truthAnswers()).toBe(true);
    stage.storeDown = true;
    for (stage.elapsed = 1000; stage.elapsed < 2 * LEASE_MS; stage.elapsed += 100) {
      // The hot server goes as well, and comes back.
      stage.servers =
        stage.elapsed > LEASE_MS && stage.elapsed < LEASE_MS + 3000 ? undefined : ["s1"];
      await expect(stage.trust.pulse()).rejects.toMatchObject(OUTAGE);
      expect(stage.trust.truthAnswers()).toBe(false);
    }
    stage.storeDown = false;
    stage.elapsed += 1000;
    await stage.trust.pulse();
    expect(stage.trust.truthAnswers()).toBe(true);
    expect(stage.trust.lease()).toBeDefined();
  });

  test("ends at once when no server answers, and the lease is given up", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    stage.servers = undefined;
    await stage.trust.pulse();
    expect(stage.trust.lease()).toBeUndefined();
    expect(stage.log).toEqual(["renew s1", "give up"]);
    // Once is enough; then only now and then, to hear the store's time.
    await stage.trust.pulse();
    await stage.trust.pulse();
    expect(stage.log).toHaveLength(2);
    stage.elapsed += 1000;
    await stage.trust.pulse();
    expect(stage.log).toHaveLength(3);
  });

  test("starts anew, as another lease, when the servers are others", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    const before = stage.trust.lease();
    stage.servers = ["s2"];
    stage.epochs = ["2"];
    stage.waiting = [ending("a")];
    await stage.trust.pulse();
    expect(stage.log).toEqual(["renew s1", "renew s2", "bury a"]);
    expect(stage.trust.lease()).toEqual({ serverIds: ["s2"], epochs: ["2"] });
    expect(before && stage.trust.holds(before, "a")).toBe(false);
  });

  test("ends when the registry starts another epoch, or refuses", async () => {
    for (const change of [{ epochs: ["2"] }, { refused: true }]) {
      const stage = trustStage();
      await stage.trust.pulse();
      Object.assign(stage, change);
      stage.elapsed += 1000;
      await stage.trust.pulse();
      expect(stage.trust.lease()).toBeUndefined();
    }
  });

  test("a suspicion ends it until the servers have been seen to be the same", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    const lease = stage.trust.lease();
    stage.trust.suspect();
    expect(stage.trust.lease()).toBeUndefined();
    await stage.trust.pulse();
    expect(stage.trust.lease()).toBe(lease);
    stage.disturb();
    expect(stage.trust.lease()).toBeUndefined();
  });

  test("a suspicion ends soon also while a pulse waits for Postgres", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    const lease = stage.trust.lease();
    stage.storeHangs = true;
    stage.elapsed += 1000;
    void stage.trust.pulse();
    await nextTurn();
    stage.trust.suspect();
    expect(stage.trust.lease()).toBeUndefined();
    await nextTurn();
    expect(stage.trust.lease()).toBe(lease);
    stage.servers = ["s2"];
    stage.trust.suspect();
    await nextTurn();
    expect(stage.trust.lease()).toBeUndefined();
  });

  test("pulses that overlap are one", async () => {
    const stage = trustStage();
    await Promise.all([stage.trust.pulse(), stage.trust.pulse(), stage.trust.pulse()]);
    expect(stage.log).toEqual(["renew s1"]);
  });

  test("a graceful stop ends it before the lease is forgotten", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    await stage.trust.leave();
    expect(stage.log).toEqual(["renew s1", "leave"]);
    expect(stage.trust.lease()).toBeUndefined();
  });

  test("L7: the revision never goes back", async () => {
    const stage = trustStage();
    for (const [told, known] of [
      [5n, 5n],
      [3n, 5n],
      [9n, 9n],
    ] as const) {
      stage.lastRevision = told;
      stage.elapsed += 1000;
      await stage.trust.pulse();
      expect(stage.trust.revision()).toBe(known);
    }
  });
});

describe("trust in a hot store of several servers", () => {
  const twoServers = async () => {
    const stage = trustStage();
    stage.servers = ["s1", "s2"];
    stage.epochs = ["1", "1"];
    await stage.trust.pulse();
    return stage;
  };
  const trusted = ({ trust }: Awaited<ReturnType<typeof twoServers>>) =>
    ["first", "second"].filter((sessionId) => trust.lease(sessionId) !== undefined);

  test("L3: one that is gone, or another, is given up alone and at once; answers of the rest count on", async () => {
    for (const second of ["", "s3"]) {
      const stage = await twoServers();
      const asked = stage.trust.lease("first");
      stage.servers = ["s1", second];
      stage.waiting = [ending("second a")];
      stage.elapsed += 100;
      await stage.trust.pulse();
      expect(stage.log.slice(0, 2)).toEqual(["renew s1 s2", `renew s1 ${second}`]);
      expect(asked && stage.trust.holds(asked, "first")).toBe(true);
      expect(asked && stage.trust.holds(asked, "second")).toBe(false);
      // What it has missed is told before the new one is trusted; nothing is told to nobody.
      expect(stage.log.slice(2)).toEqual(second === "" ? [] : ["bury second a"]);
      expect(trusted(stage)).toEqual(second === "" ? ["first"] : ["first", "second"]);
    }
  });

  test("one that comes back is trusted again when it was told what it has missed", async () => {
    const stage = await twoServers();
    stage.servers = ["s1", ""];
    await stage.trust.pulse();
    stage.servers = ["s1", "s2"];
    stage.waiting = [ending("second a"), ending("a")];
    stage.buriesAt = ["s1", "s3"];
    stage.elapsed += 1000;
    await stage.trust.pulse();
    expect(trusted(stage)).toEqual(["first"]);
    stage.buriesAt = undefined;
    stage.waiting = [ending("second a")];
    stage.elapsed += 1000;
    await stage.trust.pulse();
    expect(trusted(stage)).toEqual(["first", "second"]);
  });

  test("a suspicion concerns the server of its session alone", async () => {
    const stage = await twoServers();
    stage.storeHangs = true;
    stage.elapsed += 1000;
    void stage.trust.pulse();
    await nextTurn();
    stage.servers = ["s1", ""];
    stage.trust.suspect("second a");
    expect(trusted(stage)).toEqual(["first"]);
    await nextTurn();
    expect(trusted(stage)).toEqual(["first"]);
    stage.servers = ["s1", "s2"];
    stage.disturb();
    expect(trusted(stage)).toEqual([]);
    await nextTurn();
    expect(trusted(stage)).toEqual(["first", "second"]);
  });

  test("L4: while Postgres is away the registry may show a shard that was given up; it is told as soon as it can be", async () => {
    const stage = await twoServers();
    stage.storeDown = true;
    stage.servers = ["s1", ""];
    await expect(stage.trust.pulse()).rejects.toMatchObject(OUTAGE);
    expect(trusted(stage)).toEqual(["first"]);
    stage.storeDown = false;
    await stage.trust.pulse();
    expect(stage.log).toEqual(["renew s1 s2", "renew s1 "]);
  });

  test("L4: an ending of a server that is gone is settled when nobody has a lease of it", async () => {
    const stage = await twoServers();
    stage.servers = ["s1", ""];
    stage.outOfReach = ["second a"];
    await stage.trust.settle([ending("first a"), ending("second a")], 1000);
    expect(trusted(stage)).toEqual(["first"]);
  });
});

describe("a machine that was suspended", () => {
  test("L3: has no lease any more, although its clock says so", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    const asked = stage.trust.lease();
    stage.interruptions += 1;
    expect(stage.trust.lease()).toBeUndefined();
    expect(asked && stage.trust.holds(asked, "a")).toBe(false);
    await stage.trust.pulse();
    expect(stage.log).toEqual(["renew s1", "renew s1"]);
    expect(stage.trust.lease()).toBeDefined();
  });

  test("L3: gets none from an answer that it slept through", async () => {
    const stage = trustStage();
    stage.sleepsThrough = true;
    await stage.trust.pulse();
    expect(stage.trust.lease()).toBeUndefined();
  });

  test("waits for the time that Postgres tells, or says that it is not known", async () => {
    const stage = trustStage();
    await stage.trust.knowTime();
    expect(stage.log).toEqual([]);
    stage.interruptions += 1;
    await stage.trust.knowTime();
    expect(stage.log).toEqual(["renew s1"]);
    stage.interruptions += 1;
    stage.storeDown = true;
    await expect(stage.trust.knowTime()).rejects.toMatchObject(OUTAGE);
  });
});

describe("L4: an ending is settled", () => {
  test("and others are told once it is, however it came about", async () => {
    const stage = trustStage();
    let told = 0;
    stage.trust.onSettled(() => {
      told += 1;
    });
    await stage.trust.settle([ending("a"), ending("b")], 1000);
    expect(told).toBe(1);
    await stage.trust.settle([], 0);
    await stage.trust.settle([{ ...ending("live"), end: undefined }], 1000);
    expect(told).toBe(1);
    stage.servers = undefined;
    await expect(stage.trust.settle([ending("c")], 100)).rejects.toMatchObject(OUTAGE);
    expect(told).toBe(1);
    stage.servers = ["s1"];
    stage.waiting = [ending("c")];
    await stage.trust.pulse();
    expect(told).toBe(2);
  });

  test("when the servers were told and that was noted", async () => {
    const stage = trustStage();
    await stage.trust.settle([ending("a"), ending("b")], 1000);
    await stage.trust.settle([], 0);
    expect(stage.log).toEqual(["bury a b"]);
    expect(stage.sleeps).toBe(0);
  });

  test("when no server can be told and no lease is left", async () => {
    const stage = trustStage();
    stage.servers = undefined;
    stage.outOfReach = ["a"];
    await stage.trust.settle([ending("a")], 1000);
  });

  test("or not: the rest is tried again until it is, or its time is over", async () => {
    const stage = trustStage();
    stage.notes = false;
    stage.outOfReach = ["b"];
    await expect(stage.trust.settle([ending("a"), ending("b")], 100)).rejects.toMatchObject(OUTAGE);
    expect(stage.elapsed).toBeGreaterThanOrEqual(100);
    expect(stage.elapsed).toBeLessThan(150);
    expect(stage.log[0]).toBe("bury a b");
    expect(new Set(stage.log.slice(1))).toEqual(new Set(["bury a"]));
  });

  test("or not, when neither the servers nor Postgres can say", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    stage.servers = undefined;
    stage.storeDown = true;
    await expect(stage.trust.settle([ending("a")], 1000)).rejects.toMatchObject(OUTAGE);
    expect(stage.sleeps).toBe(0);
    expect(stage.trust.lease()).toBeUndefined();
  });

  test("later, by the pulses, when it had to be given up", async () => {
    const stage = trustStage();
    await stage.trust.pulse();
    stage.waiting = [ending("a")];
    stage.elapsed += 100;
    await stage.trust.pulse();
    expect(stage.log).toEqual(["renew s1", "bury a"]);
    expect(stage.waiting).toEqual([]);
  });
});
