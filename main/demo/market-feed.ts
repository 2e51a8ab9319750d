/** One market as the feed speaks of it: the text of its trades and candles, and its candles' fold. */
import type { Granularity } from '../core/contract.ts';
import { GRANULARITIES } from '../core/contract.ts';
import type { CandleScale, DemoCandle } from './candles.ts';
import { CandleFold, vwapText } from './candles.ts';
import type { DemoMarket } from './catalogue.ts';
import type { HourMetrics } from './dictionary.ts';
import type { PlaybackTape } from './playback.ts';
import { scaledUnits } from './playback.ts';
import type { QueuedTrade } from './redelivery.ts';
import { isoText, scaledText } from './texts.ts';

/** A trade as the text that clients are sent. */
export interface DemoTrade {
  readonly market: string;
  readonly id: string;
  /** Exchange time, ms since the epoch. */
  readonly time: number;
  readonly side: 'buy' | 'sell';
  readonly price: string;
  readonly size: string;
}

export class MarketFeed {
  readonly market: DemoMarket;
  readonly fold: CandleFold;
  /** A candle changed since it was last sent. */
  readonly changed: Record<Granularity, boolean> = { '1m': false, '1h': false };
  lastSeen: number | null = null;
  readonly #scale: CandleScale;
  readonly #tape: PlaybackTape | null;
  readonly #firstId: number;
  readonly #tradeMiddle: string;
  readonly #candleHead: string;

  /**
   * @param tape what the market plays, or null when it is synthetic
   * @param firstId id of its first synthetic trade
   */
  constructor(
    market: DemoMarket,
    tape: PlaybackTape | null,
    firstId: number,
    closed: (candle: DemoCandle) => void,
  ) {
    this.market = market;
    this.fold = new CandleFold(closed);
    this.#tape = tape;
    this.#firstId = firstId;
    this.#scale = tape ?? market.behaviour ?? { priceDigits: 0, sizeDigits: 0 };
    const names = `"marketId":${JSON.stringify(market.id)},"marketVenue":${JSON.stringify(market.venue)},"pairId":${JSON.stringify(market.pairId)}`;
    this.#tradeMiddle = `,${names},"timestamp":"`;
    this.#candleHead = `{"type":"trade-metrics","payload":{${names},"granularity":"`;
  }

  /** Folds a synthetic trade; `price` in ticks, `size` in lots. */
  addUnits(trade: Readonly<QueuedTrade>): void {
    this.#add(trade.time, BigInt(trade.price), BigInt(trade.size));
  }

  /** Folds row `serial` of the tape and gives the form in which it is queued. */
  addRow(market: number, serial: number): QueuedTrade {
    const row = this.#tape?.rows[serial];
    if (row === undefined) throw new RangeError(`the tape has no row ${serial}`);
    const { priceDigits, sizeDigits } = this.#scale;
    this.#add(row.time, scaledUnits(row.price, priceDigits), scaledUnits(row.size, sizeDigits));
    return { market, serial, time: row.time, price: 0, size: 0, buy: row.buy };
  }

  /** What clients are told of a trade. */
  describe(trade: Readonly<QueuedTrade>): DemoTrade {
    const side = trade.buy ? 'buy' : 'sell';
    const head = { market: this.market.id, time: trade.time, side } as const;
    const row = this.#tape?.rows[trade.serial];
    if (row !== undefined) return { ...head, id: row.id, price: row.price, size: row.size };
    return {
      ...head,
      id: String(this.#firstId + trade.serial),
      price: scaledText(String(trade.price), this.#scale.priceDigits),
      size: scaledText(String(trade.size), this.#scale.sizeDigits),
    };
  }

  /** The message; always the same for the same trade. */
  tradeText(trade: Readonly<QueuedTrade>): string {
    const row = this.#tape?.rows[trade.serial];
    const id = row === undefined ? `"${this.#firstId + trade.serial}"` : JSON.stringify(row.id);
    const price = row?.price ?? scaledText(String(trade.price), this.#scale.priceDigits);
    const size = row?.size ?? scaledText(String(trade.size), this.#scale.sizeDigits);
    return `{"type":"trade","payload":{"id":${id}${this.#tradeMiddle}${isoText(trade.time)}","price":"${price}","size":"${size}","side":"${trade.buy ? 'buy' : 'sell'}"}}`;
  }

  /** The message of a candle as it is now. */
  candleText(candle: DemoCandle): string {
    const { priceDigits, sizeDigits } = this.#scale;
    const price = (units: bigint): string => scaledText(units.toString(), priceDigits);
    const vwap = vwapText(candle, this.#scale);
    return `${this.#candleHead}${candle.granularity}","timestamp":"${isoText(candle.start)}","open":"${price(candle.open)}","high":"${price(candle.high)}","low":"${price(candle.low)}","close":"${price(candle.close)}","volume":"${scaledText(candle.volume.toString(), sizeDigits)}","vwap":${vwap === null ? 'null' : `"${vwap}"`},"trades":${candle.trades}}}`;
  }

  lastHour(): HourMetrics | null {
    const hour = this.fold.lastHour();
    if (hour === null) return null;
    return {
      price: scaledText(hour.close.toString(), this.#scale.priceDigits),
      volume: scaledText(hour.volume.toString(), this.#scale.sizeDigits),
      trades: hour.trades,
      vwap: vwapText(hour, this.#scale),
    };
  }

  #add(time: number, price: bigint, size: bigint): void {
    this.lastSeen = time;
    this.fold.add(time, price, size);
    for (const granularity of GRANULARITIES) this.changed[granularity] = true;
  }
}
