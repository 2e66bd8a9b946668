import { expect, test } from "vitest";
import { createKnownPrimary } from "../../../src/postgres/server_identity.js";

const server = (timeline: number, cluster = "7301") => ({ cluster, timeline });

test("a promoted standby replaces the primary, which is refused from then on", () => {
  const primary = createKnownPrimary();
  expect(primary.admit(server(1))).toBe(false);
  expect(primary.admit(server(1))).toBe(false);
  expect(primary.admit(server(2))).toBe(true);
  expect(() => primary.admit(server(1))).toThrow("DEPENDENCY_UNAVAILABLE");
  expect(primary.current()).toEqual(server(2));
});

test("timelines are numbers: the tenth comes after the ninth", () => {
  const primary = createKnownPrimary();
  primary.admit(server(9));
  expect(primary.admit(server(10))).toBe(true);
});

test("a database that was moved to another cluster is followed, whatever its timeline", () => {
  const primary = createKnownPrimary();
  primary.admit(server(5));
  expect(primary.admit(server(1, "9"))).toBe(true);
});
