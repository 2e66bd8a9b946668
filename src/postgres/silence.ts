import { unavailable } from "../core/errors.js";
import type { Database } from "./database.js";

/** How long Postgres may leave all questions unanswered before it counts as down, in milliseconds. */
const MOST_SILENCE_MS = 220;

/**
 * Makes a wrapper for ports, whose calls reject with DEPENDENCY_UNAVAILABLE once
 * they have waited for that long while Postgres answered nobody: a server that
 * hangs is as good as down, and a caller has to hear so within 250 ms
 * (guarantees, "Trouble with the stores"). One that is only slow goes on
 * answering others, which a replica's pulse sees to ten times a second, and is
 * waited for. What was given up ends by the limits of the database.
 */
export const unlessSilent = (database: Database): (<Port extends object>(port: Port) => Port) => {
  let heardAt = performance.now();
  database.on("query-response", () => {
    heardAt = performance.now();
  });

  const guarded = <T>(answer: Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const askedAt = performance.now();
      const left = () => Math.max(askedAt, heardAt) + MOST_SILENCE_MS - performance.now();
      const giveUp = (): void => {
        if (left() > 0) look();
        else reject(unavailable("Postgres answers nobody"));
      };
      const look = (): void => {
        // After a long turn of this process, what has been answered meanwhile is read first.
        timer = setTimeout(() => setImmediate(giveUp), left());
      };
      let timer: NodeJS.Timeout | undefined;
      look();
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });

  return (port) =>
    Object.fromEntries(
      Object.entries(port).map(([name, method]: [string, (...args: unknown[]) => unknown]) => [
        name,
        (...args: unknown[]) => {
          const answer = method(...args);
          return answer instanceof Promise ? guarded(answer) : answer;
        },
      ]),
    ) as typeof port;
};
