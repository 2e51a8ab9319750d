/**
 * Ids that were seen, each of a market: a million take some 60 MB, and no string and no object is kept
 * of any. Ids are compared, not their hashes alone.
 *
 * Memory far from what was used last is what a look costs, so a new id touches one such place alone: the
 * slot of its hash, which holds all that is needed to see that it is new and to note it. What it is goes
 * behind the id before it.
 */
import type { ByteSpan } from '../protocol/byte-span.ts';
import { Wide } from '../protocol/wide.ts';

const SMALLEST = 256;
/** Bytes of one of the pieces of memory that hold the ids: they never move, however many come. */
const PIECE_BITS = 18;
const PIECE = 2 ** PIECE_BITS;
/** Before an id: its market and its length in bytes. */
const HEAD = 8;

export class IdTable {
  /**
   * Two words for each hash, of which at most half are taken: the hash, and where the id is, in words, from
   * 1 on. In the order of the hashes' high bits, so that a table twice as large is written from end to end.
   */
  #slots: Int32Array;
  /** The hash moved right by so much is its slot. */
  #shift: number;
  #room: number;
  readonly #pieces: { readonly words: Int32Array; readonly memory: Wide }[] = [];
  /** In words, where the next id goes. */
  #next = PIECE >>> 2;
  #piece = -1;
  #count = 0;

  /** @param expected so many ids fit without growing */
  constructor(expected = 0) {
    let room = SMALLEST;
    while (room < expected) room *= 2;
    this.#room = room;
    this.#slots = new Int32Array(room * 4);
    this.#shift = shiftOf(room);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * How many of the first `count` hashes have a slot that is taken: of none of the others the table has an
   * id. Looks that do not wait for each other take a fraction of the time of those one after the other, and
   * after them the slots are near.
   */
  taken(hashes: Int32Array, count: number): number {
    const slots = this.#slots;
    const shift = this.#shift;
    let taken = 0;
    for (let n = 0; n < count; n++) taken += slots[(((hashes[n] ?? 0) >>> shift) << 1) + 1] === 0 ? 0 : 1;
    return taken;
  }

  /** @param hash of this id and market, always by the same rule */
  has(hash: number, market: number, id: ByteSpan): boolean {
    const slots = this.#slots;
    const last = slots.length - 2;
    for (let at = (hash >>> this.#shift) << 1; ; at = (at + 2) & last) {
      const place = slots[at + 1] ?? 0;
      if (place === 0) return false;
      if (slots[at] === hash && this.#is(place - 1, market, id)) return true;
    }
  }

  /** @param id of up to 256 KiB @returns false, and nothing is changed, when it is there already */
  add(hash: number, market: number, id: ByteSpan): boolean {
    if (this.#count === this.#room) this.#grow();
    const slots = this.#slots;
    const last = slots.length - 2;
    let at = (hash >>> this.#shift) << 1;
    for (let place = slots[at + 1] ?? 0; place !== 0; place = slots[at + 1] ?? 0) {
      if (slots[at] === hash && this.#is(place - 1, market, id)) return false;
      at = (at + 2) & last;
    }
    slots[at] = hash;
    slots[at + 1] = this.#keep(market, id) + 1;
    this.#count++;
    return true;
  }

  #is(place: number, market: number, id: ByteSpan): boolean {
    const piece = this.#pieces[place >>> (PIECE_BITS - 2)];
    if (piece === undefined) return false;
    const at = place & ((PIECE >>> 2) - 1);
    const { words, memory } = piece;
    return words[at] === market && words[at + 1] === id.length && id.isAt(memory, (at << 2) + HEAD);
  }

  /** Gives the place, in words. */
  #keep(market: number, id: ByteSpan): number {
    const { length } = id;
    const size = (HEAD + length + 3) >>> 2;
    if (this.#next + size > PIECE >>> 2) this.#begin();
    const at = this.#next;
    const piece = this.#pieces[this.#piece];
    if (piece === undefined) throw new RangeError('an id without a place');
    piece.words[at] = market;
    piece.words[at + 1] = length;
    id.copyTo(piece.memory, (at << 2) + HEAD);
    this.#next = at + size;
    return (this.#piece << (PIECE_BITS - 2)) + at;
  }

  #begin(): void {
    const bytes = Buffer.from(new ArrayBuffer(PIECE));
    const memory = new Wide();
    memory.over(bytes);
    this.#piece = this.#pieces.push({ words: new Int32Array(bytes.buffer), memory }) - 1;
    this.#next = 0;
  }

  #grow(): void {
    const old = this.#slots;
    this.#room *= 2;
    this.#shift = shiftOf(this.#room);
    const slots = new Int32Array(this.#room * 4);
    const last = slots.length - 2;
    for (let from = 0; from < old.length; from += 2) {
      const place = old[from + 1] ?? 0;
      if (place === 0) continue;
      const hash = old[from] ?? 0;
      let at = (hash >>> this.#shift) << 1;
      while (slots[at + 1] !== 0) at = (at + 2) & last;
      slots[at] = hash;
      slots[at + 1] = place;
    }
    this.#slots = slots;
  }
}

/** Of twice as many slots as ids fit. */
function shiftOf(room: number): number {
  return Math.clz32(room * 2) + 1;
}
