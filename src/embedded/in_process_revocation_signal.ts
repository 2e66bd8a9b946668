import type { RevocationSignal } from "../core/ports/revocation_signal.js";

/** Revocations announced within the one process there is. */
export const inProcessRevocationSignal = (): RevocationSignal => {
  const listeners: (() => void)[] = [];
  return {
    announce() {
      for (const listener of listeners) listener();
    },
    onRevocation(listener) {
      listeners.push(listener);
    },
    close: async () => undefined,
  };
};
