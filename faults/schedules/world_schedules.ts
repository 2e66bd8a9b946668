import type { Violation } from "../checker/violation.js";
import { createRandom, type Random } from "../random.js";
import type { Databases } from "../world/stores.js";
import { createWorld } from "../world/world.js";
import { playSchedule } from "./play.js";
import { worldFaults } from "./world_faults.js";

export interface SchedulesReport {
  schedules: number;
  calls: number;
  uncertain: number;
  /** How often each fault was played. */
  readonly faults: Map<string, number>;
  readonly violations: { readonly seed: number; readonly violation: Violation }[];
  /** Schedules that did not come to a verdict: the world did not recover, or the harness failed. */
  readonly brokenOff: { readonly seed: number; readonly why: string }[];
}

export const emptyReport = (): SchedulesReport => ({
  schedules: 0,
  calls: 0,
  uncertain: 0,
  faults: new Map(),
  violations: [],
  brokenOff: [],
});

/** One schedule in a world of its own; the seed chooses everything but how fast the machine is. */
export const worldSchedule = async (
  databases: Pick<Databases, "create">,
  seed: number,
  report: SchedulesReport,
): Promise<void> => {
  const random = createRandom(seed);
  const skew = random.pick([0, 0, 600_000]);
  const world = await createWorld({
    databases,
    random,
    settings: { maxSessions: 4, graceMs: 500 },
    wallSkewsMs: [0, skew, -skew],
    postgresTimeoutMs: 2000,
  });
  try {
    const played = await playSchedule({
      stage: world,
      faults: worldFaults(world),
      users: 3,
      callers: 8,
      pauseMs: 20,
      faultMs: 400,
      recovered: async () => {
        await world.redis.restart();
        await world.recovered();
      },
    });
    for (const name of played) report.faults.set(name, (report.faults.get(name) ?? 0) + 1);
    const found = await world.verdict();
    report.violations.push(...found.map((violation) => ({ seed, violation })));
    const calls = world.recorder.calls();
    report.calls += calls.length;
    report.uncertain += calls.filter(({ answer }) => answer.kind === "uncertain").length;
    report.schedules += 1;
  } catch (failure) {
    report.brokenOff.push({
      seed,
      why: failure instanceof Error ? failure.message : String(failure),
    });
  } finally {
    await world.close();
  }
};

/** Schedules of ever new seeds, several at a time. */
export const worldSchedules = async (options: {
  readonly databases: Pick<Databases, "create">;
  readonly random: Random;
  readonly wanted: number;
  readonly until: number;
  readonly lanes: number;
  readonly onProgress: (report: SchedulesReport) => void;
}): Promise<SchedulesReport> => {
  const { databases, random, wanted, until, lanes, onProgress } = options;
  const report = emptyReport();
  let started = 0;
  const lane = async () => {
    while (started < wanted && performance.now() < until && report.violations.length === 0) {
      started += 1;
      await worldSchedule(databases, random.fork().seed, report);
      onProgress(report);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return report;
};
