import { expect, test } from "vitest";
import { boundedLogin } from "../../../src/composition/bounded_login.js";
import { fail } from "../../../src/core/errors.js";
import type { LoginInput, LoginOutput } from "../../../src/core/login/login.js";

const FLOOD = 600;
const HONEST = 16;

const inputFrom = (ip: string): LoginInput => ({
  username: "ada",
  password: "",
  device: "",
  ip,
  userAgent: "",
});

/** Logins that are let in, in order, and that end when the test says so. */
const stage = (requireSource: (ip: string) => void = () => undefined) => {
  const admitted: string[] = [];
  const running: (() => void)[] = [];
  const login = boundedLogin({
    requireSource,
    login: ({ ip }) =>
      new Promise((resolve) => {
        admitted.push(ip);
        running.push(() => resolve({} as LoginOutput));
      }),
  });
  const outcomeOf = (ip: string) =>
    login(inputFrom(ip)).then(
      () => "OK",
      (error: { reason: string }) => error.reason,
    );
  const finishAll = async () => {
    await new Promise(setImmediate);
    for (let end = running.shift(); end !== undefined; end = running.shift()) {
      end();
      await new Promise(setImmediate);
    }
  };
  return { admitted, outcomeOf, finishAll };
};

test.each([
  ["one address", () => "203.0.113.1"],
  ["the addresses of one IPv6 network", (i: number) => `2001:db8:1:2::${i.toString(16)}`],
])("D10: a flood from %s costs no honest login, and delays each by few", async (_, addressOf) => {
  const { admitted, outcomeOf, finishAll } = stage();
  const flood = Array.from({ length: FLOOD }, (_, i) => outcomeOf(addressOf(i)));
  const honest = Array.from({ length: HONEST }, (_, i) => outcomeOf(`198.51.100.${i}`));
  await finishAll();
  expect(await Promise.all(honest)).toEqual(Array(HONEST).fill("OK"));
  expect(await Promise.all(flood)).toContain("TOO_MANY_ATTEMPTS");
  // Those under way, then at most one of the flood between two honest ones.
  expect(admitted.findLastIndex((ip) => ip.startsWith("198."))).toBeLessThan(16 + 2 * HONEST);
});

test("D10: a source that is locked out takes no place at all", async () => {
  const { admitted, outcomeOf, finishAll } = stage((ip) => {
    if (ip === "203.0.113.1") throw fail("TOO_MANY_ATTEMPTS", { retryAfterMs: 1000 });
  });
  const flood = await Promise.all(Array.from({ length: FLOOD }, () => outcomeOf("203.0.113.1")));
  expect(new Set(flood)).toEqual(new Set(["TOO_MANY_ATTEMPTS"]));
  const honest = Array.from({ length: 16 + 200 }, (_, i) => outcomeOf(`198.51.100.${i}`));
  await finishAll();
  expect(new Set(await Promise.all(honest))).toEqual(new Set(["OK"]));
  expect(admitted).not.toContain("203.0.113.1");
});
