/** Frames as the feed sends them, prebuilt: a trade is 219 bytes on average, with a UUID for its id. */

/** Repeatable chance in [0, 1): mulberry32. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Market {
  readonly venue: string;
  readonly pair: string;
  readonly id: string;
}

const VENUES = ['binance', 'coinbase', 'kraken', 'bitstamp'];
const ASSETS = ['btc', 'eth', 'sol', 'xrp', 'doge'];
const QUOTES = ['usdt', 'usd'];

export const MARKETS: readonly Market[] = VENUES.flatMap((venue) =>
  ASSETS.flatMap((asset) =>
    QUOTES.map((quote) => ({ venue, pair: `${asset}-${quote}`, id: `${venue}-${asset}-${quote}` })),
  ),
);

export interface TradeFields {
  readonly id: string;
  readonly marketId: string;
  readonly marketVenue: string;
  readonly pairId: string;
  readonly timestamp: string;
  readonly price: string;
  readonly size: string;
  readonly side: string;
}

/** Trades of random markets, `perSecond` of each second from `start` (milliseconds since the epoch) on. */
export function* trades(seed: number, start: number, perSecond = 5_000): Generator<TradeFields> {
  const random = chance(seed);
  const hex = (length: number): string =>
    Math.floor(random() * 16 ** length)
      .toString(16)
      .padStart(length, '0');
  const prices = MARKETS.map(() => 1_000_000 + Math.floor(random() * 5_000_000));
  for (let n = 0; ; n++) {
    const at = Math.floor(random() * MARKETS.length);
    const { venue, pair, id } = MARKETS[at] ?? { venue: '', pair: '', id: '' };
    const price = (prices[at] ?? 0) + Math.floor(random() * 201) - 100;
    prices[at] = price;
    yield {
      id: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
      marketId: id,
      marketVenue: venue,
      pairId: pair,
      timestamp: new Date(start + Math.floor((n * 1000) / perSecond)).toISOString(),
      price: (price / 100).toFixed(2),
      size: (random() * 3).toFixed(6),
      side: random() < 0.5 ? 'buy' : 'sell',
    };
  }
}

/** The first `count` of them. */
export function take<T>(items: Iterator<T>, count: number): T[] {
  return Array.from({ length: count }, () => items.next().value as T);
}

export function tradeMessage(payload: object): string {
  return JSON.stringify({ type: 'trade', payload });
}

/** A text frame as a server sends it: whole and unmasked. */
export function webSocketFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.of(0x81, length), payload]);
  if (length < 65_536) return Buffer.concat([Buffer.of(0x81, 126, length >> 8, length & 0xff), payload]);
  throw new RangeError('frames of 64 KiB and more are not needed here');
}
