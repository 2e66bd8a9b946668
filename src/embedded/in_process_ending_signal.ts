import type { EndingSignal } from "../core/ports/ending_signal.js";

/** Endings announced within the one process there is. */
export const inProcessEndingSignal = (): EndingSignal => {
  const listeners: (() => void)[] = [];
  return {
    announce() {
      for (const listener of listeners) listener();
    },
    onEnding(listener) {
      listeners.push(listener);
    },
    close: async () => undefined,
  };
};
