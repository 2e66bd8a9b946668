import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type pg from "pg";
import { createClient } from "../test/support/database_client.js";
import { startPostgres } from "../test/support/postgres.js";
import { startRedis } from "../test/support/redis.js";
import { type Child, startCurfew } from "./child.js";
import { frame } from "./grpc_frames.js";
import { fillHotEntries, insertLiveSessions, type LiveSession } from "./live_sessions.js";
import { AUDIENCE, ISSUER, mintTokens } from "./minted_tokens.js";

/** One Curfew on real stores that hold many live sessions of many users. */
export interface Crowd {
  readonly curfew: Child & { port: number };
  readonly redis: Redis;
  readonly database: pg.Client;
  readonly sessions: readonly LiveSession[];
  mint(sessions: readonly LiveSession[]): Promise<string[]>;
  close(): Promise<void>;
}

export interface CrowdOptions {
  readonly sessions: number;
  readonly environment?: Record<string, string>;
  readonly nodeFlags?: readonly string[];
}

const IDLE_TIMEOUT_MINUTES = 30;

/** Starts the crowd. The sessions are in Postgres and in Redis; no request has used them yet. */
export const openCrowd = async (options: CrowdOptions): Promise<Crowd> => {
  const postgres = await startPostgres({ settings: { shared_buffers: "512MB" } });
  const server = await startRedis();
  const environment = {
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
    SESSION_INACTIVITY_TIMEOUT_MINUTES: String(IDLE_TIMEOUT_MINUTES),
    ...options.environment,
  };
  const curfew = await startCurfew(postgres.url, server.url, environment, options.nodeFlags);
  const redis = new Redis(server.url);
  const database = createClient({ connectionString: postgres.url });
  await database.connect();
  const sessions = await insertLiveSessions(database, options.sessions);
  await fillHotEntries(redis, database, sessions, IDLE_TIMEOUT_MINUTES * 60_000);
  return {
    curfew,
    redis,
    database,
    sessions,
    mint: (some) => mintTokens(postgres.url, some),
    async close() {
      await curfew.stop();
      redis.disconnect();
      await database.end();
      await server.stop();
      await postgres.stop();
    },
  };
};

/** Messages as a file that the load client reads. */
export const framesFile = (messages: readonly Uint8Array[]): string => {
  const file = join(mkdtempSync(join(tmpdir(), "curfew-bench-")), "frames");
  writeFileSync(file, Buffer.concat(messages.map(frame)));
  return file;
};
