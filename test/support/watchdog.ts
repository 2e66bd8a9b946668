import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("watchdog.sh", import.meta.url));

let watchdog: ChildProcess | undefined;

/**
 * Kills the process `pid` and its children when this process is gone, a crash and SIGKILL included. Call the returned
 * function once the process has ended.
 */
export function killAtExit(pid: number): () => void {
  order(`started ${pid}`);
  return () => order(`ended ${pid}`);
}

/** Removes `folder` with all in it when this process is gone. */
export function removeAtExit(folder: string): void {
  order(`folder ${folder}`);
}

function order(line: string): void {
  watchdog ??= startWatchdog();
  watchdog.stdin?.write(`${line}\n`);
}

function startWatchdog(): ChildProcess {
  // In a session of its own, so that Ctrl-C in the terminal does not reach it.
  const child = spawn("/bin/sh", [SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  child.unref();
  (child.stdin as Socket).unref();
  return child;
}
