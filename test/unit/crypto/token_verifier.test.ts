import { describe, expect, test, vi } from "vitest";
import { createKeyRotation } from "../../../src/crypto/key_rotation.js";
import { createTokenVerifier } from "../../../src/crypto/token_verifier.js";
import {
  ALGORITHMS,
  AUDIENCE,
  CLAIMS,
  createManualClock,
  ISSUER,
  MINUTE,
  openReplica,
} from "./fixtures.js";

describe("round trip", () => {
  test.each(ALGORITHMS)("%s: what was signed is what is read", async (algorithm) => {
    const { signer, verifier } = await openReplica({ algorithm });
    expect(await verifier.verify(await signer.sign(CLAIMS))).toEqual(CLAIMS);
  });

  test.each(ALGORITHMS)("%s: the header is alg, kid and typ", async (algorithm) => {
    const { signer, keys } = await openReplica({ algorithm });
    const [header = ""] = (await signer.sign(CLAIMS)).split(".");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({
      alg: algorithm,
      kid: keys.signer().kid,
      typ: "at+jwt",
    });
  });

  test("a single audience is a string, several are a list", async () => {
    const { signer } = await openReplica();
    const audOf = async (aud: string[]) => {
      const [, payload = ""] = (await signer.sign({ ...CLAIMS, aud })).split(".");
      return JSON.parse(Buffer.from(payload, "base64url").toString()).aud;
    };
    expect(await audOf(["orders"])).toBe("orders");
    expect(await audOf(["orders", "billing"])).toEqual(["orders", "billing"]);
  });

  test("a token that no verifier would take is not signed", async () => {
    const { signer } = await openReplica();
    const roles = Array.from({ length: 800 }, (_, index) => `role-${index}`);
    await expect(signer.sign({ ...CLAIMS, roles })).rejects.toThrow(/too many roles/);
  });
});

describe("memory of verified tokens", () => {
  test("the first answer is a promise, the next is at hand", async () => {
    const { signer, verifier } = await openReplica();
    const token = await signer.sign(CLAIMS);
    const first = verifier.verify(token);
    expect(first).toBeInstanceOf(Promise);
    expect(verifier.verify(token)).toBe(first);
    expect(verifier.verify(token)).toBe(first);
    expect(verifier.verify(`${token}`)).not.toEqual(CLAIMS);
    const claims = await first;
    expect(verifier.verify(token)).toBe(claims);
  });

  test("shared claims cannot be changed", async () => {
    const { signer, verifier } = await openReplica();
    const claims = await verifier.verify(await signer.sign(CLAIMS));
    expect(claims).toSatisfy(Object.isFrozen);
    expect(claims?.roles).toSatisfy(Object.isFrozen);
    expect(claims?.aud).toSatisfy(Object.isFrozen);
    expect(claims?.amr).toSatisfy(Object.isFrozen);
  });

  test("it is bounded", async () => {
    const { signer, keys } = await openReplica();
    const verifier = createTokenVerifier({
      keys,
      issuer: ISSUER,
      audience: AUDIENCE,
      cacheSize: 2,
    });
    const tokens = await Promise.all(["a", "b", "c"].map((jti) => signer.sign({ ...CLAIMS, jti })));
    for (const token of tokens) {
      await verifier.verify(token);
    }
    const remembered = tokens.map((token) => !(verifier.verify(token) instanceof Promise));
    expect(remembered).toEqual([false, true, true]);
    await Promise.all(tokens.map((token) => verifier.verify(token)));
  });

  test("refusals are not remembered", async () => {
    const { signer, verifier } = await openReplica();
    const token = await signer.sign({ ...CLAIMS, iss: "https://other.test" });
    expect(await verifier.verify(token)).toBeUndefined();
    expect(verifier.verify(token)).toBeInstanceOf(Promise);
    expect(await verifier.verify(token)).toBeUndefined();
  });

  test("a token of a retired key is forgotten at once", async () => {
    const clock = createManualClock();
    const { signer, verifier, keys, store } = await openReplica({ clock });
    const rotation = createKeyRotation({
      store,
      algorithm: "EdDSA",
      clock,
      accessTokenMs: 15 * MINUTE,
      sessionMs: 60 * MINUTE,
    });
    const token = await signer.sign(CLAIMS);
    const { kid } = keys.signer();
    expect(await verifier.verify(token)).toEqual(CLAIMS);
    await rotation.rotate({ immediately: true });
    await keys.reload();
    expect(verifier.verify(token)).toEqual(CLAIMS);
    await rotation.retire(kid, { force: true });
    await keys.reload();
    expect(await verifier.verify(token)).toBeUndefined();
  });
});

describe("a key that is not known", () => {
  async function twoReplicas() {
    const clock = createManualClock();
    const one = await openReplica({ clock });
    const two = await openReplica({ clock }, one.store);
    const rotation = createKeyRotation({
      store: one.store,
      algorithm: "EdDSA",
      clock,
      accessTokenMs: 15 * MINUTE,
      sessionMs: 60 * MINUTE,
    });
    await rotation.rotate({ immediately: true });
    await one.keys.reload();
    return { clock, one, two, token: await one.signer.sign(CLAIMS) };
  }

  test("is looked up in the store once for all who ask", async () => {
    const { one, two } = await twoReplicas();
    const tokens = await Promise.all(
      ["a", "b", "c"].map((jti) => one.signer.sign({ ...CLAIMS, jti })),
    );
    const reload = vi.spyOn(one.store, "list");
    const answers = await Promise.all(tokens.map((token) => two.verifier.verify(token)));
    expect(answers.map((claims) => claims?.jti)).toEqual(["a", "b", "c"]);
    const readsOfOneReload = reload.mock.calls.length;
    await two.keys.reload();
    expect(reload.mock.calls.length).toBe(2 * readsOfOneReload);
  });

  test("D5 D8: a flood of made-up kids reads the store at most ten times a second", async () => {
    const { clock, one, two } = await twoReplicas();
    const stranger = await openReplica();
    await two.verifier.verify(await stranger.signer.sign(CLAIMS));
    const startedAt = clock.monotonic();
    one.store.reads = 0;
    await two.keys.reload();
    const readsOfOneReload = one.store.reads;
    for (let index = 0; index < 200; index += 1) {
      const token = await stranger.signer.sign({ ...CLAIMS, jti: `${index}` });
      expect(await two.verifier.verify(token)).toBeUndefined();
    }
    const seconds = (clock.monotonic() - startedAt) / 1000;
    expect(one.store.reads / readsOfOneReload).toBeLessThan(seconds * 10 + 3);
  });

  test("that was made at once, while strangers ask for others all the time, refuses no good token", async () => {
    const { one, two } = await twoReplicas();
    const rotation = createKeyRotation({
      store: one.store,
      algorithm: "EdDSA",
      clock: createManualClock(),
      accessTokenMs: 15 * MINUTE,
      sessionMs: 60 * MINUTE,
    });
    const stranger = await openReplica();
    let asking = true;
    const flood = async () => {
      for (let index = 0; asking; index += 1) {
        const forged = await stranger.signer.sign({ ...CLAIMS, jti: `${index}` });
        expect(await two.verifier.verify(forged)).toBeUndefined();
      }
    };
    const floods = [flood(), flood(), flood()];
    for (let round = 0; round < 10; round += 1) {
      await rotation.rotate({ immediately: true });
      await one.keys.reload();
      const fresh = await one.signer.sign({ ...CLAIMS, jti: `fresh ${round}` });
      expect((await two.verifier.verify(fresh))?.jti).toBe(`fresh ${round}`);
    }
    asking = false;
    await Promise.all(floods);
  });

  test("is an outage, not a bad token, while the store is down", async () => {
    const { clock, one, two, token } = await twoReplicas();
    one.store.broken = new Error("connection refused");
    const outage = { reason: "DEPENDENCY_UNAVAILABLE", cause: one.store.broken };
    await expect(two.verifier.verify(token)).rejects.toMatchObject(outage);
    await expect(two.verifier.verify(token)).rejects.toMatchObject(outage);
    one.store.broken = undefined;
    clock.advance(1000);
    expect(await two.verifier.verify(token)).toEqual(CLAIMS);
  });
});
