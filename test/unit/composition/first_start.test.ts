import { expect, test } from "vitest";
import { inventPassword } from "../../../src/composition/first_start.js";

test("an invented password can be pasted anywhere, and differs each time", () => {
  const passwords = Array.from({ length: 200 }, inventPassword);
  expect(new Set(passwords).size).toBe(200);
  for (const password of passwords) expect(password).toMatch(/^[A-HJ-NP-Za-km-z2-9]{24}$/);
});
