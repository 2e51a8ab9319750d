/** Bytes of one frame to trades, candles, acknowledgements and refusals. No socket, no clock. */
import type { Granularity, Micros } from '../contract.ts';
import type { ByteSpan } from './byte-span.ts';
import type { Dialect } from './dialect.ts';
import { MAX_FRAME } from './json.ts';
import { TradeScanner } from './scanner.ts';
import { TolerantDecoder } from './tolerant.ts';

/** The same object is reused for each call; copy what must be kept. */
export interface DecodedTrade {
  market: string;
  exchangeTime: Micros;
  /** A number up to 2^53 - 1, a bigint beyond; canonical, see decimal.ts. */
  priceDigits: number | bigint;
  priceScale: number;
  sizeDigits: number | bigint;
  sizeScale: number;
  /** SIDE_UNKNOWN, SIDE_BUY or SIDE_SELL. */
  side: number;
  /** Empty when the trade came without one. Made when it is asked for, where `idSpan` is given. */
  readonly id: string;
  /** The id's bytes where they came, valid during the call alone. A copy of the trade is without it. */
  readonly idSpan?: ByteSpan;
}

export interface DecodedCandle {
  readonly market: string;
  readonly granularity: Granularity;
  readonly start: Micros;
  readonly open: string | null;
  readonly high: string | null;
  readonly low: string | null;
  readonly close: string | null;
  readonly volume: string;
  readonly vwap: string | null;
  readonly trades: number;
  /** Only when the message itself says so. */
  readonly final: boolean;
}

export interface Answer {
  /**
   * null: without correlation. An acknowledgement or error may name a traceId that nobody waits for
   * (redelivery can hold old answers): it says nothing about a subscription then.
   */
  readonly traceId: string | null;
  readonly ok: boolean;
  /** Markets it names, possibly none. */
  readonly markets: readonly string[];
  /** The server's words, bounded to 500 characters. */
  readonly words: string | null;
}

export interface Refusal {
  /**
   * Stable: `json`, `utf8`, `depth`, `size` (of a frame or of a trade), `price`, `time`, `market`, `id`,
   * `count` (of a candle's trades), `shape`, `granularity`.
   */
  readonly reason: string;
  /** The first 300 characters of what was refused, cleaned; empty beyond 20 refusals of one frame. */
  readonly sample: string;
}

export interface FrameSink {
  trade(trade: DecodedTrade): void;
  candle(candle: DecodedCandle): void;
  answer(answer: Answer): void;
  /** A well-formed message of a type that the dialect does not know. */
  unknown(type: string): void;
  refused(refusal: Refusal): void;
}

export interface Decoder {
  /**
   * Never throws. `pending` tells whether a traceId is one that waits for its answer. The frame is the
   * bytes from `start` up to `end`, all when they are lacking.
   */
  decode(
    bytes: Uint8Array,
    pending: (traceId: string) => boolean,
    sink: FrameSink,
    start?: number,
    end?: number,
  ): void;
}

/** Out of the dictionary: the id of the market of a venue's pair, or null. */
export type MarketLookup = (venue: string, pair: string) => string | null;

/**
 * A decoder for one socket's frames.
 *
 * @param lookup for messages that name venue and pair but no market id; without it they are refused.
 */
export function createDecoder(dialect: Dialect, lookup: MarketLookup | null = null): Decoder {
  const scanner = new TradeScanner(dialect);
  const tolerant = new TolerantDecoder(dialect, lookup);
  return {
    decode(given, pending, sink, start = 0, end = given.length) {
      const bytes = Buffer.isBuffer(given)
        ? given
        : Buffer.from(given.buffer, given.byteOffset, given.byteLength);
      if (end - start > MAX_FRAME) {
        tolerant.decode(bytes.subarray(start, end), 0, pending, sink);
        return;
      }
      // An empty frame is no document: the tolerant decoder says so.
      let at = start;
      do {
        const next = scanner.scan(bytes, at, end);
        if (next < 0) {
          tolerant.decode(bytes.subarray(start, end), at - start, pending, sink);
          return;
        }
        sink.trade(scanner.trade);
        at = next;
      } while (at < end);
    },
  };
}
