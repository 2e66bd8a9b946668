import { execFileSync } from "node:child_process";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findOrInstall } from "../../support/debian_packages.js";
import { findExecutable } from "../../support/executable.js";
import { PASSWORD, startTestService, type TestService } from "../../support/service.js";
import { createGuideClient, type GuideClient, type Json } from "./guide_client.js";
import { openSigner } from "./token_signer.js";

let service: TestService;
/** The same, but at the limit of one session a login is refused. */
let strict: TestService;
beforeAll(async () => {
  service = await startTestService();
  strict = await startTestService({
    MAX_CONCURRENT_SESSIONS: "1",
    SESSION_LIMIT_POLICY: "reject",
  });
});
afterAll(async () => {
  await service?.stop();
  await strict?.stop();
});

const jsonOf = async (response: Response): Promise<Json> => (await response.json()) as Json;

const post = (path: string, body: object, headers: Record<string, string> = {}, on = service) =>
  fetch(on.origin + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

const get = (path: string, token: unknown) =>
  fetch(service.origin + path, { headers: { authorization: `Bearer ${token}` } });

/** A new user's client, signed in. */
const signedIn = async (base = "", ...roles: string[]) => {
  const user = await service.createUser(roles);
  const client = createGuideClient(service.origin + base);
  await client.login(user.username, PASSWORD);
  return { user, client, token: () => client.stored.get("access_token") ?? "" };
};

/** Makes all sessions of a user look unused since yesterday. */
const leaveIdle = (userId: string) =>
  service.query(
    `UPDATE sessions SET last_activity_at = last_activity_at - interval '1 day',
       next_check_at = now() - interval '1 minute' WHERE user_id = $1`,
    [userId],
  );

describe.each(["", "/api/v1"])("the guide's client under %j", (base) => {
  const profileOf = (client: GuideClient) =>
    client.apiRequest(`${service.origin}${base}/auth/profile`);

  test("signs in, sees the profile, refreshes, and signs out for good", async () => {
    const { user, client, token } = await signedIn(base);
    const profile = await profileOf(client);
    expect(profile.status).toBe(200);
    expect(await jsonOf(profile)).toEqual({
      user_id: user.userId,
      username: user.username,
      display_name: "",
      roles: [],
      is_active: true,
      created_at: user.createdAt?.toISOString(),
      identities: [],
    });

    const first = token();
    await client.refreshTokens();
    expect(token()).not.toBe(first);
    expect((await profileOf(client)).status).toBe(200);

    const last = token();
    await client.logout();
    expect(client.stored.size).toBe(0);
    for (const dead of [first, last]) {
      const refused = await get(`${base}/auth/profile`, dead);
      expect(refused.status).toBe(401);
      expect(await jsonOf(refused)).toMatchObject({
        detail: "Access token has been revoked",
        code: "access_token_blacklisted",
      });
    }
  });

  test("gets the bodies that the guide shows", async () => {
    const { username } = await service.createUser();
    const login = await post(`${base}/auth/login`, { username, password: PASSWORD });
    const tokens = await jsonOf(login);
    expect(tokens).toMatchObject({
      access_token: expect.stringMatching(/^eyJ/),
      refresh_token: expect.stringMatching(/.+/),
      token_type: "bearer",
      expires_in: 15 * 60,
    });
    const refresh = { refresh_token: tokens.refresh_token, language: "en" };
    expect(await jsonOf(await post(`${base}/auth/refresh`, refresh))).toMatchObject({
      access_token: expect.stringMatching(/^eyJ/),
      refresh_token: expect.stringMatching(/.+/),
      token_type: "bearer",
      expires_in: 15 * 60,
    });
    const logout = await post(`${base}/auth/logout`, { access_token: tokens.access_token });
    expect(logout.status).toBe(200);
    expect(await jsonOf(logout)).toMatchObject({ message: "Logged out successfully" });
  });

  test("refreshes and repeats a request whose token has expired", async () => {
    const { client, token } = await signedIn(base);
    const change = await openSigner(service.databaseUrl);
    const past = Math.floor(Date.now() / 1000) - 1;
    const expired = await change(token(), { exp: past });
    client.stored.set("access_token", expired);
    expect(await jsonOf(await get(`${base}/auth/profile`, expired))).toMatchObject({
      code: "access_token_expired",
    });
    expect((await profileOf(client)).status).toBe(200);
    expect(token()).not.toBe(expired);
  });

  test("is signed out when its session was ended elsewhere", async () => {
    const { user, client } = await signedIn(base);
    const elsewhere = createGuideClient(service.origin);
    await elsewhere.login(user.username, PASSWORD);
    await elsewhere.apiRequest(`${service.origin}/auth/sessions:revokeOthers`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    await expect(profileOf(client)).rejects.toThrow("the refresh failed");
    expect(client.stored.size).toBe(0);
  });
});

describe("the guide's four errors", () => {
  const expectProblem = async (
    response: Response,
    status: number,
    body: { detail: string; code: string },
  ) => {
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(await jsonOf(response)).toMatchObject(body);
  };

  test("a session that was not used for too long", async () => {
    const { user, token } = await signedIn();
    await leaveIdle(user.userId);
    await expectProblem(await get("/auth/profile", token()), 401, {
      detail: "Session expired due to inactivity",
      code: "session_inactivity_timeout",
    });
  });

  test("one session too many", async () => {
    const { username } = await strict.createUser();
    await strict.signIn(username);
    const refused = await post("/auth/login", { username, password: PASSWORD }, {}, strict);
    await expectProblem(refused, 429, {
      detail: "Maximum number of concurrent sessions exceeded",
      code: "session_limit_exceeded",
    });
    await expect(strict.signIn(username)).rejects.toMatchObject({ code: 8 });
  });

  test("a session that was revoked", async () => {
    const { client } = await signedIn();
    const refresh = { refresh_token: client.stored.get("refresh_token") };
    await client.logout();
    await expectProblem(await post("/auth/refresh", refresh), 401, {
      detail: "Session has been revoked or is invalid",
      code: "session_revoked_or_invalid",
    });
  });

  test("an access token that was revoked, in the language of the caller", async () => {
    const { client, token } = await signedIn();
    const dead = token();
    await client.logout();
    await expectProblem(await get("/auth/profile", dead), 401, {
      detail: "Access token has been revoked",
      code: "access_token_blacklisted",
    });
    const inGerman = await fetch(`${service.origin}/auth/profile`, {
      headers: { authorization: `Bearer ${dead}`, "accept-language": "de" },
    });
    expect(inGerman.headers.get("content-language")).toBe("de");
    expect((await jsonOf(inGerman)).detail).not.toBe("Access token has been revoked");
  });

  test("a refused refresh answers in the language that the body names", async () => {
    const refused = await post("/auth/refresh", { refresh_token: "none", language: "es" });
    expect(refused.headers.get("content-language")).toBe("es");
  });
});

describe("sessions", () => {
  test("at the limit the oldest ends, and the login says so", async () => {
    const { user, token } = await signedIn();
    const oldest = token();
    for (let login = 1; login < 5; login++) await service.signIn(user.username);
    const credentials = { username: user.username, password: PASSWORD };
    const sixth = await jsonOf(await post("/auth/login", credentials));
    expect(sixth.ended_sessions).toHaveLength(1);
    expect((await get("/auth/profile", oldest)).status).toBe(401);
  });

  test("each use is noted", async () => {
    const { token } = await signedIn();
    const lastActivity = async () => {
      const info = await jsonOf(await get("/debug/session-info", token()));
      return Date.parse((info.session as { last_activity_at: string }).last_activity_at);
    };
    const before = await lastActivity();
    await get("/auth/profile", token());
    expect(await lastActivity()).toBeGreaterThan(before);
  });

  test("are listed with what the caller's own client says of itself", async () => {
    const { token } = await signedIn();
    const answer = await fetch(`${service.origin}/auth/sessions`, {
      headers: { authorization: `Bearer ${token()}` },
    });
    const { sessions } = (await answer.json()) as { sessions: Json[] };
    expect(sessions).toMatchObject([{ current: true, ip: "127.0.0.1", user_agent: "node" }]);
  });
});

describe("monitoring and debugging", () => {
  test.each(["", "/api/v1"])("%s/admin/sessions/active", async (base) => {
    const { user, token } = await signedIn("", "admin");
    const path = `${base}/admin/sessions/active`;
    const answer = await jsonOf(await get(path, token()));
    expect(answer).toMatchObject({
      user_id: user.userId,
      active_sessions: 1,
      sessions: [
        {
          jti: expect.stringMatching(/.+/),
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          last_activity: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        },
      ],
    });
    const stranger = await signedIn();
    expect((await get(path, stranger.token())).status).toBe(403);
  });

  test("/admin/sessions/cleanup counts what it cleaned, zero included", async () => {
    const { token } = await signedIn("", "admin");
    const idle = await signedIn();
    const cleanup = async () =>
      jsonOf(await post("/admin/sessions/cleanup", {}, { authorization: `Bearer ${token()}` }));
    await cleanup();
    await leaveIdle(idle.user.userId);
    expect(await cleanup()).toEqual({ cleaned_sessions: 1 });
    expect(await cleanup()).toEqual({ cleaned_sessions: 0 });
  });

  test("/admin/sessions/cleanup takes a POST without a body", async () => {
    const { token } = await signedIn("", "admin");
    const answer = await fetch(`${service.origin}/admin/sessions/cleanup`, {
      method: "POST",
      headers: { authorization: `Bearer ${token()}` },
    });
    expect(answer.status).toBe(200);
  });

  test("/debug/session-info", async () => {
    const { user, token } = await signedIn();
    await service.signIn(user.username);
    const info = await jsonOf(await get("/debug/session-info", token()));
    const { payload } = await jwtVerify(
      token(),
      createRemoteJWKSet(new URL("/.well-known/jwks.json", service.origin)),
    );
    expect(info).toMatchObject({
      user_id: user.userId,
      jti: payload.jti,
      session_valid: true,
      active_sessions: 2,
    });
    expect(payload.sub).toBe(user.userId);
  });
});

describe("the guide's troubleshooting lines", () => {
  const program = (name: string, debianPackage: string): string =>
    findOrInstall(
      name,
      () => findExecutable([name]),
      [debianPackage],
      `install it (Debian: apt-get install ${debianPackage}).`,
    );
  const blacklisted = (): number => {
    const client = program("redis-cli", "redis-tools");
    const args = ["-u", service.redisUrl, "keys", "access_token_blacklist:*"];
    const output = execFileSync(client, args, { encoding: "utf8", stdio: "pipe" });
    return output.split("\n").filter((line) => line !== "").length;
  };
  const open = (): number => {
    const sql = "SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL;";
    const client = program("psql", "postgresql-client");
    const args = ["-At", "-c", sql, service.databaseUrl];
    return Number(execFileSync(client, args, { encoding: "utf8" }));
  };

  test("count the ended and the open sessions", async () => {
    const [endedBefore, openBefore] = [blacklisted(), open()];
    const { client } = await signedIn();
    expect(open()).toBe(openBefore + 1);
    await client.logout();
    expect(blacklisted()).toBe(endedBefore + 1);
    expect(open()).toBe(openBefore);
  });
});
