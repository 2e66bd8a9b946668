import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CoreReplica, makeUser, startCoreReplica } from "../support/core_replica.js";
import { redisUrlForFile } from "../support/redis.js";
import { redisCommand } from "../support/redis_command.js";
import { createDatabase, type TestDatabase } from "../support/test_database.js";
import { anyCommand } from "./session_commands.js";
import { type ModelSettings, sessionModel } from "./session_model.js";

const SETTINGS: ModelSettings = {
  graceMs: 10_000,
  idleTimeoutMs: 20_000,
  accessTtlMs: 30_000,
  maxLifetimeMs: 60_000,
  maxSessions: 3,
};
/** Around the grace time, the timeouts and the lives of tokens, to the millisecond. */
const TIMES = [1, 1, 5000, 9999, 9999, 10_000, 19_999];
const RUNS = 100;
const MAX_COMMANDS = 60;

let database: TestDatabase;
let redisUrl: string;
let time = Date.now();
let replicas: CoreReplica[];

beforeAll(async () => {
  database = await createDatabase();
  redisUrl = await redisUrlForFile();
  const start = () =>
    startCoreReplica({
      databaseUrl: database.url,
      redisUrl,
      settings: SETTINGS,
      now: () => time,
      throttle: { perAccount: 100_000, perSource: 100_000 },
    });
  replicas = [await start(), await start()];
});
afterAll(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await database.drop();
});

test("L1 L2 L6 R1 R3 R4 N1 N2 A2 any history of two replicas has the verdicts of the contract", async () => {
  const [first] = replicas;
  if (first === undefined) throw new Error("no replica");
  const histories = fc.asyncProperty(
    fc.commands([anyCommand(TIMES)], { maxCommands: MAX_COMMANDS, size: "max" }),
    async (commands) => {
      // Whole seconds, as tokens have no others.
      time = Math.ceil(time / 1000) * 1000;
      const { id, username } = await makeUser(first);
      await fc.asyncModelRun(
        () => ({
          model: { model: sessionModel(SETTINGS, time), known: [] },
          real: {
            replicas,
            userId: id,
            username,
            setTime(now) {
              time = now;
            },
            flushRedis: () => redisCommand(redisUrl, "FLUSHDB"),
          },
        }),
        commands,
      );
    },
  );
  const result = await fc.check(histories, {
    numRuns: RUNS,
    ...replayed(process.env.PROPERTY_SEED, process.env.PROPERTY_PATH),
  });
  process.stdout.write(`property of sessions: seed ${result.seed}, ${result.numRuns} histories\n`);
  if (result.failed) throw new Error(fc.defaultReportMessage(result) ?? "failed");
  expect(result.numRuns).toBeGreaterThan(0);
});

/** A failure's seed and path, from its report, run the same histories again. */
const replayed = (seed: string | undefined, path: string | undefined) => ({
  ...(seed !== undefined && { seed: Number(seed) }),
  ...(path !== undefined && { path }),
});
