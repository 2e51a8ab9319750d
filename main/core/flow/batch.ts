/**
 * Trades in columns, the form in which they go from the decoder to the store: written by one
 * stage, then handed on. Columns are posted to the writer by transfer, never as objects.
 *
 * Candles are few (one a market and minute), so they stay objects with decimal text.
 */
import type { Granularity, Micros } from '../contract.ts';
import type { ByteSpan } from '../protocol/byte-span.ts';
import { Wide } from '../protocol/wide.ts';

export const SIDE_UNKNOWN = 0;
export const SIDE_BUY = 1;
export const SIDE_SELL = 2;
export const ORIGIN_LIVE = 0;
export const ORIGIN_REDELIVERED = 1;

export type Origin = 'live' | 'redelivered';
export const ORIGINS: readonly Origin[] = ['live', 'redelivered'];
export const SIDES = ['unknown', 'buy', 'sell'] as const;

/** The columns of `TradeBatch` as they cross to a thread; only the first `count` entries mean something. */
export interface TradeColumns {
  readonly count: number;
  /** Index of the market in the sender's `markets` list. */
  readonly market: Uint32Array<ArrayBuffer>;
  /** Microseconds since the epoch. */
  readonly exchangeTime: Float64Array<ArrayBuffer>;
  readonly receiptTime: Float64Array<ArrayBuffer>;
  /** Decimal digits and scale: see protocol/decimal.ts. */
  readonly priceDigits: BigInt64Array<ArrayBuffer>;
  readonly priceScale: Uint8Array<ArrayBuffer>;
  readonly sizeDigits: BigInt64Array<ArrayBuffer>;
  readonly sizeScale: Uint8Array<ArrayBuffer>;
  readonly side: Uint8Array<ArrayBuffer>;
  readonly origin: Uint8Array<ArrayBuffer>;
  /** UTF-8 of the ids one after the other; trade i ends at idEnd[i]. An empty id: the trade has none. */
  readonly idBytes: Uint8Array<ArrayBuffer>;
  readonly idEnd: Uint32Array<ArrayBuffer>;
}

export interface TradeInput {
  readonly market: number;
  readonly exchangeTime: Micros;
  readonly receiptTime: Micros;
  /** A bigint only where a number would not be exact: beyond 2^53 - 1. */
  readonly priceDigits: number | bigint;
  readonly priceScale: number;
  readonly sizeDigits: number | bigint;
  readonly sizeScale: number;
  readonly side: number;
  readonly origin: number;
  /** As text or as its UTF-8. */
  readonly id: string | ByteSpan;
}

/** A row as it is read again: without its id. */
export interface TradeRow {
  exchangeTime: Micros;
  /** A bigint only where a number would not be exact. */
  priceDigits: number | bigint;
  priceScale: number;
  sizeDigits: number | bigint;
  sizeScale: number;
  side: number;
}

/** The rows' ids where they lie. */
export interface RowIds {
  readonly market: Uint32Array;
  readonly idEnd: Uint32Array;
  readonly ids: Wide;
}

/**
 * A copy of the rows alone, in memory of its own.
 *
 * @param spare memory that nobody needs any more; it is used where it has room, since new memory costs time
 */
export function copyOf(columns: TradeColumns, spare: ArrayBuffer | null = null): TradeColumns {
  const { count } = columns;
  const idLength = columns.idEnd[count - 1] ?? 0;
  const needed = sizeOf(count, idLength);
  const fits = spare !== null && spare.byteLength >= needed && spare.byteLength <= needed * MOST_ROOM;
  const copy = columnsIn(fits ? spare : new ArrayBuffer(needed), count, idLength);
  fill(copy, columns, count, idLength);
  return { count, ...copy };
}

/** Growable; `take` empties it and gives the columns away. */
export class TradeBatch {
  readonly #smallest: number;
  #columns: Writable;
  // The same memory as the digits' columns, in halves: writing a number there makes no bigint.
  #priceHalves: Uint32Array;
  #sizeHalves: Uint32Array;
  readonly #ids = new Wide();
  #count = 0;
  #idLength = 0;
  #spare: Writable | null = null;

  constructor(capacity = 256) {
    this.#smallest = Math.max(1, capacity);
    this.#columns = allocate(this.#smallest, this.#smallest * 24);
    this.#priceHalves = halvesOf(this.#columns.priceDigits);
    this.#sizeHalves = halvesOf(this.#columns.sizeDigits);
    this.#ids.over(this.#columns.idBytes);
  }

  get count(): number {
    return this.#count;
  }

  push(trade: TradeInput): void {
    const { id } = trade;
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    if (this.#count === this.#columns.market.length)
      this.#grow(this.#count * 2, this.#columns.idBytes.length);
    if (this.#idLength + id.length * 3 > this.#columns.idBytes.length) {
      this.#grow(this.#columns.market.length, (this.#idLength + id.length * 3) * 2);
    }
    const columns = this.#columns;
    const row = this.#count++;
    columns.market[row] = trade.market;
    columns.exchangeTime[row] = trade.exchangeTime;
    columns.receiptTime[row] = trade.receiptTime;
    writeDigits(columns.priceDigits, this.#priceHalves, row, trade.priceDigits);
    columns.priceScale[row] = trade.priceScale;
    writeDigits(columns.sizeDigits, this.#sizeHalves, row, trade.sizeDigits);
    columns.sizeScale[row] = trade.sizeScale;
    columns.side[row] = trade.side;
    columns.origin[row] = trade.origin;
    if (typeof id === 'string') {
      this.#idLength = writeText(columns.idBytes, this.#idLength, id);
    } else {
      id.copyTo(this.#ids, this.#idLength);
      this.#idLength += id.length;
    }
    columns.idEnd[row] = this.#idLength;
  }

  /** Of the rows so far; valid until the next one comes. */
  get ids(): RowIds {
    const { idEnd, market } = this.#columns;
    return { idEnd, market, ids: this.#ids };
  }

  marketAt(row: number): number {
    return this.#columns.market[row] ?? 0;
  }

  exchangeTimeAt(row: number): Micros {
    return this.#columns.exchangeTime[row] ?? 0;
  }

  receiptTimeAt(row: number): Micros {
    return this.#columns.receiptTime[row] ?? 0;
  }

  setOrigin(row: number, origin: number): void {
    this.#columns.origin[row] = origin;
  }

  /** Writes the row into `into`, and gives it. */
  read<T extends TradeRow>(row: number, into: T): T {
    const columns = this.#columns;
    into.exchangeTime = columns.exchangeTime[row] ?? 0;
    into.priceDigits = readDigits(columns.priceDigits, this.#priceHalves, row);
    into.priceScale = columns.priceScale[row] ?? 0;
    into.sizeDigits = readDigits(columns.sizeDigits, this.#sizeHalves, row);
    into.sizeScale = columns.sizeScale[row] ?? 0;
    into.side = columns.side[row] ?? 0;
    return into;
  }

  /** Takes out the rows from `first` on for which `kept`, from its beginning on, has 0. */
  leaveOut(first: number, kept: Uint8Array): void {
    const columns = this.#columns;
    const { idBytes, idEnd } = columns;
    let to = first;
    let idLength = first === 0 ? 0 : (idEnd[first - 1] ?? 0);
    let start = idLength;
    for (let from = first; from < this.#count; from++) {
      const end = idEnd[from] ?? 0;
      if (kept[from - first] !== 0) {
        if (to < from) {
          move(columns, from, to);
          idBytes.copyWithin(idLength, start, end);
        }
        idLength += end - start;
        idEnd[to++] = idLength;
      }
      start = end;
    }
    this.#count = to;
    this.#idLength = idLength;
  }

  /** The columns so far; they belong to the caller until given back, and the batch starts anew. */
  take(): TradeColumns {
    const columns = this.#columns;
    const taken: TradeColumns = { ...columns, count: this.#count };
    const rows = columns.market.length;
    const idLength = columns.idBytes.length;
    // After a burst the room shrinks again, so that quiet times do not hand over empty megabytes.
    const shrinks = this.#count < rows / 4 && rows / 2 >= this.#smallest;
    const spare = this.#spare;
    this.#spare = null;
    if (!shrinks && spare !== null && spare.market.length === rows && spare.idBytes.length === idLength) {
      this.#replace(spare);
    } else {
      this.#replace(shrinks ? allocate(rows >>> 1, idLength >>> 1) : allocate(rows, idLength));
    }
    this.#count = 0;
    this.#idLength = 0;
    return taken;
  }

  /** Columns that nobody needs any more: their memory is used again, since new memory costs time. */
  giveBack(columns: TradeColumns): void {
    this.#spare = columns;
  }

  #grow(rows: number, idLength: number): void {
    const old = this.#columns;
    const next = allocate(rows, idLength);
    fill(next, old, this.#count, this.#idLength);
    this.#replace(next);
  }

  #replace(columns: Writable): void {
    this.#columns = columns;
    this.#priceHalves = halvesOf(columns.priceDigits);
    this.#sizeHalves = halvesOf(columns.sizeDigits);
    this.#ids.over(columns.idBytes);
  }
}

/** `halves` is the memory of `column`; little-endian, as every machine that Quipu runs on. */
function writeDigits(column: BigInt64Array, halves: Uint32Array, row: number, digits: number | bigint): void {
  if (typeof digits === 'bigint') {
    column[row] = digits;
    return;
  }
  // The low half is taken modulo 2^32, which makes two's complement of a negative number too.
  halves[row * 2] = digits;
  halves[row * 2 + 1] = Math.floor(digits / 4_294_967_296);
}

function readDigits(column: BigInt64Array, halves: Uint32Array, row: number): number | bigint {
  const high = (halves[row * 2 + 1] ?? 0) | 0;
  const exact = high < 0x20_0000 && high >= -0x20_0000;
  return exact ? high * 4_294_967_296 + (halves[row * 2] ?? 0) : (column[row] ?? 0n);
}

function move(columns: Writable, from: number, to: number): void {
  columns.market[to] = columns.market[from] ?? 0;
  columns.exchangeTime[to] = columns.exchangeTime[from] ?? 0;
  columns.receiptTime[to] = columns.receiptTime[from] ?? 0;
  columns.priceDigits[to] = columns.priceDigits[from] ?? 0n;
  columns.priceScale[to] = columns.priceScale[from] ?? 0;
  columns.sizeDigits[to] = columns.sizeDigits[from] ?? 0n;
  columns.sizeScale[to] = columns.sizeScale[from] ?? 0;
  columns.side[to] = columns.side[from] ?? 0;
  columns.origin[to] = columns.origin[from] ?? 0;
}

/** Writes `text` at `at` (there must be room for three bytes a unit) and gives the place behind it. */
function writeText(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  // Ids are short and ASCII; a call to the encoder costs more than the copy.
  if (length <= 64) {
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      bytes[at + i] = unit;
    }
    if (i === length) return at + length;
  }
  return at + encoder.encodeInto(text, bytes.subarray(at)).written;
}

type Writable = Omit<TradeColumns, 'count'>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Of all columns but the ids. */
const ROW_BYTES = 44;
/** Memory of more than so many times what is needed is not held on to. */
const MOST_ROOM = 4;

function allocate(rows: number, idLength: number): Writable {
  return columnsIn(new ArrayBuffer(sizeOf(rows, idLength)), rows, idLength);
}

function sizeOf(rows: number, idLength: number): number {
  return evenOf(idLength) + rows * ROW_BYTES;
}

/** Where a column of doubles may begin behind the ids. */
function evenOf(idLength: number): number {
  return (idLength + 7) & ~7;
}

/**
 * All columns in one memory: to make, to clear away and to hand over one costs less than eleven. The ids are
 * at its beginning, so that a place among them is one in the memory.
 */
function columnsIn(memory: ArrayBuffer, rows: number, idLength: number): Writable {
  const at = evenOf(idLength);
  return {
    idBytes: new Uint8Array(memory, 0, idLength),
    exchangeTime: new Float64Array(memory, at, rows),
    receiptTime: new Float64Array(memory, at + rows * 8, rows),
    priceDigits: new BigInt64Array(memory, at + rows * 16, rows),
    sizeDigits: new BigInt64Array(memory, at + rows * 24, rows),
    market: new Uint32Array(memory, at + rows * 32, rows),
    idEnd: new Uint32Array(memory, at + rows * 36, rows),
    priceScale: new Uint8Array(memory, at + rows * 40, rows),
    sizeScale: new Uint8Array(memory, at + rows * 41, rows),
    side: new Uint8Array(memory, at + rows * 42, rows),
    origin: new Uint8Array(memory, at + rows * 43, rows),
  };
}

function fill(to: Writable, from: Writable, rows: number, idLength: number): void {
  to.exchangeTime.set(from.exchangeTime.subarray(0, rows));
  to.receiptTime.set(from.receiptTime.subarray(0, rows));
  to.priceDigits.set(from.priceDigits.subarray(0, rows));
  to.sizeDigits.set(from.sizeDigits.subarray(0, rows));
  to.market.set(from.market.subarray(0, rows));
  to.idEnd.set(from.idEnd.subarray(0, rows));
  to.priceScale.set(from.priceScale.subarray(0, rows));
  to.sizeScale.set(from.sizeScale.subarray(0, rows));
  to.side.set(from.side.subarray(0, rows));
  to.origin.set(from.origin.subarray(0, rows));
  to.idBytes.set(from.idBytes.subarray(0, idLength));
}

/** The same memory as the digits' column, in halves. */
function halvesOf(column: BigInt64Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length * 2);
}

/** The id of trade `row`; empty when it came without one. */
export function idOf(columns: TradeColumns, row: number): string {
  const start = row === 0 ? 0 : (columns.idEnd[row - 1] ?? 0);
  return decoder.decode(columns.idBytes.subarray(start, columns.idEnd[row]));
}

/** All of the columns' memory, to be named in a transfer list. */
export function memoryOf(columns: TradeColumns): ArrayBuffer {
  return columns.exchangeTime.buffer;
}

/** A candle as received: decimals are canonical text; prices and vwap null when no trade was in the period. */
export interface Candle {
  readonly market: string;
  readonly granularity: Granularity;
  /** Start of the period. */
  readonly start: Micros;
  readonly open: string | null;
  readonly high: string | null;
  readonly low: string | null;
  readonly close: string | null;
  readonly volume: string;
  readonly vwap: string | null;
  readonly trades: number;
  readonly final: boolean;
  readonly receiptTime: Micros;
  readonly origin: Origin;
}
