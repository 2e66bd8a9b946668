import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type {
  ValidateTokensRequest,
  ValidateTokensResponse,
} from "../../../generated/curfew/v1/auth_service.js";
import { overloaded } from "../../../src/core/errors.js";
import { statusOf, toRpcStatus } from "../../../src/rpc/status.js";
import type { Ask } from "../../../src/validator/channel/ask.js";
import { createOnlineCheck } from "../../../src/validator/remote/online_check.js";

type Answer = (request: ValidateTokensRequest, call: number) => Promise<ValidateTokensResponse>;

const failure = (code: status): ServiceError =>
  Object.assign(new Error("failed"), { code, details: "", metadata: new Metadata() });

/** Answers with each token as the name of its user. */
const echo: Answer = async ({ requests }) => ({
  results: requests.map(({ accessToken }) => ({
    result: {
      $case: "token",
      value: {
        userId: accessToken,
        username: "",
        roles: [],
        sessionId: "",
        jti: "",
        amr: [],
        issuedAt: undefined,
        expiresAt: undefined,
        authTime: undefined,
        lastActivityAt: undefined,
        idleExpiresAt: undefined,
        revision: 0n,
        clientId: "",
      },
    },
  })),
});

const stage = (
  answer: Answer = echo,
  options: { maxPending?: number; deadlineMs?: number; maxAge?: number } = {},
) => {
  const calls: string[][] = [];
  // The only calls that are made here are ValidateTokens.
  const ask = ((_: unknown, request: ValidateTokensRequest) => {
    calls.push(request.requests.map(({ accessToken }) => accessToken));
    return answer(request, calls.length);
  }) as Ask;
  const problems: Error[] = [];
  const online = createOnlineCheck({
    ask,
    deadlineMs: options.deadlineMs ?? 2000,
    maxAge: options.maxAge ?? 2000,
    maxPending: options.maxPending ?? 5000,
    onProblem: (problem) => problems.push(problem),
  });
  const check = (accessToken: string) =>
    online.check({ accessToken, audience: "", skipActivity: false });
  return { calls, check, online, problems };
};

test("checks of one turn go in one call, equal ones once", async () => {
  const { calls, check } = stage();
  const answers = await Promise.all(["a", "b", "a", "c"].map(check));
  expect(answers.map(({ userId }) => userId)).toEqual(["a", "b", "a", "c"]);
  expect(calls).toEqual([["a", "b", "c"]]);
});

test("L1: nobody joins a check that was sent before", async () => {
  let letGo = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { calls, check } = stage(async (request, call) => {
    if (call === 1) await held;
    return echo(request, call);
  });
  const first = check("a");
  await expect.poll(() => calls.length).toBe(1);
  await check("a");
  expect(calls).toEqual([["a"], ["a"]]);
  letGo();
  await first;
});

test("a call carries 1,000 tokens and 4 MiB at most", async () => {
  const { calls, check } = stage();
  await Promise.all(Array.from({ length: 2100 }, (_, index) => check(`t${index}`)));
  expect(calls.map(({ length }) => length)).toEqual([1000, 1000, 100]);

  const large = stage();
  await Promise.all(
    Array.from({ length: 700 }, (_, index) => large.check(`${index}`.padEnd(8000))),
  );
  expect(large.calls.map(({ length }) => length)).toEqual([523, 177]);
});

test("UNAVAILABLE is asked again, other failures are not", async () => {
  const flaky = stage(async (request, call) => {
    if (call < 3) throw failure(status.UNAVAILABLE);
    return echo(request, call);
  });
  expect((await flaky.check("a")).userId).toBe("a");
  expect(flaky.calls.length).toBe(3);

  const broken = stage(async () => {
    throw failure(status.INTERNAL);
  });
  await expect(broken.check("a")).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
  expect(broken.calls.length).toBe(1);
});

describe("O1: a call that Curfew is too busy for", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "performance", "Date"] }));
  afterEach(() => void vi.useRealTimers());

  const busy = (retryAfterMs: number): ServiceError => {
    const { code, details, metadata } = statusOf(overloaded(retryAfterMs), {
      language: "en",
      requestId: "",
    });
    return Object.assign(new Error(details), { code, details, metadata });
  };

  test("is made again when Curfew said, after a random part more", async () => {
    const { calls, check } = stage(async (request, call) => {
      if (call === 1) throw busy(800);
      return echo(request, call);
    });
    const answer = check("a");
    // Not by waitFor, which moves the faked time on by itself.
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(790);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(430);
    expect((await answer).userId).toBe("a");
    expect(calls).toHaveLength(2);
  });

  test("is an outage with the time to wait where there is no time left, and no verdict on the token", async () => {
    const { calls, check } = stage(async () => {
      throw busy(5000);
    });
    await expect(check("a")).rejects.toMatchObject({
      reason: "OVERLOADED",
      isOutage: true,
      status: 503,
      code: status.RESOURCE_EXHAUSTED,
      retryAfter: 5,
    });
    expect(calls).toHaveLength(1);
  });

  test("is made again also where only some of its tokens were refused so", async () => {
    const { calls, check } = stage(async (request, call) => {
      const answer = await echo(request, call);
      if (call > 1) return answer;
      const error = toRpcStatus(overloaded(100), "en");
      return {
        results: [{ result: { $case: "error", value: error } }, ...answer.results.slice(1)],
      };
    });
    const answers = Promise.all(["a", "b"].map(check));
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(150);
    expect((await answers).map(({ userId }) => userId)).toEqual(["a", "b"]);
    expect(calls).toEqual([["a", "b"], ["a"]]);
  });
});

test("a call that is refused for the validator's own key is an outage, told to the operator", async () => {
  const { check, problems } = stage(async () => {
    throw failure(status.UNAUTHENTICATED);
  });
  await expect(check("a")).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE", status: 503 });
  expect(problems[0]?.message).toMatch(/serviceKey/);
});

describe("L7: an answer that comes too late, because the process or the machine slept,", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance", "Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  /** The first answer takes so long; the calls see their time limit. */
  const slow = (sleep: () => unknown, options: { deadlineMs?: number; maxAge?: number }) =>
    stage(async (request, call) => {
      if (call === 1) sleep();
      return echo(request, call);
    }, options);

  test("is not taken: the question is asked again", async () => {
    const { calls, check } = slow(() => vi.advanceTimersByTime(1100), {
      deadlineMs: 10_000,
      maxAge: 1000,
    });
    await check("a");
    expect(calls).toEqual([["a"], ["a"]]);
  });

  test("is not taken: on the wall clock alone, since the other may stand still", async () => {
    const { calls, check } = slow(() => vi.setSystemTime(Date.now() + 3_600_000), {});
    await check("a");
    expect(calls).toEqual([["a"], ["a"]]);
  });

  test("is not taken, and past the deadline nothing is", async () => {
    const { calls, check } = slow(() => vi.advanceTimersByTime(3_600_000), {});
    await expect(check("a")).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    expect(calls).toEqual([["a"]]);
  });
});

test("an answer that lacks a result is an outage for that token", async () => {
  const { check } = stage(async () => ({ results: [] }));
  await expect(check("a")).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
});

test("more checks than may wait are refused at once, and so is all after close", async () => {
  const { check, online } = stage(echo, { maxPending: 2 });
  const waiting = [check("a"), check("b")];
  await expect(check("c")).rejects.toMatchObject({
    reason: "OVERLOADED",
    isOutage: true,
    retryAfter: 1,
  });
  await Promise.all(waiting);
  online.close();
  await expect(check("d")).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
});
