/**
 * Ids that were seen, each of a market: a million take some 60 MB, and no string and no object is kept
 * of any. Ids are compared, not their hashes alone.
 */
import type { ByteSpan } from '../protocol/byte-span.ts';
import { Wide } from '../protocol/wide.ts';

const SMALLEST = 256;

export class IdTable {
  /** Two numbers a slot: an id's hash, and its entry counted from 1 (0: the slot is free). At most half are taken. */
  #slots: Int32Array;
  #markets: Uint32Array;
  /** Where an entry's bytes end, which is where the next one's begin. */
  #ends: Uint32Array;
  #bytes = new Wide();
  #count = 0;

  /** @param expected so many ids fit without growing */
  constructor(expected = 0) {
    let room = SMALLEST;
    while (room < expected) room *= 2;
    this.#slots = new Int32Array(room * 4);
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
    for (let at = (hash << 1) & last; ; at = (at + 2) & last) {
      const entry = slots[at + 1] ?? 0;
      if (entry === 0) return false;
      if (slots[at] === hash && this.#is(entry - 1, market, id)) return true;
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
    this.#markets[entry] = market;
    this.#ends[entry] = end;
    put(this.#slots, hash, entry + 1);
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
    const old = this.#slots;
    const slots = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      const entry = old[at + 1] ?? 0;
      if (entry !== 0) put(slots, old[at] ?? 0, entry);
    }
    this.#slots = slots;
    this.#markets = doubled(this.#markets);
    this.#ends = doubled(this.#ends);
  }

  #widen(needed: number): void {
    const wider = Buffer.from(new ArrayBuffer(needed * 2));
    wider.set(this.#bytes.bytes);
    this.#bytes = new Wide();
    this.#bytes.over(wider);
  }
}

function put(slots: Int32Array, hash: number, entry: number): void {
  const last = slots.length - 1;
  let at = (hash << 1) & last;
  while (slots[at + 1] !== 0) at = (at + 2) & last;
  slots[at] = hash;
  slots[at + 1] = entry;
}

function doubled(column: Uint32Array): Uint32Array {
  const wider = new Uint32Array(column.length * 2);
  wider.set(column);
  return wider;
}
