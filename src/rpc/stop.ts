import { setTimeout as wait } from "node:timers/promises";
import type { Server } from "@grpc/grpc-js";
import { unavailable } from "../core/errors.js";
import type { Connections } from "./budgets/connections.js";
import type { Health } from "./health.js";
import type { OpenStreams } from "./interceptors/open_streams.js";

export interface StopOptions {
  /**
   * The time for which the server continues after health reports NOT_SERVING, so that balancers switch to other
   * replicas, in milliseconds.
   */
  readonly delayMs: number;
  /** Ends what stands before this server, such as a gateway, when the delay is over. */
  readonly beforeDrain?: () => Promise<void>;
  /** Milliseconds that calls in flight have to end, before they are cut off. */
  readonly graceMs: number;
  /** Writes the uses that are still only in memory (A1), when no call can add to them any more. */
  readonly flush: () => Promise<void>;
}

/** What makes up a server that can be stopped. */
export interface StoppableParts {
  readonly server: Server;
  readonly connections: Connections;
  readonly health: Health;
  readonly streams: OpenStreams;
}

/** Waits for calls in flight, and for their connections to close. */
const drain = ({ server, connections }: StoppableParts, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const giveUp = setTimeout(() => {
      server.forceShutdown();
      connections.destroyAll();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(giveUp);
      resolve();
    });
  });

/**
 * Stops a server without failing calls it could answer: NOT_SERVING, a delay,
 * an end to all streams (UNAVAILABLE, so that callers go elsewhere), time for
 * calls in flight, and then no more time.
 */
export const stopGracefully = async (
  parts: StoppableParts,
  { delayMs, graceMs, beforeDrain, flush }: StopOptions,
): Promise<void> => {
  const { health, streams } = parts;
  health.stop();
  if (delayMs > 0) await wait(delayMs);
  // While the gateway answers its open requests, this server answers the gateway.
  await beforeDrain?.();
  streams.endAll(unavailable("the server is stopping"));
  streams.close();
  await drain(parts, graceMs);
  await flush();
};
