/*
 * Queries over many calls. Each is answered without a scan of all calls: a history has tens of thousands.
 */

interface Span {
  readonly start: number;
  readonly end: number;
}

type Reading<T> = (item: T) => number;

export const startOf: Reading<Span> = ({ start }) => start;
export const endOf: Reading<Span> = ({ end }) => end;

/** Finds, for any time, the item of the greatest `moment` among those `seen` before it. */
export const latestBefore = <T>(
  items: readonly T[],
  seen: Reading<T>,
  moment: Reading<T>,
): ((time: number) => T | undefined) => {
  const sorted = [...items].sort((a, b) => seen(a) - seen(b));
  let latest: T | undefined;
  const latestUpTo = sorted.map((item) => {
    if (latest === undefined || moment(item) > moment(latest)) latest = item;
    return latest;
  });
  const times = sorted.map(seen);
  return (time) => latestUpTo[countBefore(times, time) - 1];
};

/** Finds, for any time, the item of the least `moment` among those `seen` after it. */
export const earliestAfter = <T>(
  items: readonly T[],
  seen: Reading<T>,
  moment: Reading<T>,
): ((time: number) => T | undefined) => {
  const mirrored = latestBefore(
    items,
    (item) => -seen(item),
    (item) => -moment(item),
  );
  return (time) => mirrored(-time);
};

/** How many of these, in ascending order, are less than `time`. */
export const countBefore = (times: readonly number[], time: number): number => {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** The earliest beginning; Infinity if there is none. */
export const earliestStart = (calls: readonly { readonly start: number }[]): number =>
  calls.reduce((earliest, { start }) => Math.min(earliest, start), Infinity);

/**
 * Each question with the spans that began before its end and were not over
 * before its start. Its cost is what overlaps, not what there is.
 */
export function* overlaps<Question extends Span, Of extends Span>(
  questions: readonly Question[],
  spans: readonly Of[],
): Generator<readonly [Question, readonly Of[]]> {
  const asked = [...questions].sort((a, b) => b.end - a.end);
  /** By index: the earliest start of that question and all that come after it. */
  let earliest = Infinity;
  const startsFrom = asked.map(({ start }) => {
    earliest = Math.min(earliest, start);
    return earliest;
  });
  const toCome = [...spans].sort((a, b) => b.start - a.start);
  let open: Of[] = [];
  for (let question = asked.pop(); question !== undefined; question = asked.pop()) {
    const { start, end } = question;
    for (let span = toCome.at(-1); span && span.start < end; span = toCome.at(-1)) {
      open.push(span);
      toCome.pop();
    }
    const needed = startsFrom[asked.length] ?? start;
    open = open.filter((span) => span.end >= needed);
    yield [question, open.filter((span) => span.end >= start)];
  }
}
