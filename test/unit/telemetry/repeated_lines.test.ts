import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRepeatedLines } from "../../../src/telemetry/repeated_lines.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("the first of each key is logged, and the rest of its window is counted", () => {
  const reports: [string, number][] = [];
  const lines = createRepeatedLines((key, count) => reports.push([key, count]), 1000);
  expect(lines.isFirst("a")).toBe(true);
  expect(lines.isFirst("a")).toBe(false);
  vi.advanceTimersByTime(500);
  expect(lines.isFirst("b")).toBe(true);
  expect(lines.isFirst("a")).toBe(false);
  expect(reports).toEqual([]);
  vi.advanceTimersByTime(500);
  expect(reports).toEqual([["a", 2]]);
  expect(lines.isFirst("a")).toBe(true);
  vi.advanceTimersByTime(10_000);
  // A key that came once is not reported.
  expect(reports).toEqual([["a", 2]]);
  expect(vi.getTimerCount()).toBe(0);
});
