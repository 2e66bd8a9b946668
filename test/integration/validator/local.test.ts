import { describe, expect, test } from "vitest";
import { AuthServiceService } from "../../../generated/curfew/v1/auth_service.js";
import { SessionAdminService } from "../../../generated/curfew/v1/session_admin.js";
import { UserAdminService } from "../../../generated/curfew/v1/user_admin.js";
import { localAdmin } from "../../../src/main.js";
import type { Validator, ValidatorError } from "../../../src/validator/index.js";
import { waitUntil } from "../../support/wait_until.js";
import { setUpValidatorStage } from "./stage.js";

const stage = setUpValidatorStage();

const failureOf = (validator: Validator, token: string): Promise<ValidatorError | undefined> =>
  validator.validate(token).then(
    () => undefined,
    (error: ValidatorError) => error,
  );

/** Resolves when the token is judged without asking. */
const untilKnown = async (validator: Validator, token: string): Promise<void> => {
  await waitUntil("the token is judged here", async () => {
    if (validator.validateNow(token) !== undefined) return true;
    await validator.validate(token);
    return false;
  });
};

const kidOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid;

describe("local mode", () => {
  test("asks at first sight, then answers at once, with the same session", async () => {
    const { token, userId, username, sessionId } = await stage.signIn(["clerk"]);
    const validator = await stage.open({ mode: "local" });

    expect(validator.validateNow(token)).toBeUndefined();
    const session = await validator.validate(token);
    expect(session).toMatchObject({ userId, username, roles: ["clerk"], sessionId });
    await untilKnown(validator, token);
    expect(validator.validateNow(token)).toMatchObject({ userId, username, sessionId });
    expect(validator.state).toMatchObject({ feed: "live", hasKeys: true, sessions: 1 });
    expect(validator.state.stalenessMs).toBeLessThan(1000);
  });

  test("L7: refuses an ended session as Curfew does, by the feed alone", async () => {
    const { token } = await stage.signIn();
    const validator = await stage.open({ mode: "local" });
    await untilKnown(validator, token);

    const revision = await stage.logout(token);
    await waitUntil("the feed has told it", () => validator.state.revision >= revision);
    const error = await failureOf(validator, token);
    expect(error).toMatchObject({
      reason: "ACCESS_TOKEN_BLACKLISTED",
      code: 16,
      status: 401,
      message: "Access token has been revoked",
      metadata: { end_reason: "LOGOUT", ended_at: expect.stringMatching(/^\d{4}-/) },
    });
    expect(() => validator.validateNow(token)).not.toThrow(TypeError);
    const remote = await failureOf(await stage.open(), token);
    expect({ ...remote, cause: undefined }).toEqual({ ...error, cause: undefined });
  });

  test("L7: what is open ends with its session, also when its token expired long ago", async () => {
    const { token, sessionId } = await stage.signIn();
    const validator = await stage.open({ mode: "local" });
    let ended: ValidatorError | undefined;
    validator.guard(token, await validator.validate(token), (error) => {
      ended = error;
    });
    await stage.service.query(
      "UPDATE sessions SET access_expires_at = now() - interval '1 hour' WHERE session_id = $1",
      [sessionId],
    );
    const request = { sessionId, note: "" };
    await stage.service.call(SessionAdminService.revokeSession, request, stage.service.adminKey);
    await waitUntil("the feed has told it", () => ended !== undefined);
    expect(ended).toMatchObject({
      reason: "ACCESS_TOKEN_BLACKLISTED",
      metadata: { end_reason: "ADMIN" },
    });
  });

  test("minRevision: a check waits until it knows of the revocation", async () => {
    const { token } = await stage.signIn();
    const validator = await stage.open({ mode: "local" });
    await untilKnown(validator, token);

    const minRevision = await stage.logout(token);
    await expect(validator.validate(token, { minRevision })).rejects.toMatchObject({
      reason: "ACCESS_TOKEN_BLACKLISTED",
    });
  });

  test("a deactivated user is refused as such", async () => {
    const { token, userId } = await stage.signIn();
    const validator = await stage.open({ mode: "local" });
    await untilKnown(validator, token);

    const user = { userId, username: "", displayName: "", roles: [], isActive: false };
    await stage.service.call(
      UserAdminService.updateUser,
      { user: { ...user, createdAt: undefined, identities: [] }, updateMask: ["is_active"] },
      stage.service.adminKey,
    );
    await waitUntil("it is refused", async () => (await failureOf(validator, token)) !== undefined);
    expect(await failureOf(validator, token)).toMatchObject({ reason: "USER_INACTIVE" });
  });

  test("a refreshed token of a known session needs no question", async () => {
    const { token, refreshToken } = await stage.signIn();
    const validator = await stage.open({ mode: "local" });
    await untilKnown(validator, token);

    const request = { refreshToken, language: "" };
    const { accessToken } = await stage.service.call(AuthServiceService.refreshTokens, request);
    const before = validator.validateNow(token);
    const session = await validator.validate(accessToken);
    expect(session.revision).toBe(before?.revision);
    expect(session.jti).not.toBe(before?.jti);
    expect(validator.validateNow(accessToken)).toBe(session);
  });

  test("what is no token of ours is refused without asking, under any policy", async () => {
    const { token } = await stage.signIn();
    const validator = await stage.open({ mode: "local" });
    const [header, payload] = token.split(".");
    const bad = ["", "x", `${header}.${payload}.`, `${token}=`, `${token} `, "a".repeat(9000)];
    for (const text of bad)
      expect(await failureOf(validator, text)).toMatchObject({ reason: "ACCESS_TOKEN_INVALID" });
  });

  test("another audience or issuer than Curfew's is refused at the start", async () => {
    const elsewhere = stage.open({ mode: "local", audience: "billing" });
    await expect(elsewhere).rejects.toThrow("JWT_AUDIENCE");
    const other = stage.open({ mode: "local", issuer: "https://other.test" });
    await expect(other).rejects.toThrow("JWT_ISSUER");
  });

  test("A2: uses that were judged here are told to Curfew", async () => {
    const { token, sessionId } = await stage.signIn();
    const validator = await stage.open({ mode: "local" });
    await untilKnown(validator, token);
    const lastActivity = async () => {
      const { session } = await stage.service.call(AuthServiceService.getSessionInfo, {}, token);
      expect(session?.sessionId).toBe(sessionId);
      return session?.lastActivityAt?.getTime() ?? 0;
    };
    // The answer's own use, at the latest.
    const before = (await validator.validate(token, { fresh: true })).lastActivityAt.getTime();
    await waitUntil("a local use is later than that", () => Date.now() > before + 50);
    const used = Date.now();
    expect(validator.validateNow(token)).toBeDefined();
    await validator.close();
    expect(await lastActivity()).toBeGreaterThanOrEqual(used - 40);
  });

  test("keys rotate without a failed check", async () => {
    const before = await stage.signIn();
    const validator = await stage.open({ mode: "local" });
    await validator.validate(before.token);

    await localAdmin.rotateKey(stage.service.settings, { use: "sign", immediately: true });
    // This replica signs with the new key at once; the replica that serves keys and verdicts does not know it yet.
    const replica = await stage.startReplica();
    const user = await replica.createUser();
    const { accessToken } = await replica.signIn(user.username);
    expect(kidOf(accessToken)).not.toBe(kidOf(before.token));
    await expect(validator.validate(accessToken)).resolves.toMatchObject({ userId: user.userId });
    await expect(validator.validate(before.token)).resolves.toMatchObject({
      userId: before.userId,
    });
    await waitUntil("tokens of the new key are judged here", async () => {
      await validator.validate(accessToken);
      return validator.validateNow(accessToken) !== undefined;
    });
  });
});
