import { readFile } from "node:fs/promises";
import { hostname, platform } from "node:os";

/** Distinguishes a process from a later one that received the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Clock ticks from boot to the start of the process; empty where the system does not tell. */
  readonly startedAt: string;
}

export const thisProcess = async (): Promise<ProcessIdentity> => ({
  pid: process.pid,
  host: hostname(),
  startedAt: (platform() === "linux" && (await linuxStart(process.pid))) || "",
});

/** Whether it runs on this host, or `unknown` if it is one of another host. */
export const sessionStatusOf = async (
  identity: ProcessIdentity,
): Promise<"running" | "gone" | "unknown"> => {
  if (identity.host !== hostname()) return "unknown";
  if (platform() !== "linux") return answersSignals(identity.pid) ? "running" : "gone";
  return (await linuxStart(identity.pid)) === identity.startedAt ? "running" : "gone";
};

/** Field `starttime` of proc_pid_stat(5); undefined for a process that is gone or only waits to be reaped. */
const linuxStart = async (pid: number): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field is the program's name in parentheses and may hold spaces and parentheses.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields?.[0] === "Z" || fields?.[0] === "X" ? undefined : fields?.[19];
};

const answersSignals = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (failure) {
    // EPERM: the process runs, under another user.
    return failure instanceof Error && "code" in failure && failure.code === "EPERM";
  }
};
