/**
 * Seeded random numbers: xoshiro128**, its state filled by splitmix32. The same seed and stream
 * give the same numbers on every run, and streams do not disturb one another.
 */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spare = 0;
  #hasSpare = false;

  /** @param seed any safe integer  @param stream a number for each independent user of the seed */
  constructor(seed: number, stream: number) {
    const high = Math.floor(seed / 4_294_967_296) | 0;
    const next = splitmix((seed | 0) ^ Math.imul(high, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b));
    this.#a = next();
    this.#b = next();
    this.#c = next();
    // All four zero is the one state that xoshiro never leaves.
    this.#d = next() | 1;
  }

  /** Evenly spread in the open interval (0, 1), so that its logarithm is finite. */
  uniform(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return ((result >>> 0) + 0.5) / 4_294_967_296;
  }

  /** Normally distributed, mean 0, deviation 1 (Box and Muller; they come in pairs). */
  normal(): number {
    if (this.#hasSpare) {
      this.#hasSpare = false;
      return this.#spare;
    }
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    this.#hasSpare = true;
    return radius * Math.cos(angle);
  }

  /** Exponentially distributed, mean 1. */
  exponential(): number {
    return -Math.log(this.uniform());
  }
}

function splitmix(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
}
