import type { Display } from "../terminal.js";

/** Shows the progress of a long command on a terminal; prints nothing elsewhere. */
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
  /** The final value of `done`. Absent: unknown, and the time is shown instead. */
  readonly total?: number | undefined;
}

const CLEAR_LINE = "\r\u001b[K";
const BAR_LETTERS = 30;
const DRAW_EVERY_MS = 100;
const USUAL_COLUMNS = 80;

const barOf = (done: number, total: number): string => {
  const part = total === 0 ? 1 : done / total;
  const full = Math.round(part * BAR_LETTERS);
  return `${"█".repeat(full)}${"░".repeat(BAR_LETTERS - full)} ${Math.floor(part * 100)}%`;
};

/** No longer than the screen is wide: of a line that wraps, only the last part could be cleared. */
const fitted = (line: string, { columns = USUAL_COLUMNS }: Display): string =>
  [...line].slice(0, Math.max(0, columns - 1)).join("");

/**
 * Shows a bar on the error stream, so that output can be piped. It is one line, which is cleared
 * and drawn again where the cursor stands: no position is saved, so other lines may be written.
 */
export const openProgress = (errors: Display, { label, total }: ProgressOptions): Progress => {
  if (!errors.isTTY) {
    return {
      update: () => undefined,
      tell: (line) => void errors.write(`${line}\n`),
      stop: () => undefined,
    };
  }
  const startedAt = performance.now();
  let [done, note] = [0, ""];
  let drawnAt = Number.NEGATIVE_INFINITY;
  const draw = (): void => {
    drawnAt = performance.now();
    const seconds = Math.floor((drawnAt - startedAt) / 1000);
    const state = total === undefined ? `${seconds}s` : barOf(Math.min(done, total), total);
    errors.write(CLEAR_LINE + fitted(`${label}  ${state}  ${note}`, errors));
  };
  // Shows that the work goes on while no progress is reported.
  const timer = setInterval(draw, 10 * DRAW_EVERY_MS);
  draw();
  return {
    update(now, about = "") {
      [done, note] = [now, about];
      if (performance.now() - drawnAt >= DRAW_EVERY_MS) draw();
    },
    tell(line) {
      errors.write(`${CLEAR_LINE}${line}\n`);
      draw();
    },
    stop() {
      clearInterval(timer);
      errors.write(CLEAR_LINE);
    },
  };
};
