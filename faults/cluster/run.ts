import type { Options } from "../options.js";
import { createRandom } from "../random.js";
import { type ClusterOptions, startCluster } from "./cluster.js";
import { findFakeTime } from "./fake_clock.js";
import { describeStep } from "./plan.js";
import { builtProgram, olderProgram } from "./program.js";
import {
  type ClusterReport,
  clusterSchedule,
  clusterSchedules,
  emptyClusterReport,
  planSchedule,
} from "./schedules.js";
import { type SoakReport, soak } from "./soak.js";

export interface ClusterRun {
  readonly schedules?: ClusterReport;
  readonly soak?: SoakReport;
}

/** Runs the requested rounds against replicas as processes. */
export const runCluster = async (
  options: Options,
  isTime: () => boolean,
  say: (text: string) => void,
): Promise<ClusterRun> => {
  const cluster: ClusterOptions = {
    program: builtProgram(),
    fakeTime: findFakeTime(),
    older: options.older === undefined ? undefined : olderProgram(options.older),
  };
  const random = createRandom(options.seed);
  if (options.replay !== undefined)
    return { schedules: await replay(options.replay, cluster, say) };
  if (options.soakMinutes !== undefined) {
    const { soakMinutes: minutes } = options;
    const onProgress = (report: SoakReport) =>
      say(`soak: ${report.minutes.toFixed(1)} minutes, ${report.calls} calls`);
    return { soak: await soak({ cluster, random, minutes, isTime, onProgress }) };
  }
  const schedules = await clusterSchedules({
    cluster,
    random,
    wanted: options.schedules,
    isTime,
    onProgress: (report, seed) =>
      say(`cluster schedules: ${report.schedules}, the last of seed ${seed}`),
  });
  return { schedules };
};

const replay = async (
  seed: number,
  options: ClusterOptions,
  say: (text: string) => void,
): Promise<ClusterReport> => {
  for (const step of planSchedule(seed, options).steps) say(describeStep(step));
  const report = emptyClusterReport(options);
  const cluster = await startCluster(options);
  try {
    await clusterSchedule(cluster, options, seed, report);
  } finally {
    await cluster.close();
  }
  return report;
};
