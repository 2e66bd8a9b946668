import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { NODE_FLAGS } from "../test/support/node_flags.js";

/** Processor time of a process so far, in microseconds (Linux; else 0). */
export const cpuMicroseconds = (pid: number | undefined): number => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    // utime and stime, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return 0;
  }
};

/** A server in a process of its own. */
export interface Child {
  readonly process: ChildProcess;
  /** The match of the first line that matched. */
  readonly match: RegExpExecArray;
  stop(): Promise<void>;
}

/** Starts `node`, with the flags of `npm start`, and waits until a line of its output matches. */
export const startNode = (
  args: readonly string[],
  ready: RegExp,
  environment: Record<string, string> = {},
): Promise<Child> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...NODE_FLAGS, ...args], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = new Promise<void>((done) => child.once("exit", () => done()));
    child.once("exit", (code) => reject(new Error(`${args.join(" ")} ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const match = ready.exec(line);
      if (match)
        resolve({
          process: child,
          match,
          async stop() {
            child.kill("SIGTERM");
            await exited;
          },
        });
    });
  });

/** Starts Curfew as it is built in dist, on real stores. */
export const startCurfew = async (
  databaseUrl: string,
  redisUrl: string,
  environment: Record<string, string> = {},
  nodeFlags: readonly string[] = [],
): Promise<Child & { port: number }> => {
  const child = await startNode(
    [...nodeFlags, "dist/src/cli/main.js", "serve"],
    /"grpc":"127\.0\.0\.1:(\d+)"/,
    {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      HOST: "127.0.0.1",
      GRPC_PORT: "0",
      HTTP_PORT: "0",
      METRICS_PORT: "0",
      BOOTSTRAP_ADMIN_USERNAME: "admin",
      BOOTSTRAP_ADMIN_PASSWORD: "bench administrator",
      MAX_CONCURRENT_SESSIONS: "10000",
      LOGIN_MAX_FAILURES_PER_SOURCE: "1000000",
      ...environment,
    },
  );
  return { ...child, port: Number(child.match[1]) };
};
