import { createRandom, type Random } from "../random.js";
import { emptyReport, MAX_BROKEN_OFF, type SchedulesReport } from "../schedules/world_schedules.js";
import { type Cluster, type ClusterOptions, REPLICAS, startCluster } from "./cluster.js";
import { faultsWith, leftOut } from "./faults.js";
import { planSteps, type Step } from "./plan.js";
import { playRound } from "./round.js";

/** So many schedules are played on the same processes, if all goes well. */
const SCHEDULES_A_CLUSTER = 10;
const LENGTH_MS = 5000;
const EVERY_MS = 1400;
const CALLERS = 12;
const PAUSE_MS = 100;

export interface ClusterReport extends SchedulesReport {
  readonly leftOut: readonly string[];
}

export const meansOf = ({ fakeTime, older }: ClusterOptions) => ({
  fakeTime: fakeTime !== undefined,
  older: older !== undefined,
});

export const emptyClusterReport = (options: ClusterOptions): ClusterReport => ({
  ...emptyReport(),
  leftOut: leftOut(meansOf(options)),
});

/** Plans the schedule of this seed. */
export const planSchedule = (seed: number, options: ClusterOptions) => {
  const random = createRandom(seed);
  const steps = planSteps({
    random: random.fork(),
    faults: faultsWith(meansOf(options)),
    replicas: REPLICAS,
    lengthMs: LENGTH_MS,
    everyMs: EVERY_MS,
  });
  return { steps, random };
};

/** Counts the played steps. */
export const countSteps = ({ faults }: Pick<ClusterReport, "faults">, steps: readonly Step[]) => {
  for (const { fault } of steps) faults.set(fault, (faults.get(fault) ?? 0) + 1);
};

/** One schedule on a cluster that is well. Resolves to whether it still is. */
export const clusterSchedule = async (
  cluster: Cluster,
  options: ClusterOptions,
  seed: number,
  report: ClusterReport,
): Promise<boolean> => {
  const { steps, random } = planSchedule(seed, options);
  const faults = faultsWith(meansOf(options));
  try {
    const { calls, uncertain, violations } = await playRound({
      ...{ cluster, faults, steps, random },
      ...{ lengthMs: LENGTH_MS, callers: CALLERS, pauseMs: PAUSE_MS },
    });
    report.schedules += 1;
    report.calls += calls;
    report.uncertain += uncertain;
    countSteps(report, steps);
    report.violations.push(...violations.map((violation) => ({ seed, violation })));
    return true;
  } catch (error) {
    report.brokenOff.push({ seed, why: whyOf(error, cluster) });
    return false;
  }
};

/** Schedules of ever new seeds, one after the other, until one breaks a guarantee. */
export const clusterSchedules = async (options: {
  readonly cluster: ClusterOptions;
  readonly random: Random;
  readonly wanted: number;
  readonly isTime: () => boolean;
  readonly onProgress: (report: ClusterReport, seed: number) => void;
}): Promise<ClusterReport> => {
  const { random, wanted, isTime, onProgress } = options;
  const report = emptyClusterReport(options.cluster);
  const goesOn = () =>
    report.schedules < wanted &&
    report.brokenOff.length < MAX_BROKEN_OFF &&
    isTime() &&
    report.violations.length === 0;
  while (goesOn()) {
    const cluster = await startCluster(options.cluster);
    try {
      let isWell = true;
      for (let i = 0; i < SCHEDULES_A_CLUSTER && isWell && goesOn(); i++) {
        const { seed } = random.fork();
        isWell = await clusterSchedule(cluster, options.cluster, seed, report);
        onProgress(report, seed);
      }
    } finally {
      await cluster.close();
    }
  }
  return report;
};

export const whyOf = (error: unknown, { replicas }: Cluster): string => {
  const output = replicas.map((replica) => `${replica.name}: ${lastLines(replica.output())}`);
  return [error instanceof Error ? (error.stack ?? error.message) : String(error), ...output].join(
    "\n",
  );
};

const lastLines = (text: string): string => text.trim().split("\n").slice(-3).join("\n");
