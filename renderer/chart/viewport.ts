/**
 * Which stretch of time a chart shows: panned, zoomed, or following the newest candle. Times and
 * lengths in milliseconds; no drawing.
 */
import type { Millis } from '../../main/core/contract.ts';

/** Candles that a chart shows unless it is asked for others. */
export const DEFAULT_CANDLES = 120;
/** Room for so many when fewer are held: a young record is drawn larger, not as a sliver at the edge. */
export const YOUNG_CANDLES = 40;
/** Fewer than this would be bars, not a chart. */
const FEWEST_CANDLES = 12;
/** Air between the newest candle and the axis, as a share of what shows. */
const AIR = 0.02;
/** The most of the picture that may be empty on the right, and the least that must hold candles on the left. */
const MOST_EMPTY = 0.5;
const LEAST_FILLED = 0.15;

export class Viewport {
  #stepMs: Millis;
  #span: Millis;
  /** The user zoomed: the span is no longer ours to choose. */
  #zoomed = false;
  #right: Millis = 0;
  #following = true;
  /** Distance from the newest candle's end to the right edge, as a share of the span; kept while following. */
  #air = AIR;
  #first: Millis | null = null;
  #end: Millis = 0;

  constructor(stepMs: Millis) {
    this.#stepMs = stepMs;
    this.#span = DEFAULT_CANDLES * stepMs;
  }

  get left(): Millis {
    return this.#right - this.#span;
  }

  get right(): Millis {
    return this.#right;
  }

  get span(): Millis {
    return this.#span;
  }

  /** The newest candle is in sight and the picture moves with it. */
  get following(): boolean {
    return this.#following;
  }

  /** The candles so far: start of the oldest and end of the newest; null when there is none. */
  track(first: Millis | null, end: Millis): void {
    this.#first = first;
    this.#end = end;
    if (!this.#zoomed && this.#following) this.#span = this.#ownSpan();
    if (this.#following) this.#right = end + this.#air * this.#span;
  }

  /** Starts again with candles of `stepMs`. */
  reset(stepMs: Millis): void {
    this.#stepMs = stepMs;
    this.#zoomed = false;
    this.#span = this.#ownSpan();
    this.follow();
  }

  /** Back to the newest candle, at the span that is chosen. */
  follow(): void {
    this.#following = true;
    this.#air = AIR;
    this.#right = this.#end + AIR * this.#span;
  }

  /** Moves by `ms`: positive towards the newer. */
  pan(ms: Millis): void {
    if (this.#first === null) return;
    this.#place(this.#right + ms, MOST_EMPTY);
  }

  /** Shows `factor` times as much time, keeping `anchor` where it is on the screen. */
  zoom(factor: number, anchor: Millis): void {
    if (this.#first === null || !(factor > 0)) return;
    const least = FEWEST_CANDLES * this.#stepMs;
    const most = Math.max(DEFAULT_CANDLES * this.#stepMs, (this.#end - this.#first) * 1.25);
    const span = Math.min(most, Math.max(least, this.#span * factor));
    if (span === this.#span) return;
    const right = anchor + (this.#right - anchor) * (span / this.#span);
    this.#span = span;
    this.#zoomed = true;
    // Zooming out about the middle would leave the right half empty.
    this.#place(right, Math.max(AIR, this.#following ? this.#air : AIR));
  }

  /** The span while the user has chosen none. */
  #ownSpan(): Millis {
    const most = DEFAULT_CANDLES * this.#stepMs;
    if (this.#first === null) return most;
    return Math.min(most, Math.max(YOUNG_CANDLES * this.#stepMs, (this.#end - this.#first) * 1.25));
  }

  #place(right: Millis, mostEmpty: number): void {
    const latest = this.#end + mostEmpty * this.#span;
    const earliest = (this.#first ?? 0) + LEAST_FILLED * this.#span;
    this.#right = Math.max(Math.min(right, latest), Math.min(earliest, latest));
    this.#following = this.#right >= this.#end;
    if (this.#following) this.#air = (this.#right - this.#end) / this.#span;
  }
}
