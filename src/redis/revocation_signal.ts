import { Cluster } from "ioredis";
import type { RevocationSignal } from "../core/ports/revocation_signal.js";
import type { RedisClient } from "./client.js";
import { ENDINGS_CHANNEL } from "./keys.js";

/**
 * Revocations announced to all replicas over Redis's pub/sub. What cannot be
 * published is lost, and a second connection listens, since one that has
 * subscribed serves nothing else.
 */
export const redisRevocationSignal = (client: RedisClient): RevocationSignal => {
  const listeners: (() => void)[] = [];
  let publishing = false;
  let isDue = false;

  const wake = (): void => {
    for (const listener of listeners) listener();
  };

  /** One at a time: revocations that come meanwhile share the next. */
  const publish = async (): Promise<void> => {
    publishing = true;
    while (isDue) {
      isDue = false;
      await client.publish(ENDINGS_CHANNEL, "").catch(() => undefined);
    }
    publishing = false;
  };

  const subscriber: RedisClient =
    client instanceof Cluster ? client.duplicate() : client.duplicate();
  subscriber.on("error", () => undefined);
  subscriber.on("message", wake);
  subscriber.on("ready", () => {
    subscriber.subscribe(ENDINGS_CHANNEL).catch((error: Error) => {
      // A subscriber that failed to connect would never receive an event, so it reconnects. A subscriber without the
      // permission to subscribe does not: the next attempt would fail too.
      if (error.name !== "ReplyError") subscriber.disconnect(true);
    });
  });

  return {
    announce() {
      wake();
      isDue = true;
      if (!publishing) void publish();
    },

    onRevocation(listener) {
      listeners.push(listener);
    },

    async close() {
      subscriber.disconnect();
    },
  };
};
