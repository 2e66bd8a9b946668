import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { SystemUser } from "./system_user.js";
import { killAtExit } from "./watchdog.js";

const START_MILLISECONDS = 60_000;
const OUTPUT_CHARACTERS = 262_144;

export interface ServerProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** The server is ready once its output, standard output and error together, matches. */
  readonly ready: RegExp;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly user?: SystemUser | undefined;
}

/** A server that runs as a child of this process and never outlives it. */
export interface ServerProcess {
  readonly pid: number;
  readonly running: boolean;
  /** The last part of the server's output. */
  output(): string;
  /** Sends `signal`, which wakes the server first if it is paused, and waits until it has ended. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Freezes the server with its children (SIGSTOP): connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Lets this process end, and the leak check pass, while the server runs. */
  unref(): void;
}

/** @throws Error with the server's last output when it ends, or is not ready in time. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const child = spawn(options.command, options.args, {
    stdio: ["ignore", "pipe", "pipe"],
    // Away from the terminal's Ctrl-C: the tests' teardown or the watchdog ends it.
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...options.user,
  });
  await once(child, "spawn");
  const pid = child.pid as number;
  const forget = killAtExit(pid);
  const ended = once(child, "exit").then(forget);
  const output = collectOutput(child);
  try {
    await waitUntilReady(child, output, options.ready);
  } catch (error) {
    child.kill("SIGKILL");
    await ended;
    throw error;
  }
  const server: ServerProcess = {
    pid,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    output,
    async stop(signal) {
      if (server.running) {
        server.resume();
        child.kill(signal);
      }
      await ended;
    },
    pause() {
      // The parent first, so that it starts no child that is missed.
      child.kill("SIGSTOP");
      for (const childPid of listChildren(pid)) signalIfAlive(childPid, "SIGSTOP");
    },
    resume() {
      for (const childPid of listChildren(pid)) signalIfAlive(childPid, "SIGCONT");
      child.kill("SIGCONT");
    },
    unref() {
      child.unref();
      for (const stream of [child.stdout, child.stderr]) (stream as Socket).unref();
    },
  };
  return server;
}

function collectOutput(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-OUTPUT_CHARACTERS);
    });
  }
  return () => text;
}

function waitUntilReady(child: ChildProcess, output: () => string, ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) =>
      settle(() => reject(new Error(`${child.spawnfile} ${what}. Its output:\n${output()}`)));
    const check = () => {
      if (ready.test(output())) settle(resolve);
    };
    const ended = () => fail("ended before it was ready");
    const timer = setTimeout(
      () => fail(`was not ready within ${START_MILLISECONDS} ms`),
      START_MILLISECONDS,
    );
    const settle = (then: () => void) => {
      clearTimeout(timer);
      child.off("close", ended);
      for (const stream of [child.stdout, child.stderr]) stream?.off("data", check);
      then();
    };
    child.on("close", ended);
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", check);
    check();
  });
}

function listChildren(pid: number): number[] {
  return readChildren(pid).split(/\s+/).filter(Boolean).map(Number);
}

function readChildren(pid: number): string {
  try {
    return process.platform === "linux"
      ? readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      : execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8", stdio: "pipe" });
  } catch {
    // The process has ended, or pgrep found no child.
    return "";
  }
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in the meantime.
  }
}
