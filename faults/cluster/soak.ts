import type { Random } from "../random.js";
import { type ClusterOptions, startCluster } from "./cluster.js";
import { faultsWith } from "./faults.js";
import { type MemoryTrend, watchMemory } from "./memory.js";
import { planSteps } from "./plan.js";
import { playRound } from "./round.js";
import { type ClusterReport, countSteps, emptyClusterReport, meansOf, whyOf } from "./schedules.js";

/** The history is judged, and begun anew with other users, after this long. */
const ROUND_MS = 60_000;
const EVERY_MS = 4000;
const CALLERS = 16;
const PAUSE_MS = 500;
/** This many replicas are never killed, so that their memory can be watched all the time. */
const KEPT = 1;

export interface SoakReport extends ClusterReport {
  minutes: number;
  memory: readonly MemoryTrend[];
}

/** Load at a steady rate on the same processes, and a fault every few seconds. */
export const soak = async (options: {
  readonly cluster: ClusterOptions;
  readonly random: Random;
  readonly minutes: number;
  readonly onProgress: (report: SoakReport) => void;
}): Promise<SoakReport> => {
  const { random, minutes, onProgress } = options;
  const report: SoakReport = { ...emptyClusterReport(options.cluster), minutes: 0, memory: [] };
  const faults = faultsWith(meansOf(options.cluster));
  const cluster = await startCluster(options.cluster);
  const begun = performance.now();
  const memory = watchMemory(cluster.replicas);
  try {
    while (performance.now() < begun + minutes * 60_000) {
      const round = random.fork();
      const steps = planSteps({
        random: round.fork(),
        faults,
        replicas: cluster.replicas.length,
        lengthMs: ROUND_MS,
        everyMs: EVERY_MS,
        kept: KEPT,
      });
      const { calls, uncertain, violations } = await playRound({
        ...{ cluster, faults, steps, random: round },
        ...{ lengthMs: ROUND_MS, callers: CALLERS, pauseMs: PAUSE_MS },
      });
      report.schedules += 1;
      report.calls += calls;
      report.uncertain += uncertain;
      countSteps(report, steps);
      report.violations.push(...violations.map((violation) => ({ seed: round.seed, violation })));
      report.minutes = (performance.now() - begun) / 60_000;
      onProgress(report);
    }
  } catch (error) {
    report.brokenOff.push({ seed: random.seed, why: whyOf(error, cluster) });
  } finally {
    report.memory = memory.stop();
    await cluster.close();
  }
  return report;
};
