import { SingleBar } from "cli-progress";
import type { Display } from "../terminal.js";

/** How far a long work is, for whoever watches a terminal; nothing elsewhere. */
export interface Progress {
  /** `note` stands behind the bar. */
  update(done: number, note?: string): void;
  /** Writes a line above the bar. */
  tell(line: string): void;
  /** Removes the bar. */
  stop(): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** What `done` comes to at the end. Absent: nobody knows, and the time is shown instead. */
  readonly total?: number | undefined;
}

const CLEAR_LINE = "\r\u001b[K";

/** Shows a bar on the error stream, so that output can be piped. */
export const openProgress = (errors: Display, { label, total }: ProgressOptions): Progress => {
  if (!errors.isTTY) {
    return {
      update: () => undefined,
      tell: (line) => void errors.write(`${line}\n`),
      stop: () => undefined,
    };
  }
  const bar = new SingleBar({
    format:
      total === undefined
        ? `${label}  {duration_formatted}  {note}`
        : `${label}  {bar} {percentage}%  {note}`,
    stream: errors,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 30,
    fps: 10,
    clearOnComplete: true,
    gracefulExit: false,
  });
  bar.start(total ?? 1, 0, { note: "" });
  return {
    update: (done, note = "") => bar.update(Math.min(done, total ?? 0), { note }),
    tell: (line) => {
      errors.write(`${CLEAR_LINE}${line}\n`);
      bar.render();
    },
    stop: () => bar.stop(),
  };
};
