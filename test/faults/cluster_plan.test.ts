import { describe, expect, test } from "vitest";
import { faultsWith, leftOut } from "../../faults/cluster/faults.js";
import { slopeOf, trendOf } from "../../faults/cluster/memory.js";
import { type FaultKind, planSteps } from "../../faults/cluster/plan.js";
import { parseOptions } from "../../faults/options.js";
import { createRandom } from "../../faults/random.js";

const ALL = faultsWith({ fakeTime: true, older: true });
const MINUTE_MS = 60_000;

const plan = (seed: number, faults: readonly FaultKind[] = ALL, kept = 0) =>
  planSteps({
    random: createRandom(seed),
    faults,
    replicas: 3,
    lengthMs: 10 * MINUTE_MS,
    everyMs: 1000,
    kept,
  });

describe("the plan of a schedule", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(plan(7)).toEqual(plan(7));
    expect(plan(7)).not.toEqual(plan(8));
  });

  test("in the long run plays every fault, on every replica, about as often as asked", () => {
    const steps = plan(1);
    expect(steps.length).toBeGreaterThan(450);
    expect(steps.length).toBeLessThan(800);
    expect(new Set(steps.map(({ fault }) => fault))).toEqual(new Set(ALL.map(({ name }) => name)));
    expect(new Set(steps.map(({ replica }) => replica))).toEqual(new Set([0, 1, 2]));
  });

  test("keeps faults within their times and in order", () => {
    const steps = plan(2);
    for (const { fault, lastsMs, atMs } of steps) {
      const [least, most] = ALL.find(({ name }) => name === fault)?.lastsMs ?? [0, -1];
      expect(lastsMs).toBeGreaterThanOrEqual(least);
      expect(lastsMs).toBeLessThanOrEqual(most);
      expect(atMs).toBeLessThanOrEqual(10 * MINUTE_MS);
    }
    expect(steps.map(({ atMs }) => atMs).sort((a, b) => a - b)).toEqual(
      steps.map(({ atMs }) => atMs),
    );
  });

  test("leaves the processes alone that are to be kept, but freezes them", () => {
    const steps = plan(3, ALL, 1);
    const ends = (fault: string) => ALL.find(({ name }) => name === fault)?.ends;
    expect(steps.filter(({ fault }) => ends(fault) === "all")).toEqual([]);
    const kept = steps.filter(({ replica }) => replica === 0);
    expect(kept.filter(({ fault }) => ends(fault) !== undefined)).toEqual([]);
    expect(kept.map(({ fault }) => fault)).toContain("replica frozen (SIGSTOP)");
  });

  test("says what this machine or the options leave out", () => {
    expect(leftOut({ fakeTime: true, older: true })).toEqual([]);
    expect(leftOut({ fakeTime: false, older: false })).toEqual([
      expect.stringContaining("libfaketime is not installed"),
      expect.stringContaining("no --older COMMIT"),
    ]);
    expect(faultsWith({ fakeTime: false, older: false })).toHaveLength(ALL.length - 2);
  });
});

describe("the slope of memory", () => {
  test("is that of the line, whatever lies evenly around it", () => {
    const line = Array.from({ length: 100 }, (_, i) => ({
      atMs: i * 1000,
      bytes: 5_000_000 + 3 * i * 1000 + (i % 2 === 0 ? 1 : -1) * 200,
    }));
    expect(slopeOf(line)).toBeCloseTo(3, 1);
    expect(slopeOf([])).toBe(0);
    expect(slopeOf(line.slice(0, 1))).toBe(0);
  });

  test("does not count what a process takes at its start", () => {
    const samples = Array.from({ length: 90 }, (_, i) => ({
      atMs: i * 1000,
      bytes: Math.min(i, 30) * 2 ** 20,
    }));
    const trend = trendOf("replica-1", samples);
    expect(trend).toMatchObject({ samples: 60, lastMib: 30 });
    expect(trend.mibPerHour).toBeCloseTo(0, 5);
  });
});

describe("the command line", () => {
  test("takes a cluster's options", () => {
    expect(
      parseOptions(["--cluster", "--schedules", "3", "--seed", "9", "--older", "abc123"]),
    ).toMatchObject({
      cluster: true,
      schedules: 3,
      seed: 9,
      older: "abc123",
      soakMinutes: undefined,
    });
    expect(parseOptions(["--cluster", "--soak", "60"])).toMatchObject({ soakMinutes: 60 });
    expect(parseOptions([])).toMatchObject({ cluster: false, replay: undefined });
  });

  test.each([["--schedules", "many"], ["--schedules=-1"], ["--soak", "60"], ["--older", "abc123"]])(
    "refuses %s %s",
    (...args: string[]) => {
      expect(() => parseOptions(args)).toThrow("npm run faults");
    },
  );
});
