import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openCookieBrowser } from "./cookie_browser.js";
import { type Fixture, startFixture } from "./fixture.js";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const jwt = (claims: object): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;

/** Sessions by the refresh tokens `REFRESH-ID-GENERATION`; each is a second younger than the one before. */
let sessions = 0;
const tokensOf = (id: string, createdAt: number, generation: number) => ({
  access_token: jwt({ sid: id, generation }),
  refresh_token: `refresh-${id}-${generation}`,
  token_type: "bearer",
  expires_in: 900,
  session: {
    session_id: id,
    created_at: new Date(createdAt).toISOString(),
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  },
});
const START = Date.parse("2026-01-01T00:00:00Z");

beforeEach(() => {
  fixture.stub.reset();
  sessions = 0;
  fixture.stub.answer("Login", () => {
    sessions += 1;
    return tokensOf(`s${sessions}`, START + sessions * 1000, 1);
  });
  fixture.stub.answer("RefreshTokens", ({ request }) => {
    const [, id = "", generation] = refreshTokenOf(request).split("-");
    return tokensOf(id, START + Number(id.slice(1)) * 1000, Number(generation) + 1);
  });
});

const refreshTokenOf = (request: unknown): string =>
  (request as { refresh_token: string }).refresh_token;
const usedRefreshToken = (): string => refreshTokenOf(fixture.stub.last().request);
const usedSession = (): string | undefined => {
  const [text] = fixture.stub.last().metadata.get("authorization");
  if (!text) return undefined;
  return JSON.parse(Buffer.from(String(text).split(".")[1] ?? "", "base64url").toString()).sid;
};

describe("an answer that arrives late", () => {
  test("R2: of an older refresh does not bring its token back", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    const late = await browser.start("POST", "/auth/refresh");
    await browser.send("POST", "/auth/refresh");
    await browser.send("POST", "/auth/refresh");
    late.arrive();
    await browser.send("POST", "/auth/refresh");
    expect(usedRefreshToken()).toBe("refresh-s1-3");
    // The late cookies are removed.
    expect([...browser.jar.keys()].filter((name) => name.startsWith("__Host-refresh."))).toEqual([
      expect.stringMatching(/^__Host-refresh\.\w+\.3\.s1$/),
    ]);
  });

  test("of a logout does not end the session that has begun since", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    const late = await browser.start("POST", "/auth/logout");
    await browser.send("POST", "/auth/login");
    late.arrive();
    expect((await browser.send("POST", "/auth/refresh")).statusCode).toBe(200);
    expect(usedRefreshToken()).toBe("refresh-s2-1");
    await browser.send("GET", "/auth/profile");
    expect(usedSession()).toBe("s2");
  });

  test("of another session's refresh: nobody acts in its name, and the next refresh mends it", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    const late = await browser.start("POST", "/auth/refresh");
    await browser.send("POST", "/auth/login");
    late.arrive();
    await browser.send("GET", "/auth/profile");
    expect(usedSession()).toBeUndefined();
    await browser.send("POST", "/auth/refresh");
    expect(usedRefreshToken()).toBe("refresh-s2-1");
    await browser.send("GET", "/auth/profile");
    expect(usedSession()).toBe("s2");
  });

  test("of a login before: the session that began last counts", async () => {
    const browser = openCookieBrowser(fixture);
    const late = await browser.start("POST", "/auth/login");
    await browser.send("POST", "/auth/login");
    late.arrive();
    await browser.send("POST", "/auth/refresh");
    expect(usedRefreshToken()).toBe("refresh-s2-1");
  });

  test("every order of three answers leaves the newest session usable", async () => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    for (const order of orders) {
      sessions = 0;
      const browser = openCookieBrowser(fixture);
      await browser.send("POST", "/auth/login");
      const answers = [
        await browser.start("POST", "/auth/refresh"),
        await browser.start("POST", "/auth/logout"),
        await browser.start("POST", "/auth/login"),
      ];
      for (const index of order) answers[index]?.arrive();
      await browser.send("POST", "/auth/refresh");
      expect([order, usedRefreshToken()]).toEqual([order, "refresh-s2-1"]);
    }
  });

  test("a login comes after sessions that a faster clock has dated", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    fixture.stub.answer("Login", () => tokensOf("s0", START - 3_600_000, 1));
    await browser.send("POST", "/auth/login");
    await browser.send("POST", "/auth/refresh");
    expect(usedRefreshToken()).toBe("refresh-s0-1");
  });
});

describe("a logout", () => {
  test("takes all cookies of the session out of the browser", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    await browser.send("POST", "/auth/refresh");
    await browser.send("POST", "/auth/logout");
    expect([...browser.jar]).toEqual([]);
  });
});

describe("whose session the cookies are of", () => {
  test("is named in every answer, with the count of its refreshes", async () => {
    const browser = openCookieBrowser(fixture);
    const login = await browser.send("POST", "/auth/login");
    expect(login.headers).toMatchObject({ "x-session-id": "s1", "x-session-generation": "0" });
    await browser.send("POST", "/auth/refresh");
    const profile = await browser.send("GET", "/auth/profile");
    expect(profile.headers).toMatchObject({ "x-session-id": "s1", "x-session-generation": "1" });
  });

  test.each([
    ["GET", "/auth/profile"],
    ["POST", "/auth/sessions:revokeOthers"],
    ["POST", "/auth/refresh"],
    ["POST", "/auth/logout"],
  ] as const)(
    "%s %s in another session's name is refused before it is done",
    async (method, url) => {
      const browser = openCookieBrowser(fixture);
      await browser.send("POST", "/auth/login");
      await browser.send("POST", "/auth/login");
      const before = fixture.stub.calls.length;
      const answer = await browser.send(method, url, { "x-session-id": "s1" });
      expect(answer.statusCode).toBe(403);
      expect(answer.json()).toMatchObject({
        code: "permission_denied",
        metadata: { check: "session" },
      });
      expect(answer.headers).not.toHaveProperty("set-cookie");
      expect(fixture.stub.calls).toHaveLength(before);
      expect((await browser.send(method, url, { "x-session-id": "s2" })).statusCode).toBe(200);
    },
  );

  test("session-info renews the anti-forgery token of a page that has lost it", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    const known = browser.jar.get("__Host-csrf");
    const same = await browser.send("GET", "/debug/session-info");
    expect(same.headers["x-csrf-token"]).toBe(known);
    expect(same.headers).not.toHaveProperty("set-cookie");
    browser.jar.delete("__Host-csrf");
    const renewed = await browser.send("GET", "/debug/session-info");
    expect(renewed.headers["x-csrf-token"]).toBe(browser.jar.get("__Host-csrf"));
    expect((await browser.send("POST", "/auth/sessions:revokeOthers")).statusCode).toBe(200);
  });

  test("a page that does not say X-Session-Mode, or of a foreign origin, gets no token", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    const plain = await browser.send("GET", "/debug/session-info", { "x-session-mode": "bearer" });
    expect(plain.headers).not.toHaveProperty("x-csrf-token");
    const origin = "https://evil.example";
    const foreign = await browser.send("GET", "/debug/session-info", { origin });
    expect(foreign.statusCode).toBe(403);
    expect(foreign.headers).not.toHaveProperty("x-csrf-token");
  });

  test("a refresh without the anti-forgery token works for a page that may send X-Session-Mode", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    browser.jar.delete("__Host-csrf");
    const origin = "https://evil.example";
    expect((await browser.send("POST", "/auth/refresh", { origin })).statusCode).toBe(403);
    expect((await browser.send("POST", "/auth/refresh")).statusCode).toBe(200);
    expect(browser.jar.get("__Host-csrf")).toMatch(/^[\w-]{43}$/);
  });
});

describe("the size of a cookie", () => {
  test("does not depend on the roles: tokens are asked for without them", async () => {
    const browser = openCookieBrowser(fixture);
    await browser.send("POST", "/auth/login");
    expect(fixture.stub.last().request).toMatchObject({ omit_roles: true });
    await browser.send("POST", "/auth/refresh");
    expect(fixture.stub.last().request).toMatchObject({ omit_roles: true });
    await fixture.post("/auth/login", { username: "a", password: "p" });
    expect(fixture.stub.last().request).not.toMatchObject({ omit_roles: true });
  });

  test.each([
    [3900, 200],
    [4096, 500],
    [6363, 500],
  ])("an access token of %i bytes: %i", async (bytes, status) => {
    fixture.stub.answer("Login", () => ({
      ...tokensOf("s1", START, 1),
      access_token: "a".repeat(bytes),
    }));
    const answer = await openCookieBrowser(fixture).send("POST", "/auth/login");
    expect(answer.statusCode).toBe(status);
    if (status === 200) return;
    expect(answer.json()).toMatchObject({ code: "internal", metadata: { check: "cookie_size" } });
    expect(answer.json().detail).toContain("__Host-access");
    expect(answer.headers).not.toHaveProperty("set-cookie");
  });
});

test("a cookie whose name begins with another kind of space is another cookie", async () => {
  const url = "/auth/profile";
  const cookie = "\u00a0__Host-access=a; \u2003__Host-access=b";
  await fixture.send({ method: "GET", url, headers: { cookie } });
  expect(fixture.stub.last().metadata.get("authorization")).toEqual([]);
  const spaced = " \t__Host-access=c\t ";
  await fixture.send({ method: "GET", url, headers: { cookie: spaced } });
  expect(fixture.stub.last().metadata.get("authorization")).toEqual(["Bearer c"]);
});

test("x-skip-activity goes along with the call", async () => {
  const send = (value: string) =>
    fixture.send({ method: "GET", url: "/auth/profile", headers: { "x-skip-activity": value } });
  await send("true");
  expect(fixture.stub.last().metadata.get("x-skip-activity")).toEqual(["true"]);
  await send("1");
  expect(fixture.stub.last().metadata.get("x-skip-activity")).toEqual([]);
});

describe("COOKIE_SAME_SITE=lax", () => {
  test("marks every cookie, set or cleared", async () => {
    const lax = await startFixture({ cookieSameSite: "lax" });
    lax.stub.answer("Login", () => tokensOf("s1", START, 1));
    const browser = openCookieBrowser(lax);
    const login = await browser.send("POST", "/auth/login");
    const logout = await browser.send("POST", "/auth/logout");
    for (const { cookies } of [login, logout]) {
      expect(cookies).toHaveLength(4);
      for (const { sameSite, secure } of cookies) {
        expect({ sameSite, secure }).toEqual({ sameSite: "Lax", secure: true });
      }
    }
    await lax.stop();
  });
});
