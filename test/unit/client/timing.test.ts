import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createDeadlineTimer } from "../../../src/client/deadline_timer.js";
import { NetworkError, SessionError } from "../../../src/client/index.js";
import { createRefreshSchedule, refreshMoment } from "../../../src/client/refresh_schedule.js";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

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
    csrfToken: null,
    expiresAt: 900_000,
    expiresIn: 900,
    generation: 1,
    session: null,
  };

  test("O1: that an overloaded server refused waits as long as it said, and a random part", async () => {
    const service = new SessionError({
      code: "overloaded",
      status: 503,
      detail: "busy",
      retryAfter: 4,
    });
    const waited: number[] = [];
    for (const luck of [0, 0.5, 1]) {
      vi.spyOn(Math, "random").mockReturnValue(luck);
      const tries: number[] = [];
      const schedule = createRefreshSchedule(() => {
        tries.push(Date.now());
        schedule.failed(service);
      });
      schedule.plan({ ...stored, expiresAt: Date.now() });
      await vi.advanceTimersByTimeAsync(6000);
      schedule.stop();
      waited.push((tries[1] ?? Number.NaN) - (tries[0] ?? Number.NaN));
    }
    expect(waited).toEqual([4500, 4750, 5000]);
  });

  test.each([
    [1, [0, 1, 3, 7, 15, 31, 63, 123, 183]],
    [0, [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]],
  ])("with luck %i fails at %j s and is tried again", async (luck, expected) => {
    vi.spyOn(Math, "random").mockReturnValue(luck);
    const seconds: number[] = [];
    const schedule = createRefreshSchedule(() => {
      seconds.push((Date.now() - 840_000) / 1000);
      schedule.failed(new NetworkError("offline"));
    });
    schedule.plan(stored);
    await vi.advanceTimersByTimeAsync(840_000 + (expected.at(-1) ?? 0) * 1000);
    expect(seconds).toEqual(expected);
    schedule.hurry();
    await vi.advanceTimersByTimeAsync(0);
    expect(seconds).toHaveLength(expected.length + 1);
    schedule.stop();
  });

  test("waits as long as the server asks", async () => {
    const busy = { code: "dependency_unavailable", status: 503, detail: "", retryAfter: 20 };
    const refresh = vi.fn(() => schedule.failed(new SessionError(busy)));
    const schedule = createRefreshSchedule(refresh);
    schedule.plan(stored);
    await vi.advanceTimersByTimeAsync(840_000 + 20_000);
    expect(refresh).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(refresh).toHaveBeenCalledTimes(2);
    schedule.stop();
  });

  test("is given up when the session is over", async () => {
    const over = new SessionError({ code: "session_expired", status: 401, detail: "" });
    const refresh = vi.fn(() => schedule.failed(over));
    const schedule = createRefreshSchedule(refresh);
    schedule.plan(stored);
    await vi.advanceTimersByTimeAsync(DAY);
    expect(refresh).toHaveBeenCalledOnce();
    schedule.hurry();
    await vi.advanceTimersByTimeAsync(DAY);
    expect(refresh).toHaveBeenCalledOnce();
  });
});
