/**
 * The probability that a value of `b` is greater than one of `a`, with ties counted half: the area under the ROC curve
 * of an observer that separates the two by this value (Mann and Whitney's U over the number of pairs). At 0.5 the value
 * reveals nothing.
 */
export const areaUnderCurve = (a: readonly number[], b: readonly number[]): number => {
  const sorted = Float64Array.from(a).sort();
  /** How many of `a` are below a value, or at most it. */
  const count = (value: number, orEqual: boolean): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = sorted[middle] ?? Number.NaN;
      if (orEqual ? at <= value : at < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  let sum = 0;
  for (const value of b) sum += (count(value, false) + count(value, true)) / 2;
  return sum / (a.length * b.length);
};

export interface Interval {
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 1000;

/** Between which values the area lies with 99 % confidence, by the bootstrap (Efron's percentiles). */
export const areaInterval = (a: readonly number[], b: readonly number[]): Interval => {
  const again = (values: readonly number[]): number[] =>
    values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN);
  const areas = Float64Array.from({ length: RESAMPLES }, () =>
    areaUnderCurve(again(a), again(b)),
  ).sort();
  const at = (part: number): number => areas[Math.floor(part * (RESAMPLES - 1))] ?? Number.NaN;
  return { low: at(0.005), high: at(0.995) };
};

/** The value below which a part of the values lies. */
export const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((x, y) => x - y)[Math.ceil(values.length * part) - 1] ?? Number.NaN;

/** The values in an order drawn by lot (Fisher and Yates). */
export const shuffled = <T>(values: readonly T[]): T[] => {
  const order = [...values];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    const [here, there] = [order[last], order[other]];
    if (here === undefined || there === undefined) continue;
    order[last] = there;
    order[other] = here;
  }
  return order;
};
