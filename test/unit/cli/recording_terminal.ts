import { PassThrough } from "node:stream";
import type { LocalAdmin } from "../../../src/cli/local_admin.js";
import { runProgram } from "../../../src/cli/run_program.js";
import type { Keyboard, Terminal } from "../../../src/cli/terminal.js";
import type { Environment } from "../../../src/config/setting.js";

export interface Invocation {
  readonly environment?: Environment;
  /** The piped input. Absent: a terminal on which `typed` is typed. */
  readonly piped?: string;
  readonly typed?: string;
  readonly localAdmin?: Partial<LocalAdmin>;
  /** A live screen of this size. Absent: output goes to a pipe. */
  readonly screen?: { readonly columns: number; readonly rows: number };
  /** Called at each wait in place of the clock; its input can end the program. */
  readonly onWait?: (terminal: Terminal, interrupt: () => void) => void;
  readonly now?: number;
}

export interface Outcome {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
  /** Each change of raw mode. */
  readonly rawModes: readonly boolean[];
}

const text = (stream: PassThrough): string => {
  const chunk: unknown = stream.read();
  return Buffer.isBuffer(chunk) ? chunk.toString("utf8") : "";
};

const keyboard = ({ piped, typed = "" }: Invocation, rawModes: boolean[]): Keyboard => {
  const stream = new PassThrough();
  if (piped !== undefined) {
    stream.end(piped);
    return stream;
  }
  stream.write(typed);
  return Object.assign(stream, {
    isTTY: true,
    setRawMode: (raw: boolean) => rawModes.push(raw),
  });
};

/** Runs `curfew` with these arguments and returns the result. */
export const run = async (
  words: readonly string[],
  invocation: Invocation = {},
): Promise<Outcome> => {
  const rawModes: boolean[] = [];
  const output = new PassThrough();
  const errors = new PassThrough();
  let interrupt = (): void => undefined;
  const terminal: Terminal = {
    input: keyboard(invocation, rawModes),
    output: Object.assign(output, invocation.screen && { isTTY: true, ...invocation.screen }),
    // On a screen both are: bars are drawn on it.
    errors: Object.assign(errors, invocation.screen && { isTTY: true, ...invocation.screen }),
    log: { write: (line) => void output.write(line) },
    environment: invocation.environment ?? {},
    now: () => invocation.now ?? Date.now(),
    wait: async () => invocation.onWait?.(terminal, interrupt),
    onInterrupt: (listener) => {
      interrupt = listener;
      return () => undefined;
    },
  };
  const answering: Partial<LocalAdmin> = { reachDatabase: async () => undefined };
  const open = async (): Promise<LocalAdmin> =>
    ({ ...answering, ...invocation.localAdmin }) as LocalAdmin;
  const exitCode = await runProgram(words, open, terminal);
  return { exitCode, output: text(output), errors: text(errors), rawModes };
};
