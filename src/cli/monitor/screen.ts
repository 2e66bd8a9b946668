import type { Terminal } from "../terminal.js";

/** Control sequences of ECMA-48 and xterm. */
const ALTERNATE_SCREEN = "\u001b[?1049h";
const NORMAL_SCREEN = "\u001b[?1049l";
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const HOME = "\u001b[H";
const CLEAR_REST_OF_LINE = "\u001b[K";
const CLEAR_REST_OF_SCREEN = "\u001b[J";

/** The letters that end it: q, and what Ctrl-C types in raw mode. */
const QUIT = ["q", "Q", "\u0003"];

/** A screen of its own, which gives back the operator's as it was. */
export interface Screen {
  /** Replaces the displayed lines, without flicker. */
  draw(lines: readonly string[]): void;
  close(): void;
}

/** Takes the screen, and calls back when `q` or Ctrl-C is pressed. */
export const openScreen = (
  { input, output }: Pick<Terminal, "input" | "output">,
  onQuit: () => void,
): Screen => {
  const onKey = (chunk: Buffer | string): void => {
    const typed = String(chunk);
    if (QUIT.some((letter) => typed.includes(letter))) onQuit();
  };
  if (input.isTTY) {
    input.setRawMode?.(true);
    input.on("data", onKey);
    input.resume();
  }
  output.write(ALTERNATE_SCREEN + HIDE_CURSOR);
  return {
    draw: (lines) => {
      const text = lines
        // A terminal that does not know its size says 0.
        .slice(0, output.rows || undefined)
        .map((line) => line + CLEAR_REST_OF_LINE)
        .join("\r\n");
      output.write(HOME + text + CLEAR_REST_OF_SCREEN);
    },
    close: () => {
      input.removeListener("data", onKey);
      if (input.isTTY) {
        input.setRawMode?.(false);
        input.pause();
      }
      output.write(SHOW_CURSOR + NORMAL_SCREEN);
    },
  };
};
