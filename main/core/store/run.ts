/**
 * Trades in columns as chunks take and give them: one session's, in the order of receipt.
 *
 * Digits are doubles here, since almost all are exact in one and a BigInt a trade would cost more than all
 * the rest; the few that are not stand beside. A decimal means its value: 1.50 comes back as 1.5.
 */
import type { TradeColumns } from '../flow/batch.ts';
import { decimalToNumber, formatDecimal, narrowDigits } from '../protocol/decimal.ts';
import {
  gatherBytes,
  gatherDoubles,
  gatherIds,
  gatherMap,
  growIds,
  type IdColumn,
  newIds,
  readOther,
  readUuid,
  sliceIds,
  sliceMap,
  withNumbers,
} from './ids.ts';

export interface DecimalColumn {
  readonly digits: Float64Array;
  readonly scale: Uint8Array;
  /** Digits beyond 2^53 - 1, by trade; `digits` has 0 there. */
  readonly beyond: Map<number, bigint>;
}

export interface TradeRun {
  readonly count: number;
  /** Each trade's number in the store. They grow, since they are the order of receipt. */
  readonly row: Float64Array;
  /** Rows of the table `markets`, into which `market` points. */
  readonly markets: readonly number[];
  readonly market: Uint32Array;
  readonly exchangeTime: Float64Array;
  readonly receiptTime: Float64Array;
  readonly price: DecimalColumn;
  readonly size: DecimalColumn;
  readonly side: Uint8Array;
  readonly origin: Uint8Array;
  readonly ids: IdColumn;
}

/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, scale) => 10 ** scale);
const TWO_32 = 4_294_967_296;
/** The high halves with which a 64-bit whole number is exact in a double. */
const EXACT_HIGH = 2_097_152;

export function newDecimals(capacity: number): DecimalColumn {
  return { digits: new Float64Array(capacity), scale: new Uint8Array(capacity), beyond: new Map() };
}

/** For the screen. */
export function numberAt({ digits, scale, beyond }: DecimalColumn, index: number): number {
  const power = POWERS[scale[index] ?? 0] ?? 0;
  // As decimalToNumber does it, without a call for each of the many that are usual.
  if (power > 0 && beyond.size === 0) return (digits[index] ?? 0) / power;
  return decimalToNumber(beyond.get(index) ?? digits[index] ?? 0, scale[index] ?? 0);
}

/** The same of the first `count`. */
export function numbersOf(column: DecimalColumn, count: number): Float64Array {
  const numbers = new Float64Array(count);
  for (let index = 0; index < count; index++) numbers[index] = numberAt(column, index);
  return numbers;
}

/** Canonical text. */
export function textAt({ digits, scale, beyond }: DecimalColumn, index: number): string {
  let places = scale[index] ?? 0;
  const exact = beyond.get(index);
  if (exact !== undefined) {
    let figures = exact;
    for (; places > 0 && figures % 10n === 0n; places--) figures /= 10n;
    return formatDecimal(figures, places);
  }
  let figures = digits[index] ?? 0;
  for (; places > 0; places--) {
    const fewer = figures / 10;
    if (!Number.isInteger(fewer)) break;
    figures = fewer;
  }
  return formatDecimal(figures, places);
}

/**
 * A commit's trades, numbered from `firstRow` on. Times are rounded to whole microseconds. The run keeps
 * nothing of the columns.
 *
 * @param rowOf the row of the market that the columns know by this index
 */
export function runOf(columns: TradeColumns, rowOf: (index: number) => number, firstRow: number): TradeRun {
  const { count } = columns;
  const markets: number[] = [];
  const market = new Uint32Array(count);
  placeMarkets(columns.market, count, market, (sent) => markets.push(rowOf(sent)) - 1);
  const row = numbered(firstRow, count);
  const exchangeTime = rounded(columns.exchangeTime, count);
  const receiptTime = rounded(columns.receiptTime, count);
  return {
    count,
    row,
    markets,
    market,
    exchangeTime,
    receiptTime,
    price: decimalsOf(columns.priceDigits, columns.priceScale, count),
    size: decimalsOf(columns.sizeDigits, columns.sizeScale, count),
    side: columns.side.slice(0, count),
    origin: columns.origin.slice(0, count),
    ids: idsOf(columns),
  };
}

/** @param add makes a place for a market that is seen for the first time */
function placeMarkets(
  sent: Uint32Array,
  count: number,
  market: Uint32Array,
  add: (sent: number) => number,
): void {
  // The sender's list may be of many more markets than traded now.
  const places = new Map<number, number>();
  let before = -1;
  let place = 0;
  for (let index = 0; index < count; index++) {
    const each = sent[index] ?? 0;
    if (each !== before) {
      before = each;
      const known = places.get(each);
      place = known ?? add(each);
      if (known === undefined) places.set(each, place);
    }
    market[index] = place;
  }
}

function numbered(first: number, count: number): Float64Array {
  const row = new Float64Array(count);
  for (let index = 0; index < count; index++) row[index] = first + index;
  return row;
}

function rounded(times: Float64Array, count: number): Float64Array {
  const whole = new Float64Array(count);
  for (let index = 0; index < count; index++) whole[index] = Math.round(times[index] ?? 0);
  return whole;
}

function decimalsOf(column: BigInt64Array<ArrayBuffer>, scale: Uint8Array, count: number): DecimalColumn {
  const words = new Uint32Array(column.buffer, column.byteOffset, column.length * 2);
  const digits = new Float64Array(count);
  const beyond = new Map<number, bigint>();
  for (let index = 0; index < count; index++) {
    const high = (words[index * 2 + 1] ?? 0) | 0;
    if (high >= -EXACT_HIGH && high < EXACT_HIGH) digits[index] = high * TWO_32 + (words[index * 2] ?? 0);
    else beyond.set(index, column[index] ?? 0n);
  }
  return { digits, scale: scale.slice(0, count), beyond };
}

function idsOf({ count, idBytes, idEnd }: TradeColumns): IdColumn {
  let ids = newIds(count, false);
  let start = 0;
  for (let index = 0; index < count; index++) {
    const end = idEnd[index] ?? 0;
    if (!readUuid(ids, index, idBytes, start, end)) {
      if (ids.high.length === 0) ids = withNumbers(ids);
      readOther(ids, index, idBytes, start, end);
    }
    start = end;
  }
  return ids;
}

export interface Extent {
  readonly firstTime: number;
  readonly lastTime: number;
  readonly lastReceipt: number;
}

/** The range of a run's exchange times, and the latest of its receipts. */
export function extentOf({ count, exchangeTime, receiptTime }: TradeRun): Extent {
  let firstTime = Infinity;
  let lastTime = -Infinity;
  let lastReceipt = -Infinity;
  for (let index = 0; index < count; index++) {
    const time = exchangeTime[index] ?? 0;
    const receipt = receiptTime[index] ?? 0;
    if (time < firstTime) firstTime = time;
    if (time > lastTime) lastTime = time;
    if (receipt > lastReceipt) lastReceipt = receipt;
  }
  return { firstTime, lastTime, lastReceipt };
}

/** The trades from `start` up to `end` (not included); a view. */
export function sliceRun(run: TradeRun, start: number, end: number): TradeRun {
  return {
    count: end - start,
    row: run.row.subarray(start, end),
    markets: run.markets,
    market: run.market.subarray(start, end),
    exchangeTime: run.exchangeTime.subarray(start, end),
    receiptTime: run.receiptTime.subarray(start, end),
    price: sliceDecimals(run.price, start, end),
    size: sliceDecimals(run.size, start, end),
    side: run.side.subarray(start, end),
    origin: run.origin.subarray(start, end),
    ids: sliceIds(run.ids, start, end),
  };
}

/** Gathers trades from several runs. */
export class RunBuilder {
  readonly #markets: number[] = [];
  #count = 0;
  #row: Float64Array;
  #market: Uint32Array;
  #exchangeTime: Float64Array;
  #receiptTime: Float64Array;
  #price: DecimalColumn;
  #size: DecimalColumn;
  #side: Uint8Array;
  #origin: Uint8Array;
  #ids: IdColumn;

  /** @param capacity room for so many; it grows beyond */
  constructor(capacity = 256) {
    this.#row = new Float64Array(capacity);
    this.#market = new Uint32Array(capacity);
    this.#exchangeTime = new Float64Array(capacity);
    this.#receiptTime = new Float64Array(capacity);
    this.#price = newDecimals(capacity);
    this.#size = newDecimals(capacity);
    this.#side = new Uint8Array(capacity);
    this.#origin = new Uint8Array(capacity);
    this.#ids = newIds(capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** The place of a market in the run, for `append`. @param market row of the table `markets` */
  place(market: number): number {
    const known = this.#markets.indexOf(market);
    return known === -1 ? this.#markets.push(market) - 1 : known;
  }

  /**
   * Takes trades of `run` as ones of the market at `place`.
   *
   * @param indices which, in their order
   */
  append(run: TradeRun, indices: Uint32Array, place: number): void {
    const to = this.#count;
    const needed = to + indices.length;
    if (needed > this.#row.length) this.#grow(Math.max(needed, this.#row.length * 2));
    this.#count = needed;
    // Column by column: one trade after the other takes several times as long.
    gatherDoubles(run.row, indices, this.#row, to);
    this.#market.fill(place, to, needed);
    gatherDoubles(run.exchangeTime, indices, this.#exchangeTime, to);
    gatherDoubles(run.receiptTime, indices, this.#receiptTime, to);
    gatherDecimals(run.price, indices, this.#price, to);
    gatherDecimals(run.size, indices, this.#size, to);
    gatherBytes(run.side, indices, this.#side, to);
    gatherBytes(run.origin, indices, this.#origin, to);
    gatherIds(run.ids, indices, this.#ids, to);
  }

  /** All that were taken; a view. */
  run(): TradeRun {
    const run = {
      count: this.#count,
      row: this.#row,
      markets: this.#markets,
      market: this.#market,
      exchangeTime: this.#exchangeTime,
      receiptTime: this.#receiptTime,
      price: this.#price,
      size: this.#size,
      side: this.#side,
      origin: this.#origin,
      ids: this.#ids,
    };
    return sliceRun(run, 0, this.#count);
  }

  #grow(capacity: number): void {
    this.#row = longer(this.#row, new Float64Array(capacity));
    this.#market = longer(this.#market, new Uint32Array(capacity));
    this.#exchangeTime = longer(this.#exchangeTime, new Float64Array(capacity));
    this.#receiptTime = longer(this.#receiptTime, new Float64Array(capacity));
    this.#price = longerDecimals(this.#price, capacity);
    this.#size = longerDecimals(this.#size, capacity);
    this.#side = longer(this.#side, new Uint8Array(capacity));
    this.#origin = longer(this.#origin, new Uint8Array(capacity));
    this.#ids = growIds(this.#ids, capacity);
  }
}

function gatherDecimals(from: DecimalColumn, indices: Uint32Array, to: DecimalColumn, at: number): void {
  gatherDoubles(from.digits, indices, to.digits, at);
  gatherBytes(from.scale, indices, to.scale, at);
  gatherMap(from.beyond, indices, to.beyond, at);
}

function longer<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function longerDecimals({ digits, scale, beyond }: DecimalColumn, capacity: number): DecimalColumn {
  return {
    digits: longer(digits, new Float64Array(capacity)),
    scale: longer(scale, new Uint8Array(capacity)),
    beyond,
  };
}

function sliceDecimals({ digits, scale, beyond }: DecimalColumn, start: number, end: number): DecimalColumn {
  return {
    digits: digits.subarray(start, end),
    scale: scale.subarray(start, end),
    beyond: sliceMap(beyond, start, end),
  };
}

/** Digits as a whole number of any size. */
export function exactDigits({ digits, beyond }: DecimalColumn, index: number): bigint {
  return beyond.get(index) ?? BigInt(digits[index] ?? 0);
}

/** @param digits as text or bigint where no double is exact */
export function setDigits(
  column: DecimalColumn,
  index: number,
  digits: number | bigint | string,
  scale: number,
): void {
  const narrow = typeof digits === 'number' ? digits : narrowDigits(BigInt(digits));
  column.scale[index] = scale;
  if (typeof narrow === 'number') column.digits[index] = narrow;
  else column.beyond.set(index, narrow);
}
