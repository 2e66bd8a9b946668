import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isSignedIn, setUpExample } from "./example_stage.js";

const stage = setUpExample();

/** Serves an empty page at every path, under any name of this machine. */
let attacker: Server | undefined;
let port: number;
beforeAll(async () => {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html").end("<!doctype html><title>attacker</title>");
  }).listen(0, "127.0.0.1");
  attacker = server;
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  attacker?.closeAllConnections();
  attacker?.close();
});

/** A browser that is signed in to the example and has a page of the attacker open. */
const lure = async (hostname: string) => {
  const { username, userId } = await stage.service.createUser();
  await stage.service.signIn(username, "another device");
  const victim = await stage.signIn(username, "cookie");
  const page = await victim.context().newPage();
  await page.goto(`http://${hostname}:${port}/`);
  const openSessions = async () =>
    (
      await stage.service.query(
        "SELECT 1 FROM sessions WHERE user_id = $1 AND revoked_at IS NULL",
        [userId],
      )
    ).length;
  return { victim, page, openSessions };
};

/** What `fetch` in a page comes to: a status that it may read, `opaque`, or `refused`. */
const fetchFrom = (page: Page, url: string, init: RequestInit): Promise<unknown> =>
  page.evaluate(
    ([url, init]) =>
      fetch(url, init).then(
        (response) => response.status || response.type,
        () => "refused",
      ),
    [url, init] as const,
  );

/** The statuses of the answers to the page's requests by path, also those that the page may not see. */
const watchStatuses = async (page: Page): Promise<(path: string) => (number | undefined)[]> => {
  const requests = new Map<string, string>();
  const statuses = new Map<string, number>();
  const session = await page.context().newCDPSession(page);
  session.on("Network.requestWillBeSent", ({ requestId, request }) => {
    requests.set(requestId, new URL(request.url).pathname);
  });
  session.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => {
    statuses.set(requestId, statusCode);
  });
  await session.send("Network.enable");
  return (path) =>
    [...requests].filter(([, asked]) => asked === path).map(([id]) => statuses.get(id));
};

const CREDENTIALS = { mode: "no-cors", credentials: "include", method: "POST" } as const;
/** For a body that is no JSON, or against forgery. */
const FORM_REFUSALS = [403, 415];
const AS_TEXT = { "content-type": "text/plain" };

/**
 * Requests that a page may send to any origin without asking first, and their
 * refusals: where no cookie comes along, and where one does.
 */
const SIMPLE_REQUESTS: readonly (readonly [
  what: string,
  path: string,
  init: RequestInit,
  bare: number,
  withCookies: number,
])[] = [
  ["a logout", "/auth/logout", CREDENTIALS, 401, 403],
  ["a logout as text", "/auth/logout", { ...CREDENTIALS, headers: AS_TEXT, body: "{}" }, 415, 415],
  ["a revocation of the other sessions", "/auth/sessions:revokeOthers", CREDENTIALS, 401, 403],
  ["a refresh", "/auth/refresh", CREDENTIALS, 400, 403],
  ["a use of the session", "/auth/activity", CREDENTIALS, 401, 403],
];

/** Requests that a browser sends only after the API has allowed it. */
const ASKED_REQUESTS: readonly (readonly [what: string, path: string, init: RequestInit])[] = [
  [
    "JSON with a token against forgery",
    "/auth/sessions:revokeOthers",
    {
      method: "POST",
      credentials: "include",
      headers: { "content-type": "application/json", "x-csrf-token": "guess" },
      body: "{}",
    },
  ],
  [
    "a login in cookie mode",
    "/auth/login",
    {
      method: "POST",
      credentials: "include",
      headers: { "content-type": "application/json", "x-session-mode": "cookie" },
      body: JSON.stringify({ username: "attacker", password: "attacker" }),
    },
  ],
  ["a revocation", "/auth/sessions/any", { method: "DELETE", credentials: "include" }],
];

/** The content types that a form may send: https://html.spec.whatwg.org/#attr-fs-enctype */
const ENCTYPES = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

describe.each([
  ["another site", "127.0.0.1", false],
  ["another origin of the same site, from which browsers send the cookies", "localhost", true],
])("a page of %s", (_, hostname, sendsCookies) => {
  const urlOf = (path: string) => stage.service.origin + path;

  test("changes nothing, and reads no answer", async () => {
    const { victim, page, openSessions } = await lure(hostname);
    const statusesOf = await watchStatuses(page);
    for (const [what, path, init, bare, withCookies] of SIMPLE_REQUESTS) {
      const seen = await fetchFrom(page, urlOf(path), init);
      expect(["opaque", "refused"], what).toContain(seen);
      await expect
        .poll(() => statusesOf(path).at(-1), { message: what })
        .toBe(sendsCookies ? withCookies : bare);
    }
    for (const [what, path, init] of ASKED_REQUESTS) {
      expect([what, await fetchFrom(page, urlOf(path), init)]).toEqual([what, "refused"]);
    }
    for (const path of ["/auth/profile", "/auth/sessions", "/debug/session-info"]) {
      const init = { credentials: "include" } as const;
      expect([path, await fetchFrom(page, urlOf(path), init)]).toEqual([path, "refused"]);
    }
    expect(await openSessions()).toBe(2);
    await victim.reload();
    await isSignedIn(victim);
  });

  test("submits forms in vain, and gets the example into no frame", async () => {
    const { victim, page, openSessions } = await lure(hostname);
    const home = page.url();
    for (const enctype of ENCTYPES) {
      const action = urlOf("/auth/sessions:revokeOthers");
      const answer = page.waitForResponse(action);
      await page.evaluate(
        ([action, enctype]) => {
          const form = document.createElement("form");
          Object.assign(form, { method: "POST", action, enctype });
          // As text this is JSON: {"a":"=b"}.
          form.innerHTML = `<input name='{"a":"' value='b"}'>`;
          document.body.append(form);
          form.submit();
        },
        [action, enctype] as const,
      );
      expect(FORM_REFUSALS, enctype).toContain((await answer).status());
      await page.waitForURL(action);
      await page.goto(home);
    }
    expect(await openSessions()).toBe(2);
    await victim.reload();
    await isSignedIn(victim);

    await page.setContent(`<iframe src="${urlOf("/example/")}"></iframe>`);
    const frame = page.frames().find((child) => child !== page.mainFrame());
    await expect.poll(() => frame?.url()).toBe("chrome-error://chromewebdata/");
  });
});

test("the page itself may do what the attackers may not", async () => {
  const { victim, openSessions } = await lure("localhost");
  await victim.getByTestId("revoke-others").click();
  await victim.getByText("Signed out 1 device.").waitFor();
  expect(await openSessions()).toBe(1);
});
