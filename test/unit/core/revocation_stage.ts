import { unavailable } from "../../../src/core/errors.js";
import type { Clock } from "../../../src/core/ports/clock.js";
import type {
  PendingInvalidation,
  RecordedRevocation,
} from "../../../src/core/ports/session_store.js";
import type { RevocationEvent } from "../../../src/core/revocation/revocation.js";
import { revocationFeed } from "../../../src/core/revocation/revocation_feed.js";
import { NOW } from "./samples.js";

const HOUR = 3_600_000;

export const revocation = (
  revision: number,
  given: Partial<RecordedRevocation> = {},
): RecordedRevocation => ({
  sessionId: `s${revision}`,
  userId: "u",
  end: { reason: "LOGOUT", at: NOW, by: "u", revision: BigInt(revision) },
  accessExpiresAt: NOW + HOUR,
  pendingInvalidation: false,
  ...given,
});

/** A feed between a store and a cache lease that a test controls, on a clock that the test moves. */
export const revocationStage = () => {
  const stage = {
    elapsed: 0,
    /** By how much the store's clock was set back. */
    setBack: 0,
    revocations: [] as RecordedRevocation[],
    isDown: false,
    /** Whether pending invalidations can be completed. */
    settles: true,
    settled: [] as string[],
    /** The revisions that were read from, in order. */
    reads: [] as bigint[],
    looksForBeginning: 0,
    /** What happens while a page is read, after its snapshot was taken. */
    whileReading: (): void => undefined,
    naps: 0,
  };
  const clock: Clock = {
    now: () => NOW + stage.elapsed - stage.setBack,
    monotonic: () => 1000 + stage.elapsed,
    async sleep(ms) {
      stage.naps += 1;
      stage.elapsed += ms;
    },
  };
  const feed = revocationFeed({
    clock,
    schedule: setImmediate,
    store: {
      async revocationsAfter(revision, limit) {
        stage.reads.push(revision);
        if (stage.isDown) throw unavailable();
        const revocations = stage.revocations
          .filter(({ end }) => end.revision > revision)
          .slice(0, limit);
        const lastRevision = stage.revocations.at(-1)?.end.revision ?? 0n;
        await Promise.resolve();
        stage.whileReading();
        return { revocations, lastRevision };
      },
      async relevantAfter(now) {
        stage.looksForBeginning += 1;
        if (stage.isDown) throw unavailable();
        const first = stage.revocations.find(({ accessExpiresAt }) => accessExpiresAt > now);
        const last = stage.revocations.at(-1)?.end.revision ?? 0n;
        return first === undefined ? last : first.end.revision - 1n;
      },
    },
    cacheLease: {
      async awaitRevoked(changes: readonly PendingInvalidation[]) {
        stage.settled.push(...changes.map(({ sessionId }) => sessionId));
        if (!stage.settles) throw unavailable();
        const ids = new Set(changes.map(({ sessionId }) => sessionId));
        stage.revocations = stage.revocations.map((known) =>
          ids.has(known.sessionId) ? { ...known, pendingInvalidation: false } : known,
        );
      },
    },
  });

  return Object.assign(stage, {
    feed,
    /** Sessions that have ended, from one revision to another. */
    end(from: number, to = from, given: Partial<RecordedRevocation> = {}) {
      for (let revision = from; revision <= to; revision++)
        stage.revocations.push(revocation(revision, given));
    },
    /** Time passes, and the feed is polled. */
    async poll(ms = 250) {
      stage.elapsed += ms;
      await feed.poll();
    },
    watch(after = 0n, signal = new AbortController().signal) {
      return watcher(feed.watch(after, signal));
    },
  });
};

/** Abbreviates an event for a watcher: `3` is the revocation of revision 3, `=3` a watermark. */
export const told = (event: RevocationEvent): string =>
  event.kind === "revocation" ? `${event.revocation.revision}` : `=${event.watermark.revision}`;

/** A watcher that reads only on request. */
const watcher = (events: AsyncGenerator<RevocationEvent, void>) => {
  const next = async (): Promise<string> => {
    const { value, done } = await events.next();
    return done ? "over" : told(value);
  };
  return {
    events,
    next,
    /** The next few. */
    async take(count: number): Promise<string[]> {
      const taken: string[] = [];
      while (taken.length < count) taken.push(await next());
      return taken;
    },
    /** All up to the next watermark. */
    async toWatermark(): Promise<string[]> {
      const taken: string[] = [];
      do taken.push(await next());
      while (!taken.at(-1)?.startsWith("="));
      return taken;
    },
    leave: () => events.return(),
  };
};
