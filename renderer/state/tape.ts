/**
 * The tape of one market: a bounded run of trades in the order of exchange time, in plain numbers
 * outside every reactive proxy. Pages of history and events are merged without doubles.
 */
import {
  TRADE_BUY,
  TRADE_FIELDS,
  TRADE_REDELIVERED,
  TRADE_SELL,
  tradesOf,
} from '../../main/core/contract.ts';
import type { Micros } from '../../main/core/contract.ts';

export type Side = 'buy' | 'sell' | 'unknown';

export interface TapeTrade {
  readonly time: Micros;
  readonly price: number;
  readonly size: number;
  readonly side: Side;
  readonly redelivered: boolean;
}

const TIME = 0;
const PRICE = 1;
const SIZE = 2;
const FLAGS = 3;

/** Sizes that the mark of a large trade is judged by: the newest so many. */
const SIZES_JUDGED = 1000;
/** With fewer trades than this, nothing stands out yet. */
const FEWEST_SIZES = 40;
/** The core coalesces events for the screen, so a page can tell of a trade this much before its event. */
const EVENT_DELAY_MS = 3000;
/** The largest share of trades that is called large. */
const LARGE_SHARE = 0.03;

export class Tape {
  readonly capacity: number;
  /** Oldest first, `TRADE_FIELDS` numbers a trade, in [#start, #end) trades. */
  #rows: Float64Array;
  #start = 0;
  #end = 0;
  #held = false;
  #waiting: number[] = [];
  #large = Infinity;
  #judgedAt = 0;
  #taken = 0;
  #priceDigits = 0;
  #sizeDigits = 0;
  /** Trades of the last page whose event may still be on its way, counted. */
  readonly #early = new Map<string, number>();
  #earlyUntil = 0;
  readonly #monotonic: () => number;

  /**
   * `capacity`: trades that are kept; the oldest go first. `monotonic`: milliseconds that never
   * jump.
   */
  constructor(capacity = 20_000, monotonic: () => number = () => performance.now()) {
    this.capacity = capacity;
    this.#monotonic = monotonic;
    // Twice the room: the rows move to the front once in `capacity` trades, not at every one.
    this.#rows = new Float64Array(capacity * 2 * TRADE_FIELDS);
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Trades that came by events while the tape was held. */
  get waiting(): number {
    return this.#waiting.length / TRADE_FIELDS;
  }

  get full(): boolean {
    return this.length >= this.capacity;
  }

  /** Exchange time of the oldest trade here, or null. */
  get oldest(): Micros | null {
    return this.length === 0 ? null : this.#at(this.#start, TIME);
  }

  /** Sizes from this on belong to the largest 3 of 100 of late. */
  get large(): number {
    return this.#large;
  }

  /** Decimal places that the prices and sizes of this tape have shown so far. */
  get digits(): { readonly price: number; readonly size: number } {
    return { price: this.#priceDigits, size: this.#sizeDigits };
  }

  /** The trade at `index` from the newest. */
  trade(index: number): TapeTrade | null {
    if (index < 0 || index >= this.length) return null;
    const row = this.#end - 1 - index;
    const flags = this.#at(row, FLAGS);
    return {
      time: this.#at(row, TIME),
      price: this.#at(row, PRICE),
      size: this.#at(row, SIZE),
      side: (flags & TRADE_BUY) !== 0 ? 'buy' : (flags & TRADE_SELL) !== 0 ? 'sell' : 'unknown',
      redelivered: (flags & TRADE_REDELIVERED) !== 0,
    };
  }

  /** How many trades here are later than `time`. */
  newerThan(time: Micros): number {
    return this.#end - this.#after(time);
  }

  /** Takes the trades of an event. They wait while the tape is held. */
  add(bytes: Uint8Array): void {
    const floats = this.#unseen(tradesOf(bytes));
    if (this.#held) {
      for (let i = 0; i < floats.length; i++) this.#waiting.push(floats[i] ?? 0);
      // What would not fit when it is let go need not wait either.
      const most = this.capacity * TRADE_FIELDS;
      if (this.#waiting.length > most) this.#waiting.splice(0, this.#waiting.length - most);
      return;
    }
    this.#insert(floats);
    this.#judge();
  }

  /**
   * Takes a page of history; returns how many of its trades were new here.
   *
   * The store holds what events told too, and trades carry no id to the screen, so equal trades
   * (time, price, size, side) are counted: of n in the page and m here, max(n, m) stay. Two
   * identical fills so stay two, and none is doubled.
   */
  merge(bytes: Uint8Array): number {
    const floats = tradesOf(bytes);
    if (floats.length < TRADE_FIELDS) return 0;
    const here = this.#countFrom(floats[TIME] ?? 0);
    const fresh: number[] = [];
    for (let at = 0; at + TRADE_FIELDS <= floats.length; at += TRADE_FIELDS) {
      const key = keyOf(floats, at);
      const known = here.get(key) ?? 0;
      if (known > 0) here.set(key, known - 1);
      else for (let field = 0; field < TRADE_FIELDS; field++) fresh.push(floats[at + field] ?? 0);
    }
    const room = this.capacity - this.length;
    const count = fresh.length / TRADE_FIELDS;
    // A full tape takes no more history, the newest part of the page at most.
    const kept = count > room ? fresh.slice((count - room) * TRADE_FIELDS) : fresh;
    this.#insert(kept);
    this.#judge();
    this.#early.clear();
    for (let at = 0; at < kept.length; at += TRADE_FIELDS) {
      const key = keyOf(kept, at);
      this.#early.set(key, (this.#early.get(key) ?? 0) + 1);
    }
    this.#earlyUntil = this.#monotonic() + EVENT_DELAY_MS;
    return kept.length / TRADE_FIELDS;
  }

  /** Keeps the rows as they are: new trades wait, so that nothing moves under the pointer. */
  hold(): void {
    this.#held = true;
  }

  /** Lets the waiting trades in. */
  release(): void {
    this.#held = false;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#insert(waiting);
    this.#judge();
  }

  clear(): void {
    this.#start = 0;
    this.#end = 0;
    this.#waiting = [];
    this.#large = Infinity;
    this.#judgedAt = 0;
    this.#taken = 0;
    this.#priceDigits = 0;
    this.#sizeDigits = 0;
    this.#early.clear();
  }

  /** Without the trades that a page of history brought before their event did. */
  #unseen(floats: Float64Array): ArrayLike<number> {
    if (this.#early.size === 0) return floats;
    if (this.#monotonic() > this.#earlyUntil) {
      this.#early.clear();
      return floats;
    }
    const unseen: number[] = [];
    for (let at = 0; at + TRADE_FIELDS <= floats.length; at += TRADE_FIELDS) {
      const key = keyOf(floats, at);
      const early = this.#early.get(key) ?? 0;
      if (early > 0) this.#early.set(key, early - 1);
      else for (let field = 0; field < TRADE_FIELDS; field++) unseen.push(floats[at + field] ?? 0);
    }
    return unseen;
  }

  #at(row: number, field: number): number {
    return this.#rows[row * TRADE_FIELDS + field] ?? 0;
  }

  /** Index of the first row later than `time`. */
  #after(time: Micros): number {
    let low = this.#start;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle, TIME) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Equal trades counted, from exchange time `from` on; the waiting ones too. */
  #countFrom(from: Micros): Map<string, number> {
    const counts = new Map<string, number>();
    const count = (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
    for (let row = this.#end - 1; row >= this.#start && this.#at(row, TIME) >= from; row--) {
      count(keyOf(this.#rows, row * TRADE_FIELDS));
    }
    for (let at = 0; at < this.#waiting.length; at += TRADE_FIELDS) count(keyOf(this.#waiting, at));
    return counts;
  }

  /** Puts trades in by exchange time, each after its equals; sheds the oldest beyond the capacity. */
  #insert(values: ArrayLike<number>): void {
    const count = Math.floor(values.length / TRADE_FIELDS);
    if (count === 0) return;
    this.#taken += count;
    for (let at = 0; at < count * TRADE_FIELDS; at += TRADE_FIELDS) {
      this.#priceDigits = Math.max(this.#priceDigits, decimalsOf(values[at + PRICE] ?? 0));
      this.#sizeDigits = Math.max(this.#sizeDigits, decimalsOf(values[at + SIZE] ?? 0));
    }
    const order = Array.from({ length: count }, (_, i) => i * TRADE_FIELDS);
    order.sort((a, b) => (values[a + TIME] ?? 0) - (values[b + TIME] ?? 0) || a - b);
    const newest = this.length === 0 ? -Infinity : this.#at(this.#end - 1, TIME);
    const first = values[(order[0] ?? 0) + TIME] ?? 0;
    if (first >= newest && count <= this.capacity) {
      this.#start = Math.max(this.#start, this.#end - (this.capacity - count));
      if ((this.#end + count) * TRADE_FIELDS > this.#rows.length) this.#toFront();
      for (const at of order) this.#write(this.#rows, this.#end++, values, at);
      return;
    }
    this.#weave(values, order);
  }

  /** The slow way, for what is older than the newest trade here: both runs into new rows. */
  #weave(values: ArrayLike<number>, order: readonly number[]): void {
    const from = Math.min(this.#end, this.#after((values[(order[0] ?? 0) + TIME] ?? 0) - 1));
    const tail = this.#rows.slice(from * TRADE_FIELDS, this.#end * TRADE_FIELDS);
    const tailCount = this.#end - from;
    const rows = new Float64Array((tailCount + order.length) * TRADE_FIELDS);
    let mine = 0;
    let theirs = 0;
    for (let at = 0; at < tailCount + order.length; at++) {
      const other = order[theirs];
      const takeMine =
        mine < tailCount &&
        (other === undefined || (tail[mine * TRADE_FIELDS + TIME] ?? 0) <= (values[other + TIME] ?? 0));
      if (takeMine) this.#write(rows, at, tail, TRADE_FIELDS * mine++);
      else {
        this.#write(rows, at, values, other ?? 0);
        theirs++;
      }
    }
    const woven = tailCount + order.length;
    const keptBefore = Math.max(0, Math.min(from - this.#start, this.capacity - woven));
    const skip = Math.max(0, woven - this.capacity);
    this.#start = from - keptBefore;
    this.#end = from;
    if ((this.#end + woven - skip) * TRADE_FIELDS > this.#rows.length) this.#toFront();
    this.#rows.set(rows.subarray(skip * TRADE_FIELDS), this.#end * TRADE_FIELDS);
    this.#end += woven - skip;
  }

  #write(into: Float64Array, row: number, values: ArrayLike<number>, at: number): void {
    for (let field = 0; field < TRADE_FIELDS; field++) {
      into[row * TRADE_FIELDS + field] = values[at + field] ?? 0;
    }
  }

  #toFront(): void {
    this.#rows.copyWithin(0, this.#start * TRADE_FIELDS, this.#end * TRADE_FIELDS);
    this.#end -= this.#start;
    this.#start = 0;
  }

  /** Finds anew what is large, once in a tenth of the sizes that it is judged by. */
  #judge(): void {
    const length = Math.min(this.length, SIZES_JUDGED);
    if (length < FEWEST_SIZES) return;
    if (this.#large !== Infinity && this.#taken - this.#judgedAt < SIZES_JUDGED / 10) return;
    this.#judgedAt = this.#taken;
    const sizes = new Float64Array(length);
    for (let i = 0; i < length; i++) sizes[i] = this.#at(this.#end - 1 - i, SIZE);
    sizes.sort();
    const threshold = sizes[Math.floor(length * (1 - LARGE_SHARE))] ?? Infinity;
    // Where most trades are of one size, that size is not large.
    const middle = sizes[length >>> 1] ?? 0;
    this.#large = threshold > middle * 2 ? threshold : middle * 2;
  }
}

/** Decimal places of a float that was read from a decimal: its shortest text has that decimal's digits. */
function decimalsOf(value: number): number {
  if (Number.isInteger(value)) return 0;
  const [digits = '', exponent = '0'] = String(value).split('e');
  const point = digits.indexOf('.');
  return Math.max(0, (point < 0 ? 0 : digits.length - point - 1) - Number(exponent));
}

/** Trades are equal by time, price, size and side; how they reached us does not count. */
function keyOf(values: ArrayLike<number>, at: number): string {
  const side = (values[at + FLAGS] ?? 0) & (TRADE_BUY | TRADE_SELL);
  return `${values[at + TIME]} ${values[at + PRICE]} ${values[at + SIZE]} ${side}`;
}
