/** The text that replaces a secret. */
export const REDACTED = "[redacted]";

const SECRET_NAME =
  "[a-z_-]*(?:token|password(?:_?hash)?|passwd|secret|authorization|cookie|api_?key|private_?key|service_?key|encryption_?key|csrf)";

/** A member whose name says that its value is secret, in the text of a JSON object. */
const SECRET_MEMBER = new RegExp(`"${SECRET_NAME}":`, "i");
const SECRET_KEY = new RegExp(`^${SECRET_NAME}$`, "i");

/** Where a word begins: also after an escape of JSON, whose last letter is none of its own. */
const WORD = String.raw`(?:\b|(?<=\\(?:[bfnrt]|u[\da-f]{4})))`;

/** Secrets that are known by their looks, wherever they stand, and what to keep of the match. */
const SECRET_LOOKS: readonly (readonly [pattern: RegExp, kept: string])[] = [
  // A JWT: base64url of `{"`, and whatever parts follow.
  [/eyJ[\w-]{6,}(?:\.[\w-]*)*/g, ""],
  // Refresh tokens and service keys.
  [/cf[rs]_[\w.~-]+/g, ""],
  // Bearer and Basic credentials (RFC 6750, RFC 7617).
  [new RegExp(`${WORD}(bearer|basic) +[\\w.~+/=-]{12,}`, "gi"), "$1 "],
  // Passwords in URLs, also percent-encoded ones.
  [/(:\/\/[^\s/:@"\\]*:)[^\s/@"\\]+(?=@)/g, "$1"],
  // JSON inside a text.
  [new RegExp(String.raw`(\\"${SECRET_NAME}\\" *: *\\")(?:(?!\\").)*`, "gi"), "$1"],
  // Forms and command lines inside a text.
  [
    new RegExp(`${WORD}([a-z_-]{0,30}(?:password|passwd|secret|token)=)[^\\s"\\\\&;,]+`, "gi"),
    "$1",
  ],
];

/** A text without what looks like a secret. */
export const redactLooks = (text: string): string =>
  SECRET_LOOKS.reduce(
    (redacted, [pattern, kept]) => redacted.replace(pattern, `${kept}${REDACTED}`),
    text,
  );

const withoutSecretMembers = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutSecretMembers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      SECRET_KEY.test(key) && member !== null ? REDACTED : withoutSecretMembers(member),
    ]),
  );
};

/**
 * A line of log, one JSON object, without what looks like a secret or is
 * called like one at any depth. Lines that hold none, nearly all, are only
 * searched, not parsed.
 */
export const redactLine = (line: string): string => {
  let redacted = line;
  if (SECRET_MEMBER.test(redacted)) {
    redacted = `${JSON.stringify(withoutSecretMembers(JSON.parse(redacted)))}\n`;
  }
  return redactLooks(redacted);
};
