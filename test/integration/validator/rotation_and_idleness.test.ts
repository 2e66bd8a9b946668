import { expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { backstage } from "../../../src/main.js";
import type { ValidatorError } from "../../../src/validator/index.js";
import { waitUntil } from "../../support/wait_until.js";
import { setUpValidatorStage } from "./stage.js";

const IDLE_MS = 3000;
const stage = setUpValidatorStage({
  SESSION_INACTIVITY_TIMEOUT_MINUTES: String(IDLE_MS / 60_000),
  ACCESS_TOKEN_EXPIRE_MINUTES: "2",
});

const kidOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid;

test("keys rotate without a failed check", async () => {
  const before = await stage.signIn();
  const validator = await stage.open({ mode: "local" });
  await validator.validate(before.token);

  await backstage.rotateKey(stage.service.settings, { use: "sign", immediately: true });
  // It signs with the new key at once; the one that is asked for keys and verdicts has yet to hear of it.
  const replica = await stage.startReplica();
  const user = await replica.createUser();
  const { accessToken } = await replica.signIn(user.username);
  expect(kidOf(accessToken)).not.toBe(kidOf(before.token));
  await expect(validator.validate(accessToken)).resolves.toMatchObject({ userId: user.userId });
  await expect(validator.validate(before.token)).resolves.toMatchObject({ userId: before.userId });
  await waitUntil("tokens of the new key are judged here", async () => {
    await validator.validate(accessToken);
    return validator.validateNow(accessToken) !== undefined;
  });
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
