import { setTimeout as wait } from "node:timers/promises";
import type { HotEntry, HotStore, Lease } from "../../src/core/ports/hot_store.js";
import type { ValidToken } from "../../src/core/validation/validate_token.js";
import { writeEntry, writeTombstone } from "../../src/redis/entries.js";
import { sessionKey, tombstoneKey } from "../../src/redis/keys.js";
import { redisCommand } from "../../test/support/redis_command.js";
import { singleRefreshes } from "../../test/support/single_refreshes.js";
import { evictingLimit } from "../scenarios/limit.js";
import { revocation } from "../scenarios/revocation.js";
import { changeCore, changeHot, changeStore } from "./changes.js";
import type { Defect } from "./defect.js";

const CACHED_MS = 1000;

/** Writes an entry past the script that looks whether it may be written. */
const forceEntry = (redisUrl: string, entry: HotEntry, { epochs: [epoch = ""] }: Lease) =>
  redisCommand(redisUrl, "SET", sessionKey(0, entry.sessionId), writeEntry(entry, epoch));

/** An `invalidate` that treats each revocation differently and answers as if the server had been notified. */
const invalidateBy =
  (
    hot: HotStore,
    tell: (revocation: Parameters<HotStore["invalidate"]>[0][number]) => Promise<unknown>,
  ) =>
  async (revocations: Parameters<HotStore["invalidate"]>[0]) => {
    const [serverId = ""] = await hot.identify();
    for (const revocation of revocations) await tell(revocation);
    return revocations.map(() => ({ shard: 0, serverId }));
  };

/** Mistakes that let a session live on after its end was answered. */
export const LATE_ENDINGS: readonly Defect[] = [
  {
    name: "Redis-only blacklist",
    breaks: ["L1", "L2", "L4"],
    scenario: revocation,
    sabotage: () =>
      changeCore((core, { ports }) => {
        const blacklist = async (sessionId: string): Promise<bigint> => {
          const session = await ports.store.get(sessionId);
          if (session === undefined) return 0n;
          const end = { reason: "LOGOUT", at: ports.clock.now(), by: "", revision: 1n } as const;
          await ports.hot.invalidate([{ ...session, sessionId, end }]);
          return 1n;
        };
        return {
          end: { ...core.end, one: blacklist },
          logout: async ({ accessToken }) =>
            blacklist((await ports.verifier.verify(accessToken))?.sid ?? ""),
        };
      }),
  },
  {
    name: "one-second local cache of verdicts",
    breaks: ["L1", "L2"],
    scenario: revocation,
    sabotage: () =>
      changeCore((core) => {
        const cached = new Map<string, { readonly at: number; readonly token: ValidToken }>();
        return {
          async validateToken(input) {
            const known = cached.get(input.accessToken);
            if (known && performance.now() < known.at + CACHED_MS) return known.token;
            const token = await core.validateToken(input);
            cached.set(input.accessToken, { at: performance.now(), token });
            return token;
          },
        };
      }),
  },
  {
    name: "late cache fill: what was read before the revocation is filled in after it",
    breaks: ["L1", "L2"],
    scenario: revocation,
    sabotage: () =>
      changeHot((_hot, _ports, { redisUrl }) => ({
        async fill(entry, _ticket, lease) {
          await wait(CACHED_MS / 50);
          await forceEntry(redisUrl, entry, lease);
        },
      })),
  },
  {
    name: "a touch that inserts: use of a session writes its entry whatever has happened",
    breaks: ["L1", "L2"],
    scenario: revocation,
    sabotage: () =>
      changeHot((hot, _ports, { redisUrl }) => ({
        async check(ask, lease) {
          const answer = await hot.check(ask, lease);
          if (answer.kind === "live" && ask.touchAt !== 0)
            await forceEntry(redisUrl, answer.entry, lease);
          return answer;
        },
      })),
  },
  {
    name: "a revocation leaves the entry and relies on a tombstone that may be evicted",
    breaks: ["L1", "L2"],
    scenario: revocation,
    sabotage: () =>
      changeHot((hot, _ports, { redisUrl }) => ({
        invalidate: invalidateBy(hot, (revocation) => {
          const key = tombstoneKey(0, revocation.sessionId);
          return redisCommand(redisUrl, "SET", key, writeTombstone(revocation), "PX", "60000");
        }),
      })),
  },
  {
    name: "the hot store is said to be told and is not",
    breaks: ["L1", "L2", "N2 L1"],
    scenario: evictingLimit,
    sabotage: () => changeHot((hot) => ({ invalidate: invalidateBy(hot, async () => undefined) })),
  },
  {
    name: "OK before commit",
    breaks: ["L1", "L2", "R5"],
    scenario: revocation,
    sabotage: () =>
      changeStore((store) => ({
        ...singleRefreshes,
        transaction: (work, call) =>
          new Promise((resolve, reject) => {
            const commit = store.transaction(async (tx) => {
              const result = await work(tx);
              resolve(result);
              await wait(CACHED_MS / 2);
            }, call);
            commit.catch(reject);
          }),
      })),
  },
  {
    name: "blacklist of the token's text, not of its session",
    breaks: ["L1", "L2", "L4"],
    scenario: revocation,
    sabotage: () =>
      changeCore((core) => {
        const revoked = new Set<string>();
        return {
          async logout({ accessToken }) {
            revoked.add(accessToken);
            return 1n;
          },
          validateToken: (input) =>
            core.validateToken(
              revoked.has(input.accessToken) ? { ...input, accessToken: "" } : input,
            ),
        };
      }),
  },
  {
    name: "a repeated ending counts as another",
    breaks: ["L4"],
    scenario: revocation,
    sabotage: () => {
      let repetitions = 0n;
      return changeCore((core) => ({
        logout: async (input) => (await core.logout(input)) + 1000n * ++repetitions,
      }));
    },
  },
  {
    name: "Redis remembers another reason than Postgres",
    breaks: ["L6", "L2"],
    scenario: revocation,
    sabotage: () =>
      changeHot((hot) => ({
        invalidate: (revocations) =>
          hot.invalidate(
            revocations.map((one) =>
              one.end ? { ...one, end: { ...one.end, reason: "ADMIN", at: one.end.at + 1 } } : one,
            ),
          ),
      })),
  },
];
