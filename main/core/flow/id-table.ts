/**
 * Ids that were seen, each of a market: a million take some 60 MB, and no string and no object is kept
 * of any. Ids are compared, not their hashes alone.
 */
import type { ByteSpan } from '../protocol/byte-span.ts';
import { Wide } from '../protocol/wide.ts';

const SMALLEST = 256;
/** A slot is the entry, counted from 1 (0: it is free), under some bits of its hash, which spare most comparisons. */
const ENTRY_BITS = 26;
const ENTRY = 2 ** ENTRY_BITS - 1;

export class IdTable {
  /** At most half are taken. Small, since every new id looks at a place of it that no cache holds. */
  #slots: Uint32Array;
  #hashes: Int32Array;
  #markets: Uint32Array;
  /** Where an entry's bytes end, which is where the next one's begin. */
  #ends: Uint32Array;
  #bytes = new Wide();
  #count = 0;

  /** @param expected so many ids fit without growing */
  constructor(expected = 0) {
    let room = SMALLEST;
    while (room < expected) room *= 2;
    this.#slots = new Uint32Array(room * 2);
    this.#hashes = new Int32Array(room);
    this.#markets = new Uint32Array(room);
    this.#ends = new Uint32Array(room);
    this.#bytes.over(Buffer.from(new ArrayBuffer(room * 40)));
  }

  get count(): number {
    return this.#count;
  }

  /** @param hash of this id and market, always by the same rule */
  has(hash: number, market: number, id: ByteSpan): boolean {
    const slots = this.#slots;
    const last = slots.length - 1;
    for (let at = hash & last; ; at = (at + 1) & last) {
      const slot = slots[at] ?? 0;
      if (slot === 0) return false;
      const isLike = (slot ^ hash) >>> ENTRY_BITS === 0;
      if (isLike && this.#is((slot & ENTRY) - 1, market, id)) return true;
    }
  }

  /**
   * An id that the table does not have.
   *
   * @throws {RangeError} when it holds 67 million, which would take four gigabytes
   */
  add(hash: number, market: number, id: ByteSpan): void {
    const entry = this.#count++;
    if (entry === ENTRY) throw new RangeError('a table of ids is full');
    if (entry === this.#markets.length) this.#grow();
    const start = this.#startOf(entry);
    const end = start + id.length;
    if (end > this.#bytes.bytes.length) this.#widen(end);
    id.copyTo(this.#bytes, start);
    this.#hashes[entry] = hash;
    this.#markets[entry] = market;
    this.#ends[entry] = end;
    put(this.#slots, hash, entry);
  }

  #is(entry: number, market: number, id: ByteSpan): boolean {
    if (this.#markets[entry] !== market) return false;
    const start = this.#startOf(entry);
    return (this.#ends[entry] ?? 0) - start === id.length && id.isAt(this.#bytes, start);
  }

  #startOf(entry: number): number {
    return entry === 0 ? 0 : (this.#ends[entry - 1] ?? 0);
  }

  #grow(): void {
    const room = this.#markets.length * 2;
    this.#slots = new Uint32Array(room * 2);
    this.#hashes = widened(this.#hashes, new Int32Array(room));
    this.#markets = widened(this.#markets, new Uint32Array(room));
    this.#ends = widened(this.#ends, new Uint32Array(room));
    const entries = room / 2;
    for (let entry = 0; entry < entries; entry++) put(this.#slots, this.#hashes[entry] ?? 0, entry);
  }

  #widen(needed: number): void {
    const wider = Buffer.from(new ArrayBuffer(needed * 2));
    wider.set(this.#bytes.bytes);
    this.#bytes = new Wide();
    this.#bytes.over(wider);
  }
}

function put(slots: Uint32Array, hash: number, entry: number): void {
  const last = slots.length - 1;
  let at = hash & last;
  while (slots[at] !== 0) at = (at + 1) & last;
  slots[at] = ((hash >>> ENTRY_BITS) << ENTRY_BITS) | (entry + 1);
}

function widened<T extends Int32Array | Uint32Array>(column: T, wider: T): T {
  wider.set(column);
  return wider;
}
