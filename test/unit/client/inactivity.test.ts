import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createInactivityTimer,
  inactivityTimeoutFor,
} from "../../../src/client/inactivity_timer.js";
import type { Session } from "../../../src/client/index.js";
import { createSessionFixture, nextEvent } from "./client_fixture.js";

const MINUTE = 60_000;

const sessionIdleFor = (milliseconds: number) =>
  ({
    last_activity_at: new Date(0).toISOString(),
    idle_expires_at: new Date(milliseconds).toISOString(),
  }) as Session;

describe("how long", () => {
  test.each([
    [null, 25 * MINUTE],
    [sessionIdleFor(30 * MINUTE), 25 * MINUTE],
    [sessionIdleFor(8 * 60 * MINUTE), (8 * 60 - 5) * MINUTE],
    [sessionIdleFor(3000), 2500],
    [sessionIdleFor(0), 25 * MINUTE],
  ])("%#", (session, expected) => {
    expect(inactivityTimeoutFor(session)).toBe(expected);
  });
});

describe("the timer", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function start(lastActivity: () => number | null = () => null) {
    const onInactive = vi.fn();
    const timer = createInactivityTimer({ onInactive, lastActivity });
    timer.start(25 * MINUTE, Date.now());
    return { timer, onInactive };
  }

  test("is due after the timeout", () => {
    const { onInactive } = start();
    vi.advanceTimersByTime(25 * MINUTE - 1);
    expect(onInactive).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onInactive).toHaveBeenCalledOnce();
  });

  test("counts from the last use", () => {
    const { timer, onInactive } = start();
    vi.advanceTimersByTime(20 * MINUTE);
    timer.touch(Date.now());
    vi.advanceTimersByTime(24 * MINUTE);
    expect(onInactive).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1 * MINUTE);
    expect(onInactive).toHaveBeenCalledOnce();
  });

  test("a frozen tab asks the storage before it signs anybody out", () => {
    const used = Date.now() + 24 * MINUTE;
    const { timer, onInactive } = start(() => used);
    vi.advanceTimersByTime(25 * MINUTE);
    expect(onInactive).not.toHaveBeenCalled();
    expect(timer.deadline()).toBe(used + 25 * MINUTE);
    vi.advanceTimersByTime(24 * MINUTE);
    expect(onInactive).toHaveBeenCalledOnce();
  });

  test("a use in the future counts as now", () => {
    const { timer } = start();
    timer.touch(Date.now() + 60 * MINUTE);
    expect(timer.deadline()).toBe(Date.now() + 25 * MINUTE);
  });

  test("does nothing once stopped", () => {
    const { timer, onInactive } = start();
    timer.stop();
    vi.advanceTimersByTime(60 * MINUTE);
    expect(onInactive).not.toHaveBeenCalled();
    expect(timer.deadline()).toBeNull();
  });
});

describe("in the manager", () => {
  const fixture = createSessionFixture();
  const data = () => fixture.url("/api/v1/data");

  test("signs out, here and on the server, and says why", async () => {
    const manager = await fixture.signedIn({ inactivityTimeoutMs: 30 });
    const { error } = await nextEvent(manager, "ended");
    expect(error.code).toBe("session_inactivity_timeout");
    expect(manager.isAuthenticated).toBe(false);
    await vi.waitUntil(() => fixture.service.live().length === 0);
  });

  test("is five minutes ahead of the server's timeout", async () => {
    fixture.service.settings.idleSeconds = 3600;
    const before = Date.now();
    const manager = await fixture.signedIn();
    expect(manager.inactivityDeadline).toBeGreaterThanOrEqual(before + 55 * MINUTE);
    expect(manager.inactivityDeadline).toBeLessThanOrEqual(Date.now() + 55 * MINUTE);
  });

  test("a request is a use; one in the background is not", async () => {
    const manager = await fixture.signedIn();
    const atLogin = manager.inactivityDeadline ?? 0;
    await vi.waitUntil(() => Date.now() + 25 * MINUTE > atLogin);
    await manager.apiRequest(data(), { background: true });
    expect(manager.inactivityDeadline).toBe(atLogin);
    await manager.apiRequest(data());
    expect(manager.inactivityDeadline).toBeGreaterThan(atLogin);
  });

  test("a use in one tab is a use in all", async () => {
    const { tab } = fixture.browser();
    const [one, two] = [tab(), tab()];
    await one.login("ada", "correct horse");
    await two.apiRequest(data());
    const before = two.inactivityDeadline ?? 0;
    await vi.waitUntil(() => Date.now() + 25 * MINUTE > before);
    one.recordActivity();
    await vi.waitUntil(() => (two.inactivityDeadline ?? 0) > before);
  });

  test("null turns it off, and so do stopInactivityTimer and the logout", async () => {
    const never = await fixture.signedIn({ inactivityTimeoutMs: null });
    expect(never.inactivityDeadline).toBeNull();
    const manager = await fixture.signedIn();
    manager.stopInactivityTimer();
    expect(manager.inactivityDeadline).toBeNull();
    manager.startInactivityTimer();
    expect(manager.inactivityDeadline).not.toBeNull();
    await manager.logout();
    expect(manager.inactivityDeadline).toBeNull();
  });
});
