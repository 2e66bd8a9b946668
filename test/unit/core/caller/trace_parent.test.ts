import { expect, test } from "vitest";
import { readTraceParent, writeTraceParent } from "../../../../src/core/caller/trace_parent.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test("a traceparent is read and written", () => {
  const header = `00-${TRACE}-${SPAN}-01`;
  const parent = readTraceParent(header);
  expect(parent).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 });
  expect(parent && writeTraceParent(parent)).toBe(header);
});

test.each([
  "",
  `ff-${TRACE}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}`,
])("%j is none", (header) => {
  expect(readTraceParent(header)).toBeUndefined();
});
