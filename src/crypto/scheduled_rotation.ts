import type { Clock } from "../core/ports/clock.js";
import type { KeyUse } from "../core/ports/key_store.js";
import type { KeyRotation } from "./key_rotation.js";
import type { KeyDescription } from "./keys/key_description.js";

/** A change that was made to a key. */
export interface KeyChange {
  readonly kid: string;
  readonly use: KeyUse;
  readonly change: "rotate" | "retire";
}

const USES: readonly KeyUse[] = ["sign", "refresh"];

/**
 * Creates the next key when the current one has been in use for `everyMs` (0: never), and retires keys whose last token
 * has expired. Safe to call at any time and repeatedly; one replica at a time does the work. Resolves to the changes.
 */
export function scheduledRotation(options: {
  readonly rotation: Pick<KeyRotation, "list" | "rotate" | "retire">;
  /** In milliseconds. */
  readonly everyMs: number;
  readonly signingKeysFromFiles: boolean;
  readonly clock: Pick<Clock, "now">;
}): () => Promise<KeyChange[]> {
  const { rotation, everyMs, clock } = options;

  function isDue(keys: readonly KeyDescription[], use: KeyUse): boolean {
    if (everyMs === 0 || (use === "sign" && options.signingKeysFromFiles)) return false;
    const own = keys.filter((key) => key.use === use);
    const since = own
      .filter(({ state }) => state === "active")
      .map(({ activatedAt, createdAt }) => activatedAt ?? createdAt);
    if (since.length === 0 || own.some(({ state }) => state === "next")) return false;
    return clock.now() - Math.max(...since) >= everyMs;
  }

  return async () => {
    const changes: KeyChange[] = [];
    const keys = await rotation.list();
    for (const use of USES.filter((candidate) => isDue(keys, candidate))) {
      const { kid } = await rotation.rotate({ use });
      changes.push({ kid, use, change: "rotate" });
    }
    for (const { kid, use, state, retirableFrom } of keys) {
      if (state !== "retiring" || clock.now() < (retirableFrom ?? Number.POSITIVE_INFINITY))
        continue;
      await rotation.retire(kid);
      changes.push({ kid, use, change: "retire" });
    }
    return changes;
  };
}
