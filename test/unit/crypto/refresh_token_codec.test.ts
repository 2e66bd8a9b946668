import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type {
  RefreshTokenCodec,
  RefreshTokenContent,
} from "../../../src/core/ports/refresh_token_codec.js";
import { toRefreshKey } from "../../../src/crypto/keys/refresh_key.js";
import { createRefreshTokenCodec } from "../../../src/crypto/refresh_token_codec.js";
import { SESSION_ID } from "./fixtures.js";

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const keyOf = (seed: string) => toRefreshKey(createHash("sha256").update(seed).digest());
const first = keyOf("first");
const second = keyOf("second");

const NO_RELOAD = { reloadForUnknownKey: async () => undefined };
/** The content of a token of a known key. */
const known = (of: RefreshTokenCodec, text: string) =>
  of.parse(text) as Required<RefreshTokenContent> | undefined;

let codec: RefreshTokenCodec;
let token: string;

beforeEach(() => {
  codec = createRefreshTokenCodec({
    ...NO_RELOAD,
    refreshKeys: () => ({ current: first, all: [first] }),
  });
  token = codec.mint({ sessionId: SESSION_ID, generation: 7 });
});

const content = fc.record({ sessionId: fc.uuid(), generation: fc.nat(2 ** 32 - 1) });

test("what was minted is what is parsed", () => {
  fc.assert(
    fc.property(content, (minted) => {
      expect(known(codec, codec.mint(minted))).toEqual({ ...minted, keyTag: first.tag });
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
    expect(known(codec, codec.mint({ sessionId: SESSION_ID, generation }))?.generation).toBe(
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
  test("no other character anywhere passes", async () => {
    for (let at = 0; at < token.length; at += 1) {
      for (const character of BASE64URL.replace(token[at] ?? "", "")) {
        const changed = token.slice(0, at) + character + token.slice(at + 1);
        expect(await codec.parse(changed)).toBeUndefined();
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
    expect(known(codec, spell())).toBeUndefined();
  });

  test("no text passes or throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 76, maxLength: 76 }), (text) => {
        expect(known(codec, `cfr_${text}`)).toBeUndefined();
      }),
    );
  });

  test("a token of another key under our tag is refused", () => {
    const impostor = createRefreshTokenCodec({
      ...NO_RELOAD,
      refreshKeys: () => {
        const key = { ...second, tag: first.tag };
        return { current: key, all: [key] };
      },
    });
    expect(known(codec, impostor.mint({ sessionId: SESSION_ID, generation: 7 }))).toBeUndefined();
  });
});

describe("rotation", () => {
  const rotated = createRefreshTokenCodec({
    ...NO_RELOAD,
    refreshKeys: () => ({ current: second, all: [first, second] }),
  });

  test("new sessions take the current key, tokens of both are good", () => {
    const fresh = rotated.mint({ sessionId: SESSION_ID, generation: 0 });
    expect(known(rotated, fresh)?.keyTag).toBe(second.tag);
    expect(known(rotated, token)).toEqual({
      sessionId: SESSION_ID,
      generation: 7,
      keyTag: first.tag,
    });
  });

  test("R2: a successor is the same token before and after a rotation", () => {
    const before = known(codec, token);
    const after = known(rotated, token);
    const next = { sessionId: SESSION_ID, generation: 8 };
    expect(rotated.mint({ ...next, keyTag: after?.keyTag })).toBe(
      codec.mint({ ...next, keyTag: before?.keyTag }),
    );
  });

  test("a tag that is gone gives way to the current key", () => {
    const minted = rotated.mint({ sessionId: SESSION_ID, generation: 8, keyTag: "00000000" });
    expect(known(rotated, minted)?.keyTag).toBe(second.tag);
  });

  test("a retired key's tokens are refused", async () => {
    const later = createRefreshTokenCodec({
      ...NO_RELOAD,
      refreshKeys: () => ({ current: second, all: [second] }),
    });
    expect(await later.parse(token)).toBeUndefined();
  });

  test("a key that another replica has just made is looked for, and then its tokens are good", async () => {
    let all = [first];
    let loads = 0;
    const behind = createRefreshTokenCodec({
      refreshKeys: () => ({ current: first, all }),
      async reloadForUnknownKey() {
        loads += 1;
        all = [first, second];
      },
    });
    const fresh = rotated.mint({ sessionId: SESSION_ID, generation: 3 });
    expect(await behind.parse(fresh)).toMatchObject({ generation: 3, keyTag: second.tag });
    expect(behind.parse(fresh)).not.toBeInstanceOf(Promise);
    expect(loads).toBe(1);
  });

  test("keys that cannot be read are an outage, not a bad token", async () => {
    const cutOff = createRefreshTokenCodec({
      refreshKeys: () => ({ current: first, all: [first] }),
      reloadForUnknownKey: () => Promise.reject(new Error("down")),
    });
    const fresh = rotated.mint({ sessionId: SESSION_ID, generation: 3 });
    await expect(cutOff.parse(fresh)).rejects.toMatchObject({ reason: "DEPENDENCY_UNAVAILABLE" });
  });
});
