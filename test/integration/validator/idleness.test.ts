import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import type { ValidatorError } from "../../../src/validator/index.js";
import { requireUser, skipsActivity } from "../../../src/validator/integrations/express.js";
import { waitUntil } from "../../support/wait_until.js";
import { setUpValidatorStage } from "./stage.js";

const IDLE_MS = 3000;
const stage = setUpValidatorStage({
  SESSION_INACTIVITY_TIMEOUT_MINUTES: String(IDLE_MS / 60_000),
  ACCESS_TOKEN_EXPIRE_MINUTES: "2",
});

test("A2: an idle session is refused in time, a used one is not", async () => {
  const [used, idle] = [await stage.signIn(), await stage.signIn()];
  const validator = await stage.open({ mode: "local" });
  await validator.validate(used.token);
  const { lastActivityAt } = await validator.validate(idle.token);

  let reason: string | undefined;
  await waitUntil("twice the timeout has passed for the used one", async () => {
    await expect(validator.validate(used.token)).resolves.toBeDefined();
    return Date.now() > lastActivityAt.getTime() + 1.5 * IDLE_MS;
  });
  expect(() => validator.validateNow(idle.token)).not.toThrow();
  expect(validator.validateNow(idle.token)).toBeUndefined();
  await validator.validate(idle.token).catch((error: ValidatorError) => {
    reason = error.reason;
  });
  expect(reason).toBe("SESSION_INACTIVITY_TIMEOUT");
});

test("A2: guard ends a stream when its session becomes idle, and keeps one that is used", async () => {
  const { token, sessionId } = await stage.signIn();
  const validator = await stage.open({ mode: "local" });
  const session = await validator.validate(token);
  const startedAt = Date.now();
  let ended: ValidatorError | undefined;
  const guard = validator.guard(token, session, (error) => {
    ended = error;
  });
  await waitUntil("it was used for longer than the timeout", () => {
    guard.touch();
    return Date.now() > startedAt + 1.5 * IDLE_MS;
  });
  expect(ended).toBeUndefined();
  await waitUntil("it ended", () => ended !== undefined);
  expect(ended).toMatchObject({ reason: "SESSION_INACTIVITY_TIMEOUT" });
  await expect(
    stage.service.call(AuthServiceService.getSessionInfo, {}, token),
  ).rejects.toBeDefined();
  expect(session.sessionId).toBe(sessionId);
});

test.each(["remote", "local"] as const)(
  "A2: a session that is only polled becomes idle (%s mode)",
  async (mode) => {
    const { token } = await stage.signIn();
    const validator = await stage.open({ mode });
    const guard = requireUser(validator, { isBackground: skipsActivity });
    const poll = async (): Promise<number> => {
      const headers = { authorization: `Bearer ${token}`, "x-skip-activity": "true" };
      const request = Object.assign(new IncomingMessage(new Socket()), { headers });
      const response = new ServerResponse(request);
      await new Promise<void>((resolve) => {
        response.end = () => {
          resolve();
          return response;
        };
        guard(request, response, () => resolve());
      });
      return response.statusCode;
    };
    expect(await poll()).toBe(200);
    await waitUntil(
      "the session is refused although it is polled",
      async () => (await poll()) === 401,
    );
    await expect(validator.validate(token)).rejects.toMatchObject({
      reason: "SESSION_INACTIVITY_TIMEOUT",
    });
  },
);
