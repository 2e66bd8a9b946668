import { type ClientReadableStream, status as Code, type ServiceError } from "@grpc/grpc-js";
import type { WatchRevocationsResponse } from "../../../generated/curfew/v1/auth_service.js";
import type { Revocation } from "../../../generated/curfew/v1/revocation.js";
import { callMetadata } from "../channel/ask.js";
import { createBackoff } from "../channel/backoff.js";
import type { Replicas } from "../channel/replicas.js";
import { callFailure, reasonOf } from "../rpc_failure.js";

/** WatchRevocations over reconnects and replicas: every revocation once, in order, without a gap. */
export interface RevocationFeed {
  /** The feed has delivered every revocation up to this revision. */
  revision(): bigint;
  /** When the last watermark arrived, on the monotonic clock; -Infinity: none has. */
  heardAt(): number;
  /** Resolves to whether the feed reached `revision` within `timeoutMs`. */
  reach(revision: bigint, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  close(): void;
}

export interface RevocationFeedOptions {
  readonly replicas: Pick<Replicas, "next">;
  readonly serviceKey: (() => string) | undefined;
  readonly onRevocation: (revocation: Revocation) => void;
  /** Curfew's clock in a watermark that just arrived. */
  readonly onWatermark: (at: number, receivedAt: number) => void;
  /** The order of revocations has changed (another database): all earlier knowledge is void. */
  readonly onReset: () => void;
  readonly onProblem: (problem: Error) => void;
}

/** Watermarks come every second at least: without one for this long, another replica may do better. */
const LONGEST_SILENCE_MS = 1500;
const LOOK_EVERY_MS = 250;
const BACKOFF = { firstMs: 20, mostMs: 1000 };
const OUT_OF_RANGE = "REVISION_OUT_OF_RANGE";

interface Waiter {
  readonly revision: bigint;
  readonly done: (reached: boolean) => void;
}

export const followRevocations = (options: RevocationFeedOptions): RevocationFeed => {
  const backoff = createBackoff(BACKOFF);
  const waiters = new Set<Waiter>();
  let stream: ClientReadableStream<WatchRevocationsResponse> | undefined;
  let reconnect: NodeJS.Timeout | undefined;
  let revision = 0n;
  let heardAt = Number.NEGATIVE_INFINITY;
  let lastSignAt = performance.now();
  /** The time at which the feed was last in order, and the problem since then. */
  let goodAt = lastSignAt;
  let lastFailure: unknown;
  let isReported = false;
  let isClosed = false;

  const advance = (to: bigint): void => {
    if (to <= revision) return;
    revision = to;
    for (const waiter of waiters) if (waiter.revision <= to) waiter.done(true);
  };

  const receive = ({ event }: WatchRevocationsResponse): void => {
    lastSignAt = performance.now();
    if (event?.$case === "revocation") {
      options.onRevocation(event.value);
      advance(event.value.revision);
    } else if (event?.$case === "watermark") {
      heardAt = lastSignAt;
      goodAt = lastSignAt;
      lastFailure = undefined;
      isReported = false;
      backoff.reset();
      if (event.value.at !== undefined) options.onWatermark(event.value.at.getTime(), heardAt);
      advance(event.value.revision);
      for (const waiter of waiters) if (waiter.revision <= revision) waiter.done(true);
    }
  };

  /** Once a trouble. A stream that ends is none: connections have an age, and replicas restart. */
  const report = (): void => {
    if (isReported) return;
    isReported = true;
    const silence = Math.round(performance.now() - goodAt);
    options.onProblem(
      new Error(`The feed of revocations has said nothing for ${silence} ms; following anew`, {
        cause: lastFailure,
      }),
    );
  };

  const lose = (error: ServiceError): void => {
    lastFailure = callFailure(error).cause;
    if (reasonOf(error) === OUT_OF_RANGE) {
      revision = 0n;
      heardAt = Number.NEGATIVE_INFINITY;
      options.onReset();
      report();
    }
    if (error.code === Code.UNAUTHENTICATED || error.code === Code.PERMISSION_DENIED) report();
  };

  /** Each stream ends once: by an error, by its end, or because it is left for another. */
  const leave = (ended: typeof stream, error?: ServiceError): void => {
    if (ended !== stream || isClosed) return;
    stream = undefined;
    if (error !== undefined) lose(error);
    reconnect = setTimeout(connect, backoff.next());
  };

  const open = (): typeof stream => {
    try {
      return options.replicas
        .next()
        .watchRevocations({ afterRevision: revision }, callMetadata(options.serviceKey));
    } catch (error) {
      // A `serviceKey` that cannot be read at the moment.
      lastFailure = error;
      return undefined;
    }
  };

  const connect = (): void => {
    const opened = open();
    stream = opened;
    if (opened === undefined) {
      reconnect = setTimeout(connect, backoff.next());
      return;
    }
    lastSignAt = performance.now();
    opened.on("data", (message: WatchRevocationsResponse) => {
      if (opened === stream) receive(message);
    });
    opened.on("error", (error: ServiceError) => leave(opened, error));
    opened.on("end", () => leave(opened));
  };

  const watchdog = setInterval(() => {
    const now = performance.now();
    if (now - goodAt >= LONGEST_SILENCE_MS) report();
    const silent = stream;
    if (silent === undefined || now - lastSignAt < LONGEST_SILENCE_MS) return;
    leave(silent);
    silent.cancel();
  }, LOOK_EVERY_MS);
  watchdog.unref();
  connect();

  const reach: RevocationFeed["reach"] = (wanted, timeoutMs, signal) => {
    const isLive = heardAt !== Number.NEGATIVE_INFINITY;
    if (isLive && wanted <= revision) return Promise.resolve(true);
    if (signal?.aborted || isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        revision: wanted,
        done(reached) {
          waiters.delete(waiter);
          clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
          resolve(reached);
        },
      };
      const abort = (): void => waiter.done(false);
      const timer = setTimeout(abort, timeoutMs);
      signal?.addEventListener("abort", abort);
      waiters.add(waiter);
    });
  };

  return {
    revision: () => revision,
    heardAt: () => heardAt,
    reach,
    close() {
      isClosed = true;
      clearInterval(watchdog);
      clearTimeout(reconnect);
      for (const waiter of waiters) waiter.done(false);
      stream?.cancel();
    },
  };
};
