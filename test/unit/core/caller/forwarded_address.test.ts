import { expect, test } from "vitest";
import { forwardedAddress } from "../../../../src/core/caller/forwarded_address.js";

test.each([
  ["203.0.113.9", "203.0.113.9"],
  [" \t203.0.113.9\t ", "203.0.113.9"],
  ["203.0.113.9:51234", "203.0.113.9"],
  ["2001:db8::1", "2001:db8::1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["[2001:db8::1]:443", "2001:db8::1"],
  ["[203.0.113.9]:443", "203.0.113.9"],
  ["\u00a0203.0.113.9", "\u00a0203.0.113.9"],
  ["203.0.113.9:", "203.0.113.9:"],
  ["203.0.113.9:123456", "203.0.113.9:123456"],
  ["[2001:db8::1", "[2001:db8::1"],
  ["", ""],
])("D9: the address in %j is %j", (element, address) => {
  expect(forwardedAddress(element)).toBe(address);
});
