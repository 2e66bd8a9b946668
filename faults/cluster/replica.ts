import { findFreePort } from "../../test/support/free_port.js";
import { type ServerProcess, startServerProcess } from "../../test/support/server_process.js";
import type { TcpProxy } from "../../test/support/tcp_proxy.js";
import { type GrpcTarget, grpcTarget } from "../client/grpc_target.js";
import type { FakeClock } from "./fake_clock.js";
import { createLock, type Lock } from "./lock.js";
import type { Program } from "./program.js";

export interface ReplicaOptions {
  readonly name: string;
  readonly program: Program;
  readonly serviceKey: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly clock: FakeClock | undefined;
  /** Between it and Postgres. */
  readonly postgresLink: TcpProxy;
}

/** A start that fails more often than this has another reason than a fault that is being played. */
const MAX_STARTS = 10;

/** `curfew serve` as a process of its own. */
export interface ClusterReplica extends GrpcTarget {
  readonly program: Program;
  /** Held by a fault that breaks it: one fault at a time, and each repairs it before the next. */
  readonly exclusively: Lock;
  readonly clock: FakeClock | undefined;
  readonly postgresLink: TcpProxy;
  /** Undefined while it does not run. */
  pid(): number | undefined;
  /** Starts it in its place, of this or another version; resolves when it is ready. */
  start(program?: Program): Promise<void>;
  stop(signal: NodeJS.Signals): Promise<void>;
  pause(): void;
  resume(): void;
  /** The last that it has written. */
  output(): string;
}

/** Starts a replica, on a port that stays its own. */
export const startReplica = async (options: ReplicaOptions): Promise<ClusterReplica> => {
  const { name, program, serviceKey, environment, folder, clock, postgresLink } = options;
  const port = await findFreePort();
  const target = grpcTarget(name, `127.0.0.1:${port}`, serviceKey);
  let server: ServerProcess | undefined;
  let output = "";
  const startOnce = async (started: Program): Promise<void> => {
    server = await startServerProcess({
      command: process.execPath,
      args: [...started.args, "serve"],
      ready: /curfew is ready/,
      // Where there is no .env.
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        ...environment,
        GRPC_PORT: String(port),
        ...clock?.environment,
      },
    });
  };
  /** As whatever oversees processes does: one that a lost store kept from starting is started again. */
  const start = async (started = program): Promise<void> => {
    for (let starts = 1; ; starts++) {
      try {
        return await startOnce(started);
      } catch (failure) {
        if (starts === MAX_STARTS) throw failure;
      }
    }
  };
  await start();
  return {
    ...target,
    program,
    exclusively: createLock(),
    clock,
    postgresLink,
    pid: () => (server?.running ? server.pid : undefined),
    start,
    async stop(signal) {
      await server?.stop(signal);
      output = server?.output() ?? output;
    },
    pause: () => server?.pause(),
    resume: () => server?.resume(),
    output: () => server?.output() ?? output,
  };
};
