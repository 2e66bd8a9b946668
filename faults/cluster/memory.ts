import { readFile } from "node:fs/promises";
import type { ClusterReplica } from "./replica.js";

/** Resident memory at a moment. */
export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How the memory of one process went. */
export interface MemoryTrend {
  readonly replica: string;
  readonly minutes: number;
  readonly samples: number;
  readonly lastMib: number;
  readonly mibPerHour: number;
}

const EVERY_MS = 1000;
const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
/** Memory that a process takes during its warm-up is no trend. */
const WARM_UP = 1 / 3;

/** Bytes a millisecond, by least squares; 0 for fewer than two samples. */
export const slopeOf = (samples: readonly MemorySample[]): number => {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const at = mean(samples.map(({ atMs }) => atMs));
  const bytes = mean(samples.map((sample) => sample.bytes));
  let [covariance, variance] = [0, 0];
  for (const sample of samples) {
    covariance += (sample.atMs - at) * (sample.bytes - bytes);
    variance += (sample.atMs - at) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
};

export const trendOf = (replica: string, samples: readonly MemorySample[]): MemoryTrend => {
  const [first, last] = [samples[0], samples.at(-1)];
  const lasted = (last?.atMs ?? 0) - (first?.atMs ?? 0);
  const warm = samples.filter(({ atMs }) => atMs >= (first?.atMs ?? 0) + lasted * WARM_UP);
  return {
    replica,
    minutes: lasted / 60_000,
    samples: warm.length,
    lastMib: (last?.bytes ?? 0) / MIB,
    mibPerHour: (slopeOf(warm) * HOUR_MS) / MIB,
  };
};

/** Watches the memory of replicas, each as long as its process lives. Needs Linux; elsewhere it sees nothing. */
export const watchMemory = (replicas: readonly ClusterReplica[]) => {
  const lives = replicas.map(() => new Map<number, MemorySample[]>());
  const sample = async (): Promise<void> => {
    for (const [i, replica] of replicas.entries()) {
      const pid = replica.pid();
      const bytes = pid === undefined ? undefined : await residentBytes(pid);
      if (pid === undefined || bytes === undefined) continue;
      const life = lives[i]?.get(pid) ?? [];
      life.push({ atMs: performance.now(), bytes });
      lives[i]?.set(pid, life);
    }
  };
  const timer = setInterval(() => void sample(), EVERY_MS);
  return {
    /** Ends it. Of each replica the process that lived longest counts. */
    stop(): MemoryTrend[] {
      clearInterval(timer);
      return replicas.flatMap(({ name }, i) => {
        const [longest] = [...(lives[i]?.values() ?? [])].sort((a, b) => b.length - a.length);
        return longest ? [trendOf(name, longest)] : [];
      });
    },
  };
};

const residentBytes = async (pid: number): Promise<number | undefined> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
};
