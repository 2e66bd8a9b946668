import type { Random } from "../random.js";
import { capacityOf, pauseFor } from "./capacity.js";
import { type ClusterOptions, startCluster } from "./cluster.js";
import { faultsWith } from "./faults.js";
import { fillMemory } from "./fill_memory.js";
import { type MemoryTrend, watchMemory } from "./memory.js";
import { planSteps } from "./plan.js";
import { playRound } from "./round.js";
import { type ClusterReport, countSteps, emptyClusterReport, meansOf, whyOf } from "./schedules.js";

/** The history is judged, and begun anew with other users, after this long. */
const ROUND_MS = 60_000;
const EVERY_MS = 4000;
const CALLERS = 16;
/** The load as a share of the replicas' capacity. Half of this load remains while faults keep callers waiting. */
const LOAD = 0.55;
/** This many replicas are never killed, so that their memory can be watched all the time. */
const KEPT = 1;
const MAX_BROKEN_OFF = 10;

export interface SoakReport extends ClusterReport {
  minutes: number;
  /** Of each round the share of what its replicas can answer without a fault. */
  readonly load: number[];
  memory: readonly MemoryTrend[];
}

export interface SoakOptions {
  readonly cluster: ClusterOptions;
  readonly random: Random;
  /** The minutes of rounds that reached a verdict. */
  readonly minutes: number;
  readonly isTime: () => boolean;
  readonly onProgress: (report: SoakReport) => void;
}

/** Half of the load that is possible on the same processes, and a fault every few seconds; on new ones after a round without a verdict. */
export const soak = async (options: SoakOptions): Promise<SoakReport> => {
  const { random, minutes, isTime } = options;
  const report: SoakReport = {
    ...emptyClusterReport(options.cluster),
    ...{ minutes: 0, load: [], memory: [] },
  };
  const goesOn = () =>
    report.minutes < minutes &&
    isTime() &&
    report.violations.length === 0 &&
    report.brokenOff.length < MAX_BROKEN_OFF;
  while (goesOn()) await soakOne({ ...options, random: random.fork() }, report, goesOn);
  return report;
};

/** Continues with the same processes until all is done or a round reaches no verdict. */
const soakOne = async (
  { cluster: options, random, onProgress }: SoakOptions,
  report: SoakReport,
  goesOn: () => boolean,
): Promise<void> => {
  const faults = faultsWith(meansOf(options));
  const cluster = await startCluster(options);
  const memory = watchMemory(cluster.replicas);
  try {
    for (const replica of cluster.replicas.slice(0, KEPT)) await fillMemory(replica);
    const capacity = await capacityOf(cluster, CALLERS, random.fork());
    const pauseMs = pauseFor(LOAD * capacity, CALLERS);
    while (goesOn()) {
      const begun = performance.now();
      const round = random.fork();
      const steps = planSteps({
        random: round.fork(),
        faults,
        replicas: cluster.replicas.length,
        lengthMs: ROUND_MS,
        everyMs: EVERY_MS,
        kept: KEPT,
      });
      const { calls, callsPerSecond, uncertain, violations } = await playRound({
        ...{ cluster, faults, steps, random: round },
        ...{ lengthMs: ROUND_MS, callers: CALLERS, pauseMs },
      });
      report.schedules += 1;
      report.calls += calls;
      report.load.push(callsPerSecond / capacity);
      report.uncertain += uncertain;
      countSteps(report, steps);
      report.violations.push(...violations.map((violation) => ({ seed: round.seed, violation })));
      report.minutes += (performance.now() - begun) / 60_000;
      onProgress(report);
    }
  } catch (error) {
    report.brokenOff.push({ seed: random.seed, why: whyOf(error, cluster) });
  } finally {
    report.memory = longestOf([...report.memory, ...memory.stop()]);
    await cluster.close();
  }
};

/** Of each replica the trend over the longest time. */
const longestOf = (trends: readonly MemoryTrend[]): MemoryTrend[] => {
  const longest = new Map<string, MemoryTrend>();
  for (const trend of trends)
    if (trend.minutes > (longest.get(trend.replica)?.minutes ?? 0))
      longest.set(trend.replica, trend);
  return [...longest.values()];
};
