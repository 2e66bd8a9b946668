import { unavailable } from "../../../src/core/errors.js";
import type { HotStore } from "../../../src/core/ports/hot_store.js";
import type { Renewal, ReplicaRegistry } from "../../../src/core/ports/replica_registry.js";
import type { PendingInvalidation, SessionStore } from "../../../src/core/ports/session_store.js";
import { createCacheLease } from "../../../src/core/revocation/cache_lease.js";
import { NOW } from "./samples.js";

/** A cache lease between stores that a test controls, on a clock that the test moves. */
export const cacheLeaseStage = () => {
  const stage = {
    elapsed: 0,
    /** The operations, in order. */
    log: [] as string[],
    /** The servers reached; undefined: none answers. */
    servers: ["s1"] as string[] | undefined,
    /** The servers that invalidations end up at, when others than those reached before. */
    invalidatesAt: undefined as string[] | undefined,
    epochs: ["1"],
    refused: false,
    storeDown: false,
    storeHangs: false,
    /** Whether the machine is suspended while a lease is requested from Postgres. */
    sleepsThrough: false,
    lastRevision: 0n,
    waiting: [] as PendingInvalidation[],
    /** Whether the store records the invalidations. */
    notes: true,
    invalidatedAmong: [] as string[],
    disturb: (): void => undefined,
    sleeps: 0,
    /** How often the machine was suspended, and how often it had been when Postgres was last heard. */
    interruptions: 0,
    heardAfter: 0,
  };

  const hot: Pick<HotStore, "shards" | "identify" | "invalidate" | "onDisturbance"> = {
    shards: { count: 2, of: (sessionId) => (sessionId.startsWith("second") ? 1 : 0) },
    async identify() {
      if (stage.servers === undefined) throw unavailable();
      return stage.servers;
    },
    async invalidate(revocations) {
      stage.log.push(`invalidate ${revocations.map(({ sessionId }) => sessionId).join(" ")}`);
      const servers = stage.invalidatesAt ?? stage.servers;
      if (servers === undefined) throw unavailable();
      return revocations.map(({ sessionId }) => {
        const shard = hot.shards.of(sessionId);
        return { shard, serverId: servers[shard] ?? "" };
      });
    },
    onDisturbance(listener) {
      stage.disturb = listener;
    },
  };
  const registry: ReplicaRegistry = {
    async renew(serverIds): Promise<Renewal> {
      if (stage.storeDown) throw unavailable();
      if (stage.sleepsThrough) stage.interruptions += 1;
      if (stage.storeHangs) await new Promise(() => undefined);
      stage.log.push(serverIds === undefined ? "give up" : `renew ${serverIds.join(" ")}`);
      const granted = serverIds !== undefined && !stage.refused;
      return {
        lease: granted ? { serverIds, epochs: stage.epochs.slice(0, serverIds.length) } : undefined,
        storeNow: NOW + stage.elapsed,
        lastRevision: stage.lastRevision,
      };
    },
    async leave() {
      stage.log.push(cacheLease.lease() === undefined ? "leave" : "leave while trusting");
    },
  };
  const store: Pick<SessionStore, "pendingInvalidations" | "markInvalidated" | "invalidatedAmong"> =
    {
      async pendingInvalidations({ limit, after }) {
        if (stage.storeDown) throw unavailable();
        return stage.waiting
          .filter(({ sessionId }) => after === undefined || sessionId > after)
          .slice(0, limit);
      },
      async markInvalidated(told) {
        const ids = stage.notes
          ? told.map(({ pendingInvalidations }) => pendingInvalidations.sessionId)
          : [];
        stage.waiting = stage.waiting.filter(({ sessionId }) => !ids.includes(sessionId));
        return ids;
      },
      async invalidatedAmong(sessionIds) {
        if (stage.storeDown) throw unavailable();
        return sessionIds.filter((id) => stage.invalidatedAmong.includes(id));
      },
    };
  const clock = {
    now: () => NOW + stage.elapsed,
    monotonic: () => stage.elapsed,
    async sleep(ms: number) {
      stage.elapsed += ms;
      stage.sleeps += 1;
    },
    synchronise: () => {
      stage.heardAfter = stage.interruptions;
    },
    interruptions: () => stage.interruptions,
    isSynchronised: () => stage.heardAfter === stage.interruptions,
  };
  const cacheLease = createCacheLease({ hot, registry, store, clock });
  return Object.assign(stage, { cacheLease, clock });
};

export const revocation = (sessionId: string): PendingInvalidation => ({
  sessionId,
  userId: "user",
  end: { reason: "LOGOUT", at: NOW, by: "user", revision: 1n },
  accessExpiresAt: NOW + 1000,
});
