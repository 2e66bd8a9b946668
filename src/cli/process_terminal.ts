import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { readEnvironment } from "../config/environment.js";
import type { Environment } from "../config/setting.js";
import type { Terminal } from "./terminal.js";

/** A reader that has seen enough (`curfew sessions list | head`) is no failure. */
const endQuietlyWithoutReader = (): void => {
  process.stdout.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
};

/** The terminal of this process. */
export const processTerminal = (): Terminal => {
  let environment: Environment | undefined;
  endQuietlyWithoutReader();
  // Hide library deprecation warnings: an operator cannot act on them. grpc-js makes Node warn about each server that
  // is addressed by its IP address. A running server logs such warnings (`routeWarnings`).
  process.noDeprecation = true;
  return {
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    log: pino.destination(1),
    get environment() {
      environment ??= readEnvironment();
      return environment;
    },
    now: Date.now,
    wait: async (milliseconds, signal) => {
      await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
    },
    onInterrupt: (listener) => {
      process.once("SIGINT", listener);
      return () => process.removeListener("SIGINT", listener);
    },
  };
};
