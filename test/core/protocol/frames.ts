/** Collects what a decoder says of a frame, as plain values. */
import type {
  Answer,
  DecodedCandle,
  DecodedTrade,
  FrameSink,
  Refusal,
} from '../../../main/core/protocol/decode.ts';
import { createDecoder } from '../../../main/core/protocol/decode.ts';
import type { MarketLookup } from '../../../main/core/protocol/decode.ts';
import { formatDecimal } from '../../../main/core/protocol/decimal.ts';
import type { Dialect } from '../../../main/core/protocol/dialect.ts';
import { DEFAULT_DIALECT } from '../../../main/core/protocol/dialect.ts';

export interface Seen {
  readonly trades: DecodedTrade[];
  readonly candles: DecodedCandle[];
  readonly answers: Answer[];
  readonly unknown: string[];
  readonly refused: Refusal[];
}

export function collector(): { seen: Seen; sink: FrameSink } {
  const seen: Seen = { trades: [], candles: [], answers: [], unknown: [], refused: [] };
  const sink: FrameSink = {
    trade: (trade) => seen.trades.push({ ...trade }),
    candle: (candle) => seen.candles.push(candle),
    answer: (answer) => seen.answers.push(answer),
    unknown: (type) => seen.unknown.push(type),
    refused: (refusal) => seen.refused.push(refusal),
  };
  return { seen, sink };
}

export interface DecodeOptions {
  readonly dialect?: Dialect;
  readonly pending?: readonly string[];
  readonly lookup?: MarketLookup;
}

/** Decodes a frame given as bytes, as text, or as a value to be written as JSON. */
export function decode(frame: unknown, options: DecodeOptions = {}): Seen {
  const { seen, sink } = collector();
  const bytes =
    frame instanceof Uint8Array
      ? frame
      : Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame));
  createDecoder(options.dialect ?? DEFAULT_DIALECT, options.lookup ?? null).decode(
    bytes,
    (traceId) => options.pending?.includes(traceId) ?? false,
    sink,
  );
  return seen;
}

export function priceOf(trade: DecodedTrade | undefined): string {
  return trade === undefined ? 'no trade' : formatDecimal(trade.priceDigits, trade.priceScale);
}

export function sizeOf(trade: DecodedTrade | undefined): string {
  return trade === undefined ? 'no trade' : formatDecimal(trade.sizeDigits, trade.sizeScale);
}

/** 2024-01-15T18:10:07.123Z in microseconds. */
export const TIME = 1_705_342_207_123_000;

export const TRADE = {
  id: '3401927715',
  marketId: 'binance-btc-usdt',
  marketVenue: 'binance',
  pairId: 'btc-usdt',
  timestamp: '2024-01-15T18:10:07.123Z',
  price: '42519.59',
  size: '0.0125',
  side: 'buy',
};

export const CANDLE = {
  marketId: 'binance-btc-usdt',
  marketVenue: 'binance',
  pairId: 'btc-usdt',
  granularity: '1m',
  timestamp: '2024-01-15T18:10:00.000Z',
  open: '42510.1',
  high: '42522',
  low: '42509',
  close: '42519.59',
  volume: '12.5',
  vwap: '42515.2',
  trades: 606,
};

/** As received: `CANDLE` decoded. */
export const DECODED_CANDLE: DecodedCandle = {
  market: 'binance-btc-usdt',
  granularity: '1m',
  start: 1_705_342_200_000_000,
  open: '42510.1',
  high: '42522',
  low: '42509',
  close: '42519.59',
  volume: '12.5',
  vwap: '42515.2',
  trades: 606,
  final: false,
};

export const DECODED_TRADE: DecodedTrade = {
  market: 'binance-btc-usdt',
  exchangeTime: TIME,
  priceDigits: 4251959,
  priceScale: 2,
  sizeDigits: 125,
  sizeScale: 4,
  side: 1,
  id: '3401927715',
};
