/**
 * UUIDs as the bits in which they differ. All of one version have six bits in common, and of the versions that
 * begin with a time, or end with where they were made, most.
 */
import type { ByteSink, ByteSource } from './integers.ts';

const UUID_BYTES = 16;
/** Little-endian, as every machine that Quipu runs on. */
export const UUID_WORDS = 4;

const WORD_BITS = 32;

/** Bits of a word that are the same in all UUIDs, the longest run of them. */
interface Common {
  /** The lowest. */
  readonly from: number;
  /** How many; 0 for none. */
  readonly bits: number;
  /** A word that has them, and nothing else. */
  readonly value: number;
}

const NOTHING: Common = { from: 0, bits: 0, value: 0 };

/** @param words of the UUIDs, and no more. @param packs false: as they are, which takes a bit more room and less time */
export function putUuids(sink: ByteSink, words: Uint32Array, packs: boolean): void {
  // Signed: what has all 32 bits is no double then.
  const signed = new Int32Array(words.buffer, words.byteOffset, words.length);
  const common = packs ? commonOf(signed) : [];
  let which = 0;
  for (const [word, { bits }] of common.entries()) if (bits > 0) which |= 1 << word;
  sink.byte(which);
  if (which === 0) {
    sink.append(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
    return;
  }
  const packed = new Int32Array(words.length / UUID_WORDS);
  for (const [word, { from, bits, value }] of common.entries()) {
    if (bits > 0) {
      sink.byte(from);
      sink.byte(bits);
      for (let byte = 0; byte < 4; byte++) sink.byte(value >>> (byte * 8));
    }
    if (bits === 0) take(signed, word, packed);
    else pack(signed, word, from, bits, packed);
    sink.append(new Uint8Array(packed.buffer, 0, bytesOf(packed.length, bits)));
  }
}

/** The same as words. @throws {RangeError} when the bytes are not what putUuids writes */
export function getUuids(source: ByteSource, count: number): Uint32Array {
  const which = source.byte();
  if (which === 0) return wordsAt(source, count * UUID_BYTES);
  if (which >= 1 << UUID_WORDS) throw new RangeError('an id has more bits than it can have');
  const words = new Uint32Array(count * UUID_WORDS);
  for (let word = 0; word < UUID_WORDS; word++) {
    let [from, bits, value] = [0, 0, 0];
    if ((which & (1 << word)) !== 0) {
      from = source.byte();
      bits = source.byte();
      for (let byte = 0; byte < 4; byte++) value |= source.byte() << (byte * 8);
      if (from + bits > WORD_BITS) throw new RangeError('an id has more bits than it can have');
    }
    const packed = wordsAt(source, bytesOf(count, bits));
    unpack(packed, word, from, bits, value, words);
  }
  return words;
}

/** A copy, since words must lie at multiples of their size. (A Buffer's slice is none.) */
function wordsAt(source: ByteSource, bytes: number): Uint32Array {
  const start = source.skip(bytes);
  const words = new Uint32Array(Math.ceil(bytes / 4));
  new Uint8Array(words.buffer).set(source.bytes.subarray(start, source.at));
  return words;
}

/** What is left of one word of each UUID takes so many. */
function bytesOf(count: number, bits: number): number {
  return Math.ceil((count * (WORD_BITS - bits)) / 8);
}

function commonOf(words: Int32Array): Common[] {
  const count = words.length / UUID_WORDS;
  return Array.from({ length: UUID_WORDS }, (_, word) =>
    longestOf(~differing(words, word), words[word] ?? 0, count),
  );
}

/** The bits of a word that are not the same in all UUIDs. */
function differing(words: Int32Array, word: number): number {
  const first = words[word] ?? 0;
  let differing = 0;
  for (let at = word; at < words.length; at += UUID_WORDS) differing |= (words[at] ?? 0) ^ first;
  return differing;
}

/** @param same which bits are, as those of a word. Nothing when that saves less than it takes to tell. */
function longestOf(same: number, word: number, count: number): Common {
  let [from, bits] = [0, 0];
  let run = 0;
  for (let bit = 0; bit < WORD_BITS; bit++) {
    run = ((same >>> bit) & 1) === 1 ? run + 1 : 0;
    if (run > bits) [from, bits] = [bit + 1 - run, run];
  }
  if (bits * count <= 48) return NOTHING;
  return { from, bits, value: word & maskOf(from, bits) };
}

/** So many bits from one on. */
function maskOf(from: number, bits: number): number {
  return bits === WORD_BITS ? -1 : ((1 << bits) - 1) << from;
}

/** One word of each UUID. */
function take(words: Int32Array, word: number, taken: Int32Array): void {
  let at = 0;
  for (let index = word; index < words.length; index += UUID_WORDS) taken[at++] = words[index] ?? 0;
}

/** The same without the common bits, the rest one after the other from the lowest bit on. */
function pack(words: Int32Array, word: number, from: number, bits: number, packed: Int32Array): void {
  const width = WORD_BITS - bits;
  if (width === 0) return;
  const below = maskOf(0, from);
  let at = 0;
  let bundle = 0;
  let held = 0;
  for (let index = word; index < words.length; index += UUID_WORDS) {
    const whole = words[index] ?? 0;
    const rest = (whole & below) | (((whole & ~below) >>> bits) & ~below);
    bundle |= rest << held;
    held += width;
    if (held < WORD_BITS) continue;
    packed[at++] = bundle;
    held -= WORD_BITS;
    // Those that did not fit any more.
    bundle = held === 0 ? 0 : rest >>> (width - held);
  }
  if (held > 0) packed[at] = bundle;
}

function unpack(
  packed: Uint32Array,
  word: number,
  from: number,
  bits: number,
  value: number,
  words: Uint32Array,
): void {
  const width = WORD_BITS - bits;
  const below = maskOf(0, from);
  const mask = maskOf(0, width);
  let start = 0;
  for (let index = word; index < words.length; index += UUID_WORDS) {
    const at = start >>> 5;
    const skipped = start & 31;
    let rest = (packed[at] ?? 0) >>> skipped;
    if (skipped + width > WORD_BITS) rest |= (packed[at + 1] ?? 0) << (WORD_BITS - skipped);
    rest &= mask;
    words[index] = (rest & below) | (((rest >>> from) << from) << bits) | value;
    start += width;
  }
}
