import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideRefresh } from "../../../../src/core/refresh/refresh_decision.js";
import type { RefreshState } from "../../../../src/core/session/session.js";

const GRACE_MS = 10_000;
const T = 1_000_000;
/** Generation 5 is the newest; 4 was first used at T, 3 ten minutes before. */
const STATE: RefreshState = { generation: 5, rotatedAt: T, previousRotatedAt: T - 600_000 };

const decide = (state: RefreshState, presented: number, now: number) =>
  decideRefresh(state, presented, now, GRACE_MS).kind;

test("the newest generation makes the next, which remembers when the two before were used", () => {
  expect(decideRefresh(STATE, 5, T + 700, GRACE_MS)).toEqual({
    kind: "rotate",
    next: { generation: 6, rotatedAt: T + 700, previousRotatedAt: T },
  });
});

describe("R2, R3: the generation before", () => {
  test.each([
    [T, "repeat"],
    [T + GRACE_MS - 1, "repeat"],
    [T + GRACE_MS, "end"],
    [T + GRACE_MS * 1000, "end"],
  ])("at %d: %s", (now, kind) => {
    expect(decide(STATE, 4, now)).toBe(kind);
  });
});

describe("R3: the generation before that, whose successor was presented", () => {
  const used = { generation: 5, rotatedAt: T, previousRotatedAt: T - 3000 };
  test.each([
    [T, "refuse"],
    [T - 3000 + GRACE_MS - 1, "refuse"],
    [T - 3000 + GRACE_MS, "end"],
  ])("at %d: %s", (now, kind) => {
    expect(decide(used, 3, now)).toBe(kind);
  });
});

test("R3: any older generation ends the session, however short the time", () => {
  const all = { generation: 9, rotatedAt: T, previousRotatedAt: T };
  for (const presented of [0, 1, 5, 6]) expect(decide(all, presented, T)).toBe("end");
});

test("a generation that was never issued is unknown", () => {
  for (const presented of [6, 7, 2 ** 32 - 1]) expect(decide(STATE, presented, T)).toBe("unknown");
});

describe("R2, O3: while nobody is known to have received the newest generation", () => {
  const unanswered: RefreshState = { ...STATE, isUnanswered: true };
  test.each([T, T + GRACE_MS, T + GRACE_MS * 100_000])(
    "at %d the one before is repeated",
    (now) => {
      expect(decide(unanswered, 4, now)).toBe("repeat");
    },
  );

  test("R3 the generation before that is judged as ever", () => {
    expect(decide(unanswered, 3, T)).toBe("end");
    const recent = { ...unanswered, previousRotatedAt: T - 3000 };
    expect(decide(recent, 3, T - 3000 + GRACE_MS - 1)).toBe("refuse");
    expect(decide(recent, 3, T - 3000 + GRACE_MS)).toBe("end");
  });

  test("R1 a generation that was never issued is unknown", () => {
    expect(decide(unanswered, 6, T)).toBe("unknown");
  });

  test("R4 the newest is exchanged, and the time of the one before runs from that moment", () => {
    const now = T + GRACE_MS * 10;
    expect(decideRefresh(unanswered, 5, now, GRACE_MS)).toEqual({
      kind: "rotate",
      next: { generation: 6, rotatedAt: now, previousRotatedAt: now },
    });
  });
});

test("without grace every repetition is a reuse", () => {
  expect(decideRefresh(STATE, 4, T, 0).kind).toBe("end");
});

test("R1, R4, R7: of any history each generation is rotated once, and grace never grows", () => {
  const step = fc.record({ wait: fc.nat(15_000), back: fc.nat(4) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let state: RefreshState = { generation: 1, rotatedAt: T, previousRotatedAt: T };
      let now = T;
      /** When each generation was first exchanged. */
      const firstUse = new Map<number, number>();
      for (const { wait, back } of steps) {
        now += wait;
        const presented = state.generation - back;
        if (presented < 1) continue;
        const decision = decideRefresh(state, presented, now, GRACE_MS);
        if (decision.kind === "rotate") {
          expect(firstUse.has(presented)).toBe(false);
          firstUse.set(presented, now);
          state = decision.next;
          continue;
        }
        const since = now - (firstUse.get(presented) ?? Number.NaN);
        const inGrace = since < GRACE_MS;
        const expected = back > 2 || !inGrace ? "end" : back === 1 ? "repeat" : "refuse";
        expect(decision.kind).toBe(expected);
        if (decision.kind === "end") return;
      }
    }),
  );
});
