import type { RefreshCall } from "../history/call.js";
import { latestBefore } from "./moments.js";
import type { Rules } from "./rules.js";
import type { SessionStory } from "./story.js";

/** The observable facts about the age of presented refresh tokens. */
export interface RefreshAges {
  /** A token so old at this call, whatever the order of racing ones, that the session has to end (R3). */
  surelyStale(call: RefreshCall): boolean;
  /** Whether some order of racing calls makes the token that old. */
  maybeStale(call: RefreshCall): boolean;
}

export const refreshAges = (
  { refreshes }: SessionStory,
  { graceMs, clockSlackMs }: Rules,
): RefreshAges => {
  /** By generation: the earliest moment its exchange may have happened, and the latest it must have. */
  const earliest = new Map<number, number>();
  const latest = new Map<number, number>();
  for (const { generation, start, end, answer } of refreshes) {
    earliest.set(generation, Math.min(start, earliest.get(generation) ?? Infinity));
    if (answer.kind === "ok")
      latest.set(generation, Math.min(end, latest.get(generation) ?? Infinity));
  }
  const newestSurely = newestGeneration(latest);
  const newestMaybe = newestGeneration(earliest);

  return {
    surelyStale({ generation, start }) {
      const age = newestSurely(start) - generation;
      const exchanged = latest.get(generation) ?? Infinity;
      return age >= 3 || (age >= 1 && start > exchanged + graceMs + clockSlackMs);
    },
    maybeStale({ generation, end }) {
      const age = newestMaybe(end) - generation;
      const exchanged = earliest.get(generation) ?? Infinity;
      return age >= 3 || (age >= 1 && end >= exchanged + graceMs - clockSlackMs);
    },
  };
};

/** Finds the newest generation there was before a time, by when each was exchanged for the next. */
const newestGeneration = (exchanges: ReadonlyMap<number, number>) => {
  const find = latestBefore(
    [...exchanges],
    ([, moment]) => moment,
    ([generation]) => generation,
  );
  return (at: number): number => (find(at)?.[0] ?? 0) + 1;
};
