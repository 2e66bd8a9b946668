/** User names that are hard on cursors, collations and encodings; all distinct when folded. */
export const HOSTILE_NAMES: readonly string[] = [
  "漢".repeat(200),
  `${"漢".repeat(199)}字`,
  // NFKC makes eighteen characters of this one.
  "\uFDFA".repeat(12).normalize("NFKC"),
  "\u{1F600}".repeat(100),
  `a${"\u0301".repeat(100)}`.normalize("NFKC"),
  "İstanbul",
  "ẞcharf",
  "ﬁne".normalize("NFKC"),
  "%_\\'\"; DROP TABLE users; --",
  "\u202Eright to left",
  "tab\tand\nnewline",
  "[object Object]",
  "null",
  "..%2f..%2f",
  "00000000-0000-7000-8000-000000000000",
  "9".repeat(254),
];
