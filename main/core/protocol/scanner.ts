/**
 * Trades in the default dialect's flat form straight out of a frame's bytes: no tree, no string but the
 * id. Anything else, however slight, is left to the tolerant decoder, which must give the same.
 */
import { SIDE_BUY, SIDE_SELL, SIDE_UNKNOWN } from '../flow/batch.ts';
import type { DecodedTrade } from './decode.ts';
import { narrowDigits, parseDecimal } from './decimal.ts';
import type { Dialect } from './dialect.ts';
import { Interner } from './intern.ts';
import { TimeScanner, parseTime } from './time.ts';
import { MAX_ID } from './tolerant.ts';

const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** 1 for the bytes that stand for themselves in a JSON string and are ASCII. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== 0x5c ? 1 : 0,
);

/** 1 for JSON's white space. */
const SPACE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 ? 1 : 0,
);

/** The payload's fields; each is a bit of the mask of those seen. */
const ID = 1;
const MARKET = 2;
const VENUE = 4;
const PAIR = 8;
const TIME = 16;
const PRICE = 32;
const SIZE = 64;
const SIDE = 128;
const NEEDED = MARKET | TIME | PRICE | SIZE;
/** The envelope's. */
const TYPE = 1;
const PAYLOAD = 2;

/** Powers of ten up to the last that leaves a digit room below 2^53. */
const POWERS = Float64Array.from({ length: 16 }, (_, power) => Number(`1e${power}`));
/** Decimals longer than this are left to `parseDecimal`, which has the limits. */
const SHORT_DECIMAL = 32;

export class TradeScanner {
  /** What the last successful `scan` found; the same object each time. */
  readonly trade: DecodedTrade = {
    market: '',
    exchangeTime: 0,
    priceDigits: 0,
    priceScale: 0,
    sizeDigits: 0,
    sizeScale: 0,
    side: SIDE_UNKNOWN,
    id: '',
  };
  readonly #markets = new Interner();
  readonly #times = new TimeScanner();
  /** The `type` that means a trade, and a quote; the others of a dialect that has several go the slower way. */
  readonly #type: Uint8Array | null;
  /** The decimal that was read last. */
  #digits: number | bigint = 0;
  #scale = 0;

  constructor(dialect: Dialect) {
    const type = Object.entries(dialect.types).find(([, kind]) => kind === 'trade')?.[0];
    const plain = type !== undefined && Buffer.from(type).every((byte) => PLAIN[byte] === 1);
    this.#type = plain ? Buffer.from(`${type}"`) : null;
  }

  /**
   * Reads the document that begins at `start` into `trade`.
   *
   * @returns where the next document begins or the frame ends; -1 when the document has another form.
   */
  scan(bytes: Buffer, start: number): number {
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
    if (bytes[at] !== CLOSE || seen !== (TYPE | PAYLOAD)) return -1;
    // Another document needs a line of its own.
    for (at++; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === 0x0a) return skipSpace(bytes, at);
      if (SPACE[byte] !== 1) return -1;
    }
    return at;
  }

  /** Reads the object that opens at `at`; gives the place behind it, or -1. */
  #payload(bytes: Buffer, at: number): number {
    const trade = this.trade;
    trade.id = '';
    trade.side = SIDE_UNKNOWN;
    let seen = 0;
    do {
      at = skipSpace(bytes, at + 1);
      const field = bytes[at] === QUOTE ? fieldAt(bytes, at + 1) : 0;
      if (field === 0 || (seen & field) !== 0) return -1;
      seen |= field;
      at = valueAfter(bytes, at + 1 + (NAME_LENGTHS[31 - Math.clz32(field)] ?? 0));
      if (bytes[at] !== QUOTE) return -1;
      const start = at + 1;
      if (field === PRICE) {
        at = this.#decimal(bytes, start);
        trade.priceDigits = this.#digits;
        trade.priceScale = this.#scale;
      } else if (field === SIZE) {
        at = this.#decimal(bytes, start);
        trade.sizeDigits = this.#digits;
        trade.sizeScale = this.#scale;
      } else {
        // Most times have milliseconds, 24 characters; a time that can be read has none that is not plain.
        at = field === TIME && bytes[start + 24] === QUOTE ? start + 24 : plainEnd(bytes, start);
        if (!this.#text(bytes, field, start, at)) return -1;
      }
      // Also stops at -1 of a decimal: there is no byte before the first.
      if (bytes[at] !== QUOTE) return -1;
      at = skipSpace(bytes, at + 1);
    } while (bytes[at] === COMMA);
    return bytes[at] === CLOSE && (seen & NEEDED) === NEEDED ? at + 1 : -1;
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
      trade.id = length === 0 ? '' : bytes.toString('latin1', start, end);
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

  /** Reads the decimal that begins at `start` to `#digits` and `#scale`; gives its closing quote, or -1. */
  #decimal(bytes: Buffer, start: number): number {
    let digits = 0;
    let scale = 0;
    let zeros = 0;
    let fraction = false;
    let exact = true;
    let at = start;
    for (; ; at++) {
      const byte = bytes[at] ?? 0;
      const digit = byte - 0x30;
      if (digit >= 0 && digit <= 9) {
        if (!fraction) digits = digits * 10 + digit;
        else if (digit === 0) zeros++;
        else {
          // Zeros of the fraction count once another digit follows; so trailing ones never do.
          const more = zeros + 1;
          if (more >= POWERS.length) exact = false;
          digits = digits * (POWERS[more] ?? 0) + digit;
          scale += more;
          zeros = 0;
        }
      } else if (byte === 0x2e && !fraction) fraction = true;
      else break;
    }
    if (bytes[at] !== QUOTE || at === start || (at === start + 1 && fraction)) return -1;
    // Beyond 2^53 - 1 the sum above has lost digits; what it rounded to is beyond as well.
    if (exact && digits <= Number.MAX_SAFE_INTEGER && at - start <= SHORT_DECIMAL) {
      this.#digits = digits;
      this.#scale = scale;
      return at;
    }
    const decimal = parseDecimal(bytes.toString('latin1', start, at));
    if (decimal === null) return -1;
    this.#digits = narrowDigits(decimal.digits);
    this.#scale = decimal.scale;
    return at;
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

/** `buy` or `sell` in any case; | 0x20 makes a letter small, and no other plain byte one of these. */
function sideAt(bytes: Uint8Array, at: number, length: number): number {
  const a = (bytes[at] ?? 0) | 0x20;
  const b = (bytes[at + 1] ?? 0) | 0x20;
  const c = (bytes[at + 2] ?? 0) | 0x20;
  if (length === 3 && a === 0x62 && b === 0x75 && c === 0x79) return SIDE_BUY;
  const d = (bytes[at + 3] ?? 0) | 0x20;
  if (length === 4 && a === 0x73 && b === 0x65 && c === 0x6c && d === 0x6c) return SIDE_SELL;
  return SIDE_UNKNOWN;
}
