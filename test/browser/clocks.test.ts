import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerInstead, openApp } from "./app_page.js";
import { setUpExample } from "./example_stage.js";

const MINUTE = 60_000;

describe("near a session's maximum", () => {
  const stage = setUpExample({ SESSION_MAX_LIFETIME_HOURS: "0.0028" });

  test("few refreshes are made, and the end has its reason", async () => {
    const { username } = await stage.service.createUser();
    const app = await openApp(stage, await stage.newDevice());
    let refreshes = 0;
    app.page.on("request", (request) => {
      if (request.url().endsWith("/auth/refresh")) refreshes += 1;
    });
    expect(await app.login(username)).toBe("ok");
    // A page that is used all the time.
    const status = async () => {
      await app.request();
      return (await app.snapshot()).status;
    };
    await expect.poll(status, { timeout: 30_000, interval: 100 }).toBe("unauthenticated");
    const [ended] = (await app.events()).filter(({ type }) => type === "ended");
    expect(ended?.code).toMatch(/^session_expired|access_token_blacklisted$/);
    expect(refreshes).toBeLessThan(8);
  });
});

describe("in ordinary times", () => {
  const stage = setUpExample();

  test("tokens that expire at once are refreshed a few times, not for ever", async () => {
    const { username } = await stage.service.createUser();
    const app = await openApp(stage, await stage.newDevice());
    let refreshes = 0;
    await app.page.route(/auth\/(login|refresh)$/, async (route) => {
      if (route.request().url().endsWith("refresh")) refreshes += 1;
      const response = await route.fetch();
      const body = await response.json();
      await route.fulfill({ response, json: { ...body, expires_in: 0 } });
    });
    expect(await app.login(username)).toBe("ok");
    for (let request = 0; request < 50; request++) await app.request();
    expect(refreshes).toBeLessThan(4);
    expect(await app.events()).not.toContainEqual(expect.objectContaining({ type: "ended" }));
    expect((await app.snapshot()).status).toBe("authenticated");
  });

  test("A2: after a sleep the first click finds the session over, and the server is told", async () => {
    const { username, userId } = await stage.service.createUser();
    const device = await stage.newDevice();
    await device.clock.install();
    const app = await openApp(stage, device);
    expect(await app.login(username)).toBe("ok");
    // The clock has gone on, and no timer has fired.
    await app.page.clock.setSystemTime(Date.now() + 26 * MINUTE);
    expect(await app.request()).toBe("session_inactivity_timeout");
    expect(await app.snapshot()).toMatchObject({ status: "unauthenticated" });
    await expect
      .poll(
        () => stage.service.query("SELECT end_reason FROM sessions WHERE user_id = $1", [userId]),
        { timeout: 20_000 },
      )
      .toEqual([{ end_reason: "LOGOUT" }]);
  });

  test("A2: nor does a page that comes into view show a session that is over", async () => {
    const { username } = await stage.service.createUser();
    const device = await stage.newDevice();
    await device.clock.install();
    const app = await openApp(stage, device);
    expect(await app.login(username)).toBe("ok");
    await app.page.clock.setSystemTime(Date.now() + 26 * MINUTE);
    await app.run(`document.dispatchEvent(new Event("visibilitychange"))`);
    await expect
      .poll(() => app.events())
      .toContainEqual({
        type: "ended",
        code: "session_inactivity_timeout",
      });
  });

  test("a proxy's 401 to each request costs one refresh", async () => {
    const { username } = await stage.service.createUser();
    const app = await openApp(stage, await stage.newDevice());
    expect(await app.login(username)).toBe("ok");
    let refreshes = 0;
    app.page.on("request", (request) => {
      if (request.url().endsWith("/auth/refresh")) refreshes += 1;
    });
    await answerInstead(app.page, "**/auth/profile", 401, "<h1>Proxy</h1>");
    for (let request = 0; request < 5; request++) expect(await app.request()).toBe(401);
    expect(refreshes).toBe(1);
    expect((await app.snapshot()).status).toBe("authenticated");
  });
});

describe("a session that is only polled", () => {
  const stage = setUpExample({ SESSION_INACTIVITY_TIMEOUT_MINUTES: "0.1" });

  test.each(["cookie", "bearer"])(
    "A2: idles out in %s mode, whatever the page asks for",
    async (mode) => {
      const { username } = await stage.service.createUser();
      const options = { mode, inactivityTimeoutMs: null };
      const app = await openApp(stage, await stage.newDevice(), options);
      expect(await app.login(username)).toBe("ok");
      const poll = async () => {
        await app.request("/auth/profile", { background: true });
        return (await app.snapshot()).status;
      };
      await expect.poll(poll, { timeout: 30_000, interval: 300 }).toBe("unauthenticated");
      expect((await app.events()).at(-1)).toMatchObject({ type: "ended" });
    },
  );
});

describe("a link from another site", () => {
  /** Shows which cookies came with a page, as a server that renders pages would see them. */
  const received: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/page") received.push(request.headers);
    response.setHeader("content-type", "text/html").end("<!doctype html><title>page</title>");
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  describe.each([
    ["strict", false],
    ["lax", true],
  ])("with COOKIE_SAME_SITE=%s", (sameSite, isThere) => {
    const stage = setUpExample({ COOKIE_SAME_SITE: sameSite });

    test(`the cookies are there on the first page: ${isThere}; and after a reload`, async () => {
      const { username } = await stage.service.createUser();
      const device = await stage.newDevice();
      const app = await openApp(stage, device);
      expect(await app.login(username)).toBe("ok");
      const page = await device.newPage();
      await page.goto(`http://127.0.0.1:${port}/elsewhere`);
      // The cookies are the host's, whatever the port.
      await page.setContent(`<a href="http://localhost:${port}/page">in</a>`);
      const has = () => /(^|; )__Host-access=/.test(received.at(-1)?.cookie ?? "");
      await page.click("a");
      await page.waitForURL("**/page");
      expect(has()).toBe(isThere);
      // What docs/browsers.md advises for strict cookies.
      await Promise.all([
        page.waitForNavigation(),
        page.evaluate("location.replace(location.href)"),
      ]);
      expect(has()).toBe(true);
    });
  });
});
