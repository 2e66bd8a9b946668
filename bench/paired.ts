import { median, note } from "./figures.js";

/** The target of a ratio. */
export type Aim = { readonly atLeast: number } | { readonly atMost: number };

const rounded = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));

const verdict = (ratio: number, aim: Aim): string => {
  const [words, isMet] =
    "atLeast" in aim
      ? [`at least ${aim.atLeast}`, ratio >= aim.atLeast]
      : [`at most ${aim.atMost}`, ratio <= aim.atMost];
  return `${words}: ${isMet ? "met" : "SHORT"}`;
};

/**
 * Reports rounds in which both sides were measured one right after the other:
 * the median of the ratios of the pairs, since a machine that others share is
 * fast in one round and slow in the next, for both.
 */
export const reportPaired = (
  name: string,
  ours: readonly number[],
  baseline: readonly number[],
  unit: string,
  aim: Aim | undefined,
): void => {
  const ratios = ours.map((value, round) => value / (baseline[round] ?? Number.NaN));
  const ratio = median(ratios);
  note(
    `${name}: ${rounded(median(ours))} ${unit} / baseline ${rounded(median(baseline))} ${unit} = ${ratio.toFixed(2)}${aim ? ` (${verdict(ratio, aim)})` : ""}`,
  );
  note(`  ratio round by round: ${ratios.map((each) => each.toFixed(2)).join(" ")}`);
};
