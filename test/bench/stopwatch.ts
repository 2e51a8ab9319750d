/** Wall and CPU time of a stretch, after a warm-up. */
import type { Sample } from './harness.ts';

export class Stopwatch {
  readonly #wall = performance.now();
  readonly #cpu = process.cpuUsage();

  stop(work: number, notes?: Readonly<Record<string, number>>): Sample {
    const ms = performance.now() - this.#wall;
    const { user, system } = process.cpuUsage(this.#cpu);
    return { work, ms, cpuMs: (user + system) / 1000, ...(notes === undefined ? {} : { notes }) };
  }
}

/** Counts work that comes by itself: starts the watch after `warmUp` pieces and stops it after `work` more. */
export class Meter {
  readonly #warmUp: number;
  readonly #work: number;
  readonly #done: (sample: Sample) => void;
  #watch: Stopwatch | null = null;
  #count = 0;

  constructor(warmUp: number, work: number, done: (sample: Sample) => void) {
    this.#warmUp = warmUp;
    this.#work = work;
    this.#done = done;
  }

  /** @returns false once there was enough */
  add(pieces: number): boolean {
    this.#count += pieces;
    if (this.#watch === null) {
      if (this.#count >= this.#warmUp) {
        this.#watch = new Stopwatch();
        this.#count = 0;
      }
      return true;
    }
    if (this.#count < this.#work) return true;
    this.#done(this.#watch.stop(this.#count));
    return false;
  }
}
