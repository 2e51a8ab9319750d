/**
 * The decoder that understands every form of a message that the protocol page accepts. Slower than the
 * scanner, and the measure of what it must give.
 */
import type { Granularity, Micros } from '../contract.ts';
import { SIDE_BUY, SIDE_SELL, SIDE_UNKNOWN } from '../flow/batch.ts';
import { GRANULARITY_MS } from '../contract.ts';
import type { DecodedTrade, FrameSink, MarketLookup } from './decode.ts';
import { canonicalDecimal, narrowDigits, parseDecimal } from './decimal.ts';
import type { Dialect, MessageKind } from './dialect.ts';
import { fieldsOf, fieldsWithin, first, isKnown, textOf } from './fields.ts';
import type { FieldName, Fields } from './fields.ts';
import { JsonObject, JsonParser, MAX_FRAME } from './json.ts';
import type { JsonValue } from './json.ts';
import { parseTime } from './time.ts';
import { cleanWords } from './words.ts';

/** Longest market id and trade id, in UTF-16 units. */
export const MAX_ID = 256;
/** Characters of a refused thing that are kept. */
const SAMPLE = 300;
/** Refusals of one frame that carry a sample; the others are only counted. */
const MOST_SAMPLES = 20;
/** Broken documents after which the rest of a frame is given up, as part of the last. */
const MOST_BROKEN = 1000;
/** The same for refusals of any kind: a frame of 16 MiB could hold five million, each told on its own. */
const MOST_REFUSED = 10_000;
/** Markets of one answer, and errors in its words, that are read. */
const MOST_NAMED = 10_000;
const MOST_ERRORS = 20;
/** Half of a surrogate pair: text that UTF-8 cannot hold, so that it could not be kept exactly. */
const LONE_SURROGATE = /[\ud800-\udfff]/u;

export const VENUES = ['marketvenue', 'marketvenueid', 'exchange', 'venue'] as const;
export const PAIRS = ['pairid', 'pair'] as const;
export const TIMES = ['timestamp', 'timeexchange', 'starttime', 'time'] as const;
export const CANDLE_TIMES = ['starttime', 'timestamp', 'timeexchange', 'time'] as const;
export const SIZES = ['size', 'volume', 'amount', 'quantity', 'qty'] as const;
export const VOLUMES = ['volume', 'size', 'amount', 'quantity', 'qty'] as const;
export const COUNTS = ['trades', 'tradecount', 'tradescount', 'count'] as const;
export const FINALS = ['final', 'isfinal', 'closed', 'isclosed', 'complete', 'iscomplete'] as const;
export const IDS = ['id', 'tradeid'] as const;
export const SIDES = ['side', 'takerside'] as const;
const CONTAINERS = ['data', 'trades', 'items'] as const;

type DataKind = 'trade' | 'candle';

/**
 * What told a message's kind: the dialect's `types`, a traceId that waits, an error's words, the fields
 * of its payload, or nothing.
 */
export type Judged = 'type' | 'traceId' | 'words' | 'shape' | 'nothing';

/** For who wants to know why. Told before the calls of the sink that it explains. */
export interface DecodeTrace {
  /** The object's known fields, in a form that notes which of them are read. */
  fields(object: JsonObject, granularity: string | null): Fields;
  judged(by: Judged, type: string | null): void;
  /** The item that is read next. @param name of its granularity, when it stands in `metrics{}` */
  item(scope: Scope, name: string | null): void;
}

/** An object, and those around it from which it inherits market, time and granularity. */
export class Scope {
  readonly fields: Fields;
  readonly outer: Scope | null;
  /** The frame's own fields: their time is the server's, not the exchange's. */
  readonly envelope: boolean;
  // Kept, so that a thousand items do not read what is around them a thousand times.
  #market: string | null | undefined;
  #nested: Fields | null | undefined;

  constructor(fields: Fields, outer: Scope | null, envelope = false) {
    this.fields = fields;
    this.outer = outer;
    this.envelope = envelope;
  }

  /** The market's id, its own or the nearest around it. */
  get market(): string | null {
    if (this.#market === undefined) {
      const { fields, nested, outer } = this;
      const own =
        nested === null
          ? idOf(fields.get('marketid') ?? fields.get('market'))
          : idOf(fields.get('marketid') ?? nested.get('id') ?? nested.get('marketid'));
      this.#market = own ?? outer?.market ?? null;
    }
    return this.#market;
  }

  /** Venue or pair: in the object, in its `market{}`, or around it. */
  part(names: readonly FieldName[]): string | null {
    const value = first(this.fields, names) ?? (this.nested === null ? undefined : first(this.nested, names));
    const id = value instanceof JsonObject ? fieldsOf(value).get('id') : value;
    return idOf(id) ?? this.outer?.part(names) ?? null;
  }

  /** Fields of `market{}`. */
  get nested(): Fields | null {
    if (this.#nested === undefined) {
      const market = this.fields.get('market');
      this.#nested = market instanceof JsonObject ? fieldsWithin(this.fields, market) : null;
    }
    return this.#nested;
  }
}

type Mutable<T> = { -readonly [N in keyof T]: T[N] };

/** Thrown inside this file alone: the item at hand is refused, its siblings are not. */
class ItemRefused extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** Never throws but what the sink throws. */
export class TolerantDecoder {
  readonly #parser = new JsonParser();
  readonly #types: ReadonlyMap<string, MessageKind>;
  readonly #candleTime: Dialect['candleTime'];
  /** What the dialect calls the granularity, when no message would be understood by that. */
  readonly #granularity: string | null;
  readonly #lookup: MarketLookup | null;
  readonly #trace: DecodeTrace | null;
  readonly #trade: Mutable<DecodedTrade> = {
    market: '',
    exchangeTime: 0,
    priceDigits: 0,
    priceScale: 0,
    sizeDigits: 0,
    sizeScale: 0,
    side: SIDE_UNKNOWN,
    id: '',
  };
  #frame: Buffer = Buffer.alloc(0);
  #sink: FrameSink = NO_SINK;
  #pending: (traceId: string) => boolean = () => false;
  #samples = 0;

  constructor(dialect: Dialect, lookup: MarketLookup | null, trace: DecodeTrace | null = null) {
    this.#types = new Map(Object.entries(dialect.types));
    this.#candleTime = dialect.candleTime;
    this.#granularity = isKnown(dialect.granularityField) ? null : dialect.granularityField;
    this.#lookup = lookup;
    this.#trace = trace;
  }

  /** Decodes frame[start..], which begins at a document. */
  decode(frame: Buffer, start: number, pending: (traceId: string) => boolean, sink: FrameSink): void {
    this.#frame = frame;
    this.#sink = sink;
    this.#pending = pending;
    this.#samples = 0;
    try {
      this.#documents(start);
    } finally {
      this.#frame = NOTHING;
      this.#sink = NO_SINK;
    }
  }

  #documents(start: number): void {
    const frame = this.#frame;
    if (frame.length > MAX_FRAME) {
      this.#refuse('size', start, frame.length);
      return;
    }
    // A byte order mark is no part of JSON, but some writers put one.
    if (start === 0 && frame[0] === 0xef && frame[1] === 0xbb && frame[2] === 0xbf) start = 3;
    let at = skipSpace(frame, start);
    if (at === frame.length) {
      this.#refuse('json', start, frame.length);
      return;
    }
    // A document may span lines until one is broken. From there on each line is its own, so that
    // what stands on the others is not lost; and so each byte is read at most twice.
    let lines = false;
    let broken = 0;
    while (at < frame.length) {
      const lineEnd = endOfLine(frame, at);
      const value = this.#parser.read(frame, at, lines ? lineEnd : frame.length);
      const end = value === undefined ? -1 : endOfDocument(frame, this.#parser.at);
      if (value !== undefined && end >= 0) {
        this.#document(value, at, end);
        if (this.#samples >= MOST_REFUSED) return;
        at = skipSpace(frame, end);
        continue;
      }
      const reason = value === undefined ? this.#parser.failure : 'json';
      lines = true;
      this.#refuse(reason, at, lineEnd);
      if (++broken === MOST_BROKEN) return;
      // The rest of a broken document that spans lines is part of it, but for lines that look like one.
      at = skipSpace(frame, lineEnd);
      while (at < frame.length && frame[at] !== 0x7b && frame[at] !== 0x5b) {
        at = skipSpace(frame, endOfLine(frame, at));
      }
    }
  }

  #document(value: JsonValue, start: number, end: number): void {
    if (!Array.isArray(value)) {
      this.#message(value, start, end);
      return;
    }
    for (const each of value) this.#message(each, start, end);
  }

  /** One message; `start` and `end` say where it stands when the value itself does not. */
  #message(value: JsonValue, start: number, end: number): void {
    const trace = this.#trace;
    if (!(value instanceof JsonObject)) {
      trace?.judged('nothing', null);
      this.#refuse('shape', start, end);
      return;
    }
    const fields = this.#fieldsOf(value);
    const type = textOf(fields.get('type'));
    const traceId = textOf(fields.get('traceid'));
    const named = type === null ? undefined : this.#types.get(type);
    const enveloped = fields.has('payload');
    const payload = enveloped ? (fields.get('payload') ?? null) : value;
    const inner = payload instanceof JsonObject && payload !== value ? this.#fieldsOf(payload) : null;
    const body = inner ?? (enveloped ? null : fields);
    const shaped = looksLikeData(payload, body);

    if (named === 'error' || (named !== 'ack' && !shaped && (isError(fields) || isError(inner)))) {
      trace?.judged(named === 'error' ? 'type' : 'words', type);
      this.#answer(traceId, false, fields, inner);
      return;
    }
    const waited = traceId !== null && this.#pending(traceId);
    if (named === 'ack' || waited) {
      trace?.judged(named === 'ack' ? 'type' : 'traceId', type);
      this.#answer(traceId, true, fields, inner);
    }
    if (named === 'ack') return;
    if (named === undefined) {
      // An acknowledgement may echo fields of the request, so it must have a time to be data as well.
      if (waited && !(shaped && hasTime(payload, body))) return;
      if (!waited && !shaped) {
        trace?.judged('nothing', type);
        if (type === null) this.#refuse('shape', value.start, value.end);
        else this.#sink.unknown(cleanWords(type, 100));
        return;
      }
    }
    trace?.judged(named === undefined ? 'shape' : 'type', type);
    const outer = new Scope(fields, null, true);
    this.#items(payload, named, enveloped ? outer : null, value.start, value.end);
  }

  #fieldsOf(object: JsonObject): Fields {
    const granularity = this.#granularity;
    return this.#trace === null ? fieldsOf(object, granularity) : this.#trace.fields(object, granularity);
  }

  #answer(traceId: string | null, good: boolean, fields: Fields, inner: Fields | null): void {
    this.#sink.answer({
      traceId,
      ok: good,
      markets: namedMarkets(inner ?? fields, this.#lookup),
      words: wordsOf(inner) ?? wordsOf(fields),
    });
  }

  /** A payload: an item, an array of items, or an object that holds them. */
  #items(
    value: JsonValue,
    kind: DataKind | undefined,
    outer: Scope | null,
    start: number,
    end: number,
  ): void {
    if (Array.isArray(value)) {
      for (const each of value) {
        if (each instanceof JsonObject) this.#items(each, kind, outer, each.start, each.end);
        else this.#refuse('shape', start, end);
      }
      return;
    }
    if (!(value instanceof JsonObject)) {
      this.#refuse('shape', start, end);
      return;
    }
    const scope = new Scope(this.#fieldsOf(value), outer);
    const held = heldItems(scope.fields);
    if (held !== undefined) {
      this.#items(held, kind, scope, value.start, value.end);
      return;
    }
    const metrics = scope.fields.get('metrics');
    if (metrics instanceof JsonObject) {
      this.#metrics(metrics, scope);
      return;
    }
    try {
      const itemKind = kind ?? shapeOf(scope.fields);
      if (itemKind === 'candle') this.#candle(scope, null);
      else if (itemKind === 'trade') this.#oneTrade(scope);
      else this.#refuse('shape', value.start, value.end);
    } catch (thrown) {
      this.#refused(thrown, value);
    }
  }

  /** `metrics: {"1m": {...}, "1h": {...}}`: a candle for each granularity. */
  #metrics(metrics: JsonObject, outer: Scope): void {
    for (const [index, name] of metrics.names.entries()) {
      const value = metrics.values[index];
      if (!(value instanceof JsonObject)) {
        this.#refuse('shape', metrics.start, metrics.end);
        continue;
      }
      try {
        this.#candle(new Scope(this.#fieldsOf(value), outer), name);
      } catch (thrown) {
        this.#refused(thrown, value);
      }
    }
  }

  #oneTrade(scope: Scope): void {
    this.#trace?.item(scope, null);
    const fields = scope.fields;
    const trade = this.#trade;
    trade.market = this.#market(scope);
    trade.exchangeTime = timeIn(scope, TIMES).time;
    const price = decimalOf(fields.get('price')) ?? refuse('price');
    const size = decimalOf(first(fields, SIZES)) ?? refuse('size');
    trade.priceDigits = narrowDigits(price.digits);
    trade.priceScale = price.scale;
    trade.sizeDigits = narrowDigits(size.digits);
    trade.sizeScale = size.scale;
    trade.side = sideOf(fields);
    const id = first(fields, IDS);
    trade.id = id === undefined || id === '' ? '' : (idOf(id) ?? refuse('id'));
    this.#sink.trade(trade);
  }

  #candle(scope: Scope, name: string | null): void {
    this.#trace?.item(scope, name);
    const fields = scope.fields;
    const market = this.#market(scope);
    const granularity =
      granularityOf(name ?? textOf(inherited(scope, 'granularity'))) ?? refuse('granularity');
    const open = priceOf(fields, 'open');
    const high = priceOf(fields, 'high');
    const low = priceOf(fields, 'low');
    const close = priceOf(fields, 'close') ?? priceOf(fields, 'price');
    const vwap = priceOf(fields, 'vwap');
    const trades = countOf(fields);
    const volume = first(fields, VOLUMES);
    const empty = open === null && high === null && low === null && close === null && vwap === null;
    this.#sink.candle({
      market,
      granularity,
      start: this.#start(scope, granularity),
      open,
      high,
      low,
      close,
      // Without a trade there is no volume to tell; with one, zero would be untrue.
      volume: volume === undefined && empty ? '0' : (quantityOf(volume) ?? refuse('size')),
      vwap,
      trades,
      final: FINALS.some((flag) => isTrue(fields.get(flag)) === true),
    });
  }

  #start(scope: Scope, granularity: Granularity): Micros {
    const { time, name } = timeIn(scope, CANDLE_TIMES);
    // A field that calls itself the start is the start, whatever the dialect says of `timestamp`.
    return this.#candleTime === 'start' || name === 'starttime'
      ? time
      : time - GRANULARITY_MS[granularity] * 1000;
  }

  #market(scope: Scope): string {
    const market = scope.market;
    return market ?? lookedUp(scope, this.#lookup) ?? refuse('market');
  }

  #refused(thrown: unknown, item: JsonObject): void {
    if (!(thrown instanceof ItemRefused)) throw thrown;
    this.#refuse(thrown.reason, item.start, item.end);
  }

  #refuse(reason: string, start: number, end: number): void {
    let sample = '';
    if (this.#samples++ < MOST_SAMPLES) {
      // A character has at most 4 bytes; twice as many leave room for what cleaning takes out.
      const bytes = this.#frame.subarray(start, Math.min(end, start + SAMPLE * 8));
      sample = cleanWords(bytes.toString('utf8'), SAMPLE);
    }
    this.#sink.refused({ reason, sample });
  }
}

const NOTHING = Buffer.alloc(0);
const NO_SINK: FrameSink = {
  trade: () => undefined,
  candle: () => undefined,
  answer: () => undefined,
  unknown: () => undefined,
  refused: () => undefined,
};

/** One of each, since a stack trace for each of 100,000 bad items would take seconds. */
const refusals = new Map<string, ItemRefused>();

function refuse(reason: string): never {
  const refusal = refusals.get(reason) ?? new ItemRefused(reason);
  refusals.set(reason, refusal);
  throw refusal;
}

function skipSpace(frame: Uint8Array, at: number): number {
  for (; at < frame.length; at++) {
    const byte = frame[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
  }
  return at;
}

/** Where the line of `at` ends: at its line feed or at the frame's end. */
function endOfLine(frame: Uint8Array, at: number): number {
  const end = frame.indexOf(0x0a, at);
  return end < 0 ? frame.length : end;
}

/** `at` when nothing but white space stands behind it on its line, else -1. */
function endOfDocument(frame: Uint8Array, at: number): number {
  for (let i = at; i < frame.length; i++) {
    const byte = frame[i];
    if (byte === 0x0a) return at;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return -1;
  }
  return at;
}

/** An array or object that holds the items, if this object is not an item itself. */
function heldItems(fields: Fields): JsonValue | undefined {
  if (fields.has('price') || fields.has('open') || fields.has('vwap')) return undefined;
  for (const name of CONTAINERS) {
    const value = fields.get(name);
    if (Array.isArray(value) || (name === 'data' && value instanceof JsonObject)) return value;
  }
  return undefined;
}

/** By shape, as the protocol page orders it: any of open/high/low/vwap/trades, else price with size. */
function shapeOf(fields: Fields): DataKind | null {
  if (fields.has('open') || fields.has('high') || fields.has('low') || fields.has('vwap')) return 'candle';
  if (fields.has('tradecount') || fields.has('tradescount')) return 'candle';
  const trades = fields.get('trades');
  if (trades !== undefined && !(trades instanceof JsonObject) && !Array.isArray(trades)) return 'candle';
  if (fields.has('price') && SIZES.some((name) => fields.has(name))) return 'trade';
  return null;
}

/** The first item of a payload, or the payload itself. */
function firstItem(payload: JsonValue, body: Fields | null): Fields | null {
  let value: JsonValue | undefined = payload;
  let fields = body;
  for (;;) {
    if (Array.isArray(value)) {
      value = value.find((each) => each instanceof JsonObject);
      fields = null;
    }
    if (!(value instanceof JsonObject)) return null;
    fields ??= fieldsOf(value);
    const held = heldItems(fields);
    if (held === undefined) return fields;
    value = held;
    fields = null;
  }
}

function looksLikeData(payload: JsonValue, body: Fields | null): boolean {
  const item = firstItem(payload, body);
  return item !== null && (shapeOf(item) !== null || item.get('metrics') instanceof JsonObject);
}

function hasTime(payload: JsonValue, body: Fields | null): boolean {
  const item = firstItem(payload, body);
  return item !== null && first(item, TIMES) !== undefined;
}

/** `code`, `message` or `errors` that say something. */
function isError(fields: Fields | null): boolean {
  if (fields === null) return false;
  for (const name of ['code', 'message', 'errors'] as const) {
    const value = fields.get(name);
    if (value === undefined || value === null || value === '' || value === false) continue;
    if (!Array.isArray(value) || value.length > 0) return true;
  }
  return false;
}

function wordsOf(fields: Fields | null): string | null {
  if (fields === null) return null;
  const words = [textOf(fields.get('code')), textOf(fields.get('message'))].filter((each) => each !== null);
  const text = words.length > 0 ? words.join(': ') : errorsOf(fields.get('errors'));
  const cleaned = text === null ? '' : cleanWords(text);
  return cleaned === '' ? null : cleaned;
}

function errorsOf(errors: JsonValue | undefined): string | null {
  const list = Array.isArray(errors) ? errors.slice(0, MOST_ERRORS) : errors === undefined ? [] : [errors];
  const words = list
    .map((each) => (each instanceof JsonObject ? wordsOf(fieldsOf(each)) : textOf(each)))
    .filter((each) => each !== null);
  return words.length === 0 ? null : words.join('; ');
}

function namedMarkets(fields: Fields, lookup: MarketLookup | null): string[] {
  const value = first(fields, ['marketids', 'marketid', 'markets', 'market']);
  const list = Array.isArray(value) ? value.slice(0, MOST_NAMED) : value === undefined ? [] : [value];
  const named = list
    .map((each) => {
      if (!(each instanceof JsonObject)) return idOf(each);
      const nested = fieldsOf(each);
      return idOf(nested.get('id') ?? nested.get('marketid')) ?? lookedUp(new Scope(nested, null), lookup);
    })
    .filter((id) => id !== null);
  if (named.length > 0) return named;
  const id = lookedUp(new Scope(fields, null), lookup);
  return id === null ? [] : [id];
}

/** The market of a venue and pair, which only the dictionary can turn into an id. */
function lookedUp(scope: Scope, lookup: MarketLookup | null): string | null {
  const venue = lookup === null ? null : scope.part(VENUES);
  const pair = venue === null ? null : scope.part(PAIRS);
  return venue === null || pair === null ? null : (lookup?.(venue, pair) ?? null);
}

/** An id as text, exact: null when it is no string or number, too long, or not to be held in UTF-8. */
function idOf(value: JsonValue | undefined): string | null {
  const text = textOf(value);
  return text === null || text.length > MAX_ID || LONE_SURROGATE.test(text) ? null : text;
}

function inherited(scope: Scope, name: FieldName): JsonValue | undefined {
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    const value = at.fields.get(name);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** The nearest time, and the field that it is in. @throws {ItemRefused} */
function timeIn(scope: Scope, names: readonly FieldName[]): { time: Micros; name: FieldName } {
  for (let at: Scope | null = scope; at !== null && !at.envelope; at = at.outer) {
    for (const name of names) {
      const value = at.fields.get(name);
      if (value === undefined || value === null) continue;
      const text = textOf(value);
      return { time: (text === null ? null : parseTime(text)) ?? refuse('time'), name };
    }
  }
  return refuse('time');
}

function granularityOf(text: string | null): Granularity | null {
  return text === '1m' || text === '1h' ? text : null;
}

/** A decimal that is not negative. */
function decimalOf(value: JsonValue | undefined): { digits: bigint; scale: number } | null {
  const text = textOf(value);
  const decimal = text === null ? null : parseDecimal(text);
  return decimal === null || decimal.digits < 0n ? null : decimal;
}

function quantityOf(value: JsonValue | undefined): string | null {
  const text = textOf(value);
  const decimal = text === null ? null : canonicalDecimal(text);
  return decimal === null || decimal.startsWith('-') ? null : decimal;
}

/** A price of a candle; null when there is none. @throws {ItemRefused} */
function priceOf(fields: Fields, name: FieldName): string | null {
  const value = fields.get(name);
  return value === undefined || value === null ? null : (quantityOf(value) ?? refuse('price'));
}

/** A count of trades; 0 when it is not told. @throws {ItemRefused} */
function countOf(fields: Fields): number {
  for (const name of COUNTS) {
    const value = fields.get(name);
    if (textOf(value) === null) continue;
    const text = quantityOf(value);
    const count = text === null || text.includes('.') ? NaN : Number(text);
    return Number.isSafeInteger(count) ? count : refuse('count');
  }
  return 0;
}

function isTrue(value: JsonValue | undefined): boolean | null {
  if (typeof value === 'boolean') return value;
  const text = textOf(value)?.toLowerCase();
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' ? false : null;
}

function sideOf(fields: Fields): number {
  const side = textOf(first(fields, SIDES))?.toLowerCase();
  if (side === 'buy') return SIDE_BUY;
  if (side === 'sell') return SIDE_SELL;
  const buys = isTrue(fields.get('isbuyside'));
  if (buys !== null) return buys ? SIDE_BUY : SIDE_SELL;
  // The maker bought, so the taker sold.
  const buyerMakes = isTrue(fields.get('isbuyermaker'));
  if (buyerMakes !== null) return buyerMakes ? SIDE_SELL : SIDE_BUY;
  return SIDE_UNKNOWN;
}
