import { describe, expect, test } from "vitest";
import { MAX_TOKEN_LENGTH, parseCompactToken } from "../../../src/access_token/compact_token.js";

const encode = (text: string): string => Buffer.from(text).toString("base64url");
const HEADER = { alg: "EdDSA", kid: "key", typ: "at+jwt" };
const PAYLOAD = encode("{}");
const SIGNATURE = encode("signature");
const withHeader = (header: unknown): string =>
  `${encode(JSON.stringify(header))}.${PAYLOAD}.${SIGNATURE}`;

/** A token of the right form with so many characters. */
const ofLength = (length: number): string => {
  const head = `${encode(JSON.stringify(HEADER))}.`;
  const tail = `.${SIGNATURE}`;
  return head + "A".repeat(length - head.length - tail.length) + tail;
};

describe("D3: the form of an access token", () => {
  test("is taken apart, and nothing more", () => {
    expect(parseCompactToken(withHeader(HEADER))).toEqual({
      alg: "EdDSA",
      kid: "key",
      payload: Buffer.from("{}"),
      signature: Buffer.from("signature"),
    });
  });

  test.each([
    ["alg is missing", { kid: "key", typ: "at+jwt" }],
    ["alg is no text", { ...HEADER, alg: 1 }],
    ["kid is missing", { alg: "EdDSA", typ: "at+jwt" }],
    ["kid is no text", { ...HEADER, kid: ["key"] }],
    ["typ is missing", { alg: "EdDSA", kid: "key" }],
    ["typ is another", { ...HEADER, typ: "JWT" }],
    ["typ is in other letters", { ...HEADER, typ: "AT+JWT" }],
    ["there is a key in it", { ...HEADER, jwk: {} }],
    ["there is a crit in it", { ...HEADER, crit: [] }],
    ["it is a list", [HEADER]],
    ["it is null", null],
  ])("is wrong where of the header %s", (_, header) => {
    expect(parseCompactToken(withHeader(header))).toBeUndefined();
  });

  const head = encode(JSON.stringify(HEADER));
  test.each([
    ["nothing", ""],
    ["one part", head],
    ["two parts", `${head}.${PAYLOAD}`],
    ["four parts", `${head}.${PAYLOAD}.${SIGNATURE}.${SIGNATURE}`],
    ["an empty part after it", `${head}.${PAYLOAD}.${SIGNATURE}.`],
    ["a header with padding", `${head}=.${PAYLOAD}.${SIGNATURE}`],
    ["a payload with a foreign letter", `${head}.${PAYLOAD}+.${SIGNATURE}`],
    ["a signature with a space", `${head}.${PAYLOAD}. ${SIGNATURE}`],
    ["a header that is no JSON", `${encode("{")}.${PAYLOAD}.${SIGNATURE}`],
  ])("is wrong with %s", (_, token) => {
    expect(parseCompactToken(token)).toBeUndefined();
  });

  test("has a bound, up to which it is looked at", () => {
    // Of four lengths in a row, base64url without padding knows three.
    const fitting = [0, 1, 2, 3]
      .map((less) => MAX_TOKEN_LENGTH - less)
      .filter((length) => parseCompactToken(ofLength(length)) !== undefined);
    expect(fitting.length).toBeGreaterThanOrEqual(2);
    for (const more of [1, 2, 3, 4])
      expect(parseCompactToken(ofLength(MAX_TOKEN_LENGTH + more))).toBeUndefined();
  });
});
