/**
 * A text that somebody else chose (a device name, a user agent), fit to show:
 * control characters could rewrite the operator's screen.
 */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");

/** A time as RFC 3339 in whole seconds, in UTC; "-" for none. */
export const instant = (time: Date | number | undefined): string =>
  time === undefined ? "-" : new Date(time).toISOString().replace(/\.\d{3}Z$/, "Z");
