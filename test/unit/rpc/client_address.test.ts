import { describe, expect, test } from "vitest";
import { clientAddress } from "../../../src/rpc/client_address.js";

describe("the address of a client (D1)", () => {
  const { of, isProxy } = clientAddress(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);

  test.each([
    ["203.0.113.1", "", "203.0.113.1"],
    ["203.0.113.1", "198.51.100.1", "203.0.113.1"],
    ["127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["127.0.0.1", "6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"],
    ["fd00::1", "6.6.6.6,2001:DB8::1 , 10.1.2.3", "2001:db8::1"],
    ["127.0.0.1", "not an address, 10.1.2.3", "10.1.2.3"],
    ["127.0.0.1", "10.1.2.3", "10.1.2.3"],
    ["127.0.0.1", "", "127.0.0.1"],
    ["::ffff:203.0.113.1", "", "203.0.113.1"],
    // A Unix socket: our own gateway.
    ["", "198.51.100.1", "198.51.100.1"],
    ["", "6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"],
    ["", "", ""],
  ])("at %s, forwarded for %j, is %s", (peer, forwardedFor, address) => {
    expect(of(peer, forwardedFor)).toBe(address);
  });

  test.each([
    ["127.0.0.1", true],
    ["::ffff:10.9.9.9", true],
    ["11.0.0.1", false],
    ["::1", false],
    ["", true],
  ])("%s is a trusted proxy: %s", (peer, trusted) => {
    expect(isProxy(peer)).toBe(trusted);
  });

  test("is not to be told by proxies with mistaken names", () => {
    expect(() => clientAddress(["localhost"])).toThrow();
    expect(() => clientAddress(["10.0.0.0/99"])).toThrow();
  });
});
