import { expect, test } from "vitest";
import type { LimitPolicy } from "../../../src/core/settings.js";
import { makeUser, signIn, startCoreReplica, verdictOf } from "../../support/core_replica.js";
import { redisUrlForFile } from "../../support/redis.js";
import { createDatabase } from "../../support/test_database.js";

const BEFORE = 4;
const LOWERED = 2;
const EVICTED = "ACCESS_TOKEN_BLACKLISTED";

/** What becomes of four sessions, oldest first, of which the oldest was used last. */
const KEPT: readonly (readonly [LimitPolicy, readonly string[]])[] = [
  ["evict_oldest", [EVICTED, EVICTED, "valid", "valid"]],
  ["evict_least_recently_used", ["valid", EVICTED, EVICTED, "valid"]],
  ["reject", ["valid", "valid", EVICTED, EVICTED]],
];

test.each(KEPT)(
  "N1 %s: sessions over a limit that was lowered are ended, and no others",
  async (limitPolicy, kept) => {
    const [database, redisUrl] = [await createDatabase(), await redisUrlForFile()];
    const stores = { databaseUrl: database.url, redisUrl };
    const before = await startCoreReplica({
      ...stores,
      settings: { maxSessions: BEFORE, limitPolicy },
    });
    const lowered = await startCoreReplica({
      ...stores,
      settings: { maxSessions: LOWERED, limitPolicy },
    });
    try {
      const [user, frugal] = [await makeUser(before), await makeUser(before)];
      const tokens: string[] = [];
      for (let i = 0; i < BEFORE; i++)
        tokens.push((await signIn(before, user.username)).tokens.accessToken);
      const [oldest] = tokens;
      const others: string[] = [];
      for (let i = 0; i < LOWERED; i++)
        others.push((await signIn(before, frugal.username)).tokens.accessToken);
      before.advance(1000);
      lowered.advance(1000);
      await before.core.validateToken({
        accessToken: oldest ?? "",
        audience: "",
        skipActivity: false,
      });
      await before.core.activity.flush();
      // The client that holds the tokens knows them: none of the logins counts as unanswered.
      expect(await lowered.core.enforceLimit()).toBe(BEFORE - LOWERED);
      for (const replica of [before, lowered]) {
        expect(await Promise.all(tokens.map((token) => verdictOf(replica, token)))).toEqual(kept);
        expect(await Promise.all(others.map((token) => verdictOf(replica, token)))).toEqual(
          others.map(() => "valid"),
        );
      }
      const { rows } = await before.database.raw<{ rows: { by: string; reason: string }[] }>(
        "SELECT ended_by AS by, end_reason AS reason FROM sessions WHERE revoked_at IS NOT NULL",
      );
      expect(rows).toEqual(rows.map(() => ({ by: "system", reason: "SESSION_LIMIT" })));
      expect(await lowered.core.enforceLimit()).toBe(0);
    } finally {
      await Promise.all([before.close(), lowered.close()]);
      await database.drop();
    }
  },
);
