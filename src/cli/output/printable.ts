/**
 * Makes a text from an untrusted source (a device name, a user agent) safe to display: control characters could rewrite
 * the operator's screen.
 */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");

/** A time as RFC 3339 in whole seconds, in UTC; "-" for none. */
export const instant = (time: Date | number | undefined): string =>
  time === undefined ? "-" : new Date(time).toISOString().replace(/\.\d{3}Z$/, "Z");

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
] as const;

/** How long ago a time was, in its largest unit: `3h ago`; "-" for none. */
export const ago = (time: Date | undefined, now: number): string => {
  if (time === undefined) return "-";
  const passed = now - time.getTime();
  const unit = UNITS.find(([milliseconds]) => passed >= milliseconds);
  return unit === undefined ? "now" : `${Math.floor(passed / unit[0])}${unit[1]} ago`;
};
