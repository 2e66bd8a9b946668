import { expect, test } from "vitest";
import { CLAIMS, openReplica } from "../unit/crypto/fixtures.js";

const MUTATIONS = Number(process.env.TOKEN_MUTATIONS ?? 20_000);
const SEED = Number(process.env.TOKEN_MUTATIONS_SEED ?? Date.now() % 2 ** 32);
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n%\0\u00e9";
const AT_ONCE = 500;

/** Numbers below `limit` from a seed (mulberry32), so that a failure can be run again. */
const randomFrom = (seed: number) => {
  let state = seed;
  return (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
};

type Random = ReturnType<typeof randomFrom>;
type Mutation = (token: string, random: Random, other: string) => string;

const letter = (random: Random): string => ALPHABET[random(ALPHABET.length)] ?? "";

/** A part decoded, one of its bytes changed, and encoded again: the form stays right. */
const changeByte: Mutation = (token, random) => {
  const parts = token.split(".");
  const index = random(parts.length);
  const bytes = Buffer.from(parts[index] ?? "", "base64url");
  const at = random(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 + random(255));
  return parts.with(index, bytes.toString("base64url")).join(".");
};

const MUTATE: readonly Mutation[] = [
  changeByte,
  (token, random) => {
    const at = random(token.length);
    return token.slice(0, at) + letter(random) + token.slice(at + 1);
  },
  (token, random) => {
    const at = random(token.length);
    return token.slice(0, at) + letter(random) + token.slice(at);
  },
  (token, random) => {
    const at = random(token.length);
    return token.slice(0, at) + token.slice(at + 1 + random(8));
  },
  (token, random) => {
    const [from, to] = [random(token.length), random(token.length)];
    return token.slice(0, from) + token.slice(to, to + 1 + random(30)) + token.slice(from);
  },
  (token, random, other) => {
    const parts = token.split(".");
    const index = random(3);
    return parts.with(index, other.split(".")[index] ?? "").join(".");
  },
  (token, random, other) => {
    const at = random(token.length);
    return token.slice(0, at) + other.slice(at);
  },
];

test("D3 no mutation of a good token is good", { timeout: 1_800_000 }, async () => {
  const random = randomFrom(SEED);
  const { signer, verifier } = await openReplica();
  const good = await signer.sign(CLAIMS);
  const other = await signer.sign({ ...CLAIMS, jti: "another", sub: "somebody else" });
  const known = new Set([good, other]);
  let tried = 0;
  while (tried < MUTATIONS) {
    const mutants = Array.from({ length: Math.min(AT_ONCE, MUTATIONS - tried) }, () => {
      const mutate = MUTATE[random(MUTATE.length)] ?? changeByte;
      const once = mutate(good, random, other);
      return random(3) === 0 ? changeByte(once, random, other) : once;
    });
    const claims = await Promise.all(mutants.map((mutant) => verifier.verify(mutant)));
    const accepted = mutants.filter((mutant, at) => claims[at] !== undefined && !known.has(mutant));
    expect(accepted, `seed ${SEED}`).toEqual([]);
    tried += mutants.length;
  }
  expect(await verifier.verify(good)).toBeDefined();
  process.stdout.write(`mutations of tokens: seed ${SEED}, ${tried} tried\n`);
});
