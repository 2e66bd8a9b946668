import type { AccessClaims } from "../../../src/access_token/access_claims.js";
import type { Clock } from "../../../src/core/ports/clock.js";
import { type KeyringOptions, openKeyring } from "../../../src/crypto/keyring.js";
import { createTokenSigner } from "../../../src/crypto/token_signer.js";
import { createTokenVerifier } from "../../../src/crypto/token_verifier.js";
import { createMemoryKeyStore, type MemoryKeyStore } from "./memory_key_store.js";

export const ALGORITHMS = ["EdDSA", "ES256", "RS256"] as const;
export const MINUTE = 60_000;
export const ISSUER = "https://curfew.test";
export const AUDIENCE = "orders";
export const SESSION_ID = "018f3c5e-7d2a-7c3b-9a4e-5f6071829304";

export const CLAIMS: AccessClaims = {
  iss: ISSUER,
  aud: [AUDIENCE],
  sub: "user-1",
  sid: SESSION_ID,
  jti: "token-1",
  iat: 1_700_000_000,
  exp: 1_700_000_900,
  sexp: 1_700_604_800,
  auth_time: 1_699_999_000,
  amr: ["pwd"],
  roles: ["admin", "clerk"],
};

/** A clock that moves only when the test advances it. */
export function createManualClock(): Clock & { advance(ms: number): void } {
  let elapsed = 0;
  return {
    now: () => 1_700_000_000_000 + elapsed,
    monotonic: () => elapsed,
    async sleep(ms) {
      elapsed += ms;
    },
    advance(ms) {
      elapsed += ms;
    },
  };
}

/** One replica: a keyring with a signer and a verifier on it. */
export async function openReplica(
  options: Partial<KeyringOptions> = {},
  store: MemoryKeyStore = createMemoryKeyStore(),
) {
  const clock = options.clock ?? createManualClock();
  const keys = await openKeyring({ store, algorithm: "EdDSA", clock, ...options });
  return {
    store,
    keys,
    signer: createTokenSigner(keys),
    verifier: createTokenVerifier({ keys, issuer: ISSUER, audience: AUDIENCE }),
  };
}
