import { performance } from "node:perf_hooks";
import { percentile } from "../../bench/figures.js";

/** Times in milliseconds. */
export interface Latency {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
  readonly calls: number;
}

/** Does it once for each item, one after the other, and times each. */
export const timed = async <Item>(
  name: string,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<Latency> => {
  const times: number[] = [];
  for (const item of items) {
    const startedAt = performance.now();
    await work(item);
    times.push(performance.now() - startedAt);
  }
  return { name, p50: percentile(times, 0.5), p99: percentile(times, 0.99), calls: times.length };
};

export const describeLatency = ({ name, p50, p99, calls }: Latency): string =>
  `  ${name.padEnd(52)} p50 ${p50.toFixed(1).padStart(7)} ms   p99 ${p99.toFixed(1).padStart(7)} ms   (${calls} calls)`;
