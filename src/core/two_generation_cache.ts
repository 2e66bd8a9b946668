/** A map that forgets what was set long ago. */
export interface TwoGenerationCache<Key, Value> {
  get(key: Key): Value | undefined;
  set(key: Key, value: Value): void;
}

/**
 * Remembers `max` entries (two or more) at most, and the newer half of them for
 * certain. To be looked up keeps no entry: to note that costs the hottest paths
 * more than to find out now and then what was forgotten.
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
