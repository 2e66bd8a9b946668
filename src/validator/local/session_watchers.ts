import type { Verdict } from "./ended_verdict.js";

/** Called once when a session has been revoked, with the reason for which its tokens are refused. */
export type OnEnded = (verdict: Verdict) => void;

/** The watchers to notify when a session is revoked. */
export interface SessionWatchers {
  /** Returns what stops it. */
  add(sessionId: string, onEnded: OnEnded): () => void;
  ended(sessionId: string, verdict: Verdict): void;
}

export const sessionWatchers = (): SessionWatchers => {
  const watchers = new Map<string, Set<OnEnded>>();
  return {
    add(sessionId, onEnded) {
      const own = watchers.get(sessionId) ?? new Set();
      watchers.set(sessionId, own.add(onEnded));
      return () => {
        own.delete(onEnded);
        if (own.size === 0 && watchers.get(sessionId) === own) watchers.delete(sessionId);
      };
    },
    ended(sessionId, verdict) {
      const own = watchers.get(sessionId);
      watchers.delete(sessionId);
      // Each watcher is called on its own: one that throws keeps neither the others nor the feed from going on.
      for (const onEnded of own ?? [])
        queueMicrotask(() => {
          if (own?.has(onEnded)) onEnded(verdict);
        });
    },
  };
};
