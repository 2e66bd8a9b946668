import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CurfewError } from "../../../src/core/errors.js";
import { WORK_CLASSES, type WorkClass } from "../../../src/core/ports/work_class.js";
import { type AdmissionOptions, createAdmission } from "../../../src/postgres/admission.js";
import { NO_SHARES, type Shares, sharesOf } from "../../../src/postgres/shares.js";

const FOREVER = Number.POSITIVE_INFINITY;
const TEN: Shares = sharesOf(10);

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

const stage = (options: Partial<AdmissionOptions> = {}) => {
  const admission = createAdmission({
    size: 10,
    shares: TEN,
    maxWaitMs: 5000,
    now: Date.now,
    random: () => 0,
    ...options,
  });
  const started: string[] = [];
  const refused: CurfewError[] = [];
  /** Requests a turn, and records the time of admission or the reason of the refusal. */
  const ask = (work: WorkClass, name: string = work, deadlineAt?: number) => {
    const controller = new AbortController();
    const call = deadlineAt === undefined ? undefined : { signal: controller.signal, deadlineAt };
    const turn = admission.enter(work, call);
    if (turn === undefined) started.push(name);
    const done = Promise.resolve(turn).then(
      () => {
        if (turn !== undefined) started.push(name);
      },
      (failure: CurfewError) => void refused.push(failure),
    );
    return { controller, done };
  };
  const reasons = () => refused.map(({ reason }) => reason);
  return { admission, ask, started, refused, reasons };
};

const settled = () => vi.advanceTimersByTimeAsync(0);

describe("shares", () => {
  test("leave one connection to all, and go first to those that others depend on", () => {
    expect(sharesOf(1)).toEqual(NO_SHARES);
    expect(sharesOf(2)).toEqual({ ...NO_SHARES, control: 1 });
    expect(sharesOf(4)).toEqual({ ...NO_SHARES, control: 1, validation: 1, administration: 1 });
    for (let size = 1; size <= 500; size++) {
      const shares = sharesOf(size);
      const sum = WORK_CLASSES.reduce((total, work) => total + shares[work], 0);
      expect(sum).toBeLessThan(size);
      if (size >= 6) for (const work of WORK_CLASSES) expect(shares[work]).toBeGreaterThan(0);
    }
  });
});

describe("O2: a class of work", () => {
  test("finds its share free whatever storms of the others do", async () => {
    const { admission, ask } = stage();
    const storms = WORK_CLASSES.filter((work) => work !== "validation");
    for (let i = 0; i < 50; i++) for (const work of storms) void ask(work);
    await settled();
    expect(admission.enter("validation")).toBeUndefined();
    expect(admission.enter("validation")).toBeUndefined();
    const used = WORK_CLASSES.reduce((sum, work) => sum + admission.stateOf(work).used, 0);
    expect(used).toBe(10);
  });

  test("uses what no other class has a share of", () => {
    const { admission, ask } = stage();
    for (let i = 0; i < 50; i++) void ask("sign_in");
    const kept = WORK_CLASSES.reduce((sum, work) => sum + TEN[work], 0) - TEN.sign_in;
    expect(admission.stateOf("sign_in")).toEqual({ used: 10 - kept, waiting: 50 - 10 + kept });
  });

  test("takes turns with the others at a pool that is too small for shares", async () => {
    const { admission, ask, started } = stage({ size: 1, shares: NO_SHARES });
    for (let i = 0; i < 3; i++) void ask("sign_in", `sign_in ${i}`);
    void ask("validation");
    void ask("background");
    for (const work of ["sign_in", "validation", "background", "sign_in"] as const) {
      admission.leave(work);
      await settled();
    }
    expect(started).toEqual(["sign_in 0", "validation", "background", "sign_in 1", "sign_in 2"]);
  });
});

describe("O1: what has to wait", () => {
  const one = { size: 1, shares: NO_SHARES } as const;

  test("is served in the order of arrival", async () => {
    const { admission, ask, started } = stage(one);
    for (const name of ["a", "b", "c"]) void ask("sign_in", name, FOREVER);
    for (let turn = 0; turn < 3; turn++) {
      admission.leave("sign_in");
      await settled();
    }
    expect(started).toEqual(["a", "b", "c"]);
  });

  test("is refused as OVERLOADED at once when too much waits already", async () => {
    const causes: string[] = [];
    const { ask, reasons, refused } = stage({
      ...one,
      onRefused: (work, cause) => causes.push(`${work} ${cause}`),
    });
    for (let i = 0; i < 5003; i++) void ask("sign_in", "", FOREVER);
    await settled();
    expect(reasons()).toEqual(["OVERLOADED", "OVERLOADED"]);
    expect(refused[0]?.retryAfterMs).toBeGreaterThan(0);
    expect(causes).toEqual(["sign_in queue_full", "sign_in queue_full"]);
  });

  test("is not begun for a caller that has gone (O3), and the next takes the turn", async () => {
    const { admission, ask, started, reasons } = stage(one);
    void ask("sign_in", "first", FOREVER);
    const gone = ask("sign_in", "gone", FOREVER);
    void ask("sign_in", "next", FOREVER);
    gone.controller.abort();
    admission.leave("sign_in");
    await settled();
    expect(started).toEqual(["first", "next"]);
    expect(reasons()).toEqual(["DEADLINE_EXCEEDED"]);
  });

  test("waits until the caller's deadline, and without a caller for the limit", async () => {
    const { ask, reasons } = stage(one);
    void ask("sign_in", "first", FOREVER);
    void ask("sign_in", "call", 700);
    void ask("sign_in");
    await vi.advanceTimersByTimeAsync(699);
    expect(reasons()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(reasons()).toEqual(["OVERLOADED"]);
    await vi.advanceTimersByTimeAsync(4300);
    expect(reasons()).toEqual(["OVERLOADED", "OVERLOADED"]);
  });

  /** Makes each turn take 10 ms, until that is known. */
  const learn = async ({ admission, ask }: ReturnType<typeof stage>) => {
    for (let i = 0; i < 31; i++) void ask("sign_in", "", FOREVER);
    for (let turn = 0; turn < 30; turn++) {
      await vi.advanceTimersByTimeAsync(10);
      admission.leave("sign_in");
    }
    await settled();
  };

  test("is refused at once where its turn would come too late, with the time that the queue takes", async () => {
    const at = stage(one);
    await learn(at);
    for (let i = 0; i < 99; i++) void at.ask("sign_in", "", FOREVER);
    void at.ask("sign_in", "in time", Date.now() + 2100);
    void at.ask("sign_in", "too late", Date.now() + 1900);
    await settled();
    expect(at.reasons()).toEqual(["OVERLOADED"]);
    expect(at.refused[0]?.retryAfterMs).toBeGreaterThanOrEqual(1000);
    expect(at.refused[0]?.retryAfterMs).toBeLessThanOrEqual(1025);
    expect(at.admission.stateOf("sign_in").waiting).toBe(100);
  });

  test("is dropped at its turn where there is no time left to do it", async () => {
    const at = stage(one);
    await learn(at);
    const { admission, ask, started, reasons } = at;
    void ask("sign_in", "hopeless", Date.now() + 25);
    void ask("sign_in", "next", FOREVER);
    await vi.advanceTimersByTimeAsync(20);
    admission.leave("sign_in");
    await settled();
    expect(started.at(-1)).toBe("next");
    expect(reasons()).toEqual(["OVERLOADED"]);
  });

  test("is asked to return at a moment up to chance", async () => {
    const lucks = [0, 1];
    const { ask, refused } = stage({ ...one, random: () => lucks.shift() ?? 0 });
    for (let i = 0; i < 5003; i++) void ask("sign_in", "", FOREVER);
    await settled();
    expect(refused.map(({ retryAfterMs }) => retryAfterMs)).toEqual([250, 375]);
  });
});

describe("a store that does not answer", () => {
  test("makes refusals UNAVAILABLE", async () => {
    const { ask, reasons } = stage({ size: 1, shares: NO_SHARES, answers: () => false });
    void ask("sign_in", "first", FOREVER);
    void ask("sign_in", "second", 100);
    await vi.advanceTimersByTimeAsync(100);
    expect(reasons()).toEqual(["DEPENDENCY_UNAVAILABLE"]);
  });

  test("and a pool that is closed, fail all that waits and all that comes", async () => {
    const { admission, ask, reasons } = stage({ size: 1, shares: NO_SHARES });
    for (const name of ["first", "second", "third"]) void ask("sign_in", name, FOREVER);
    admission.close();
    void ask("sign_in", "fourth", FOREVER);
    await settled();
    expect(reasons()).toEqual(Array(3).fill("DEPENDENCY_UNAVAILABLE"));
  });
});
