import { describe, expect, test } from "vitest";
import { languagePicker } from "../../../src/rpc/language.js";

describe("the language of an answer", () => {
  const pick = languagePicker();

  test.each([
    ["es", "", "es"],
    ["es-MX", "", "es"],
    ["pt_BR", "", "pt"],
    ["zh-Hant-TW", "", "zh"],
    ["FR", "", "fr"],
    ["", "de-CH, de;q=0.9, en;q=0.1", "de"],
    ["", "nl, fa;q=0.5", "fa"],
    ["", "en;q=0.2, ar;q=0.8", "ar"],
    ["it", "de", "it"],
    ["nl", "de", "de"],
    ["", "", "en"],
    ["", "*", "en"],
    ["", "de;q=0", "en"],
    ["not a tag at all", "xx-!!", "en"],
    ["d".repeat(10_000), "ja", "ja"],
    ["", Array.from({ length: 20 }, (_, index) => `x${index}`).join(","), "en"],
  ])("of language %j and accept-language %j is %s", (tag, accepted, language) => {
    expect(pick(tag, accepted)).toBe(language);
    expect(pick(tag, accepted), "the second time, from memory").toBe(language);
  });

  test("is remembered for no more preferences than asked", () => {
    const forgetful = languagePicker(2);
    const preferences = ["es", "fr", "de", "ar", "es", "fr"];
    expect(preferences.map((preference) => forgetful(preference, ""))).toEqual(preferences);
  });
});
