import { expect, test } from "vitest";
import { addressChanges } from "../../../../src/core/events/patterns/address_change.js";
import type { EventHistory } from "../../../../src/core/ports/event_history.js";

const history = (home: string, lately: readonly string[]): EventHistory => ({
  failedLogins: async () => new Map(),
  revocationsBy: async () => new Map(),
  toldOf: async () => new Set(),
  signInsOf: async (ids) => new Map(ids.map((id) => [id, { device: "", userAgent: "", ip: home }])),
  addressesOf: async (ids) => new Map(ids.map((id) => [id, lately])),
  noteDevices: async () => [],
});

const refreshed = (ip: string) =>
  ({ type: "REFRESHED", at: 1, userId: "u", sessionId: "s", ip }) as const;

test("a session that goes on from another address is told of once for each", async () => {
  const events = ["192.0.2.1", "192.0.2.9", "198.51.100.7", "198.51.100.7", "203.0.113.5"];
  const found = await addressChanges(events.map(refreshed), history("192.0.2.1", ["203.0.113.5"]));
  expect(found.map(({ event, metadata }) => [event.ip, metadata])).toEqual([
    ["192.0.2.9", { from: "192.0.2.1" }],
    ["198.51.100.7", { from: "192.0.2.1" }],
  ]);
});

test("another address of the same IPv6 network is none", async () => {
  const events = [refreshed("2001:db8::5"), refreshed("2001:db8::ffff:1:2:3")];
  expect(await addressChanges(events, history("2001:db8::1", []))).toEqual([]);
});
