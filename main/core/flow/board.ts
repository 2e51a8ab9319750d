/** What each row of the watchlist shows, kept from accepted trades and candles. For the screen alone. */
import {
  CANDLE_FIELDS,
  type Endpoint,
  floatsOf,
  type CandlePage,
  type MarketInfo,
  type Millis,
  type Subscription,
  type Tick,
  type WatchRow,
} from '../contract.ts';

const SPARK_CANDLES = 60;
const HOUR_MS = 3_600_000;
const CHANGE_HOURS = 24;
const RATE_SECONDS = 10;
/** So many one-minute candles cover the change of 24 h. */
export const BOARD_CANDLES = 1_440;

class Row {
  market: MarketInfo;
  trades: Subscription = 'off';
  candles: Subscription = 'off';
  /** The server's words of each endpoint that it refused. */
  readonly words: Record<Endpoint, string | null> = { trades: null, candles: null };
  /** In memory of its own, so that a trade makes no object of its price; NaN before the first. */
  readonly #last = new Float64Array(1).fill(NaN);
  priceDigits = 0;
  sizeDigits = 0;
  /** One-minute closes by start. */
  closes: { start: Millis; close: number }[] = [];
  /** The first open of each hour of the last day. */
  hours: { hour: number; start: Millis; open: number }[] = [];
  counts = new Float64Array(RATE_SECONDS);
  changed = false;

  constructor(market: MarketInfo) {
    this.market = market;
  }

  get last(): number | null {
    const last = this.#last[0] ?? NaN;
    return Number.isNaN(last) ? null : last;
  }

  set last(price: number) {
    this.#last[0] = price;
  }

  candle(start: Millis, open: number, close: number): void {
    const closes = this.closes;
    let at = closes.length;
    while (at > 0 && (closes[at - 1]?.start ?? 0) > start) at--;
    if (closes[at - 1]?.start === start) closes[at - 1] = { start, close };
    else closes.splice(at, 0, { start, close });
    if (closes.length > SPARK_CANDLES) closes.shift();
    const hour = Math.floor(start / HOUR_MS);
    const known = this.hours.find((each) => each.hour === hour);
    if (known === undefined) {
      this.hours.push({ hour, start, open });
      this.hours.sort((a, b) => a.hour - b.hour);
    } else if (start <= known.start) {
      known.start = start;
      known.open = open;
    }
    const newest = this.hours.at(-1)?.hour ?? hour;
    while ((this.hours[0]?.hour ?? newest) <= newest - CHANGE_HOURS) this.hours.shift();
    if (this.last === null) this.last = close;
  }

  /** Of both endpoints, when they differ. */
  get refusal(): string | null {
    const { candles, trades } = this.words;
    if (candles === null || trades === null || candles === trades) return trades ?? candles;
    return `trades: ${trades}; candles: ${candles}`;
  }

  get change(): number | null {
    const open = this.hours[0]?.open;
    return open === undefined || open === 0 || this.last === null ? null : this.last / open - 1;
  }

  get rate(): number {
    return this.counts.reduce((sum, count) => sum + count, 0) / RATE_SECONDS;
  }
}

export class Board {
  #rows = new Map<string, Row>();
  #slot = 0;

  get markets(): string[] {
    return [...this.#rows.keys()];
  }

  has(market: string): boolean {
    return this.#rows.has(market);
  }

  /** Replaces the rows, in this order; what is known of those that stay is kept. */
  setMarkets(markets: readonly MarketInfo[]): void {
    const rows = new Map<string, Row>();
    for (const market of markets) {
      const row = this.#rows.get(market.id) ?? new Row(market);
      row.market = market;
      rows.set(market.id, row);
    }
    this.#rows = rows;
  }

  /** Recorded one-minute candles, from which spark line and change start after a restart. */
  restore(market: string, page: CandlePage): void {
    const row = this.#rows.get(market);
    if (row === undefined) return;
    const floats = floatsOf(page.bytes);
    for (let at = 0; at < page.count * CANDLE_FIELDS; at += CANDLE_FIELDS) {
      const [start = 0, open = Number.NaN, , , close = Number.NaN] = floats.subarray(at, at + 5);
      if (!Number.isNaN(close)) {
        row.candle(start, open, close);
        row.last = close;
        row.priceDigits = Math.max(row.priceDigits, digitsOf(close));
      }
    }
  }

  subscription(endpoint: Endpoint, market: string, state: Subscription, words: string | null): void {
    const row = this.#rows.get(market);
    if (row === undefined) return;
    row[endpoint] = state;
    row.words[endpoint] = state === 'refused' ? words : null;
  }

  trade(market: string, price: number, priceDigits: number, sizeDigits: number): void {
    const row = this.#rows.get(market);
    if (row === undefined) return;
    row.last = price;
    if (priceDigits > row.priceDigits) row.priceDigits = priceDigits;
    if (sizeDigits > row.sizeDigits) row.sizeDigits = sizeDigits;
    row.counts[this.#slot] = (row.counts[this.#slot] ?? 0) + 1;
    row.changed = true;
  }

  candle(market: string, start: Millis, open: number, close: number): void {
    this.#rows.get(market)?.candle(start, open, close);
  }

  /** To be called once a second: rates fall though nothing comes. */
  second(): void {
    this.#slot = (this.#slot + 1) % RATE_SECONDS;
    for (const row of this.#rows.values()) {
      if (row.counts[this.#slot] !== 0 || row.rate > 0) row.changed = true;
      row.counts[this.#slot] = 0;
    }
  }

  rows(): WatchRow[] {
    return Array.from(this.#rows.values(), (row) => ({
      market: row.market,
      trades: row.trades,
      candles: row.candles,
      refusal: row.refusal,
      last: row.last,
      change: row.change,
      rate: row.rate,
      priceDigits: row.priceDigits,
      sizeDigits: row.sizeDigits,
      spark: row.closes.map(({ start, close }) => [start, close] as const),
    }));
  }

  /** The rows that moved since the last call. */
  takeTicks(): Tick[] {
    const ticks: Tick[] = [];
    for (const [market, row] of this.#rows) {
      if (!row.changed || row.last === null) continue;
      row.changed = false;
      ticks.push({
        market,
        last: row.last,
        change: row.change,
        rate: row.rate,
        priceDigits: row.priceDigits,
        sizeDigits: row.sizeDigits,
      });
    }
    return ticks;
  }
}

/** Decimal places of a number's shortest form. */
function digitsOf(value: number): number {
  const text = String(value);
  const exponent = text.indexOf('e-');
  if (exponent !== -1)
    return (
      Number(text.slice(exponent + 2)) + (text.indexOf('.') === -1 ? 0 : exponent - text.indexOf('.') - 1)
    );
  const point = text.indexOf('.');
  return point === -1 ? 0 : text.length - point - 1;
}
