import { randomBytes } from "node:crypto";
import { heartbeatKey } from "./keys.js";
import type { Scripts } from "./scripts.js";

/**
 * A memory without a heartbeat for longer than this may have been restored from
 * a snapshot while no replica ran to notice. Longer than a replica goes without
 * one while Postgres hangs. Milliseconds.
 */
const MAX_BETWEEN_HEARTBEATS_MS = 5000;

/** Which memory one shard has, and that it is not an older state of itself. */
export interface MemoryIdentity {
  /** The id of the memory reached now; leaves a heartbeat in it. */
  identify(answered: <T>(call: Promise<T>) => Promise<T>): Promise<string>;
  /** The newest heartbeat seen there: a memory that shows an older one was rolled back. Empty: none. */
  heartbeat(): string;
}

export const memoryIdentity = (
  scripts: Pick<Scripts, "identify">,
  shard: number,
): MemoryIdentity => {
  let seenOn = "";
  let seen = "";
  return {
    async identify(answered) {
      const suffix = `-${randomBytes(6).toString("hex")}`;
      const args = [seen, seenOn, suffix, MAX_BETWEEN_HEARTBEATS_MS];
      const [id, heartbeat] = await answered(scripts.identify([heartbeatKey(shard)], args));
      // Answers of calls that overlap may come in another order.
      if (id !== seenOn || heartbeat > seen) seen = heartbeat;
      seenOn = id;
      return id;
    },
    heartbeat: () => seen,
  };
};
