/** Trade ids in the forms that exchanges give them, each in as few bytes as it has information. */
import type { ByteSink } from './integers.ts';
import { isOfFirstVersion } from './piece.ts';
import { getUuids, putUuids, UUID_WORDS } from './uuid-bits.ts';
import {
  ByteSource,
  getIntegers,
  getSigned,
  getSmall,
  putIntegers,
  putSigned,
  putSmall,
} from './integers.ts';

const NONE = 0;
/** Canonical: 36 characters, small letters. */
const UUID = 1;
/** A number without leading zeros, of up to 15 figures. */
const NUMBER = 2;
/** Such a one of up to 24 figures: `high` without the last nine, which are `low`. */
const LONG_NUMBER = 3;
/** Whatever else, as its bytes came. */
const TEXT = 4;

export interface IdColumn {
  readonly kind: Uint8Array;
  /** Both empty where no id is a number. */
  readonly high: Float64Array;
  readonly low: Float64Array;
  /** Four words a trade; little-endian, as every machine that Quipu runs on. */
  readonly uuid: Uint32Array;
  readonly text: Map<number, Uint8Array>;
}

const UUID_LENGTH = 36;
const DASH = 0x2d;
const ZERO = 0x30;
const SHORT_FIGURES = 15;
const LOW_FIGURES = 9;

const HEX = '0123456789abcdef';
/** Value of two small hexadecimal figures by their character codes, the first times 256; 256 for all else. */
const BYTES = new Uint16Array(65_536).fill(256);
for (let byte = 0; byte < 256; byte++) {
  BYTES[HEX.charCodeAt(byte >> 4) * 256 + HEX.charCodeAt(byte & 15)] = byte;
}
/** Where each of a UUID's 16 bytes begins in its text. */
const PLACES = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const PAIRS = Array.from({ length: 256 }, (_, byte) => (HEX[byte >> 4] ?? '') + (HEX[byte & 15] ?? ''));

// A leading U+FEFF belongs to an id.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** @param numbers whether there is room for ids that are numbers */
export function newIds(capacity: number, numbers = true): IdColumn {
  return {
    kind: new Uint8Array(capacity),
    high: new Float64Array(numbers ? capacity : 0),
    low: new Float64Array(numbers ? capacity : 0),
    uuid: new Uint32Array(capacity * UUID_WORDS),
    text: new Map(),
  };
}

/** The same column, with room for numbers. */
export function withNumbers(ids: IdColumn): IdColumn {
  const { length } = ids.kind;
  return { ...ids, high: new Float64Array(length), low: new Float64Array(length) };
}

export function growIds(ids: IdColumn, capacity: number): IdColumn {
  const grown = newIds(capacity);
  grown.kind.set(ids.kind);
  grown.high.set(ids.high);
  grown.low.set(ids.low);
  grown.uuid.set(ids.uuid);
  return { ...grown, text: ids.text };
}

/** Ids of the trades from `start` up to `end` (not included); a view. */
export function sliceIds({ kind, high, low, uuid, text }: IdColumn, start: number, end: number): IdColumn {
  return {
    kind: kind.subarray(start, end),
    high: high.subarray(start, end),
    low: low.subarray(start, end),
    uuid: uuid.subarray(start * UUID_WORDS, end * UUID_WORDS),
    text: sliceMap(text, start, end),
  };
}

/** What is noted of the trades from `start` up to `end` (not included), by their place from there. */
export function sliceMap<V>(map: ReadonlyMap<number, V>, start: number, end: number): Map<number, V> {
  const sliced = new Map<number, V>();
  for (const [index, value] of map) if (index >= start && index < end) sliced.set(index - start, value);
  return sliced;
}

/** Copies the numbers at `indices` to where `at` says and behind. For each kind its own: that is faster. */
export function gatherDoubles(from: Float64Array, indices: Uint32Array, to: Float64Array, at: number): void {
  for (let index = 0; index < indices.length; index++) to[at + index] = from[indices[index] ?? 0] ?? 0;
}

export function gatherBytes(from: Uint8Array, indices: Uint32Array, to: Uint8Array, at: number): void {
  for (let index = 0; index < indices.length; index++) to[at + index] = from[indices[index] ?? 0] ?? 0;
}

/** The same of what is noted of few. */
export function gatherMap<V>(
  from: ReadonlyMap<number, V>,
  indices: Uint32Array,
  to: Map<number, V>,
  at: number,
): void {
  if (from.size === 0) return;
  for (let index = 0; index < indices.length; index++) {
    const value = from.get(indices[index] ?? 0);
    if (value !== undefined) to.set(at + index, value);
  }
}

export function gatherIds(from: IdColumn, indices: Uint32Array, to: IdColumn, at: number): void {
  gatherBytes(from.kind, indices, to.kind, at);
  gatherMap(from.text, indices, to.text, at);
  // Those of UUIDs alone have no numbers.
  if (from.high.length > 0) {
    gatherDoubles(from.high, indices, to.high, at);
    gatherDoubles(from.low, indices, to.low, at);
  }
  for (let index = 0; index < indices.length; index++) {
    const of = indices[index] ?? 0;
    if (from.kind[of] === UUID) copyUuid(from.uuid, of, to.uuid, at + index);
  }
}

/** Copies the first `count` ids but for texts to where `places` says. */
export function scatterIds(from: IdColumn, places: Uint32Array, count: number, to: IdColumn): void {
  const { kind, high, low, uuid } = from;
  for (let index = 0; index < count; index++) {
    const at = places[index] ?? 0;
    to.kind[at] = kind[index] ?? 0;
    copyUuid(uuid, index, to.uuid, at);
  }
  if (high.length === 0) return;
  for (let index = 0; index < count; index++) {
    const at = places[index] ?? 0;
    to.high[at] = high[index] ?? 0;
    to.low[at] = low[index] ?? 0;
  }
}

function copyUuid(from: Uint32Array, index: number, to: Uint32Array, at: number): void {
  const start = index * UUID_WORDS;
  const stop = at * UUID_WORDS;
  to[stop] = from[start] ?? 0;
  to[stop + 1] = from[start + 1] ?? 0;
  to[stop + 2] = from[start + 2] ?? 0;
  to[stop + 3] = from[start + 3] ?? 0;
}

/** Takes the id that is the bytes from `start` up to `end` (not included) as that of trade `index`. */
export function readId(ids: IdColumn, index: number, bytes: Uint8Array, start: number, end: number): void {
  if (!readUuid(ids, index, bytes, start, end)) readOther(ids, index, bytes, start, end);
}

/** The same of an id that is no UUID. */
export function readOther(ids: IdColumn, index: number, bytes: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length === 0) ids.kind[index] = NONE;
  else if (length <= SHORT_FIGURES + LOW_FIGURES && isNumber(bytes, start, end)) {
    if (length <= SHORT_FIGURES) {
      ids.kind[index] = NUMBER;
      ids.high[index] = numberIn(bytes, start, end);
    } else {
      ids.kind[index] = LONG_NUMBER;
      ids.high[index] = numberIn(bytes, start, end - LOW_FIGURES);
      ids.low[index] = numberIn(bytes, end - LOW_FIGURES, end);
    }
  } else {
    ids.kind[index] = TEXT;
    ids.text.set(index, bytes.slice(start, end));
  }
}

/** The same of a UUID, which needs no room for numbers. @returns false for what is none */
export function readUuid(
  { kind, uuid }: IdColumn,
  index: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (
    end - start !== UUID_LENGTH ||
    bytes[start + 8] !== DASH ||
    bytes[start + 13] !== DASH ||
    bytes[start + 18] !== DASH ||
    bytes[start + 23] !== DASH
  ) {
    return false;
  }
  let all = 0;
  for (let word = 0; word < UUID_WORDS; word++) {
    let value = 0;
    for (let byte = 0; byte < 4; byte++) {
      const place = start + (PLACES[word * 4 + byte] ?? 0);
      const pair = BYTES[(bytes[place] ?? 0) * 256 + (bytes[place + 1] ?? 0)] ?? 256;
      all |= pair;
      value |= pair << (byte * 8);
    }
    uuid[index * UUID_WORDS + word] = value;
  }
  if (all > 255) return false;
  kind[index] = UUID;
  return true;
}

/** Whether the number's text is the one that it would be written as. */
function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] === ZERO) return end - start === 1;
  for (let at = start; at < end; at++) {
    const figure = (bytes[at] ?? 0) - ZERO;
    if (figure < 0 || figure > 9) return false;
  }
  return true;
}

function numberIn(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (bytes[at] ?? 0) - ZERO;
  return value;
}

/** Empty when the trade came without one. */
export function idText({ kind, high, low, uuid, text }: IdColumn, index: number): string {
  switch (kind[index]) {
    case UUID:
      return uuidText(uuid, index * UUID_WORDS);
    case NUMBER:
      return String(high[index]);
    case LONG_NUMBER:
      return `${high[index]}${String(low[index]).padStart(LOW_FIGURES, '0')}`;
    case TEXT:
      return decoder.decode(text.get(index));
    default:
      return '';
  }
}

function uuidText(uuid: Uint32Array, at: number): string {
  const pair = (byte: number): string =>
    PAIRS[((uuid[at + (byte >> 2)] ?? 0) >>> ((byte & 3) * 8)) & 255] ?? '';
  return (
    `${pair(0)}${pair(1)}${pair(2)}${pair(3)}-${pair(4)}${pair(5)}-${pair(6)}${pair(7)}-` +
    `${pair(8)}${pair(9)}-${pair(10)}${pair(11)}${pair(12)}${pair(13)}${pair(14)}${pair(15)}`
  );
}

/**
 * A number is written as its distance from the one before it of its market, since exchanges count.
 *
 * @param market of each trade, below `markets`
 * @param packs whether UUIDs are written without what they have in common
 */
export function putIds(
  sink: ByteSink,
  ids: IdColumn,
  count: number,
  market: Uint32Array,
  markets: number,
  packs: boolean,
): void {
  putSmall(sink, ids.kind, count);
  const { kind, high, low, text } = ids;
  const words = uuidsOf(ids, count);
  if (words.length > 0) putUuids(sink, words, packs);
  if (words.length === count * UUID_WORDS) return;
  const numbers = new Float64Array(count);
  // The first is written by itself, so that the differences of ids that count on evenly are all one.
  const first = kind.findIndex((each) => each === NUMBER || each === LONG_NUMBER);
  const last = new Float64Array(markets).fill(high[first] ?? 0);
  sink.varint(high[first] ?? 0);
  const lows = new Float64Array(count);
  let numbered = 0;
  let long = 0;
  for (let index = 0; index < count; index++) {
    const each = kind[index];
    if (each === NUMBER || each === LONG_NUMBER) {
      const value = high[index] ?? 0;
      const of = market[index] ?? 0;
      numbers[numbered++] = value - (last[of] ?? 0);
      last[of] = value;
      if (each === LONG_NUMBER) lows[long++] = low[index] ?? 0;
    } else if (each === TEXT) {
      const bytes = text.get(index) ?? new Uint8Array(0);
      sink.varint(bytes.length);
      sink.append(bytes);
    }
  }
  putSigned(sink, numbers.subarray(1), Math.max(0, numbered - 1));
  putIntegers(sink, lows, long);
}

/** The words of the UUIDs alone. */
function uuidsOf({ kind, uuid }: IdColumn, count: number): Uint32Array {
  let uuids = 0;
  for (let index = 0; index < count; index++) if (kind[index] === UUID) uuids++;
  if (uuids === count) return uuid.subarray(0, count * UUID_WORDS);
  const words = new Uint32Array(uuids * UUID_WORDS);
  uuids = 0;
  for (let index = 0; index < count; index++) if (kind[index] === UUID) copyUuid(uuid, index, words, uuids++);
  return words;
}

/** @throws {RangeError} when the bytes are not what putIds writes */
export function getIds(source: ByteSource, count: number, market: Uint32Array, markets: number): IdColumn {
  const kind = new Uint8Array(count);
  getSmall(source, count, kind);
  const { bytes } = source;
  let uuids = 0;
  for (const each of kind) if (each === UUID) uuids++;
  const words = uuids === 0 ? new Uint32Array(0) : wordsOf(source, uuids);
  if (uuids === count) {
    const none = new Float64Array(0);
    return { kind, high: none, low: none, uuid: words, text: new Map() };
  }
  const ids = { ...newIds(count), kind };
  uuids = 0;
  const first = source.varint();
  let numbered = 0;
  let long = 0;
  for (let index = 0; index < count; index++) {
    const each = kind[index];
    if (each === NUMBER) numbered++;
    else if (each === LONG_NUMBER) {
      numbered++;
      long++;
    } else if (each === UUID) {
      copyUuid(words, uuids++, ids.uuid, index);
    } else if (each === TEXT) {
      const start = source.skip(source.varint());
      ids.text.set(index, bytes.subarray(start, source.at));
    } else if (each !== NONE) {
      throw new RangeError('an id is of no known kind');
    }
  }
  const numbers = new Float64Array(numbered);
  const lows = new Float64Array(long);
  getSigned(source, Math.max(0, numbered - 1), numbers.subarray(1));
  getIntegers(source, long, lows);
  const last = new Float64Array(markets).fill(first);
  numbered = 0;
  long = 0;
  for (let index = 0; index < count; index++) {
    const each = kind[index];
    if (each !== NUMBER && each !== LONG_NUMBER) continue;
    const of = market[index] ?? 0;
    const value = (last[of] ?? 0) + (numbers[numbered++] ?? 0);
    last[of] = value;
    ids.high[index] = value;
    if (each === LONG_NUMBER) ids.low[index] = lows[long++] ?? 0;
  }
  return ids;
}

function wordsOf(source: ByteSource, uuids: number): Uint32Array {
  if (!isOfFirstVersion(source)) return getUuids(source, uuids);
  const words = new Uint32Array(uuids * UUID_WORDS);
  const start = source.skip(words.byteLength);
  new Uint8Array(words.buffer).set(source.bytes.subarray(start, source.at));
  return words;
}
