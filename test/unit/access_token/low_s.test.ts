import fc from "fast-check";
import { expect, test } from "vitest";
import { hasLowS, toLowS } from "../../../src/access_token/low_s.js";

/** The order of P-256 (SEC 2, 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const R = Buffer.alloc(32, 7);
const scalar = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, "0"), "hex");
const signature = (s: bigint): Buffer => Buffer.concat([R, scalar(s)]);
const HALF = ORDER / 2n;

test("D3: of the two signatures (r, s) and (r, n - s) exactly one is the low one", () => {
  fc.assert(
    fc.property(fc.bigInt(1n, ORDER - 1n), (s) => {
      expect(hasLowS(signature(s))).toBe(s <= HALF);
      expect(hasLowS(signature(ORDER - s))).toBe(s > HALF);
    }),
  );
});

test("D3: the low one is itself, the other becomes it", () => {
  for (const s of [1n, 255n, HALF - 1n, HALF]) {
    expect(hasLowS(signature(s))).toBe(true);
    expect(toLowS(signature(s))).toEqual(signature(s));
    expect(hasLowS(signature(ORDER - s))).toBe(false);
    expect(toLowS(signature(ORDER - s))).toEqual(signature(s));
  }
});
