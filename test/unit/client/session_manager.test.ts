import { describe, expect, test } from "vitest";
import { NetworkError, SessionError, SessionManager } from "../../../src/client/index.js";
import { createMemoryStore } from "../../../src/client/key_value_store.js";
import { codeOf, createSessionFixture, nextEvent } from "./client_fixture.js";

const fixture = createSessionFixture();

describe("login", () => {
  test("tells the user and the session, and keeps the tokens to itself", async () => {
    const manager = fixture.open({ deviceName: "Laptop", language: "de" });
    const result = await manager.login("ada", "correct horse");
    expect(result.user).toEqual(fixture.service.user);
    expect(result.session?.session_id).toBe("s1");
    expect(JSON.stringify(result)).not.toContain("access-");
    expect(manager.getSnapshot()).toMatchObject({
      status: "authenticated",
      user: { username: "ada" },
      error: null,
    });
    expect(JSON.parse(fixture.service.last("/auth/login")?.text ?? "")).toEqual({
      username: "ada",
      password: "correct horse",
      language: "de",
      device_name: "Laptop",
    });
  });

  test("fails with the reason of the contract, which the snapshot shows too", async () => {
    const manager = fixture.open();
    const error = await manager.login("ada", "wrong").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SessionError);
    expect(error).toMatchObject({
      code: "invalid_credentials",
      reason: "INVALID_CREDENTIALS",
      status: 401,
    });
    expect(manager.getSnapshot()).toMatchObject({ status: "unauthenticated", error });
    await manager.login("ada", "correct horse");
    expect(manager.getSnapshot().error).toBeNull();
  });

  test("carries retryAfter when it is throttled", async () => {
    const answer = { ...fixture.service.problem(429, "too_many_attempts") };
    fixture.service.answerNext("/auth/login", { ...answer, headers: { "retry-after": "30" } });
    const error = await fixture
      .open()
      .login("ada", "correct horse")
      .catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "too_many_attempts", retryAfter: 30, isTransient: true });
  });

  test("is a NetworkError when nobody answers", async () => {
    fixture.service.answerNext("/auth/login", "drop");
    await expect(fixture.open().login("ada", "correct horse")).rejects.toBeInstanceOf(NetworkError);
  });

  test("is a NetworkError when somebody else answers, as a captive portal does", async () => {
    fixture.service.answerNext("/auth/login", { status: 200, body: "<h1>Welcome</h1>" });
    await expect(fixture.open().login("ada", "correct horse")).rejects.toBeInstanceOf(NetworkError);
  });

  test("is a NetworkError after requestTimeoutMs", async () => {
    const held = fixture.service.hold("/auth/login");
    const manager = fixture.open({ requestTimeoutMs: 50 });
    await expect(manager.login("ada", "correct horse")).rejects.toThrow("No answer within 50 ms");
    held.release();
  });

  test("can be aborted", async () => {
    const held = fixture.service.hold("/auth/login");
    const controller = new AbortController();
    const login = fixture
      .open()
      .login("ada", "correct horse", { signal: controller.signal })
      .catch((thrown: unknown) => thrown);
    await held.arrived;
    controller.abort(new Error("changed my mind"));
    expect(await login).toEqual(new Error("changed my mind"));
    held.release();
  });
});

describe("a session that was stored", () => {
  test("is there again after the page is loaded anew", async () => {
    const { tab } = fixture.browser();
    const before = tab();
    await before.login("ada", "correct horse");
    before.close();
    const after = tab();
    expect(after.isAuthenticated).toBe(true);
    expect(after.getSnapshot()).toMatchObject({ status: "authenticated", user: null });
    expect(await after.loadProfile()).toEqual(fixture.service.user);
    expect(after.getSnapshot().user).toEqual(fixture.service.user);
  });

  test("is taken over from the guide's own manager, which stored two tokens and no more", async () => {
    const first = await fixture.signedIn({ storage: createMemoryStore() });
    const sent = fixture.service.last("/auth/login");
    expect(sent).toBeDefined();
    first.close();
    const storage = createMemoryStore();
    await storage.setItem("access_token", "gone-since-yesterday");
    await storage.setItem("refresh_token", "refresh-s1-1");
    const manager = fixture.open({ storage });
    expect(manager.isAuthenticated).toBe(true);
    const response = await manager.apiRequest(fixture.url("/api/v1/data"));
    expect(await response.json()).toEqual({ by: "s1" });
    expect(manager.getSnapshot().session?.session_id).toBe("s1");
  });

  test("is loaded late from an asynchronous store, and calls wait for it", async () => {
    const { storage, tab } = fixture.browser();
    const first = tab();
    await first.login("ada", "correct horse");
    first.close();
    const slow = {
      getItem: async (key: string) => storage.getItem(key),
      setItem: async (key: string, value: string) => storage.setItem(key, value),
      removeItem: async (key: string) => storage.removeItem(key),
    };
    const manager = fixture.open({ storage: slow });
    expect(manager.getSnapshot().status).toBe("loading");
    const response = await manager.apiRequest(fixture.url("/api/v1/data"));
    expect(response.status).toBe(200);
    expect(manager.getSnapshot().status).toBe("authenticated");
  });
});

describe("logout", () => {
  test("forgets at once and ends the session on the server", async () => {
    const { storage, tab } = fixture.browser();
    const manager = tab();
    await manager.login("ada", "correct horse");
    const ended: unknown[] = [];
    manager.on("ended", (event) => ended.push(event));
    const told = nextEvent(manager, "logout");
    expect(await manager.logout()).toEqual({ isConfirmed: true, error: null });
    expect(await told).toEqual({ fromOtherTab: false });
    expect(ended).toEqual([]);
    expect(fixture.service.live()).toEqual([]);
    expect(await storage.getItem("access_token")).toBeNull();
    expect(await storage.getItem("refresh_token")).toBeNull();
    const call = fixture.service.last("/auth/logout");
    expect(call?.headers.authorization).toMatch(/^Bearer access-s1/);
    expect(JSON.parse(call?.text ?? "").access_token).toMatch(/^access-s1/);
  });

  test("forgets without an answer too, and says that the server did not confirm", async () => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/auth/logout", "drop");
    const result = await manager.logout();
    expect(result.isConfirmed).toBe(false);
    expect(result.error).toBeInstanceOf(NetworkError);
    expect(manager.isAuthenticated).toBe(false);
  });

  test("that is answered 503 is kept, and repeated when the server said", async () => {
    const manager = await fixture.signedIn();
    const busy = fixture.service.problem(503, "dependency_unavailable");
    fixture.service.answerNext("/auth/logout", { ...busy, headers: { "retry-after": "0" } });
    const delivered = nextEvent(manager, "delivered");
    expect(await manager.logout()).toMatchObject({
      isConfirmed: false,
      willRetry: true,
      error: { code: "dependency_unavailable", retryAfter: 0 },
    });
    expect(manager.isAuthenticated).toBe(false);
    expect(await delivered).toEqual({ isConfirmed: true, error: null });
    expect(fixture.service.count("/auth/logout")).toBe(2);
    expect(fixture.service.live()).toEqual([]);
  });

  test("gets a fresh proof when the old one is no longer accepted", async () => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext(
      "/auth/logout",
      fixture.service.problem(401, "access_token_invalid"),
    );
    expect(await manager.logout()).toEqual({ isConfirmed: true, error: null });
    expect(fixture.service.live()).toEqual([]);
  });

  test("is confirmed without a call when nobody is signed in", async () => {
    expect(await fixture.open().logout()).toEqual({ isConfirmed: true, error: null });
    expect(fixture.service.calls).toEqual([]);
  });
});

test("clearTokens forgets and leaves the server alone", async () => {
  const manager = await fixture.signedIn();
  manager.clearTokens();
  expect(await codeOf(manager.apiRequest(fixture.url("/api/v1/data")))).toBe("credentials_missing");
  expect(fixture.service.live()).toHaveLength(1);
  expect(fixture.service.count("/auth/logout")).toBe(0);
});

test("clearTokens reaches the other tabs, and a store that is not read yet", async () => {
  const { storage, tab } = fixture.browser();
  const one = tab();
  await one.login("ada", "correct horse");
  const heard = nextEvent(one, "logout");
  const slow = {
    getItem: async (key: string) => storage.getItem(key),
    setItem: async (key: string, value: string) => storage.setItem(key, value),
    removeItem: async (key: string) => storage.removeItem(key),
  };
  const two = tab({ storage: slow });
  two.clearTokens();
  expect(await heard).toEqual({ fromOtherTab: true });
  expect(two.getSnapshot().status).toBe("unauthenticated");
  expect(await storage.getItem("access_token")).toBeNull();
});

test("close while the storage is read starts no timer", async () => {
  const { storage, tab } = fixture.browser();
  await tab().login("ada", "correct horse");
  const manager = tab({ storage: { ...storage, getItem: async (key) => storage.getItem(key) } });
  const loaded = nextEvent(manager, "change");
  manager.close();
  await loaded;
  // Memory answers in microtasks: a turn later all of them are done.
  await new Promise(setImmediate);
  expect(manager.isAuthenticated).toBe(true);
  expect(manager.inactivityDeadline).toBeNull();
});

test("the functions that need a session say so when there is none", async () => {
  const manager = fixture.open();
  expect(await codeOf(manager.refreshTokens())).toBe("credentials_missing");
  expect(await codeOf(manager.loadProfile())).toBe("credentials_missing");
  expect(fixture.service.calls).toEqual([]);
});

test("a snapshot is the same object until something changes", async () => {
  const manager = fixture.open();
  const before = manager.getSnapshot();
  expect(manager.getSnapshot()).toBe(before);
  await manager.login("ada", "correct horse");
  expect(manager.getSnapshot()).not.toBe(before);
});

test("bad options are refused with what to write instead", () => {
  expect(() => new SessionManager("/api", { inactivityTimeoutMs: 0 })).toThrow(
    "inactivityTimeoutMs must be more than 0 ms, not 0.",
  );
  expect(() => new SessionManager("/api", { allowedOrigins: ["reports"] })).toThrow(
    'allowedOrigins: "reports" is no http(s) URL here. Write it whole, like "https://api',
  );
});

test("a relative base can be made on a server, and its first call says what is wrong", async () => {
  const manager = new SessionManager("/api/v1");
  await expect(manager.login("ada", "x")).rejects.toThrow(
    'apiBaseUrl: "/api/v1/" is no http(s) URL here. Write it whole, like "https://api',
  );
  manager.close();
});
