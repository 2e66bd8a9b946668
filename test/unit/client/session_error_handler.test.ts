import { afterEach, describe, expect, test, vi } from "vitest";
import { NetworkError, SessionError, SessionErrorHandler } from "../../../src/client/index.js";
import { createSessionFixture } from "./client_fixture.js";

const fixture = createSessionFixture();
afterEach(() => vi.unstubAllGlobals());

const withCode = (code: string) => new SessionError({ code, status: 401, detail: "As told" });

async function handle(error: unknown) {
  const manager = await fixture.signedIn();
  const redirect = vi.fn();
  const notify = vi.fn();
  const isHandled = SessionErrorHandler.handleError(error, manager, { redirect, notify });
  return { manager, redirect, notify, isHandled };
}

describe("a session that is over", () => {
  test.each([
    ["session_inactivity_timeout", "/login?message=session_expired"],
    ["session_expired", "/login?message=session_expired"],
    ["session_revoked_or_invalid", "/login?message=session_revoked"],
    ["refresh_token_reused", "/login?message=session_revoked"],
    ["refresh_token_invalid", "/login?message=session_revoked"],
    ["access_token_blacklisted", "/login?message=token_revoked"],
    ["user_inactive", "/login?message=user_inactive"],
  ])("%s leads to %s", async (code, path) => {
    const { manager, redirect, notify, isHandled } = await handle(withCode(code));
    expect(isHandled).toBe(true);
    expect(redirect.mock.calls).toEqual([[path]]);
    expect(notify).not.toHaveBeenCalled();
    await vi.waitUntil(() => !manager.isAuthenticated);
    await vi.waitUntil(() => fixture.service.live().length === 0);
  });

  test("goes to the login page in a browser", () => {
    const location = { href: "/inbox" };
    vi.stubGlobal("window", { location });
    const logout = vi.fn(async () => ({ isConfirmed: true, error: null }));
    SessionErrorHandler.handleError({ code: "session_inactivity_timeout" }, { logout });
    expect(location.href).toBe("/login?message=session_expired");
    expect(logout).toHaveBeenCalledOnce();
  });
});

test("too many sessions is a message, and nobody is signed out", async () => {
  const { manager, redirect, notify, isHandled } = await handle(withCode("session_limit_exceeded"));
  expect(isHandled).toBe(true);
  expect(notify.mock.calls).toEqual([["As told"]]);
  expect(redirect).not.toHaveBeenCalled();
  expect(manager.isAuthenticated).toBe(true);
});

test.each([
  ["an outage", withCode("dependency_unavailable")],
  ["no network", new NetworkError("offline")],
  ["a token to refresh", withCode("access_token_expired")],
  ["a name from Object.prototype", withCode("constructor")],
  ["an error of another kind", new TypeError("x")],
  ["nothing", undefined],
])("%s is left alone", async (_what, error) => {
  const { manager, redirect, notify, isHandled } = await handle(error);
  expect(isHandled).toBe(false);
  expect(redirect).not.toHaveBeenCalled();
  expect(notify).not.toHaveBeenCalled();
  expect(manager.isAuthenticated).toBe(true);
});
