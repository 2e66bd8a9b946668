import { describe, expect, test } from "vitest";
import { sourceOf } from "../../../src/core/caller/source.js";
import { FairQueue } from "../../../src/rpc/budgets/fair_queue.js";

describe("a fair queue (D8)", () => {
  const many = { name: "many" };
  const few = { name: "few" };

  test("gives out its capacity at once, and then no more", () => {
    const queue = new FairQueue<object>(10, 5);
    expect([queue.tryTake(4), queue.tryTake(6), queue.tryTake(1)]).toEqual([true, true, false]);
    queue.give(6);
    expect(queue.tryTake(6)).toBe(true);
  });

  test("lets what is larger than the capacity have all of it", () => {
    const queue = new FairQueue<object>(10, 5);
    expect(queue.tryTake(50)).toBe(true);
    expect(queue.tryTake(1)).toBe(false);
    queue.give(50);
    expect(queue.used).toBe(0);
  });

  test("lets groups take turns, and keeps the order within one", () => {
    const queue = new FairQueue<object>(1, 100);
    const ran: string[] = [];
    expect(queue.tryTake(1)).toBe(true);
    for (let index = 0; index < 5; index += 1) queue.wait(many, 1, () => ran.push(`many ${index}`));
    queue.wait(few, 1, () => ran.push("few 0"));
    queue.wait(few, 1, () => ran.push("few 1"));
    for (let index = 0; index < 7; index += 1) queue.give(1);
    expect(ran).toEqual(["many 0", "few 0", "many 1", "few 1", "many 2", "many 3", "many 4"]);
    queue.give(1);
    expect(queue.used).toBe(0);
  });

  test("lets nobody pass those who wait", () => {
    const queue = new FairQueue<object>(10, 5);
    queue.tryTake(9);
    let isRun = false;
    queue.wait(many, 5, () => {
      isRun = true;
    });
    expect(queue.tryTake(1)).toBe(false);
    queue.give(9);
    expect(isRun).toBe(true);
    expect(queue.used).toBe(5);
  });

  test("refuses more waiting callers than it has room for", () => {
    const queue = new FairQueue<object>(1, 1);
    queue.tryTake(1);
    const nothing = (): void => undefined;
    expect([queue.wait(many, 1, nothing), queue.wait(few, 1, nothing)]).toEqual([true, false]);
  });

  test("goes on when it is scheduled to", () => {
    const later: (() => void)[] = [];
    const queue = new FairQueue<object>(1, 5, (next) => later.push(next));
    queue.tryTake(1);
    let isRun = false;
    queue.wait(many, 1, () => {
      isRun = true;
    });
    queue.give(1);
    expect(isRun).toBe(false);
    for (const next of later) next();
    expect(isRun).toBe(true);
  });
});

describe("the source that budgets count (D9)", () => {
  test.each([
    ["203.0.113.9", "203.0.113.9"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
    ["2001:DB8:1:3::1", "2001:db8:1:3::/64"],
    ["", ""],
    ["no address", "no address"],
  ])("%j counts as %j", (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});
