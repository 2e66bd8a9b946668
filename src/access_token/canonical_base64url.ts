/**
 * The bytes of a base64url text (RFC 4648 §5) in its one canonical spelling:
 * no padding, no foreign characters, unused bits zero. Undefined for any other.
 */
export function decodeCanonicalBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
