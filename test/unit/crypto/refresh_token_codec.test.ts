import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { RefreshTokenCodec } from "../../../src/core/ports/refresh_token_codec.js";
import { toRefreshKey } from "../../../src/crypto/keys/refresh_key.js";
import { createRefreshTokenCodec } from "../../../src/crypto/refresh_token_codec.js";
import { SESSION_ID } from "./fixtures.js";

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const keyOf = (seed: string) => toRefreshKey(createHash("sha256").update(seed).digest());
const first = keyOf("first");
const second = keyOf("second");

let codec: RefreshTokenCodec;
let token: string;

beforeEach(() => {
  codec = createRefreshTokenCodec({ refreshKeys: () => ({ current: first, all: [first] }) });
  token = codec.mint({ sessionId: SESSION_ID, generation: 7 });
});

const content = fc.record({ sessionId: fc.uuid(), generation: fc.nat(2 ** 32 - 1) });

test("what was minted is what is parsed", () => {
  fc.assert(
    fc.property(content, (minted) => {
      expect(codec.parse(codec.mint(minted))).toEqual({ ...minted, keyTag: first.tag });
    }),
  );
});

test("the form stays as it is: tokens outlive releases", () => {
  expect(codec.mint({ sessionId: SESSION_ID, generation: 1 })).toMatchInlineSnapshot(
    `"cfr_AVrGlVEBjzxefSp8O5pOX2BxgpMEAAAAAR0Qd8f8-EvYAsuzfKP_WI8_F0x8exF8shOkcG6iMaG2"`,
  );
});

test("R2: the same content gives the same token, other content another", () => {
  fc.assert(
    fc.property(content, content, (a, b) => {
      expect(codec.mint(a)).toBe(codec.mint({ ...a }));
      fc.pre(a.sessionId !== b.sessionId || a.generation !== b.generation);
      expect(codec.mint(a)).not.toBe(codec.mint(b));
    }),
  );
});

test("the largest and the smallest generation fit", () => {
  for (const generation of [0, 2 ** 32 - 1]) {
    expect(codec.parse(codec.mint({ sessionId: SESSION_ID, generation }))?.generation).toBe(
      generation,
    );
  }
});

test.each([-1, 2 ** 32, 1.5, Number.NaN])("generation %s is not minted", (generation) => {
  expect(() => codec.mint({ sessionId: SESSION_ID, generation })).toThrow(RangeError);
});

test.each([
  "",
  "1",
  SESSION_ID.toUpperCase(),
  `{${SESSION_ID}}`,
  `${SESSION_ID}\n`,
  SESSION_ID.replaceAll("-", ""),
])("session id %j is not minted", (sessionId) => {
  expect(() => codec.mint({ sessionId, generation: 0 })).toThrow(RangeError);
});

describe("forgery", () => {
  test("no other character anywhere passes", () => {
    for (let at = 0; at < token.length; at += 1) {
      for (const character of BASE64URL.replace(token[at] ?? "", "")) {
        expect(codec.parse(token.slice(0, at) + character + token.slice(at + 1))).toBeUndefined();
      }
    }
  });

  test.each([
    ["nothing", () => ""],
    ["the prefix alone", () => "cfr_"],
    ["no prefix", () => token.slice(4)],
    ["another prefix", () => `cfs_${token.slice(4)}`],
    ["a prefix in capitals", () => `CFR_${token.slice(4)}`],
    ["a space", () => `${token} `],
    ["a line feed for the last character", () => `${token.slice(0, -1)}\n`],
    ["padding for the last character", () => `${token.slice(0, -1)}=`],
    ["one character less", () => token.slice(0, -1)],
    ["one character more", () => `${token}A`],
    ["two tokens", () => token + token],
    ["a letter whose low byte is right", () => `${token.slice(0, -1)}\u0141`],
  ])("%s is refused", (_, spell) => {
    expect(codec.parse(spell())).toBeUndefined();
  });

  test("no text passes or throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 76, maxLength: 76 }), (text) => {
        expect(codec.parse(`cfr_${text}`)).toBeUndefined();
      }),
    );
  });

  test("a token of another key under our tag is refused", () => {
    const impostor = createRefreshTokenCodec({
      refreshKeys: () => {
        const key = { ...second, tag: first.tag };
        return { current: key, all: [key] };
      },
    });
    expect(codec.parse(impostor.mint({ sessionId: SESSION_ID, generation: 7 }))).toBeUndefined();
  });
});

describe("rotation", () => {
  const rotated = createRefreshTokenCodec({
    refreshKeys: () => ({ current: second, all: [first, second] }),
  });

  test("new sessions take the current key, tokens of both are good", () => {
    const fresh = rotated.mint({ sessionId: SESSION_ID, generation: 0 });
    expect(rotated.parse(fresh)?.keyTag).toBe(second.tag);
    expect(rotated.parse(token)).toEqual({
      sessionId: SESSION_ID,
      generation: 7,
      keyTag: first.tag,
    });
  });

  test("R2: a successor is the same token before and after a rotation", () => {
    const before = codec.parse(token);
    const after = rotated.parse(token);
    const next = { sessionId: SESSION_ID, generation: 8 };
    expect(rotated.mint({ ...next, keyTag: after?.keyTag })).toBe(
      codec.mint({ ...next, keyTag: before?.keyTag }),
    );
  });

  test("a tag that is gone gives way to the current key", () => {
    const minted = rotated.mint({ sessionId: SESSION_ID, generation: 8, keyTag: "00000000" });
    expect(rotated.parse(minted)?.keyTag).toBe(second.tag);
  });

  test("a retired key's tokens are refused", () => {
    const later = createRefreshTokenCodec({
      refreshKeys: () => ({ current: second, all: [second] }),
    });
    expect(later.parse(token)).toBeUndefined();
  });
});
