import { expect, test } from "vitest";
import { createKeyRotation } from "../../../src/crypto/key_rotation.js";
import { openKeyring } from "../../../src/crypto/keyring.js";
import { scheduledRotation } from "../../../src/crypto/scheduled_rotation.js";
import { createMemoryKeyStore } from "./memory_key_store.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const stage = async (everyMs: number, signingKeysFromFiles = false) => {
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now, monotonic: () => now, sleep: async () => undefined };
  const store = createMemoryKeyStore();
  const times = { publicationMs: 10 * 60_000, accessTokenMs: 15 * 60_000, sessionMs: 7 * DAY };
  const keyring = await openKeyring({ store, algorithm: "EdDSA", clock });
  const rotation = createKeyRotation({ store, algorithm: "EdDSA", clock, ...times });
  const run = scheduledRotation({ rotation, everyMs, signingKeysFromFiles, clock });
  return {
    /** Advances the clock and returns the operations of that time. */
    async after(ms: number) {
      now += ms;
      await keyring.reload();
      const changes = await run();
      await keyring.reload();
      return changes.map(({ use, change }) => `${change} ${use}`);
    },
    signer: () => keyring.signer().kid,
  };
};

test("a key is followed by the next when its time has come, and retired when its tokens are dead", async () => {
  const { after, signer } = await stage(30 * DAY);
  const first = signer();
  expect(await after(30 * DAY - 1)).toEqual([]);
  expect(await after(1)).toEqual(["rotate sign", "rotate refresh"]);
  expect(await after(5 * 60_000)).toEqual([]);
  expect(signer()).toBe(first);
  expect(await after(5 * 60_000)).toEqual([]);
  expect(signer()).not.toBe(first);
  expect(await after(20 * 60_000)).toEqual([]);
  expect(await after(5 * 60_000)).toEqual(["retire sign"]);
  expect(await after(7 * DAY)).toEqual(["retire refresh"]);
  expect(await after(23 * DAY)).toEqual(["rotate sign", "rotate refresh"]);
});

test("without a schedule nothing is made", async () => {
  const { after } = await stage(0);
  expect(await after(1000 * DAY)).toEqual([]);
});

test("signing keys that come from files are rotated there", async () => {
  const { after } = await stage(DAY, true);
  expect(await after(DAY)).toEqual(["rotate refresh"]);
});
