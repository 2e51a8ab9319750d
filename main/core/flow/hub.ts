/**
 * Towards the views: snapshot first, then events, coalesced for the screen. What a view does not
 * follow is not sent to it.
 */
import {
  type CandlePoint,
  type ChartKey,
  type CoreEvent,
  type Message,
  TRADE_BUY,
  TRADE_REDELIVERED,
  TRADE_SELL,
} from '../contract.ts';
import type { Clock, Timer } from '../ports.ts';
import { type Candle, type Origin, SIDE_BUY, SIDE_SELL, type TradeRow } from './batch.ts';
import type { AcceptedTrade } from './recorder.ts';
import { TradePacker } from './trade-packer.ts';

/** A little more than 30 a second: faster than that nobody reads. */
const FRAME_MS = 33;
/** Of a tape, a frame takes no more than a screen can show many times over. */
const MAX_TAPE_ROWS = 500;
export const MAX_CHARTS = 16;
export const MAX_TAPES = 8;

export class HubClient {
  readonly #send: (message: Message) => void;
  charts: readonly ChartKey[] = [];
  tapes: readonly string[] = [];

  constructor(send: (message: Message) => void) {
    this.#send = send;
  }

  event(event: CoreEvent): void {
    this.#send({ kind: 'event', event });
  }

  message(message: Message): void {
    this.#send(message);
  }
}

/** The newest MAX_TAPE_ROWS, of which the oldest is overwritten first. */
class TapeRows {
  readonly #rows: TapeRow[] = [];
  #count = 0;

  add({ exchangeTime, priceDigits, priceScale, sizeDigits, sizeScale }: AcceptedTrade, flags: number): void {
    const row = { exchangeTime, priceDigits, priceScale, sizeDigits, sizeScale, flags };
    this.#rows[this.#count++ % MAX_TAPE_ROWS] = row;
  }

  pack(packer: TradePacker): void {
    const rows = this.#rows;
    const oldest = this.#count > rows.length ? this.#count % rows.length : 0;
    for (let n = 0; n < rows.length; n++) {
      const row = rows[(oldest + n) % rows.length];
      if (row === undefined) continue;
      const { exchangeTime, priceDigits, priceScale, sizeDigits, sizeScale, flags } = row;
      packer.add(exchangeTime, priceDigits, priceScale, sizeDigits, sizeScale, flags);
    }
  }
}

type TapeRow = Omit<TradeRow, 'side'> & { readonly flags: number };

export class Hub {
  readonly #clients = new Set<HubClient>();
  readonly #timer: Timer;
  #tapes = new Map<string, TapeRows>();
  readonly #packer = new TradePacker(MAX_TAPE_ROWS);
  #candles = new Map<string, { chart: ChartKey; points: Map<number, CandlePoint> }>();
  /** What any client follows, so that the rest costs nothing. */
  #followedTapes = new Set<string>();
  #followedCharts = new Set<string>();

  constructor(clock: Clock) {
    this.#timer = clock.every(FRAME_MS, () => this.#frame());
  }

  join(client: HubClient): void {
    this.#clients.add(client);
  }

  leave(client: HubClient): void {
    this.#clients.delete(client);
    this.followed();
  }

  close(): void {
    this.#timer.cancel();
    this.#clients.clear();
  }

  /** To be called after a client's charts or tapes changed. */
  followed(): void {
    this.#followedTapes = new Set([...this.#clients].flatMap(({ tapes }) => tapes));
    this.#followedCharts = new Set([...this.#clients].flatMap(({ charts }) => charts.map(chartName)));
  }

  broadcast(event: CoreEvent): void {
    for (const client of this.#clients) client.event(event);
  }

  trade(trade: AcceptedTrade, origin: Origin): void {
    if (this.#followedTapes.size === 0 || !this.#followedTapes.has(trade.market)) return;
    let rows = this.#tapes.get(trade.market);
    if (rows === undefined) this.#tapes.set(trade.market, (rows = new TapeRows()));
    const side = trade.side === SIDE_BUY ? TRADE_BUY : trade.side === SIDE_SELL ? TRADE_SELL : 0;
    rows.add(trade, side | (origin === 'redelivered' ? TRADE_REDELIVERED : 0));
  }

  candle(candle: Candle): void {
    const chart: ChartKey = { market: candle.market, granularity: candle.granularity };
    const name = chartName(chart);
    if (!this.#followedCharts.has(name)) return;
    let waiting = this.#candles.get(name);
    if (waiting === undefined) this.#candles.set(name, (waiting = { chart, points: new Map() }));
    waiting.points.set(candle.start, pointOf(candle));
  }

  #frame(): void {
    if (this.#tapes.size > 0) {
      const tapes = this.#tapes;
      this.#tapes = new Map();
      for (const [market, rows] of tapes) {
        rows.pack(this.#packer);
        const { count } = this.#packer;
        const bytes = this.#packer.take();
        this.#to(({ tapes: followed }) => followed.includes(market), {
          type: 'trades',
          market,
          count,
          bytes,
        });
      }
    }
    if (this.#candles.size > 0) {
      const charts = this.#candles;
      this.#candles = new Map();
      for (const [name, { chart, points }] of charts) {
        const candles = [...points.values()].sort((a, b) => a.start - b.start);
        this.#to((client) => client.charts.some((each) => chartName(each) === name), {
          type: 'candles',
          chart,
          candles,
        });
      }
    }
  }

  #to(wants: (client: HubClient) => boolean, event: CoreEvent): void {
    for (const client of this.#clients) if (wants(client)) client.event(event);
  }
}

function chartName({ market, granularity }: ChartKey): string {
  return `${granularity} ${market}`;
}

function pointOf(candle: Candle): CandlePoint {
  return {
    start: candle.start / 1000,
    open: numberOf(candle.open),
    high: numberOf(candle.high),
    low: numberOf(candle.low),
    close: numberOf(candle.close),
    volume: Number(candle.volume),
    vwap: numberOf(candle.vwap),
    trades: candle.trades,
    final: candle.final,
  };
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}
