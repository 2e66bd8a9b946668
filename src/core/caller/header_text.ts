/**
 * Text of a header without the space around it, which is space and tab alone
 * (RFC 9110, section 5.6.3). `trim` would also take U+00A0 and other Unicode
 * spaces off, so that two different values would count as one.
 */
export const stripped = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "");

/** The same for a value of a file or of the environment, which may end with a line break. */
export const strippedLine = (text: string): string => text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
