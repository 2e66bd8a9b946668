/** Another spelling of a token: readers that are not strict take it for the same. */
export interface Respelling {
  readonly name: string;
  readonly text: string;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const WHITESPACE: readonly [string, string][] = [
  ["a space", " "],
  ["a tab", "\t"],
  ["a line feed", "\n"],
  ["a carriage return", "\r\n"],
  ["a vertical tab", "\v"],
  ["a no-break space", "\u00a0"],
  ["an ideographic space", "\u3000"],
  ["a zero-width space", "\u200b"],
  ["a byte order mark", "\ufeff"],
  ["a soft hyphen", "\u00ad"],
  ["a right-to-left mark", "\u200f"],
];

/** Every way to spell the last character of a part, whose spare bits decoders skip. */
const spareBits = (parts: readonly string[]): Respelling[] =>
  parts.flatMap((part, index) =>
    [...ALPHABET]
      .filter((last) => last !== part.at(-1))
      .map((last) => ({
        name: `part ${index} ends in ${last}`,
        text: parts.with(index, part.slice(0, -1) + last).join("."),
      })),
  );

const padding = (parts: readonly string[]): Respelling[] =>
  parts.flatMap((part, index) =>
    ["=", "==", "===", "A", "AA", "AAAA", "%3D"].map((end) => ({
      name: `part ${index} followed by ${end}`,
      text: parts.with(index, part + end).join("."),
    })),
  );

const whitespace = (token: string, parts: readonly string[]): Respelling[] =>
  WHITESPACE.flatMap(([name, space]) => [
    { name: `${name} before`, text: space + token },
    { name: `${name} after`, text: token + space },
    { name: `${name} at each dot`, text: parts.join(`${space}.`) },
    { name: `${name} in the middle`, text: token.slice(0, 40) + space + token.slice(40) },
    { name: `${name} every 76 characters`, text: token.replace(/.{76}/g, `$&${space}`) },
  ]);

const escapes = (token: string, parts: readonly string[]): Respelling[] => {
  const hex = (character: string) => character.charCodeAt(0).toString(16).padStart(2, "0");
  return [
    { name: "percent-encoded dots", text: parts.join("%2E") },
    { name: "percent-encoded throughout", text: token.replace(/./g, (c) => `%${hex(c)}`) },
    { name: "its first letter percent-encoded", text: `%${hex(token)}${token.slice(1)}` },
    { name: "JSON escapes", text: `\\u00${hex(token)}${token.slice(1)}` },
    { name: "HTML escapes", text: `&#x${hex(token)};${token.slice(1)}` },
    { name: "quoted", text: `"${token}"` },
    { name: "quoted-printable", text: token.replaceAll(".", "=2E") },
    { name: "the alphabet of base64", text: token.replaceAll("-", "+").replaceAll("_", "/") },
    { name: "ideographic full stops", text: parts.join("\u3002") },
    { name: "full-width letters", text: token.replace(/e/g, "\uff45") },
    { name: "full-width full stops", text: parts.join("\uff0e") },
    { name: "one dot leaders", text: parts.join("\u2024") },
    { name: "the sign of Kelvin", text: token.replace(/k/gi, "\u212a") },
    { name: "the long s", text: token.replace(/s/gi, "\u017f") },
    { name: "mathematical letters", text: token.replace(/e/g, "\u{1d452}") },
    { name: "hyphens of Unicode", text: token.replaceAll("-", "\u2010") },
    { name: "minus signs", text: token.replaceAll("-", "\u2212") },
    { name: "the alphabet of base64 for its minus alone", text: token.replaceAll("-", "+") },
    { name: "the alphabet of base64 for its underscore alone", text: token.replaceAll("_", "/") },
    { name: "base64url once more", text: Buffer.from(token).toString("base64url") },
    { name: "percent-encoded dots, twice", text: parts.join("%252E") },
    { name: "Cyrillic letters", text: token.replace(/e/g, "\u0435") },
    { name: "letters whose low byte is right", text: token.replace(/e/g, "\u0165") },
    { name: "a combining accent", text: `${token}\u0301` },
    { name: "upper case", text: token.toUpperCase() },
    { name: "lower case", text: token.toLowerCase() },
    { name: "a scheme", text: `Bearer ${token}` },
    { name: "a comma", text: `${token},${token}` },
    { name: "a fragment", text: `${token}#` },
    { name: "a query", text: `${token}?` },
    { name: "a dot more", text: `${token}.` },
    { name: "a dot before", text: `.${token}` },
    { name: "two dots", text: parts.join("..") },
    { name: "a NUL", text: `${token}\0` },
    { name: "twice", text: token + token },
  ];
};

/** One letter in the other case, for each letter: base64url has both, so it is another token. */
const otherCase = (token: string): Respelling[] =>
  [...token].flatMap((letter, at) => {
    const other = letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase();
    return other === letter
      ? []
      : [
          {
            name: `letter ${at} in the other case`,
            text: token.slice(0, at) + other + token.slice(at + 1),
          },
        ];
  });

/** Order of P-256, by which the second half of a signature has a twin (ES256). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const twinSignatures = (parts: readonly string[]): Respelling[] => {
  const signature = Buffer.from(parts[2] ?? "", "base64url");
  if (signature.length !== 64) return [];
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  const twin = ORDER - (BigInt(`0x${s.toString("hex")}`) % ORDER);
  const bytes = Buffer.from(twin.toString(16).padStart(64, "0"), "hex");
  const spell = (name: string, other: Buffer): Respelling => ({
    name,
    text: parts.with(2, other.toString("base64url")).join("."),
  });
  return [
    spell("the twin of its signature", Buffer.concat([r, bytes])),
    spell("a leading zero in its signature", Buffer.concat([Buffer.alloc(1), signature])),
    spell("a trailing zero in its signature", Buffer.concat([signature, Buffer.alloc(1)])),
  ];
};

/** Some seven hundred other spellings of a token, none of which is the token. */
export const respellings = (token: string): Respelling[] => {
  const parts = token.split(".");
  return [
    ...spareBits(parts),
    ...padding(parts),
    ...whitespace(token, parts),
    ...escapes(token, parts),
    ...otherCase(token),
    ...twinSignatures(parts),
  ].filter(({ text }) => text !== token);
};
