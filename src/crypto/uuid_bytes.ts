const CANONICAL = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The 16 bytes of a UUID in lower case (RFC 9562 §4), or undefined for any other text. */
export function uuidToBytes(uuid: string): Buffer | undefined {
  return CANONICAL.test(uuid) ? Buffer.from(uuid.replaceAll("-", ""), "hex") : undefined;
}

/** The UUID of 16 bytes, in lower case. */
export function bytesToUuid(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
