/**
 * A guess at the next trade: that it is laid out as the last one was, the same bytes around its values.
 * Names and braces need no look one by one then. A guess that fails says nothing of the document: the
 * scanner reads it from its beginning.
 */
import { SIDE_UNKNOWN } from '../flow/batch.ts';
import type { DecimalReader } from './decimal-reader.ts';
import { ID, type Layout, MARKET, PAIR, PRICE, SIDE, SIZE, TIME, VENUE } from './layout.ts';
import { MarketSpans } from './market-spans.ts';
import { QUOTE, sideAt } from './plain.ts';
import type { ScannedTrade } from './scanned-trade.ts';
import { type TimeScanner } from './time.ts';
import { MAX_ID } from './tolerant.ts';
import { Literal, type Wide } from './wide.ts';

/** Bytes that must be the same, then a value. */
interface Step {
  readonly literal: Literal;
  readonly field: number;
  /** A number, not a string. */
  readonly bare: boolean;
}

/** A feed that changes its layout all the time is not learned each time: that costs more than it saves. */
const LEARN_EVERY = 16;
const MINUTE = 60_000_000;
/** Microseconds of a unit at the n-th place behind the point. */
const UNITS = Float64Array.of(0, 100_000, 10_000, 1_000, 100, 10, 1);

export class TradeTemplate {
  readonly #trade: ScannedTrade;
  readonly #decimal: DecimalReader;
  readonly #times: TimeScanner;
  readonly #wide: Wide;
  #markets = new MarketSpans();
  #steps: readonly Step[] = [];
  #tail: Literal | null = null;
  /** Guesses that failed in a row, but for a market that was not known. */
  #misses = 0;
  /** The layout held as far as to a market that was not known. */
  #strange = false;
  /** The minute read last: its 16 characters as two words, and its time. */
  #minuteA = NaN;
  #minuteB = NaN;
  #minute = 0;

  /** @param trade is written, also by a guess that fails */
  constructor(trade: ScannedTrade, decimal: DecimalReader, times: TimeScanner) {
    this.#trade = trade;
    this.#wide = trade.idSpan.memory;
    this.#decimal = decimal;
    this.#times = times;
  }

  /**
   * Reads the document that begins at `start` in `bytes`, of a frame that ends at `stop`; gives the place
   * behind its last brace, or -1.
   */
  read(bytes: Buffer, start: number, stop = bytes.length): number {
    const tail = this.#tail;
    if (tail === null) return -1;
    const wide = this.#wide;
    wide.over(bytes);
    const end = bytes.byteOffset + stop;
    let at = bytes.byteOffset + start;
    this.#trade.idSpan.end = this.#trade.idSpan.start;
    this.#trade.side = SIDE_UNKNOWN;
    for (const { literal, field, bare } of this.#steps) {
      if (!literal.isAt(wide, at, end)) return -1;
      at = this.#value(field, bare, at + literal.length, end);
      if (at < 0) return -1;
    }
    if (!tail.isAt(wide, at, end)) return -1;
    this.#misses = 0;
    return at + tail.length - bytes.byteOffset;
  }

  /** Takes note of frame[start..end), a document that the scanner has read. */
  learn(frame: Buffer, start: number, end: number, layout: Layout): void {
    if (!this.#strange && this.#misses++ % LEARN_EVERY !== 0) return;
    const { starts, ends, fields, count } = layout;
    this.#wide.over(frame);
    const steps: Step[] = [];
    const markets = this.#strange ? this.#markets : new MarketSpans();
    this.#strange = false;
    let at = start;
    for (let n = 0; n < count; n++) {
      const field = fields[n] ?? 0;
      const from = starts[n] ?? 0;
      const literal = new Literal(frame.subarray(at, from));
      steps.push({ literal, field, bare: frame[from - 1] !== QUOTE });
      // A market's venue and pair are always the same, so they are one with its id.
      if (field === MARKET) while (((fields[n + 1] ?? 0) & (VENUE | PAIR)) !== 0 && n + 1 < count) n++;
      at = ends[n] ?? 0;
      if (field === MARKET) markets.add(this.#wide, frame, from, at, this.#trade.market);
    }
    if (markets === this.#markets) return;
    this.#markets = markets;
    this.#steps = steps;
    this.#tail = new Literal(frame.subarray(at, end));
  }

  /** Reads the value at `at`; gives the place behind it, or -1. */
  #value(field: number, bare: boolean, at: number, end: number): number {
    const trade = this.#trade;
    const wide = this.#wide;
    if (field === PRICE) {
      at = this.#decimal.read(wide.bytes, at, bare);
      trade.priceDigits = this.#decimal.digits;
      trade.priceScale = this.#decimal.scale;
      return at;
    }
    if (field === SIZE) {
      at = this.#decimal.read(wide.bytes, at, bare);
      trade.sizeDigits = this.#decimal.digits;
      trade.sizeScale = this.#decimal.scale;
      return at;
    }
    if (bare) return -1;
    if (field === TIME) return this.#time(at, end);
    if (field === MARKET) {
      const span = this.#markets.find(wide, at, end);
      this.#strange = span === null;
      if (span === null) return -1;
      trade.market = span.market;
      return at + span.literal.length;
    }
    const stop = wide.plainEnd(at, end);
    if (field === ID) {
      if (stop - at > MAX_ID) return -1;
      trade.idSpan.start = at;
      trade.idSpan.end = stop;
    } else if (field === SIDE) trade.side = sideAt(wide.bytes, at, stop - at);
    return stop;
  }

  /** `2024-01-15T18:10:07.123Z`: the minute is mostly that of the last trade. */
  #time(at: number, end: number): number {
    const { bytes, data } = this.#wide;
    if (at + 24 > end) return -1;
    if (data.getFloat64(at, true) === this.#minuteA && data.getFloat64(at + 8, true) === this.#minuteB) {
      const tens = (bytes[at + 17] ?? 0) - 0x30;
      const ones = (bytes[at + 18] ?? 0) - 0x30;
      let fraction = 0;
      let stop = at + 20;
      let digit = (bytes[stop] ?? 0) - 0x30;
      for (; digit >= 0 && digit <= 9; digit = (bytes[++stop] ?? 0) - 0x30) fraction = fraction * 10 + digit;
      // 0 for none or too many, which are left to the scan below.
      const unit = UNITS[stop - at - 20] ?? 0;
      const seconds = tens >= 0 && tens <= 5 && ones >= 0 && ones <= 9;
      const marks = bytes[at + 16] === 0x3a && bytes[at + 19] === 0x2e && bytes[stop] === 0x5a;
      if (seconds && marks && unit > 0) {
        this.#trade.exchangeTime = this.#minute + (tens * 10 + ones) * 1_000_000 + fraction * unit;
        return stop + 1;
      }
    }
    const stop = this.#wide.plainEnd(at, end);
    const time = this.#times.scan(bytes, at, stop);
    if (time < 0) return -1;
    this.#trade.exchangeTime = time;
    this.#minuteA = data.getFloat64(at, true);
    this.#minuteB = data.getFloat64(at + 8, true);
    this.#minute = time - (time % MINUTE);
    return stop;
  }
}
