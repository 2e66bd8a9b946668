import { ChannelCredentials } from "@grpc/grpc-js";
import { AuthServiceClient, type LoginResponse } from "../generated/curfew/v1/auth_service.js";
import { createClient } from "../test/support/database_client.js";
import { startPostgres } from "../test/support/postgres.js";
import { startRedis } from "../test/support/redis.js";
import { type Child, cpuMicroseconds, startCurfew } from "./child.js";

/** Real stores and one worker of Curfew, for one bench. */
export interface Stage {
  readonly curfew: Child & { port: number };
  readonly client: AuthServiceClient;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  login(): Promise<LoginResponse>;
  /** Statements that Postgres has executed so far. */
  statements(): Promise<number>;
  /** Processor time of Postgres's connections that are open now, in microseconds. */
  postgresMicroseconds(): Promise<number>;
  close(): Promise<void>;
}

export const openStage = async (
  environment: Record<string, string> = {},
  nodeFlags: readonly string[] = [],
): Promise<Stage> => {
  const postgres = await startPostgres();
  const redis = await startRedis();
  const curfew = await startCurfew(postgres.url, redis.url, environment, nodeFlags);
  const client = new AuthServiceClient(
    `127.0.0.1:${curfew.port}`,
    ChannelCredentials.createInsecure(),
  );
  const database = createClient({ connectionString: postgres.url });
  await database.connect();
  return {
    curfew,
    client,
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    login: () =>
      new Promise((resolve, reject) =>
        client.login(
          {
            username: "admin",
            password: "bench administrator",
            language: "",
            deviceName: "bench",
          },
          (error, response) => (error ? reject(error) : resolve(response)),
        ),
      ),
    async statements() {
      const { rows } = await database.query<{ calls: string }>(
        "SELECT sum(xact_commit + xact_rollback) AS calls FROM pg_stat_database",
      );
      return Number(rows[0]?.calls);
    },
    async postgresMicroseconds() {
      const { rows } = await database.query<{ pid: number }>("SELECT pid FROM pg_stat_activity");
      return rows.reduce((sum, { pid }) => sum + cpuMicroseconds(pid), 0);
    },
    async close() {
      client.close();
      await database.end();
      await curfew.stop();
      await redis.stop();
      await postgres.stop();
    },
  };
};
