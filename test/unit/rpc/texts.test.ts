import { describe, expect, test } from "vitest";
import { REASONS, type Reason } from "../../../src/core/errors.js";
import { LANGUAGES, textOf } from "../../../src/rpc/messages/catalogue.js";

const reasons = Object.keys(REASONS) as Reason[];

describe("the texts", () => {
  test.each([
    ["SESSION_INACTIVITY_TIMEOUT", "Session expired due to inactivity"],
    ["SESSION_LIMIT_EXCEEDED", "Maximum number of concurrent sessions exceeded"],
    ["SESSION_REVOKED_OR_INVALID", "Session has been revoked or is invalid"],
    ["ACCESS_TOKEN_BLACKLISTED", "Access token has been revoked"],
    ["USER_INACTIVE", "User is invalid or inactive"],
    ["LOGOUT_DONE", "Logged out successfully"],
  ] as const)("of %s in English is the contract's", (key, text) => {
    expect(textOf("en", key)).toBe(text);
  });

  test("exist in every language of the contract", () => {
    expect(LANGUAGES).toEqual(expect.arrayContaining(["en", "es", "fr", "de", "ar", "fa", "zh"]));
  });

  test.each(LANGUAGES.map((language) => [language]))(
    "in %s are all there and all different",
    (language) => {
      const texts = reasons.map((reason) => textOf(language, reason));
      expect(texts.every((text) => text.trim() === text && text.length > 1)).toBe(true);
      expect(new Set(texts).size).toBe(reasons.length);
    },
  );

  test("in English are printable ASCII, since they travel in grpc-message", () => {
    for (const reason of reasons) expect(textOf("en", reason)).toMatch(/^[ -~]+$/);
  });

  test("are translated, not copied", () => {
    for (const language of LANGUAGES.filter((each) => each !== "en")) {
      for (const reason of reasons) {
        expect(textOf(language, reason), `${language} ${reason}`).not.toBe(textOf("en", reason));
      }
    }
  });
});
