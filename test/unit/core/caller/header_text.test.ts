import { expect, test } from "vitest";
import { stripped, strippedLine } from "../../../../src/core/caller/header_text.js";

test("only space and tab are taken off a header's value", () => {
  expect(stripped(" \t a b\t ")).toBe("a b");
  for (const kept of ["\u00a0a", "a\u2003", "\ufeffa", "a\n", "\va"])
    expect(stripped(kept)).toBe(kept);
});

test("of a file's or the environment's value line breaks are taken off too", () => {
  expect(strippedLine("\r\n a b \r\n")).toBe("a b");
  for (const kept of ["\u00a0a", "a\u2003", "\ufeffa"]) expect(strippedLine(kept)).toBe(kept);
});
