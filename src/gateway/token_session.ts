/**
 * The session (`sid`) of an access token, read without any check: for comparisons only, never as proof. Undefined if
 * the text is no JWT with one.
 */
export const sessionIdOf = (token: string): string | undefined => {
  const [, payload, signature] = token.split(".");
  if (!payload || !signature) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    const { sid } = claims as { sid?: unknown };
    return typeof sid === "string" && sid !== "" ? sid : undefined;
  } catch {
    return undefined;
  }
};
