// Fills a Postgres and a Redis of its own with sessions and measures how long calls
// take before and after: node --import tsx scripts/fill_sessions.ts --sessions 10000000
// Needs a build (npm run build), and about 1 KB of disk and 0.4 KB of memory a session.
import { statfsSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import pg from "pg";
import { startCurfew } from "../bench/child.js";
import { AUDIENCE, ISSUER } from "../bench/minted_tokens.js";
import { startPostgres } from "../test/support/postgres.js";
import { startRedis } from "../test/support/redis.js";
import { describeFootprint, footprint } from "./fill_sessions/footprint.js";
import { describeLatency } from "./fill_sessions/latency.js";
import { measureLatencies } from "./fill_sessions/measurements.js";
import { growPopulation } from "./fill_sessions/population.js";
import { entryBytes } from "./fill_sessions/redis_entries.js";
import { measureRevocations } from "./fill_sessions/revocations.js";

const BYTES_A_SESSION = 1500;
/** Before: enough that every page and every plan is real. */
const FIRST = 10_000;

const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "1000000" },
    "redis-entries": { type: "string", default: "0" },
  },
});
const sessions = Number(values.sessions);
const entries = Number(values["redis-entries"]);
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const { bavail, bsize } = statfsSync(tmpdir());
if (!(sessions > FIRST)) throw new Error(`--sessions must be a number above ${FIRST}`);
if (bavail * bsize < sessions * BYTES_A_SESSION)
  throw new Error(
    `${sessions} sessions need ${(sessions * BYTES_A_SESSION) / 1e9} GB in ${tmpdir()}`,
  );

const postgres = await startPostgres({
  settings: {
    shared_buffers: "2GB",
    max_wal_size: "8GB",
    maintenance_work_mem: "512MB",
    max_parallel_maintenance_workers: "2",
  },
});
const redisServer = await startRedis();
const admin = { username: "admin", password: "the administrator of this measure" };
const curfew = await startCurfew(postgres.url, redisServer.url, {
  JWT_ISSUER: ISSUER,
  JWT_AUDIENCE: AUDIENCE,
  MAX_CONCURRENT_SESSIONS: "5",
  BOOTSTRAP_ADMIN_USERNAME: admin.username,
  BOOTSTRAP_ADMIN_PASSWORD: admin.password,
});
const database = new pg.Client({ connectionString: postgres.url });
await database.connect();
const measured = { port: curfew.port, database, databaseUrl: postgres.url, ...admin };
const startedAt = performance.now();
const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;

say(`${availableParallelism()} processors, Node ${process.version}`);
let filled = 0;
try {
  for (const to of [FIRST, sessions]) {
    await growPopulation(database, { from: filled, to }, (done) => say(`  ${done} (${elapsed()})`));
    filled = to;
    say(describeFootprint(await footprint(database)));
    for (const latency of await measureLatencies(measured)) say(describeLatency(latency));
    for (const latency of await measureRevocations(measured)) say(describeLatency(latency));
  }
  await curfew.stop();

  if (entries > 0) {
    const redis = new Redis(redisServer.url);
    for (const count of [entries / 10, entries])
      say(
        `Redis: ${count} live entries, ${(await entryBytes(redis, count)).toFixed(0)} bytes each`,
      );
    redis.disconnect();
  }
} finally {
  curfew.process.kill("SIGKILL");
  await database.end();
  await redisServer.stop();
  await postgres.stop();
}
say(`done after ${elapsed()}`);
