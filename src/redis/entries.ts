import type { HotAnswer, HotEntry } from "../core/ports/hot_store.js";
import type { PendingInvalidation } from "../core/ports/session_store.js";
import type { EndReason } from "../core/session/session.js";
import { twoGenerationCache } from "../core/two_generation_cache.js";

/** Milliseconds since the epoch, always this wide until the year 2286. */
const TIME_WIDTH = 13;
const PROFILES = 10_000;

interface Tombstone {
  readonly user_id: string;
  readonly reason: EndReason;
  readonly at: number;
  readonly by: string;
  readonly revision: string;
}

type Profile = Pick<HotEntry, "userId" | "username" | "roles">;

/** The text of a live entry, as `check.lua` reads it. */
export const writeEntry = (entry: HotEntry, epoch: string): string =>
  `${epoch};${entry.lastActivityAt};${entry.expiresAt};${JSON.stringify([entry.userId, entry.username, entry.roles])}`;

export const writeTombstone = ({ userId, end }: PendingInvalidation): string =>
  end === undefined
    ? ""
    : JSON.stringify({
        user_id: userId,
        reason: end.reason,
        at: end.at,
        by: end.by,
        revision: end.revision.toString(),
      } satisfies Tombstone);

/**
 * Reads an answer of `check.lua` about a session that was used at `touchAt` (0: it was not).
 */
export type ReadAnswer = (sessionId: string, touchAt: number, answer: string) => HotAnswer;

export const answerReader = (): ReadAnswer => {
  // Most validations are of users seen a moment ago: parse each profile once.
  const profiles = twoGenerationCache<string, Profile>(PROFILES);
  const profileOf = (text: string): Profile => {
    const known = profiles.get(text);
    if (known !== undefined) return known;
    const [userId, username, roles] = JSON.parse(text) as [string, string, string[]];
    const profile = { userId, username, roles };
    profiles.set(text, profile);
    return profile;
  };
  const timeAt = (answer: string, start: number) => Number(answer.slice(start, start + TIME_WIDTH));

  const readEntry = (sessionId: string, touchAt: number, entry: string): HotEntry => {
    const times = entry.indexOf(";") + 1;
    const profile = profileOf(entry.slice(times + 2 * (TIME_WIDTH + 1)));
    return {
      sessionId,
      userId: profile.userId,
      username: profile.username,
      roles: profile.roles,
      expiresAt: timeAt(entry, times + TIME_WIDTH + 1),
      lastActivityAt: Math.max(touchAt, timeAt(entry, times)),
    };
  };

  return (sessionId, touchAt, answer) => {
    switch (answer[0]) {
      case "T": {
        const { user_id, reason, at, by, revision } = JSON.parse(answer.slice(1)) as Tombstone;
        return {
          kind: "ended",
          userId: user_id,
          end: { reason, at, by, revision: BigInt(revision) },
        };
      }
      case "I":
        return {
          kind: "unknown",
          lastActivityAt: timeAt(answer, 1),
          fillToken: answer.slice(1 + TIME_WIDTH),
        };
      case "M":
        return { kind: "unknown", lastActivityAt: 0, fillToken: answer.slice(1) };
      default:
        return /^\d/.test(answer)
          ? { kind: "live", entry: readEntry(sessionId, touchAt, answer) }
          : { kind: "unknown", lastActivityAt: 0, fillToken: undefined };
    }
  };
};
