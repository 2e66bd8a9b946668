import { parseArgs } from "node:util";

/** The options of the command line. */
export interface Options {
  readonly seed: number;
  /** Replicas as processes of their own, in the place of replicas in this process. */
  readonly cluster: boolean;
  /** Race pairs on replicas in this process. */
  readonly pairs: number;
  /** Random fault schedules. */
  readonly schedules: number;
  /** Each part ends after this long, done or not. */
  readonly minutes: number;
  /** Load and faults for this long on one cluster, in the place of schedules. */
  readonly soakMinutes: number | undefined;
  /** A commit whose version one replica of a cluster runs. */
  readonly older: string | undefined;
  /** Plays the one schedule of this seed again. */
  readonly replay: number | undefined;
  /** Part of the name of a defect to plant in every replica. */
  readonly defect: string | undefined;
  /** Each part of this run adds a line to it. */
  readonly runs: string;
  /** Written anew from all runs. */
  readonly summary: string;
}

const USAGE = `npm run faults -- [options]
  --pairs N              race pairs (default 20000)
  --schedules N          fault schedules (default 50)
  --minutes M            most time of each part (default 10; of a soak three times its own, and 10)
  --cluster              schedules on replicas as processes, and no race pairs
  --soak M               with --cluster: load and faults for M minutes on the same processes
  --older COMMIT         with --cluster: one replica runs this version
  --seed S               of all random choices (default: the time)
  --replay S             play the one schedule of this seed
  --defect NAME          plants a defect, by a part of its name, to see that it is noticed; not with --cluster
  --runs FILE            records of all runs, to which this one is added (default faults/runs.jsonl)
  --summary FILE         of all runs (default faults/summary.md)
A replay, and a run with a defect, is not recorded. On SIGTERM it ends early and records what it has done. It exits with 1 for a violation, with 2 for
something that came to no verdict.
`;

/** @throws Error that names the problem and the usage. */
export const parseOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cluster: { type: "boolean", default: false },
      pairs: { type: "string", default: "20000" },
      schedules: { type: "string", default: "50" },
      minutes: { type: "string" },
      soak: { type: "string" },
      older: { type: "string" },
      seed: { type: "string", default: String(Date.now() % 2 ** 32) },
      replay: { type: "string" },
      defect: { type: "string" },
      runs: { type: "string", default: "faults/runs.jsonl" },
      summary: { type: "string", default: "faults/summary.md" },
    },
  });
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (Number.isFinite(value) && value >= 0) return value;
    throw new Error(`--${name} must be a number that is not negative, not "${text}"\n${USAGE}`);
  };
  const optional = (name: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : number(name, text);
  const { cluster, soak, older } = values;
  if (!cluster && (soak !== undefined || older !== undefined))
    throw new Error(`--soak and --older go with --cluster\n${USAGE}`);
  if (cluster && values.defect !== undefined)
    throw new Error(`--defect does not go with --cluster\n${USAGE}`);
  const soakMinutes = optional("soak", soak);
  return {
    seed: number("seed", values.seed),
    cluster,
    pairs: number("pairs", values.pairs),
    schedules: number("schedules", values.schedules),
    minutes:
      optional("minutes", values.minutes) ??
      (soakMinutes === undefined ? 10 : soakMinutes * 3 + 10),
    soakMinutes,
    older,
    replay: optional("replay", values.replay),
    defect: values.defect,
    runs: values.runs,
    summary: values.summary,
  };
};
