import { describe, expect, test } from "vitest";
import { parseRecords, type RunRecord } from "../../faults/run_record.js";
import { exitCodeOf, writeSummary } from "../../faults/summary.js";

const RUN: RunRecord = {
  part: "race pairs",
  seed: 1,
  startedAt: "2026-01-01T00:00:00.000Z",
  minutes: 2,
  commit: "1234567890abcdef",
  uncommitted: false,
  machine: "1 × processor, 1 GiB",
  node: "v20.0.0",
  postgres: "15.1",
  redis: "7.0.1",
  done: 600_000,
  calls: 10,
  uncertain: 1,
  counts: { "refresh and refresh": 600_000 },
  leftOut: [],
  memory: [],
  violations: [],
  brokenOff: [],
};
const WRONG = { ...RUN, violations: ["seed 1: L1 valid after its end"] };
const BROKEN = { ...RUN, brokenOff: ["seed 1: no Redis"] };

describe("the summary of all runs", () => {
  test("adds up runs of a kind, and lists each", () => {
    const text = writeSummary([RUN, { ...RUN, seed: 2, commit: "abcdef0123456789" }]);
    expect(text).toContain("| pairs | 1200000 of 1000000 |");
    expect(text).toContain("| refresh and refresh | 1200000 |");
    expect(text).toContain("| violations | none |");
    expect(text).toMatch(/600000 .* 1234567 /);
    expect(text).toMatch(/600000 .* abcdef0 /);
    expect(text).not.toContain("short of the goal");
  });

  test("counts no run that no commit can repeat, and says so", () => {
    const text = writeSummary([RUN, { ...RUN, uncommitted: true }]);
    expect(text).toContain("| pairs | 600000 of 1000000: **short of the goal** |");
    expect(text).toContain("changed after 1234567: not counted");
  });

  test("tells a violation whatever run found it", () => {
    const text = writeSummary([RUN, { ...WRONG, uncommitted: true }]);
    expect(text).toContain("| violations | **1** |");
    expect(text).toContain("L1 valid after its end");
  });

  test("tells of each guarantee that is broken, however often another is", () => {
    const often = Array.from({ length: 30 }, (_, n) => `seed ${n}: L6 told in different words`);
    const text = writeSummary([{ ...RUN, violations: [...often, ...WRONG.violations] }]);
    expect(text).toContain("| violations | **31** |");
    expect(text).toContain(
      "seed 4: L6 told in different words\nand 25 more of L6\nseed 1: L1 valid",
    );
  });

  test("tells the load of a soak as a share of what is possible", () => {
    const text = writeSummary([{ ...RUN, part: "soak", done: 61.4, load: 0.496 }]);
    expect(text).toContain("| minutes | 61 of 60 |");
    expect(text).toContain("| 61 | 50 % |");
  });

  test("tells what came to no verdict", () => {
    const text = writeSummary([BROKEN]);
    expect(text).toContain("| broken off without a verdict | 1 |");
    expect(text).toContain("seed 1: no Redis");
  });

  test("tells what was found of a violation, and still counts it", () => {
    const text = writeSummary([{ ...WRONG, remark: "the harness was wrong" }]);
    expect(text).toContain("| violations | **1** |");
    expect(text).toContain("- 2026-01-01T00:00:00.000Z: the harness was wrong");
  });
});

test("a run exits with 1 for a violation, with 2 without a verdict", () => {
  expect(exitCodeOf([RUN, RUN])).toBe(0);
  expect(exitCodeOf([RUN, BROKEN])).toBe(2);
  expect(exitCodeOf([BROKEN, WRONG])).toBe(1);
});

test("records are read as they were written, and nothing else is", () => {
  expect(parseRecords(`${JSON.stringify(RUN)}\n${JSON.stringify(BROKEN)}\n`)).toEqual([
    RUN,
    BROKEN,
  ]);
  expect(() => parseRecords("{}\n")).toThrow();
});
