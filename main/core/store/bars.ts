/**
 * Bars for drawing: what a stretch of time was, in a few floats. Spans double from level to level and all
 * begin at the epoch, so that a bar of one level is exactly two of the level below.
 *
 * A bar tells when its first and its last trade were, so that bars of trades that came out of order can be
 * put together: of two trades of one time the one received earlier is the first, the later one the last.
 */
import type { Micros } from '../contract.ts';
import { ByteSink, type ByteSource, getIntegers, getSigned, putIntegers, putSigned } from './integers.ts';
import { beginPiece, endPiece, openPiece, reading } from './piece.ts';
import type { Extent } from './run.ts';

/** A 64th of a second, so that every second begins a bar. */
export const FINEST_SPAN: Micros = 15_625;
/** Spans reach from 1/64 s to all of time. */
const LEVELS = 40;
/** Most bars kept of a run, however long: half as many at least, of a run that is long enough. */
export const MOST_BARS = 32;
/** Spans in which a run is looked at, from which bars are made: enough that a pause in it does not make them coarse. */
const MOST_SPANS = 1_024;

export function spanOf(level: number): Micros {
  return FINEST_SPAN * 2 ** level;
}

/** The finest level at which [from, to) touches at most `limit` spans. */
export function levelFor(from: Micros, to: Micros, limit: number): number {
  let level = 0;
  while (level < LEVELS && slotsBetween(from, to, level) > limit) level++;
  return level;
}

/** How many spans of a level [from, to) touches. */
export function slotsBetween(from: Micros, to: Micros, level: number): number {
  const span = spanOf(level);
  return Math.ceil(to / span) - Math.floor(from / span);
}

/** Bars of one level by column. Those of no trade have a count of 0 and say nothing else. */
interface BarColumns {
  readonly count: Float64Array;
  readonly firstTime: Float64Array;
  readonly lastTime: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
  /** Sum of price times size. */
  readonly notional: Float64Array;
}

/** Only the bars with trades, oldest first. */
export interface Bars extends BarColumns {
  readonly level: number;
  readonly length: number;
  /** When each begins, in spans of its level since the epoch. */
  readonly slot: Float64Array;
}

function newColumns(length: number): BarColumns {
  const column = (): Float64Array => new Float64Array(length);
  return {
    count: column(),
    firstTime: column(),
    lastTime: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
    notional: column(),
  };
}

/** Adds bar `at` of `from`, whose trades were received after those of bar `to` of `into`, to the latter. */
function addBar(into: BarColumns, to: number, from: BarColumns, at: number): void {
  const count = into.count[to] ?? 0;
  const first = from.firstTime[at] ?? 0;
  const last = from.lastTime[at] ?? 0;
  if (count === 0 || first < (into.firstTime[to] ?? 0)) {
    into.firstTime[to] = first;
    into.open[to] = from.open[at] ?? 0;
  }
  if (count === 0 || last >= (into.lastTime[to] ?? 0)) {
    into.lastTime[to] = last;
    into.close[to] = from.close[at] ?? 0;
  }
  const high = from.high[at] ?? 0;
  const low = from.low[at] ?? 0;
  if (count === 0 || high > (into.high[to] ?? 0)) into.high[to] = high;
  if (count === 0 || low < (into.low[to] ?? 0)) into.low[to] = low;
  into.count[to] = count + (from.count[at] ?? 0);
  into.volume[to] = (into.volume[to] ?? 0) + (from.volume[at] ?? 0);
  into.notional[to] = (into.notional[to] ?? 0) + (from.notional[at] ?? 0);
}

/** Buckets that follow each other without a hole; what is added outside of them is left out. */
export class Fold {
  readonly level: number;
  /** Of the first, in spans since the epoch. */
  readonly start: number;
  readonly length: number;
  readonly bars: BarColumns;
  readonly #span: Micros;

  /** @param bars of `length` at least, all of no trade */
  constructor(level: number, start: number, length: number, bars = newColumns(length)) {
    this.level = level;
    this.start = start;
    this.length = length;
    this.bars = bars;
    this.#span = spanOf(level);
  }

  /** Where the first bucket begins. */
  get from(): Micros {
    return this.start * this.#span;
  }

  /** Where the last one ends. */
  get to(): Micros {
    return (this.start + this.length) * this.#span;
  }

  /** A trade that was received after all that were added before. */
  addTrade(time: Micros, price: number, size: number): void {
    const to = Math.floor(time / this.#span) - this.start;
    if (to < 0 || to >= this.length) return;
    const { count, firstTime, lastTime, open, high, low, close, volume, notional } = this.bars;
    const before = count[to] ?? 0;
    count[to] = before + 1;
    volume[to] = (volume[to] ?? 0) + size;
    notional[to] = (notional[to] ?? 0) + price * size;
    if (before === 0) {
      firstTime[to] = lastTime[to] = time;
      open[to] = high[to] = low[to] = close[to] = price;
      return;
    }
    if (price > (high[to] ?? 0)) high[to] = price;
    if (price < (low[to] ?? 0)) low[to] = price;
    if (time >= (lastTime[to] ?? 0)) {
      lastTime[to] = time;
      close[to] = price;
    } else if (time < (firstTime[to] ?? 0)) {
      firstTime[to] = time;
      open[to] = price;
    }
  }

  /** Bars of this level or a finer one, of trades that were received after all that were added before. */
  addBars(bars: Bars): void {
    const per = 2 ** (this.level - bars.level);
    for (let at = 0; at < bars.length; at++) {
      const to = Math.floor((bars.slot[at] ?? 0) / per) - this.start;
      if (to >= 0 && to < this.length) addBar(this.bars, to, bars, at);
    }
  }
}

/** Where the trades of a run are added up; used again, since new memory costs time. */
const spans = newColumns(MOST_SPANS);
/** Places of those with trades, and when they begin. */
const used = new Uint16Array(MOST_SPANS);
const slots = new Float64Array(MOST_SPANS);

/**
 * The bars of a run: at most MOST_BARS, of the finest level at which there are so few.
 *
 * @param extent of the times
 * @param prices of each trade, as `sizes` and `times`; in the order of receipt
 */
export function barsOf(
  { firstTime: from, lastTime: to }: Pick<Extent, 'firstTime' | 'lastTime'>,
  times: Float64Array,
  prices: Float64Array,
  sizes: Float64Array,
): Bars {
  const finest = levelFor(from, to + 1, Math.min(MOST_SPANS, times.length * 2));
  const start = Math.floor(from / spanOf(finest));
  const fold = new Fold(finest, start, slotsBetween(from, to + 1, finest), spans);
  for (const column of [spans.count, spans.volume, spans.notional]) column.fill(0, 0, fold.length);
  addTrades(fold, times, prices, sizes);
  return keptOf(fold);
}

function addTrades(fold: Fold, times: Float64Array, prices: Float64Array, sizes: Float64Array): void {
  for (let index = 0; index < times.length; index++) {
    fold.addTrade(times[index] ?? 0, prices[index] ?? 0, sizes[index] ?? 0);
  }
}

/** The buckets with trades, or if these are too many, coarser ones. */
function keptOf({ bars, length, level: finest, start }: Fold): Bars {
  let many = 0;
  for (let at = 0; at < length; at++) {
    if ((bars.count[at] ?? 0) === 0) continue;
    used[many] = at;
    slots[many++] = start + at;
  }
  const slot = slots.subarray(0, many);
  const level = levelOfFew({ slot, level: finest });
  const per = 2 ** (level - finest);
  const kept = newColumns(lengthAt({ slot, level: finest }, level));
  const keptSlot = new Float64Array(kept.count.length);
  let to = -1;
  for (let index = 0; index < many; index++) {
    const of = Math.floor((slot[index] ?? 0) / per);
    if (to === -1 || keptSlot[to] !== of) keptSlot[++to] = of;
    addBar(kept, to, bars, used[index] ?? 0);
  }
  return { level, length: keptSlot.length, slot: keptSlot, ...kept };
}

/** Of two runs, the trades of the later one received after those of the earlier. */
export function joinBars(earlier: Bars, later: Bars): Bars {
  const level = Math.max(earlier.level, later.level);
  const one = coarsened(earlier, level);
  const other = coarsened(later, level);
  const slots = [...new Set([...one.slot, ...other.slot])].sort((a, b) => a - b);
  const joined: Bars = {
    level,
    length: slots.length,
    slot: Float64Array.from(slots),
    ...newColumns(slots.length),
  };
  const places = new Map(slots.map((slot, to) => [slot, to]));
  for (const bars of [one, other]) {
    bars.slot.forEach((slot, at) => addBar(joined, places.get(slot) ?? 0, bars, at));
  }
  return fewer(joined);
}

/** The same bars, or if these are too many, coarser ones. */
function fewer(bars: Bars): Bars {
  return coarsened(bars, levelOfFew(bars));
}

type Slots = Pick<Bars, 'slot' | 'level'>;

/** The finest level at which there are at most MOST_BARS. */
function levelOfFew(bars: Slots): number {
  let { level } = bars;
  while (lengthAt(bars, level) > MOST_BARS) level++;
  return level;
}

/** How many bars there would be at a coarser level. */
function lengthAt({ slot, level: own }: Slots, level: number): number {
  const per = 2 ** (level - own);
  let length = 0;
  let last = NaN;
  for (let at = 0; at < slot.length; at++) {
    const of = Math.floor((slot[at] ?? 0) / per);
    if (of !== last) length++;
    last = of;
  }
  return length;
}

/** Bars that do not overlap, so that their order in time is that in which they are put together. */
function coarsened(bars: Bars, level: number): Bars {
  if (bars.level === level) return bars;
  const per = 2 ** (level - bars.level);
  const slot = new Float64Array(bars.length);
  const columns = newColumns(bars.length);
  let length = 0;
  for (let at = 0; at < bars.length; at++) {
    const of = Math.floor((bars.slot[at] ?? 0) / per);
    if (length === 0 || slot[length - 1] !== of) slot[length++] = of;
    addBar(columns, length - 1, bars, at);
  }
  return { level, length, slot: slot.subarray(0, length), ...cut(columns, length) };
}

function cut(columns: BarColumns, length: number): BarColumns {
  return {
    count: columns.count.subarray(0, length),
    firstTime: columns.firstTime.subarray(0, length),
    lastTime: columns.lastTime.subarray(0, length),
    open: columns.open.subarray(0, length),
    high: columns.high.subarray(0, length),
    low: columns.low.subarray(0, length),
    close: columns.close.subarray(0, length),
    volume: columns.volume.subarray(0, length),
    notional: columns.notional.subarray(0, length),
  };
}

/** Scales at which all prices of a market are whole numbers, as good as always. */
const MOST_DIGITS = 12;
/** In place of a scale: prices are floats. */
const NO_SCALE = 255;
const PRICES = ['open', 'high', 'low', 'close'] as const;
const SUMS = ['volume', 'notional'] as const;
const LARGEST = 2 ** 51;
const sink = new ByteSink();

/** Without their level, which is kept beside them. */
export function encodeBars(bars: Bars): Uint8Array<ArrayBuffer> {
  const { level, length, slot, count, firstTime, lastTime } = bars;
  const span = spanOf(level);
  beginPiece(sink);
  sink.varint(length);
  putIntegers(sink, slot, length);
  putIntegers(sink, count, length);
  const sinceStart = firstTime.map((time, at) => time - (slot[at] ?? 0) * span);
  putIntegers(sink, sinceStart, length);
  const sinceFirst = lastTime.map((time, at) => time - (firstTime[at] ?? 0));
  putIntegers(sink, sinceFirst, length);
  const scale = scaleOf(bars);
  sink.byte(scale);
  if (scale === NO_SCALE) for (const name of PRICES) putFloats(bars[name]);
  else putPrices(bars, scale);
  for (const name of SUMS) putFloats(bars[name]);
  return endPiece(sink).slice();
}

function putFloats({ buffer, byteOffset, byteLength }: Float64Array): void {
  sink.append(new Uint8Array(buffer, byteOffset, byteLength));
}

/** The smallest scale at which all prices are exact as whole numbers. */
function scaleOf(bars: Bars): number {
  let scale = 0;
  let factor = 1;
  for (const name of PRICES) {
    for (const price of bars[name]) {
      for (; Math.round(price * factor) / factor !== price; factor = 10 ** scale)
        if (++scale > MOST_DIGITS) return NO_SCALE;
    }
  }
  const largest = LARGEST / 10 ** scale;
  const fits = PRICES.every((name) => bars[name].every((price) => Math.abs(price) < largest));
  return fits ? scale : NO_SCALE;
}

/** As whole numbers: closes by how far they are from the one before, the others by how far they are apart. */
function putPrices({ open, high, low, close, length }: Bars, scale: number): void {
  const factor = 10 ** scale;
  const whole = (prices: Float64Array): Float64Array => prices.map((price) => Math.round(price * factor));
  const [opens, highs, lows, closes] = [whole(open), whole(high), whole(low), whole(close)];
  const fromOpen = closes.map((price, at) => price - (opens[at] ?? 0));
  const above = highs.map((price, at) => price - Math.max(opens[at] ?? 0, closes[at] ?? 0));
  const below = lows.map((price, at) => Math.min(opens[at] ?? 0, closes[at] ?? 0) - price);
  const fromLast = opens.map((price, at) => price - (closes[at - 1] ?? 0));
  putSigned(sink, fromLast, length);
  putSigned(sink, fromOpen, length);
  putIntegers(sink, above, length);
  putIntegers(sink, below, length);
}

/** @throws {DamagedPiece} for bytes that are not what encodeBars makes */
export function decodeBars(bytes: Uint8Array, level: number): Bars {
  const source = openPiece(bytes);
  const span = spanOf(level);
  return reading(() => {
    const length = source.varint();
    if (length > MOST_BARS) throw new RangeError('there are too many bars');
    const slot = new Float64Array(length);
    const columns = newColumns(length);
    const { count, firstTime, lastTime } = columns;
    for (const column of [slot, count, firstTime, lastTime]) getIntegers(source, length, column);
    for (let at = 0; at < length; at++) {
      firstTime[at] = (slot[at] ?? 0) * span + (firstTime[at] ?? 0);
      lastTime[at] = (firstTime[at] ?? 0) + (lastTime[at] ?? 0);
    }
    const scale = source.byte();
    if (scale === NO_SCALE) for (const name of PRICES) getFloats(source, columns[name]);
    else getPrices(source, columns, length, 10 ** scale);
    for (const name of SUMS) getFloats(source, columns[name]);
    return { level, length, slot, ...columns };
  });
}

function getFloats(source: ByteSource, into: Float64Array): void {
  const start = source.skip(into.byteLength);
  new Uint8Array(into.buffer).set(source.bytes.subarray(start, source.at));
}

function getPrices(
  source: ByteSource,
  { open, high, low, close }: BarColumns,
  length: number,
  factor: number,
): void {
  getSigned(source, length, open);
  getSigned(source, length, close);
  getIntegers(source, length, high);
  getIntegers(source, length, low);
  let last = 0;
  for (let at = 0; at < length; at++) {
    const opened = last + (open[at] ?? 0);
    last = opened + (close[at] ?? 0);
    open[at] = opened / factor;
    close[at] = last / factor;
    high[at] = (Math.max(opened, last) + (high[at] ?? 0)) / factor;
    low[at] = (Math.min(opened, last) - (low[at] ?? 0)) / factor;
  }
}
