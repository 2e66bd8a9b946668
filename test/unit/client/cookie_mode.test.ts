import { expect, test } from "vitest";
import { csrfTokenFrom } from "../../../src/client/csrf_token.js";
import { createMemoryStore } from "../../../src/client/key_value_store.js";
import { codeOf, createSessionFixture, nextEvent } from "./client_fixture.js";
import { createCookieJar } from "./cookie_jar.js";

const fixture = createSessionFixture();

function openBrowser() {
  const { jar, fetch } = createCookieJar();
  const csrfToken = () => jar.get("__Host-csrf") ?? null;
  const { storage, tab } = fixture.browser({ mode: "cookie", fetch, csrfToken });
  return { jar, storage, tab };
}

test("no script gets a token: none is stored, and none is in a header or a body", async () => {
  const { storage, tab } = openBrowser();
  const manager = tab();
  await manager.login("ada", "correct horse");
  await manager.apiRequest(fixture.url("/api/v1/data"));
  await manager.refreshTokens();
  await manager.logout();
  expect(await storage.getItem("access_token")).toBeNull();
  for (const call of fixture.service.calls) {
    expect(call.headers.authorization).toBeUndefined();
    expect(call.text).not.toMatch(/access-|refresh-/);
  }
  expect(fixture.service.last("/auth/login")?.headers["x-session-mode"]).toBe("cookie");
  expect(fixture.service.last("/auth/refresh")?.headers["x-session-mode"]).toBe("cookie");
  expect(fixture.service.live()).toEqual([]);
});

test("answers of a gateway of 0.1, which counts no refreshes, are taken in any order with today's", async () => {
  const { storage, tab } = openBrowser();
  const manager = tab();
  const generation = async () =>
    JSON.parse((await storage.getItem("curfew_session")) ?? "{}").generation;
  const { settings } = fixture.service;
  await manager.login("ada", "correct horse");
  // Today's gateway answers the refresh, and 0.1 the question whose cookies they are.
  for (const [isOldRefresh, isOldOwner] of [
    [false, true],
    [true, false],
    [true, true],
    [false, false],
  ]) {
    const before = await generation();
    settings.countsRefreshes = (path) => !(path.endsWith("/refresh") ? isOldRefresh : isOldOwner);
    await manager.refreshTokens();
    expect(await generation()).toBeGreaterThan(before);
    expect((await manager.apiRequest("/api/v1/data", { method: "POST" })).status).toBe(200);
  }
});

test("calls that change something repeat the anti-forgery token; others do not", async () => {
  const { tab } = openBrowser();
  const manager = tab();
  await manager.login("ada", "correct horse");
  expect((await manager.apiRequest("/api/v1/data", { method: "post" })).status).toBe(200);
  expect(fixture.service.last("/data")?.headers["x-csrf-token"]).toBe("csrf-s1");
  await manager.apiRequest("/api/v1/data");
  expect(fixture.service.last("/data")?.headers["x-csrf-token"]).toBeUndefined();
  await manager.refreshTokens();
  expect(fixture.service.last("/auth/refresh")?.headers["x-csrf-token"]).toBe("csrf-s1");
});

test("an access cookie that the browser has dropped is a reason to refresh", async () => {
  const { jar, tab } = openBrowser();
  const manager = tab();
  await manager.login("ada", "correct horse");
  jar.delete("__Host-access");
  expect((await manager.apiRequest("/api/v1/data")).status).toBe(200);
  expect(fixture.service.count("/auth/refresh")).toBe(1);
});

test("R1: all tabs together make one exchange", async () => {
  const { tab } = openBrowser();
  const tabs = [tab(), tab(), tab()];
  await tabs[0]?.login("ada", "correct horse");
  await Promise.all(tabs.map((each) => each.apiRequest("/api/v1/data")));
  fixture.service.expireAccessTokens();
  await Promise.all(tabs.map((each) => each.apiRequest("/api/v1/data")));
  expect(fixture.service.count("/auth/refresh")).toBe(1);
});

test("tabs with memory of their own share the session all the same: cookies are everybody's", async () => {
  const { tab } = openBrowser();
  const [one, two] = [tab({ storage: "memory" }), tab({ storage: "memory" })];
  const login = nextEvent(two, "login");
  await one.login("ada", "correct horse");
  await login;
  const logout = nextEvent(two, "logout");
  await one.logout();
  await logout;
  expect(two.isAuthenticated).toBe(false);
});

test("a session is there again after the page is loaded anew, and cleared when cookies are gone", async () => {
  const { jar, tab } = openBrowser();
  const before = tab();
  await before.login("ada", "correct horse");
  before.close();
  const after = tab();
  expect(after.isAuthenticated).toBe(true);
  await after.loadProfile();
  jar.clear();
  expect(await codeOf(after.apiRequest("/api/v1/data"))).toBe("credentials_missing");
  expect(after.isAuthenticated).toBe(false);
});

test("the facts of the session survive in an own store without a token", async () => {
  const storage = createMemoryStore();
  const { fetch } = createCookieJar();
  const manager = fixture.open({ mode: "cookie", fetch, storage, storageKeyPrefix: "shop." });
  await manager.login("ada", "correct horse");
  const facts = JSON.parse((await storage.getItem("shop.curfew_session")) ?? "");
  expect(facts).toMatchObject({ id: "s1", generation: 1 });
  expect(JSON.stringify(facts)).not.toMatch(/access-|refresh-/);
});

test("a page that cannot read the API's cookies uses what the API told in a header", async () => {
  const { storage, tab } = openBrowser();
  const manager = tab({ csrfToken: () => null });
  await manager.login("ada", "correct horse");
  manager.close();
  const later = tab({ csrfToken: () => null });
  await later.refreshTokens();
  expect((await later.apiRequest("/api/v1/data", { method: "POST" })).status).toBe(200);
  expect(await later.logout()).toEqual({ isConfirmed: true, error: null });
  expect(await storage.getItem("curfew_session")).toBeNull();
});

test("a login waits for the logout before it, whose answer takes the cookies away", async () => {
  const { jar, tab } = openBrowser();
  const manager = tab();
  await manager.login("ada", "correct horse");
  const held = fixture.service.hold("/auth/logout");
  const logout = manager.logout();
  await held.arrived;
  const login = manager.login("ada", "correct horse");
  // A login of another user that started later has completed: this one is obsolete.
  await fixture.signedIn();
  expect(fixture.service.count("/auth/login")).toBe(2);
  held.release();
  await Promise.all([logout, login]);
  expect(jar.get("__Host-csrf")).toBe("csrf-s3");
  expect((await manager.apiRequest("/api/v1/data")).status).toBe(200);
});

test("in bearer mode, cookies of another session stay at home: the API refuses both at once", async () => {
  const { jar, fetch } = createCookieJar();
  const csrfToken = () => jar.get("__Host-csrf") ?? null;
  await fixture.signedIn({ mode: "cookie", fetch, csrfToken });
  const manager = await fixture.signedIn({ mode: "bearer", fetch, csrfToken });
  expect(await (await manager.apiRequest("/api/v1/data")).json()).toEqual({ by: "s2" });
  await manager.refreshTokens();
  expect(await manager.logout()).toEqual({ isConfirmed: true, error: null });
});

test.each([
  ["__Host-csrf=abc", "abc"],
  ["theme=dark; __Host-csrf=a=b==; x=1", "a=b=="],
  ["my__Host-csrf=no; other=1", null],
  ["", null],
])("the anti-forgery token in %j", (cookies, expected) => {
  expect(csrfTokenFrom(cookies)).toBe(expected);
});
