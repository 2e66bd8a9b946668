import { setTimeout as wait } from "node:timers/promises";
import type { Violation } from "../checker/violation.js";
import type { Random } from "../random.js";
import { createRandom } from "../random.js";
import type { Stage } from "../schedules/stage.js";
import { startWorkload } from "../schedules/workload.js";
import type { Cluster } from "./cluster.js";
import type { ClusterFault } from "./fault.js";
import type { Step } from "./plan.js";

export interface RoundOptions {
  readonly cluster: Cluster;
  readonly faults: readonly ClusterFault[];
  readonly steps: readonly Step[];
  /** Of everything but the steps. */
  readonly random: Random;
  readonly lengthMs: number;
  readonly callers: number;
  /** Most time between the beginnings of two calls of one caller. */
  readonly pauseMs: number;
}

export interface Round {
  readonly calls: number;
  /** Calls a second of the callers, faults and all. */
  readonly callsPerSecond: number;
  readonly uncertain: number;
  readonly violations: readonly Violation[];
}

const USERS = 4;
/** Sessions asked about at once in the end. */
const ASKED_AT_ONCE = 10;

/** Plays steps while callers call, and judges the answers. Rejects if the cluster does not recover. */
export const playRound = async (options: RoundOptions): Promise<Round> => {
  const { cluster, steps, random, callers, pauseMs } = options;
  const stage = cluster.startAnew(random);
  const users = await Promise.all(Array.from({ length: USERS }, () => stage.newUser()));
  const begun = performance.now();
  const workload = startWorkload(stage, users, callers, pauseMs);
  const playing = steps.map((step) => playStep(options, step));
  const [, ...played] = await Promise.allSettled([wait(options.lengthMs), ...playing]);
  await workload.stop();
  const callsPerSecond = cluster.recorder.calls().length / ((performance.now() - begun) / 1000);
  for (const result of played) if (result.status === "rejected") throw result.reason;
  await cluster.recovered();
  await askEverybody(stage, workload.sessions());
  const violations = await cluster.verdict();
  const calls = cluster.recorder.calls();
  return {
    calls: calls.length,
    callsPerSecond,
    uncertain: calls.filter(({ answer }) => answer.kind === "uncertain").length,
    violations,
  };
};

const playStep = async ({ cluster, faults }: RoundOptions, step: Step): Promise<void> => {
  const fault = faults.find(({ name }) => name === step.fault);
  const replica = cluster.replicas[step.replica];
  if (fault === undefined || replica === undefined)
    throw new Error(`"${step.fault}" cannot be played here`);
  await wait(step.atMs);
  const random = createRandom(step.seed);
  await fault.play({ cluster, replica, random, lastsMs: step.lastsMs });
};

/** Every replica, about every session, twice. */
const askEverybody = async (
  { client, replicas }: Stage,
  sessions: ReturnType<ReturnType<typeof startWorkload>["sessions"]>,
): Promise<void> => {
  for (let asked = 0; asked < 2; asked++)
    for (let i = 0; i < sessions.length; i += ASKED_AT_ONCE)
      await Promise.all(
        sessions
          .slice(i, i + ASKED_AT_ONCE)
          .flatMap((session) => replicas.map((replica) => client.validate(replica, session))),
      );
};
