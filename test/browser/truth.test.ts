import type { Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { findFreePort } from "../support/free_port.js";
import { answerInstead, fetchUnseen, holdAnswer, openApp, serveOtherApp } from "./app_page.js";
import { setUpExample } from "./example_stage.js";

/** On a machine with more to do. */
vi.setConfig({ hookTimeout: 120_000 });
const PATIENCE = { timeout: 20_000 };

/** An application of another origin: it shares the API's cookies, and nothing else. */
const OTHER_PORT = await findFreePort();
const OTHER_APP = `http://localhost:${OTHER_PORT}`;
const stage = setUpExample({ CORS_ORIGINS: OTHER_APP, REFRESH_GRACE_SECONDS: "10" });

let otherApp: Server | undefined;
beforeAll(async () => {
  otherApp = await serveOtherApp(OTHER_PORT, () => stage.service.origin);
});
afterAll(() => {
  otherApp?.closeAllConnections();
  otherApp?.close();
});

const sessionsOf = (userId: string) =>
  stage.service.query<{ end_reason: string | null }>(
    "SELECT end_reason FROM sessions WHERE user_id = $1 ORDER BY created_at",
    [userId],
  );
const POST = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };

describe.each(["cookie", "bearer"] as const)("a proxy's answer in %s mode", (mode) => {
  test.each([
    [401, "<h1>Unauthorized</h1>", "text/html"],
    [401, '{"error":"unauthorized"}', "application/json"],
    [400, '{"message":"bad request"}', "application/json"],
    [403, "blocked", "text/plain"],
    [200, "<h1>Pay for wifi</h1>", "text/html"],
    [502, "<h1>Bad gateway</h1>", "text/html"],
  ])(
    "%i %s is an outage: nobody is signed out, no logout is confirmed",
    async (status, body, type) => {
      const { username, userId } = await stage.service.createUser();
      const app = await openApp(stage, await stage.newDevice(), { mode });
      expect(await app.login(username)).toBe("ok");
      await answerInstead(app.page, "**/auth/**", status, body, type);
      expect(await app.codeOf("manager.refreshTokens()")).toBe("network_error");
      await app.request();
      expect(await app.snapshot()).toMatchObject({ status: "authenticated" });
      expect(await app.run("manager.logout()")).toMatchObject({
        isConfirmed: false,
        willRetry: true,
      });
      expect(await sessionsOf(userId)).toEqual([{ end_reason: null }]);

      await app.page.unroute("**/auth/**");
      await app.reload();
      await expect.poll(() => sessionsOf(userId), PATIENCE).toEqual([{ end_reason: "LOGOUT" }]);
      await expect.poll(() => app.page.context().cookies(), PATIENCE).toEqual([]);
    },
  );
});

describe("cookies that do not stick", () => {
  test.each(["**/auth/login", "**/auth/refresh"])(
    "where a proxy strips Set-Cookie from %s there is an error that says so",
    async (path) => {
      const { username } = await stage.service.createUser();
      const app = await openApp(stage, await stage.newDevice());
      if (path.endsWith("refresh")) await app.login(username);
      await app.page.route(path, async (route) => {
        const response = await fetchUnseen(route);
        const { "set-cookie": _, ...headers } = response.headers();
        await route.fulfill({ response, headers });
      });
      if (path.endsWith("login")) {
        expect(await app.login(username)).toBe("cookies_refused");
        expect(await app.snapshot()).toMatchObject({ status: "unauthenticated" });
      } else {
        expect(await app.codeOf("manager.refreshTokens()")).toBe("cookies_refused");
        expect(await app.events()).toContainEqual({ type: "ended", code: "cookies_refused" });
      }
    },
  );
});

describe("nothing waits forever", () => {
  test("R2: a frozen tab that holds the lock stops no other", async () => {
    const { username } = await stage.service.createUser();
    const device = await stage.newDevice();
    const frozen = await openApp(stage, device);
    const app = await openApp(stage, device);
    expect(await app.login(username)).toBe("ok");
    const name = `curfew:${stage.service.origin}/api/v1`;
    await frozen.run(
      `new Promise((held) => void navigator.locks.request("${name}", () => { held(); return new Promise(() => {}); }))`,
    );
    expect(await app.codeOf("manager.refreshTokens()")).toBe("ok");
    expect(await app.request()).toBe(200);
  });

  test.each(["constructor", "postMessage"])("a BroadcastChannel whose %s throws", async (where) => {
    const { username, userId } = await stage.service.createUser();
    const device = await stage.newDevice();
    await device.addInitScript((where) => {
      window.BroadcastChannel = class {
        constructor() {
          if (where === "constructor") throw new DOMException("", "SecurityError");
        }
        postMessage() {
          throw new DOMException("", "DataCloneError");
        }
        close() {}
      } as unknown as typeof BroadcastChannel;
    }, where);
    const app = await openApp(stage, device);
    expect(await app.login(username)).toBe("ok");
    expect(await app.request()).toBe(200);
    expect(await app.codeOf("manager.refreshTokens()")).toBe("ok");
    expect(await app.run("manager.logout()")).toEqual({ isConfirmed: true, error: null });
    expect(await sessionsOf(userId)).toEqual([{ end_reason: "LOGOUT" }]);
  });
});

describe("an answer that arrives late", () => {
  test("of a logout leaves the session that another tab has begun", async () => {
    const { username, userId } = await stage.service.createUser();
    const device = await stage.newDevice();
    const one = await openApp(stage, device, { mode: "cookie", locks: null });
    const two = await openApp(stage, device, { mode: "cookie", locks: null });
    expect(await one.login(username)).toBe("ok");
    const held = await holdAnswer(one.page, "**/auth/logout");
    void one.run("manager.logout()").catch(() => undefined);
    await held.answered;
    expect(await two.login(username)).toBe("ok");
    await held.release();
    const names = async () => (await device.cookies()).map(({ name }) => name);
    // The late answer has its unavoidable effect.
    await expect.poll(names, PATIENCE).not.toContain("__Host-access");
    await expect.poll(() => two.request("/auth/activity", POST), PATIENCE).toBe(200);
    expect(await two.snapshot()).toMatchObject({ status: "authenticated" });
    expect(await sessionsOf(userId)).toEqual([{ end_reason: "LOGOUT" }, { end_reason: null }]);
    await two.reload();
    expect(await two.request("/auth/activity", POST)).toBe(200);
  });

  test("R2: of a refresh, where there are no locks, ends nothing", async () => {
    const { username, userId } = await stage.service.createUser();
    const device = await stage.newDevice();
    const one = await openApp(stage, device, { mode: "cookie", locks: null });
    expect(await one.login(username)).toBe("ok");
    const two = await openApp(stage, device, { mode: "cookie", locks: null });
    const held = await holdAnswer(one.page, "**/auth/refresh");
    void one.run("manager.refreshTokens()").catch(() => undefined);
    await held.answered;
    expect(await two.codeOf("manager.refreshTokens()")).toBe("ok");
    expect(await two.codeOf("manager.refreshTokens()")).toBe("ok");
    await held.release();
    // The token of the late answer is older than the grace time by now, as far as the server knows.
    await stage.service.query(
      "UPDATE sessions SET rotated_at = rotated_at - interval '1 minute', previous_rotated_at = previous_rotated_at - interval '1 minute' WHERE user_id = $1",
      [userId],
    );
    for (const app of [one, two, one]) {
      expect(await app.codeOf("manager.refreshTokens()")).toBe("ok");
      expect(await app.request("/auth/activity", POST)).toBe(200);
    }
    expect(await sessionsOf(userId)).toEqual([{ end_reason: null }]);
  });
});

describe("two applications on one API host", () => {
  const open = async () => {
    const device = await stage.newDevice();
    const one = await openApp(stage, device);
    const two = await openApp(stage, device, { mode: "cookie" }, OTHER_APP);
    return { device, one, two };
  };

  test("of one user: the first goes on in the second's session", async () => {
    const { username } = await stage.service.createUser();
    const { one, two } = await open();
    expect(await one.login(username)).toBe("ok");
    expect(await two.login(username)).toBe("ok");
    expect(await one.request("/auth/activity", POST)).toBe(200);
    expect(await one.events()).toContainEqual({ type: "changed" });
    const { session } = await two.snapshot();
    expect(await one.snapshot()).toMatchObject({ session: { session_id: session?.session_id } });
    expect(await two.request("/auth/activity", POST)).toBe(200);
  });

  test("of two users: nothing is done in the other's name, and the page is told", async () => {
    const [ann, bob] = [await stage.service.createUser(), await stage.service.createUser()];
    const { one, two } = await open();
    await one.login(ann.username);
    await two.login(bob.username);
    for (const app of [one, two]) {
      // Whichever page can read the cookies and whichever cannot.
      const other = app === one ? two : one;
      const name = app === one ? ann.username : bob.username;
      expect(await app.login(name)).toBe("ok");
      expect(await other.request("/auth/activity", POST)).toBe("session_changed");
      const user = app === one ? ann : bob;
      expect(await other.snapshot()).toMatchObject({ session: { user_id: user.userId } });
      expect(await other.events()).toContainEqual({ type: "changed" });
      expect(await other.codeOf("manager.refreshTokens()")).toBe("ok");
      expect(await other.snapshot()).toMatchObject({ session: { user_id: user.userId } });
      expect(await other.run("manager.loadProfile()")).toMatchObject({ username: name });
    }
  });
});

describe("storage that was cleared", () => {
  test("leaves the session, which the page adopts", async () => {
    const { username } = await stage.service.createUser();
    const app = await openApp(stage, await stage.newDevice());
    expect(await app.login(username)).toBe("ok");
    await app.run("localStorage.clear()");
    await app.reload();
    await expect.poll(async () => (await app.snapshot()).status, PATIENCE).toBe("authenticated");
    expect(await app.request("/auth/activity", POST)).toBe(200);
  });

  test("of a page that cannot read the API's cookies, too", async () => {
    const { username } = await stage.service.createUser();
    const app = await openApp(stage, await stage.newDevice(), { mode: "cookie" }, OTHER_APP);
    expect(await app.login(username)).toBe("ok");
    await app.run("localStorage.clear()");
    await app.reload();
    expect(await app.snapshot()).toMatchObject({ status: "unauthenticated" });
    expect(await app.run("manager.adoptSession()")).toBe(true);
    expect(await app.request("/auth/activity", POST)).toBe(200);
  });
});

describe.each(["cookie", "bearer"] as const)("a logout without network in %s mode", (mode) => {
  test("is delivered when the network is back", async () => {
    const { username, userId } = await stage.service.createUser();
    const device = await stage.newDevice();
    const app = await openApp(stage, device, { mode });
    expect(await app.login(username)).toBe("ok");
    await device.setOffline(true);
    expect(await app.run("manager.logout()")).toMatchObject({
      isConfirmed: false,
      willRetry: true,
    });
    await device.setOffline(false);
    await expect.poll(() => sessionsOf(userId), PATIENCE).toEqual([{ end_reason: "LOGOUT" }]);
    await expect
      .poll(() => app.events(), PATIENCE)
      .toContainEqual({ type: "delivered", isConfirmed: true });
    await expect.poll(() => device.cookies(), PATIENCE).toEqual([]);
  });

  test("or at the next load, before anything else", async () => {
    const { username, userId } = await stage.service.createUser();
    const device = await stage.newDevice();
    const app = await openApp(stage, device, { mode });
    expect(await app.login(username)).toBe("ok");
    await answerInstead(app.page, "**/auth/logout", 502, "gone");
    await app.run("manager.logout()");
    await app.page.close();
    const next = await openApp(stage, device, { mode });
    await expect.poll(() => sessionsOf(userId), PATIENCE).toEqual([{ end_reason: "LOGOUT" }]);
    await expect.poll(async () => (await next.snapshot()).status, PATIENCE).toBe("unauthenticated");
    expect(await next.request()).toBe("credentials_missing");
  });
});
