import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type GetSessionStatsResponse,
  SessionAdminService,
  StoreHealth_State,
} from "../../../generated/curfew/v1/session_admin.js";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { startTestService, type TestService } from "../../support/service.js";
import { waitUntil } from "../../support/wait_until.js";

const MAX_FAILURES = 3;

let redis: RedisServer;
let service: TestService;
beforeAll(async () => {
  redis = await startRedis();
  service = await startTestService({
    REDIS_URL: redis.url,
    LOGIN_MAX_FAILURES: String(MAX_FAILURES),
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await redis?.stop();
});

const stats = (): Promise<GetSessionStatsResponse> =>
  service.call(SessionAdminService.getSessionStats, { windowMinutes: 0 }, service.adminKey);

test("statistics tell throttled logins from failed ones, and how often accounts were locked", async () => {
  const { username } = await service.createUser();
  for (let attempt = 0; attempt < MAX_FAILURES + 2; attempt++)
    await expect(service.signIn(username, "test", "a wrong passphrase")).rejects.toThrow();
  // Throttled, whatever the password.
  await expect(service.signIn(username)).rejects.toMatchObject({ code: 8 });
  expect(await stats()).toMatchObject({
    failedLogins: BigInt(MAX_FAILURES + 3),
    throttledLogins: 3n,
    accountLocks: 1n,
    logins: 0n,
  });
});

test("statistics tell how the replica stands with its stores, and follow them", async () => {
  const { UP, DOWN } = StoreHealth_State;
  const stand = async (redisState: StoreHealth_State): Promise<boolean> => {
    // While Redis goes away a statement may be late.
    const answer = await stats().catch(() => undefined);
    return JSON.stringify(answer?.stores) === JSON.stringify(storesWith(redisState));
  };
  const storesWith = (redisState: StoreHealth_State) => [
    { store: "postgres", state: UP },
    { store: "redis", state: redisState },
  ];
  await waitUntil("both are up", () => stand(UP));
  await redis.stop("SIGKILL");
  await waitUntil("Redis is down", () => stand(DOWN));
  await redis.restart();
  await waitUntil("Redis is up again", () => stand(UP));
});
