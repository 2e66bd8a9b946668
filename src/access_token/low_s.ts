/**
 * ECDSA over P-256 has two signatures for everything it signs, (r, s) and
 * (r, n - s), and anybody can turn one into the other. Only the one with the
 * lower s is written and accepted, so that a token has one spelling.
 */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const COORDINATE_BYTES = 32;
const HALF_ORDER = toBytes(ORDER / 2n);

/** Whether a signature (r ‖ s, RFC 7518 §3.4) is the lower of its two. */
export const hasLowS = (signature: Buffer): boolean =>
  signature.subarray(COORDINATE_BYTES).compare(HALF_ORDER) <= 0;

/** The lower of the two signatures. */
export function toLowS(signature: Buffer): Buffer {
  if (hasLowS(signature)) {
    return signature;
  }
  const s = BigInt(`0x${signature.subarray(COORDINATE_BYTES).toString("hex")}`);
  return Buffer.concat([signature.subarray(0, COORDINATE_BYTES), toBytes(ORDER - s)]);
}

function toBytes(scalar: bigint): Buffer {
  return Buffer.from(scalar.toString(16).padStart(2 * COORDINATE_BYTES, "0"), "hex");
}
