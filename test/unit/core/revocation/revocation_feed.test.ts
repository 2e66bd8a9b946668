import { describe, expect, test } from "vitest";
import { CurfewError } from "../../../../src/core/errors.js";
import { revocation, revocationStage } from "../revocation_stage.js";
import { NOW } from "../samples.js";

const HOUR = 3_600_000;

const failureOf = async (call: Promise<unknown>): Promise<CurfewError> => {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof CurfewError) return outcome;
  throw new Error("It did not fail as it should have.");
};

const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe("L7 a watcher is told", () => {
  test("everything that still matters, then a watermark", async () => {
    const stage = revocationStage();
    stage.end(1, 2, { accessExpiresAt: NOW - HOUR });
    stage.end(3, 4);
    stage.end(5, 5, { accessExpiresAt: NOW - HOUR });
    stage.end(6, 6);
    expect(await stage.watch().take(4)).toEqual(["3", "4", "6", "=6"]);
    expect(stage.reads).toEqual([2n]);
  });

  test("each ending with all there is to know of it", async () => {
    const stage = revocationStage();
    stage.end(7, 7);
    const { value } = await stage.watch().events.next();
    expect(value).toEqual({
      kind: "revocation",
      revocation: {
        revision: 7n,
        sessionId: "s7",
        userId: "u",
        reason: "LOGOUT",
        at: NOW,
        relevantUntil: NOW + HOUR,
      },
    });
  });

  test("for a minute more than it matters, since a validator's clock may be behind", async () => {
    const stage = revocationStage();
    stage.end(1, 1, { accessExpiresAt: NOW - 60_000 });
    stage.end(2, 2, { accessExpiresAt: NOW - 59_999 });
    expect(await stage.watch().take(2)).toEqual(["2", "=2"]);
  });

  test("only of what came after the revision it knows", async () => {
    const stage = revocationStage();
    stage.end(1, 5);
    expect(await stage.watch(3n).take(3)).toEqual(["4", "5", "=5"]);
    expect(await stage.watch(5n).take(1)).toEqual(["=5"]);
  });

  test("of each ending from then on, also where no token is left that it kills: streams outlive tokens", async () => {
    const stage = revocationStage();
    stage.end(1, 1);
    const watcher = stage.watch();
    expect(await watcher.take(2)).toEqual(["1", "=1"]);
    stage.end(2, 3, { accessExpiresAt: NOW - HOUR });
    await stage.poll();
    expect(await watcher.take(3)).toEqual(["2", "3", "=3"]);
    expect(await stage.watch(1n).take(3)).toEqual(["2", "3", "=3"]);
    expect(await stage.watch().take(2)).toEqual(["1", "=3"]);
  });

  test("of nothing, with a watermark at once", async () => {
    const stage = revocationStage();
    expect(await stage.watch().next()).toBe("=0");
  });

  test("page after page, without a gap", async () => {
    const stage = revocationStage();
    stage.end(1, 2500);
    expect(await stage.watch().toWatermark()).toEqual([...range(1, 2500), "=2500"]);
    expect(stage.reads).toEqual([0n, 1000n, 2000n]);
  });

  test("of each new ending when the feed is polled, and of none twice", async () => {
    const stage = revocationStage();
    stage.end(1, 2);
    const watcher = stage.watch();
    expect(await watcher.take(3)).toEqual(["1", "2", "=2"]);
    stage.end(3, 3);
    await stage.poll();
    expect(await watcher.take(2)).toEqual(["3", "=3"]);
    stage.end(4, 1500);
    await stage.poll();
    expect(await watcher.toWatermark()).toEqual([...range(4, 1500), "=1500"]);
  });

  test("of what ends while it joins", async () => {
    const stage = revocationStage();
    stage.end(1, 1);
    stage.whileReading = () => {
      stage.whileReading = () => undefined;
      stage.end(2, 2);
    };
    const watcher = stage.watch();
    expect(await watcher.take(2)).toEqual(["1", "=1"]);
    await stage.poll();
    expect(await watcher.take(2)).toEqual(["2", "=2"]);
  });
});

describe("L7 a watermark", () => {
  test("is of the moment before the read that it stands for", async () => {
    const stage = revocationStage();
    stage.whileReading = () => {
      stage.elapsed += 40;
    };
    const { value } = await stage.watch().events.next();
    expect(value).toMatchObject({ watermark: { at: NOW } });
  });

  test("comes with every poll that finds nothing new", async () => {
    const stage = revocationStage();
    const watcher = stage.watch();
    const marks = [];
    for (let polls = 0; polls < 5; polls++) {
      const { value } = await watcher.events.next();
      marks.push(value?.kind === "watermark" && value.watermark.at);
      const asked = watcher.events.next();
      await stage.poll();
      const { value: next } = await asked;
      marks.push(next?.kind === "watermark" && next.watermark.at);
      await stage.poll();
    }
    expect(marks).toEqual(Array.from({ length: 10 }, (_, i) => NOW + 250 * i));
  });

  test("goes on when the database's clock is set back", async () => {
    const stage = revocationStage();
    const watcher = stage.watch();
    expect(await watcher.next()).toBe("=0");
    stage.setBack = HOUR;
    stage.end(1);
    await stage.poll();
    expect(await watcher.take(2)).toEqual(["1", "=1"]);
  });

  test("does not come with each of many revocations", async () => {
    const stage = revocationStage();
    const watcher = stage.watch();
    await watcher.next();
    const seen: string[] = [];
    for (let revision = 1; revision <= 100; revision++) {
      stage.end(revision);
      await stage.poll(10);
      do seen.push(await watcher.next());
      while (seen.at(-1) !== `${revision}`);
    }
    expect(seen.filter((event) => !event.startsWith("="))).toEqual(range(1, 100));
    const marks = seen.filter((event) => event.startsWith("=")).length;
    expect(marks).toBeGreaterThanOrEqual(3);
    expect(marks).toBeLessThanOrEqual(5);
  });

  test("does not come while Postgres does not answer", async () => {
    const stage = revocationStage();
    const watcher = stage.watch();
    await watcher.next();
    stage.isDown = true;
    for (let polls = 0; polls < 4; polls++)
      expect((await failureOf(stage.poll())).reason).toBe("DEPENDENCY_UNAVAILABLE");
    stage.isDown = false;
    stage.end(1);
    const next = watcher.events.next();
    await stage.poll();
    expect(await next).toMatchObject({ value: { revocation: { revision: 1n } } });
    expect(await watcher.next()).toBe("=1");
  });
});

describe("L2 a revocation that a replica may still call live", () => {
  test("is settled before anybody is told", async () => {
    const stage = revocationStage();
    const watcher = stage.watch();
    await watcher.next();
    stage.end(1, 2);
    stage.end(3, 3, { pendingInvalidation: true });
    stage.end(4, 4);
    await stage.poll();
    expect(stage.settled).toEqual(["s3"]);
    expect(await watcher.take(5)).toEqual(["1", "2", "3", "4", "=4"]);
  });

  test("is held back while it cannot be settled, with all after it and the watermark", async () => {
    const stage = revocationStage();
    const watcher = stage.watch();
    await watcher.next();
    stage.settles = false;
    stage.end(1, 1);
    stage.end(2, 2, { pendingInvalidation: true });
    stage.end(3, 3);
    await stage.poll();
    expect(await watcher.next()).toBe("1");
    const late = stage.watch(0n);
    expect(await late.next()).toBe("1");
    // Of the last moment at which all was certain.
    expect(await late.events.next()).toMatchObject({
      value: { watermark: { revision: 1n, at: NOW } },
    });
    const next = [watcher.next(), late.next()];
    await stage.poll();
    await stage.poll();
    stage.settles = true;
    await stage.poll();
    expect(await Promise.all(next)).toEqual(["2", "2"]);
    expect(await watcher.take(2)).toEqual(["3", "=3"]);
    expect(await late.take(2)).toEqual(["3", "=3"]);
  });
});

describe("L7 a revision that does not exist", () => {
  test.each([
    [0, 1n],
    [5, 6n],
    [5, 9_000_000_000_000n],
  ])("with %i revocations, after %i", async (revocations, after) => {
    const stage = revocationStage();
    if (revocations > 0) stage.end(1, revocations);
    const failure = await failureOf(stage.watch(after).next());
    expect(failure.reason).toBe("REVISION_OUT_OF_RANGE");
    expect(failure.metadata).toEqual({ last_revision: String(revocations) });
  });

  test("fails only the watcher who has it", async () => {
    const stage = revocationStage();
    stage.end(1, 3);
    const [good, bad] = [stage.watch(2n).next(), failureOf(stage.watch(8n).next())];
    expect(await good).toBe("3");
    expect((await bad).reason).toBe("REVISION_OUT_OF_RANGE");
  });

  test("another replica may have seen what this one has not read yet", async () => {
    const stage = revocationStage();
    const first = stage.watch();
    await first.next();
    stage.end(1, 7);
    const ahead = stage.watch(6n);
    expect(await ahead.take(2)).toEqual(["7", "=7"]);
    await stage.poll();
    stage.end(8, 8);
    await stage.poll();
    expect(await ahead.take(2)).toEqual(["8", "=8"]);
    expect(await first.take(9)).toEqual([...range(1, 8), "=8"]);
  });

  test("a database that was set back ends all streams, and is followed anew", async () => {
    const stage = revocationStage();
    stage.end(1, 9);
    const watcher = stage.watch();
    await watcher.toWatermark();
    stage.revocations = [revocation(1), revocation(2)];
    expect((await failureOf(stage.poll())).reason).toBe("REVISION_OUT_OF_RANGE");
    expect((await failureOf(watcher.next())).metadata).toEqual({ last_revision: "2" });
    expect(await stage.watch().take(3)).toEqual(["1", "2", "=2"]);
  });
});

describe("D5 watchers", () => {
  test("cost one reader, however many", async () => {
    const stage = revocationStage();
    stage.end(1, 10);
    const watchers = Array.from({ length: 2000 }, () => stage.watch());
    for (const seen of await Promise.all(watchers.map((each) => each.toWatermark())))
      expect(seen).toHaveLength(11);
    // Two batches of those who join at the same place are under way at once.
    expect(stage.reads.length).toBeLessThanOrEqual(2000 / 32 + 2);
    expect(stage.looksForBeginning).toBe(1);
    const before = stage.reads.length;
    const next = Promise.all(watchers.map((each) => each.take(2)));
    stage.end(11, 11);
    await stage.poll();
    for (const seen of await next) expect(seen).toEqual(["11", "=11"]);
    expect(stage.reads.length - before).toBe(1);
  });

  test("cost nothing when there are none", async () => {
    const stage = revocationStage();
    await stage.poll();
    const watcher = stage.watch();
    await watcher.next();
    await stage.poll();
    await watcher.leave();
    expect(stage.feed.watchers()).toBe(0);
    const before = stage.reads.length;
    await stage.poll();
    expect(stage.reads).toHaveLength(before);
  });

  test("end with their call, also while they wait", async () => {
    const stage = revocationStage();
    const call = new AbortController();
    const watcher = stage.watch(0n, call.signal);
    await watcher.next();
    const next = watcher.next();
    call.abort();
    expect(await next).toBe("over");
    expect(stage.feed.watchers()).toBe(0);
    expect(await stage.watch(0n, call.signal).next()).toBe("over");
  });

  test("that were outrun go on from the store, without a gap", async () => {
    const stage = revocationStage();
    const slow = stage.watch();
    const fast = stage.watch();
    await Promise.all([slow.next(), fast.next()]);
    stage.end(1, 1);
    await stage.poll();
    expect(await slow.take(2)).toEqual(["1", "=1"]);
    for (let from = 2; from < 45_000; from += 5000) {
      stage.end(from, from + 4999);
      await stage.poll();
      expect((await fast.toWatermark()).at(-1)).toBe(`=${from + 4999}`);
    }
    const before = stage.reads.length;
    expect(await slow.toWatermark()).toEqual([...range(2, 45_001), "=45001"]);
    expect(stage.reads.length).toBeGreaterThan(before + 20);
  });

  test("that do not come to the end for a minute are cut off, and resume where they were", async () => {
    const stage = revocationStage();
    stage.end(1, 5000);
    const slow = stage.watch();
    const seen: string[] = [];
    const failure = await failureOf(
      (async () => {
        for (;;) {
          seen.push(await slow.next());
          stage.elapsed += 25;
        }
      })(),
    );
    expect(failure.reason).toBe("WATCH_FELL_BEHIND");
    expect(seen).toEqual(range(1, 3000));
    expect(await stage.watch(3000n).toWatermark()).toEqual([...range(3001, 5000), "=5000"]);
  });

  test("are sent to look elsewhere when Postgres has not answered for five seconds", async () => {
    const stage = revocationStage();
    stage.end(1);
    const watcher = stage.watch();
    await watcher.toWatermark();
    stage.isDown = true;
    const next = failureOf(watcher.next());
    for (let polls = 0; polls < 21; polls++) await failureOf(stage.poll());
    expect((await next).reason).toBe("DEPENDENCY_UNAVAILABLE");
    expect((await failureOf(stage.watch(1n).next())).reason).toBe("DEPENDENCY_UNAVAILABLE");
    stage.isDown = false;
    stage.end(2);
    expect(await stage.watch(1n).take(2)).toEqual(["2", "=2"]);
  });
});

describe("a poll", () => {
  test("asked for during another is made up for by one more, a moment later", async () => {
    const stage = revocationStage();
    const watcher = stage.watch();
    await watcher.next();
    const before = stage.reads.length;
    stage.whileReading = () => {
      stage.whileReading = () => undefined;
      stage.end(1);
      void stage.feed.poll();
      void stage.feed.poll();
    };
    await stage.poll();
    expect(await watcher.take(2)).toEqual(["1", "=1"]);
    expect(stage.reads.length - before).toBe(2);
    expect(stage.naps).toBe(1);
  });
});
