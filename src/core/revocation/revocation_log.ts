import type { Revocation, RevocationPage } from "./revocation.js";

/**
 * The newest revocations in memory, once for all watchers, who each remember
 * only how far they have come. It grows at the end and forgets at the beginning.
 */
export interface RevocationLog {
  /** Where it ends; undefined: it has not begun. */
  head(): bigint | undefined;
  /** Begins where a page ends, empty. */
  begin(page: RevocationPage): void;
  /** Appends the page that was read after the head. */
  append(page: RevocationPage): void;
  /** What follows `position`, a page at most; undefined: it does not reach there. */
  after(position: bigint): RevocationPage | undefined;
  /** Forgets everything. */
  clear(): void;
}

/**
 * @param capacity how many revocations it remembers at least; at most twice as many
 * @param pageSize most revocations of one answer
 */
export const revocationLog = (capacity: number, pageSize: number): RevocationLog => {
  let entries: Revocation[] = [];
  /** It has everything after `base`, up to `head`. */
  let base = 0n;
  let head: bigint | undefined;
  let completeAt: number | undefined;

  /** Where in `entries` the first after `position` is. */
  const placeAfter = (position: bigint): number => {
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((entries[middle]?.revision ?? 0n) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  return {
    head: () => head,

    begin(page) {
      entries = [];
      base = page.through;
      head = page.through;
      completeAt = page.completeAt;
    },

    append(page) {
      for (const revocation of page.revocations) entries.push(revocation);
      head = page.through;
      completeAt = page.completeAt ?? completeAt;
      if (entries.length < 2 * capacity) return;
      const forgotten = entries.splice(0, entries.length - capacity);
      base = forgotten.at(-1)?.revision ?? base;
    },

    after(position) {
      if (head === undefined || position < base || position > head) return undefined;
      const start = placeAfter(position);
      const revocations = entries.slice(start, start + pageSize);
      const more = start + pageSize < entries.length;
      return {
        revocations,
        through: more ? (revocations.at(-1)?.revision ?? head) : head,
        more,
        completeAt: more ? undefined : completeAt,
      };
    },

    clear() {
      entries = [];
      head = undefined;
    },
  };
};
