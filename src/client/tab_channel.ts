import { letProcessEnd } from "./let_process_end.js";
import type { SessionErrorFields } from "./session_error.js";
import type { StoredSession } from "./stored_session.js";

/** What tabs of one origin tell each other. */
export type TabMessage =
  /** New tokens. `stored` travels only where the store is not shared, or holds no tokens. */
  | { readonly type: "tokens"; readonly stored: StoredSession | null }
  /** The user signed out (`error` null) or the session ended. */
  | {
      readonly type: "signed_out";
      readonly id: string;
      readonly error: SessionErrorFields | null;
    }
  | { readonly type: "activity"; readonly id: string; readonly at: number };

/** The line to the other tabs. */
export interface TabChannel {
  post(message: TabMessage): void;
  close(): void;
}

/**
 * Opens the line. Where BroadcastChannel is missing or refused, a tab hears of
 * the others only when it next reads the storage.
 */
export function openTabChannel(name: string, onMessage: (message: TabMessage) => void): TabChannel {
  try {
    const channel = new BroadcastChannel(name);
    channel.onmessage = (event: { data: unknown }) => onMessage(event.data as TabMessage);
    letProcessEnd(channel);
    return {
      post(message) {
        try {
          channel.postMessage(message);
        } catch {
          // The line is closed or refused: as if there were none.
        }
      },
      close: () => channel.close(),
    };
  } catch {
    return { post() {}, close() {} };
  }
}
