import fc from "fast-check";
import { expect, test } from "vitest";
import { parseStrictJsonObject } from "../../../src/access_token/strict_json.js";

const parse = (text: string) => parseStrictJsonObject(Buffer.from(text));

test("an object without duplicate members is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const text = JSON.stringify(value, undefined, 2);
      expect(parse(text)).toEqual(JSON.parse(text));
    }),
  );
});

test("a member twice is refused at any depth, however it is spelled", () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), fc.nat(4), (name, a, b, depth) => {
      const escaped = [...name]
        .flatMap((character) => character.split(""))
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join("");
      const twice = `{${JSON.stringify(name)}:${JSON.stringify(a)},"${escaped}":${JSON.stringify(b)}}`;
      expect(parse(`${'{"in":['.repeat(depth)}${twice}${"]}".repeat(depth)}`)).toBeUndefined();
    }),
  );
});

test.each([
  '{"a":{"b":1},"b":{"a":1}}',
  '{"a":["a","a"]}',
  '{"a":"{\\"a\\":1,\\"a\\":2}"}',
  '{"a":[{"b":1},{"b":2}]}',
])("%s names no member twice", (text) => {
  expect(parse(text)).toEqual(JSON.parse(text));
});

test.each(["", "null", "1", '"a"', "[]", "{", "{} {}", "{'a':1}", '{"a":1,}', "\uFEFF{}"])(
  "%j is no object",
  (text) => {
    expect(parse(text)).toBeUndefined();
  },
);
