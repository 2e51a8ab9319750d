/**
 * One feed being watched: both links, the recorder behind them, the board and the dictionary.
 * Lives from the choice of a source to the choice of another.
 */
import {
  type Endpoint,
  ENDPOINTS,
  type Granularity,
  type LinkState,
  type MarketInfo,
  type RawFrame,
  type SourceKind,
} from './contract.ts';
import { Teller } from './coverage/teller.ts';
import { Dictionary } from './dictionary.ts';
import { Board, BOARD_CANDLES } from './flow/board.ts';
import { FrameClock } from './frame-clock.ts';
import type { Hub } from './flow/hub.ts';
import { Recorder } from './flow/recorder.ts';
import type { DemoFeedHandle, FeedAddresses, Ports } from './ports.ts';
import type { Dialect } from './protocol/dialect.ts';
import { decimalToNumber } from './protocol/decimal.ts';
import { FeedSession, type FeedSessionListener } from './session/feed-session.ts';
import type { Store } from './store/store.ts';

export interface FeedOptions {
  readonly source: Exclude<SourceKind, 'none'>;
  readonly addresses: FeedAddresses;
  readonly dialect: Dialect;
  readonly key: string | null;
  readonly granularities: readonly Granularity[];
  readonly store: Store;
  readonly ports: Ports;
  readonly hub: Hub;
  /** The watchlist's subscriptions or spark lines changed. */
  readonly rowsChanged: () => void;
  readonly recordingChanged: () => void;
  /** A link ended its attempts, mostly since the server does not take the key. */
  readonly refused: () => void;
  /** Ended with this feed. */
  readonly demo: DemoFeedHandle | null;
}

export class Feed {
  readonly source: Exclude<SourceKind, 'none'>;
  readonly store: Store;
  readonly recorder: Recorder;
  readonly board = new Board();
  readonly coverage: Teller;
  readonly dictionary: Dictionary;
  readonly #options: FeedOptions;
  /** Of the recorder and both links: what comes at once is of one time. */
  readonly #clock: FrameClock;
  readonly #links: Record<Endpoint, FeedSession>;

  constructor(options: FeedOptions) {
    const { hub, ports, store } = options;
    this.#options = options;
    this.#clock = new FrameClock(ports.clock);
    this.source = options.source;
    this.store = store;
    this.dictionary = new Dictionary({
      address: options.addresses.dictionary,
      fetch: ports.fetch,
      logger: ports.logger,
      clock: ports.clock,
      cache: store,
      random: Math.random,
      changed: () => hub.broadcast({ type: 'dictionary', dictionary: this.dictionary.state }),
      renewed: () => this.#rename(),
    });
    this.coverage = new Teller({ clock: ports.clock, logger: ports.logger, store });
    this.recorder = new Recorder({
      clock: this.#clock,
      logger: ports.logger,
      store,
      listener: {
        trade: (trade, _receiptTime, origin) => {
          const price = decimalToNumber(trade.priceDigits, trade.priceScale);
          this.board.trade(trade.market, price, trade.priceScale, trade.sizeScale);
          hub.trade(trade, origin);
        },
        candle: (candle) => {
          if (candle.granularity === '1m' && candle.open !== null && candle.close !== null) {
            this.board.candle(candle.market, candle.start / 1000, Number(candle.open), Number(candle.close));
            if (candle.final) options.rowsChanged();
          }
          hub.candle(candle);
        },
        gap: (gap) => hub.broadcast({ type: 'gap', gap }),
        journal: (entry) => hub.broadcast({ type: 'journal', entry }),
        coverage: (told) => this.coverage.take(told),
        changed: options.recordingChanged,
      },
    });
    this.#links = { trades: this.#link('trades'), candles: this.#link('candles') };
  }

  get links(): Record<Endpoint, LinkState> {
    return { trades: this.#links.trades.state, candles: this.#links.candles.state };
  }

  /**
   * Restores what an earlier run knew, begins to record and connects.
   *
   * @throws {QuipuError} kind `storage`
   */
  async start(markets: readonly string[]): Promise<void> {
    await this.recorder.restore();
    await this.setMarkets(markets);
    await this.recorder.begin();
    for (const endpoint of ENDPOINTS) this.#links[endpoint].start();
  }

  /** Replaces the watchlist; rows of new markets start from what is recorded. */
  async setMarkets(markets: readonly string[]): Promise<void> {
    const fresh = markets.filter((market) => !this.board.has(market));
    this.board.setMarkets(markets.map((market) => this.dictionary.market(market)));
    this.recorder.watch(markets);
    this.coverage.watch(markets);
    for (const endpoint of ENDPOINTS) this.#links[endpoint].setMarkets(markets);
    await Promise.all(
      fresh.map(async (market) => {
        const page = await this.store.candlePage({ market, granularity: '1m' }, null, BOARD_CANDLES);
        this.board.restore(market, page);
      }),
    );
    this.#options.rowsChanged();
  }

  /** See the command `watch.retry`. */
  askAgain(markets: readonly string[] | null): void {
    for (const endpoint of ENDPOINTS) this.#links[endpoint].askAgain(markets);
  }

  retry(endpoint: Endpoint): void {
    this.#links[endpoint].retry();
  }

  /** The endpoint's last frames as they came, oldest first. */
  frames(endpoint: Endpoint): RawFrame[] {
    return this.#links[endpoint].frames;
  }

  sleep(): void {
    for (const endpoint of ENDPOINTS) this.#links[endpoint].suspend();
  }

  wake(): void {
    for (const endpoint of ENDPOINTS) this.#links[endpoint].resume();
    this.dictionary.wake();
  }

  /** Commits what was received and ends session, links and demo feed; the store stays open. */
  async stop(): Promise<void> {
    this.dictionary.close();
    for (const endpoint of ENDPOINTS) this.#links[endpoint].stop();
    try {
      await this.recorder.close();
    } finally {
      await this.#options.demo?.close();
    }
  }

  /** Rows show what the dictionary says now. */
  #rename(): void {
    const rows: MarketInfo[] = this.board.markets.map((market) => this.dictionary.market(market));
    this.board.setMarkets(rows);
    for (const endpoint of ENDPOINTS) this.#links[endpoint].renamed();
    this.#options.rowsChanged();
  }

  #link(endpoint: Endpoint): FeedSession {
    const { addresses, granularities, hub, key, ports } = this.#options;
    const { recorder } = this;
    const listener: FeedSessionListener = {
      connected: () => recorder.connected(endpoint),
      alive: (silence) => recorder.alive(endpoint, silence),
      disconnected: (problem, silence) => recorder.disconnected(endpoint, problem.message, silence),
      trade: (trade) => recorder.trade(trade),
      candle: (candle) => recorder.candle(candle),
      refused: (refusal) => {
        recorder.refused(endpoint, refusal);
        // Without a sample it is one of very many of its frame.
        if (refusal.sample !== '') ports.logger.log('warn', 'refused a message', { endpoint, ...refusal });
      },
      subscription: (market, state, words) => {
        if (state === 'refused') {
          ports.logger.log('warn', 'a market is not subscribed to', { market, endpoint, words });
        }
        this.board.subscription(endpoint, market, state, words);
        recorder.subscription(endpoint, market, state, words);
        this.#options.rowsChanged();
      },
      changed: (link) => {
        if (link.problem !== null) recorder.unreachable(endpoint, link.problem.message);
        hub.broadcast({ type: 'link', link });
      },
      transition: (from, to, cause) => {
        ports.logger.log('info', `the link went from ${from} to ${to}`, { endpoint, ...cause });
        recorder.transition(endpoint, from, to, cause);
        if (to === 'refused') this.#options.refused();
      },
    };
    return new FeedSession({
      endpoint,
      url: endpoint === 'trades' ? addresses.trades : addresses.candles,
      key,
      dialect: this.#options.dialect,
      granularities,
      clock: this.#clock,
      logger: ports.logger,
      sockets: (socket, events) => {
        const whole = (bytes: Uint8Array): void => events.message(bytes);
        const handOver = <T>(tell: (given: T) => void, given: T): void => {
          if (events.together === undefined) tell(given);
          else events.together(tell, given);
        };
        const atOnce = <T>(tell: (given: T) => void, given: T): void =>
          this.#clock.during(() => recorder.together(() => handOver(tell, given), undefined), undefined);
        return ports.sockets(socket, {
          ...events,
          message: (bytes, start, end) => {
            if (this.#clock.held) events.message(bytes, start, end);
            else atOnce(whole, start === undefined ? bytes : bytes.subarray(start, end));
          },
          together: atOnce,
        });
      },
      random: Math.random,
      lookup: (venue, pair) => this.dictionary.marketLookup(venue, pair),
      names: (market) => this.dictionary.marketNames(market),
      listener,
      meter: recorder.meter(endpoint),
    });
  }
}
