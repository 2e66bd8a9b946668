import type { LimitPolicy } from "../settings.js";
import type { Session } from "./session.js";

/**
 * Which of a user's live sessions have to end so that one more fits, oldest or
 * least recently used first; undefined: none may, the login is refused (N1-N3).
 */
export const makeRoom = (
  live: readonly Session[],
  maxSessions: number,
  policy: LimitPolicy,
): readonly Session[] | undefined => {
  const excess = live.length - maxSessions + 1;
  if (excess <= 0) return [];
  if (policy === "reject") return undefined;
  const age = (session: Session) =>
    policy === "evict_oldest" ? session.createdAt : session.lastActivityAt;
  return [...live].sort((a, b) => age(a) - age(b) || (a.id < b.id ? -1 : 1)).slice(0, excess);
};

/**
 * Which of a user's live sessions are over a limit that was lowered. The policies
 * that evict choose as for a login; `reject` would have refused the newest.
 */
export const overLimit = (
  live: readonly Session[],
  maxSessions: number,
  policy: LimitPolicy,
): readonly Session[] =>
  makeRoom(live, maxSessions + 1, policy) ??
  [...live]
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    .slice(0, live.length - maxSessions);
