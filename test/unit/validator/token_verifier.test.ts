import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { Jwk } from "../../../generated/curfew/v1/jwk.js";
import { openSecret } from "../../../src/crypto/keys/sealed_secret.js";
import { followKeys, type KeySet } from "../../../src/validator/token/key_set.js";
import { createTokenVerifier } from "../../../src/validator/token/token_verifier.js";
import { ALGORITHMS, AUDIENCE, CLAIMS, ISSUER, openReplica } from "../crypto/fixtures.js";

/** The validator must refuse exactly what Curfew refuses: each case is put to both. */

const open = async (algorithm: (typeof ALGORITHMS)[number]) => {
  const replica = await openReplica({ algorithm });
  const keys = followKeys({
    fetchKeys: async () => replica.keys.jwks() as readonly Jwk[],
    refreshMs: 60_000,
    maxAge: 60_000,
    onProblem: () => undefined,
  });
  await keys.refetch();
  const verify = createTokenVerifier(keys, { issuer: ISSUER, audience: AUDIENCE });
  return { replica, keys, verify };
};

test.each(ALGORITHMS)("%s: a token of Curfew's is good", async (algorithm) => {
  const { replica, keys, verify } = await open(algorithm);
  const { iss: _, aud: __, ...claims } = CLAIMS;
  expect(await verify(await replica.signer.sign(CLAIMS))).toMatchObject({ claims });
  keys.close();
});

describe("D3: refused by Curfew and by the validator", () => {
  let stage: Awaited<ReturnType<typeof open>>;
  let token: string;
  let kid: string;
  let privateKey: KeyObject;
  let keys: KeySet;

  beforeAll(async () => {
    stage = await open("EdDSA");
    keys = stage.keys;
    token = await stage.replica.signer.sign(CLAIMS);
    ({ kid } = stage.replica.keys.signer());
    const secret = openSecret(
      kid,
      stage.replica.store.rows.get(kid)?.secret ?? Buffer.of(),
      undefined,
    );
    privateKey = createPrivateKey({ key: JSON.parse(secret.toString()), format: "jwk" });
    return () => keys.close();
  });

  const encode = (value: unknown): string =>
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const forge = (header: unknown, payload: unknown): string => {
    const input = `${encode(header)}.${encode(payload)}`;
    return `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;
  };
  const header = () => ({ alg: "EdDSA", kid, typ: "at+jwt" });
  const wire = { ...CLAIMS, aud: AUDIENCE };
  const json = (members: object): string => JSON.stringify(members).slice(1, -1);

  const cases: [string, () => string][] = [
    ["alg none", () => forge({ ...header(), alg: "none" }, wire)],
    ["another alg", () => forge({ ...header(), alg: "ES256" }, wire)],
    ["typ JWT", () => forge({ ...header(), typ: "JWT" }, wire)],
    ["no typ", () => forge({ alg: "EdDSA", kid }, wire)],
    ["jwk in the header", () => forge({ ...header(), jwk: {} }, wire)],
    ["crit", () => forge({ ...header(), crit: ["exp"] }, wire)],
    ["alg twice", () => forge(`{"alg":"none",${json(header())}}`, wire)],
    ["another issuer", () => forge(header(), { ...wire, iss: "https://other.test" })],
    ["another audience", () => forge(header(), { ...wire, aud: "billing" })],
    ["nbf", () => forge(header(), { ...wire, nbf: 0 })],
    ["exp after sexp", () => forge(header(), { ...wire, exp: wire.sexp + 1 })],
    ["exp as text", () => forge(header(), { ...wire, exp: "1700000900" })],
    ["no sid", () => forge(header(), { ...wire, sid: undefined })],
    ["roles twice", () => forge(header(), `{"roles":["clerk"],${json(wire)}}`)],
    ["padding", () => `${token}=`],
    ["a space", () => ` ${token}`],
    ["four parts", () => `${token}.`],
    ["another payload", () => token.replace(/\.[^.]+\./, `.${encode({ ...wire, sub: "root" })}.`)],
    ["another last character", () => `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`],
    ["too long", () => forge(header(), { ...wire, x: "x".repeat(9000) })],
  ];
  test.each(cases)("%s", async (_, make) => {
    const forged = make();
    expect(await stage.replica.verifier.verify(forged)).toBeUndefined();
    expect(await stage.verify(forged)).toBe("invalid");
  });

  test("the forge makes good tokens, so that each case fails for its own reason", async () => {
    expect(await stage.verify(forge(header(), wire))).toMatchObject({ kid });
  });

  test("an unknown key is left to Curfew", async () => {
    expect(await stage.verify(forge({ ...header(), kid: "other" }, wire))).toBe("unknown_key");
  });
});

describe("keys", () => {
  const jwks = async () => (await openReplica()).keys.jwks() as readonly Jwk[];

  test("that disappear stay good for their time, and are told of once", async () => {
    const published = await jwks();
    let answer: readonly Jwk[] = published;
    const problems: string[] = [];
    const keys = followKeys({
      fetchKeys: async () => answer,
      refreshMs: 20,
      maxAge: 60_000,
      onProblem: ({ message }) => problems.push(message),
    });
    await keys.refetch();
    const kid = published[0]?.kid ?? "";
    const key = keys.find(kid);
    expect(key).toBeDefined();
    answer = [];
    await expect.poll(() => problems.length, { timeout: 5000 }).toBe(1);
    expect(problems[0]).toMatch(/GetJwks.*1 known keys stay good for 60000 ms/);
    expect(keys.find(kid)).toBe(key);
    keys.close();
  });

  test("that are too old are good no more", async () => {
    const published = await jwks();
    let isAvailable = true;
    const keys = followKeys({
      fetchKeys: async () => {
        if (!isAvailable) throw new Error("gone");
        return published;
      },
      refreshMs: 20,
      maxAge: 60,
      onProblem: () => undefined,
    });
    await keys.refetch();
    isAvailable = false;
    await expect.poll(() => keys.isUsable(), { timeout: 5000 }).toBe(false);
    expect(keys.find(published[0]?.kid ?? "")).toBeUndefined();
    keys.close();
  });

  /** Keys that are fetched each time that the test lets them, in the order asked for. */
  const followByHand = (published: () => readonly Jwk[]) => {
    const answers: (() => void)[] = [];
    const keys = followKeys({
      fetchKeys: async () => {
        const answer = published();
        await new Promise<void>((resolve) => answers.push(resolve));
        return answer;
      },
      refreshMs: 60_000,
      maxAge: 60_000,
      onProblem: () => undefined,
    });
    const begun = (count: number) =>
      expect.poll(() => answers.length, { timeout: 20_000 }).toBe(count);
    return { keys, answers, begun };
  };

  test("of whoever asks while a fetch is under way are fetched once more, for all of them at once", async () => {
    const [first] = await jwks();
    const [second] = await jwks();
    if (first === undefined || second === undefined) throw new Error("no keys");
    let published = [first];
    const { keys, answers, begun } = followByHand(() => published);
    await begun(1);
    published = [first, second];
    // The answer that is on its way does not have it.
    const asked = Array.from({ length: 3 }, () => keys.refetch());
    answers[0]?.();
    await begun(2);
    expect(keys.find(first.kid)).toBeDefined();
    expect(keys.find(second.kid)).toBeUndefined();
    answers[1]?.();
    await Promise.all(asked);
    expect(keys.find(second.kid)).toBeDefined();
    expect(answers).toHaveLength(2);
    keys.close();
  });

  test("of a machine that was suspended for longer than their time are good no more", async () => {
    const [jwk] = await jwks();
    if (jwk === undefined) throw new Error("no key");
    const { keys, answers, begun } = followByHand(() => [jwk]);
    await begun(1);
    answers[0]?.();
    await expect.poll(() => keys.isUsable(), { timeout: 20_000 }).toBe(true);
    // Of the two clocks, the monotonic one stood still.
    const wall = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 61_000);
    expect(keys.find(jwk.kid)).toBeUndefined();
    const asked = keys.refetch();
    await begun(2);
    answers[1]?.();
    await asked;
    expect(keys.find(jwk.kid)).toBeDefined();
    wall.mockRestore();
    keys.close();
  });
});
