import { describe, expect, test } from "vitest";
import { NetworkError } from "../../../src/client/index.js";
import { codeOf, createSessionFixture, nextEvent } from "./client_fixture.js";

const fixture = createSessionFixture();

describe("single flight", () => {
  test("R1: many calls at once make one exchange", async () => {
    const manager = await fixture.signedIn();
    await Promise.all(Array.from({ length: 10 }, () => manager.refreshTokens()));
    expect(fixture.service.count("/auth/refresh")).toBe(1);
  });

  test("R1: many tabs at once make one exchange", async () => {
    const { tab } = fixture.browser();
    const tabs = Array.from({ length: 5 }, () => tab());
    await tabs[0]?.login("ada", "correct horse");
    await Promise.all(tabs.map((each) => each.apiRequest(fixture.url("/api/v1/data"))));
    fixture.service.expireAccessTokens();
    const responses = await Promise.all(
      tabs.map((each) => each.apiRequest(fixture.url("/api/v1/data"))),
    );
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(fixture.service.count("/auth/refresh")).toBe(1);
    expect(fixture.service.live()).toHaveLength(1);
  });

  test("a tab that was refreshed for elsewhere uses those tokens", async () => {
    const { tab } = fixture.browser();
    const [one, two] = [tab(), tab()];
    await one.login("ada", "correct horse");
    await two.apiRequest(fixture.url("/api/v1/data"));
    const heard = nextEvent(two, "refresh");
    await one.refreshTokens();
    expect(await heard).toEqual({ fromOtherTab: true });
    await two.apiRequest(fixture.url("/api/v1/data"));
    const [first, second] = fixture.service.calls.filter(({ path }) => path.endsWith("/data"));
    expect(second?.headers.authorization).not.toBe(first?.headers.authorization);
    expect(fixture.service.count("/auth/refresh")).toBe(1);
  });

  test("without locks, a tab that came second reads what the first one got", async () => {
    const { tab } = fixture.browser({ locks: null });
    const [one, two] = [tab(), tab()];
    await one.login("ada", "correct horse");
    await two.apiRequest(fixture.url("/api/v1/data"));
    const reused = fixture.service.problem(401, "refresh_token_reused");
    const held = fixture.service.hold("/auth/refresh");
    const late = two.refreshTokens();
    await held.arrived;
    await one.refreshTokens();
    fixture.service.answerNext("/auth/refresh", reused);
    held.release();
    await late;
    expect((await two.apiRequest(fixture.url("/api/v1/data"))).status).toBe(200);
  });

  test("one caller's abort leaves the exchange to the others", async () => {
    const manager = await fixture.signedIn();
    const held = fixture.service.hold("/auth/refresh");
    const controller = new AbortController();
    const first = manager.refreshTokens({ signal: controller.signal }).catch((thrown) => thrown);
    const second = manager.refreshTokens();
    await held.arrived;
    controller.abort(new Error("left"));
    expect(await first).toEqual(new Error("left"));
    held.release();
    await second;
    expect(fixture.service.count("/auth/refresh")).toBe(1);
  });
});

describe("what is not a verdict is not a logout", () => {
  test.each([
    [503, "dependency_unavailable"],
    [500, "internal"],
    [429, "too_many_attempts"],
    [403, "permission_denied"],
    [504, "deadline_exceeded"],
    [400, "invalid_argument"],
  ])("%i %s", async (status, code) => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/auth/refresh", fixture.service.problem(status, code));
    expect(await codeOf(manager.refreshTokens())).toBe(code);
    expect(manager.isAuthenticated).toBe(true);
    await manager.refreshTokens();
  });

  test("no answer", async () => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/auth/refresh", "drop");
    await expect(manager.refreshTokens()).rejects.toBeInstanceOf(NetworkError);
    expect(manager.isAuthenticated).toBe(true);
  });

  test("a page of somebody else's", async () => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/auth/refresh", { status: 200, body: "<h1>Pay for wifi</h1>" });
    await expect(manager.refreshTokens()).rejects.toBeInstanceOf(NetworkError);
    expect(manager.isAuthenticated).toBe(true);
  });
});

describe("a refresh that is refused for good ends the session here", () => {
  test.each([
    [401, "session_revoked_or_invalid"],
    [401, "session_inactivity_timeout"],
    [401, "session_expired"],
    [401, "refresh_token_invalid"],
    [401, "refresh_token_reused"],
    [401, "user_inactive"],
  ])("%i %s", async (status, code) => {
    const { storage, tab } = fixture.browser();
    const manager = tab();
    await manager.login("ada", "correct horse");
    const ended = nextEvent(manager, "ended");
    fixture.service.answerNext("/auth/refresh", fixture.service.problem(status, code));
    expect(await codeOf(manager.refreshTokens())).toBe(code);
    expect((await ended).error.code).toBe(code);
    expect(manager.getSnapshot()).toMatchObject({ status: "unauthenticated", error: { code } });
    expect(await storage.getItem("refresh_token")).toBeNull();
  });
});

describe("an answer that is not Curfew's signs nobody out", () => {
  const statuses = [200, 204, 302, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503, 599];
  test.each(
    statuses.flatMap((status) => [
      [status, "<h1>Proxy</h1>"] as const,
      [status, { error: "no" }] as const,
      [status, { code: 401, message: "Unauthorized" }] as const,
    ]),
  )("%i %j", async (status, body) => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/auth/refresh", { status, ...(status !== 204 && { body }) });
    await expect(manager.refreshTokens()).rejects.toBeInstanceOf(NetworkError);
    expect(manager.isAuthenticated).toBe(true);
    expect(fixture.service.live()).toHaveLength(1);
    await manager.refreshTokens();
  });
});

describe("a refresh that is overtaken", () => {
  test("R5: by a logout, gives no tokens", async () => {
    const { storage, tab } = fixture.browser();
    const manager = tab();
    await manager.login("ada", "correct horse");
    const held = fixture.service.hold("/auth/refresh");
    const refresh = codeOf(manager.refreshTokens());
    await held.arrived;
    await manager.logout();
    held.release();
    expect(await refresh).toBe("credentials_missing");
    expect(manager.isAuthenticated).toBe(false);
    expect(await storage.getItem("access_token")).toBeNull();
  });

  test("by a new login, does not overwrite it", async () => {
    const manager = await fixture.signedIn();
    const held = fixture.service.hold("/auth/refresh");
    const refresh = codeOf(manager.refreshTokens());
    await held.arrived;
    await manager.login("ada", "correct horse");
    held.release();
    expect(await refresh).toBe("credentials_missing");
    const response = await manager.apiRequest(fixture.url("/api/v1/data"));
    expect(await response.json()).toEqual({ by: "s2" });
  });

  test("by a login in another tab, takes that session over", async () => {
    const { tab } = fixture.browser();
    const [one, two] = [tab(), tab()];
    await one.login("ada", "correct horse");
    await two.apiRequest(fixture.url("/api/v1/data"));
    const held = fixture.service.hold("/auth/refresh");
    const refresh = codeOf(one.refreshTokens());
    await held.arrived;
    await two.login("ada", "correct horse");
    held.release();
    expect(await refresh).toBe("credentials_missing");
    const response = await one.apiRequest(fixture.url("/api/v1/data"));
    expect(await response.json()).toEqual({ by: "s2" });
  });
});

describe("ahead of expiry", () => {
  test("happens by itself and does not count as the user being there", async () => {
    fixture.service.settings.expiresIn = 1;
    const manager = await fixture.signedIn();
    const deadline = manager.inactivityDeadline;
    fixture.service.settings.expiresIn = 900;
    expect(await nextEvent(manager, "refresh")).toEqual({ fromOtherTab: false });
    expect(manager.inactivityDeadline).toBe(deadline);
    expect(fixture.service.count("/auth/refresh")).toBe(1);
  });

  test("is tried again after a 503", async () => {
    fixture.service.settings.expiresIn = 1;
    const busy = fixture.service.problem(503, "dependency_unavailable");
    fixture.service.answerNext("/auth/refresh", busy);
    const manager = await fixture.signedIn();
    fixture.service.settings.expiresIn = 900;
    await nextEvent(manager, "refresh");
    expect(fixture.service.count("/auth/refresh")).toBe(2);
  });

  test("stops when the manager is closed", async () => {
    fixture.service.settings.expiresIn = 1;
    const closed = await fixture.signedIn();
    const witness = await fixture.signedIn();
    closed.close();
    fixture.service.settings.expiresIn = 900;
    await nextEvent(witness, "refresh");
    expect(fixture.service.count("/auth/refresh")).toBe(1);
  });
});
