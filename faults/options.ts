import { parseArgs } from "node:util";

/** What is asked for on the command line. */
export interface Options {
  readonly seed: number;
  /** Race pairs on replicas in this process. */
  readonly pairs: number;
  /** Random fault schedules on replicas in this process. */
  readonly schedules: number;
  /** Each part ends after this long, done or not. */
  readonly minutes: number;
  /** Plays the one schedule of this seed in this process again. */
  readonly replay: number | undefined;
  readonly summary: string;
}

const USAGE = `npm run faults -- [options]
  --pairs N              race pairs (default 20000)
  --schedules N          fault schedules in this process (default 50)
  --minutes M            most time of each part (default 10)
  --seed S               of all random choices (default: the time)
  --replay S             play the one in-process schedule of this seed
  --summary FILE         (default faults/summary.md)
`;

/** @throws Error that says what is wrong and how it is used. */
export const parseOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pairs: { type: "string", default: "20000" },
      schedules: { type: "string", default: "50" },
      minutes: { type: "string", default: "10" },
      seed: { type: "string", default: String(Date.now() % 2 ** 32) },
      replay: { type: "string" },
      summary: { type: "string", default: "faults/summary.md" },
    },
  });
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (Number.isFinite(value) && value >= 0) return value;
    throw new Error(`--${name} must be a number that is not negative, not "${text}"\n${USAGE}`);
  };
  return {
    seed: number("seed", values.seed),
    pairs: number("pairs", values.pairs),
    schedules: number("schedules", values.schedules),
    minutes: number("minutes", values.minutes),
    replay: values.replay === undefined ? undefined : number("replay", values.replay),
    summary: values.summary,
  };
};
