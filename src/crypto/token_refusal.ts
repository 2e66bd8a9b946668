import type { ExpectedClaims } from "../access_token/access_claims.js";
import { parseCompactToken } from "../access_token/compact_token.js";
import { isSignedBy } from "../access_token/signature.js";
import { parseStrictJsonObject } from "../access_token/strict_json.js";
import type { VerificationKey } from "./keys/signing_key.js";

/**
 * Describes, for an operator, why a token was refused as an access token. The description repeats only claims that our
 * own signature proves.
 */
export async function describeTokenRefusal(
  token: string,
  { issuer, audience }: ExpectedClaims,
  findKey: (kid: string) => Promise<VerificationKey | undefined>,
): Promise<string> {
  const form = parseCompactToken(token);
  if (form === undefined) {
    return isOtherSecret(token)
      ? "not an access token: it is a refresh token or a service key"
      : "not of an access token's form (three parts in base64url, type at+jwt): is it whole, without quotes and spaces?";
  }
  const key = await findKey(form.kid);
  if (key === undefined) {
    return "signed with a key that is unknown here: another issuer's, another database's, or one that is retired";
  }
  if (!(await isSignedBy(key, token, form))) {
    return "its signature is wrong: it was changed or cut on its way";
  }
  const { iss, aud } = parseStrictJsonObject(form.payload) ?? {};
  if (iss !== issuer) {
    return `its issuer is ${told(iss)}, and not JWT_ISSUER, which is ${told(issuer)}`;
  }
  if (![aud].flat().includes(audience)) {
    return `it is for ${told(aud)}, and not for JWT_AUDIENCE, which is ${told(audience)}`;
  }
  return "signed by us, but its claims are not those of an access token";
}

/** By what refresh tokens and service keys begin with. */
const isOtherSecret = (token: string): boolean => /^cf[rs]_/.test(token);

const told = (value: unknown): string => JSON.stringify(value) ?? "missing";
