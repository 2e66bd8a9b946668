import { setTimeout as sleep } from "node:timers/promises";
import { readEnvironment } from "../config/environment.js";
import type { Terminal } from "./terminal.js";

/** The terminal of this process. */
export const processTerminal = (): Terminal => ({
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  environment: readEnvironment(),
  now: Date.now,
  wait: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  },
  onInterrupt: (listener) => {
    process.once("SIGINT", listener);
    return () => process.removeListener("SIGINT", listener);
  },
});
