import { readFileSync } from "node:fs";
import { cpuMicroseconds } from "./child.js";

/** The use of the machine's processors in a period (Linux; else 0), in processors: 2 is two of them all the time. */
export interface ProcessorShares {
  readonly server: number;
  /** This process, which makes the load. */
  readonly client: number;
  /** Stores of the bench, and whatever else runs on the machine. */
  readonly others: number;
}

/** Busy time of all processors since the start of the machine, in microseconds. */
const machineMicroseconds = (): number => {
  try {
    const [first = ""] = readFileSync("/proc/stat", "utf8").split("\n");
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = first
      .split(/\s+/)
      .slice(1)
      .map(Number);
    // Ticks of 10 ms.
    return (user + nice + system + irq + softirq) * 10_000;
  } catch {
    return 0;
  }
};

const ownMicroseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Begins a measurement. The returned function returns the use since then. */
export const measureShares = (serverPid: number | undefined): (() => ProcessorShares) => {
  const startedAt = performance.now();
  const server = cpuMicroseconds(serverPid);
  const client = ownMicroseconds();
  const machine = machineMicroseconds();
  return () => {
    const elapsed = (performance.now() - startedAt) * 1000;
    const ofServer = cpuMicroseconds(serverPid) - server;
    const ofClient = ownMicroseconds() - client;
    return {
      server: ofServer / elapsed,
      client: ofClient / elapsed,
      others: Math.max(0, machineMicroseconds() - machine - ofServer - ofClient) / elapsed,
    };
  };
};

export const describeShares = ({ server, client, others }: ProcessorShares): string =>
  `processors: server ${server.toFixed(2)}, client ${client.toFixed(2)}, stores and others ${others.toFixed(2)}`;
