import type { HotStore, Lease } from "../ports/hot_store.js";
import type { PendingInvalidation, SessionStore } from "../ports/session_store.js";

const INVALIDATE_BATCH = 1000;

/** Sends revocations and changes to the hot servers and records which servers were invalidated. */
export const createInvalidation = (deps: {
  hot: Pick<HotStore, "shards" | "invalidate">;
  store: Pick<SessionStore, "pendingInvalidations" | "markInvalidated">;
  /** Notices whether Postgres answers. */
  asking: <T>(answer: Promise<T>) => Promise<T>;
  /** Called with the changes that are in force on every replica from now on. */
  notifyRevoked: (changes: readonly PendingInvalidation[]) => void;
}) => {
  const { hot, store, asking, notifyRevoked } = deps;
  const { shards } = hot;

  /**
   * Invalidates the hot servers. Resolves to the servers that were reached and to the changes that are in force since
   * then.
   */
  const invalidate = async (
    changes: readonly PendingInvalidation[],
    primary: Pick<SessionStore, "markInvalidated">,
  ) => {
    // A change that reached no server has an empty server id.
    const servers = await hot.invalidate(changes).catch(() => []);
    const told = changes.flatMap((pendingInvalidations, i) => {
      const server = servers[i];
      return server !== undefined && server.serverId !== ""
        ? [{ ...server, pendingInvalidations }]
        : [];
    });
    return { told, invalidated: told.length > 0 ? await primary.markInvalidated(told) : [] };
  };

  /**
   * Sends the hot servers of a lease the invalidations that they have missed. Resolves to the shards where that failed.
   */
  const invalidateWaiting = async ({ serverIds }: Lease): Promise<ReadonlySet<number>> => {
    const failed = new Set<number>();
    for (let after: string | undefined; ; ) {
      const waiting = await asking(
        store.pendingInvalidations({
          limit: INVALIDATE_BATCH,
          ...(after !== undefined && { after }),
        }),
      );
      const ours = waiting.filter(
        ({ sessionId }) => (serverIds[shards.of(sessionId)] ?? "") !== "",
      );
      if (ours.length > 0) {
        const { told, invalidated } = await invalidate(ours, store);
        if (invalidated.length > 0) notifyRevoked(ours);
        const right = new Set(
          told.flatMap(({ shard, serverId, pendingInvalidations }) =>
            serverIds[shard] === serverId ? [pendingInvalidations.sessionId] : [],
          ),
        );
        for (const { sessionId } of ours)
          if (!right.has(sessionId)) failed.add(shards.of(sessionId));
      }
      if (waiting.length < INVALIDATE_BATCH) return failed;
      after = waiting.at(-1)?.sessionId;
    }
  };

  return { invalidate, invalidateWaiting };
};
