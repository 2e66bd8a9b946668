import type { HotStore, Lease } from "./ports/hot_store.js";
import type { SessionStore, Unburied } from "./ports/session_store.js";

const BURY_BATCH = 1000;

/** Tells hot servers what has ended or changed, and notes what they were told. */
export const createInvalidation = (deps: {
  hot: Pick<HotStore, "shards" | "bury">;
  store: Pick<SessionStore, "unburied" | "markBuried">;
  /** Notices whether Postgres answers. */
  asking: <T>(answer: Promise<T>) => Promise<T>;
  /** Told of what is in force on every replica since now. */
  tellSettled: (changes: readonly Unburied[]) => void;
}) => {
  const { hot, store, asking, tellSettled } = deps;
  const { shards } = hot;

  /** Tells the hot servers. Resolves to whom of them, and to what is in force since then. */
  const bury = async (changes: readonly Unburied[], primary: Pick<SessionStore, "markBuried">) => {
    // What was not told is seen by its empty id.
    const servers = await hot.bury(changes).catch(() => []);
    const told = changes.flatMap((unburied, i) => {
      const server = servers[i];
      return server !== undefined && server.serverId !== "" ? [{ ...server, unburied }] : [];
    });
    return { told, buried: told.length > 0 ? await primary.markBuried(told) : [] };
  };

  /** Tells the hot servers of a lease what they have missed. Resolves to the shards where that failed. */
  const buryWaiting = async ({ serverIds }: Lease): Promise<ReadonlySet<number>> => {
    const failed = new Set<number>();
    for (let after: string | undefined; ; ) {
      const waiting = await asking(
        store.unburied({ limit: BURY_BATCH, ...(after !== undefined && { after }) }),
      );
      const ours = waiting.filter(
        ({ sessionId }) => (serverIds[shards.of(sessionId)] ?? "") !== "",
      );
      if (ours.length > 0) {
        const { told, buried } = await bury(ours, store);
        if (buried.length > 0) tellSettled(ours);
        const right = new Set(
          told.flatMap(({ shard, serverId, unburied }) =>
            serverIds[shard] === serverId ? [unburied.sessionId] : [],
          ),
        );
        for (const { sessionId } of ours)
          if (!right.has(sessionId)) failed.add(shards.of(sessionId));
      }
      if (waiting.length < BURY_BATCH) return failed;
      after = waiting.at(-1)?.sessionId;
    }
  };

  return { bury, buryWaiting };
};
