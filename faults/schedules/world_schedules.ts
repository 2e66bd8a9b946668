import type { Violation } from "../checker/violation.js";
import { createRandom, type Random } from "../random.js";
import type { Databases } from "../world/stores.js";
import { createWorld, type Sabotage, type World } from "../world/world.js";
import { playSchedule } from "./play.js";
import { worldFaults } from "./world_faults.js";

export interface SchedulesReport {
  schedules: number;
  calls: number;
  uncertain: number;
  /** How often each fault was played. */
  readonly faults: Map<string, number>;
  readonly violations: { readonly seed: number; readonly violation: Violation }[];
  /** Schedules without a verdict: the world did not recover, or the harness failed. */
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

/** A run with this many schedules without a verdict has no verdict itself. */
export const MAX_BROKEN_OFF = 100;
/** So many schedules are played in the same world, if all goes well: to make one takes as long as a schedule. */
const SCHEDULES_A_WORLD = 10;
const SKEW_MS = 600_000;

/** A third of all schedules have clocks that disagree. */
const skewOf = (seed: number): number => (seed % 3 === 0 ? SKEW_MS : 0);

interface Ground {
  readonly databases: Pick<Databases, "create">;
  /** Made anew for every world. */
  readonly sabotage?: (() => Sabotage) | undefined;
}

const worldFor = ({ databases, sabotage }: Ground, seed: number): Promise<World> =>
  createWorld({
    databases,
    ...(sabotage && { sabotage: sabotage() }),
    random: createRandom(seed),
    settings: { maxSessions: 4, graceMs: 500 },
    wallSkewsMs: [0, skewOf(seed), -skewOf(seed)],
    postgresTimeoutMs: 2000,
  });

/** One schedule in a world of its own; the seed chooses everything but how fast the machine is. */
export const worldSchedule = async (
  ground: Ground,
  seed: number,
  report: SchedulesReport,
): Promise<void> => {
  const world = await worldFor(ground, seed);
  try {
    await playIn(world, seed, report);
  } finally {
    await world.close();
  }
};

/** Resolves to whether the world is well afterwards. */
const playIn = async (world: World, seed: number, report: SchedulesReport): Promise<boolean> => {
  world.startAnew();
  const stage = { ...world, random: createRandom(seed) };
  try {
    const played = await playSchedule({
      stage,
      faults: worldFaults(stage),
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
    return true;
  } catch (failure) {
    report.brokenOff.push({ seed, why: whyOf(failure) });
    return false;
  }
};

/** Schedules of ever new seeds, several at a time. */
export const worldSchedules = async (
  options: Ground & {
    readonly random: Random;
    readonly wanted: number;
    readonly isTime: () => boolean;
    readonly lanes: number;
    readonly onProgress: (report: SchedulesReport) => void;
  },
): Promise<SchedulesReport> => {
  const { random, wanted, isTime, lanes, onProgress } = options;
  const report = emptyReport();
  let playing = 0;
  const goesOn = () =>
    report.schedules + playing < wanted &&
    isTime() &&
    report.violations.length === 0 &&
    report.brokenOff.length < MAX_BROKEN_OFF;
  const playSome = async (first: number): Promise<void> => {
    const world = await worldFor(options, first);
    try {
      let isWell = true;
      let seed = first;
      for (let i = 0; i < SCHEDULES_A_WORLD && isWell && goesOn(); i++) {
        playing += 1;
        isWell = await playIn(world, seed, report);
        playing -= 1;
        onProgress(report);
        // The world's clocks are as this seed would have them.
        do seed = random.fork().seed;
        while (skewOf(seed) !== skewOf(first));
      }
    } finally {
      await world.close();
    }
  };
  const lane = async () => {
    while (goesOn()) {
      const { seed } = random.fork();
      await playSome(seed).catch((failure: unknown) => {
        report.brokenOff.push({ seed, why: whyOf(failure) });
      });
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return report;
};

export const whyOf = (failure: unknown): string =>
  failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
