import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { PASSWORD, startTestService } from "../../support/service.js";

test("D6 a test file ends badly when its service has written a secret down, wherever", async () => {
  const service = await startTestService();
  const { username } = await service.createUser();
  const { accessToken, refreshToken } = await service.signIn(username);
  await service.query("UPDATE users SET display_name = $1", [`so: ${accessToken}`]);
  await service.query("UPDATE sessions SET device = $1", [PASSWORD]);
  const redis = new Redis(service.redisUrl);
  await redis.set("spilled", refreshToken);
  await redis.quit();
  const failure = await service.stop().then(
    () => "",
    (error: Error) => error.message,
  );
  // A sign-in that had to be repeated has made two sessions.
  const places = new Set(failure.match(/^(?:table \w+|Redis: \w+)/gm));
  expect([...places].sort()).toEqual(["Redis: spilled", "table sessions", "table users"]);
});
