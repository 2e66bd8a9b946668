import { type CryptoKey, compactVerify, errors } from "jose";
import type { CompactToken } from "./compact_token.js";
import { hasLowS } from "./low_s.js";

/** A public key, and the one algorithm it is for (RFC 8725 §3.1). */
export interface VerificationKey {
  readonly algorithm: string;
  readonly publicKey: CryptoKey;
}

/** Whether a token was signed with this key, by its algorithm and in its one spelling. */
export async function isSignedBy(
  { algorithm, publicKey }: VerificationKey,
  token: string,
  { alg, signature }: CompactToken,
): Promise<boolean> {
  if (alg !== algorithm || (algorithm === "ES256" && !hasLowS(signature))) {
    return false;
  }
  try {
    await compactVerify(token, publicKey, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) {
      return false;
    }
    throw error;
  }
}
