export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

const rounded = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));

/** Prints one figure of the report: both sides, the ratio, and its target. */
export const report = (
  name: string,
  ours: number,
  baseline: number,
  unit: string,
  atLeast: number | undefined,
): void => {
  const ratio = ours / baseline;
  const aim =
    atLeast === undefined ? "" : ` (at least ${atLeast}: ${ratio >= atLeast ? "met" : "SHORT"})`;
  process.stdout.write(
    `${name}: ${rounded(ours)} ${unit} / baseline ${rounded(baseline)} ${unit} = ${ratio.toFixed(3)}${aim}\n`,
  );
};

export const note = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
