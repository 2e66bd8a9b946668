// Started by watchdog.test.ts: owns servers, one of them paused, until it is killed.
import { startPostgres } from "../../support/postgres.js";
import { startRedis } from "../../support/redis.js";

async function run(): Promise<void> {
  const postgres = await startPostgres();
  const redis = await startRedis();
  postgres.pause();
  process.stdout.write(`${JSON.stringify([postgres.port, redis.port])}\n`);
}

run();
