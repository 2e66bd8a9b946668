import { describe, expect, test } from "vitest";
import { NetworkError, SessionError } from "../../../src/client/index.js";
import { codeOf, createSessionFixture, nextEvent } from "./client_fixture.js";
import { startSessionService } from "./session_service.js";

const fixture = createSessionFixture();
const data = () => fixture.url("/api/v1/data");

describe("an expired access token", () => {
  test("is refreshed after a 401, and the request repeated with its body", async () => {
    const manager = await fixture.signedIn();
    fixture.service.expireAccessTokens();
    const response = await manager.apiRequest(data(), { method: "POST", body: "hello" });
    expect(await response.json()).toEqual({ by: "s1", echo: "hello" });
    expect(fixture.service.count("/data")).toBe(2);
  });

  test("is refreshed before the call when the clock says so", async () => {
    fixture.service.settings.expiresIn = 0;
    const manager = await fixture.signedIn();
    fixture.service.settings.expiresIn = 900;
    expect((await manager.apiRequest(data())).status).toBe(200);
    expect(fixture.service.count("/auth/refresh")).toBe(1);
    expect(fixture.service.count("/data")).toBe(1);
  });

  test.each(["access_token_expired", "access_token_invalid", "credentials_missing", "odd_code"])(
    "a 401 %s is answered with one refresh and one repetition, not more",
    async (code) => {
      const manager = await fixture.signedIn();
      const refusal = fixture.service.problem(401, code);
      fixture.service.answerNext("/data", refusal);
      fixture.service.answerNext("/data", refusal);
      const response = await manager.apiRequest(data());
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code });
      expect(fixture.service.count("/auth/refresh")).toBe(1);
      expect(fixture.service.count("/data")).toBe(2);
      expect(manager.isAuthenticated).toBe(true);
    },
  );

  test("a 401 without any code, as of a backend that is not Curfew's", async () => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/data", { status: 401, body: "<h1>Unauthorized</h1>" });
    expect((await manager.apiRequest(data())).status).toBe(200);
  });

  test("a 401 about a token that has been replaced meanwhile costs no second refresh", async () => {
    const manager = await fixture.signedIn();
    const held = fixture.service.hold("/data");
    const request = manager.apiRequest(data());
    await held.arrived;
    await manager.refreshTokens();
    fixture.service.answerNext("/data", fixture.service.problem(401, "access_token_expired"));
    held.release();
    expect((await request).status).toBe(200);
    expect(fixture.service.count("/auth/refresh")).toBe(1);
  });

  test("is not refreshed for a request in another session's name", async () => {
    const manager = await fixture.signedIn();
    const held = fixture.service.hold("/data");
    const request = codeOf(manager.apiRequest(data(), { method: "POST", body: "pay" }));
    await held.arrived;
    await manager.login("ada", "correct horse");
    fixture.service.answerNext("/data", fixture.service.problem(401, "access_token_expired"));
    held.release();
    expect(await request).toBe("credentials_missing");
    expect(fixture.service.count("/data")).toBe(1);
    expect(manager.isAuthenticated).toBe(true);
  });
});

describe("bodies", () => {
  test("a stream is sent once: the 401 is returned, and the next call has a fresh token", async () => {
    const manager = await fixture.signedIn();
    fixture.service.expireAccessTokens();
    const body = new Blob(["once"]).stream();
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    expect((await manager.apiRequest(data(), init)).status).toBe(401);
    expect(fixture.service.count("/data")).toBe(1);
    expect((await manager.apiRequest(data())).status).toBe(200);
    expect(fixture.service.count("/auth/refresh")).toBe(1);
  });

  test("a Request is sent again from a copy", async () => {
    const manager = await fixture.signedIn();
    fixture.service.expireAccessTokens();
    const headers = { "x-mine": "kept" };
    const request = new Request(data(), { method: "POST", body: "again", headers });
    const response = await manager.apiRequest(request);
    expect(await response.json()).toEqual({ by: "s1", echo: "again" });
    expect(fixture.service.last("/data")?.headers["x-mine"]).toBe("kept");
  });

  test("a form is sent again", async () => {
    const manager = await fixture.signedIn();
    fixture.service.expireAccessTokens();
    const body = new URLSearchParams({ a: "1" });
    const response = await manager.apiRequest(data(), { method: "POST", body });
    expect(await response.json()).toEqual({ by: "s1", echo: "a=1" });
  });
});

describe("an answer that says the session is over", () => {
  test.each([
    "session_revoked_or_invalid",
    "access_token_blacklisted",
    "session_expired",
    "session_inactivity_timeout",
    "user_inactive",
  ])("%s clears, tells, and asks for no refresh", async (code) => {
    const manager = await fixture.signedIn();
    const ended = nextEvent(manager, "ended");
    fixture.service.revokeSessions(code, { end_reason: "ADMIN" });
    const error = await manager.apiRequest(data()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SessionError);
    expect(error).toMatchObject({ code, metadata: { end_reason: "ADMIN" } });
    expect(await ended).toEqual({ error, fromOtherTab: false });
    expect(manager.isAuthenticated).toBe(false);
    expect(manager.getSnapshot().error).toBe(error);
    expect(fixture.service.count("/auth/refresh")).toBe(0);
  });

  test("on the repetition is heard too", async () => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/data", fixture.service.problem(401, "access_token_expired"));
    fixture.service.answerNext("/data", fixture.service.problem(401, "session_expired"));
    expect(await codeOf(manager.apiRequest(data()))).toBe("session_expired");
    expect(manager.isAuthenticated).toBe(false);
  });

  test("about the session before says nothing about the present one", async () => {
    const manager = await fixture.signedIn();
    const held = fixture.service.hold("/data");
    const request = manager.apiRequest(data());
    await held.arrived;
    fixture.service.revokeSessions();
    await manager.login("ada", "correct horse");
    held.release();
    expect((await request).status).toBe(401);
    expect(manager.isAuthenticated).toBe(true);
  });

  test("about the session before leaves the present one, whatever the storage holds", async () => {
    const { storage, tab } = fixture.browser();
    const manager = tab();
    await manager.login("ada", "correct horse");
    const held = fixture.service.hold("/data");
    const request = manager.apiRequest(data());
    await held.arrived;
    fixture.service.revokeSessions();
    await manager.login("ada", "correct horse");
    for (const key of ["access_token", "refresh_token", "curfew_session"]) storage.removeItem(key);
    held.release();
    expect((await request).status).toBe(401);
    expect(manager.isAuthenticated).toBe(true);
  });
});

describe("an answer that says nothing about the session is returned as it is", () => {
  test.each([
    [401, "invalid_credentials"],
    [403, "permission_denied"],
    [404, "not_found"],
    [429, "too_many_attempts"],
    [500, "internal"],
    [503, "dependency_unavailable"],
  ])("%i %s", async (status, code) => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/data", fixture.service.problem(status, code));
    const response = await manager.apiRequest(data());
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code });
    expect(fixture.service.count("/auth/refresh")).toBe(0);
    expect(manager.isAuthenticated).toBe(true);
  });

  test("no answer is a NetworkError", async () => {
    const manager = await fixture.signedIn();
    fixture.service.answerNext("/data", "drop");
    await expect(manager.apiRequest(data())).rejects.toBeInstanceOf(NetworkError);
    expect(manager.isAuthenticated).toBe(true);
  });
});

describe("aborting", () => {
  test("the request", async () => {
    const manager = await fixture.signedIn();
    const held = fixture.service.hold("/data");
    const controller = new AbortController();
    const request = manager.apiRequest(data(), { signal: controller.signal }).catch((e) => e);
    await held.arrived;
    controller.abort();
    expect(await request).toHaveProperty("name", "AbortError");
    held.release();
  });

  test("while it waits for a refresh", async () => {
    const manager = await fixture.signedIn();
    fixture.service.expireAccessTokens();
    const held = fixture.service.hold("/auth/refresh");
    const controller = new AbortController();
    const request = manager.apiRequest(data(), { signal: controller.signal }).catch((e) => e);
    await held.arrived;
    controller.abort();
    expect(await request).toHaveProperty("name", "AbortError");
    held.release();
    expect(manager.isAuthenticated).toBe(true);
  });
});

describe("where tokens may go", () => {
  test("to no other origin, and without a connection to it", async () => {
    const stranger = await startSessionService();
    const manager = await fixture.signedIn();
    const call = manager.apiRequest(`${stranger.origin}/api/v1/data`);
    expect(await codeOf(call)).toBe("origin_not_allowed");
    expect(stranger.calls).toEqual([]);
    await stranger.close();
  });

  test("to an allowed origin", async () => {
    const friend = await startSessionService();
    const manager = await fixture.signedIn({ allowedOrigins: [`${friend.origin}/`] });
    await manager.apiRequest(`${friend.origin}/api/v1/other`);
    expect(friend.last("/other")?.headers.authorization).toMatch(/^Bearer access-s1/);
    await friend.close();
  });

  test("not along a redirect to another origin", async () => {
    const stranger = await startSessionService();
    const manager = await fixture.signedIn();
    const headers = { location: `${stranger.origin}/api/v1/caught` };
    fixture.service.answerNext("/data", { status: 302, headers });
    await manager.apiRequest(data());
    expect(stranger.last("/caught")?.headers.authorization).toBeUndefined();
    await stranger.close();
  });

  test("nor does a redirect carry a refresh token away", async () => {
    const stranger = await startSessionService();
    const manager = await fixture.signedIn();
    const headers = { location: `${stranger.origin}/api/v1/auth/refresh` };
    fixture.service.answerNext("/auth/refresh", { status: 307, headers });
    await expect(manager.refreshTokens()).rejects.toBeInstanceOf(NetworkError);
    expect(stranger.calls).toEqual([]);
    await stranger.close();
  });

  test("a relative URL is one of the API's", async () => {
    const manager = await fixture.signedIn();
    expect((await manager.apiRequest("/api/v1/data")).status).toBe(200);
    expect((await manager.apiRequest("data")).status).toBe(200);
  });
});
