import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCookieBrowser } from "./cookie_browser.js";
import { type Fixture, startFixture } from "./fixture.js";
import { createGatewayOf01, described } from "./gateway_0_1.js";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const jwt = (claims: object): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
const sidOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).sid;

/** The service behind both gateways. Every refresh token but the newest of its session is a theft. */
function startService() {
  const generations: number[] = [];
  const thefts: string[] = [];
  const loggedOut: string[] = [];
  const issue = (index: number) => ({
    access_token: jwt({ sid: `s${index}`, generation: generations[index] }),
    refresh_token: `refresh-${index}-${generations[index]}`,
    token_type: "bearer",
    expires_in: 900,
    session: {
      session_id: `s${index}`,
      // Clocks of two replicas may put two logins in the wrong order.
      created_at: new Date(Date.UTC(2026, 0, 1) + (index % 2 === 0 ? index : -index)).toISOString(),
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    },
  });
  const service = {
    thefts,
    loggedOut,
    login: () => issue(generations.push(0) - 1),
    refresh(token: string) {
      const [index = 0, generation] = token.split("-").slice(1).map(Number);
      if (generations[index] !== generation) thefts.push(token);
      generations[index] = (generations[index] ?? 0) + 1;
      return issue(index);
    },
    logout: (token: string) => void loggedOut.push(sidOf(token)),
  };
  fixture.stub.reset();
  fixture.stub.answer("Login", () => service.login() as never);
  fixture.stub.answer(
    "RefreshTokens",
    ({ request }) => service.refresh((request as { refresh_token: string }).refresh_token) as never,
  );
  fixture.stub.answer("Logout", ({ metadata }) => {
    service.logout(String(metadata.get("authorization")[0]));
    return { message: "bye", revision: "1" };
  });
  return service;
}

/** A browser whose requests reach a gateway of 0.1 or one of today. */
function openBrowser(honoursClearSiteData: boolean) {
  const service = startService();
  const browser = openCookieBrowser(fixture);
  const old = createGatewayOf01(service, browser.jar, honoursClearSiteData);
  const send = async (method: "GET" | "POST", url: string) => {
    const answer = await browser.send(method, url);
    if (answer.statusCode !== 200) throw new Error(`${url}: ${described(answer)}`);
    return answer;
  };
  const today = {
    login: () => send("POST", "/auth/login"),
    refresh: () => send("POST", "/auth/refresh"),
    logout: () => send("POST", "/auth/logout"),
    async session() {
      await send("GET", "/auth/profile");
      const [text] = fixture.stub.last().metadata.get("authorization");
      return text && sidOf(String(text));
    },
  };
  return { service, jar: browser.jar, old, today };
}

describe("a fleet of gateways of 0.1 and of today", () => {
  test("R3: a token that 0.1 has replaced is not used by today's", async () => {
    const { service, old, today } = openBrowser(true);
    await today.login();
    old.refresh();
    await today.refresh();
    old.refresh();
    old.refresh();
    await today.refresh();
    expect(service.thefts).toEqual([]);
  });

  test("a session that began at 0.1 counts at once, and the one before does not come back", async () => {
    const { service, old, today } = openBrowser(false);
    await today.login();
    old.login();
    expect(await today.session()).toBe("s1");
    await today.refresh();
    expect(await today.session()).toBe("s1");
    expect(old.access()).toBe(jwt({ sid: "s1", generation: 1 }));
    await today.logout();
    expect(service.loggedOut).toEqual(["s1"]);
  });

  test("R3: any order of logins, refreshes and logouts ends no session as stolen", async () => {
    const step = fc.record({
      at: fc.constantFrom("old", "today"),
      do: fc.constantFrom("login", "refresh", "refresh", "refresh", "logout"),
    } as const);
    const steps = fc.array(step, { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (run, honoursClearSiteData) => {
        const { service, jar, old, today } = openBrowser(honoursClearSiteData);
        let live: string | undefined;
        let logins = 0;
        for (const { at, do: action } of run) {
          if (action !== "login" && live === undefined) continue;
          await { old, today }[at][action]();
          if (action === "login") live = `s${logins++}`;
          if (action === "logout") {
            expect(service.loggedOut.at(-1)).toBe(live);
            live = undefined;
            continue;
          }
          expect(service.thefts).toEqual([]);
          expect(sidOf(old.access() ?? "")).toBe(live);
          expect(await today.session()).toBe(live);
        }
        expect(jar.size).toBeLessThan(6);
      }),
      { numRuns: 200 },
    );
  });
});
