/**
 * Columns of whole numbers as bits: how far each lies above the smallest, in blocks. A block has a width in
 * bits for all of its numbers, and lists what the few have beyond it that are larger; or where sizes differ
 * too much for that, each number takes as many bytes as it needs.
 *
 * All numbers are doubles that hold a whole number; a column's lie within 2^53 of each other.
 */

/** Little-endian, as every machine that Quipu runs on. */
const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

/** What is written into; grows by itself. */
export class ByteSink {
  bytes: Uint8Array<ArrayBuffer>;
  at = 0;

  constructor(room = 1 << 16) {
    this.bytes = new Uint8Array(room);
  }

  /** Makes sure that `more` bytes fit behind `at`. */
  reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + more));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  /** @param value 0 to 2^53 - 1 */
  varint(value: number): void {
    this.reserve(LONGEST_VARINT);
    this.at = putVarint(this.bytes, this.at, value);
  }

  double(value: number): void {
    double[0] = value;
    this.append(doubleBytes);
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** What was written, until more is. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.at);
  }
}

/** Reads what a ByteSink wrote. @throws {RangeError} at the end of the bytes */
export class ByteSource {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.at = start;
    this.end = end;
  }

  byte(): number {
    return this.bytes[this.skip(1)] ?? 0;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
      if (factor > LARGEST_FACTOR) throw new RangeError('a number is too long');
    }
  }

  double(): number {
    const start = this.skip(doubleBytes.length);
    doubleBytes.set(this.bytes.subarray(start, this.at));
    return double[0] ?? 0;
  }

  /** Goes on behind the next `length` bytes and gives the place where they begin. */
  skip(length: number): number {
    const start = this.at;
    if (start + length > this.end) throw new RangeError('the bytes end too early');
    this.at = start + length;
    return start;
  }
}

/** 56 bits, more than any whole number that a double holds. */
const LONGEST_VARINT = 8;
const LARGEST_FACTOR = 128 ** (LONGEST_VARINT - 1);
/** Numbers of a block; the place of one in it takes a byte. */
const BLOCK = 128;
/** Bits that are handled at once: with up to 7 left of the byte before they must fit into 32. */
const PART = 24;
const PART_FACTOR = 2 ** PART;
/** The widest a block can be: two parts. What a number has beyond that is listed. */
const WIDEST = 2 * PART;
/** In place of a width: the numbers as they are. */
const VARINTS = 255;
const MOST_BITS = 53;
const TWO_32 = 2 ** 32;

/** All numbers of a column are the same. */
const SAME = 0;
const BLOCKS = 1;

function putVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value > 0x7fff_ffff) {
    const rest = Math.floor(value / 128);
    bytes[at++] = value - rest * 128 + 128;
    value = rest;
  }
  let small = value | 0;
  while (small > 127) {
    bytes[at++] = (small & 127) | 128;
    small >>>= 7;
  }
  bytes[at++] = small;
  return at;
}

/** 0, -1, 1, -2, ... as 0, 1, 2, 3, ... */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(value: number): number {
  // The remainder of a double costs more than all the rest of reading it.
  if (value <= 0x7fff_ffff) return (value >>> 1) ^ -(value & 1);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Of a number from 0 to 2^53 - 1. */
export function bitsOf(value: number): number {
  return value < TWO_32 ? 32 - Math.clz32(value) : 64 - Math.clz32(value / TWO_32);
}

const block = new Float64Array(BLOCK);
/** The same of columns whose numbers lie so close that words do, which are much faster. */
const narrow = new Int32Array(BLOCK);
const MOST_NARROW = 2 ** 31 - 1;
/** How many numbers of the block have more bits than the place says. With room for places beyond the last. */
const longer = new Uint16Array(MOST_BITS + 64);

/** Writes the first `count` numbers. Of doubles alone, as all that follows: loops of one kind are faster. */
export function putIntegers(sink: ByteSink, values: Float64Array, count: number): void {
  findRange(values, count);
  putRange(sink, values, count);
}

/** What `findRange` found. */
let least = 0;
let most = 0;

function findRange(values: Float64Array, count: number): void {
  let low = count === 0 ? 0 : Infinity;
  let high = count === 0 ? 0 : -Infinity;
  for (let index = 0; index < count; index++) {
    const value = values[index] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  least = low;
  most = high;
}

/** Of numbers whose range was found. */
function putRange(sink: ByteSink, values: Float64Array, count: number): void {
  sink.byte(least === most ? SAME : BLOCKS);
  sink.varint(zigzag(least));
  if (least === most) return;
  const isNarrow = most - least <= MOST_NARROW;
  for (let start = 0; start < count; start += BLOCK) {
    const length = Math.min(BLOCK, count - start);
    if (isNarrow) putNarrowBlock(sink, values, start, length);
    else putBlock(sink, values, start, length);
  }
}

/** A column of which all numbers are the same. */
export function putSame(sink: ByteSink, value: number): void {
  sink.byte(SAME);
  sink.varint(zigzag(value));
}

let wide = new Float64Array(BLOCK);

function widened(count: number): Float64Array {
  if (wide.length < count) wide = new Float64Array(count);
  return wide;
}

/** The same of small numbers. */
export function putSmall(sink: ByteSink, values: Uint8Array | Uint32Array, count: number): void {
  const doubles = widened(count);
  doubles.set(values.subarray(0, count));
  putIntegers(sink, doubles, count);
}

function putBlock(sink: ByteSink, values: Float64Array, start: number, length: number): void {
  longer.fill(0);
  let widest = 0;
  for (let index = 0; index < length; index++) {
    const value = (values[start + index] ?? 0) - least;
    block[index] = value;
    const bits = bitsOf(value);
    if (bits > widest) widest = bits;
    // Of those without a bit nobody asks how many they are.
    if (bits > 0) longer[bits - 1] = (longer[bits - 1] ?? 0) + 1;
  }
  const width = beginBlock(sink, length, widest);
  if (width === VARINTS) {
    for (let index = 0; index < length; index++) sink.at = putVarint(sink.bytes, sink.at, block[index] ?? 0);
    return;
  }
  const beyond = 2 ** width;
  putBits(sink, length, Math.min(width, PART), 1);
  if (width > PART) putBits(sink, length, width - PART, PART_FACTOR);
  if (longer[width] === 0) return;
  for (let index = 0; index < length; index++) {
    const value = block[index] ?? 0;
    if (value < beyond) continue;
    sink.byte(index);
    sink.varint(Math.floor(value / beyond));
  }
}

/**
 * The same bytes of a column whose numbers are narrow. All in one, so that it is too long to be compiled into
 * each of its callers again, which takes longer than much of its work.
 */
function putNarrowBlock(sink: ByteSink, values: Float64Array, start: number, length: number): void {
  longer.fill(0, 0, 32);
  let any = 0;
  for (let index = 0; index < length; index++) {
    const value = ((values[start + index] ?? 0) - least) | 0;
    narrow[index] = value;
    any |= value;
    // Of those without a bit nobody asks how many they are.
    const highest = 31 - Math.clz32(value);
    if (highest >= 0) longer[highest] = (longer[highest] ?? 0) + 1;
  }
  const width = beginBlock(sink, length, 32 - Math.clz32(any));
  const { bytes } = sink;
  let { at } = sink;
  if (width === VARINTS) {
    for (let index = 0; index < length; index++) at = putVarint(bytes, at, narrow[index] ?? 0);
    sink.at = at;
    return;
  }
  for (let from = 0; from < width; from += PART) {
    const part = Math.min(PART, width - from);
    const mask = (1 << part) - 1;
    let bits = 0;
    let held = 0;
    for (let index = 0; index < length; index++) {
      const value = ((narrow[index] ?? 0) >>> from) & mask;
      bits |= value << held;
      held += part;
      if (held < 32) continue;
      bytes[at] = bits;
      bytes[at + 1] = bits >>> 8;
      bytes[at + 2] = bits >>> 16;
      bytes[at + 3] = bits >>> 24;
      at += 4;
      held -= 32;
      // Those of the value that did not fit any more.
      bits = value >>> (part - held);
    }
    for (; held > 0; held -= 8) {
      bytes[at++] = bits;
      bits >>>= 8;
    }
  }
  for (let index = 0; index < length && longer[width] !== 0; index++) {
    const more = (narrow[index] ?? 0) >>> width;
    if (more === 0) continue;
    bytes[at++] = index;
    at = putVarint(bytes, at, more);
  }
  sink.at = at;
}

/**
 * Writes the width of a block and how many are wider; makes room for all of it.
 *
 * @param most the most bits that a number has; `longer` tells of each place how many have their highest bit there
 */
function beginBlock(sink: ByteSink, length: number, most: number): number {
  for (let bits = most - 2; bits >= 0; bits--) longer[bits] = (longer[bits] ?? 0) + (longer[bits + 1] ?? 0);
  const width = bestWidth(length, most);
  // A width, a number of those beyond, and of each at most its bits, its place and what it has beyond.
  sink.reserve(2 + length * (1 + 2 * LONGEST_VARINT));
  sink.byte(width);
  if (width !== VARINTS) sink.byte(longer[width] ?? 0);
  return width;
}

/** The width, or VARINTS, with which the block is shortest; `most` is the most bits that a number has. */
function bestWidth(length: number, most: number): number {
  let best = VARINTS;
  let shortest = 8 * length;
  for (let more = 7; more < most; more += 7) shortest += 8 * (longer[more] ?? 0);
  for (let width = Math.min(most, WIDEST); width >= 0; width--) {
    // Each that is longer costs its place and a byte for every seven bits.
    let bits = width * length + 8 * (longer[width] ?? 0);
    for (let more = width; more < most; more += 7) bits += 8 * (longer[more] ?? 0);
    if (bits < shortest) {
      shortest = bits;
      best = width;
    }
  }
  return best;
}

/** The lowest `width` bits, at most PART, of the block's numbers divided by `factor`. */
function putBits(sink: ByteSink, length: number, width: number, factor: number): void {
  const { bytes } = sink;
  const mask = (1 << width) - 1;
  let at = sink.at;
  let bits = 0;
  let held = 0;
  for (let index = 0; index < length; index++) {
    const value = block[index] ?? 0;
    bits |= ((factor === 1 ? value : Math.floor(value / factor)) & mask) << held;
    held += width;
    while (held >= 8) {
      bytes[at++] = bits;
      bits >>>= 8;
      held -= 8;
    }
  }
  if (held > 0) bytes[at++] = bits;
  sink.at = at;
}

/**
 * Of `count` numbers reads those from `from` up to `upTo`, perhaps more, to their places in `into`, and passes over
 * the others.
 *
 * @throws {RangeError} when they are not what putIntegers writes
 */
export function getIntegers(
  source: ByteSource,
  count: number,
  into: Float64Array,
  upTo = count,
  from = 0,
): void {
  const kind = source.byte();
  const least = unzigzag(source.varint());
  if (kind === SAME) {
    into.fill(least, 0, count);
    return;
  }
  if (kind !== BLOCKS) throw new RangeError('a column is of no known kind');
  for (let start = 0; start < count; start += BLOCK) {
    const length = Math.min(BLOCK, count - start);
    if (start < upTo && start + length > from) getBlock(source, length, start, least, into);
    else skipBlock(source, length);
  }
}

/** The same of small numbers. */
export function getSmall(
  source: ByteSource,
  count: number,
  into: Uint8Array | Uint32Array,
  upTo = count,
  from = 0,
): void {
  const doubles = widened(count);
  getIntegers(source, count, doubles, upTo, from);
  into.set(doubles.subarray(from, upTo), from);
}

function skipBlock(source: ByteSource, length: number): void {
  const width = source.byte();
  if (width === VARINTS) {
    for (let index = 0; index < length; index++) source.varint();
    return;
  }
  if (width > WIDEST) throw new RangeError('its numbers are too wide');
  let beyond = source.byte();
  source.skip(Math.ceil((length * Math.min(width, PART)) / 8));
  if (width > PART) source.skip(Math.ceil((length * (width - PART)) / 8));
  for (; beyond > 0; beyond--) {
    source.byte();
    source.varint();
  }
}

function getBlock(
  source: ByteSource,
  length: number,
  start: number,
  least: number,
  into: Float64Array,
): void {
  const width = source.byte();
  if (width === VARINTS) {
    getVarints(source, length, start, least, into);
    return;
  }
  if (width > WIDEST) throw new RangeError('its numbers are too wide');
  let beyond = source.byte();
  getBits(source, length, Math.min(width, PART), least, into, start);
  if (width > PART) {
    getBits(source, length, width - PART, 0, block, 0);
    for (let index = 0; index < length; index++) {
      into[start + index] = (into[start + index] ?? 0) + (block[index] ?? 0) * PART_FACTOR;
    }
  }
  for (; beyond > 0; beyond--) {
    const index = source.byte();
    if (index >= length) throw new RangeError('it tells of more numbers than it has');
    into[start + index] = (into[start + index] ?? 0) + source.varint() * 2 ** width;
  }
}

function getVarints(
  source: ByteSource,
  length: number,
  start: number,
  least: number,
  into: Float64Array,
): void {
  const { bytes, end } = source;
  let at = source.at;
  for (let index = start; index < start + length; index++) {
    let byte = bytes[at++] ?? 0;
    let value = byte & 127;
    for (let shift = 7; byte > 127 && shift < 28; shift += 7) {
      byte = bytes[at++] ?? 0;
      value |= (byte & 127) << shift;
    }
    for (let factor = 2 ** 28; byte > 127 && factor <= LARGEST_FACTOR; factor *= 128) {
      byte = bytes[at++] ?? 0;
      value += (byte & 127) * factor;
    }
    into[index] = least + value;
  }
  if (at > end) throw new RangeError('the bytes end too early');
  source.at = at;
}

/** More than `least`. Without calls, as above: most of the time of reading a chunk is spent in these two. */
function getBits(
  source: ByteSource,
  length: number,
  width: number,
  least: number,
  into: Float64Array,
  start: number,
): void {
  const { bytes } = source;
  const mask = (1 << width) - 1;
  let bit = source.skip(Math.ceil((length * width) / 8)) * 8;
  for (let index = start; index < start + length; index++) {
    const at = bit >>> 3;
    // The last ones are in front of the checksum, so that there are always four.
    const bits =
      (bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24);
    into[index] = least + ((bits >>> (bit & 7)) & mask);
    bit += width;
  }
}

const FROM_ZERO = 0;
const ABOUT_ZERO = 1;

/** Writes the first `count` numbers, small ones of both signs; they are changed. */
export function putSigned(sink: ByteSink, values: Float64Array, count: number): void {
  findRange(values, count);
  sink.byte(least < 0 ? ABOUT_ZERO : FROM_ZERO);
  if (least < 0) zigzagAll(values, count);
  putRange(sink, values, count);
}

/** Finds the new range too. */
function zigzagAll(values: Float64Array, count: number): void {
  let low = Infinity;
  let high = -Infinity;
  for (let index = 0; index < count; index++) {
    const value = values[index] ?? 0;
    const zigzagged = value < 0 ? -2 * value - 1 : 2 * value;
    values[index] = zigzagged;
    if (zigzagged < low) low = zigzagged;
    if (zigzagged > high) high = zigzagged;
  }
  least = low;
  most = high;
}

/** As `getIntegers`. @throws {RangeError} when they are not what putSigned writes */
export function getSigned(source: ByteSource, count: number, into: Float64Array, upTo = count): void {
  if (getZigzagged(source, count, into, upTo))
    for (let index = 0; index < upTo; index++) into[index] = unzigzag(into[index] ?? 0);
}

/** The same where each is how much more one is than the one before; `into` are the sums. */
export function getSums(source: ByteSource, count: number, into: Float64Array, upTo = count): void {
  const zigzagged = getZigzagged(source, count, into, upTo);
  let sum = 0;
  for (let index = 0; index < upTo; index++) {
    const value = into[index] ?? 0;
    sum += zigzagged ? unzigzag(value) : value;
    into[index] = sum;
  }
}

/** Whether they are to be unzigzagged. */
function getZigzagged(source: ByteSource, count: number, into: Float64Array, upTo: number): boolean {
  const kind = source.byte();
  if (kind > ABOUT_ZERO) throw new RangeError('a column is of no known kind');
  getIntegers(source, count, into, upTo);
  return kind === ABOUT_ZERO;
}

/** About how many bits putIntegers takes, to choose between two ways of telling the same. */
export function costOf(values: Float64Array): number {
  let least = Infinity;
  for (let index = 0; index < values.length; index++) least = Math.min(least, values[index] ?? 0);
  let bits = 0;
  for (let index = 0; index < values.length; index++) bits += bitsOf((values[index] ?? 0) - least);
  return bits;
}

/** The same of putSigned. */
export function costOfSigned(values: Float64Array): number {
  let bits = 0;
  for (let index = 0; index < values.length; index++) bits += bitsOf(Math.abs(values[index] ?? 0) * 2);
  return bits;
}
