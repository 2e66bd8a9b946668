import { readdirSync, readFileSync } from "node:fs";
import { cpuMicroseconds } from "./child.js";
import { openCrowd } from "./crowd.js";
import { note } from "./figures.js";
import { unaryCapacity } from "./unary_side.js";

const WORKERS = 2;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);

/** Processes whose parent is `pid` (Linux). */
const childrenOf = (pid: number | undefined): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        const stat = readFileSync(`/proc/${each}/stat`, "utf8");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid;
      } catch {
        return false;
      }
    });

/** How evenly workers share the load of eight connections, by the processor time each spends. */
export const benchWorkers = async (): Promise<void> => {
  const crowd = await openCrowd({ sessions: 1000, environment: { WORKERS: String(WORKERS) } });
  try {
    const [token = ""] = await crowd.mint(crowd.sessions.slice(0, 1));
    const workers = childrenOf(crowd.curfew.process.pid);
    if (workers.length !== WORKERS) throw new Error(`there are ${workers.length} workers`);
    for (let round = 0; round < ROUNDS; round++) {
      const before = workers.map(cpuMicroseconds);
      const { perSecond } = await unaryCapacity(crowd.curfew, token, SECONDS);
      const spent = workers.map((pid, i) => cpuMicroseconds(pid) - (before[i] ?? 0));
      const total = spent.reduce((sum, each) => sum + each, 0);
      const shares = spent.map((each) => `${((100 * each) / total).toFixed(0)} %`).join(" and ");
      note(`${WORKERS} workers: ${perSecond.toFixed(0)} calls/s, shared ${shares}`);
    }
  } finally {
    await crowd.close();
  }
};
