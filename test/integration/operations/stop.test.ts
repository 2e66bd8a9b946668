import { expect, onTestFinished, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { redisUrlForFile } from "../../support/redis.js";
import { startTestService } from "../../support/service.js";
import { startTcpProxy, type TcpProxy } from "../../support/tcp_proxy.js";
import { createDatabase } from "../../support/test_database.js";

const validate = AuthServiceService.validateToken;

test.each(["cut", "hang"] as const)(
  "a stop comes to its end while Postgres is lost (%s), and says which uses went with it",
  async (trouble) => {
    const database = await createDatabase();
    const { hostname, port } = new URL(database.url);
    const link: TcpProxy = await startTcpProxy({ host: hostname, port: Number(port) });
    onTestFinished(async () => {
      await link.close();
      await database.drop();
    });
    const lines: string[] = [];
    const service = await startTestService(
      {
        DATABASE_URL: link.urlFor(database.url),
        REDIS_URL: await redisUrlForFile(),
        SESSION_INACTIVITY_TIMEOUT_MINUTES: "600",
      },
      (line) => lines.push(line),
    );
    const { username } = await service.createUser();
    const { accessToken } = await service.signIn(username);
    const use = () =>
      service.call(validate, { accessToken, audience: "", skipActivity: false }, service.adminKey);
    await use();
    await use();
    link[trouble]();
    // Answered from Redis, under the lease: a use that Postgres does not receive any more.
    await use().catch(() => undefined);
    await service.stop();
    expect(lines.filter((line) => line.includes("the last uses of sessions were lost"))).toEqual([
      expect.stringContaining('"level":"error"'),
    ]);
  },
  60_000,
);
