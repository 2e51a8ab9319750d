/** Trades on their way to a view, packed as `tradesOf` of contract.ts reads them, which tells the layout. */
import { type Micros, TRADE_PLAIN, TRADE_POWERS, TRADE_SCALES } from '../contract.ts';
import { decimalToNumber } from '../protocol/decimal.ts';

/** Most bytes of one trade: its first, two scales, and three numbers of up to eight. */
const LONGEST = 27;
/** Differences of what is below stay below 2^53 with their sign. */
const LIMIT = 2 ** 51;

export class TradePacker {
  #bytes: Uint8Array<ArrayBuffer>;
  #data: DataView<ArrayBuffer>;
  #at = 0;
  #count = 0;
  #time = 0;
  #price = 0;
  #priceScale = -1;
  #sizeScale = -1;

  /** @param expected trades; it grows beyond */
  constructor(expected = 256) {
    this.#bytes = new Uint8Array(expected * 12 + LONGEST);
    this.#data = new DataView(this.#bytes.buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** @param flags see TRADE_BUY. Decimals as in protocol/decimal.ts; times are rounded to whole microseconds. */
  add(
    exchangeTime: Micros,
    priceDigits: number | bigint,
    priceScale: number,
    sizeDigits: number | bigint,
    sizeScale: number,
    flags: number,
  ): void {
    if (this.#at + LONGEST > this.#bytes.length) this.#grow();
    this.#count++;
    const time = Math.round(exchangeTime);
    // Nearly all are written as the one before.
    if (
      priceScale === this.#priceScale &&
      sizeScale === this.#sizeScale &&
      typeof priceDigits === 'number' &&
      typeof sizeDigits === 'number' &&
      Math.abs(priceDigits) < LIMIT &&
      Math.abs(sizeDigits) < LIMIT &&
      Math.abs(time) < LIMIT
    ) {
      this.#bytes[this.#at++] = flags;
      this.#numbers(time, priceDigits, sizeDigits);
      return;
    }
    let scales = Math.max(priceScale, this.#priceScale);
    // Of the largest scale so far, since canonical decimals change theirs all the time.
    let price = scaled(priceDigits, priceScale, scales);
    if (!(Math.abs(price) < LIMIT)) price = scaled(priceDigits, priceScale, (scales = priceScale));
    let sizes = Math.max(sizeScale, this.#sizeScale);
    let size = scaled(sizeDigits, sizeScale, sizes);
    if (!(Math.abs(size) < LIMIT)) size = scaled(sizeDigits, sizeScale, (sizes = sizeScale));
    const most = Math.max(Math.abs(price), Math.abs(size), Math.abs(time));
    // Also when one of them is no number.
    if (!(most < LIMIT) || Math.max(scales, sizes) >= TRADE_POWERS.length) {
      const numbers = [
        exchangeTime,
        decimalToNumber(priceDigits, priceScale),
        decimalToNumber(sizeDigits, sizeScale),
      ];
      this.#bytes[this.#at++] = flags | TRADE_PLAIN;
      for (const number of numbers) {
        this.#data.setFloat64(this.#at, number, true);
        this.#at += 8;
      }
      return;
    }
    if (scales === this.#priceScale && sizes === this.#sizeScale) {
      this.#bytes[this.#at++] = flags;
    } else {
      this.#bytes[this.#at++] = flags | TRADE_SCALES;
      this.#bytes[this.#at++] = this.#priceScale = scales;
      this.#bytes[this.#at++] = this.#sizeScale = sizes;
      this.#price = 0;
    }
    this.#numbers(time, price, size);
  }

  #numbers(time: number, price: number, size: number): void {
    this.#put(time - this.#time);
    this.#put(price - this.#price);
    this.#put(size);
    this.#time = time;
    this.#price = price;
  }

  /** What was packed; the next trade begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    this.#count = 0;
    this.#time = 0;
    this.#price = 0;
    this.#priceScale = -1;
    this.#sizeScale = -1;
    return taken;
  }

  /** @param value whole, below 2^52 in size */
  #put(value: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    while (rest > 0x7fff_ffff) {
      const above = Math.floor(rest / 128);
      bytes[at++] = rest - above * 128 + 128;
      rest = above;
    }
    let small = rest | 0;
    while (small > 127) {
      bytes[at++] = (small & 127) | 128;
      small >>>= 7;
    }
    bytes[at++] = small;
    this.#at = at;
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#data = new DataView(larger.buffer);
  }
}

/** The digits at a larger scale; NaN, or beyond LIMIT, where a double does not hold them. */
function scaled(digits: number | bigint, scale: number, to: number): number {
  if (typeof digits === 'bigint') return NaN;
  return to === scale ? digits : digits * (TRADE_POWERS[to - scale] ?? NaN);
}
