/**
 * The bytes of a base64 text in an encoded hash, with or without padding, or
 * with passlib's `.` for `+`. Undefined for other spellings.
 */
export function decodePhcBase64(text: string): Buffer | undefined {
  const plain = text.replaceAll(".", "+").replace(/={1,2}$/, "");
  const bytes = Buffer.from(plain, "base64");
  return bytes.toString("base64").replace(/={1,2}$/, "") === plain ? bytes : undefined;
}
