import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type {
  ValidateTokensRequest,
  ValidateTokensResponse,
} from "../../../generated/curfew/v1/auth_service.js";
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
    reason: "DEPENDENCY_UNAVAILABLE",
    retryAfter: 1,
  });
  await Promise.all(waiting);
  online.close();
  await expect(check("d")).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
});
