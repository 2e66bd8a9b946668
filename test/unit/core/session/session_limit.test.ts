import { describe, expect, test } from "vitest";
import { makeRoom, overLimit } from "../../../../src/core/session/session_limit.js";
import { session } from "../samples.js";

const live = [
  session({ id: "c", createdAt: 3, lastActivityAt: 10 }),
  session({ id: "a", createdAt: 1, lastActivityAt: 30 }),
  session({ id: "b", createdAt: 2, lastActivityAt: 20 }),
];
const idsOf = (room: ReturnType<typeof makeRoom>) => room?.map(({ id }) => id);

describe("N1: after one more there are never more than the most", () => {
  test.each([
    [5, []],
    [4, []],
    [3, ["a"]],
    [2, ["a", "b"]],
    [1, ["a", "b", "c"]],
  ])("most %d: the oldest go", (most, gone) => {
    expect(idsOf(makeRoom(live, most, "evict_oldest"))).toEqual(gone);
  });

  test.each([
    [4, []],
    [3, ["c"]],
    [1, ["c", "b", "a"]],
  ])("most %d: the least recently used go", (most, gone) => {
    expect(idsOf(makeRoom(live, most, "evict_least_recently_used"))).toEqual(gone);
  });

  test.each([
    [4, []],
    [3, undefined],
    [1, undefined],
  ])("N3: most %d: none goes, the login is refused", (most, gone) => {
    expect(idsOf(makeRoom(live, most, "reject"))).toEqual(gone);
  });
});

test("sessions of the same age go in the order of their ids, so that all replicas agree", () => {
  const twins = ["y", "x", "z"].map((id) => session({ id, createdAt: 7 }));
  expect(idsOf(makeRoom(twins, 2, "evict_oldest"))).toEqual(["x", "y"]);
  expect(idsOf(makeRoom(twins.toReversed(), 2, "evict_oldest"))).toEqual(["x", "y"]);
});

describe("over a limit that was lowered", () => {
  const four = [1, 2, 3, 4].map((n) =>
    session({ id: `${n}`, createdAt: n, lastActivityAt: n === 1 ? 9 : n }),
  );

  test.each([
    ["evict_oldest", 2, ["1", "2"]],
    ["evict_least_recently_used", 2, ["2", "3"]],
    ["reject", 2, ["4", "3"]],
    ["evict_oldest", 4, []],
    ["evict_least_recently_used", 5, []],
    ["reject", 4, []],
    ["reject", 5, []],
  ] as const)("%s, most %d: %j go", (policy, most, gone) => {
    expect(idsOf(overLimit(four, most, policy))).toEqual(gone);
  });
});
