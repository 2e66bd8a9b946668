import fc from "fast-check";
import { expect, test } from "vitest";
import { earliestAfter, latestBefore, overlaps } from "../../faults/checker/moments.js";

/** Few moments, so that many are the same. */
const moment = fc.integer({ min: 0, max: 12 });
const span = fc
  .tuple(moment, moment)
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }));
const spans = fc.array(span, { maxLength: 20 });

type Span = { readonly start: number; readonly end: number };
const startOf = ({ start }: Span) => start;
const endOf = ({ end }: Span) => end;

test("the latest before a time, and the earliest after it, are what a look at all finds", () => {
  fc.assert(
    fc.property(spans, moment, (all, time) => {
      const before = all.filter(({ start }) => start < time).map(endOf);
      const after = all.filter(({ start }) => start > time).map(endOf);
      expect(latestBefore(all, startOf, endOf)(time)?.end ?? -Infinity).toBe(Math.max(...before));
      expect(earliestAfter(all, startOf, endOf)(time)?.end ?? Infinity).toBe(Math.min(...after));
    }),
  );
});

test("spans that overlap are what a look at all finds, for every question once", () => {
  fc.assert(
    fc.property(spans, spans, (questions, all) => {
      const answers = [...overlaps(questions, all)];
      expect(new Set(answers.map(([question]) => question))).toEqual(new Set(questions));
      expect(answers).toHaveLength(questions.length);
      for (const [question, found] of answers) {
        const expected = all.filter(
          ({ start, end }) => start < question.end && end >= question.start,
        );
        expect(new Set(found)).toEqual(new Set(expected));
        expect(found).toHaveLength(expected.length);
      }
    }),
  );
});
