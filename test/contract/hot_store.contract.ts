import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HotAnswer, HotEntry, Lease } from "../../src/core/ports/hot_store.js";
import type { PendingInvalidation } from "../../src/core/ports/session_store.js";
import { expectHotStoreToFollowModel, hotSteps } from "./hot_store_model.js";
import {
  endingAt,
  type HotStoreOptions,
  type HotStoreUnderTest,
  leaseOf,
  liveEntry,
} from "./hot_store_under_test.js";

const IDLE_MS = 30 * 60_000;
const MANY = 10_000;

/** The contract of every hot store, with other writers at the same time. */
export const describeHotStore = (
  name: string,
  open: (options: HotStoreOptions) => Promise<HotStoreUnderTest>,
): void => {
  describe(`hot store: ${name}`, () => {
    let hot: HotStoreUnderTest;
    let lease: Lease;
    let now: number;
    let id: string;

    beforeEach(async () => {
      hot = await open({ idleTimeoutMs: IDLE_MS, capacity: MANY });
      lease = await leaseOf(hot.store, "1");
      now = Date.now();
      id = randomUUID();
    });
    afterEach(() => hot.close());

    const entryOf = (sessionId: string, patch: Partial<HotEntry> = {}): HotEntry =>
      liveEntry(sessionId, now, patch);
    const invalidationOf = (
      sessionId: string,
      patch: Partial<PendingInvalidation> = {},
    ): PendingInvalidation => endingAt(sessionId, now, patch);
    const forgetting = (sessionId: string): PendingInvalidation =>
      invalidationOf(sessionId, { end: undefined });
    const check = (
      sessionId: string,
      touchAt = 0,
      at = now,
      under: Lease = lease,
    ): Promise<HotAnswer> => hot.store.check({ sessionId, now: at, touchAt }, under);
    const fillTokenFor = async (sessionId: string, under: Lease = lease): Promise<string> => {
      const answer = await check(sessionId, 0, now, under);
      if (answer.kind !== "unknown" || answer.fillToken === undefined)
        throw new Error(`no fillToken, but ${answer.kind}`);
      return answer.fillToken;
    };
    const remember = async (entry: HotEntry): Promise<void> =>
      hot.store.fill(entry, await fillTokenFor(entry.sessionId), lease);

    test("an unknown session gets a fill token, a filled one is live with everything it was filled with", async () => {
      expect(await check(id)).toMatchObject({ kind: "unknown", lastActivityAt: 0 });
      const entry = entryOf(id, { username: 'Zoë "x" \\ \n,', roles: ["a,b", 'c"d', "é"] });
      await remember(entry);
      expect(await check(id)).toEqual({ kind: "live", entry });
    });

    test("many are answered in their order, each as it would be alone", async () => {
      const [ended, unknown, used] = [randomUUID(), randomUUID(), randomUUID()];
      const entry = entryOf(id);
      await remember(entry);
      await remember(entryOf(used));
      await hot.store.invalidate([invalidationOf(ended)]);
      const ask = (sessionId: string, touchAt = 0) => ({ sessionId, now, touchAt });
      const asks = [ask(ended), ask(id), ask(unknown), ask(used, now + 5000), ask(id)];
      expect(await hot.store.checkAll(asks, lease)).toEqual([
        await check(ended),
        { kind: "live", entry },
        await check(unknown),
        { kind: "live", entry: { ...entryOf(used), lastActivityAt: now + 5000 } },
        { kind: "live", entry },
      ]);
      expect(await hot.store.checkAll([], lease)).toEqual([]);
      const many = Array.from({ length: 1000 }, (_, i) => ask(i % 2 === 0 ? id : ended));
      const kinds = (await hot.store.checkAll(many, lease)).map((answer) => answer?.kind);
      expect(kinds).toEqual(many.map((_, i) => (i % 2 === 0 ? "live" : "ended")));
    });

    test("a session without roles stays one", async () => {
      const entry = entryOf(id, { roles: [] });
      await remember(entry);
      expect(await check(id)).toEqual({ kind: "live", entry });
    });

    test("an ended session stays ended, with how it ended", async () => {
      await remember(entryOf(id));
      const end = {
        reason: "ADMIN",
        at: now - 1,
        by: "service:ops é",
        revision: 2n ** 60n,
      } as const;
      await hot.store.invalidate([invalidationOf(id, { end })]);
      await hot.store.invalidate([forgetting(id)]);
      expect(await check(id, now)).toEqual({ kind: "ended", userId: "user-1", end });
      expect(await check(id, now)).toEqual({ kind: "ended", userId: "user-1", end });
    });

    test("invalidate names the server told for each, and takes none or many", async () => {
      expect(await hot.store.invalidate([])).toEqual([]);
      const ids = Array.from({ length: 1000 }, () => randomUUID());
      const told = await hot.store.invalidate(ids.map((sessionId) => invalidationOf(sessionId)));
      const servers = await hot.store.identify();
      expect(told).toHaveLength(1000);
      for (const { shard, serverId } of told) expect(serverId).toBe(servers[shard]);
      const answers = await Promise.all(ids.map((sessionId) => check(sessionId)));
      expect(answers.every((answer) => answer.kind === "ended")).toBe(true);
    });

    test("L1: a fill that read the primary store before the invalidate is refused", async () => {
      const fillToken = await fillTokenFor(id);
      await hot.store.invalidate([invalidationOf(id)]);
      await hot.store.fill(entryOf(id), fillToken, lease);
      expect(await check(id)).toMatchObject({ kind: "ended" });
    });

    test("L1: so it is when the tombstone was evicted in between", async () => {
      const fillToken = await fillTokenFor(id);
      await hot.store.invalidate([invalidationOf(id)]);
      await hot.evict(id);
      await hot.store.fill(entryOf(id), fillToken, lease);
      expect(await check(id)).toMatchObject({ kind: "unknown" });
      // The same holds after another caller has asked and received its own fill token.
      await hot.store.fill(entryOf(id), fillToken, lease);
      expect(await check(id)).toMatchObject({ kind: "unknown" });
    });

    test("L1: so it is when the access tokens had expired and no tombstone was needed", async () => {
      const fillToken = await fillTokenFor(id);
      await hot.store.invalidate([invalidationOf(id, { accessExpiresAt: now - 1000 })]);
      await hot.store.fill(entryOf(id), fillToken, lease);
      expect(await check(id)).not.toMatchObject({ kind: "live" });
    });

    test("L1: so it is when the session was only to be forgotten", async () => {
      await remember(entryOf(id));
      await hot.store.invalidate([forgetting(id)]);
      const fillToken = await fillTokenFor(id);
      await hot.store.invalidate([forgetting(id)]);
      await hot.store.fill(entryOf(id), fillToken, lease);
      expect(await check(id)).toMatchObject({ kind: "unknown", fillToken: expect.any(String) });
    });

    test("an evicted fill token is refused, and a made-up one", async () => {
      const fillToken = await fillTokenFor(id);
      await hot.evict(id);
      await hot.store.fill(entryOf(id), fillToken, lease);
      expect(await check(id)).toMatchObject({ kind: "unknown" });
      await hot.store.fill(entryOf(id), "made-up", lease);
      expect(await check(id)).toMatchObject({ kind: "unknown" });
    });

    test("a fill token is good for its own session only", async () => {
      const fillToken = await fillTokenFor(id);
      const other = randomUUID();
      await fillTokenFor(other);
      await hot.store.fill(entryOf(other), fillToken, lease);
      expect(await check(other)).toMatchObject({ kind: "unknown" });
    });

    test("askers share a fill token, and the second fill does not move the last activity back", async () => {
      const [first, second] = await Promise.all([fillTokenFor(id), fillTokenFor(id)]);
      expect(second).toBe(first);
      await hot.store.fill(entryOf(id), first, lease);
      await check(id, now + 5000);
      await hot.store.fill(entryOf(id), second, lease);
      expect(await check(id)).toMatchObject({ entry: { lastActivityAt: now + 5000 } });
    });

    test("A3: a touch never inserts and never moves back", async () => {
      expect(await check(id, now + 9000)).toMatchObject({ kind: "unknown", lastActivityAt: 0 });
      expect(await check(id, now + 9000)).toMatchObject({ kind: "unknown", lastActivityAt: 0 });
      await remember(entryOf(id));
      for (const [touchAt, lastActivityAt] of [
        [0, now],
        [now - 1, now],
        [now + 20, now + 20],
        [now + 10, now + 20],
      ] as const)
        expect(await check(id, touchAt)).toMatchObject({ kind: "live", entry: { lastActivityAt } });
    });

    test("an entry counts until the idle timeout, and says then when it was last used", async () => {
      await remember(entryOf(id));
      await check(id, now + 500);
      expect(await check(id, 0, now + 500 + IDLE_MS - 1)).toMatchObject({ kind: "live" });
      const late = now + 500 + IDLE_MS;
      const idle = await check(id, late, late);
      expect(idle).toMatchObject({ kind: "unknown", lastActivityAt: now + 500 });
      expect(await check(id, 0, late)).toEqual(idle);
      const fillToken = idle.kind === "unknown" ? idle.fillToken : undefined;
      await hot.store.fill(entryOf(id, { lastActivityAt: late }), fillToken ?? "", lease);
      expect(await check(id, 0, late)).toMatchObject({ kind: "live" });
    });

    test("an entry counts until the session's maximum", async () => {
      await remember(entryOf(id, { expiresAt: now + 60_000 }));
      expect(await check(id, 0, now + 59_999)).toMatchObject({ kind: "live" });
      expect(await check(id, 0, now + 60_000)).toMatchObject({
        kind: "unknown",
        fillToken: expect.any(String),
      });
    });

    test("an entry of another epoch does not count", async () => {
      await remember(entryOf(id));
      const later = await leaseOf(hot.store, "2");
      const fillToken = await fillTokenFor(id, later);
      await hot.store.fill(entryOf(id), fillToken, later);
      expect(await check(id, 0, now, later)).toMatchObject({ kind: "live" });
    });

    test("a fill under an earlier epoch does not count in the later one", async () => {
      const fillToken = await fillTokenFor(id);
      const later = await leaseOf(hot.store, "2");
      await hot.store.fill(entryOf(id), fillToken, lease);
      expect(await check(id, 0, now, later)).toMatchObject({ kind: "unknown" });
    });

    test("under a lease of other servers nothing is known and nothing is filled", async () => {
      const foreign = { ...lease, serverIds: lease.serverIds.map(() => randomUUID()) };
      const fillToken = await fillTokenFor(id);
      await hot.store.fill(entryOf(id), fillToken, foreign);
      expect(await check(id)).toMatchObject({ kind: "unknown" });
      await remember(entryOf(id));
      expect(await check(id, 0, now, foreign)).toMatchObject({
        kind: "unknown",
        fillToken: undefined,
      });
      await hot.store.invalidate([invalidationOf(id)]);
      expect(await check(id, 0, now, foreign)).toMatchObject({
        kind: "unknown",
        fillToken: undefined,
      });
    });

    test("L3: of a shard without a lease nothing is known, also among many", async () => {
      await remember(entryOf(id));
      const none = { ...lease, serverIds: lease.serverIds.map(() => "") };
      const unknown = { kind: "unknown", fillToken: undefined };
      expect(await check(id, 0, now, none)).toMatchObject(unknown);
      const ask = { sessionId: id, now, touchAt: 0 };
      expect(await hot.store.checkAll([ask, ask], none)).toMatchObject([unknown, unknown]);
      expect(await check(id)).toMatchObject({ kind: "live" });
    });

    test("servers keep their ids however often they are looked at, and each session its shard", async () => {
      await remember(entryOf(id));
      for (let looks = 0; looks < 3; looks++)
        expect(await hot.store.identify()).toEqual(lease.serverIds);
      expect(await check(id)).toMatchObject({ kind: "live" });
      const { count, of } = hot.store.shards;
      expect(count).toBe(lease.serverIds.length);
      const [told] = await hot.store.invalidate([invalidationOf(id)]);
      expect(told).toEqual({ shard: of(id), serverId: lease.serverIds[of(id)] });
    });

    test("L3: servers that lost everything are others, and refuse what the old ones gave out", async ({
      skip,
    }) => {
      if (hot.reset === undefined) return skip("the servers of this run cannot be reset");
      const fillToken = await fillTokenFor(id);
      const filled = randomUUID();
      await remember(entryOf(filled));
      await hot.reset();
      const renewed = await leaseOf(hot.store, "1");
      expect(renewed.serverIds).not.toEqual(lease.serverIds);
      await hot.store.fill(entryOf(id), fillToken, lease);
      await hot.store.fill(entryOf(id), fillToken, renewed);
      expect(await check(id, 0, now, renewed)).toMatchObject({ kind: "unknown" });
      expect(await check(filled)).toMatchObject({ kind: "unknown", fillToken: undefined });
    });

    test("many asks of one turn, some about the same session, are each given their own answer", async () => {
      const [live, ended, unknown] = [randomUUID(), randomUUID(), randomUUID()];
      await remember(entryOf(live));
      await hot.store.invalidate([invalidationOf(ended)]);
      const order = Array.from({ length: 300 }, (_, i) => i % 3);
      const ids = order.map((which) => [live, ended, unknown][which] ?? "");
      const answers = await Promise.all(ids.map((sessionId, i) => check(sessionId, now + i)));
      const kinds = answers.map((answer) => answer.kind);
      expect(kinds).toEqual(order.map((which) => ["live", "ended", "unknown"][which]));
      expect(await check(live)).toMatchObject({ entry: { lastActivityAt: now + 297 } });
      // The latest use counts, in whatever order the turn reports the uses.
      await Promise.all([now + 900, now + 500].map((touchAt) => check(live, touchAt)));
      expect(await check(live)).toMatchObject({ entry: { lastActivityAt: now + 900 } });
    });

    test(`${MANY} sessions are asked about, filled and found in one turn each`, async () => {
      const entries = Array.from({ length: MANY }, (_, i) =>
        entryOf(randomUUID(), { userId: `user-${i}`, username: `name-${i}` }),
      );
      const fillTokens = await Promise.all(entries.map((entry) => fillTokenFor(entry.sessionId)));
      expect(new Set(fillTokens).size).toBe(MANY);
      await Promise.all(
        entries.map((entry, i) => hot.store.fill(entry, fillTokens[i] ?? "", lease)),
      );
      const answers = await Promise.all(entries.map((entry) => check(entry.sessionId)));
      expect(answers).toEqual(entries.map((entry) => ({ kind: "live", entry })));
    });

    test("L2: with parallel readers and an ender, nobody sees live after ended, nor after the invalidate", async () => {
      const follow = async (sessionId: string, ended: { yet: boolean }): Promise<void> => {
        let sawEnd = false;
        for (let round = 0; round < 12; round += 1) {
          const invalidated = ended.yet;
          const answer = await check(sessionId, now + round);
          if (invalidated || sawEnd) expect(answer).toMatchObject({ kind: "ended" });
          sawEnd ||= answer.kind === "ended";
          if (answer.kind !== "unknown" || answer.fillToken === undefined) continue;
          // The primary store was read as live; by now that may be long ago.
          for (let turns = round % 4; turns > 0; turns -= 1) await nextTurn();
          await hot.store.fill(entryOf(sessionId), answer.fillToken, lease);
        }
      };
      await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const sessionId = randomUUID();
          const ended = { yet: false };
          const readers = [follow(sessionId, ended), follow(sessionId, ended)];
          for (let turns = i % 10; turns > 0; turns -= 1) await nextTurn();
          await hot.store.invalidate([invalidationOf(sessionId)]);
          ended.yet = true;
          await Promise.all([...readers, follow(sessionId, ended)]);
        }),
      );
    });

    test("L1: whatever is asked, filled late, invalidated and evicted, in any order, follows the model", async () => {
      await fc.assert(
        fc.asyncProperty(hotSteps(IDLE_MS), async (steps) => {
          const small = await open({ idleTimeoutMs: IDLE_MS, capacity: 8 });
          try {
            await expectHotStoreToFollowModel(small, steps, IDLE_MS);
          } finally {
            await small.close();
          }
        }),
        { numRuns: 60 },
      );
    });
  });
};
