/** The bytes of a hexadecimal text; undefined for other texts. */
export const decodeHex = (text: string): Buffer | undefined =>
  /^([0-9a-fA-F]{2})+$/.test(text) ? Buffer.from(text, "hex") : undefined;
