import { dictionary } from "@zxcvbn-ts/language-common";

/** Long enough for a length rule, and tried first all the same; most lists end before them. */
const LONG =
  `password12345 password123456 qwertyuiopasdfgh qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm
  asdfghjklqwerty abcdefghijklmno abcdefghijklmnop abcdefghijklmnopqrstuvwxyz 0123456789
  012345678901234 0123456789012345 123456789012345 1234567890123456 1234567890abcdef
  0123456789abcdef 123456789abcdefg correcthorsebatterystaple thisismypassword thisisapassword
  mypasswordispassword ilovemypassword administrator1 changeme123`.split(/\s+/);

const PHRASES = [
  "correct horse battery staple",
  "the quick brown fox",
  "the quick brown fox jumps",
];

/**
 * Passwords that everybody tries first, in small letters: 49,000 of the list that zxcvbn-ts keeps, and
 * some longer ones. Short ones matter because a repetition of one is no better.
 */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set([
  ...dictionary["passwords-common"],
  ...LONG,
  ...PHRASES,
]);
