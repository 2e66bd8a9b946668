import { describe, expect, test } from "vitest";
import { clientAddress } from "../../../src/rpc/client_address.js";

const at = (address: string) => ({ address, isGateway: false });
const GATEWAY = { address: "", isGateway: true };

describe("D1, D9: the address of a client", () => {
  const { of, isProxy } = clientAddress(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);

  test.each([
    ["203.0.113.1", "", "203.0.113.1"],
    ["203.0.113.1", "198.51.100.1", "203.0.113.1"],
    ["127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["127.0.0.1", "6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"],
    ["fd00::1", "6.6.6.6,2001:DB8::1 , 10.1.2.3", "2001:db8::1"],
    ["127.0.0.1", "203.0.113.9:51234", "203.0.113.9"],
    ["127.0.0.1", "[2001:db8::1]:443, 10.1.2.3:80", "2001:db8::1"],
    ["127.0.0.1", "[2001:db8::1]", "2001:db8::1"],
    ["127.0.0.1", "not an address, 10.1.2.3", "10.1.2.3"],
    ["127.0.0.1", "6.6.6.6, 2130706433", "127.0.0.1"],
    ["127.0.0.1", "\u00a0198.51.100.1", "127.0.0.1"],
    ["127.0.0.1", "10.1.2.3", "10.1.2.3"],
    ["127.0.0.1", "", "127.0.0.1"],
    ["::ffff:203.0.113.1", "", "203.0.113.1"],
    // A peer that has reset the connection: its headers are not trusted.
    ["", "198.51.100.1", ""],
    ["", "", ""],
  ])("at %s, forwarded for %j, is %s", (peer, forwardedFor, address) => {
    expect(of(at(peer), forwardedFor)).toBe(address);
  });

  test.each([
    ["198.51.100.1", "198.51.100.1"],
    ["6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"],
    ["nonsense", ""],
    ["", ""],
  ])("from our own gateway, forwarded for %j, is %s", (forwardedFor, address) => {
    expect(of(GATEWAY, forwardedFor)).toBe(address);
  });

  test.each([
    ["127.0.0.1", true],
    ["::ffff:10.9.9.9", true],
    ["11.0.0.1", false],
    ["::1", false],
    ["", false],
  ])("%s is a trusted proxy: %s", (peer, trusted) => {
    expect(isProxy(at(peer))).toBe(trusted);
  });

  test("our own gateway is believed by its listener", () => {
    expect(isProxy(GATEWAY)).toBe(true);
  });

  test("a proxy that forwards nonsense is reported once", () => {
    const reported: string[] = [];
    const address = clientAddress(["10.0.0.0/8"], (proxy) => reported.push(proxy));
    for (const forwarded of ["nonsense", "nonsense", "unknown, 10.0.0.2", "198.51.100.1", ""])
      address.of(at("10.0.0.1"), forwarded);
    // A stranger is not trusted anyway, and causes no line in the log.
    address.of(at("203.0.113.1"), "nonsense");
    expect(reported).toEqual(["10.0.0.1", "10.0.0.2"]);
  });

  test("is not to be told by proxies with mistaken names", () => {
    expect(() => clientAddress(["localhost"])).toThrow();
    expect(() => clientAddress(["10.0.0.0/99"])).toThrow();
  });
});
