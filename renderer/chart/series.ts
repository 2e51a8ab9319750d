/**
 * The candles of one market and granularity, as the screen needs them: columns of numbers, outside
 * every reactive proxy, that a chart may hold a million of.
 */
import { CANDLE_FIELDS, floatsOf } from '../../main/core/contract.ts';
import type { CandlePoint, Millis } from '../../main/core/contract.ts';

/** What a chart says about the candle under the pointer. Prices are null when no trade was in its period. */
export interface Readout {
  readonly start: Millis;
  /** Milliseconds that it covers: more than the chart's step where candles are merged to fit the pixels. */
  readonly span: Millis;
  readonly open: number | null;
  readonly high: number | null;
  readonly low: number | null;
  readonly close: number | null;
  readonly volume: number;
  readonly vwap: number | null;
  readonly trades: number;
  readonly final: boolean;
}

/**
 * Consecutive candles as columns. They are views of the series' own memory: read them before the
 * series changes and do not write to them. NaN stands for no trade (prices) or not known (vwap).
 */
export interface CandleWindow {
  /** Milliseconds that each candle covers. */
  readonly stepMs: Millis;
  readonly length: number;
  readonly start: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
  readonly vwap: Float64Array;
  readonly trades: Float64Array;
  /** 1 final, 0 provisional. */
  readonly final: Float64Array;
}

// Columns in the order of the contract's candle layout.
const START = 0;
const OPEN = 1;
const HIGH = 2;
const LOW = 3;
const CLOSE = 4;
const VOLUME = 5;
const VWAP = 6;
const TRADES = 7;
const FINAL = 8;

type Columns = Float64Array[];

function columnsOf(capacity: number): Columns {
  return Array.from({ length: CANDLE_FIELDS }, () => new Float64Array(capacity));
}

function column(columns: Columns, field: number): Float64Array {
  const found = columns[field];
  if (found === undefined) throw new RangeError(`a candle has no field ${field}`);
  return found;
}

function orNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

interface Merged {
  readonly series: CandleSeries;
  /** Starts of the first and last candle that changed since the last fold; none when from > to. */
  from: Millis;
  to: Millis;
}

/** Room that is kept free at either end beyond what is asked for, as a share of the length. */
const SPARE = 0.5;

/** Candles sorted by start, one of each. Not reactive: tell views by a revision of your own. */
export class CandleSeries {
  /** Milliseconds that each candle covers. */
  readonly stepMs: Millis;
  #columns: Columns = columnsOf(0);
  #head = 0;
  #length = 0;
  #version = 0;
  readonly #merged = new Map<Millis, Merged>();

  constructor(stepMs: Millis = 60_000) {
    if (!(stepMs > 0) || !Number.isInteger(stepMs))
      throw new RangeError('a candle covers whole milliseconds');
    this.stepMs = stepMs;
  }

  get length(): number {
    return this.#length;
  }

  /** Goes up with every change. */
  get version(): number {
    return this.#version;
  }

  /** Start of the oldest candle, or null when there is none. */
  get firstStart(): Millis | null {
    return this.#length === 0 ? null : this.#get(START, 0);
  }

  /** Start of the newest candle, or null when there is none. */
  get lastStart(): Millis | null {
    return this.#length === 0 ? null : this.#get(START, this.#length - 1);
  }

  /** The candle at `index` from the oldest; a negative index counts from the newest. */
  at(index: number): Readout | null {
    const i = index < 0 ? this.#length + index : index;
    if (i < 0 || i >= this.#length) return null;
    return readoutOf(this.#window(i, i + 1), 0);
  }

  /** Index of the first candle that starts at or after `ms`. */
  indexOf(ms: Millis): number {
    const starts = column(this.#columns, START);
    let low = this.#head;
    let high = this.#head + this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? Infinity) < ms) low = middle + 1;
      else high = middle;
    }
    return low - this.#head;
  }

  /**
   * Takes a page of history in the contract's candle layout, oldest first. Where both have a
   * candle, ours stays (it came by an event) unless the page's is final and ours is not, or counts
   * more trades.
   */
  prepend(pageBytes: Uint8Array): void {
    const floats = floatsOf(pageBytes);
    const count = Math.floor(floats.length / CANDLE_FIELDS);
    if (count === 0) return;
    const page = columnsOf(count);
    for (let field = 0; field < CANDLE_FIELDS; field++) {
      const into = column(page, field);
      for (let row = 0; row < count; row++) into[row] = floats[row * CANDLE_FIELDS + field] ?? NaN;
    }
    const starts = column(page, START);
    const first = starts[0] ?? 0;
    const last = starts[count - 1] ?? 0;
    const from = this.indexOf(first);
    const to = this.indexOf(last + 1);
    if (from === to) {
      this.#replace(from, to, page, 0, count);
    } else {
      const both = columnsOf(count + to - from);
      const length = this.#blend(page, count, from, to, both);
      this.#replace(from, to, both, 0, length);
    }
    this.#touch(first, last);
  }

  /** Appends new candles and replaces known ones by their start; what comes here is the newer. */
  apply(points: readonly CandlePoint[]): void {
    for (const point of points) {
      if (!Number.isFinite(point.start)) continue;
      const newest = this.lastStart;
      let index: number;
      if (newest === null || point.start > newest) {
        index = this.#length;
        this.#makeRoom(index, 1);
      } else {
        index = point.start === newest ? this.#length - 1 : this.indexOf(point.start);
        if (this.#get(START, index) !== point.start) this.#makeRoom(index, 1);
      }
      this.#set(START, index, point.start);
      this.#set(OPEN, index, point.open ?? NaN);
      this.#set(HIGH, index, point.high ?? NaN);
      this.#set(LOW, index, point.low ?? NaN);
      this.#set(CLOSE, index, point.close ?? NaN);
      this.#set(VOLUME, index, point.volume);
      this.#set(VWAP, index, point.vwap ?? NaN);
      this.#set(TRADES, index, point.trades);
      this.#set(FINAL, index, point.final ? 1 : 0);
      this.#touch(point.start, point.start);
    }
  }

  /**
   * The same candles at a coarser step, a multiple of ours, aligned to the epoch: first open,
   * highest high, lowest low, last close, sums, and the VWAP weighted by volume (not known when a
   * part's is not). The same object each time, brought up to date by folding what changed alone;
   * read it, do not write to it.
   */
  merge(ms: Millis): CandleSeries {
    if (ms === this.stepMs) return this;
    if (!Number.isInteger(ms / this.stepMs) || ms < this.stepMs) {
      throw new RangeError(`candles of ${this.stepMs} ms cannot be merged into ${ms} ms`);
    }
    // Doubling steps build on one another, so a level costs half of the one below it.
    const half = ms / 2;
    const under = half >= this.stepMs && Number.isInteger(half / this.stepMs) ? this.merge(half) : this;
    return under.#mergedInto(ms);
  }

  /**
   * The candles that cover [fromMs, toMs) and one more at either side, so that lines reach the
   * edges. Where the stretch holds more than `maxBuckets` steps, they are merged at the first
   * doubling of the step that does not.
   */
  visible(fromMs: Millis, toMs: Millis, maxBuckets: number): CandleWindow {
    const most = Math.max(1, maxBuckets);
    let ms = this.stepMs;
    while ((toMs - fromMs) / ms > most) ms *= 2;
    const level = this.merge(ms);
    const from = Math.max(0, level.indexOf(fromMs - ms + 1) - 1);
    const to = Math.min(level.#length, level.indexOf(toMs) + 1);
    return level.#window(from, Math.max(from, to));
  }

  #get(field: number, index: number): number {
    return column(this.#columns, field)[this.#head + index] ?? NaN;
  }

  #set(field: number, index: number, value: number): void {
    column(this.#columns, field)[this.#head + index] = value;
  }

  #window(from: number, to: number): CandleWindow {
    const a = this.#head + from;
    const b = this.#head + to;
    const part = (field: number): Float64Array => column(this.#columns, field).subarray(a, b);
    return {
      stepMs: this.stepMs,
      length: to - from,
      start: part(START),
      open: part(OPEN),
      high: part(HIGH),
      low: part(LOW),
      close: part(CLOSE),
      volume: part(VOLUME),
      vwap: part(VWAP),
      trades: part(TRADES),
      final: part(FINAL),
    };
  }

  /** Opens `count` rows before `index`, moving the shorter side; negative closes rows from `index` on. */
  #makeRoom(index: number, count: number): void {
    const before = index;
    const after = this.#length - index - Math.max(0, -count);
    const capacity = column(this.#columns, START).length;
    const tailRoom = capacity - this.#head - this.#length;
    const moveFront = before < after;
    if (count > (moveFront ? this.#head : tailRoom)) {
      const length = this.#length + count;
      const spare = Math.ceil(length * SPARE) + 16;
      // History comes in at the front in pages, live candles at the back one by one: each finds the
      // room on its side, and the other side keeps what it had.
      const head = moveFront ? spare : this.#head;
      const tail = moveFront ? tailRoom : spare;
      const grown = columnsOf(head + length + tail);
      for (let field = 0; field < CANDLE_FIELDS; field++) {
        const old = column(this.#columns, field);
        const fresh = column(grown, field);
        fresh.set(old.subarray(this.#head, this.#head + index), head);
        fresh.set(old.subarray(this.#head + index, this.#head + this.#length), head + index + count);
      }
      this.#columns = grown;
      this.#head = head;
    } else {
      const at = this.#head + index;
      const drop = Math.max(0, -count);
      for (const values of this.#columns) {
        if (moveFront) values.copyWithin(this.#head - count, this.#head, at);
        else values.copyWithin(at + count + drop, at + drop, this.#head + this.#length);
      }
      if (moveFront) this.#head -= count;
    }
    this.#length += count;
  }

  /** Replaces the rows [from, to) by the rows [a, b) of `source`. */
  #replace(from: number, to: number, source: Columns, a: number, b: number): void {
    const change = b - a - (to - from);
    if (change > 0) this.#makeRoom(to, change);
    else if (change < 0) this.#makeRoom(to + change, change);
    for (let field = 0; field < CANDLE_FIELDS; field++) {
      column(this.#columns, field).set(column(source, field).subarray(a, b), this.#head + from);
    }
  }

  /** Blends our rows [from, to) with a page into `both`; returns the rows written. */
  #blend(page: Columns, count: number, from: number, to: number, both: Columns): number {
    const starts = column(page, START);
    let length = 0;
    let ours = from;
    let theirs = 0;
    const copy = (source: Columns, row: number): void => {
      for (let field = 0; field < CANDLE_FIELDS; field++) {
        column(both, field)[length] = column(source, field)[row] ?? NaN;
      }
      length++;
    };
    while (ours < to || theirs < count) {
      const mine = ours < to ? this.#get(START, ours) : Infinity;
      const other = theirs < count ? (starts[theirs] ?? Infinity) : Infinity;
      if (mine < other) copy(this.#columns, this.#head + ours++);
      else if (other < mine) copy(page, theirs++);
      else {
        const settled = (column(page, FINAL)[theirs] ?? 0) - this.#get(FINAL, ours);
        const fuller = (column(page, TRADES)[theirs] ?? 0) > this.#get(TRADES, ours);
        if (settled > 0 || (settled === 0 && fuller)) copy(page, theirs);
        else copy(this.#columns, this.#head + ours);
        ours++;
        theirs++;
      }
    }
    return length;
  }

  /** Notes for every coarser series that the candles that start within [from, to] changed. */
  #touch(from: Millis, to: Millis): void {
    this.#version++;
    if (this.#merged.size === 0) return;
    // The bucket before may have been provisional only for want of a later one.
    const before = this.indexOf(from) - 1;
    const lowest = before >= 0 ? this.#get(START, before) : from;
    for (const merged of this.#merged.values()) {
      merged.from = Math.min(merged.from, lowest);
      merged.to = Math.max(merged.to, to);
    }
  }

  #mergedInto(ms: Millis): CandleSeries {
    let merged = this.#merged.get(ms);
    if (merged === undefined) {
      merged = {
        series: new CandleSeries(ms),
        from: this.firstStart ?? Infinity,
        to: this.lastStart ?? -Infinity,
      };
      this.#merged.set(ms, merged);
    }
    if (merged.from <= merged.to) {
      const first = Math.floor(merged.from / ms) * ms;
      const end = Math.floor(merged.to / ms) * ms + ms;
      const from = this.indexOf(first);
      const to = this.indexOf(end);
      const folded = columnsOf(Math.min(to - from, (end - first) / ms));
      const count = this.#fold(from, to, ms, folded);
      const coarse = merged.series;
      coarse.#replace(coarse.indexOf(first), coarse.indexOf(end), folded, 0, count);
      coarse.#touch(first, end - ms);
      merged.from = Infinity;
      merged.to = -Infinity;
    }
    return merged.series;
  }

  /** Folds our rows [from, to) into buckets of `ms`; returns the buckets written. */
  #fold(from: number, to: number, ms: Millis, into: Columns): number {
    const [start, open, high, low, close, volume, vwap, trades, final] = allOf(this.#columns);
    const [toStart, toOpen, toHigh, toLow, toClose, toVolume, toVwap, toTrades, toFinal] = allOf(into);
    const end = this.#head + to;
    let row = this.#head + from;
    let count = 0;
    while (row < end) {
      const bucket = Math.floor((start[row] ?? 0) / ms) * ms;
      const next = bucket + ms;
      let first = NaN;
      let last = NaN;
      let highest = NaN;
      let lowest = NaN;
      let size = 0;
      let value = 0;
      let number = 0;
      for (; row < end && (start[row] ?? 0) < next; row++) {
        const quantity = volume[row] ?? 0;
        size += quantity;
        number += trades[row] ?? 0;
        if (quantity > 0) value += (vwap[row] ?? NaN) * quantity;
        const opened = open[row] ?? NaN;
        if (Number.isNaN(opened)) continue;
        if (Number.isNaN(first)) first = opened;
        last = close[row] ?? NaN;
        const top = high[row] ?? NaN;
        const bottom = low[row] ?? NaN;
        if (!(highest >= top)) highest = top;
        if (!(lowest <= bottom)) lowest = bottom;
      }
      // The newest bucket is not settled while a later part of it may still come.
      const isOpen = row === this.#head + this.#length && (start[row - 1] ?? 0) + this.stepMs < next;
      toStart[count] = bucket;
      toOpen[count] = first;
      toHigh[count] = highest;
      toLow[count] = lowest;
      toClose[count] = last;
      toVolume[count] = size;
      toVwap[count] = size > 0 ? value / size : NaN;
      toTrades[count] = number;
      toFinal[count] = isOpen ? 0 : (final[row - 1] ?? 0);
      count++;
    }
    return count;
  }
}

type AllColumns = [
  start: Float64Array,
  open: Float64Array,
  high: Float64Array,
  low: Float64Array,
  close: Float64Array,
  volume: Float64Array,
  vwap: Float64Array,
  trades: Float64Array,
  final: Float64Array,
];

function allOf(columns: Columns): AllColumns {
  return [
    column(columns, START),
    column(columns, OPEN),
    column(columns, HIGH),
    column(columns, LOW),
    column(columns, CLOSE),
    column(columns, VOLUME),
    column(columns, VWAP),
    column(columns, TRADES),
    column(columns, FINAL),
  ];
}

/** The candle at `index` of a window, as a read-out. */
export function readoutOf(window: CandleWindow, index: number): Readout | null {
  const start = window.start[index];
  if (start === undefined || index < 0) return null;
  return {
    start,
    span: window.stepMs,
    open: orNull(window.open[index]),
    high: orNull(window.high[index]),
    low: orNull(window.low[index]),
    close: orNull(window.close[index]),
    volume: window.volume[index] ?? 0,
    vwap: orNull(window.vwap[index]),
    trades: window.trades[index] ?? 0,
    final: window.final[index] === 1,
  };
}
