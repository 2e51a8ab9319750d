/** What a link does, measured over the last seconds. */
import type { LinkState, Micros } from '../contract.ts';
import type { Clock } from '../ports.ts';

/** Rates are means over this many whole seconds. */
const WINDOW_S = 5;
/** Lag is judged on so many samples a second, of more on a random choice: they would change no digit that is shown. */
const LAGS_PER_S = 200;

type Reading = Pick<
  LinkState,
  | 'messagesPerSecond'
  | 'bytesPerSecond'
  | 'lagP50'
  | 'lagP95'
  | 'lagP99'
  | 'clockOffset'
  | 'roundTrip'
  | 'refused'
>;

interface Second {
  at: number;
  frames: number;
  bytes: number;
  /** Of `lagged` messages. */
  lags: number[];
  lagged: number;
}

/** Is told each measurement as it is made, for the record. */
export interface LinkMeter {
  frame(bytes: number): void;
  /** From exchange time to receipt, ms. */
  lag(ms: number): void;
  roundTrip(ms: number): void;
  /** See `LinkState.clockOffset`. */
  clockOffset(ms: number | null): void;
}

export class Health {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #meter: LinkMeter | null;
  readonly #started: number;
  #seconds: Second[] = [];
  #roundTrip: number | null = null;
  #clockOffset: number | null = null;
  #refused = 0;

  /** @param random in [0, 1) */
  constructor(clock: Clock, random: () => number, meter: LinkMeter | null) {
    this.#clock = clock;
    this.#random = random;
    this.#meter = meter;
    this.#started = clock.monotonic();
  }

  frame(bytes: number): void {
    const second = this.#now();
    second.frames++;
    second.bytes += bytes;
    this.#meter?.frame(bytes);
  }

  /** The exchange's clock against ours: an offset between the two is part of it. */
  lag(exchangeTime: Micros): void {
    const ms = (this.#clock.now() - exchangeTime) / 1000;
    this.#meter?.lag(ms);
    const second = this.#now();
    second.lagged++;
    if (second.lags.length < LAGS_PER_S) {
      second.lags.push(ms);
      return;
    }
    // Each of the second's is kept with the same chance (Vitter's algorithm R).
    const place = Math.floor(this.#random() * second.lagged);
    if (place < LAGS_PER_S) second.lags[place] = ms;
  }

  roundTrip(ms: number): void {
    this.#roundTrip = ms;
    this.#meter?.roundTrip(ms);
  }

  clockOffset(ms: number | null): void {
    this.#clockOffset = ms;
    this.#meter?.clockOffset(ms);
  }

  refused(): void {
    this.#refused++;
  }

  read(): Reading {
    const second = this.#second();
    this.#trim(second);
    // The second that runs is left out, so that a rate does not sag at its start.
    const whole = this.#seconds.filter(({ at }) => at < second);
    const span = Math.max(1, Math.min(WINDOW_S, second));
    const lags = this.#seconds.flatMap((each) => each.lags).sort((a, b) => a - b);
    return {
      messagesPerSecond: whole.reduce((sum, each) => sum + each.frames, 0) / span,
      bytesPerSecond: whole.reduce((sum, each) => sum + each.bytes, 0) / span,
      lagP50: lags[Math.floor((lags.length - 1) * 0.5)] ?? null,
      lagP95: lags[Math.floor((lags.length - 1) * 0.95)] ?? null,
      lagP99: lags[Math.floor((lags.length - 1) * 0.99)] ?? null,
      clockOffset: this.#clockOffset,
      roundTrip: this.#roundTrip,
      refused: this.#refused,
    };
  }

  #second(): number {
    return Math.floor((this.#clock.monotonic() - this.#started) / 1000);
  }

  #now(): Second {
    const at = this.#second();
    const last = this.#seconds.at(-1);
    if (last?.at === at) return last;
    this.#trim(at);
    const next: Second = { at, frames: 0, bytes: 0, lags: [], lagged: 0 };
    this.#seconds.push(next);
    return next;
  }

  #trim(at: number): void {
    if ((this.#seconds[0]?.at ?? at) < at - WINDOW_S) {
      this.#seconds = this.#seconds.filter((each) => each.at >= at - WINDOW_S);
    }
  }
}
