import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createDeadlineTimer } from "../../../src/client/deadline_timer.js";
import { NetworkError, SessionError } from "../../../src/client/index.js";
import { createRefreshSchedule, refreshMoment } from "../../../src/client/refresh_schedule.js";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

const DAY = 86_400_000;

describe("a deadline", () => {
  test("beyond 24.8 days does not overflow to at once", () => {
    const onDue = vi.fn();
    createDeadlineTimer(onDue).set(100 * DAY);
    vi.advanceTimersByTime(99 * DAY);
    expect(onDue).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1 * DAY);
    expect(onDue).toHaveBeenCalledOnce();
  });

  test("that has passed while the machine slept is due at once", () => {
    const onDue = vi.fn();
    createDeadlineTimer(onDue).set(DAY);
    vi.setSystemTime(2 * DAY);
    vi.advanceTimersByTime(DAY);
    expect(onDue).toHaveBeenCalledOnce();
  });

  test("can be moved and cleared", () => {
    const onDue = vi.fn();
    const timer = createDeadlineTimer(onDue);
    timer.set(1000);
    timer.set(5000);
    vi.advanceTimersByTime(4999);
    expect(onDue).not.toHaveBeenCalled();
    timer.clear();
    vi.advanceTimersByTime(DAY);
    expect(onDue).not.toHaveBeenCalled();
  });
});

describe("the refresh ahead of expiry", () => {
  test.each([
    [900, 900_000 - 60_000],
    [60, 48_000],
    [1, 800],
  ])("of a token for %i s comes after %i ms", (expiresIn, expected) => {
    expect(refreshMoment(expiresIn * 1000, expiresIn)).toBe(expected);
  });

  const stored = {
    id: "s1",
    accessToken: "a",
    refreshToken: "r",
    expiresAt: 900_000,
    expiresIn: 900,
    generation: 1,
    session: null,
  };

  test("waits longer after each failure, at most a minute, and less than the network's return", async () => {
    const refresh = vi.fn(async () => {
      throw new NetworkError("offline");
    });
    const schedule = createRefreshSchedule(refresh);
    schedule.plan(stored);
    await vi.advanceTimersByTimeAsync(840_000);
    expect(refresh).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(refresh).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(999);
    expect(refresh).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(600_000);
    const calls = refresh.mock.calls.length;
    expect(calls).toBeGreaterThan(10);
    expect(calls).toBeLessThan(30);
    schedule.hurry();
    await vi.advanceTimersByTimeAsync(0);
    expect(refresh).toHaveBeenCalledTimes(calls + 1);
    schedule.stop();
  });

  test("waits as long as the server asks", async () => {
    const busy = { code: "dependency_unavailable", status: 503, detail: "", retryAfter: 20 };
    const refresh = vi.fn(async () => {
      throw new SessionError(busy);
    });
    const schedule = createRefreshSchedule(refresh);
    schedule.plan(stored);
    await vi.advanceTimersByTimeAsync(840_000 + 20_000);
    expect(refresh).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(refresh).toHaveBeenCalledTimes(2);
    schedule.stop();
  });

  test("is given up when the session is over", async () => {
    const refresh = vi.fn(async () => {
      throw new SessionError({ code: "session_expired", status: 401, detail: "" });
    });
    const schedule = createRefreshSchedule(refresh);
    schedule.plan(stored);
    await vi.advanceTimersByTimeAsync(DAY);
    expect(refresh).toHaveBeenCalledOnce();
    schedule.hurry();
    await vi.advanceTimersByTimeAsync(DAY);
    expect(refresh).toHaveBeenCalledOnce();
  });
});
