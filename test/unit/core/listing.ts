import type { SessionQuery, SessionStore } from "../../../src/core/ports/session_store.js";
import { listSessions } from "../../../src/core/session/list_sessions.js";
import { session } from "./samples.js";

export const IDLE = 1000;

/** The use case over a store that holds these ids in this order, and the calls that the store receives. */
export const listing = (ids: readonly string[]) => {
  const asked: SessionQuery[] = [];
  const store = {
    async list(query: SessionQuery) {
      asked.push(query);
      const from = query.after === undefined ? 0 : ids.indexOf(query.after) + 1;
      return ids.slice(from, from + query.limit).map((id) => session({ id }));
    },
  } satisfies Pick<SessionStore, "list">;
  const clock = { now: () => 1234, monotonic: () => 0, sleep: async () => undefined };
  return { list: listSessions({ store, clock, idleTimeoutMs: IDLE }), asked };
};
