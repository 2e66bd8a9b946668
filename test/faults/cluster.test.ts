import { afterAll, beforeAll, expect, test } from "vitest";
import { describeViolation } from "../../faults/checker/violation.js";
import { type Cluster, startCluster } from "../../faults/cluster/cluster.js";
import { faultsWith } from "../../faults/cluster/faults.js";
import type { Step } from "../../faults/cluster/plan.js";
import { sourceProgram } from "../../faults/cluster/program.js";
import { playRound } from "../../faults/cluster/round.js";
import { createRandom } from "../../faults/random.js";

const FAULTS = faultsWith({ fakeTime: false, older: false });

/** Short forms of what `npm run faults -- --cluster` plays at random. */
const SCHEDULES: readonly (readonly [string, number, readonly Step[]])[] = [
  [
    "a replica killed and another frozen while Redis loses acknowledged writes",
    101,
    [
      step("replica frozen (SIGSTOP)", 300, 1500, 0),
      step("Redis failover that loses acknowledged writes", 500, 400, 0),
      step("replica killed (kill -9) and started again", 900, 0, 1),
    ],
  ],
  [
    "Postgres killed, all its connections ended, Redis emptied",
    102,
    [
      step("Postgres killed (kill -9) and started again", 300, 300, 0),
      step("Redis FLUSHALL", 1000, 0, 0),
      step("pg_terminate_backend of all", 1500, 0, 0),
    ],
  ],
  [
    "Postgres fails over twice, once with the former primary still there",
    104,
    [
      step("Postgres failover, the former primary goes on for a while", 200, 1500, 0),
      step("one replica cut off from Postgres", 400, 500, 1),
      step("Postgres failover, the primary killed", 600, 0, 0),
    ],
  ],
  [
    "two Redis masters for a while, and the pools used up",
    103,
    [
      step("Redis master frozen, failover, two masters for a while", 200, 500, 0),
      step("pools exhausted behind a locked table", 600, 800, 0),
    ],
  ],
];

function step(fault: string, atMs: number, lastsMs: number, replica: number): Step {
  return { fault, atMs, lastsMs, replica, seed: 1 };
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ program: sourceProgram() });
}, 120_000);
afterAll(() => cluster?.close());

test.each(SCHEDULES)(
  "L1 to L5, R1 to R6, N1, N2 on three processes: %s",
  async (_name, seed, steps) => {
    const { calls, uncertain, violations } = await playRound({
      ...{ cluster, faults: FAULTS, steps, random: createRandom(seed) },
      ...{ lengthMs: 2500, callers: 8, pauseMs: 100 },
    });
    expect(violations.map(describeViolation)).toEqual([]);
    expect(calls - uncertain).toBeGreaterThan(100);
  },
  120_000,
);
