/** A bounded map that drops its oldest entries. */
export interface TwoGenerationCache<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
}

/**
 * Holds at most `max` entries (two or more), and the newer half of them for certain. A lookup does not renew an entry:
 * recording lookups costs the hottest paths more than an occasional miss.
 */
export const twoGenerationCache = <Key, Value>(max: number): TwoGenerationCache<Key, Value> => {
  const half = Math.floor(max / 2);
  let young = new Map<Key, Value>();
  let old = new Map<Key, Value>();
  return {
    get: (key) => young.get(key) ?? old.get(key),
    set(key, value) {
      if (young.size >= half) {
        old = young;
        young = new Map();
      }
      young.set(key, value);
    },
  };
};
