import { describeViolation } from "./checker/violation.js";
import type { ClusterReport } from "./cluster/schedules.js";
import type { SoakReport } from "./cluster/soak.js";
import type { PairsReport } from "./pairs/race_pairs.js";
import type { Provenance } from "./provenance.js";
import type { RunRecord } from "./run_record.js";
import type { SchedulesReport } from "./schedules/world_schedules.js";

/** One run as it was asked for. */
export interface Run extends Provenance {
  readonly seed: number;
  readonly startedAt: string;
  readonly minutes: number;
  readonly older?: string | undefined;
}

type Outcome = Pick<RunRecord, "violations" | "brokenOff">;

const NOTHING_ELSE = { leftOut: [], memory: [] };

/** Most characters of a failure that a record keeps. */
const MAX_OF_FAILURE = 500;

/** Where it came from in the tree, wherever that lies on this machine. */
const inShort = (why: string): string =>
  why.replaceAll(`${process.cwd()}/`, "").slice(0, MAX_OF_FAILURE);

const outcomeOf = (report: Pick<SchedulesReport, "violations" | "brokenOff">): Outcome => ({
  violations: report.violations.map(
    ({ seed, violation }) => `seed ${seed}: ${describeViolation(violation)}`,
  ),
  brokenOff: report.brokenOff.map(({ seed, why }) => `seed ${seed}: ${inShort(why)}`),
});

export const recordOfPairs = (run: Run, report: PairsReport): RunRecord => ({
  part: "race pairs",
  ...run,
  ...NOTHING_ELSE,
  done: Object.values(report.pairs).reduce((a, b) => a + b, 0),
  calls: report.calls,
  uncertain: report.uncertain,
  counts: report.pairs,
  ...outcomeOf(report),
});

export const recordOfSchedules = (run: Run, report: SchedulesReport): RunRecord => ({
  part: "schedules",
  ...run,
  ...NOTHING_ELSE,
  done: report.schedules,
  calls: report.calls,
  uncertain: report.uncertain,
  counts: Object.fromEntries(report.faults),
  ...outcomeOf(report),
});

export const recordOfCluster = (run: Run, report: ClusterReport): RunRecord => ({
  ...recordOfSchedules(run, report),
  part: "process schedules",
  leftOut: [...report.leftOut],
});

export const recordOfSoak = (run: Run, report: SoakReport): RunRecord => ({
  ...recordOfCluster(run, report),
  part: "soak",
  done: report.minutes,
  load: report.load.reduce((a, b) => a + b, 0) / Math.max(1, report.load.length),
  memory: [...report.memory],
});
