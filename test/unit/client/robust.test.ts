import { afterEach, describe, expect, test, vi } from "vitest";
import { NetworkError, type SessionManagerOptions } from "../../../src/client/index.js";
import { createMemoryStore } from "../../../src/client/key_value_store.js";
import { createRefreshLock } from "../../../src/client/refresh_lock.js";
import { createRefreshSchedule } from "../../../src/client/refresh_schedule.js";
import { codeOf, createSessionFixture, nextEvent } from "./client_fixture.js";
import { createCookieJar } from "./cookie_jar.js";

const fixture = createSessionFixture();
const data = () => fixture.url("/api/v1/data");
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A browser whose pages share cookies and a storage. */
function openBrowser(own: SessionManagerOptions = {}) {
  const { jar, fetch } = createCookieJar();
  const csrfToken = () => jar.get("__Host-csrf") ?? null;
  const { storage, tab } = fixture.browser({ mode: "cookie", fetch, csrfToken, ...own });
  return { jar, fetch, storage, tab };
}

describe("nothing waits forever", () => {
  test("R2: a tab that holds the lock and sleeps stops the others for four seconds", async () => {
    vi.useFakeTimers();
    const asleep = { request: () => new Promise<void>(() => undefined) };
    const done = vi.fn();
    void createRefreshLock("any", asleep)(async () => undefined).then(done);
    await vi.advanceTimersByTimeAsync(3999);
    expect(done).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toHaveBeenCalledOnce();
  });

  test("a lock that is granted too late runs nothing again", async () => {
    vi.useFakeTimers();
    let grant = (): Promise<void> => Promise.resolve();
    const late = {
      request: (_: string, work: () => Promise<void>) =>
        new Promise<void>((resolve) => {
          grant = () => work().then(resolve);
        }),
    };
    const work = vi.fn(async () => undefined);
    const done = createRefreshLock("any", late)(work);
    await vi.advanceTimersByTimeAsync(4000);
    await done;
    await grant();
    expect(work).toHaveBeenCalledOnce();
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("no locks here");
      },
    ],
    ["rejects", () => Promise.reject(new DOMException("", "SecurityError"))],
  ])("a lock whose request %s is done without", async (_, request) => {
    const work = vi.fn(async () => undefined);
    await createRefreshLock("any", { request })(work);
    expect(work).toHaveBeenCalledOnce();
  });

  test("a failure inside the lock is the caller's", async () => {
    const locks = { request: (_: string, work: () => Promise<void>) => work() };
    const failing = createRefreshLock("any", locks)(() => Promise.reject(new Error("mine")));
    await expect(failing).rejects.toThrow("mine");
  });

  test.each(["constructor", "postMessage"])(
    "a BroadcastChannel whose %s throws breaks neither login, request nor logout",
    async (where) => {
      vi.stubGlobal(
        "BroadcastChannel",
        class {
          constructor() {
            if (where === "constructor") throw new DOMException("", "SecurityError");
          }
          postMessage() {
            throw new DOMException("", "DataCloneError");
          }
          close() {}
        },
      );
      const manager = await fixture.signedIn();
      expect((await manager.apiRequest(data())).status).toBe(200);
      await manager.refreshTokens();
      expect(await manager.logout()).toEqual({ isConfirmed: true, error: null });
    },
  );

  test("a request that nobody answers ends with its own limit, whatever fetch does", async () => {
    const manager = await fixture.signedIn();
    const held = fixture.service.hold("/data");
    await expect(manager.apiRequest(data(), { timeoutMs: 30 })).rejects.toBeInstanceOf(
      NetworkError,
    );
    held.release();
    const deaf = fixture.open({ fetch: () => new Promise(() => undefined), requestTimeoutMs: 30 });
    await expect(deaf.login("ada", "correct horse")).rejects.toThrow("No answer within 30 ms");
  });

  test("R2: a refresh that nobody answers is sent again well within the grace time", async () => {
    const manager = await fixture.signedIn();
    const held = fixture.service.hold("/auth/refresh");
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
    const refresh = codeOf(manager.refreshTokens());
    await held.arrived;
    vi.advanceTimersByTime(3999);
    expect(fixture.service.count("/auth/refresh")).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await refresh).toBe("resolved");
    expect(fixture.service.count("/auth/refresh")).toBe(2);
    vi.useRealTimers();
    held.release();
  });

  test("a refresh whose answer was lost is tried again by itself within a second", async () => {
    const manager = await fixture.signedIn();
    await manager.apiRequest(data());
    fixture.service.answerNext("/auth/refresh", "drop");
    expect(await codeOf(manager.refreshTokens())).toBe("network_error");
    await nextEvent(manager, "refresh");
    expect(fixture.service.count("/auth/refresh")).toBe(2);
  });
});

describe("schedules have a floor", () => {
  test("tokens that expire at once are not refreshed again and again", async () => {
    vi.useFakeTimers({ now: 0 });
    let count = 0;
    const schedule = createRefreshSchedule(() => {
      count += 1;
      schedule.plan({ expiresAt: Date.now(), expiresIn: 0 });
    });
    schedule.plan({ expiresAt: 0, expiresIn: 0 });
    await vi.advanceTimersByTimeAsync(60_000);
    // 0, 4, 12, 28 and 60 s.
    expect(count).toBe(5);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(count).toBe(15);
    schedule.stop();
  });

  test("near the maximum of a session, requests share few refreshes", async () => {
    fixture.service.settings.expiresIn = 0;
    const manager = await fixture.signedIn();
    for (let request = 0; request < 20; request++) await manager.apiRequest(data());
    expect(fixture.service.count("/auth/refresh")).toBeLessThanOrEqual(2);
  });

  test("a proxy that answers 401 for ever costs one refresh", async () => {
    const manager = await fixture.signedIn();
    for (let request = 0; request < 10; request++) {
      fixture.service.answerNext("/data", { status: 401, body: "<h1>Proxy</h1>" });
      fixture.service.answerNext("/data", { status: 401, body: "<h1>Proxy</h1>" });
      await manager.apiRequest(data());
    }
    expect(fixture.service.count("/auth/refresh")).toBe(1);
    expect(manager.isAuthenticated).toBe(true);
  });
});

describe("a logout that is not delivered", () => {
  test.each(["cookie", "bearer"] as const)(
    "in %s mode is kept and told at the next load, before anything else",
    async (mode) => {
      const { jar, storage, tab } = openBrowser({ mode });
      const page = tab();
      await page.login("ada", "correct horse");
      fixture.service.answerNext("/auth/logout", "drop");
      expect(await page.logout()).toMatchObject({ isConfirmed: false, willRetry: true });
      expect(fixture.service.live()).toHaveLength(1);
      page.close();

      const next = tab();
      const settled = nextEvent(next, "delivered");
      expect(next.isAuthenticated).toBe(false);
      expect(await settled).toEqual({ isConfirmed: true, error: null });
      expect(fixture.service.live()).toEqual([]);
      await vi.waitUntil(() => next.getSnapshot().status === "unauthenticated");
      expect(jar.get("__Host-csrf")).toBeUndefined();
      expect(await storage.getItem("curfew_logouts")).toBeNull();
    },
  );

  test("is told when the network is back", async () => {
    const window = new EventTarget();
    vi.stubGlobal("window", window);
    const { tab } = openBrowser();
    const page = tab();
    await page.login("ada", "correct horse");
    fixture.service.answerNext("/auth/logout", "drop");
    await page.logout();
    const settled = nextEvent(page, "delivered");
    window.dispatchEvent(new Event("online"));
    expect(await settled).toEqual({ isConfirmed: true, error: null });
    expect(fixture.service.live()).toEqual([]);
  });

  test("is told before the next login, while the browser still has the cookies", async () => {
    const { tab } = openBrowser();
    const page = tab();
    await page.login("ada", "correct horse");
    fixture.service.answerNext("/auth/logout", "drop");
    await page.logout();
    await page.login("ada", "correct horse");
    expect(fixture.service.live().map(({ id }) => id)).toEqual(["s2"]);
  });

  test("never ends the session of somebody who signed in since", async () => {
    const { tab, fetch, jar } = openBrowser();
    const page = tab();
    await page.login("ada", "correct horse");
    fixture.service.answerNext("/auth/logout", "drop");
    await page.logout();
    page.close();
    // Another application on the same API host.
    const csrfToken = () => jar.get("__Host-csrf") ?? null;
    const other = fixture.open({ mode: "cookie", fetch, csrfToken, storage: createMemoryStore() });
    await other.login("ada", "correct horse");
    const next = tab();
    const { isConfirmed, error } = await nextEvent(next, "delivered");
    expect(isConfirmed).toBe(false);
    expect(error).toMatchObject({ code: "permission_denied", metadata: { check: "session" } });
    expect((await other.apiRequest(data())).status).toBe(200);
  });

  test.each([
    [401, "<h1>Proxy</h1>"],
    [401, { error: "no" }],
    [400, { error: "no" }],
    [200, "<h1>Pay for wifi</h1>"],
    [200, {}],
    [403, { detail: "blocked" }],
  ])("%i %j is no confirmation", async (status, body) => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/auth/logout", { status, body });
    expect(await manager.logout()).toMatchObject({ isConfirmed: false, willRetry: true });
    expect(fixture.service.live()).toHaveLength(1);
    expect(await manager.logout()).toEqual({ isConfirmed: true, error: null });
    expect(fixture.service.live()).toEqual([]);
  });

  test("keeps its proof: a server that does not know the token has not confirmed", async () => {
    const { jar, tab } = openBrowser();
    const page = tab();
    await page.login("ada", "correct horse");
    jar.clear();
    const result = await page.logout();
    expect(result).toMatchObject({ isConfirmed: false, error: { code: "credentials_missing" } });
    expect(result).not.toHaveProperty("willRetry");
    expect(fixture.service.live()).toHaveLength(1);
  });
});

describe("the browser is the primary store", () => {
  /** Two applications on one API host: they share its cookies and nothing else. */
  async function twoApplications(canReadCookies: boolean) {
    const { jar, fetch } = createCookieJar();
    const csrfToken = () => (canReadCookies ? (jar.get("__Host-csrf") ?? null) : null);
    const open = () =>
      fixture.open({ mode: "cookie", fetch, csrfToken, storage: createMemoryStore() });
    const [one, two] = [open(), open()];
    await one.login("ada", "correct horse");
    await two.login("ada", "correct horse");
    return { one, two, jar, open };
  }

  test.each([true, false])(
    "a page goes on in the session of the same user (reads cookies: %s)",
    async (canReadCookies) => {
      const { one } = await twoApplications(canReadCookies);
      const changed = nextEvent(one, "changed");
      const response = await one.apiRequest(data(), { method: "POST", body: "hello" });
      expect(await response.json()).toEqual({ by: "s2", echo: "hello" });
      expect((await changed).previous?.session_id).toBe("s1");
      expect(one.getSnapshot().session?.session_id).toBe("s2");
      await one.refreshTokens();
      expect(one.getSnapshot().session?.session_id).toBe("s2");
    },
  );

  test.each([true, false])(
    "a page does nothing in the name of another user, and says so (reads cookies: %s)",
    async (canReadCookies) => {
      const { one } = await twoApplications(canReadCookies);
      fixture.service.giveTo("s2", "u2");
      const changed = nextEvent(one, "changed");
      const call = one.apiRequest(data(), { method: "POST", body: "pay" });
      expect(await codeOf(call)).toBe("session_changed");
      await changed;
      expect(one.getSnapshot()).toMatchObject({ user: null, session: { user_id: "u2" } });
      expect(fixture.service.calls.filter(({ text }) => text === "pay").length).toBeLessThan(2);
      expect(fixture.service.done).toEqual([]);
      expect((await one.apiRequest(data(), { method: "POST", body: "x" })).status).toBe(200);
    },
  );

  test("a refresh files nobody's session under another's name", async () => {
    const { one } = await twoApplications(false);
    fixture.service.giveTo("s2", "u2");
    expect(await codeOf(one.refreshTokens())).toBe("credentials_missing");
    expect(one.getSnapshot().session).toMatchObject({ session_id: "s2", user_id: "u2" });
  });

  test("cookies without a stored session are asked about, and adopted", async () => {
    const { jar, fetch } = createCookieJar();
    const csrfToken = () => jar.get("__Host-csrf") ?? null;
    const open = () =>
      fixture.open({ mode: "cookie", fetch, csrfToken, storage: createMemoryStore() });
    await open().login("ada", "correct horse");
    const after = open();
    expect(after.getSnapshot().status).toBe("loading");
    const login = nextEvent(after, "login");
    expect(await login).toEqual({ fromOtherTab: true });
    expect(after.getSnapshot().session?.session_id).toBe("s1");
    expect((await after.apiRequest(data(), { method: "POST" })).status).toBe(200);
  });

  test("a page that cannot read the cookies adopts the session when it asks to", async () => {
    const { jar, fetch } = createCookieJar();
    const open = () =>
      fixture.open({ mode: "cookie", fetch, csrfToken: () => null, storage: createMemoryStore() });
    expect(await open().adoptSession()).toBe(false);
    await open().login("ada", "correct horse");
    const after = open();
    expect(await after.adoptSession()).toBe(true);
    expect((await after.apiRequest(data(), { method: "POST" })).status).toBe(200);
    jar.clear();
    expect(await open().adoptSession()).toBe(false);
  });

  test("cookies of a session that is over leave nobody signed in, with the reason", async () => {
    const { tab, storage } = openBrowser();
    await tab().login("ada", "correct horse");
    fixture.service.revokeSessions("access_token_blacklisted", { end_reason: "ADMIN" });
    storage.removeItem("curfew_session");
    const page = tab();
    await nextEvent(page, "change");
    expect(page.getSnapshot()).toMatchObject({
      status: "unauthenticated",
      error: { code: "access_token_blacklisted" },
    });
  });
});

describe("what did not stick", () => {
  const blocked = () => {
    const { jar, fetch } = createCookieJar();
    let isBlocked = true;
    const guarded: typeof fetch = async (...args) => {
      const before = new Map(jar);
      const response = await fetch(...args);
      if (isBlocked) {
        jar.clear();
        for (const [name, value] of before) jar.set(name, value);
      }
      return response;
    };
    const block = (value: boolean) => {
      isBlocked = value;
    };
    return { jar, fetch: guarded, block };
  };

  test("a login whose cookies the browser does not keep is an error that says so", async () => {
    const { fetch } = blocked();
    const manager = fixture.open({ mode: "cookie", fetch, csrfToken: () => null });
    expect(await codeOf(manager.login("ada", "correct horse"))).toBe("cookies_refused");
    expect(manager.isAuthenticated).toBe(false);
    expect(manager.getSnapshot().error).toMatchObject({ code: "cookies_refused" });
  });

  test("so is a refresh", async () => {
    const { jar, fetch, block } = blocked();
    block(false);
    const csrfToken = () => jar.get("__Host-csrf") ?? null;
    const manager = fixture.open({ mode: "cookie", fetch, csrfToken });
    await manager.login("ada", "correct horse");
    block(true);
    fixture.service.settings.hasGrace = true;
    const ended = nextEvent(manager, "ended");
    expect(await codeOf(manager.refreshTokens())).toBe("cookies_refused");
    expect((await ended).error.code).toBe("cookies_refused");
  });

  test("that nobody answers the check is no refusal", async () => {
    const { fetch, jar } = createCookieJar();
    const csrfToken = () => jar.get("__Host-csrf") ?? null;
    const manager = fixture.open({ mode: "cookie", fetch, csrfToken });
    fixture.service.answerNext("/debug/session-info", "drop");
    await manager.login("ada", "correct horse");
    expect(manager.isAuthenticated).toBe(true);
  });
});

describe("after a sleep", () => {
  /** Moves the clock without letting a timer fire. */
  const sleep = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);
  const MINUTE = 60_000;

  test("the first click past the deadline finds nobody signed in", async () => {
    const manager = await fixture.signedIn();
    vi.useFakeTimers({ toFake: ["Date"] });
    sleep(26 * MINUTE);
    expect(await codeOf(manager.apiRequest(data()))).toBe("session_inactivity_timeout");
    expect(manager.isAuthenticated).toBe(false);
    await vi.waitUntil(() => fixture.service.live().length === 0);
    expect(fixture.service.count("/data")).toBe(0);
  });

  test.each(["focus", "pageshow", "online"])("%s decides by the clock", async (type) => {
    const window = new EventTarget();
    vi.stubGlobal("window", window);
    const manager = await fixture.signedIn();
    const ended = nextEvent(manager, "ended");
    vi.useFakeTimers({ toFake: ["Date"] });
    sleep(26 * MINUTE);
    window.dispatchEvent(new Event(type));
    expect((await ended).error.code).toBe("session_inactivity_timeout");
  });

  test("recordActivity revives nothing", async () => {
    const manager = await fixture.signedIn();
    const ended = nextEvent(manager, "ended");
    vi.useFakeTimers({ toFake: ["Date"] });
    sleep(26 * MINUTE);
    manager.recordActivity();
    expect((await ended).error.code).toBe("session_inactivity_timeout");
  });

  test("nor does a reload", async () => {
    const { tab } = fixture.browser();
    const before = tab();
    await before.login("ada", "correct horse");
    before.close();
    vi.useFakeTimers({ toFake: ["Date"] });
    sleep(26 * MINUTE);
    const after = tab();
    expect(await codeOf(after.apiRequest(data()))).toBe("session_inactivity_timeout");
  });

  test("a clock that is set back does not sign anybody out", async () => {
    const manager = await fixture.signedIn();
    vi.useFakeTimers({ toFake: ["Date"] });
    sleep(-60 * MINUTE);
    expect((await manager.apiRequest(data())).status).toBe(200);
    expect(manager.isAuthenticated).toBe(true);
  });
});

describe("a request in the background", () => {
  test("is carried to the server as no use of the session, and so is a refresh for it", async () => {
    const manager = await fixture.signedIn();
    await manager.apiRequest(data(), { background: true });
    expect(fixture.service.last("/data")?.headers["x-skip-activity"]).toBe("true");
    await manager.apiRequest(data());
    expect(fixture.service.last("/data")?.headers["x-skip-activity"]).toBeUndefined();
    fixture.service.expireAccessTokens();
    await manager.apiRequest(data(), { background: true });
    expect(fixture.service.last("/auth/refresh")?.headers["x-skip-activity"]).toBe("true");
    await manager.refreshTokens();
    expect(fixture.service.last("/auth/refresh")?.headers["x-skip-activity"]).toBeUndefined();
  });
});
