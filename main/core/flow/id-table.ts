/**
 * Ids that were seen, each of a market: a million take some 60 MB, and no string and no object is kept
 * of any. Ids are compared, not their hashes alone.
 */
import type { ByteSpan } from '../protocol/byte-span.ts';
import { Wide } from '../protocol/wide.ts';

const SMALLEST = 256;

export class IdTable {
  /**
   * A place for each hash, of which at most half are taken: 0, or seven bits of the hash of what is
   * there. A new id mostly needs no more than to read one of these bytes, which are few enough for a
   * cache; what it writes beside, nobody waits for.
   */
  #tags: Uint8Array;
  /** The entry at that place. */
  #entries: Uint32Array;
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
    this.#tags = new Uint8Array(room * 2);
    this.#entries = new Uint32Array(room * 2);
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
    const tags = this.#tags;
    const last = tags.length - 1;
    const tag = tagOf(hash);
    for (let at = hash & last; ; at = (at + 1) & last) {
      const taken = tags[at];
      if (taken === 0) return false;
      if (taken === tag && this.#is(this.#entries[at] ?? 0, market, id)) return true;
    }
  }

  /** An id that the table does not have. */
  add(hash: number, market: number, id: ByteSpan): void {
    const entry = this.#count++;
    if (entry === this.#markets.length) this.#grow();
    const start = this.#startOf(entry);
    const end = start + id.length;
    if (end > this.#bytes.bytes.length) this.#widen(end);
    id.copyTo(this.#bytes, start);
    this.#hashes[entry] = hash;
    this.#markets[entry] = market;
    this.#ends[entry] = end;
    this.#place(hash, entry);
  }

  #is(entry: number, market: number, id: ByteSpan): boolean {
    if (this.#markets[entry] !== market) return false;
    const start = this.#startOf(entry);
    return (this.#ends[entry] ?? 0) - start === id.length && id.isAt(this.#bytes, start);
  }

  #startOf(entry: number): number {
    return entry === 0 ? 0 : (this.#ends[entry - 1] ?? 0);
  }

  #place(hash: number, entry: number): void {
    const tags = this.#tags;
    const last = tags.length - 1;
    let at = hash & last;
    while (tags[at] !== 0) at = (at + 1) & last;
    tags[at] = tagOf(hash);
    this.#entries[at] = entry;
  }

  #grow(): void {
    const entries = this.#markets.length;
    const room = entries * 2;
    this.#tags = new Uint8Array(room * 2);
    this.#entries = new Uint32Array(room * 2);
    this.#hashes = widened(this.#hashes, new Int32Array(room));
    this.#markets = widened(this.#markets, new Uint32Array(room));
    this.#ends = widened(this.#ends, new Uint32Array(room));
    for (let entry = 0; entry < entries; entry++) this.#place(this.#hashes[entry] ?? 0, entry);
  }

  #widen(needed: number): void {
    const wider = Buffer.from(new ArrayBuffer(needed * 2));
    wider.set(this.#bytes.bytes);
    this.#bytes = new Wide();
    this.#bytes.over(wider);
  }
}

/** Of the bits that a place does not follow from, so never 0. */
function tagOf(hash: number): number {
  return (hash >>> 25) + 1;
}

function widened<T extends Int32Array | Uint32Array>(column: T, wider: T): T {
  wider.set(column);
  return wider;
}
