/**
 * Trades in the default dialect's flat form straight out of a frame's bytes: no tree, no string but the
 * id. Anything else, however slight, is left to the tolerant decoder, which must give the same.
 */
import { SIDE_UNKNOWN } from '../flow/batch.ts';
import { DecimalReader } from './decimal-reader.ts';
import type { Dialect } from './dialect.ts';
import { Interner } from './intern.ts';
import { ID, Layout, MARKET, PAIR, PRICE, SIDE, SIZE, TIME, VENUE } from './layout.ts';
import { PLAIN, QUOTE, sideAt } from './plain.ts';
import { scannedTrade } from './scanned-trade.ts';
import { TradeTemplate } from './template.ts';
import { parseTime, TimeScanner } from './time.ts';
import { MAX_ID } from './tolerant.ts';

const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** 1 for JSON's white space. */
const SPACE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 ? 1 : 0,
);

const NEEDED = MARKET | TIME | PRICE | SIZE;
/** The envelope's. */
const TYPE = 1;
const PAYLOAD = 2;

export class TradeScanner {
  /** What the last successful `scan` found; the same object each time. */
  readonly trade = scannedTrade();
  readonly #markets = new Interner();
  readonly #times = new TimeScanner();
  /** The `type` that means a trade, and a quote; the others of a dialect that has several go the slower way. */
  readonly #type: Uint8Array | null;
  readonly #decimal = new DecimalReader();
  readonly #layout = new Layout();
  readonly #template = new TradeTemplate(this.trade, this.#decimal, this.#times);

  constructor(dialect: Dialect) {
    const type = Object.entries(dialect.types).find(([, kind]) => kind === 'trade')?.[0];
    const plain = type !== undefined && Buffer.from(type).every((byte) => PLAIN[byte] === 1);
    this.#type = plain ? Buffer.from(`${type}"`) : null;
  }

  /**
   * Reads the document that begins at `start` into `trade`, of a frame that ends at `end`.
   *
   * @returns where the next document begins or the frame ends; -1 when the document has another form.
   */
  scan(bytes: Buffer, start: number, end = bytes.length): number {
    let at = this.#template.read(bytes, start, end);
    if (at < 0) {
      // The way byte by byte sees the end of the bytes alone.
      const frame = end === bytes.length ? bytes : bytes.subarray(0, end);
      at = this.#document(frame, start);
      if (at < 0) return -1;
      this.#template.learn(frame, start, at, this.#layout);
    }
    // Another document needs a line of its own.
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === 0x0a) return Math.min(end, skipSpace(bytes, at));
      if (SPACE[byte] !== 1) return -1;
    }
    return at;
  }

  /** Gives the place behind the document, or -1. */
  #document(bytes: Buffer, start: number): number {
    const type = this.#type;
    let at = skipSpace(bytes, start);
    if (type === null || bytes[at] !== OPEN) return -1;
    let seen = 0;
    do {
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== QUOTE) return -1;
      if (isType(bytes, at + 1)) {
        if ((seen & TYPE) !== 0) return -1;
        seen |= TYPE;
        at = valueAfter(bytes, at + 6);
        if (bytes[at] !== QUOTE || !isAt(bytes, at + 1, type)) return -1;
        at += 1 + type.length;
      } else if (isPayload(bytes, at + 1)) {
        if ((seen & PAYLOAD) !== 0) return -1;
        seen |= PAYLOAD;
        at = valueAfter(bytes, at + 9);
        if (bytes[at] !== OPEN) return -1;
        at = this.#payload(bytes, at);
        if (at < 0) return -1;
      } else return -1;
      at = skipSpace(bytes, at);
    } while (bytes[at] === COMMA);
    return bytes[at] === CLOSE && seen === (TYPE | PAYLOAD) ? at + 1 : -1;
  }

  /** Reads the object that opens at `at`; gives the place behind it, or -1. */
  #payload(bytes: Buffer, at: number): number {
    const trade = this.trade;
    trade.idSpan.end = trade.idSpan.start;
    trade.side = SIDE_UNKNOWN;
    this.#layout.count = 0;
    let seen = 0;
    do {
      at = skipSpace(bytes, at + 1);
      const field = bytes[at] === QUOTE ? fieldAt(bytes, at + 1) : 0;
      if (field === 0 || (seen & field) !== 0) return -1;
      seen |= field;
      at = valueAfter(bytes, at + 1 + (NAME_LENGTHS[31 - Math.clz32(field)] ?? 0));
      const bare = bytes[at] !== QUOTE;
      // Of a number that is none `#value` finds no digit; it also stops at a place of -1.
      const start = bare ? at : at + 1;
      at = this.#value(bytes, field, start, bare);
      if (at < 0 || (!bare && bytes[at] !== QUOTE)) return -1;
      this.#layout.add(field, start, at);
      at = skipSpace(bytes, bare ? at : at + 1);
    } while (bytes[at] === COMMA);
    return bytes[at] === CLOSE && (seen & NEEDED) === NEEDED ? at + 1 : -1;
  }

  /** Takes the value that begins at `start`, in quotes or `bare`; gives the place behind it, or -1. */
  #value(bytes: Buffer, field: number, start: number, bare: boolean): number {
    const trade = this.trade;
    if (field === PRICE) {
      const at = this.#decimal.read(bytes, start, bare);
      trade.priceDigits = this.#decimal.digits;
      trade.priceScale = this.#decimal.scale;
      return at;
    }
    if (field === SIZE) {
      const at = this.#decimal.read(bytes, start, bare);
      trade.sizeDigits = this.#decimal.digits;
      trade.sizeScale = this.#decimal.scale;
      return at;
    }
    if (bare) return field === ID || field === TIME ? this.#whole(bytes, field, start) : -1;
    // Most times have milliseconds, 24 characters; a time that can be read has none that is not plain.
    const at = field === TIME && bytes[start + 24] === QUOTE ? start + 24 : plainEnd(bytes, start);
    return this.#text(bytes, field, start, at) ? at : -1;
  }

  /** An id or a time that is a whole number. */
  #whole(bytes: Buffer, field: number, start: number): number {
    let at = start;
    while (isDigit(bytes[at])) at++;
    if (at === start || (bytes[start] === 0x30 && at > start + 1)) return -1;
    return this.#text(bytes, field, start, at) ? at : -1;
  }

  /** Takes the value bytes[start..end) of a field that is text. */
  #text(bytes: Buffer, field: number, start: number, end: number): boolean {
    const trade = this.trade;
    const length = end - start;
    if (field === MARKET) {
      if (length === 0 || length > MAX_ID) return false;
      trade.market = this.#markets.get(bytes, start, end);
    } else if (field === ID) {
      if (length > MAX_ID) return false;
      trade.idSpan.memory.over(bytes);
      trade.idSpan.start = bytes.byteOffset + start;
      trade.idSpan.end = bytes.byteOffset + end;
    } else if (field === TIME) {
      let time = this.#times.scan(bytes, start, end);
      if (time < 0) time = parseTime(bytes.toString('latin1', start, end)) ?? -1;
      trade.exchangeTime = time;
      return time >= 0;
    } else if (field === SIDE) {
      trade.side = sideAt(bytes, start, length);
    }
    return true;
  }
}

/*
 * The names letter by letter: a loop over the letters takes twice the time, and names are half of a frame.
 * Each function is given the place behind the opening quote and wants the closing one as well.
 */

function isType(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x74 &&
    bytes[at + 1] === 0x79 &&
    bytes[at + 2] === 0x70 &&
    bytes[at + 3] === 0x65 &&
    bytes[at + 4] === QUOTE
  );
}

function isPayload(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x70 &&
    bytes[at + 1] === 0x61 &&
    bytes[at + 2] === 0x79 &&
    bytes[at + 3] === 0x6c &&
    bytes[at + 4] === 0x6f &&
    bytes[at + 5] === 0x61 &&
    bytes[at + 6] === 0x64 &&
    bytes[at + 7] === QUOTE
  );
}

function isId(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x69 && bytes[at + 1] === 0x64 && bytes[at + 2] === QUOTE;
}

function isMarketId(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x6d &&
    bytes[at + 1] === 0x61 &&
    bytes[at + 2] === 0x72 &&
    bytes[at + 3] === 0x6b &&
    bytes[at + 4] === 0x65 &&
    bytes[at + 5] === 0x74 &&
    bytes[at + 6] === 0x49 &&
    bytes[at + 7] === 0x64 &&
    bytes[at + 8] === QUOTE
  );
}

function isMarketVenue(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x6d &&
    bytes[at + 1] === 0x61 &&
    bytes[at + 2] === 0x72 &&
    bytes[at + 3] === 0x6b &&
    bytes[at + 4] === 0x65 &&
    bytes[at + 5] === 0x74 &&
    bytes[at + 6] === 0x56 &&
    bytes[at + 7] === 0x65 &&
    bytes[at + 8] === 0x6e &&
    bytes[at + 9] === 0x75 &&
    bytes[at + 10] === 0x65 &&
    bytes[at + 11] === QUOTE
  );
}

function isTimestamp(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x74 &&
    bytes[at + 1] === 0x69 &&
    bytes[at + 2] === 0x6d &&
    bytes[at + 3] === 0x65 &&
    bytes[at + 4] === 0x73 &&
    bytes[at + 5] === 0x74 &&
    bytes[at + 6] === 0x61 &&
    bytes[at + 7] === 0x6d &&
    bytes[at + 8] === 0x70 &&
    bytes[at + 9] === QUOTE
  );
}

function isPairId(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x70 &&
    bytes[at + 1] === 0x61 &&
    bytes[at + 2] === 0x69 &&
    bytes[at + 3] === 0x72 &&
    bytes[at + 4] === 0x49 &&
    bytes[at + 5] === 0x64 &&
    bytes[at + 6] === QUOTE
  );
}

function isPrice(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x70 &&
    bytes[at + 1] === 0x72 &&
    bytes[at + 2] === 0x69 &&
    bytes[at + 3] === 0x63 &&
    bytes[at + 4] === 0x65 &&
    bytes[at + 5] === QUOTE
  );
}

function isSize(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x73 &&
    bytes[at + 1] === 0x69 &&
    bytes[at + 2] === 0x7a &&
    bytes[at + 3] === 0x65 &&
    bytes[at + 4] === QUOTE
  );
}

function isSide(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x73 &&
    bytes[at + 1] === 0x69 &&
    bytes[at + 2] === 0x64 &&
    bytes[at + 3] === 0x65 &&
    bytes[at + 4] === QUOTE
  );
}

/** The field whose name is at `at`, or 0. */
function fieldAt(bytes: Uint8Array, at: number): number {
  switch (bytes[at]) {
    case 0x69:
      return isId(bytes, at) ? ID : 0;
    case 0x6d:
      return isMarketId(bytes, at) ? MARKET : isMarketVenue(bytes, at) ? VENUE : 0;
    case 0x70:
      return isPrice(bytes, at) ? PRICE : isPairId(bytes, at) ? PAIR : 0;
    case 0x73:
      return isSize(bytes, at) ? SIZE : isSide(bytes, at) ? SIDE : 0;
    case 0x74:
      return isTimestamp(bytes, at) ? TIME : 0;
    default:
      return 0;
  }
}

/** Length of a field's name with its closing quote, by the number of its bit. */
const NAME_LENGTHS = Uint8Array.of(3, 9, 12, 7, 10, 6, 5, 5);

function isAt(bytes: Uint8Array, at: number, what: Uint8Array): boolean {
  for (let i = 0; i < what.length; i++) if (bytes[at + i] !== what[i]) return false;
  return true;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function skipSpace(bytes: Uint8Array, at: number): number {
  if ((bytes[at] ?? 0) > 0x20) return at;
  while (SPACE[bytes[at] ?? 0] === 1) at++;
  return at;
}

/** Where the value of a name begins, `at` being behind the name's quote; -1 when there is none. */
function valueAfter(bytes: Uint8Array, at: number): number {
  // Most writers put no white space.
  if (bytes[at] === COLON && (bytes[at + 1] ?? 0) > 0x20) return at + 1;
  at = skipSpace(bytes, at);
  return bytes[at] === COLON ? skipSpace(bytes, at + 1) : -1;
}

function plainEnd(bytes: Uint8Array, at: number): number {
  while (PLAIN[bytes[at] ?? 0] === 1) at++;
  return at;
}
