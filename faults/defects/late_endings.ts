import { setTimeout as wait } from "node:timers/promises";
import type { ValidToken } from "../../src/core/validate_token.js";
import { writeEntry, writeTombstone } from "../../src/redis/entries.js";
import { sessionKey, tombstoneKey } from "../../src/redis/keys.js";
import { redisCommand } from "../../test/support/redis_command.js";
import { evictingLimit } from "../scenarios/limit.js";
import { revocation } from "../scenarios/revocation.js";
import type { Defect } from "./defect.js";

const CACHED_MS = 1000;

/** Mistakes that let a session live on after its end was answered. */
export const LATE_ENDINGS: readonly Defect[] = [
  {
    name: "Redis-only blacklist",
    breaks: ["L1", "L2", "L4"],
    scenario: revocation,
    sabotage: () => ({
      core: (core, { ports }) => {
        const blacklist = async (sessionId: string): Promise<bigint> => {
          const session = await ports.store.get(sessionId);
          if (session === undefined) return 0n;
          const end = { reason: "LOGOUT", at: ports.clock.now(), by: "", revision: 1n } as const;
          await ports.hot.bury([{ ...session, sessionId, end }]);
          return 1n;
        };
        return {
          ...core,
          end: { ...core.end, one: blacklist },
          logout: async ({ accessToken }) =>
            blacklist((await ports.verifier.verify(accessToken))?.sid ?? ""),
        };
      },
    }),
  },
  {
    name: "one-second local cache of verdicts",
    breaks: ["L1", "L2"],
    scenario: revocation,
    sabotage: () => ({
      core: (core) => {
        const cached = new Map<string, { readonly at: number; readonly token: ValidToken }>();
        return {
          ...core,
          async validateToken(input) {
            const known = cached.get(input.accessToken);
            if (known && performance.now() < known.at + CACHED_MS) return known.token;
            const token = await core.validateToken(input);
            cached.set(input.accessToken, { at: performance.now(), token });
            return token;
          },
        };
      },
    }),
  },
  {
    name: "late cache fill: what was read before the ending is filled in after it",
    breaks: ["L1", "L2"],
    scenario: revocation,
    sabotage: () => ({
      ports: (ports, { redisUrl }) => ({
        ...ports,
        hot: {
          ...ports.hot,
          async fill(entry, _ticket, lease) {
            await wait(CACHED_MS / 50);
            const text = writeEntry(entry, lease.epochs[0] ?? "");
            await redisCommand(redisUrl, "SET", sessionKey(0, entry.sessionId), text);
          },
        },
      }),
    }),
  },
  {
    name: "a touch that inserts: use of a session writes its entry whatever has happened",
    breaks: ["L1", "L2"],
    scenario: revocation,
    sabotage: () => ({
      ports: (ports, { redisUrl }) => ({
        ...ports,
        hot: {
          ...ports.hot,
          async check(ask, lease) {
            const answer = await ports.hot.check(ask, lease);
            if (answer.kind === "live" && ask.touchAt !== 0)
              await redisCommand(
                redisUrl,
                "SET",
                sessionKey(0, ask.sessionId),
                writeEntry(answer.entry, lease.epochs[0] ?? ""),
              );
            return answer;
          },
        },
      }),
    }),
  },
  {
    name: "an ending leaves the entry and relies on a tombstone that may be evicted",
    breaks: ["L1", "L2"],
    scenario: revocation,
    sabotage: () => ({
      ports: (ports, { redisUrl }) => ({
        ...ports,
        hot: {
          ...ports.hot,
          async bury(endings) {
            const [serverId = ""] = await ports.hot.identify();
            for (const ending of endings)
              await redisCommand(
                redisUrl,
                "SET",
                tombstoneKey(0, ending.sessionId),
                writeTombstone(ending),
                "PX",
                "60000",
              );
            return endings.map(() => ({ shard: 0, serverId }));
          },
        },
      }),
    }),
  },
  {
    name: "the hot store is said to be told and is not",
    breaks: ["L1", "L2", "N2 L1"],
    scenario: evictingLimit,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        hot: {
          ...ports.hot,
          async bury(endings) {
            const [serverId = ""] = await ports.hot.identify();
            return endings.map(() => ({ shard: 0, serverId }));
          },
        },
      }),
    }),
  },
  {
    name: "OK before commit",
    breaks: ["L1", "L2", "R5"],
    scenario: revocation,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        store: {
          ...ports.store,
          transaction: (work) =>
            new Promise((resolve, reject) => {
              ports.store
                .transaction(async (tx) => {
                  const result = await work(tx);
                  resolve(result);
                  await wait(CACHED_MS / 10);
                })
                .catch(reject);
            }),
        },
      }),
    }),
  },
  {
    name: "blacklist of the token's text, not of its session",
    breaks: ["L1", "L2", "L4"],
    scenario: revocation,
    sabotage: () => ({
      core: (core) => {
        const revoked = new Set<string>();
        return {
          ...core,
          async logout({ accessToken }) {
            revoked.add(accessToken);
            return 1n;
          },
          validateToken: (input) =>
            revoked.has(input.accessToken)
              ? core.validateToken({ ...input, accessToken: "" })
              : core.validateToken(input),
        };
      },
    }),
  },
  {
    name: "a repeated ending counts as another",
    breaks: ["L4"],
    scenario: revocation,
    sabotage: () => {
      let repetitions = 0n;
      return {
        core: (core) => ({
          ...core,
          logout: async (input) => (await core.logout(input)) + 1000n * ++repetitions,
        }),
      };
    },
  },
  {
    name: "Redis remembers another reason than Postgres",
    breaks: ["L6", "L2"],
    scenario: revocation,
    sabotage: () => ({
      ports: (ports) => ({
        ...ports,
        hot: {
          ...ports.hot,
          bury: (endings) =>
            ports.hot.bury(
              endings.map((one) =>
                one.end
                  ? { ...one, end: { ...one.end, reason: "ADMIN", at: one.end.at + 1 } }
                  : one,
              ),
            ),
        },
      }),
    }),
  },
];
