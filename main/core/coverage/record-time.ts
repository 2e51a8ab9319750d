/** The time in which coverage is told: the wall clock's, but it never goes back. */
import type { Micros, Millis } from '../contract.ts';
import type { Clock } from '../ports.ts';

/** Set back by at most this much, the wall clock is waited for; set back by more, it is left behind. */
const STEP_MICROS = 5_000_000;

interface Reading {
  readonly monotonic: number;
  readonly time: Micros;
}

export class RecordTime {
  readonly #clock: Clock;
  #last: Reading;
  /** The reading before the wall clock last ran ahead: the machine slept, or its clock was set. */
  #beforeJump: Reading | null = null;
  #offset = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = { monotonic: clock.monotonic(), time: Math.floor(clock.now()) };
  }

  now(): Micros {
    const { monotonic: before, time: last } = this.#last;
    const wall = Math.floor(this.#clock.now());
    const monotonic = this.#clock.monotonic();
    const elapsed = Math.max(0, Math.round((monotonic - before) * 1000));
    let time = wall;
    if (wall < last) time = last - wall <= STEP_MICROS ? last : last + elapsed;
    if (time - last > elapsed + STEP_MICROS) this.#beforeJump = this.#last;
    this.#last = { monotonic, time };
    this.#offset = time - wall;
    return time;
  }

  /** This time less the wall clock's, as of the last reading: 0 unless the wall clock was set back. */
  get offset(): Micros {
    return this.#offset;
  }

  /**
   * The time at a moment of the monotonic clock. A sleep, in which that clock may stand still, lies
   * after the moments before it.
   */
  at(monotonic: Millis): Micros {
    const now = this.now();
    const jump = this.#beforeJump;
    const anchor = jump !== null && monotonic <= jump.monotonic ? jump : this.#last;
    const time = anchor.time - Math.round((anchor.monotonic - monotonic) * 1000);
    return Math.min(now, jump !== null && anchor !== jump ? Math.max(time, jump.time) : time);
  }
}
