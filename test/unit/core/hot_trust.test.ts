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
    expect(lease && stage.trust.holds(lease)).toBe(true);
    stage.elapsed = LEASE_MS - 500;
    expect(stage.trust.lease()).toBeUndefined();
    expect(lease && stage.trust.holds(lease)).toBe(false);
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
    expect(before && stage.trust.holds(before)).toBe(false);
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
