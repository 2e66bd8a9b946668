import { afterEach, describe, expect, test, vi } from "vitest";
import { createEmitter } from "../../../src/client/emitter.js";
import type { SessionEventMap } from "../../../src/client/index.js";
import { createMemoryStore, type KeyValueStore } from "../../../src/client/key_value_store.js";
import { createLiveSession } from "../../../src/client/live_session.js";
import { compileOptions } from "../../../src/client/session_options.js";
import { createTokenStorage } from "../../../src/client/token_storage.js";
import { createSessionFixture, nextEvent } from "./client_fixture.js";

const fixture = createSessionFixture();
const data = () => fixture.url("/api/v1/data");
afterEach(() => vi.unstubAllGlobals());

const stored = (id: string, generation: number) => ({
  id,
  accessToken: `access-${generation}`,
  refreshToken: `refresh-${generation}`,
  csrfToken: null,
  expiresAt: null,
  expiresIn: null,
  generation,
  session: null,
});

describe("tabs that share a store", () => {
  test("a login in one is a login in all", async () => {
    const { tab } = fixture.browser();
    const [one, two] = [tab(), tab()];
    const heard = nextEvent(two, "login");
    await one.login("ada", "correct horse");
    expect(await heard).toEqual({ fromOtherTab: true });
    expect(await (await two.apiRequest(data())).json()).toEqual({ by: "s1" });
  });

  test("a logout in one is a logout in all, and asks the server once", async () => {
    const { tab } = fixture.browser();
    const [one, two] = [tab(), tab()];
    await one.login("ada", "correct horse");
    await two.apiRequest(data());
    const heard = nextEvent(two, "logout");
    await one.logout();
    expect(await heard).toEqual({ fromOtherTab: true });
    expect(two.getSnapshot()).toMatchObject({ status: "unauthenticated", error: null });
    expect(fixture.service.count("/auth/logout")).toBe(1);
  });

  test("a revocation that one hears of reaches the others with its reason", async () => {
    const { tab } = fixture.browser();
    const [one, two] = [tab(), tab()];
    await one.login("ada", "correct horse");
    await two.apiRequest(data());
    const heard = nextEvent(two, "ended");
    fixture.service.revokeSessions("access_token_blacklisted", { end_reason: "ADMIN" });
    await one.apiRequest(data()).catch(() => undefined);
    const { error, fromOtherTab } = await heard;
    expect(fromOtherTab).toBe(true);
    expect(error).toMatchObject({
      code: "access_token_blacklisted",
      status: 401,
      detail: "Access token has been revoked",
      metadata: { end_reason: "ADMIN" },
    });
  });

  test("a tab that was closed catches up when it is used again", async () => {
    const { tab } = fixture.browser();
    const [one, two] = [tab(), tab()];
    await one.login("ada", "correct horse");
    await two.apiRequest(data());
    two.close();
    await one.logout();
    expect(two.isAuthenticated).toBe(true);
    const heard = nextEvent(two, "logout");
    expect(await heard).toEqual({ fromOtherTab: true });
    expect(two.isAuthenticated).toBe(false);
  });
});

describe("a tab that hears of tokens before its browser shows all of them", () => {
  const DETAILS = "curfew_session";

  test("waits until it can tell whose they are", async () => {
    const { storage, tab } = fixture.browser();
    let isVisible = false;
    const one = tab();
    const two = tab({
      storage: {
        ...storage,
        getItem: (key) => (key === DETAILS && !isVisible ? null : storage.getItem(key)),
      },
    });
    const logins: unknown[] = [];
    two.on("login", (event) => logins.push(event));
    const heard = new Promise((resolve) => {
      const line = new BroadcastChannel(`curfew:${fixture.service.apiBaseUrl}`);
      line.onmessage = () => resolve(line.close());
    });
    await one.login("ada", "correct horse");
    await heard;
    isVisible = true;
    const adopted = nextEvent(two, "login");
    await one.refreshTokens();
    await adopted;
    expect(logins).toHaveLength(1);
    expect(two.getSnapshot().session?.session_id).toBe("s1");
  });

  test("finds the details last of all that is stored, for they stand for the whole", () => {
    const written: string[] = [];
    const memory = createMemoryStore();
    const store: KeyValueStore = {
      ...memory,
      setItem: (key, value) => {
        written.push(key);
        return memory.setItem(key, value);
      },
    };
    void createTokenStorage({ store, scope: "origin" }).save(stored("s1", 1));
    expect(written.at(-1)).toBe(DETAILS);
  });
});

describe("tabs with memory of their own", () => {
  test("have sessions of their own", async () => {
    const [one, two] = [await fixture.signedIn(), await fixture.signedIn()];
    const heard = nextEvent(one, "logout");
    await one.logout();
    await heard;
    expect(await (await two.apiRequest(data())).json()).toEqual({ by: "s2" });
  });
});

describe("a duplicated tab, whose sessionStorage is a copy", () => {
  function duplicated() {
    const stores = [createMemoryStore(), createMemoryStore()] as const;
    const open = (store: (typeof stores)[number]) => {
      const tokens = createTokenStorage({ store, scope: "tab" });
      const events = createEmitter<SessionEventMap>();
      const live = createLiveSession({
        settings: { ...compileOptions({}), tokens },
        name: "duplicated",
        events,
        refresh: async () => undefined,
        onInactive: () => undefined,
        onWake: () => undefined,
      });
      return { live, events, tokens };
    };
    return { one: open(stores[0]), two: open(stores[1]) };
  }

  test("gets the new tokens of its twin, and a stranger's never", async () => {
    const { one, two } = duplicated();
    await two.tokens.save(stored("s1", 1));
    await two.live.open();
    await one.live.open();
    const heard = new Promise((resolve) => two.events.on("refresh", resolve));
    const strangers: unknown[] = [];
    two.events.on("login", (event) => strangers.push(event));
    // The first is of another session; the second must be all that the twin hears.
    await one.live.become(stored("s9", 7));
    await one.live.become(stored("s1", 1));
    await one.live.become(stored("s1", 2));
    await heard;
    expect(strangers).toEqual([]);
    expect(two.live.current()).toEqual(stored("s1", 2));
    expect(await two.tokens.load()).toEqual(stored("s1", 2));
    one.live.close();
    two.live.close();
  });
});

describe("tabs that cannot hear each other", () => {
  /** Two tabs of one session, in a browser without BroadcastChannel. */
  async function deafTabs() {
    vi.stubGlobal("BroadcastChannel", undefined);
    const { storage, tab } = fixture.browser();
    const [one, two] = [tab(), tab()];
    await one.login("ada", "correct horse");
    await two.apiRequest(data());
    return { storage, one, two };
  }

  test("R5: a refresh does not bring back what another tab signed out of", async () => {
    const { storage, one, two } = await deafTabs();
    const held = fixture.service.hold("/auth/refresh");
    const refresh = one.refreshTokens().catch((error: { code: string }) => error.code);
    await held.arrived;
    two.clearTokens();
    held.release();
    expect(await refresh).toBe("credentials_missing");
    expect(one.isAuthenticated).toBe(false);
    expect(await storage.getItem("access_token")).toBeNull();
  });

  test("a refresh does not overwrite the login of another tab", async () => {
    const { storage, one, two } = await deafTabs();
    const held = fixture.service.hold("/auth/refresh");
    const refresh = one.refreshTokens().catch((error: { code: string }) => error.code);
    await held.arrived;
    await two.login("ada", "correct horse");
    held.release();
    expect(await refresh).toBe("credentials_missing");
    expect(await storage.getItem("access_token")).toMatch(/^access-s2/);
    expect(await (await one.apiRequest(data())).json()).toEqual({ by: "s2" });
  });

  test("the end of a session does not clear the login of another tab", async () => {
    const { storage, one, two } = await deafTabs();
    fixture.service.revokeSessions();
    await two.login("ada", "correct horse");
    expect((await one.apiRequest(data())).status).toBe(401);
    expect(one.isAuthenticated).toBe(true);
    expect(await storage.getItem("access_token")).toMatch(/^access-s2/);
    expect(await (await one.apiRequest(data())).json()).toEqual({ by: "s2" });
  });

  test("a page that comes back from the back/forward cache catches up", async () => {
    const window = new EventTarget();
    vi.stubGlobal("window", window);
    const { one, two } = await deafTabs();
    await one.logout();
    expect(two.isAuthenticated).toBe(true);
    const logout = nextEvent(two, "logout");
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    await logout;
    expect(two.isAuthenticated).toBe(false);
  });
});
