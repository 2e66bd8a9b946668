import { expect, test } from "vitest";
import { requestIds } from "../../../src/rpc/request_id.js";

test("a request keeps an id that is fit for a log, and gets a new one else", () => {
  const requestId = requestIds();
  expect(requestId("01J-abc.DEF_9")).toBe("01J-abc.DEF_9");
  const made = ["", "a b", "a\nb", "x".repeat(129), '"}'].map(requestId);
  expect(new Set(made).size).toBe(made.length);
  for (const id of made) expect(id).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
});
