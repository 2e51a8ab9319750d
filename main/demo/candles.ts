/** The exact fold of a market's trades into candles: scaled whole numbers, no float anywhere. */
import type { Granularity } from '../core/contract.ts';
import { GRANULARITIES, GRANULARITY_MS } from '../core/contract.ts';
import { scaledText } from './texts.ts';

/** Prices are value x 10^priceDigits, sizes value x 10^sizeDigits; `notional` is the sum of price x size. */
export interface DemoCandle {
  readonly granularity: Granularity;
  /** Start of the period, ms since the epoch. */
  readonly start: number;
  readonly open: bigint;
  high: bigint;
  low: bigint;
  close: bigint;
  volume: bigint;
  notional: bigint;
  trades: number;
}

export interface CandleScale {
  readonly priceDigits: number;
  readonly sizeDigits: number;
}

export class CandleFold {
  readonly #current: Record<Granularity, DemoCandle | null> = { '1m': null, '1h': null };
  readonly #closed: (candle: DemoCandle) => void;
  /** Closed minutes of the last hour, oldest first. */
  readonly #minutes: DemoCandle[] = [];

  /** @param closed is given each candle once, when no further trade can change it */
  constructor(closed: (candle: DemoCandle) => void) {
    this.#closed = closed;
  }

  /** @param time ms since the epoch, never before that of the last trade */
  add(time: number, price: bigint, size: bigint): void {
    const notional = price * size;
    for (const granularity of GRANULARITIES) {
      const length = GRANULARITY_MS[granularity];
      const start = time - (time % length);
      const candle = this.#current[granularity];
      if (candle?.start === start) {
        if (price > candle.high) candle.high = price;
        if (price < candle.low) candle.low = price;
        candle.close = price;
        candle.volume += size;
        candle.notional += notional;
        candle.trades++;
        continue;
      }
      this.#close(granularity);
      this.#current[granularity] = {
        granularity,
        start,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: size,
        notional,
        trades: 1,
      };
    }
  }

  /** The candle that further trades may change, or null. */
  current(granularity: Granularity): DemoCandle | null {
    return this.#current[granularity];
  }

  /** Closes the candles whose period ended at or before `time` (Infinity: all), shortest first. */
  closeUntil(time: number): void {
    for (const granularity of GRANULARITIES) {
      const candle = this.#current[granularity];
      if (candle !== null && candle.start + GRANULARITY_MS[granularity] <= time) this.#close(granularity);
    }
  }

  /** The sum of the 60 minutes that end with the newest one, or null before the first trade. */
  lastHour(): DemoCandle | null {
    const minutes = this.#minutes.slice();
    const open = this.#current['1m'];
    if (open !== null) minutes.push(open);
    const newest = minutes[minutes.length - 1];
    if (newest === undefined) return null;
    let sum: DemoCandle | null = null;
    for (const minute of minutes) {
      if (minute.start <= newest.start - GRANULARITY_MS['1h']) continue;
      if (sum === null) {
        sum = { ...minute, granularity: '1h' };
        continue;
      }
      if (minute.high > sum.high) sum.high = minute.high;
      if (minute.low < sum.low) sum.low = minute.low;
      sum.close = minute.close;
      sum.volume += minute.volume;
      sum.notional += minute.notional;
      sum.trades += minute.trades;
    }
    return sum;
  }

  #close(granularity: Granularity): void {
    const candle = this.#current[granularity];
    if (candle === null) return;
    this.#current[granularity] = null;
    if (granularity === '1m') {
      this.#minutes.push(candle);
      if (this.#minutes.length > 60) this.#minutes.shift();
    }
    this.#closed(candle);
  }
}

/**
 * The volume-weighted average price as the shortest decimal text, rounded half up to 8 to 12
 * places (four more than the prices have); null when nothing was traded.
 */
export function vwapText(candle: DemoCandle, scale: CandleScale): string | null {
  if (candle.volume === 0n) return null;
  const places = Math.max(scale.priceDigits, Math.min(12, Math.max(8, scale.priceDigits + 4)));
  const factor = 10n ** BigInt(places - scale.priceDigits);
  const rounded = (2n * candle.notional * factor + candle.volume) / (2n * candle.volume);
  const text = scaledText(rounded.toString(), places);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
