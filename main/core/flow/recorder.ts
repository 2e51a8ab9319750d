/**
 * From decoded messages to the store: accepts each trade once, settles candles, groups commits,
 * and keeps account of what came and what was kept. One recorder for a feed; it holds at most one
 * session (a recording) at a time.
 */
import {
  type Endpoint,
  type Gap,
  GRANULARITY_MS,
  type Micros,
  type Millis,
  type RecordingState,
  type SessionSummary,
} from '../contract.ts';
import type { RecordReport } from '../core.ts';
import type { Clock, Logger, Timer } from '../ports.ts';
import type { DecodedCandle, DecodedTrade } from '../protocol/decode.ts';
import { formatDecimal } from '../protocol/decimal.ts';
import { toAppError } from '../result.ts';
import type { Store } from '../store/store.ts';
import { type Candle, ORIGIN_LIVE, ORIGIN_REDELIVERED, type Origin, SIDES, TradeBatch } from './batch.ts';
import { judge, REDELIVERED_MS, SETTLE_MS } from './outage.ts';
import { fingerprint, RedeliveryMemory, RETENTION_MS } from './redelivery.ts';

/** Half of the 100 ms that a trade may wait for its commit, to leave room for the commit itself. */
const FLUSH_MS = 50;
const FLUSH_ROWS = 5_000;
/** Trades handed to the writer and not yet on disk. Beyond it, they are lost, which is recorded as a gap. */
const MAX_UNCOMMITTED = 1_000_000;
/** A clock difference to the exchange within which a trade still counts as redelivered. */
const SKEW_MS = 10_000;
/** A candle is final this long after its period when nothing else settled it. */
const FINAL_GRACE_MS = 10_000;

export interface RecorderListener {
  /** Accepted; `trade` is only valid during the call. */
  trade(trade: DecodedTrade, receiptTime: Micros, origin: Origin): void;
  candle(candle: Candle): void;
  gap(gap: Gap): void;
  /** Recording began, ended, failed or came back. */
  changed(): void;
}

export interface RecorderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Store;
  readonly listener: RecorderListener;
}

interface LinkAccount {
  received: number;
  refused: number;
  connections: number;
  /** null: connected, or never was. */
  down: { readonly from: Millis; readonly cause: string } | null;
  /** The reconnect whose redelivery is being counted. */
  settling: { from: Millis; to: Millis; cause: string; recovered: number; duplicates: number } | null;
  connectedAt: Millis;
}

export class Recorder {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #store: Store;
  readonly #listener: RecorderListener;
  readonly #memory = new RedeliveryMemory();
  readonly #marketIndex = new Map<string, number>();
  readonly #markets: string[] = [];
  readonly #links: Record<Endpoint, LinkAccount> = { trades: newAccount(), candles: newAccount() };
  readonly #timers: Timer[];
  #batch = new TradeBatch(FLUSH_ROWS);
  /** Candles of the next commit by key: of several states of one candle only the last is written. */
  readonly #candles = new Map<string, Candle>();
  readonly #candleKeys = new Set<string>();
  /** The newest candle of each market and granularity, provisional until settled. */
  readonly #open = new Map<string, Candle>();
  #gaps: Gap[] = [];
  /** Markets asked for, which a session names even when they stay quiet; null once the store knows. */
  #requested: readonly string[] | null = null;
  #watched: readonly string[] = [];
  #session: SessionSummary | null = null;
  /** The newest session, running or ended. */
  #reported: number | null = null;
  #problem: RecordingState['problem'] = null;
  #uncommitted = 0;
  #lost: { from: Millis; trades: number } | null = null;
  #duplicates = 0;
  #storedTrades = 0;
  #gapCount = 0;
  #elapsedAt: number;
  #commits: Promise<void> = Promise.resolve();

  constructor(options: RecorderOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#store = options.store;
    this.#listener = options.listener;
    this.#elapsedAt = options.clock.monotonic();
    this.#timers = [
      options.clock.every(FLUSH_MS, () => this.#tick()),
      options.clock.every(1_000, () => this.#settle()),
    ];
  }

  /** Reads back what redelivery may repeat of an earlier run. Before the links start. */
  async restore(): Promise<void> {
    const sessions = await this.#store.sessions();
    const last = sessions.reduce((latest, { ended, started }) => Math.max(latest, ended ?? started), 0);
    if (last === 0) return;
    for (const trade of await this.#store.receivedSince((last - RETENTION_MS) * 1000)) {
      this.#memory.restore(trade.market, trade.id, () => fingerprint(trade));
    }
  }

  get recording(): RecordingState {
    const state = this.#problem !== null ? 'failed' : this.#session === null ? 'stopped' : 'recording';
    return {
      state,
      session: this.#session === null ? null : this.#summary(this.#session),
      problem: this.#problem,
    };
  }

  get report(): RecordReport {
    const { trades, candles } = this.#links;
    return {
      session: this.#reported,
      trades: {
        received: trades.received,
        stored: this.#storedTrades,
        duplicates: this.#duplicates,
        refused: trades.refused,
      },
      candles: { received: candles.received, stored: this.#candleKeys.size, refused: candles.refused },
      connections: trades.connections + candles.connections,
      gaps: this.#gapCount,
    };
  }

  /** Begins a session; nothing when one runs. @throws {QuipuError} kind `storage` */
  async begin(): Promise<void> {
    if (this.#session !== null) return;
    this.#session = await this.#store.beginSession(this.#wallMs());
    this.#reported = this.#session.id;
    this.#requested = this.#watched;
    this.#storedTrades = 0;
    this.#candleKeys.clear();
    this.#gapCount = 0;
    this.#problem = null;
    this.#listener.changed();
  }

  /** Commits what was received and ends the session. */
  async end(): Promise<void> {
    const session = this.#session;
    if (session === null) return;
    this.#settleCandles(true);
    for (const endpoint of ['trades', 'candles'] as const) this.#judge(endpoint);
    this.#flush();
    this.#session = null;
    await this.#commits;
    await this.#store.endSession(session.id, this.#wallMs());
    this.#listener.changed();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.end();
  }

  /** The markets that are subscribed to from now on. */
  watch(markets: readonly string[]): void {
    this.#watched = markets;
    this.#requested = markets;
  }

  connected(endpoint: Endpoint): void {
    const link = this.#links[endpoint];
    link.connections++;
    link.connectedAt = this.#wallMs();
    if (endpoint === 'trades') {
      this.#elapsedAt = this.#clock.monotonic();
      this.#memory.connected();
    }
    if (link.down !== null) {
      link.settling = { ...link.down, to: link.connectedAt, recovered: 0, duplicates: 0 };
      link.down = null;
    }
  }

  /** @param silence ms since the last sign of life: from then on nothing is known. */
  disconnected(endpoint: Endpoint, cause: string, silence: number): void {
    const link = this.#links[endpoint];
    const from = this.#wallMs() - Math.round(silence);
    const { settling } = link;
    if (settling !== null && settling.recovered + settling.duplicates > 0) this.#judge(endpoint);
    // A connection that brought nothing did not end the outage before it.
    link.down =
      link.settling === null ? { from, cause } : { from: link.settling.from, cause: link.settling.cause };
    link.settling = null;
    if (endpoint === 'trades') this.#elapse();
  }

  refused(endpoint: Endpoint): void {
    this.#links[endpoint].refused++;
  }

  trade(trade: DecodedTrade): void {
    const link = this.#links.trades;
    link.received++;
    const exchangeMs = trade.exchangeTime / 1000;
    const old = exchangeMs < link.connectedAt;
    const { settling } = link;
    const accepted = this.#memory.accept(trade.market, trade.id, () =>
      fingerprint({
        market: trade.market,
        exchangeTime: trade.exchangeTime,
        price: formatDecimal(trade.priceDigits, trade.priceScale),
        size: formatDecimal(trade.sizeDigits, trade.sizeScale),
        side: SIDES[trade.side as 0 | 1 | 2],
      }),
    );
    if (!accepted) {
      this.#duplicates++;
      if (settling !== null) settling.duplicates++;
      return;
    }
    if (settling !== null && old) settling.recovered++;
    const redelivered = old && exchangeMs >= link.connectedAt - REDELIVERED_MS - SKEW_MS;
    const receiptTime = this.#clock.now();
    this.#listener.trade(trade, receiptTime, redelivered ? 'redelivered' : 'live');
    if (this.#session === null) return;
    if (this.#uncommitted + this.#batch.count >= MAX_UNCOMMITTED) {
      this.#lost ??= { from: this.#wallMs(), trades: 0 };
      this.#lost.trades++;
      return;
    }
    this.#batch.push({
      market: this.#indexOf(trade.market),
      exchangeTime: trade.exchangeTime,
      receiptTime,
      priceDigits: trade.priceDigits,
      priceScale: trade.priceScale,
      sizeDigits: trade.sizeDigits,
      sizeScale: trade.sizeScale,
      side: trade.side,
      origin: redelivered ? ORIGIN_REDELIVERED : ORIGIN_LIVE,
      id: trade.id,
    });
    if (this.#batch.count >= FLUSH_ROWS) this.#flush();
  }

  candle(decoded: DecodedCandle): void {
    const link = this.#links.candles;
    link.received++;
    const line = `${decoded.granularity} ${decoded.market}`;
    const open = this.#open.get(line);
    const end = decoded.start / 1000 + GRANULARITY_MS[decoded.granularity];
    const before = open !== undefined && decoded.start < open.start;
    if (link.settling !== null && end < link.connectedAt) link.settling.recovered++;
    const candle: Candle = {
      ...decoded,
      // A revision of a period that has ended is as final as what it revises.
      final: decoded.final || before || (open !== undefined && open.final && open.start === decoded.start),
      receiptTime: this.#clock.now(),
      origin:
        end < link.connectedAt && end >= link.connectedAt - REDELIVERED_MS - SKEW_MS ? 'redelivered' : 'live',
    };
    if (open !== undefined && decoded.start > open.start && !open.final) this.#keep({ ...open, final: true });
    if (!before) {
      if (link.settling !== null && open !== undefined && sameCandle(open, candle))
        link.settling.duplicates++;
      this.#open.set(line, candle);
    }
    this.#keep(candle);
  }

  #keep(candle: Candle): void {
    this.#listener.candle(candle);
    if (this.#session === null) return;
    const key = `${candle.granularity} ${candle.start} ${candle.market}`;
    this.#candleKeys.add(key);
    const waiting = this.#candles.get(key);
    if (waiting === undefined || supersedes(candle, waiting)) this.#candles.set(key, candle);
  }

  #indexOf(market: string): number {
    let index = this.#marketIndex.get(market);
    if (index === undefined) {
      index = this.#markets.push(market) - 1;
      this.#marketIndex.set(market, index);
    }
    return index;
  }

  #wallMs(): Millis {
    return Math.floor(this.#clock.now() / 1000);
  }

  #elapse(): void {
    const now = this.#clock.monotonic();
    this.#memory.elapse(now - this.#elapsedAt);
    this.#elapsedAt = now;
  }

  #tick(): void {
    if (this.#session !== null) this.#flush();
  }

  /** Once a second: ends what has waited long enough. */
  #settle(): void {
    if (this.#links.trades.down === null) this.#elapse();
    for (const endpoint of ['trades', 'candles'] as const) {
      const { settling } = this.#links[endpoint];
      if (settling !== null && this.#wallMs() >= settling.to + SETTLE_MS) this.#judge(endpoint);
    }
    this.#settleCandles(false);
  }

  #settleCandles(ending: boolean): void {
    const now = this.#wallMs();
    for (const [line, candle] of this.#open) {
      if (candle.final) continue;
      const end = candle.start / 1000 + GRANULARITY_MS[candle.granularity];
      if (now < end + (ending ? 0 : FINAL_GRACE_MS)) continue;
      const settled = { ...candle, final: true };
      this.#open.set(line, settled);
      this.#keep(settled);
    }
  }

  #judge(endpoint: Endpoint): void {
    const link = this.#links[endpoint];
    const session = this.#session;
    const { settling } = link;
    link.settling = null;
    if (settling === null || session === null) return;
    for (const gap of judge({ session: session.id, endpoint, ...settling })) this.#addGap(gap);
  }

  #addGap(gap: Gap): void {
    this.#gaps.push(gap);
    this.#gapCount++;
    this.#listener.gap(gap);
  }

  #flush(): void {
    const session = this.#session;
    if (session === null) return;
    if (this.#lost !== null && this.#uncommitted < MAX_UNCOMMITTED / 2) {
      this.#addLost(session.id, `the disk did not keep up: ${this.#lost.trades} trades not recorded`);
    }
    const rows = this.#batch.count;
    const requested = this.#requested ?? [];
    if (rows + this.#candles.size + this.#gaps.length + requested.length === 0) return;
    const candles = [...this.#candles.values()];
    const gaps = this.#gaps;
    const trades = rows === 0 ? null : this.#batch.take();
    this.#candles.clear();
    this.#gaps = [];
    this.#requested = null;
    this.#uncommitted += rows;
    const from = this.#wallMs();
    const done = this.#store
      .commit({ session: session.id, markets: this.#markets, requested, trades, candles, gaps })
      .then(() => this.#committed(session.id, rows))
      .catch((error: unknown) => this.#failed(error, rows, from))
      .finally(() => {
        this.#uncommitted -= rows;
      });
    this.#commits = this.#commits.then(() => done);
  }

  #committed(session: number, rows: number): void {
    this.#storedTrades += rows;
    if (this.#problem === null) return;
    this.#problem = null;
    if (this.#lost !== null) this.#addLost(session, `the disk refused ${this.#lost.trades} trades`);
    this.#listener.changed();
  }

  #failed(error: unknown, rows: number, from: Millis): void {
    const first = this.#problem === null;
    this.#problem = toAppError(error);
    this.#lost ??= { from, trades: 0 };
    this.#lost.trades += rows;
    this.#logger.log('error', 'not recording', { message: this.#problem.message });
    if (first) this.#listener.changed();
  }

  #addLost(session: number, cause: string): void {
    const lost = this.#lost;
    if (lost === null) return;
    this.#lost = null;
    this.#addGap({
      session,
      endpoint: 'trades',
      from: lost.from,
      to: this.#wallMs(),
      state: 'lost',
      cause,
      recovered: 0,
      duplicates: 0,
    });
  }

  #summary(session: SessionSummary): SessionSummary {
    return {
      ...session,
      markets: this.#watched,
      trades: this.#storedTrades,
      candles: this.#candleKeys.size,
      gaps: this.#gapCount,
    };
  }
}

function newAccount(): LinkAccount {
  return { received: 0, refused: 0, connections: 0, down: null, settling: null, connectedAt: 0 };
}

/** The feed's description, "Redelivery", rule 5. */
function supersedes(next: Candle, held: Candle): boolean {
  if (next.final !== held.final) return next.final;
  return next.trades >= held.trades;
}

function sameCandle(a: Candle, b: Candle): boolean {
  return a.start === b.start && a.trades === b.trades && a.close === b.close;
}
