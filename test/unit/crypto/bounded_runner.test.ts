import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createBoundedRunner } from "../../../src/crypto/bounded_runner.js";

const busy = (retryAfterMs: number) => new Error(`busy for ${retryAfterMs}`);

/** A job that ends when the test ends it. */
function manualJob() {
  let finish: (result: string) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const done = new Promise<string>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  return { run: vi.fn(() => done), finish, fail };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe("D2: bounded work", () => {
  test("only so many run at once, the others in order of arrival", async () => {
    const run = createBoundedRunner({
      concurrency: 2,
      maxQueue: 5,
      maxWaitMs: 1000,
      onBusy: busy,
    });
    const jobs = Array.from({ length: 4 }, manualJob);
    const results = jobs.map((job) => run(job.run));
    const started = async () => {
      await vi.advanceTimersByTimeAsync(0);
      return jobs.map(({ run: start }) => start.mock.calls.length);
    };
    expect(await started()).toEqual([1, 1, 0, 0]);
    jobs[1]?.finish("b");
    expect(await started()).toEqual([1, 1, 1, 0]);
    jobs[0]?.fail(new Error("a"));
    await expect(results[0]).rejects.toThrow("a");
    expect(await started()).toEqual([1, 1, 1, 1]);
    jobs[2]?.finish("c");
    jobs[3]?.finish("d");
    expect(await Promise.all(results.slice(1))).toEqual(["b", "c", "d"]);
  });

  test("a full queue turns away at once, with a time to retry", async () => {
    const run = createBoundedRunner({
      concurrency: 1,
      maxQueue: 1,
      maxWaitMs: 700,
      onBusy: busy,
    });
    const jobs = [manualJob(), manualJob(), manualJob()];
    const [one, two, three] = jobs.map((job) => run(job.run));
    await expect(three).rejects.toThrow("busy for 700");
    expect(jobs[2]?.run).not.toHaveBeenCalled();
    jobs[0]?.finish("one");
    jobs[1]?.finish("two");
    expect(await Promise.all([one, two])).toEqual(["one", "two"]);
  });

  test("who has waited for too long is turned away and leaves the queue", async () => {
    const run = createBoundedRunner({
      concurrency: 1,
      maxQueue: 1,
      maxWaitMs: 700,
      onBusy: busy,
    });
    const jobs = [manualJob(), manualJob(), manualJob()];
    const running = run(jobs[0]?.run ?? manualJob().run);
    const waiting = run(jobs[1]?.run ?? manualJob().run);
    const refused = expect(waiting).rejects.toThrow("busy for 700");
    await vi.advanceTimersByTimeAsync(700);
    await refused;
    const next = run(jobs[2]?.run ?? manualJob().run);
    jobs[0]?.finish("first");
    jobs[2]?.finish("third");
    expect(await Promise.all([running, next])).toEqual(["first", "third"]);
    expect(jobs[1]?.run).not.toHaveBeenCalled();
  });

  test("a place is free again after a job that throws at once", async () => {
    const run = createBoundedRunner({ concurrency: 1, maxQueue: 0, maxWaitMs: 1, onBusy: busy });
    const thrower = run(() => {
      throw new Error("at once");
    });
    await expect(thrower).rejects.toThrow("at once");
    expect(await run(async () => "next")).toBe("next");
  });
});

describe("D10: jobs of several sources", () => {
  const bounds = { concurrency: 1, maxWaitMs: 1000, onBusy: busy };
  const settled = () => vi.advanceTimersByTimeAsync(0);

  test("take turns, so that a flood of one delays another by one job", async () => {
    const run = createBoundedRunner({ ...bounds, maxQueue: 20 });
    const order: string[] = [];
    const blocker = manualJob();
    const jobs = [run(blocker.run, "flood")];
    const add = (source: string, name: string) =>
      jobs.push(run(async () => String(order.push(name)), source));
    for (let i = 0; i < 5; i++) add("flood", `flood ${i}`);
    add("honest", "honest 0");
    add("honest", "honest 1");
    add("other", "other");
    blocker.finish("");
    await Promise.all(jobs);
    expect(order.slice(0, 5)).toEqual(["flood 0", "honest 0", "other", "flood 1", "honest 1"]);
  });

  test("a full queue of one source makes room for another, and turns its own newest away", async () => {
    const run = createBoundedRunner({ ...bounds, maxQueue: 3 });
    const blocker = manualJob();
    const running = run(blocker.run, "flood");
    const outcomes = ["a", "b", "c", "d"].map((name) =>
      run(async () => name, "flood").catch((error: Error) => error.message),
    );
    const honest = run(async () => "honest", "honest");
    await settled();
    blocker.finish("");
    expect(await Promise.all([running, honest])).toEqual(["", "honest"]);
    expect(await Promise.all(outcomes)).toEqual(["a", "b", "busy for 1000", "busy for 1000"]);
  });

  test("equal shares turn nobody out who already waits", async () => {
    const run = createBoundedRunner({ ...bounds, maxQueue: 2 });
    const blocker = manualJob();
    const running = run(blocker.run, "a");
    const waiting = [run(async () => "b", "b"), run(async () => "c", "c")];
    await expect(run(async () => "d", "d")).rejects.toThrow("busy");
    blocker.finish("");
    await running;
    expect(await Promise.all(waiting)).toEqual(["b", "c"]);
  });
});
