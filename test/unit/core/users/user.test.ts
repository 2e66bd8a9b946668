import { expect, test } from "vitest";
import { foldUsername } from "../../../../src/core/users/user.js";

test.each([
  ["Ada", "ada"],
  ["  Ada \t", "ada"],
  // The same name in full-width letters, with a combining accent, in capitals with an accent.
  ["Ａｄａ", "ada"],
  ["Zoe\u0308", "zoë"],
  ["ÉMILE", "émile"],
  ["ÅNGSTRÖM", "ångström"],
])("%j is the user %j (RFC 8265)", (typed, folded) => {
  expect(foldUsername(typed)).toBe(folded);
  expect(foldUsername(folded)).toBe(folded);
});

test("different names stay different", () => {
  const names = ["ada", "ada1", "a da", "а\u0501а", "add", ""];
  expect(new Set(names.map(foldUsername)).size).toBe(names.length);
});
