import { type Child, cpuMicroseconds } from "./child.js";

/** The throughput that a load got from a server, and its cost to the server. */
export interface Measured {
  readonly perSecond: number;
  /** Processor time of the server for one answer, in microseconds. */
  readonly cost: number;
}

/** The loads warm up for a second, which counts as much as the others here. */
const WARM_UP_SECONDS = 1;

/** Measures a server under a load that lasts some seconds after its warm-up. */
export const measure = async <Result extends { readonly perSecond: number }>(
  server: Child,
  seconds: number,
  run: () => Promise<Result>,
): Promise<Result & Measured> => {
  const before = cpuMicroseconds(server.process.pid);
  const result = await run();
  const used = cpuMicroseconds(server.process.pid) - before;
  return { ...result, cost: used / (result.perSecond * (seconds + WARM_UP_SECONDS)) };
};
