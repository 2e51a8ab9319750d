/**
 * Where everything of the feed plays: all markets in time, folded and put into the queues of the
 * two endpoints. Knows no port and no HTTP.
 *
 * Two times: virtual time counts ms since the start and stands still while paused; the exchange
 * times of synthetic trades are virtual time plus an origin on the wall clock.
 */
import type { Endpoint, Granularity } from '../core/contract.ts';
import { GRANULARITIES } from '../core/contract.ts';
import type { Clock } from '../core/ports.ts';
import type { DemoCandle } from './candles.ts';
import { marketsWith } from './catalogue.ts';
import type { Connection } from './channel.ts';
import { Channel } from './channel.ts';
import type { MarketFacts } from './dictionary.ts';
import { TradeGenerator } from './generator.ts';
import type { DemoTrade } from './market-feed.ts';
import { MarketFeed } from './market-feed.ts';
import type { PlaybackTape } from './playback.ts';
import { Playback } from './playback.ts';
import type { QueuedTrade } from './redelivery.ts';
import { TextQueue, TradeQueue } from './redelivery.ts';
import { Rng } from './rng.ts';

/** A candle that changes is sent this often. */
const CANDLE_UPDATE_MS = 1_000;
/** Trades made in one tick, so that a feed that fell behind still answers its sockets; the rest follows in the next ticks. */
const MAX_TRADES_A_TICK = 12_000;
/** The wall clock ran ahead of ours by this much: the machine slept, or the clock was set. */
const CLOCK_JUMP_MS = 5_000;

export interface StageOptions {
  readonly seed: number;
  readonly rate: number;
  readonly idOffset: number;
  readonly playback: {
    readonly tape: PlaybackTape;
    readonly market: string;
    readonly speed: number;
    readonly delayMs: number;
  } | null;
  /** Markets that are listed after those of the catalogue, and never trade. */
  readonly listed: readonly MarketFacts[];
  readonly onTrade: ((trade: DemoTrade) => void) | null;
  readonly clock: Clock;
}

export class Stage {
  readonly channels: Readonly<Record<Endpoint, Channel>>;
  readonly facts: readonly MarketFacts[];
  readonly #clock: Clock;
  readonly #onTrade: ((trade: DemoTrade) => void) | null;
  readonly #markets: readonly MarketFeed[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #trades: TradeQueue;
  readonly #candles = new TextQueue();
  readonly #generator: TradeGenerator;
  readonly #playback: Playback | null;
  readonly #playbackMarket: number;
  readonly #playbackDelay: number;
  /** Virtual time 0 on the wall clock, whole ms. */
  #origin = 0;
  #started = 0;
  #pausedAt: number | null = null;
  #candlesSent = 0;

  constructor(options: StageOptions) {
    this.#clock = options.clock;
    this.#onTrade = options.onTrade;
    const { playback } = options;
    const markets = marketsWith(playback?.market ?? null);
    this.#markets = markets.map((market, index) => {
      const tape = market.id === playback?.market ? playback.tape : null;
      const firstId = firstIdOf(options.seed, index) + options.idOffset;
      return new MarketFeed(market, tape, firstId, (candle) => this.#sendCandle(index, candle));
    });
    const known = new Set(markets.map(({ id }) => id));
    const listed = options.listed.filter(({ market }) => !known.has(market.id));
    const ids = [...markets, ...listed.map(({ market }) => market)].map(({ id }) => id);
    this.#index = new Map(ids.map((id, index) => [id, index]));
    this.#trades = new TradeQueue((trade) => this.#market(trade.market).tradeText(trade));
    this.channels = {
      trades: new Channel(this.#trades, ids.length),
      candles: new Channel(this.#candles, ids.length * GRANULARITIES.length),
    };
    this.#generator = new TradeGenerator(options.seed, options.rate, markets);
    this.#playback = playback === null ? null : new Playback(playback.tape.rows, playback.speed);
    this.#playbackMarket = playback === null ? -1 : (this.#index.get(playback.market) ?? -1);
    this.#playbackDelay = playback?.delayMs ?? 0;
    const playing = this.#markets.map((feed) => ({
      market: feed.market,
      lastSeen: () => feed.lastSeen,
      lastHour: () => feed.lastHour(),
    }));
    this.facts = [...playing, ...listed];
  }

  get playbackEnded(): boolean {
    return this.#playback?.ended ?? true;
  }

  tradesPublished(market: string): number {
    const index = this.#index.get(market);
    return index === undefined ? 0 : this.channels.trades.publishedOf(index);
  }

  /** The slot of an endpoint for a market (and granularity), or null when there is none. */
  slotOf(endpoint: Endpoint, market: string, granularity: string | null): number | null {
    const index = this.#index.get(market);
    if (index === undefined) return null;
    if (endpoint === 'trades') return index;
    const place = GRANULARITIES.findIndex((name) => name === granularity);
    return place < 0 ? null : candleSlot(index, place);
  }

  subscribe(endpoint: Endpoint, connection: Connection, slots: readonly number[]): void {
    this.channels[endpoint].subscribe(connection, slots);
    if (endpoint === 'trades') {
      if (slots.includes(this.#playbackMarket))
        this.#playback?.startAt(this.#virtual() + this.#playbackDelay);
      return;
    }
    // A new subscriber need not wait for the next trade to see the candle as it is.
    for (const slot of slots) {
      const granularity = GRANULARITIES[slot % GRANULARITIES.length];
      const feed = this.#markets[Math.floor(slot / GRANULARITIES.length)];
      if (granularity !== undefined && feed !== undefined && feed.fold.current(granularity) !== null)
        feed.changed[granularity] = true;
    }
  }

  /** Virtual time begins. */
  begin(): void {
    this.#started = this.#clock.monotonic();
    this.#candlesSent = this.#started;
    this.#origin = Math.floor(this.#clock.now() / 1_000);
  }

  pause(): void {
    this.#pausedAt ??= this.#clock.monotonic();
  }

  resume(): void {
    if (this.#pausedAt === null) return;
    this.#started += this.#clock.monotonic() - this.#pausedAt;
    this.#pausedAt = null;
  }

  /** Everything that is due: trades, candles, deliveries. */
  tick(): void {
    const now = this.#clock.monotonic();
    if (this.#pausedAt === null) {
      this.#followWallClock();
      this.#playSynthetic(now);
      this.#playTape(now);
    }
    if (now - this.#candlesSent >= CANDLE_UPDATE_MS) {
      this.#candlesSent = now;
      this.#sendChangedCandles();
    }
    this.channels.trades.flush(now);
    this.channels.candles.flush(now);
  }

  #virtual(): number {
    return (this.#pausedAt ?? this.#clock.monotonic()) - this.#started;
  }

  /** Exchange times never go back, so a clock that was set back is not followed. */
  #followWallClock(): void {
    const ahead = Math.floor(this.#clock.now() / 1_000 - this.#origin - this.#virtual());
    if (ahead > CLOCK_JUMP_MS) this.#origin += ahead;
  }

  #playSynthetic(now: number): void {
    const until = this.#virtual();
    let left = MAX_TRADES_A_TICK;
    while (left > 0 && this.#generator.peek() <= until) {
      const trade = this.#generator.take();
      trade.time += this.#origin;
      this.#market(trade.market).addUnits(trade);
      this.#tell(now, trade);
      left--;
    }
    const done = this.#origin + Math.min(until, this.#generator.peek());
    this.#markets.forEach((feed, index) => {
      if (index !== this.#playbackMarket) feed.fold.closeUntil(done);
    });
  }

  /** Its candles close when the next period has its first trade, or with the file. */
  #playTape(now: number): void {
    const playback = this.#playback;
    if (playback === null || playback.ended) return;
    const feed = this.#market(this.#playbackMarket);
    const until = this.#virtual();
    for (let left = MAX_TRADES_A_TICK; left > 0; left--) {
      const row = playback.due(until);
      if (row < 0) break;
      this.#tell(now, feed.addRow(this.#playbackMarket, row));
    }
    if (playback.ended) feed.fold.closeUntil(Infinity);
  }

  #tell(now: number, trade: Readonly<QueuedTrade>): void {
    this.#onTrade?.(this.#market(trade.market).describe(trade));
    if (!this.channels.trades.wants(trade.market)) return;
    this.#trades.add(now, trade);
    this.channels.trades.published(trade.market);
  }

  #sendChangedCandles(): void {
    this.#markets.forEach((feed, index) => {
      for (const granularity of GRANULARITIES) {
        const candle = feed.changed[granularity] ? feed.fold.current(granularity) : null;
        if (candle !== null) this.#sendCandle(index, candle);
      }
    });
  }

  #sendCandle(index: number, candle: DemoCandle): void {
    const feed = this.#market(index);
    feed.changed[candle.granularity] = false;
    const slot = candleSlot(index, placeOf(candle.granularity));
    if (!this.channels.candles.wants(slot)) return;
    this.#candles.add(this.#clock.monotonic(), slot, feed.candleText(candle));
    this.channels.candles.published(slot);
  }

  #market(index: number): MarketFeed {
    const market = this.#markets[index];
    if (market === undefined) throw new RangeError(`there is no market ${index}`);
    return market;
  }
}

function candleSlot(market: number, place: number): number {
  return market * GRANULARITIES.length + place;
}

function placeOf(granularity: Granularity): number {
  return GRANULARITIES.indexOf(granularity);
}

/** Ten digits, as venues have them; far enough apart that markets do not share ids by chance. */
function firstIdOf(seed: number, index: number): number {
  return 1_000_000_000 + Math.floor(new Rng(seed, 2_000 + index).uniform() * 8_000_000_000);
}
