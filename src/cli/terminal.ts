import type { Readable, Writable } from "node:stream";
import type { Environment } from "../config/setting.js";

/** Where text is typed. */
export type Keyboard = Readable & {
  readonly isTTY?: boolean;
  /** Letters arrive as they are typed, and are not shown. */
  setRawMode?(raw: boolean): unknown;
};

/** Where text is shown. */
export type Display = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** Everything a command may touch of the process it runs in. */
export interface Terminal {
  readonly input: Keyboard;
  readonly output: Display;
  readonly errors: Display;
  /** Where a server's log goes: standard output too, without the stream's overhead. */
  readonly log: { write(line: string): void };
  readonly environment: Environment;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after some milliseconds, or at once when the signal aborts. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Calls `listener` once at Ctrl-C instead of ending the process. The returned function removes the listener. */
  onInterrupt(listener: () => void): () => void;
}
