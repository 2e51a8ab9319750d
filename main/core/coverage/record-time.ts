/** The time in which coverage is told: the wall clock's, but it never goes back. */
import type { Micros, Millis } from '../contract.ts';
import type { Clock } from '../ports.ts';

/** Set back by at most this much, the wall clock is waited for; set back by more, it is left behind. */
const STEP_MICROS = 5_000_000;
/** Ahead by more than the monotonic clock went and this, the wall clock was set or the machine slept. */
const JUMP_MICROS = 250_000;

interface Reading {
  readonly monotonic: number;
  readonly time: Micros;
}

export class RecordTime {
  readonly #clock: Clock;
  #last: Reading;
  /** The readings around where the wall clock last ran ahead: the machine slept, or its clock was set. */
  #jump: { readonly before: Reading; readonly after: Reading } | null = null;
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
    const reading = { monotonic, time };
    if (time - last > elapsed + JUMP_MICROS) this.#jump = { before: this.#last, after: reading };
    this.#last = reading;
    this.#offset = time - wall;
    return time;
  }

  /** This time less the wall clock's, as of the last reading: 0 unless the wall clock was set back. */
  get offset(): Micros {
    return this.#offset;
  }

  /**
   * The time at a moment of the monotonic clock. A sleep, in which that clock may stand still, lies after
   * the moments before it; and after those of which nobody knows on which side of it they are, so that
   * nothing that was sent meanwhile counts as heard.
   */
  at(monotonic: Millis): Micros {
    const now = this.now();
    const jump = this.#jump;
    const anchor = jump !== null && monotonic <= jump.after.monotonic ? jump.before : this.#last;
    return Math.min(now, anchor.time - Math.round((anchor.monotonic - monotonic) * 1000));
  }
}
