import { afterAll, afterEach, beforeAll } from "vitest";
import {
  type CoreReplica,
  type CoreReplicaOptions,
  startCoreReplica,
} from "../../support/core_replica.js";
import { redisUrlForFile } from "../../support/redis.js";
import { redisCommand } from "../../support/redis_command.js";
import { createDatabase } from "../../support/test_database.js";

/** Two replicas on the stores of the test file. */
export interface TwoReplicas {
  readonly a: CoreReplica;
  readonly b: CoreReplica;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** One more replica on the same stores, until the end of the test at the latest. */
  start(options?: Partial<CoreReplicaOptions>): Promise<CoreReplica>;
  /** Moves the time of both on, as waiting would. */
  advance(ms: number): void;
  flushRedis(): Promise<unknown>;
}

/** Starts two replicas before the tests of a file or `describe` and closes them after. */
export const setUpTwoReplicas = (
  options: Partial<CoreReplicaOptions> = {},
  stores: { readonly redisUrl?: () => Promise<string> } = {},
): TwoReplicas => {
  let pair: (TwoReplicas & { end(): Promise<void> }) | undefined;
  const more: CoreReplica[] = [];

  beforeAll(async () => {
    const database = await createDatabase();
    const redisUrl = await (stores.redisUrl ?? redisUrlForFile)();
    const startOne = (special: Partial<CoreReplicaOptions> = {}) =>
      startCoreReplica({ databaseUrl: database.url, redisUrl, ...options, ...special });
    const [a, b] = [await startOne(), await startOne()];
    pair = {
      a,
      b,
      databaseUrl: database.url,
      redisUrl,
      async start(special) {
        const replica = await startOne(special);
        more.push(replica);
        return replica;
      },
      advance(ms) {
        a.advance(ms);
        b.advance(ms);
      },
      flushRedis: () => redisCommand(redisUrl, "FLUSHDB"),
      async end() {
        await Promise.all([a.close(), b.close()]);
        await database.drop();
      },
    };
  });
  afterEach(async () => {
    await Promise.all(more.splice(0).map((replica) => replica.close()));
  });
  afterAll(() => pair?.end());

  const started = (): TwoReplicas => {
    if (pair === undefined) throw new Error("The replicas start before the tests, in beforeAll.");
    return pair;
  };
  return {
    get a() {
      return started().a;
    },
    get b() {
      return started().b;
    },
    get databaseUrl() {
      return started().databaseUrl;
    },
    get redisUrl() {
      return started().redisUrl;
    },
    start: (special) => started().start(special),
    advance: (ms) => started().advance(ms),
    flushRedis: () => started().flushRedis(),
  };
};
