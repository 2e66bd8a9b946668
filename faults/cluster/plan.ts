import type { Random } from "../random.js";

/** One fault of a schedule. All of it is chosen before anything runs. */
export interface Step {
  readonly fault: string;
  /** After the schedule's beginning, in milliseconds; later if an earlier fault of the same server still lasts. */
  readonly atMs: number;
  readonly lastsMs: number;
  /** Index of the replica that it hits, if it hits one. */
  readonly replica: number;
  /** Of all that the fault chooses for itself. */
  readonly seed: number;
}

/** The facts about a fault that a plan needs. */
export interface FaultKind {
  readonly name: string;
  /** Least and most milliseconds that it lasts. */
  readonly lastsMs: readonly [least: number, most: number];
  /** Whether the process of a replica, or of all, ends in it. */
  readonly ends?: "one" | "all";
}

export interface PlanOptions {
  readonly random: Random;
  readonly faults: readonly FaultKind[];
  readonly replicas: number;
  readonly lengthMs: number;
  /** Mean time from one fault to the next. */
  readonly everyMs: number;
  /** So many replicas, the first ones, keep their processes all the time. */
  readonly kept?: number;
}

/** Chooses what goes wrong, where and when. The same options give the same plan. */
export const planSteps = (options: PlanOptions): Step[] => {
  const { random, replicas, lengthMs, everyMs, kept = 0 } = options;
  const faults = options.faults.filter(({ ends }) => kept === 0 || ends !== "all");
  const steps: Step[] = [];
  const gap = () => everyMs * (0.25 + 1.5 * random.next());
  for (let atMs = gap() / 2; atMs < lengthMs; atMs += gap()) {
    const { name, lastsMs, ends } = random.pick(faults);
    const [least, most] = lastsMs;
    const spared = ends === "one" ? kept : 0;
    steps.push({
      fault: name,
      atMs: Math.round(atMs),
      lastsMs: least + random.below(most - least + 1),
      replica: spared + random.below(replicas - spared),
      seed: random.below(2 ** 32),
    });
  }
  return steps;
};

export const describeStep = ({ fault, atMs, lastsMs, replica }: Step): string =>
  `at ${atMs} ms for ${lastsMs} ms: ${fault}; of replicas, the ${replica + 1}.`;
