/** Repeatable chance: what a seed begins goes the same way each time. */
export type Chance = () => number;

/** Numbers in [0, 1): mulberry32. */
export function chance(seed: number): Chance {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from `low` to `high`. */
export function between(random: Chance, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** One of the list, which has some. */
export function pick<T>(random: Chance, list: readonly [T, ...T[]]): T {
  return list[Math.floor(random() * list.length)] ?? list[0];
}

/** In another order, each as likely. */
export function shuffled<T>(random: Chance, list: readonly T[]): T[] {
  return list
    .map((each) => ({ each, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ each }) => each);
}
