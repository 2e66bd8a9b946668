import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";
import type { WatchRevocationsResponse } from "../../../generated/curfew/v1/auth_service.js";
import type { Revocation } from "../../../generated/curfew/v1/revocation.js";
import { callMetadata } from "../channel/ask.js";
import { createBackoff } from "../channel/backoff.js";
import type { Replicas } from "../channel/replicas.js";
import { callFailure, reasonOf } from "../rpc_failure.js";

/** WatchRevocations over reconnects and replicas: every ending once, in order, without a gap. */
export interface RevocationFeed {
  /** Every ending up to here has been told. */
  revision(): bigint;
  /** When the last watermark arrived, on the monotonic clock; -Infinity: none has. */
  heardAt(): number;
  /** Resolves to whether the feed reached `revision` within `timeoutMs`. */
  reach(revision: bigint, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
  /** Resolves when the feed has been told how far it is. */
  live(): Promise<void>;
  close(): void;
}

export interface RevocationFeedOptions {
  readonly replicas: Pick<Replicas, "next">;
  readonly serviceKey: (() => string) | undefined;
  readonly onRevocation: (revocation: Revocation) => void;
  /** Curfew's clock in a watermark that just arrived. */
  readonly onWatermark: (at: number, receivedAt: number) => void;
  /** The order of endings is another one now (another database): whatever was known counts no more. */
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
  let isFailing = false;
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
      isFailing = false;
      backoff.reset();
      if (event.value.at !== undefined) options.onWatermark(event.value.at.getTime(), heardAt);
      advance(event.value.revision);
      for (const waiter of waiters) if (waiter.revision <= revision) waiter.done(true);
    }
  };

  const lose = (error: ServiceError): void => {
    if (reasonOf(error) === OUT_OF_RANGE) {
      revision = 0n;
      heardAt = Number.NEGATIVE_INFINITY;
      options.onReset();
    }
    if (!isFailing) {
      const { cause } = callFailure(error);
      options.onProblem(new Error("The feed of revocations was lost; following anew", { cause }));
    }
    isFailing = true;
  };

  /** Each stream ends once: by an error, by its end, or because it is left for another. */
  const leave = (ended: typeof stream, error?: ServiceError): void => {
    if (ended !== stream || isClosed) return;
    stream = undefined;
    if (error !== undefined) lose(error);
    reconnect = setTimeout(connect, backoff.next());
  };

  const connect = (): void => {
    const opened = options.replicas
      .next()
      .watchRevocations({ afterRevision: revision }, callMetadata(options.serviceKey));
    stream = opened;
    lastSignAt = performance.now();
    opened.on("data", (message: WatchRevocationsResponse) => {
      if (opened === stream) receive(message);
    });
    opened.on("error", (error: ServiceError) => leave(opened, error));
    opened.on("end", () => leave(opened));
  };

  const watchdog = setInterval(() => {
    const silent = stream;
    if (silent === undefined || performance.now() - lastSignAt < LONGEST_SILENCE_MS) return;
    leave(silent);
    silent.cancel();
  }, LOOK_EVERY_MS);
  watchdog.unref();
  connect();

  const reach: RevocationFeed["reach"] = (wanted, timeoutMs, signal) => {
    const isLive = heardAt !== Number.NEGATIVE_INFINITY;
    if (isLive && wanted <= revision) return Promise.resolve(true);
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
    live: async () => {
      await reach(0n, 2 ** 31 - 1);
    },
    close() {
      isClosed = true;
      clearInterval(watchdog);
      clearTimeout(reconnect);
      for (const waiter of waiters) waiter.done(false);
      stream?.cancel();
    },
  };
};
