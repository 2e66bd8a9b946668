import { CompactSign } from "jose";
import { encodeAccessClaims } from "../access_token/access_claims.js";
import { ACCESS_TOKEN_TYPE, MAX_TOKEN_LENGTH } from "../access_token/compact_token.js";
import { toLowS } from "../access_token/low_s.js";
import type { TokenSigner } from "../core/ports/token_signer.js";
import type { Keyring } from "./keyring.js";

/** Signs access tokens with the keyring's current key (RFC 7515, RFC 9068). */
export function createTokenSigner(keys: Pick<Keyring, "signer">): TokenSigner {
  return {
    async sign(claims) {
      const { kid, algorithm, privateKey } = keys.signer();
      const signed = await new CompactSign(encodeAccessClaims(claims))
        .setProtectedHeader({ alg: algorithm, kid, typ: ACCESS_TOKEN_TYPE })
        .sign(privateKey);
      const token = algorithm === "ES256" ? withLowS(signed) : signed;
      if (token.length > MAX_TOKEN_LENGTH) {
        throw new RangeError(
          `the access token would have ${token.length} characters and may have ${MAX_TOKEN_LENGTH}: ` +
            `user ${claims.sub} has too many roles`,
        );
      }
      return token;
    },
  };
}

function withLowS(token: string): string {
  const end = token.lastIndexOf(".") + 1;
  const signature = Buffer.from(token.slice(end), "base64url");
  return token.slice(0, end) + toLowS(signature).toString("base64url");
}
