import { EventEmitter } from "node:events";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { WatchRevocationsResponse } from "../../../generated/curfew/v1/auth_service.js";
import {
  followRevocations,
  type RevocationFeed,
} from "../../../src/validator/local/revocation_feed.js";

const failure = (code: status): ServiceError =>
  Object.assign(new Error("failed"), { code, details: "", metadata: new Metadata() });

const watermark = (revision: bigint): WatchRevocationsResponse => ({
  event: { $case: "watermark", value: { revision, at: new Date() } },
});

class Stream extends EventEmitter {
  isCancelled = false;
  cancel(): void {
    this.isCancelled = true;
    this.emit("error", failure(status.CANCELLED));
  }
}

let feed: RevocationFeed | undefined;
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  feed?.close();
  vi.useRealTimers();
});

/** A feed of streams that a test plays. */
const stage = (serviceKey: () => string = () => "cfs_key") => {
  const streams: Stream[] = [];
  const calls: { after: bigint; key: string }[] = [];
  const problems: Error[] = [];
  const client = {
    watchRevocations({ afterRevision }: { afterRevision: bigint }, metadata: Metadata) {
      calls.push({ after: afterRevision, key: String(metadata.get("authorization")[0]) });
      const stream = new Stream();
      streams.push(stream);
      return stream;
    },
  };
  feed = followRevocations({
    // The only call that is made here is WatchRevocations.
    replicas: { next: () => client as never },
    serviceKey,
    onRevocation: () => undefined,
    onWatermark: () => undefined,
    onReset: () => undefined,
    onProblem: (problem) => problems.push(problem),
  });
  return { feed, streams, calls, problems };
};

test("L7: a stream that ends is resumed where it was, and is no problem", async () => {
  const { streams, calls, problems } = stage();
  streams[0]?.emit("data", watermark(7n));
  streams[0]?.emit("error", failure(status.UNAVAILABLE));
  await vi.advanceTimersByTimeAsync(30);
  streams[1]?.emit("data", watermark(9n));
  streams[1]?.emit("end");
  await vi.advanceTimersByTimeAsync(30);
  expect(calls.map(({ after }) => after)).toEqual([0n, 7n, 9n]);
  expect(problems).toEqual([]);
});

test("a feed that stays silent is left for another, and told of once", async () => {
  const { streams, problems } = stage();
  streams[0]?.emit("data", watermark(7n));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(streams.length).toBeGreaterThan(3);
  expect(streams[0]?.isCancelled).toBe(true);
  expect(problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(/revocations has said nothing for 1\d\d\d ms/),
  ]);
  streams.at(-1)?.emit("data", watermark(8n));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(problems).toHaveLength(2);
});

test("a refused credential is told at once", async () => {
  const { streams, problems } = stage();
  streams[0]?.emit("error", failure(status.UNAUTHENTICATED));
  expect(problems[0]?.cause).toMatchObject({ message: expect.stringContaining("serviceKey") });
});

test("a key that cannot be read is read again, and the end of its line is no part of it", async () => {
  let isThere = false;
  const { calls } = stage(() => {
    if (!isThere) throw new Error("no such file");
    return "cfs_key\n";
  });
  expect(calls).toEqual([]);
  isThere = true;
  await vi.advanceTimersByTimeAsync(50);
  expect(calls).toEqual([{ after: 0n, key: "Bearer cfs_key" }]);
});

test("minRevision: who waits is told when it is reached, or is not in time, or by the end of the feed", async () => {
  const { feed, streams } = stage();
  const [reached, late, over] = [feed.reach(5n, 1000), feed.reach(6n, 100), feed.reach(7n, 9e6)];
  streams[0]?.emit("data", watermark(5n));
  expect(await reached).toBe(true);
  await vi.advanceTimersByTimeAsync(100);
  expect(await late).toBe(false);
  feed.close();
  expect(await over).toBe(false);
  expect(await feed.reach(7n, 9e6)).toBe(false);
  expect(await feed.reach(5n, 1000)).toBe(true);
});
