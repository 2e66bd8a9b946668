import type { HotStore } from "../../../src/core/ports/hot_store.js";
import { writeEntry } from "../../../src/redis/entries.js";
import { sessionKey } from "../../../src/redis/keys.js";
import { redisCommand } from "../../support/redis_command.js";

/**
 * Designs of the hot store that look right and are not. Tests of guarantees run
 * with them too, to show that they would notice.
 */

/** Reports revocations as invalidated without sending them. */
export const forgetsToInvalidate = (hot: HotStore): HotStore => ({
  ...hot,
  async invalidate(revocations) {
    const [serverId = ""] = await hot.identify();
    return revocations.map(() => ({ shard: 0, serverId }));
  },
});

/** Fills in every entry, whatever has happened since the primary store was read. */
export const ignoresFillTokens =
  (redisUrl: string) =>
  (hot: HotStore): HotStore => ({
    ...hot,
    async fill(entry, _ticket, lease) {
      const text = writeEntry(entry, lease.epochs[0] ?? "");
      await redisCommand(redisUrl, "SET", sessionKey(0, entry.sessionId), text);
    },
  });

/** Takes every server for the first one that it was given. */
export const believesAnyServer = (hot: HotStore): HotStore => {
  let firstIds: string[] | undefined;
  const asNow = async <Lease extends { readonly serverIds: readonly string[] }>(lease: Lease) => ({
    ...lease,
    serverIds: await hot.identify(),
  });
  return {
    ...hot,
    check: async (ask, lease) => hot.check(ask, await asNow(lease)),
    checkAll: async (asks, lease) => hot.checkAll(asks, await asNow(lease)),
    fill: async (entry, fillToken, lease) => hot.fill(entry, fillToken, await asNow(lease)),
    async invalidate(revocations) {
      const told = await hot.invalidate(revocations);
      return told.map((one) => ({ ...one, serverId: firstIds?.[one.shard] ?? one.serverId }));
    },
    async identify() {
      const ids = await hot.identify();
      firstIds ??= ids;
      return firstIds;
    },
  };
};
