import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "./fixture.js";
import { rpcFailure } from "./rpc_failure.js";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
beforeEach(() => {
  fixture.stub.reset();
  const tokens = {
    access_token: "access-1",
    refresh_token: "refresh-1",
    token_type: "bearer",
    expires_in: 900,
    session: { session_id: "s1", expires_at: new Date(Date.now() + 3_600_000).toISOString() },
  };
  fixture.stub.answer("Login", () => tokens);
  fixture.stub.answer("RefreshTokens", () => tokens);
});
afterAll(() => fixture.stop());

interface Cookie {
  name: string;
  value: string;
  maxAge?: number;
  httpOnly?: boolean;
  secure?: boolean;
  sameSite?: string;
  path?: string;
}

const jarOf = (answer: { cookies: unknown }): Record<string, Cookie> =>
  Object.fromEntries((answer.cookies as Cookie[]).map((cookie) => [cookie.name, cookie]));

const COOKIES = "__Host-access=access-1; __Host-refresh=refresh-1; __Host-csrf=c1";
const signedIn = { cookie: COOKIES, "x-csrf-token": "c1" };
const login = (headers: Record<string, string>) =>
  fixture.post("/auth/login", { username: "a", password: "p" }, headers);

const DAY = 24 * 3600;

describe("login", () => {
  test("puts the tokens into cookies and out of the body when asked to", async () => {
    const answer = await login({ "x-session-mode": "cookie" });
    expect(answer.statusCode).toBe(200);
    const body = answer.json();
    expect(body).not.toHaveProperty("access_token");
    expect(body).not.toHaveProperty("refresh_token");
    expect(body).toMatchObject({ token_type: "bearer", expires_in: 900 });
    expect(answer.body).not.toContain("access-1");
    const jar = jarOf(answer);
    const flags = { path: "/", secure: true, sameSite: "Strict" };
    expect(jar["__Host-access"]).toMatchObject({ value: "access-1", httpOnly: true, ...flags });
    expect(jar["__Host-refresh"]).toMatchObject({ value: "refresh-1", httpOnly: true, ...flags });
    expect(jar["__Host-csrf"]).toMatchObject(flags);
    expect(jar["__Host-csrf"]?.httpOnly).toBeUndefined();
    expect(jar["__Host-csrf"]?.value).toMatch(/^[\w-]{43}$/);
    expect(answer.headers["x-csrf-token"]).toBe(jar["__Host-csrf"]?.value);
    for (const cookie of Object.values(jar)) {
      // A day longer than the session, whose end is to be explained.
      expect(cookie.maxAge).toBeGreaterThan(DAY + 3590);
      expect(cookie.maxAge).toBeLessThanOrEqual(DAY + 3600);
      expect(cookie).not.toHaveProperty("domain");
    }
  });

  test("gives each session another CSRF token", async () => {
    const first = jarOf(await login({ "x-session-mode": "cookie" }));
    const second = jarOf(await login({ "x-session-mode": "cookie" }));
    expect(first["__Host-csrf"]?.value).not.toBe(second["__Host-csrf"]?.value);
  });

  test.each([[{}], [{ "x-session-mode": "bearer" }]])("gives tokens with %j", async (headers) => {
    const answer = await login(headers);
    expect(answer.json()).toMatchObject({ access_token: "access-1", refresh_token: "refresh-1" });
    expect(answer.cookies).toEqual([]);
  });

  test("takes no other mode", async () => {
    const answer = await login({ "x-session-mode": "Cookies" });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().violations[0].field).toBe("x-session-mode");
  });

  test("refuses a page that would lose the cookies", async () => {
    const origin = "http://curfew.example";
    const answer = await login({ "x-session-mode": "cookie", origin, host: "curfew.example" });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().violations[0].description).toContain("https");
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test.each([["http://localhost:8000"], ["http://127.0.0.1:8000"], ["http://[::1]:8000"]])(
    "takes %s, where browsers keep them",
    async (origin) => {
      const { host } = new URL(origin);
      const answer = await login({ "x-session-mode": "cookie", origin, host });
      expect(answer.statusCode).toBe(200);
    },
  );

  test("a failure sets no cookie", async () => {
    fixture.stub.answer("Login", () => {
      throw rpcFailure("INVALID_CREDENTIALS");
    });
    const answer = await login({ "x-session-mode": "cookie" });
    expect(answer.statusCode).toBe(401);
    expect(answer.cookies).toEqual([]);
  });
});

describe("calls", () => {
  test("the access cookie is the credential", async () => {
    await fixture.send({ method: "GET", url: "/auth/profile", headers: { cookie: COOKIES } });
    expect(fixture.stub.last().metadata.get("authorization")).toEqual(["Bearer access-1"]);
    expect(fixture.stub.last().metadata.get("cookie")).toEqual([]);
  });

  test("an admin's too, but no backend's", async () => {
    await fixture.post("/api/v1/admin/users", {}, signedIn);
    expect(fixture.stub.last().metadata.get("authorization")).toEqual(["Bearer access-1"]);
    await fixture.post("/auth/validate", { access_token: "x" }, signedIn);
    expect(fixture.stub.last().metadata.get("authorization")).toEqual([]);
  });

  test("a public call carries none", async () => {
    await fixture.send({
      method: "GET",
      url: "/.well-known/jwks.json",
      headers: { cookie: COOKIES },
    });
    expect(fixture.stub.last().metadata.get("authorization")).toEqual([]);
  });
});

describe("cross-site request forgery", () => {
  const change = (headers: Record<string, string>) =>
    fixture.post("/auth/sessions:revokeOthers", {}, headers);

  test.each([
    ["no token", { cookie: COOKIES }],
    ["another token", { cookie: COOKIES, "x-csrf-token": "c2" }],
    ["a longer token", { cookie: COOKIES, "x-csrf-token": "c11" }],
    ["an empty token", { cookie: COOKIES, "x-csrf-token": "" }],
    ["no CSRF cookie", { cookie: "__Host-access=access-1", "x-csrf-token": "c1" }],
    ["two empty ones", { cookie: "__Host-access=access-1; __Host-csrf=", "x-csrf-token": "" }],
  ])("403 for a change with %s", async (_, headers) => {
    const answer = await change(headers);
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({
      code: "permission_denied",
      metadata: { check: "csrf" },
    });
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test.each([
    ["DELETE", "/auth/sessions/s1"],
    ["PATCH", "/api/v1/admin/users/u1"],
    ["POST", "/auth/refresh"],
    ["POST", "/auth/logout"],
  ] as const)("403 for %s %s without a token", async (method, url) => {
    const answer = await fixture.send({ method, url, headers: { cookie: COOKIES } });
    expect(answer.statusCode).toBe(403);
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test.each([
    ["another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }],
    ["a sibling domain", { "sec-fetch-site": "same-site", origin: "https://x.example" }],
    ["another site without Origin", { "sec-fetch-site": "cross-site" }],
    ["another origin in an old browser", { origin: "https://evil.example" }],
    ["a sandboxed frame", { origin: "null" }],
    ["another port", { origin: "http://localhost:81", host: "localhost:80" }],
    ["a nonsense origin", { origin: "evil" }],
  ])("403 for %s, even with the token", async (_, headers) => {
    const answer = await change({ ...signedIn, ...headers });
    expect(answer.statusCode).toBe(403);
    expect(answer.json().metadata).toEqual({ check: "origin" });
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test.each([
    ["this origin", { "sec-fetch-site": "same-origin", origin: "https://c.example" }],
    ["this host in an old browser", { origin: "https://c.example", host: "c.example" }],
    ["a listed origin", { "sec-fetch-site": "same-site", origin: "https://app.example" }],
    ["no page at all", {}],
  ])("lets %s through with the token", async (_, headers) => {
    expect((await change({ ...signedIn, ...headers })).statusCode).toBe(200);
  });

  test("login in cookie mode from another site is refused", async () => {
    const answer = await login({
      "x-session-mode": "cookie",
      "sec-fetch-site": "cross-site",
      origin: "https://evil.example",
    });
    expect(answer.statusCode).toBe(403);
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test("a bearer needs no token", async () => {
    const answer = await change({ authorization: "Bearer t", origin: "https://evil.example" });
    expect(answer.statusCode).toBe(200);
  });
});

describe("refresh", () => {
  const refresh = (body: object, headers: Record<string, string>) =>
    fixture.post("/auth/refresh", body, headers);

  test("uses the cookie, renews the cookies and keeps the CSRF token", async () => {
    const answer = await refresh({}, signedIn);
    expect(answer.statusCode).toBe(200);
    expect(fixture.stub.last().request).toMatchObject({ refresh_token: "refresh-1" });
    expect(answer.body).not.toContain("access-1");
    const jar = jarOf(answer);
    expect(jar["__Host-access"]?.value).toBe("access-1");
    expect(jar["__Host-csrf"]?.value).toBe("c1");
  });

  test("a body with a token gets tokens, or cookies when asked for", async () => {
    const plain = await refresh({ refresh_token: "r" }, {});
    expect(plain.json().access_token).toBe("access-1");
    expect(plain.cookies).toEqual([]);
    const moved = await refresh({ refresh_token: "r" }, { "x-session-mode": "cookie" });
    expect(moved.json()).not.toHaveProperty("access_token");
    expect(jarOf(moved)["__Host-refresh"]?.value).toBe("refresh-1");
  });

  test("401 where the cookie is gone", async () => {
    const answer = await refresh({}, { "x-session-mode": "cookie" });
    expect(answer.statusCode).toBe(401);
    expect(answer.json().code).toBe("credentials_missing");
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test("a body and a cookie that disagree are refused", async () => {
    const answer = await refresh({ refresh_token: "other" }, signedIn);
    expect(answer.statusCode).toBe(400);
    expect(fixture.stub.calls).toHaveLength(0);
  });

  test.each([
    "REFRESH_TOKEN_REUSED",
    "REFRESH_TOKEN_INVALID",
    "SESSION_REVOKED_OR_INVALID",
    "SESSION_EXPIRED",
    "DEPENDENCY_UNAVAILABLE",
  ] as const)("%s clears no cookie, for another tab may have won", async (reason) => {
    fixture.stub.answer("RefreshTokens", () => {
      throw rpcFailure(reason);
    });
    const answer = await refresh({}, signedIn);
    expect(answer.json().code).toBe(reason.toLowerCase());
    expect(answer.headers).not.toHaveProperty("set-cookie");
    expect(answer.headers).not.toHaveProperty("clear-site-data");
  });
});

describe("logout", () => {
  const logout = (body: object, headers: Record<string, string>) =>
    fixture.post("/auth/logout", body, headers);

  test("sends the cookie's token, and clears the session's cookies and nothing else of the site", async () => {
    const answer = await logout({}, signedIn);
    expect(answer.statusCode).toBe(200);
    expect(fixture.stub.last().metadata.get("authorization")).toEqual(["Bearer access-1"]);
    const jar = jarOf(answer);
    for (const name of ["__Host-access", "__Host-refresh", "__Host-csrf"]) {
      expect(jar[name]).toMatchObject({ value: "", maxAge: 0, secure: true, path: "/" });
    }
    expect(answer.headers).not.toHaveProperty("clear-site-data");
  });

  test("does the same for a bearer that the cookie holds too", async () => {
    const answer = await logout({}, { ...signedIn, authorization: "Bearer access-1" });
    expect(jarOf(answer)["__Host-access"]?.maxAge).toBe(0);
  });

  test("leaves the browser alone in bearer mode", async () => {
    const answer = await logout({ access_token: "t" }, { authorization: "Bearer t" });
    expect(answer.headers).not.toHaveProperty("set-cookie");
    expect(answer.headers).not.toHaveProperty("clear-site-data");
  });

  test("an outage keeps the cookies, so that the user can try again", async () => {
    fixture.stub.answer("Logout", () => {
      throw rpcFailure("DEPENDENCY_UNAVAILABLE");
    });
    const answer = await logout({}, signedIn);
    expect(answer.statusCode).toBe(503);
    expect(answer.headers).not.toHaveProperty("set-cookie");
  });

  test("a token that proves nothing is taken out of the browser; the refresh token may prove more", async () => {
    fixture.stub.answer("Logout", () => {
      throw rpcFailure("ACCESS_TOKEN_INVALID");
    });
    const answer = await logout({}, signedIn);
    expect(answer.statusCode).toBe(401);
    expect(Object.keys(jarOf(answer))).toEqual(["__Host-access"]);
    expect(jarOf(answer)["__Host-access"]?.maxAge).toBe(0);
  });
});
