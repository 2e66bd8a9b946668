import {
  type AccessClaims,
  decodeAccessClaims,
  type ExpectedClaims,
} from "../access_token/access_claims.js";
import {
  type CompactToken,
  MAX_TOKEN_LENGTH,
  parseCompactToken,
} from "../access_token/compact_token.js";
import { isSignedBy } from "../access_token/signature.js";
import { unavailable } from "../core/errors.js";
import type { TokenVerifier } from "../core/ports/token_verifier.js";
import { twoGenerationCache } from "../core/two_generation_cache.js";
import type { Keyring } from "./keyring.js";
import type { VerificationKey } from "./keys/signing_key.js";
import { describeTokenRefusal } from "./token_refusal.js";

export interface TokenVerifierOptions extends ExpectedClaims {
  readonly keys: Pick<Keyring, "verificationKey" | "reloadForUnknownKey">;
  /** How many verified tokens are remembered; about 1.4 KB each, with what their answers have in common. */
  readonly cacheSize?: number | undefined;
}

/** The remembered result for a token. It is valid as long as the key of the token is. */
interface Verified {
  readonly token: string;
  readonly key: VerificationKey;
  readonly claims: AccessClaims;
}

const DEFAULT_CACHE_SIZE = 30_000;

/**
 * Tokens are looked up by the end of their signature and then compared whole:
 * to hash a text of 500 characters anew for each call takes a microsecond.
 */
const KEY_LENGTH = 12;
const cacheKey = (token: string): string => token.slice(-KEY_LENGTH);

/** Verifies access tokens (RFC 7519 §7.2, RFC 8725, RFC 9068 §4) and remembers the good ones. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { keys } = options;
  const verified = twoGenerationCache<string, Verified>(options.cacheSize ?? DEFAULT_CACHE_SIZE);
  const underWay = new Map<string, Promise<AccessClaims | undefined>>();

  const isCurrent = (key: VerificationKey): boolean => keys.verificationKey(key.kid) === key;

  async function findKey(kid: string): Promise<VerificationKey | undefined> {
    const known = keys.verificationKey(kid);
    if (known !== undefined) {
      return known;
    }
    // Another replica may have just made it. Not knowing is no reason to log anybody out.
    await keys.reloadForUnknownKey().catch((cause: unknown) => {
      throw unavailable(cause);
    });
    return keys.verificationKey(kid);
  }

  async function check(token: string, form: CompactToken): Promise<AccessClaims | undefined> {
    const key = await findKey(form.kid);
    if (key === undefined || !(await isSignedBy(key, token, form))) {
      return undefined;
    }
    const claims = decodeAccessClaims(form.payload, options);
    if (claims === undefined || !isCurrent(key)) {
      return undefined;
    }
    verified.set(cacheKey(token), { token, key, claims });
    return claims;
  }

  return {
    verify(token) {
      // Before anything is hashed: a long text costs time to look up.
      if (token.length > MAX_TOKEN_LENGTH) {
        return undefined;
      }
      const known = verified.get(cacheKey(token));
      if (known !== undefined && known.token === token && isCurrent(known.key)) {
        return known.claims;
      }
      const running = underWay.get(token);
      if (running !== undefined) {
        return running;
      }
      const form = parseCompactToken(token);
      if (form === undefined) {
        return undefined;
      }
      const started = check(token, form).finally(() => underWay.delete(token));
      underWay.set(token, started);
      return started;
    },
    describeRefusal: (token) => describeTokenRefusal(token, options, findKey),
  };
}
