/**
 * A clock that is read once for frames that came at once: reading the time for each of a frame's purposes
 * takes as long as decoding it.
 */
import type { Micros } from './contract.ts';
import type { Clock, Timer } from './ports.ts';

export class FrameClock implements Clock {
  readonly #clock: Clock;
  #held = false;
  #now: Micros | null = null;
  #monotonic: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it stands still. */
  get held(): boolean {
    return this.#held;
  }

  /** Stands still while `run` runs, from when it is first read; within such a run as long as that one. */
  during<T>(run: (given: T) => void, given: T): void {
    if (this.#held) {
      run(given);
      return;
    }
    this.#held = true;
    try {
      run(given);
    } finally {
      this.#held = false;
      this.#now = null;
      this.#monotonic = null;
    }
  }

  now(): Micros {
    if (!this.#held) return this.#clock.now();
    return (this.#now ??= this.#clock.now());
  }

  monotonic(): number {
    if (!this.#held) return this.#clock.monotonic();
    return (this.#monotonic ??= this.#clock.monotonic());
  }

  after(ms: number, run: () => void): Timer {
    return this.#clock.after(ms, run);
  }

  every(ms: number, run: () => void): Timer {
    return this.#clock.every(ms, run);
  }
}
