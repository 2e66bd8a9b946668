/** Numbers that look random and are the same again for the same seed. */
export interface Random {
  readonly seed: number;
  /** At least 0, below 1. */
  next(): number;
  /** A whole number at least 0, below `limit`. */
  below(limit: number): number;
  pick<T>(choices: readonly T[]): T;
  chance(probability: number): boolean;
  /** Another source, that this one's later use does not change. */
  fork(): Random;
}

/** Mulberry32, by Tommy Ettinger: 32 bits of state are plenty to choose faults with. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const bits = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const random: Random = {
    seed: seed >>> 0,
    next: () => bits() / 2 ** 32,
    below: (limit) => Math.floor(random.next() * limit),
    pick<T>(choices: readonly T[]): T {
      if (choices.length === 0) throw new RangeError("there is nothing to pick from");
      return choices[random.below(choices.length)] as T;
    },
    chance: (probability) => random.next() < probability,
    fork: () => createRandom(bits()),
  };
  return random;
};
