import { randomBytes } from "node:crypto";
import { unavailable } from "../core/errors.js";
import { perTurn } from "../core/per_turn.js";
import type { HotAnswer, HotAsk, HotEntry, HotStore, Lease } from "../core/ports/hot_store.js";
import type { OpenedRedis } from "./client.js";
import { answerReader, writeEntry, writeTombstone } from "./entries.js";
import { inTime } from "./in_time.js";
import { sessionKey, shardOf, tombstoneKey } from "./keys.js";
import { loadScripts } from "./scripts.js";

export interface RedisHotStoreOptions extends OpenedRedis {
  readonly idleTimeoutMs: number;
  /** A use this close to one that was written need not be, in milliseconds. */
  readonly activityStepMs: number;
  readonly now: () => number;
  /** Told of each script call with how many sessions it was about. */
  readonly onBatch?: (script: "check" | "fill" | "bury", size: number) => void;
  /** Told how many questions of one call came out how. */
  readonly onAnswers?: (outcome: HotAnswer["kind"] | "failure", questions: number) => void;
}

/**
 * Redis answers this many in about two milliseconds, and this process makes use
 * of one answer while Redis works on the next (bench/profiles/batch.md). No more
 * of them are under way than Redis answers well within the time a command may
 * take: the rest waits here, where it costs nobody an answer that came too late.
 */
const MOST_IN_BATCH = 200;
const MOST_IN_FLIGHT = 8;

/** Nothing that counts is known, nor may it be filled in. */
const UNKNOWN: HotAnswer = { kind: "unknown", ticket: undefined, lastActivityAt: 0 };

interface Question {
  readonly ask: HotAsk;
  readonly lease: Lease;
}

interface Filling {
  readonly entry: HotEntry;
  readonly ticket: string;
  readonly lease: Lease;
}

const countKinds = (
  answers: readonly HotAnswer[],
  told: NonNullable<RedisHotStoreOptions["onAnswers"]>,
): void => {
  const counts = { live: 0, ended: 0, unknown: 0 };
  for (const { kind } of answers) counts[kind] += 1;
  if (counts.live > 0) told("live", counts.live);
  if (counts.ended > 0) told("ended", counts.ended);
  if (counts.unknown > 0) told("unknown", counts.unknown);
};

/** The hot store in Redis: alone, behind Sentinel, or a cluster. */
export const redisHotStore = (options: RedisHotStoreOptions): HotStore => {
  const { client, shards, commandTimeoutMs, idleTimeoutMs, now, onBatch, onAnswers } = options;
  const scripts = loadScripts(client);
  const readAnswer = answerReader();
  const instance = randomBytes(6).toString("base64url");
  let tickets = 0;

  const answered = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await inTime(call, commandTimeoutMs);
    } catch (error) {
      throw unavailable(error);
    }
  };

  const check = async (shard: number, questions: Question[]): Promise<HotAnswer[]> => {
    // A lease that changed within the turn: who asked under the old one does not believe the answer.
    const newest = questions[questions.length - 1];
    const lease = newest?.lease;
    const keys: string[] = [];
    const args: (string | number)[] = [
      newest?.ask.now ?? now(),
      idleTimeoutMs,
      lease?.serverIds[shard] ?? "",
      lease?.epochs[shard] ?? "",
      `${instance}${tickets++}.`,
      options.activityStepMs,
    ];
    // A busy client asks for one session many times in a turn: it is looked up once.
    const heads = args.length;
    const places = new Map<string, number>();
    const placeOf = ({ sessionId, touchAt }: HotAsk): number => {
      const known = places.get(sessionId);
      if (known !== undefined) {
        args[heads + known] = Math.max(touchAt, Number(args[heads + known]));
        return known;
      }
      keys.push(sessionKey(shard, sessionId), tombstoneKey(shard, sessionId));
      args.push(touchAt);
      places.set(sessionId, places.size);
      return places.size - 1;
    };
    const asked = questions.map(({ ask }) => placeOf(ask));
    onBatch?.("check", questions.length);
    const texts = await answered(scripts.check(keys, args)).catch((failure: unknown) => {
      onAnswers?.("failure", questions.length);
      throw failure;
    });
    // None at all: it is another server than the one to be trusted.
    const answers =
      texts.length === 0
        ? []
        : [...places.keys()].map((id, place) =>
            readAnswer(id, Number(args[heads + place]), texts[place] ?? ""),
          );
    const given = asked.map((place) => answers[place] ?? UNKNOWN);
    if (onAnswers) countKinds(given, onAnswers);
    return given;
  };

  const fill = async (shard: number, fillings: Filling[]): Promise<undefined[]> => {
    const lease = fillings[fillings.length - 1]?.lease;
    const same = fillings.filter((filling) => filling.lease === lease);
    const epoch = lease?.epochs[shard] ?? "";
    onBatch?.("fill", same.length);
    await answered(
      scripts.fill(
        same.map(({ entry }) => sessionKey(shard, entry.sessionId)),
        [
          idleTimeoutMs,
          lease?.serverIds[shard] ?? "",
          ...same.flatMap(({ entry, ticket }) => [ticket, writeEntry(entry, epoch)]),
        ],
      ),
    );
    return fillings.map(() => undefined);
  };

  const perShard = <Item, Result>(run: (shard: number, items: Item[]) => Promise<Result[]>) =>
    Array.from({ length: shards }, (_, shard) =>
      perTurn<Item, Result>({
        run: (items) => run(shard, items),
        maxBatch: MOST_IN_BATCH,
        maxInFlight: MOST_IN_FLIGHT,
        failTogether: true,
        schedule: (task) => setImmediate(task),
      }),
    );
  const asking = perShard(check);
  const filling = perShard(fill);
  const shardFor = <Port>(ports: readonly Port[], sessionId: string): Port => {
    const port = ports[shardOf(sessionId, shards)];
    if (port === undefined) throw unavailable("no such shard");
    return port;
  };

  return {
    check: (ask, lease) => shardFor(asking, ask.sessionId)({ ask, lease }),

    async checkAll(asks, lease) {
      const questions = asks.map((ask) => ({ ask, lease }));
      const [only, ...others] = asking;
      if (only !== undefined && others.length === 0) return only.all(questions);
      return Promise.all(questions.map((each) => shardFor(asking, each.ask.sessionId)(each)));
    },

    async fill(entry, ticket, lease) {
      await shardFor(filling, entry.sessionId)({ entry, ticket, lease });
    },

    async bury(endings) {
      const servers: { shard: number; serverId: string }[] = [];
      const numbered = endings.map((ending, index) => ({
        ending,
        index,
        shard: shardOf(ending.sessionId, shards),
      }));
      const bury = async (shard: number, some: typeof numbered) => {
        onBatch?.("bury", some.length);
        const serverId = await answered(
          scripts.bury(
            some.flatMap(({ ending }) => [
              sessionKey(shard, ending.sessionId),
              tombstoneKey(shard, ending.sessionId),
            ]),
            some.flatMap(({ ending }) => [
              ending.end ? Math.max(0, Math.ceil(ending.accessExpiresAt - now())) : 0,
              writeTombstone(ending),
            ]),
          ),
        );
        for (const { index } of some) servers[index] = { shard, serverId };
      };
      const calls: Promise<void>[] = [];
      for (let shard = 0; shard < shards; shard++) {
        const all = numbered.filter((item) => item.shard === shard);
        for (let start = 0; start < all.length; start += MOST_IN_BATCH)
          calls.push(bury(shard, all.slice(start, start + MOST_IN_BATCH)));
      }
      await Promise.all(calls);
      return servers;
    },

    identify: () =>
      Promise.all(
        Array.from({ length: shards }, (_, shard) =>
          answered(scripts.identify([sessionKey(shard, "")], [])),
        ),
      ),

    onDisturbance(listener) {
      client.on("close", listener);
      client.on("ready", listener);
      client.on("node error", listener);
    },

    async close() {
      client.disconnect();
    },
  };
};
