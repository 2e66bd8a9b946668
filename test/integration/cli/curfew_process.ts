import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

/** A run of the command line in a process of its own. */
export interface CurfewProcess {
  readonly ended: Promise<Ended>;
  /** The text that the process has written to the error stream so far. */
  errors(): string;
  interrupt(): void;
}

const TSX = new URL("../../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href;
const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

/** Runs `curfew` with these words and nothing of this process's environment but PATH. */
export const startCurfew = (
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  cwd: string,
): CurfewProcess => {
  const child = spawn(process.execPath, ["--import", TSX, MAIN, ...words], {
    cwd,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  return {
    ended: once(child, "close").then(([exitCode]) => ({
      exitCode: exitCode as number | null,
      output,
      errors,
    })),
    errors: () => errors,
    interrupt: () => void child.kill("SIGINT"),
  };
};
