import type { GetSessionStatsResponse } from "../../../generated/curfew/v1/session_admin.js";
import type { Terminal } from "../terminal.js";
import { renderFrame } from "./frame.js";
import type { Observation } from "./observation.js";
import { renderJsonLine, renderLine } from "./plain_line.js";
import { openScreen } from "./screen.js";

export interface WatchOptions {
  readonly intervalMs: number;
  /** How many observations to make; Infinity: until the operator ends it. */
  readonly count: number;
  readonly json: boolean;
}

interface View {
  show(observation: Observation): void;
  close(): void;
}

const lineView = ({ output }: Terminal, json: boolean): View => ({
  show: (observation) => {
    output.write(`${json ? renderJsonLine(observation) : renderLine(observation)}\n`);
  },
  close: () => undefined,
});

const screenView = (terminal: Terminal, onQuit: () => void): View => {
  const screen = openScreen(terminal, onQuit);
  let before: GetSessionStatsResponse | undefined;
  return {
    show: (observation) => {
      screen.draw(renderFrame(observation, before, terminal.output.columns || 80));
      if (!(observation.stats instanceof Error)) before = observation.stats;
    },
    close: screen.close,
  };
};

/**
 * Observes repeatedly and displays the result: as a live screen on a terminal, as one line for each observation
 * elsewhere. A server that disappears for a while is shown as such. A server that cannot be reached at the first
 * observation, or a refusal at any time, ends the watch. Rejects at its end with the last failure if no observation
 * succeeded.
 */
export const watch = async (
  terminal: Terminal,
  { intervalMs, count, json }: WatchOptions,
  observe: () => Promise<Observation>,
): Promise<void> => {
  const quit = new AbortController();
  const stopListening = terminal.onInterrupt(() => quit.abort());
  let view: View | undefined;
  try {
    const first = await observe();
    let failure = first.stats instanceof Error ? first.stats : undefined;
    // An operator who watches because a store is down must see the failure; the monitor must not exit.
    if (failure !== undefined && failure.reason === undefined) throw failure;
    view =
      terminal.output.isTTY && !json
        ? screenView(terminal, () => quit.abort())
        : lineView(terminal, json);
    view.show(first);
    for (let done = 1; done < count && !quit.signal.aborted; done += 1) {
      await terminal.wait(intervalMs, quit.signal);
      if (quit.signal.aborted) break;
      const next = await observe();
      if (!(next.stats instanceof Error)) failure = undefined;
      view.show(next);
    }
    if (failure !== undefined) throw failure;
  } finally {
    view?.close();
    stopListening();
  }
};
