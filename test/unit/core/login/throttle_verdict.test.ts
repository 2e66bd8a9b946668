import { expect, test } from "vitest";
import { throttleRefusal } from "../../../../src/core/login/throttle_verdict.js";

test("D1 a lock ends with its window, to the last moment of it", () => {
  const lock = (failures: number, leftMs: number) => throttleRefusal({ failures, leftMs }, 3);
  expect(lock(3, 500)).toEqual({ cause: "failures", retryAfterMs: 500 });
  expect(lock(7, 500)).toEqual({ cause: "failures", retryAfterMs: 500 });
  expect(lock(3, 0)).toEqual({ cause: "failures", retryAfterMs: 1 });
  expect(lock(3, -3)).toEqual({ cause: "failures", retryAfterMs: 1 });
});

test("D1 places that parallel attempts hold are free again soon, however long the window is", () => {
  const busy = { cause: "busy", retryAfterMs: 1000 };
  expect(throttleRefusal({ failures: 2, leftMs: 900_000 }, 3)).toEqual(busy);
  expect(throttleRefusal({ failures: 0, leftMs: 900_000 }, 1)).toEqual(busy);
});
