/**
 * Runs of trades as bytes and back: columns of differences, each number in as few bytes as it needs.
 *
 * Two pieces, so that whoever asks for no ids does not read them (they are most of it when they are
 * UUIDs): the body with all else, and the ids. Each ends with its checksum, and damage is an error.
 */
import { type IdColumn, getIds, putIds } from './ids.ts';
import {
  bitsOf,
  ByteSink,
  ByteSource,
  costOf,
  costOfSigned,
  getIntegers,
  getSigned,
  getSmall,
  getSums,
  putIntegers,
  putSame,
  putSigned,
  putSmall,
} from './integers.ts';
import { beginPiece, endPiece, isOfFirstVersion, openPiece, reading } from './piece.ts';
import type { DecimalColumn, TradeRun } from './run.ts';
import { exactDigits, newDecimals, setDigits } from './run.ts';

/** Most trades of one chunk. More would make a narrow range read more than it shows. */
export const CHUNK_TRADES = 4_096;
/** Bounds what a piece that is damaged or forged can make its reader allocate. */
export const MOST_TRADES = 65_536;

const LENGTH_BYTES = 4;
/** Times and digits within it are told by differences, which then stay below 2^53 whatever their sign. */
const TIME_LIMIT = 2 ** 52;
const DIGITS_LIMIT = 2 ** 51;
/** Powers of ten that a double holds exactly, and more scales than a rescaling can use. */
const POWERS = Float64Array.from({ length: 23 }, (_, scale) => 10 ** scale);
/** Microseconds of which all times of a column may be multiples: exchanges tell milliseconds, some seconds. */
const UNITS = [1, 1_000, 1_000_000] as const;
const NO_UNIT = -1;

/** Trades by which one of two ways is chosen. */
const COST_SAMPLE = 512;

const ROWS_BY_DISTANCE = 0;
/** How much their distance differs from what the time between their receipts lets expect. */
const ROWS_BY_PACE = 1;

const TIMES_RAW = 0;
const TIMES_BY_DIFFERENCE = 1;
/** Receipt alone: how long after the exchange's time it was. */
const TIMES_BY_LAG = 2;

export interface ChunkPieces {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly ids: Uint8Array<ArrayBuffer>;
}

const sink = new ByteSink();
const idSink = new ByteSink();

/**
 * In memory that the next call uses again, since new memory costs time: whoever keeps the pieces copies them.
 *
 * @param lasts false for what is sealed soon: it takes less time, and a bit more room
 * @throws {RangeError} for more than MOST_TRADES, or none
 */
export function encodeChunk(run: TradeRun, lasts = true): ChunkPieces {
  if (run.count === 0 || run.count > MOST_TRADES) throw new RangeError(`${run.count} trades make no chunk`);
  return { body: encodeBody(run), ids: encodeIds(run, lasts) };
}

function encodeIds({ count, ids, market, markets }: TradeRun, lasts: boolean): Uint8Array<ArrayBuffer> {
  beginPiece(idSink);
  putIds(idSink, ids, count, market, markets.length, lasts);
  return endPiece(idSink);
}

function encodeBody(run: TradeRun): Uint8Array<ArrayBuffer> {
  const { count, market, markets } = run;
  beginPiece(sink);
  sink.varint(count);
  sink.varint(markets.length);
  for (const each of markets) sink.varint(each);
  const exchangeUnit = unitOf(run.exchangeTime, count);
  const receiptUnit = unitOf(run.receiptTime, count);
  section(() => (markets.length === 1 ? putSame(sink, 0) : putSmall(sink, market, count)));
  section(() => putTimes(run.exchangeTime, count, exchangeUnit));
  section(() => putDecimals(run.price, run, true));
  section(() => putDecimals(run.size, run, false));
  section(() => putSmall(sink, run.side, count));
  section(() => putSmall(sink, run.origin, count));
  section(() => putRows(run, receiptUnit !== NO_UNIT && exchangeUnit !== NO_UNIT));
  section(() => putReceipt(run, exchangeUnit, receiptUnit));
  return endPiece(sink);
}

/** Written with its length, so that a reader can pass over it. */
function section(write: () => void): void {
  sink.reserve(LENGTH_BYTES);
  const start = sink.at;
  sink.at += LENGTH_BYTES;
  write();
  const length = sink.at - start - LENGTH_BYTES;
  for (let byte = 0; byte < LENGTH_BYTES; byte++) sink.bytes[start + byte] = (length >>> (byte * 8)) & 255;
}

function putRows(run: TradeRun, isTimed: boolean): void {
  const { count, row } = run;
  sink.varint(row[0] ?? 0);
  const pace = isTimed ? paceOf(run) : 0;
  const unexpected = pace > 0 ? unexpectedOf(run, pace) : null;
  if (unexpected === null) {
    sink.byte(ROWS_BY_DISTANCE);
    putIntegers(sink, differences(row, count).subarray(1), count - 1);
    return;
  }
  sink.byte(ROWS_BY_PACE);
  sink.double(pace);
  putSigned(sink, unexpected, count - 1);
}

/** By how much rows are further apart than expected, from the second on; null where that is not exact. */
function unexpectedOf({ count, receiptTime, row }: TradeRun, pace: number): Float64Array | null {
  const values = scratch(count);
  for (let index = 1; index < count; index++) {
    const expected = Math.floor(((receiptTime[index] ?? 0) - (receiptTime[index - 1] ?? 0)) * pace);
    const gap = (row[index] ?? 0) - (row[index - 1] ?? 0);
    if (!(gap < DIGITS_LIMIT && Math.abs(expected) < DIGITS_LIMIT)) return null;
    values[index - 1] = gap - expected;
  }
  return values;
}

/**
 * How many rows come in a microsecond, all markets together: by this and the times of receipt the distances
 * between the rows of one market are known, but for little. 0 where they are not, or take no room anyway.
 */
function paceOf({ count, receiptTime, row }: TradeRun): number {
  const took = (receiptTime[count - 1] ?? 0) - (receiptTime[0] ?? 0);
  const rows = (row[count - 1] ?? 0) - (row[0] ?? 0);
  // Of all markets they follow each other.
  if (took <= 0 || rows === count - 1) return 0;
  const pace = rows / took;
  let byDistance = 0;
  let byPace = 0;
  const step = Math.ceil(count / COST_SAMPLE);
  for (let index = 1; index < count; index += step) {
    const gap = (row[index] ?? 0) - (row[index - 1] ?? 0);
    const expected = Math.floor(((receiptTime[index] ?? 0) - (receiptTime[index - 1] ?? 0)) * pace);
    byDistance += bitsOf(gap - 1);
    byPace += bitsOf(2 * Math.abs(gap - expected));
  }
  return byPace < byDistance ? pace : 0;
}

function putTimes(times: Float64Array, count: number, unit: number): void {
  if (unit === NO_UNIT) putRaw(times, count);
  else putDifferences(times, count, unit);
}

function putReceipt(
  { count, exchangeTime, receiptTime }: TradeRun,
  exchangeUnit: number,
  unit: number,
): void {
  if (unit === NO_UNIT || exchangeUnit === NO_UNIT) {
    putRaw(receiptTime, count);
    return;
  }
  // The beginning tells how all of it is.
  const looked = Math.min(count, COST_SAMPLE);
  const plainCost = costOfSigned(differences(receiptTime, looked, UNITS[unit]).subarray(1));
  const lagUnit = Math.min(unit, exchangeUnit);
  const lags = lagsOf(exchangeTime, receiptTime, count, UNITS[lagUnit] ?? 1);
  if (costOf(lags.subarray(0, looked)) > plainCost) {
    putDifferences(receiptTime, count, unit);
    return;
  }
  sink.byte(TIMES_BY_LAG);
  sink.byte(lagUnit);
  putIntegers(sink, lags, count);
}

function lagsOf(
  exchangeTime: Float64Array,
  receiptTime: Float64Array,
  count: number,
  micros: number,
): Float64Array {
  const lags = scratch(count);
  for (let index = 0; index < count; index++) {
    lags[index] = ((receiptTime[index] ?? 0) - (exchangeTime[index] ?? 0)) / micros;
  }
  return lags;
}

/** Index of the largest unit of which all are multiples; NO_UNIT for times that are no usual ones. */
function unitOf(times: Float64Array, count: number): number {
  let unit = UNITS.length - 1;
  let micros = UNITS[unit] ?? 1;
  for (let index = 0; index < count; index++) {
    const time = times[index] ?? 0;
    if (!(time >= 0 && time < TIME_LIMIT && Math.floor(time) === time)) return NO_UNIT;
    while (unit > 0 && Math.floor(time / micros) * micros !== time) micros = UNITS[--unit] ?? 1;
  }
  return unit;
}

/** Of each the difference from the one before, the first from 0, in that unit. */
function differences(numbers: Float64Array, count: number, unit = 1): Float64Array {
  const values = scratch(count).subarray(0, count);
  let last = 0;
  for (let index = 0; index < count; index++) {
    const value = numbers[index] ?? 0;
    values[index] = (value - last) / unit;
    last = value;
  }
  return values;
}

function putDifferences(times: Float64Array, count: number, unit: number): void {
  const values = differences(times, count, UNITS[unit]);
  sink.byte(TIMES_BY_DIFFERENCE);
  sink.byte(unit);
  sink.varint(values[0] ?? 0);
  putSigned(sink, values.subarray(1), count - 1);
}

function putRaw(times: Float64Array, count: number): void {
  sink.byte(TIMES_RAW);
  sink.append(new Uint8Array(times.slice(0, count).buffer));
}

/**
 * As whole numbers of one scale, prices as differences within their market, and one after the other
 * those that no common scale fits.
 */
function putDecimals(column: DecimalColumn, run: TradeRun, byDifference: boolean): void {
  const { count, market, markets } = run;
  const { digits, scale, beyond } = column;
  if (isEven(column, count)) {
    sink.byte(scale[0] ?? 0);
    if (byDifference) putSigned(sink, digitDifferences(digits, run), count);
    else putIntegers(sink, digits, count);
    sink.varint(0);
    return;
  }
  const common = commonScale(column, count);
  const values = scratch(count);
  const last = new Float64Array(markets.length);
  const odd: number[] = [];
  for (let index = 0; index < count; index++) {
    const of = market[index] ?? 0;
    const shift = common - (scale[index] ?? 0);
    const value = (digits[index] ?? 0) * (POWERS[shift] ?? NaN);
    const before = last[of] ?? 0;
    if (!(Math.abs(value) < DIGITS_LIMIT) || (beyond.size > 0 && beyond.has(index))) {
      odd.push(index);
      values[index] = byDifference ? 0 : before;
      continue;
    }
    last[of] = value;
    values[index] = byDifference ? value - before : value;
  }
  sink.byte(common);
  if (byDifference) putSigned(sink, values, count);
  else putIntegers(sink, values, count);
  sink.varint(odd.length);
  for (const index of odd) {
    sink.varint(index);
    sink.byte(scale[index] ?? 0);
    putBig(BigInt.asUintN(64, exactDigits(column, index)));
  }
}

/** Whether all are of one scale and none needs to be told by itself, as usual. */
function isEven({ digits, scale, beyond }: DecimalColumn, count: number): boolean {
  if (beyond.size > 0) return false;
  const first = scale[0];
  for (let index = 0; index < count; index++) {
    if (scale[index] !== first || !(Math.abs(digits[index] ?? 0) < DIGITS_LIMIT)) return false;
  }
  return true;
}

/** Of each the difference from the one before of the same market. */
function digitDifferences(digits: Float64Array, { count, market, markets }: TradeRun): Float64Array {
  if (markets.length === 1) return differences(digits, count);
  const values = scratch(count);
  const last = new Float64Array(markets.length);
  for (let index = 0; index < count; index++) {
    const of = market[index] ?? 0;
    const value = digits[index] ?? 0;
    values[index] = value - (last[of] ?? 0);
    last[of] = value;
  }
  return values;
}

/** The smallest of their scales that leaves out the fewest. */
function commonScale({ digits, scale }: DecimalColumn, count: number): number {
  const counts: number[] = [];
  const largest: number[] = [];
  for (let index = 0; index < count; index++) {
    const of = scale[index] ?? 0;
    const size = Math.abs(digits[index] ?? 0);
    counts[of] = (counts[of] ?? 0) + 1;
    if (!(size <= (largest[of] ?? -1))) largest[of] = size;
  }
  let best = 0;
  let most = -1;
  counts.forEach((_, candidate) => {
    let fitting = 0;
    counts.forEach((many, of) => {
      if ((largest[of] ?? 0) * (POWERS[candidate - of] ?? NaN) < DIGITS_LIMIT) fitting += many;
    });
    if (fitting > most) {
      most = fitting;
      best = candidate;
    }
  });
  return best;
}

function putBig(value: bigint): void {
  for (let byte = 0n; byte < 64n; byte += 8n) sink.byte(Number((value >> byte) & 255n));
}

let room = new Float64Array(CHUNK_TRADES);

/** Of any content, and the next call's too. */
function scratch(count: number): Float64Array {
  if (room.length < count) room = new Float64Array(count);
  return room;
}

/** A chunk's body. Each column is read when it is asked for, some for a stretch of the trades alone. */
export class ChunkBody {
  readonly count: number;
  readonly markets: readonly number[];
  readonly #sections: ByteSource[] = [];
  // By these others are told, and they may be asked for more than once.
  #exchangeTime: Float64Array | null = null;
  #receiptTime: Float64Array | null = null;
  #row: Float64Array | null = null;

  /**
   * @param count as it was noted beside the piece
   * @throws {DamagedPiece} for bytes that are not a body of so many trades
   */
  constructor(bytes: Uint8Array, count: number) {
    const source = openPiece(bytes);
    this.count = count;
    this.markets = reading(() => {
      if (source.varint() !== count || count > MOST_TRADES) throw new RangeError('it is of other trades');
      const markets = source.varint();
      if (markets > MOST_TRADES) throw new RangeError('it has more markets than trades');
      return Array.from({ length: markets }, () => source.varint());
    });
    reading(() => {
      for (let section = 0; section < SECTIONS; section++) {
        let length = 0;
        for (let byte = 0; byte < LENGTH_BYTES; byte++) length += source.byte() * 256 ** byte;
        const start = source.skip(length);
        this.#sections.push(new ByteSource(bytes, start, start + length));
      }
    });
  }

  /** Index into `markets` of each trade. */
  market(): Uint32Array {
    const market = new Uint32Array(this.count);
    // There is nothing else that it could be, and it is the usual case.
    if (this.markets.length > 1) this.#read(0, (source) => getSmall(source, this.count, market));
    return market;
  }

  exchangeTime(): Float64Array {
    return (this.#exchangeTime ??= this.#read(1, (source) => getTimes(source, this.count, null)));
  }

  price(market: Uint32Array, upTo = this.count): DecimalColumn {
    return this.#read(2, (source) => getPrices(source, this.count, market, this.markets.length, upTo));
  }

  size(upTo = this.count, from = 0): DecimalColumn {
    return this.#read(3, (source) => getSizes(source, this.count, upTo, from));
  }

  side(upTo = this.count, from = 0): Uint8Array {
    const side = new Uint8Array(this.count);
    this.#read(4, (source) => getSmall(source, this.count, side, upTo, from));
    return side;
  }

  origin(upTo = this.count, from = 0): Uint8Array {
    const origin = new Uint8Array(this.count);
    this.#read(5, (source) => getSmall(source, this.count, origin, upTo, from));
    return origin;
  }

  row(): Float64Array {
    return (this.#row ??= this.#read(6, (source) => {
      const row = new Float64Array(this.count);
      row[0] = source.varint();
      const kind = isOfFirstVersion(source) ? ROWS_BY_DISTANCE : source.byte();
      if (kind > ROWS_BY_PACE) throw new RangeError('its rows are of no known kind');
      if (kind === ROWS_BY_DISTANCE) getIntegers(source, this.count - 1, row.subarray(1));
      else getByPace(source, row, this.receiptTime());
      for (let index = 1; index < row.length; index++) row[index] = (row[index] ?? 0) + (row[index - 1] ?? 0);
      return row;
    }));
  }

  receiptTime(): Float64Array {
    return (this.#receiptTime ??= this.#read(7, (source) =>
      getTimes(source, this.count, this.exchangeTime()),
    ));
  }

  /** All of it. @throws {DamagedPiece} */
  run(ids: Uint8Array): TradeRun {
    const market = this.market();
    return {
      count: this.count,
      row: this.row(),
      markets: this.markets,
      market,
      exchangeTime: this.exchangeTime(),
      receiptTime: this.receiptTime(),
      price: this.price(market),
      size: this.size(),
      side: this.side(),
      origin: this.origin(),
      ids: decodeIds(ids, market, this.markets.length),
    };
  }

  #read<T>(section: number, read: (source: ByteSource) => T): T {
    const of = this.#sections[section];
    return reading(() => {
      if (of === undefined) throw new RangeError('it has no such column');
      of.at = of.start;
      return read(of);
    });
  }
}

const SECTIONS = 8;

/** @throws {DamagedPiece} */
export function decodeIds(bytes: Uint8Array, market: Uint32Array, markets: number): IdColumn {
  const source = openPiece(bytes);
  return reading(() => getIds(source, market.length, market, markets));
}

/** All of it. @param count as it was noted beside the pieces. @throws {DamagedPiece} */
export function decodeChunk(
  pieces: { readonly body: Uint8Array; readonly ids: Uint8Array },
  count: number,
): TradeRun {
  return new ChunkBody(pieces.body, count).run(pieces.ids);
}

/** The distances, from the second row on. */
function getByPace(source: ByteSource, row: Float64Array, receiptTime: Float64Array): void {
  const pace = source.double();
  if (!(pace > 0 && pace < Infinity)) throw new RangeError('its rows come at no pace');
  const distances = row.subarray(1);
  getSigned(source, distances.length, distances);
  for (let index = 1; index < row.length; index++) {
    const expected = Math.floor(((receiptTime[index] ?? 0) - (receiptTime[index - 1] ?? 0)) * pace);
    row[index] = (row[index] ?? 0) + expected;
  }
}

function getTimes(source: ByteSource, count: number, exchangeTime: Float64Array | null): Float64Array {
  const kind = source.byte();
  const times = new Float64Array(count);
  if (kind === TIMES_RAW) {
    const start = source.skip(count * 8);
    new Uint8Array(times.buffer).set(source.bytes.subarray(start, source.at));
    return times;
  }
  const micros = UNITS[source.byte()];
  if (micros === undefined) throw new RangeError('its times are of no known unit');
  if (kind === TIMES_BY_LAG && exchangeTime !== null) {
    getIntegers(source, count, times);
    for (let index = 0; index < count; index++) {
      times[index] = (times[index] ?? 0) * micros + (exchangeTime[index] ?? 0);
    }
    return times;
  }
  if (kind !== TIMES_BY_DIFFERENCE) throw new RangeError('its times are of no known kind');
  const first = source.varint();
  getSums(source, count - 1, times.subarray(1));
  // The place of the first is 0 until here.
  for (let index = 0; index < count; index++) times[index] = ((times[index] ?? 0) + first) * micros;
  return times;
}

function getPrices(
  source: ByteSource,
  count: number,
  market: Uint32Array,
  markets: number,
  upTo: number,
): DecimalColumn {
  const column = newDecimals(count);
  const { digits } = column;
  column.scale.fill(source.byte());
  if (markets === 1) {
    getSums(source, count, digits, upTo);
  } else {
    getSigned(source, count, digits, upTo);
    const last = new Float64Array(markets);
    for (let index = 0; index < upTo; index++) {
      const of = market[index] ?? 0;
      const value = (last[of] ?? 0) + (digits[index] ?? 0);
      last[of] = value;
      digits[index] = value;
    }
  }
  return withOdd(source, column, count);
}

function getSizes(source: ByteSource, count: number, upTo: number, from: number): DecimalColumn {
  const column = newDecimals(count);
  column.scale.fill(source.byte());
  getIntegers(source, count, column.digits, upTo, from);
  return withOdd(source, column, count);
}

/** Those that no common scale fits. */
function withOdd(source: ByteSource, column: DecimalColumn, count: number): DecimalColumn {
  for (let odd = source.varint(); odd > 0; odd--) {
    const index = source.varint();
    if (index >= count) throw new RangeError('it tells of more trades than it has');
    const scale = source.byte();
    let value = 0n;
    for (let byte = 0n; byte < 64n; byte += 8n) value |= BigInt(source.byte()) << byte;
    column.digits[index] = 0;
    setDigits(column, index, BigInt.asIntN(64, value), scale);
  }
  return column;
}
