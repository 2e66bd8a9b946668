import { describe, expect, test } from "vitest";
import type { Clock } from "../../../src/core/ports/clock.js";
import { createKeyRotation } from "../../../src/crypto/key_rotation.js";
import type { KeyDescription } from "../../../src/crypto/keys/key_description.js";
import { createRefreshTokenCodec } from "../../../src/crypto/refresh_token_codec.js";
import { CLAIMS, createManualClock, MINUTE, openReplica, SESSION_ID } from "./fixtures.js";
import { createMemoryKeyStore, type MemoryKeyStore } from "./memory_key_store.js";

const PUBLICATION = 10 * MINUTE;
const ACCESS_TOKEN = 15 * MINUTE;
const SESSION = 7 * 24 * 60 * MINUTE;

async function setUp() {
  const clock = createManualClock();
  const replica = await openReplica({ clock });
  const rotation = createKeyRotation({
    store: replica.store,
    algorithm: "EdDSA",
    clock,
    accessTokenMs: ACCESS_TOKEN,
    sessionMs: SESSION,
  });
  const advance = async (ms: number) => {
    clock.advance(ms);
    await replica.keys.reload();
  };
  const stateOf = async (kid: string): Promise<KeyDescription["state"] | undefined> =>
    (await rotation.list()).find((key) => key.kid === kid)?.state;
  return { ...replica, clock, rotation, advance, stateOf };
}

describe("rotate", () => {
  test("publishes, then signs by itself, while old tokens stay good", async () => {
    const { keys, rotation, advance, signer, verifier, stateOf } = await setUp();
    const old = keys.signer().kid;
    const token = await signer.sign(CLAIMS);
    const next = await rotation.rotate();
    expect(next.state).toBe("next");

    await advance(0);
    expect(keys.signer().kid).toBe(old);
    expect(keys.jwks().map(({ kid }) => kid)).toEqual([old, next.kid]);

    await advance(PUBLICATION - 1);
    expect(keys.signer().kid).toBe(old);
    await advance(1);
    expect(keys.signer().kid).toBe(next.kid);
    expect([await stateOf(old), await stateOf(next.kid)]).toEqual(["retiring", "active"]);
    expect(await verifier.verify(token)).toEqual(CLAIMS);
    expect(await verifier.verify(await signer.sign(CLAIMS))).toEqual(CLAIMS);
  });

  test("twice by mistake is refused", async () => {
    const { rotation } = await setUp();
    const { kid } = await rotation.rotate();
    await expect(rotation.rotate()).rejects.toThrow(`Key ${kid} is waiting to sign already`);
  });

  test("immediately signs at the next reload", async () => {
    const { keys, rotation, stateOf } = await setUp();
    const old = keys.signer().kid;
    const { kid, state } = await rotation.rotate({ immediately: true });
    expect(state).toBe("active");
    await keys.reload();
    expect(keys.signer().kid).toBe(kid);
    expect(await stateOf(old)).toBe("retiring");
  });

  test("immediately overtakes a key that waits, which then never signs", async () => {
    const { rotation, clock, advance, keys, stateOf } = await setUp();
    const waiting = await rotation.rotate();
    clock.advance(1);
    const { kid } = await rotation.rotate({ immediately: true });
    await advance(PUBLICATION);
    await advance(0);
    expect(keys.signer().kid).toBe(kid);
    expect(await stateOf(waiting.kid)).toBe("retired");
  });

  test("is not for keys in files", async () => {
    const { store, clock } = await setUp();
    const rotation = createKeyRotation({
      store,
      directory: "/etc/curfew/keys",
      algorithm: "EdDSA",
      clock,
      accessTokenMs: ACCESS_TOKEN,
      sessionMs: SESSION,
    });
    await expect(rotation.rotate()).rejects.toThrow(/Signing keys come from JWT_KEYS_DIR/);
  });
});

describe("activate", () => {
  test("waits for the time of publication, unless forced", async () => {
    const { rotation, keys } = await setUp();
    const { kid } = await rotation.rotate();
    await expect(rotation.activate(kid)).rejects.toThrow(
      `Key ${kid} is not known everywhere yet; it can sign from 2023-11-14T22:23:20.000Z on.`,
    );
    await rotation.activate(kid, { force: true });
    await keys.reload();
    expect(keys.signer().kid).toBe(kid);
    await expect(rotation.activate(kid)).resolves.toBeUndefined();
  });

  test("a key that has signed does not sign again", async () => {
    const { rotation, keys } = await setUp();
    const old = keys.signer().kid;
    await rotation.rotate({ immediately: true });
    await expect(rotation.activate(old, { force: true })).rejects.toThrow(
      `Key ${old} is retiring and cannot sign again.`,
    );
  });
});

describe("retire", () => {
  test("refuses while a token may be alive, then ends the key", async () => {
    const { rotation, keys, clock, advance, signer, verifier, stateOf } = await setUp();
    const old = keys.signer().kid;
    await rotation.rotate();
    await advance(PUBLICATION - 1);
    const token = await signer.sign(CLAIMS);
    await advance(1);
    clock.advance(PUBLICATION + ACCESS_TOKEN - 1);
    await expect(rotation.retire(old)).rejects.toThrow(/may have live tokens until 2023-/);
    expect(await verifier.verify(token)).toEqual(CLAIMS);
    clock.advance(1);
    await rotation.retire(old);
    await keys.reload();
    expect(await stateOf(old)).toBe("retired");
    expect(keys.jwks().map(({ kid }) => kid)).not.toContain(old);
    expect(await verifier.verify(token)).toBeUndefined();
    await expect(rotation.retire(old)).resolves.toBeUndefined();
  });

  test("with force kills the tokens of a leaked key at once", async () => {
    const { rotation, keys, signer, verifier } = await setUp();
    const leaked = keys.signer().kid;
    const token = await signer.sign(CLAIMS);
    await rotation.rotate({ immediately: true });
    await rotation.retire(leaked, { force: true });
    await keys.reload();
    expect(await verifier.verify(token)).toBeUndefined();
  });

  test("never takes the key that signs, nor an unknown one", async () => {
    const { rotation, keys } = await setUp();
    const { kid } = keys.signer();
    await expect(rotation.retire(kid, { force: true })).rejects.toThrow(/Rotate first/);
    await expect(rotation.retire("other")).rejects.toThrow("There is no key other in the store");
  });

  test("takes a key that has never signed", async () => {
    const { rotation, advance, keys, stateOf } = await setUp();
    const { kid } = await rotation.rotate();
    await rotation.retire(kid);
    await advance(PUBLICATION);
    expect(keys.signer().kid).not.toBe(kid);
    expect(await stateOf(kid)).toBe("retired");
  });
});

describe("a life of tokens that was lowered", () => {
  /** Returns the warnings to an operator after a restart with these lifetimes. */
  const restart = (store: MemoryKeyStore, clock: Clock, accessTokenMs: number, sessionMs: number) =>
    createKeyRotation({ store, algorithm: "EdDSA", clock, accessTokenMs, sessionMs });

  test.each([
    ["sign", ACCESS_TOKEN],
    ["refresh", SESSION],
  ] as const)(
    "keeps a key of use %s until the last of its older tokens is dead",
    async (use, lifeMs) => {
      const clock = createManualClock();
      const store = createMemoryKeyStore();
      const tokenMs = { sign: ACCESS_TOKEN, refresh: SESSION };
      const { keys } = await openReplica({ clock, tokenMs }, store);
      const old = use === "sign" ? keys.signer().kid : keys.refreshKeys().current.kid;
      // Another replica has the lower setting already; it may note a shorter life only.
      await openReplica({ clock, tokenMs: { sign: MINUTE, refresh: MINUTE } }, store);
      const rotation = restart(store, clock, MINUTE, MINUTE);
      await rotation.rotate({ use });
      clock.advance(PUBLICATION);
      await keys.reload();
      const { retirableFrom } = (await rotation.list()).find(({ kid }) => kid === old) ?? {};
      expect(retirableFrom).toBe(clock.now() + PUBLICATION + lifeMs);
      clock.advance(PUBLICATION + lifeMs - 1);
      await expect(rotation.retire(old)).rejects.toThrow(/may have live tokens/);
      clock.advance(1);
      await rotation.retire(old);
    },
  );

  test("D7: each change of a key is one event, by whichever replica it is made", async () => {
    const { store, rotation, clock, keys } = await setUp();
    const other = await openReplica({ clock }, store);
    const told = () => store.events.splice(0).map(({ metadata }) => metadata);
    const [{ kid: old } = { kid: "" }] = [keys.signer()];
    told();
    const { kid } = await rotation.rotate();
    expect(told()).toEqual([{ kid, use: "sign", change: "rotate" }]);
    clock.advance(PUBLICATION);
    await Promise.all([keys.reload(), other.keys.reload()]);
    expect(told()).toEqual([{ kid, use: "sign", change: "activate" }]);
    clock.advance(PUBLICATION + ACCESS_TOKEN);
    await rotation.retire(old);
    expect(told()).toEqual([{ kid: old, use: "sign", change: "retire" }]);
  });
});

describe("refresh keys", () => {
  test("R2: over a whole rotation old tokens are good and successors stay the same", async () => {
    const { rotation, advance, keys } = await setUp();
    const codec = createRefreshTokenCodec(keys);
    const token = codec.mint({ sessionId: SESSION_ID, generation: 0 });
    const successor = async () => {
      const keyTag = (await codec.parse(token))?.keyTag;
      return codec.mint({ sessionId: SESSION_ID, generation: 1, keyTag });
    };
    const before = await successor();
    const old = keys.refreshKeys().current.kid;

    const { kid } = await rotation.rotate({ use: "refresh" });
    await advance(PUBLICATION);
    expect(keys.refreshKeys().current.kid).toBe(kid);
    expect(await successor()).toBe(before);

    await expect(rotation.retire(old)).rejects.toThrow(/may have live tokens/);
    await advance(PUBLICATION + SESSION);
    await rotation.retire(old);
    await advance(0);
    expect(await codec.parse(token)).toBeUndefined();
  });

  test("never sign before every replica knows them: that would log users out", async () => {
    const { rotation } = await setUp();
    const hurry = rotation.rotate({ use: "refresh", immediately: true });
    await expect(hurry).rejects.toThrow(/published first/);
    const { kid } = await rotation.rotate({ use: "refresh" });
    await expect(rotation.activate(kid, { force: true })).rejects.toThrow(/not known everywhere/);
  });
});

test("D6: a description holds no secret", async () => {
  const { rotation } = await setUp();
  const keys = await rotation.list();
  expect(keys.map(({ use, state, sealed }) => [use, state, sealed])).toEqual([
    ["sign", "active", false],
    ["refresh", "active", false],
  ]);
  for (const key of keys) {
    expect(key).not.toHaveProperty("secret");
    expect(JSON.stringify(key)).not.toContain('"d"');
  }
});
