/**
 * From decoded messages to the store: accepts each trade once, settles candles, groups commits,
 * and keeps account of what came and what was kept. One recorder for a feed; it holds at most one
 * session (a recording) at a time.
 */
import {
  type Endpoint,
  type Gap,
  GRANULARITY_MS,
  type JournalEntry,
  type JournalPage,
  type LinkPhase,
  type Micros,
  type Millis,
  type RecordingState,
  type RefusalCount,
  type SessionSummary,
  type Subscription,
} from '../contract.ts';
import type { RecordReport } from '../core.ts';
import { Ledger, type Verdict } from '../coverage/ledger.ts';
import { RecordTime } from '../coverage/record-time.ts';
import type { CoverageTold } from '../coverage/today.ts';
import type { Clock, Logger, Timer } from '../ports.ts';
import type { DecodedCandle, DecodedTrade, Refusal } from '../protocol/decode.ts';
import { formatDecimal } from '../protocol/decimal.ts';
import { type AppError, toAppError } from '../result.ts';
import type { LinkMeter } from '../session/health.ts';
import type { Cause } from '../session/machine.ts';
import type { Commit, JournalFilter, Store } from '../store/store.ts';
import {
  type Candle,
  copyOf,
  ORIGIN_REDELIVERED,
  type Origin,
  SIDES,
  TradeBatch,
  type TradeInput,
  type TradeRow,
} from './batch.ts';
import { HealthRecord } from './health-record.ts';
import { Journal, type JournalStore } from './journal.ts';
import { REDELIVERED_MS } from './outage.ts';
import { fingerprint, MOST_AT_ONCE, RedeliveryMemory, RETENTION_MS } from './redelivery.ts';
import { Refusals } from './refusals.ts';

/** Half of the 100 ms that a trade may wait for its commit, to leave room for the commit itself. */
const FLUSH_MS = 50;
const FLUSH_ROWS = 5_000;
/** Trades handed to the writer and not yet on disk. Beyond it, they are lost, which is recorded as a gap. */
const MAX_UNCOMMITTED = 1_000_000;
/**
 * A write-ahead log this long has a reader that holds on to an old state. Each commit writes whole pages to
 * it, so few large ones let it grow far less than many small ones: what a crash would cost is sent again.
 */
const LONG_LOG_BYTES = 48 * 1024 * 1024;
const SPARING_MS = 2_000;
/** A commit that the disk refused is tried again after so long. */
const RETRY_MS = 1_000;
/** With nothing to write, a commit still says this often how far the session's coverage reaches. */
const COVER_MICROS = 1_000_000;
/** Candles of commits that failed are kept up to so many; they are few, and the disk may come back. */
const MAX_CANDLES = 100_000;
/** How far a clock may be from the exchange's: within it a trade may be redelivered, or may be live. */
const SKEW_MS = 10_000;
/** Of an earlier run so many are read back whatever their receipt times are: a clock may have been set forward. */
const RESTORED_ANYWAY = 20_000;
/** More than five minutes of the largest burst; when a clock was set back, "since" reaches further than that. */
const MOST_RESTORED = 6_000_000;
/** A candle is final this long after its period when nothing else settled it. */
const FINAL_GRACE_MS = 10_000;

export interface AcceptedTrade extends TradeRow {
  market: string;
}

export interface RecorderListener {
  /** Accepted; `trade` is only valid during the call. */
  trade(trade: AcceptedTrade, receiptTime: Micros, origin: Origin): void;
  candle(candle: Candle): void;
  gap(gap: Gap): void;
  /** Something happened to a link, or an outage was judged; it will be stored. */
  journal(entry: JournalEntry): void;
  /** What is known is on disk; in the order of the commits. */
  coverage(told: CoverageTold): void;
  /** Recording began, ended, failed or came back. */
  changed(): void;
}

/** What the recorder needs of the store. */
export type RecorderStore = JournalStore &
  Pick<Store, 'beginSession' | 'commit' | 'endSession' | 'newestReceived' | 'receivedSince' | 'refusals'>;

export interface RecorderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: RecorderStore;
  readonly listener: RecorderListener;
}

interface Market {
  /** In the list that columns index into. */
  readonly index: number;
  /** When the ledger was told last of a trade: of more at the same time it would learn nothing. */
  told: Micros;
}

interface LinkAccount {
  received: number;
  refused: number;
  connections: number;
  connected: boolean;
  connectedAt: Millis;
}

export class Recorder {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #store: RecorderStore;
  readonly #listener: RecorderListener;
  readonly #memory = new RedeliveryMemory();
  readonly #ledger = new Ledger();
  readonly #time: RecordTime;
  readonly #journal: Journal;
  readonly #health: HealthRecord;
  readonly #refusals = new Refusals();
  /** A second passed since refusals were last committed. */
  #refusalsDue = false;
  readonly #marketsByName = new Map<string, Market>();
  readonly #markets: string[] = [];
  readonly #links: Record<Endpoint, LinkAccount> = { trades: newAccount(), candles: newAccount() };
  readonly #timers: Timer[];
  #batch = new TradeBatch(FLUSH_ROWS);
  /** Candles of the next commit by key: of several states of one candle only the last is written. */
  readonly #candles = new Map<string, Candle>();
  /** The newest candle of each market and granularity, provisional until settled. */
  readonly #open = new Map<string, Candle>();
  /** Those that were the newest before the last connect: what redelivery may overlap. */
  #held: ReadonlyMap<string, Candle> = new Map();
  #gaps: Gap[] = [];
  /** Markets asked for, which a session names even when they stay quiet; null once the store knows. */
  #requested: readonly string[] | null = null;
  #watched: readonly string[] = [];
  #session: SessionSummary | null = null;
  /** The newest session, running or ended. */
  #reported: number | null = null;
  #problem: RecordingState['problem'] = null;
  #uncommitted = 0;
  /** When the last commit was put together, and the last one that was sent. */
  #flushed: Micros = 0;
  #covered: Micros = 0;
  /** How far the session's coverage reaches on disk. */
  #reach: Micros = 0;
  /** Exchange time of the oldest redelivered trade of the next commit. */
  #oldest = Infinity;
  /** Since when trades were lost after the last commit was put together, for lack of room. */
  #overflowed: Micros | null = null;
  #lost: { from: Millis; trades: number } | null = null;
  /** What is pushed next, in one object for all trades. */
  readonly #row: { -readonly [N in keyof TradeInput]: TradeInput[N] } = {
    market: 0,
    exchangeTime: 0,
    receiptTime: 0,
    priceDigits: 0,
    priceScale: 0,
    sizeDigits: 0,
    sizeScale: 0,
    side: 0,
    origin: 0,
    id: '',
  };
  /** Trades that came at once are being handed over. */
  #gathers = false;
  /** Rows of the batch that are known to be new; those behind them wait for it until all of a packet came. */
  #judged = 0;
  readonly #kept = new Uint8Array(MOST_AT_ONCE);
  /** What is told next, in one object for all trades. */
  readonly #told: AcceptedTrade = {
    market: '',
    exchangeTime: 0,
    priceDigits: 0,
    priceScale: 0,
    sizeDigits: 0,
    sizeScale: 0,
    side: 0,
  };
  readonly #print = (row: number): string => {
    const { exchangeTime, priceDigits, priceScale, side, sizeDigits, sizeScale } = this.#batch.read(
      row,
      this.#told,
    );
    return fingerprint({
      market: this.#markets[this.#batch.marketAt(row)] ?? '',
      exchangeTime,
      price: formatDecimal(priceDigits, priceScale),
      size: formatDecimal(sizeDigits, sizeScale),
      side: SIDES[side as 0 | 1 | 2],
    });
  };
  #duplicates = 0;
  #storedTrades = 0;
  #storedCandles = 0;
  #gapCount = 0;
  #elapsedAt: number;
  /** The commit that the store has, or refused and is asked again. While it lasts the next one gathers. */
  #sending: Promise<void> | null = null;
  /** Memory of the last commit's trades. */
  #spare: ArrayBuffer | null = null;
  /** The log is long: commits are few and large. */
  #sparing = false;
  /** On the monotonic clock. */
  #sentAt = 0;
  /** A commit fell due meanwhile. */
  #due = false;
  /** Ends the wait for the next try. */
  #hurry: (() => void) | null = null;
  #isEnding = false;
  /** The last begin or end that was asked for. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: RecorderOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#store = options.store;
    this.#listener = options.listener;
    this.#time = new RecordTime(options.clock);
    this.#journal = new Journal(options.store, options.logger);
    // Told for every frame, so the last reading of the record's time serves.
    this.#health = new HealthRecord(() => options.clock.now() + this.#time.offset);
    this.#elapsedAt = options.clock.monotonic();
    this.#timers = [
      options.clock.every(FLUSH_MS, () => this.#tick()),
      options.clock.every(1_000, () => this.#settle()),
    ];
  }

  /**
   * Reads back what redelivery may repeat of an earlier run. Before the links start. The newest trade is the one
   * that was stored last, whatever its receipt time says: a clock may have been set since.
   */
  async restore(): Promise<void> {
    const newest = await this.#store.newestReceived(RESTORED_ANYWAY);
    const since = (newest.at(-1)?.receiptTime ?? 0) - RETENTION_MS * 1000;
    const reachesBack = newest.length < RESTORED_ANYWAY || (newest[0]?.receiptTime ?? 0) < since;
    const trades = reachesBack ? newest : await this.#store.receivedSince(since, MOST_RESTORED);
    for (const trade of trades) {
      this.#memory.restore(this.#marketOf(trade.market).index, trade.id, () => fingerprint(trade));
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
      candles: { received: candles.received, stored: this.#storedCandles, refused: candles.refused },
      connections: trades.connections + candles.connections,
      gaps: this.#gapCount,
    };
  }

  /** Begins a session; nothing when one runs. Begins and ends take turns. @throws {QuipuError} kind `storage` */
  begin(): Promise<void> {
    return this.#inTurn(() => this.#begin());
  }

  /** The last that was asked for holds, however long what was asked before takes. */
  #inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #begin(): Promise<void> {
    if (this.#session !== null) return;
    const started = Math.floor(this.#time.now() / 1000);
    this.#session = await this.#store.beginSession(started);
    const now = this.#time.now();
    this.#ledger.begin(started * 1000, now);
    this.#flushed = now;
    this.#reach = started * 1000;
    this.#reported = this.#session.id;
    this.#requested = this.#watched;
    // What an earlier session lost at its end is none of this one's.
    this.#lost = null;
    this.#overflowed = null;
    this.#storedTrades = 0;
    this.#storedCandles = 0;
    this.#refusals.clear();
    this.#health.begin(this.#session.id, {
      trades: this.#links.trades.connected,
      candles: this.#links.candles.connected,
    });
    this.#gapCount = 0;
    this.#problem = null;
    this.#listener.changed();
  }

  /**
   * Commits what was received and ends the session. What the disk refuses now is not tried again.
   *
   * @throws {QuipuError} kind `storage` when the session's end could not be stored
   */
  end(): Promise<void> {
    return this.#inTurn(() => this.#end(null));
  }

  /** @param at when nothing comes any more; null: what comes until the commit under way is done counts too */
  async #end(at: Micros | null): Promise<void> {
    this.#isEnding = true;
    try {
      await this.#endSession(at);
    } finally {
      this.#isEnding = false;
    }
  }

  async #endSession(at: Micros | null): Promise<void> {
    while (this.#sending !== null) {
      this.#hurry?.();
      await this.#sent();
    }
    const session = this.#session;
    if (session === null) return;
    this.#settleCandles(true);
    // Outwards, so that coverage reaches the end.
    const ended = Math.ceil((at ?? this.#time.now()) / 1000);
    this.#addVerdicts(this.#ledger.end(ended * 1000));
    this.#health.end();
    this.#flush(true);
    this.#session = null;
    await this.#sent();
    this.#tellCoverage(session, [], true);
    await this.#store.endSession(session.id, ended);
    this.#listener.changed();
  }

  /** The same, for good: the links were stopped before. */
  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    const at = this.#time.now();
    await this.#inTurn(() => this.#end(at));
    await this.#journal.flush();
  }

  /** The user named, noted or pinned a session. */
  edited({ id, name, note, pinned }: SessionSummary): void {
    if (this.#session?.id !== id) return;
    this.#session = { ...this.#session, name, note, pinned };
    this.#listener.changed();
  }

  /** The markets that are subscribed to from now on. */
  watch(markets: readonly string[]): void {
    this.#watched = markets;
    this.#requested = markets;
    this.#ledger.watch(markets, this.#time.now());
    this.#tellAnew();
  }

  /** `off` says nothing new: `watch` and `disconnected` told it. */
  subscription(endpoint: Endpoint, market: string, state: Subscription, words: string | null): void {
    if (state === 'off') return;
    this.#ledger.subscription(endpoint, market, state, words, this.#time.now());
    const known = this.#marketsByName.get(market);
    if (known !== undefined) known.told = NaN;
  }

  /** An attempt to connect failed. */
  unreachable(endpoint: Endpoint, cause: string): void {
    this.#ledger.unreachable(endpoint, cause, this.#time.now());
  }

  /** Its report goes into the record. */
  meter(endpoint: Endpoint): LinkMeter {
    return this.#health.meter(endpoint);
  }

  transition(endpoint: Endpoint, from: LinkPhase, to: LinkPhase, cause: Cause): void {
    const at = Math.floor(this.#time.now() / 1000);
    const told = { type: 'transition', endpoint, at, from, to, ...cause } as const;
    this.#listener.journal(this.#journal.add(this.#session?.id ?? null, told));
  }

  /** See the command `journal.page`. What is not on disk yet is in it too. */
  journalPage(filter: JournalFilter, before: number | null, limit: number): Promise<JournalPage> {
    return this.#journal.page(filter, before, limit);
  }

  /** Of one session, null: of the one that runs, if any. @throws {QuipuError} kind `not-found` */
  async refusals(session: number | null): Promise<readonly RefusalCount[]> {
    const running = this.#session?.id ?? null;
    if (session !== null && session !== running) return this.#store.refusals(session);
    return running === null ? [] : this.#refusals.list();
  }

  connected(endpoint: Endpoint): void {
    this.#judge();
    this.#health.connected(endpoint);
    const link = this.#links[endpoint];
    link.connections++;
    link.connected = true;
    link.connectedAt = this.#wallMs();
    if (endpoint === 'trades') {
      this.#elapsedAt = this.#clock.monotonic();
      this.#memory.connected();
    } else {
      this.#held = new Map(this.#open);
    }
    this.#ledger.connected(endpoint, this.#time.now());
    this.#tellAnew();
  }

  /** @param silence ms since the last sign of life */
  alive(endpoint: Endpoint, silence: number): void {
    this.#judge();
    this.#ledger.heard(endpoint, this.#time.at(this.#clock.monotonic() - silence));
    // It may be what a judgement waited for.
    if (this.#ledger.settling(endpoint)) this.#addVerdicts(this.#ledger.tick(this.#time.now()));
  }

  /** @param silence ms since the last sign of life: from then on nothing is known. */
  disconnected(endpoint: Endpoint, cause: string, silence: number): void {
    this.#judge();
    this.#links[endpoint].connected = false;
    const from = this.#time.at(this.#clock.monotonic() - silence);
    this.#addVerdicts(this.#ledger.disconnected(endpoint, cause, from, this.#time.now()));
    if (endpoint === 'trades') this.#elapse();
  }

  refused(endpoint: Endpoint, refusal: Refusal): void {
    this.#links[endpoint].refused++;
    this.#health.refused(endpoint);
    this.#refusals.add(endpoint, refusal, this.#wallMs());
  }

  /** Runs `tell`, which hands over what came at once: its trades are judged together at its end. */
  together<T>(tell: (given: T) => void, given: T): void {
    if (this.#gathers) {
      tell(given);
      return;
    }
    this.#gathers = true;
    try {
      tell(given);
    } finally {
      this.#gathers = false;
      this.#judge();
    }
  }

  trade(trade: DecodedTrade): void {
    this.#links.trades.received++;
    const receiptTime = this.#clock.now();
    const market = this.#marketOf(trade.market);
    const at = receiptTime + this.#time.offset;
    if (market.told !== at) {
      market.told = at;
      this.#ledger.message('trades', trade.market, at);
    }
    const row = this.#row;
    row.market = market.index;
    row.exchangeTime = trade.exchangeTime;
    row.receiptTime = receiptTime;
    row.priceDigits = trade.priceDigits;
    row.priceScale = trade.priceScale;
    row.sizeDigits = trade.sizeDigits;
    row.sizeScale = trade.sizeScale;
    row.side = trade.side;
    row.id = trade.idSpan ?? trade.id;
    this.#batch.push(row);
    if (!this.#gathers || this.#batch.count - this.#judged >= MOST_AT_ONCE) this.#judge();
  }

  /** Of the trades that came since the last call, tells those that are new, and keeps them while recording. */
  #judge(): void {
    const batch = this.#batch;
    const first = this.#judged;
    const end = batch.count;
    if (first === end) return;
    const { connectedAt } = this.#links.trades;
    const settling = this.#ledger.settling('trades');
    const isRecording = this.#session !== null;
    const kept = this.#kept;
    const told = this.#told;
    let room = MAX_UNCOMMITTED - this.#uncommitted - first;
    let left = 0;
    this.#memory.acceptRows(batch.ids, first, end, kept, this.#print);
    for (let row = first; row < end; row++) {
      const market = this.#markets[batch.marketAt(row)] ?? '';
      const exchangeTime = batch.exchangeTimeAt(row);
      const exchangeMs = exchangeTime / 1000;
      const old = exchangeMs < connectedAt;
      if (kept[row - first] === 0) {
        this.#duplicates++;
        left++;
        if (settling) this.#ledger.redelivered('trades', market, 'duplicates');
        continue;
      }
      if (settling && old) this.#ledger.redelivered('trades', market, newOf(exchangeMs, connectedAt));
      const redelivered = old && exchangeMs >= connectedAt - REDELIVERED_MS - SKEW_MS;
      told.market = market;
      this.#listener.trade(
        batch.read(row, told),
        batch.receiptTimeAt(row),
        redelivered ? 'redelivered' : 'live',
      );
      if (isRecording && room > 0) {
        room--;
        if (!redelivered) continue;
        batch.setOrigin(row, ORIGIN_REDELIVERED);
        this.#oldest = Math.min(this.#oldest, exchangeTime);
        continue;
      }
      kept[row - first] = 0;
      left++;
      if (isRecording) this.#overflow(redelivered ? exchangeTime : this.#time.now());
    }
    if (left > 0) batch.leaveOut(first, kept);
    this.#judged = batch.count;
    if (batch.count >= FLUSH_ROWS) this.#flush();
  }

  /** There is no room for a trade of that time. */
  #overflow(since: Micros): void {
    this.#lost ??= { from: this.#wallMs(), trades: 0 };
    this.#lost.trades++;
    this.#overflowed = Math.min(this.#overflowed ?? since, since);
  }

  candle(decoded: DecodedCandle): void {
    const link = this.#links.candles;
    link.received++;
    const line = `${decoded.granularity} ${decoded.market}`;
    const period = GRANULARITY_MS[decoded.granularity];
    const end = decoded.start / 1000 + period;
    const newest = this.#open.get(line);
    const leaps = newest !== undefined && this.#leaps(decoded.start, newest.start, period);
    // Nor does one that leapt settle what runs.
    const open =
      newest !== undefined && this.#leaps(newest.start, decoded.start, period) ? undefined : newest;
    const before = open !== undefined && decoded.start < open.start;
    const receiptTime = this.#clock.now();
    this.#ledger.message('candles', decoded.market, receiptTime + this.#time.offset);
    if (this.#ledger.settling('candles'))
      this.#countRedelivered(decoded, this.#held.get(line), end, link.connectedAt);
    const candle: Candle = {
      ...decoded,
      // A revision of a period that has ended is as final as what it revises.
      final: decoded.final || before || (open !== undefined && open.final && open.start === decoded.start),
      receiptTime,
      origin:
        end < link.connectedAt && end >= link.connectedAt - REDELIVERED_MS - SKEW_MS ? 'redelivered' : 'live',
    };
    if (!leaps && open !== undefined && decoded.start > open.start && !open.final)
      this.#keep({ ...open, final: true });
    if (!before && !leaps) this.#open.set(line, candle);
    this.#keep(candle);
  }

  /**
   * Whether a candle of `start` is of a time that has not come, while the period from `since` runs: it does not end
   * that one. By our clock, which may be behind, so the period that is next is believed.
   */
  #leaps(start: Micros, since: Micros, period: Millis): boolean {
    const now = this.#wallMs();
    return (
      start / 1000 > now + SKEW_MS && start / 1000 > since / 1000 + period && now < since / 1000 + period
    );
  }

  /** A state of the newest candle that was held, or of an older one, is what was sent before the outage. */
  #countRedelivered(candle: DecodedCandle, held: Candle | undefined, end: Millis, connectedAt: Millis): void {
    const overlaps =
      held !== undefined &&
      (candle.start < held.start || (candle.start === held.start && candle.trades <= held.trades));
    if (overlaps) this.#ledger.redelivered('candles', candle.market, 'duplicates');
    else if (end < connectedAt) this.#ledger.redelivered('candles', candle.market, newOf(end, connectedAt));
  }

  #keep(candle: Candle): void {
    this.#listener.candle(candle);
    if (this.#session === null) return;
    const key = keyOf(candle);
    const waiting = this.#candles.get(key);
    if (waiting === undefined || supersedes(candle, waiting)) this.#candles.set(key, candle);
  }

  #marketOf(name: string): Market {
    let market = this.#marketsByName.get(name);
    if (market === undefined) {
      market = { index: this.#markets.push(name) - 1, told: NaN };
      this.#marketsByName.set(name, market);
    }
    return market;
  }

  /** What the ledger knows of markets changed in another way. */
  #tellAnew(): void {
    for (const market of this.#marketsByName.values()) market.told = NaN;
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
    if (this.#sparing && this.#clock.monotonic() - this.#sentAt < SPARING_MS) return;
    if (this.#session !== null) this.#flush();
  }

  /** Once a second: ends what has waited long enough. */
  #settle(): void {
    if (this.#links.trades.connected) this.#elapse();
    this.#addVerdicts(this.#ledger.tick(this.#time.now()));
    this.#settleCandles(false);
    this.#health.roll();
    this.#refusalsDue = true;
    if (this.#session === null) void this.#journal.flush();
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

  /** An endpoint's gaps are what the ledger judged of its link, as the same rule judges each market. */
  #addVerdicts(verdicts: readonly Verdict[]): void {
    const session = this.#session;
    if (session === null) return;
    for (const verdict of verdicts) {
      const from = Math.floor(verdict.from / 1000);
      const to = Math.floor(verdict.to / 1000);
      this.#addGap({ ...verdict, session: session.id, from, to });
      const overlap = verdict.duplicates > 0;
      const at = Math.floor(this.#time.now() / 1000);
      this.#listener.journal(
        this.#journal.add(session.id, { ...verdict, type: 'outage', at, from, to, overlap }),
      );
      this.#logger.log('info', 'what redelivery brought', {
        endpoint: verdict.endpoint,
        state: verdict.state,
        ms: to - from,
        recovered: verdict.recovered,
        duplicates: verdict.duplicates,
        overlap,
        cause: verdict.cause,
      });
    }
  }

  #addGap(gap: Gap): void {
    this.#gaps.push(gap);
    this.#gapCount++;
    this.#listener.gap(gap);
  }

  /** @param last commits even with nothing new, so that coverage reaches the session's end */
  #flush(last = false): void {
    this.#judge();
    const session = this.#session;
    if (session === null || (this.#isEnding && !last)) return;
    if (this.#sending !== null) {
      this.#due = true;
      return;
    }
    const now = this.#time.now();
    const from = Math.min(this.#flushed, this.#oldest);
    this.#flushed = now;
    this.#oldest = Infinity;
    if (this.#overflowed !== null) {
      this.#ledger.unkept('trades', this.#overflowed, now, 'the disk did not keep up');
      this.#overflowed = null;
    }
    if (this.#lost !== null && this.#uncommitted < MAX_UNCOMMITTED / 2) {
      this.#addLost(session.id, `the disk did not keep up: ${this.#lost.trades} trades not recorded`);
    }
    const rows = this.#batch.count;
    const requested = this.#requested ?? [];
    const coverage = this.#ledger.take(now);
    const journal = this.#journal.take();
    const health = this.#health.take();
    const refusals = this.#refusalsDue || last ? this.#refusals.take() : [];
    this.#refusalsDue = false;
    const nothing =
      rows + this.#candles.size + this.#gaps.length + requested.length + coverage.lines.length === 0 &&
      journal.length + health.length + refusals.length === 0;
    if (nothing && !last && now - this.#covered < COVER_MICROS) {
      this.#ledger.written();
      return;
    }
    this.#covered = now;
    const candles = [...this.#candles.values()];
    const gaps = this.#gaps;
    const trades = rows === 0 ? null : this.#batch.take();
    this.#judged = 0;
    this.#candles.clear();
    this.#gaps = [];
    this.#requested = null;
    this.#uncommitted += rows;
    const commit: Commit = {
      session: session.id,
      markets: this.#markets,
      requested,
      trades,
      candles,
      gaps,
      coverage,
      journal,
      health,
      refusals,
    };
    this.#sending = this.#write(session, commit, rows, from, now).finally(() => {
      if (trades !== null) this.#batch.giveBack(trades);
      this.#uncommitted -= rows;
      this.#sending = null;
      if (this.#due) this.#flush();
    });
    this.#due = false;
    this.#sentAt = this.#clock.monotonic();
  }

  #sent(): Promise<void> {
    return this.#sending ?? Promise.resolve();
  }

  /** Resolves once it is on disk, or is given up: the disk may come back, so that is only at the end. */
  async #write(
    session: SessionSummary,
    commit: Commit,
    rows: number,
    from: Micros,
    to: Micros,
  ): Promise<void> {
    for (;;) {
      try {
        // A copy, since what is handed over does not come back when it is refused.
        const trades = commit.trades === null ? null : copyOf(commit.trades, this.#spare);
        this.#spare = null;
        const { bytes, candles, log } = await this.#store.commit({ ...commit, trades });
        this.#spare = bytes?.buffer ?? null;
        this.#sparing = log > LONG_LOG_BYTES;
        this.#committed(session, commit, rows, candles);
        return;
      } catch (error) {
        const problem = toAppError(error);
        if (this.#isEnding || problem.kind !== 'storage') {
          this.#failed(problem, commit, rows, from, to);
          return;
        }
        this.#refusedBy(problem);
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(RETRY_MS, resolve);
      this.#hurry = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #refusedBy(problem: AppError): void {
    const before = this.#problem;
    this.#problem = problem;
    if (before?.message === problem.message) return;
    this.#logger.log('error', 'not recording', { message: problem.message });
    this.#listener.changed();
  }

  #committed(session: SessionSummary, commit: Commit, rows: number, candles: number): void {
    const { coverage, journal = [] } = commit;
    this.#storedTrades += rows;
    this.#storedCandles += candles;
    this.#journal.written(journal);
    this.#ledger.written();
    if (coverage !== undefined) {
      this.#reach = coverage.until;
      this.#tellCoverage(session, coverage.lines, false);
    }
    if (this.#problem === null) return;
    this.#problem = null;
    if (this.#lost !== null) this.#addLost(session.id, `the disk refused ${this.#lost.trades} trades`);
    this.#listener.changed();
  }

  #tellCoverage({ id, started }: SessionSummary, changes: CoverageTold['changes'], ended: boolean): void {
    this.#listener.coverage({
      session: id,
      started: started * 1000,
      until: this.#reach,
      ended,
      changes,
    });
  }

  /** What a commit held is kept for the next one, but for its trades. */
  #failed(problem: AppError, commit: Commit, rows: number, from: Micros, to: Micros): void {
    this.#refusedBy(problem);
    const cause = `not recorded: ${problem.message}`;
    if (rows > 0) {
      this.#lost ??= { from: Math.floor(from / 1000), trades: 0 };
      this.#lost.trades += rows;
      this.#ledger.unkept('trades', from, to, cause);
    }
    if (commit.coverage !== undefined) this.#ledger.unwritten(commit.coverage);
    this.#journal.back(commit.journal ?? []);
    if (this.#session?.id === commit.session) this.#keepFor(commit, from, to, cause);
  }

  #keepFor(commit: Commit, from: Micros, to: Micros, cause: string): void {
    const { candles, gaps, health = [], refusals = [], requested = [] } = commit;
    this.#health.back(health);
    this.#refusals.back(refusals);
    this.#gaps.unshift(...gaps);
    this.#requested ??= requested;
    for (const candle of candles) {
      const key = keyOf(candle);
      if (this.#candles.has(key)) continue;
      if (this.#candles.size < MAX_CANDLES) this.#candles.set(key, candle);
      else this.#ledger.unkept('candles', from, to, cause);
    }
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
      candles: this.#storedCandles,
      gaps: this.#gapCount,
    };
  }
}

function newAccount(): LinkAccount {
  return { received: 0, refused: 0, connections: 0, connected: false, connectedAt: 0 };
}

/** One that was on its way when the connection stood, or of a clock behind ours, proves no redelivery. */
function newOf(time: Millis, connectedAt: Millis): 'recovered' | 'uncertain' {
  return time < connectedAt - SKEW_MS ? 'recovered' : 'uncertain';
}

/** The feed's description, "Redelivery", rule 5. */
function supersedes(next: Candle, held: Candle): boolean {
  if (next.final !== held.final) return next.final;
  return next.trades >= held.trades;
}

function keyOf(candle: Candle): string {
  return `${candle.granularity} ${candle.start} ${candle.market}`;
}
