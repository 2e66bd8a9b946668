import { randomBytes } from "node:crypto";
import { createBatcher } from "../core/batcher.js";
import { CurfewError, unavailable } from "../core/errors.js";
import type { HotAnswer, HotAsk, HotEntry, HotStore, Lease } from "../core/ports/hot_store.js";
import type { PendingInvalidation } from "../core/ports/session_store.js";
import type { OpenedRedis } from "./client.js";
import { answerReader, writeEntry, writeTombstone } from "./entries.js";
import { inTime } from "./in_time.js";
import { heartbeatKey, sessionKey, shardOf, tombstoneKey } from "./keys.js";
import { memoryIdentity } from "./memory_identity.js";
import { isSlotMoving } from "./moving_slot.js";
import { loadScripts } from "./scripts.js";

export interface RedisHotStoreOptions extends OpenedRedis {
  readonly idleTimeoutMs: number;
  /** A use this close to one that was written need not be, in milliseconds. */
  readonly activityStepMs: number;
  readonly now: () => number;
  /** Receives the number of sessions of each script call. */
  readonly onBatch?: (script: "check" | "fill" | "invalidate", size: number) => void;
  /** Receives how many questions of one call had which outcome. */
  readonly onAnswers?: (outcome: HotAnswer["kind"] | "failure", questions: number) => void;
  /**
   * Called each time the servers were identified, with the failure if it failed for some of them, else with undefined.
   */
  readonly onIdentified?: (failure: unknown) => void;
}

/**
 * Redis answers this many questions in about two milliseconds, and this process handles one answer while Redis works on
 * the next (bench/profiles/batch.md). The number of calls under way is limited to those that Redis answers well within
 * the command timeout. The rest waits in this process, where waiting makes no answer too late.
 */
const MAX_IN_BATCH = 200;
const MAX_IN_FLIGHT = 8;

/** Nothing that counts is known, nor may it be filled in. */
const UNKNOWN: HotAnswer = { kind: "unknown", fillToken: undefined, lastActivityAt: 0 };

interface Question {
  readonly ask: HotAsk;
  readonly lease: Lease;
}

interface Filling {
  readonly entry: HotEntry;
  readonly fillToken: string;
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
  const identities = Array.from({ length: shards }, (_, shard) => memoryIdentity(scripts, shard));
  const readAnswer = answerReader();
  const instance = randomBytes(6).toString("base64url");
  let fillTokens = 0;

  const answered = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await inTime(call, commandTimeoutMs);
    } catch (error) {
      throw unavailable(error);
    }
  };

  const check = async (shard: number, questions: Question[]): Promise<HotAnswer[]> => {
    // The lease may have changed within the turn: a caller that asked under the old lease rejects the answer.
    const newest = questions[questions.length - 1];
    const lease = newest?.lease;
    const serverId = lease?.serverIds[shard] ?? "";
    if (serverId === "") return questions.map(() => UNKNOWN);
    const keys: string[] = [heartbeatKey(shard)];
    const args: (string | number)[] = [
      newest?.ask.now ?? now(),
      idleTimeoutMs,
      serverId,
      lease?.epochs[shard] ?? "",
      `${instance}${fillTokens++}.`,
      options.activityStepMs,
      identities[shard]?.heartbeat() ?? "",
    ];
    // A busy client asks about one session many times in a turn: the session is looked up once.
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
      // The server is well, but has only some of the keys: Postgres knows.
      if (isSlotMoving(failure)) return [];
      onAnswers?.("failure", questions.length);
      throw failure;
    });
    // No answers at all: this is not the memory that the lease names.
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
        [heartbeatKey(shard), ...same.map(({ entry }) => sessionKey(shard, entry.sessionId))],
        [
          idleTimeoutMs,
          lease?.serverIds[shard] ?? "",
          identities[shard]?.heartbeat() ?? "",
          ...same.flatMap(({ entry, fillToken }) => [fillToken, writeEntry(entry, epoch)]),
        ],
      ),
    ).catch((failure: unknown) => {
      if (!isSlotMoving(failure)) throw failure;
    });
    return fillings.map(() => undefined);
  };

  const perShard = <Item, Result>(run: (shard: number, items: Item[]) => Promise<Result[]>) =>
    Array.from({ length: shards }, (_, shard) =>
      createBatcher<Item, Result>({
        run: (items) => run(shard, items),
        maxBatch: MAX_IN_BATCH,
        maxInFlight: MAX_IN_FLIGHT,
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

  /** Identifies one shard's memory; empty: its server does not answer. */
  const identifyShard = (shard: number): Promise<string> =>
    identities[shard]?.identify(answered) ?? Promise.resolve("");

  const life = (revocation: PendingInvalidation): number =>
    revocation.end ? Math.max(0, Math.ceil(revocation.accessExpiresAt - now())) : 0;

  /** All at once, on one server. */
  const invalidateTogether = (
    shard: number,
    revocations: readonly PendingInvalidation[],
  ): Promise<string> =>
    answered(
      scripts.invalidate(
        [
          heartbeatKey(shard),
          ...revocations.flatMap(({ sessionId }) => [
            sessionKey(shard, sessionId),
            tombstoneKey(shard, sessionId),
          ]),
        ],
        revocations.flatMap((revocation) => [life(revocation), writeTombstone(revocation)]),
      ),
    );

  /**
   * Works key by key, which is possible while a slot moves: each key is at the server that the cluster names. The live
   * entry is removed first: without the tombstone, a reader finds the revocation in Postgres. The agreed memory holds
   * the heartbeat; as long as it does, it holds the session's key or has handed the key over.
   */
  const invalidateApart = async (
    shard: number,
    revocations: readonly PendingInvalidation[],
  ): Promise<string> => {
    await Promise.all(
      revocations.map(async (revocation) => {
        await answered(client.del(sessionKey(shard, revocation.sessionId)));
        const ms = life(revocation);
        const key = tombstoneKey(shard, revocation.sessionId);
        if (ms > 0) await answered(client.set(key, writeTombstone(revocation), "PX", ms));
      }),
    );
    return identifyShard(shard);
  };

  const invalidate = async (
    shard: number,
    revocations: readonly PendingInvalidation[],
  ): Promise<string> => {
    onBatch?.("invalidate", revocations.length);
    try {
      return await invalidateTogether(shard, revocations);
    } catch (failure) {
      if (!isSlotMoving(failure)) throw failure;
      return invalidateApart(shard, revocations);
    }
  };

  return {
    shards: { count: shards, of: (sessionId) => shardOf(sessionId, shards) },

    check: (ask, lease) => shardFor(asking, ask.sessionId)({ ask, lease }),

    async checkAll(asks, lease) {
      const questions = asks.map((ask) => ({ ask, lease }));
      const [only, ...others] = asking;
      if (only !== undefined && others.length === 0) return only.all(questions);
      const answers = questions.map((each) => shardFor(asking, each.ask.sessionId)(each));
      return someOf(await Promise.allSettled(answers), undefined);
    },

    async fill(entry, fillToken, lease) {
      await shardFor(filling, entry.sessionId)({ entry, fillToken, lease });
    },

    async invalidate(revocations) {
      const servers = revocations.map(({ sessionId }) => ({
        shard: shardOf(sessionId, shards),
        serverId: "",
      }));
      const calls: Promise<void>[] = [];
      for (let shard = 0; shard < shards; shard++) {
        const all = [...revocations.keys()].filter((index) => servers[index]?.shard === shard);
        for (let start = 0; start < all.length; start += MAX_IN_BATCH) {
          const batch = all.slice(start, start + MAX_IN_BATCH);
          const told = invalidate(
            shard,
            batch.flatMap((index) => revocations[index] ?? []),
          );
          calls.push(
            told.then((serverId) => {
              for (const index of batch) servers[index] = { shard, serverId };
            }),
          );
        }
      }
      someOf(await Promise.allSettled(calls), undefined);
      return servers;
    },

    async identify() {
      const all = Array.from({ length: shards }, (_, shard) => identifyShard(shard));
      const outcomes = await Promise.allSettled(all);
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed === undefined) options.onIdentified?.(undefined);
      else options.onIdentified?.(options.connectionFailure() ?? causeOf(failed.reason));
      return someOf(outcomes, "");
    },

    onDisturbance(listener) {
      client.on("close", listener);
      // A cluster that lost one node keeps serving from the others. Each call reports its own failure.
      client.on("ready", listener);
    },

    async close() {
      client.disconnect();
    },
  };
};

const causeOf = (failure: unknown): unknown =>
  failure instanceof CurfewError && failure.cause !== undefined ? failure.cause : failure;

/** Returns the fulfilled results, with `otherwise` in place of each rejected one. @throws if all were rejected */
const someOf = <T, Otherwise>(
  outcomes: readonly PromiseSettledResult<T>[],
  otherwise: Otherwise,
): (T | Otherwise)[] => {
  const [failed] = outcomes.filter((outcome) => outcome.status === "rejected");
  if (failed !== undefined && outcomes.every(({ status }) => status === "rejected"))
    throw failed.reason;
  return outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : otherwise));
};
