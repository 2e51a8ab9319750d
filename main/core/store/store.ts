/**
 * The cache as the rest of the core sees it. Both sides run in worker threads; the main thread
 * never waits for a disk. Implemented by `openStore` in open.ts.
 */
import type {
  BucketPage,
  CandlePage,
  ChartKey,
  CoverageInterval,
  CoveragePage,
  Endpoint,
  Gap,
  Granularity,
  HealthMinute,
  HealthPage,
  JournalEntry,
  JournalPage,
  Micros,
  Millis,
  RefusalCount,
  RemovedSession,
  RetentionPolicy,
  RetentionPreview,
  SessionCord,
  SessionEdit,
  SessionLine,
  SessionSummary,
  StoredKind,
  StoreState,
  TradePage,
} from '../contract.ts';
import type { CoverageCommit } from '../coverage/ledger.ts';
import type { DayPart } from '../coverage/today.ts';
import type { Candle, TradeColumns } from '../flow/batch.ts';
import type { AppError } from '../result.ts';

import type { RecentCoverage, SessionReach } from './coverage.ts';
import type { SlowQuery } from './slow-queries.ts';

/** One group commit: everything in it becomes durable together or not at all. */
export interface Commit {
  readonly session: number;
  /** Market ids that the columns' `market` index into. */
  readonly markets: readonly string[];
  /** Taken: its memory is transferred and must not be used afterwards. */
  readonly trades: TradeColumns | null;
  /** Upserted by (market, granularity, start): final beats provisional, then more trades, then the later. */
  readonly candles: readonly Candle[];
  /** Of this session. One with the endpoint, start and cause of an earlier one replaces it: a newer judgement. */
  readonly gaps: readonly Gap[];
  /** Markets asked for, so that a session names the quiet ones too; those with rows are noted by themselves. */
  readonly requested?: readonly string[];
  /** What is known once this is on disk. Each line's states replace those held from its `from` on. */
  readonly coverage?: CoverageCommit;
  /** Each with the session that it names. */
  readonly journal?: readonly JournalEntry[];
  /** Of this session. The first of an endpoint and minute is kept. */
  readonly health?: readonly HealthMinute[];
  /** Of this session: counts since its start, which replace those of the same endpoint and reason. */
  readonly refusals?: readonly RefusalCount[];
}

export interface Committed {
  /** Candles that the session did not have before. */
  readonly candles: number;
  /** The memory of the trades, given back to be used again. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  /** Bytes of the write-ahead log; it grows as long as somebody reads an old state. */
  readonly log: number;
}

/** A trade as exported: decimals are canonical text. */
export interface StoredTrade {
  readonly market: string;
  /** Empty when it came without one. */
  readonly id: string;
  readonly exchangeTime: Micros;
  readonly receiptTime: Micros;
  readonly price: string;
  readonly size: string;
  readonly side: 'buy' | 'sell' | 'unknown';
  readonly origin: 'live' | 'redelivered';
}

export interface ExportOptions {
  readonly session: number;
  readonly market: string | null;
}

/** null: all. */
export interface JournalFilter {
  readonly session: number | null;
  readonly endpoint: Endpoint | null;
}

export interface BucketQuery {
  /** null: all sessions. */
  readonly session: number | null;
  readonly market: string;
  readonly from: Micros;
  /** Not included; later than `from`. */
  readonly to: Micros;
  /** Most buckets; 1 or more. */
  readonly limit: number;
}

export interface Store {
  /** Starts a session; closes those that a crash left open as `ended unexpectedly`. @throws {QuipuError} kind `storage` */
  beginSession(started: Millis): Promise<SessionSummary>;
  /**
   * Resolves once the commit is on disk. Order of calls = order of commits. When it rejects, nothing of
   * it was stored, and later commits are still tried.
   *
   * @throws {QuipuError} kind `storage`, or `not-found` for a session that was never begun
   */
  commit(commit: Commit): Promise<Committed>;
  /** A number for one more entry of the journal, beyond all that were given out. @throws {QuipuError} */
  nextEntry(): number;
  /**
   * Writes entries of the journal where no session has a commit to take them along. The journal keeps its
   * newest 100,000.
   *
   * @throws {QuipuError} kind `storage`, when none of them was stored
   */
  note(entries: readonly JournalEntry[]): Promise<void>;
  /** A session that ended before keeps its end. @throws {QuipuError} kind `storage` or `not-found` */
  endSession(session: number, ended: Millis): Promise<SessionSummary>;
  /** @throws {QuipuError} kind `storage` or `not-found` */
  editSession(session: number, edit: SessionEdit): Promise<SessionSummary>;
  /**
   * From now on no method tells anything of the session, but `removedSessions`, `receivedSince` and `newestReceived`. What it
   * holds is taken away in quiet moments once it cannot be restored any more.
   *
   * @throws {QuipuError} kind `busy` when it is being recorded or pinned; `storage` or `not-found`
   */
  removeSession(session: number, now: Millis): Promise<RemovedSession>;
  /** It is again as it was. @throws {QuipuError} kind `not-found` when it cannot be restored; `storage` */
  restoreSession(session: number, now: Millis): Promise<SessionSummary>;
  /** Oldest first. A session whose recorder is gone is never told as `recording`. */
  sessions(): Promise<readonly SessionSummary[]>;
  /** Those that can be restored at `now`, the last removed first. */
  removedSessions(now: Millis): Promise<readonly RemovedSession[]>;
  /**
   * Of the `most` trades that were stored last (all, when it is not given), those received at or after `since`, in the order of receipt, for the
   * memory of redelivery. Those of removed sessions too: sent again, they must not come in another session as well.
   */
  receivedSince(since: Micros, most?: number): Promise<readonly StoredTrade[]>;
  /** The `most` that were stored last, in that order, whatever their times are; fewer when some of those were deleted. */
  newestReceived(most: number): Promise<readonly StoredTrade[]>;
  /**
   * Across sessions, oldest first, the newest `limit` before `before`; of the candles that several
   * sessions have of one period, the best. Its gaps are those that overlap the page, whose time
   * reaches up to `before` and, when nothing is older, back to the beginning (newest 500, oldest first).
   */
  candlePage(chart: ChartKey, before: Millis | null, limit: number): Promise<CandlePage>;
  /**
   * Across sessions, oldest first, the newest `limit` before `before`. Trades of one exchange time are
   * not torn apart, or paging by time would lose some: those that the limit would cut are left to the
   * next page, unless they alone fill this one.
   *
   * @param from leaves out what is older, which costs nothing then; `more` is of what is not
   */
  tradePage(market: string, before: Micros | null, limit: number, from?: Micros): Promise<TradePage>;
  /**
   * A range of trades as at most `limit` buckets of one span, which is the finest of 1/64 s and its
   * doubles that does. They reach outwards from the range to whole spans, and each holds all trades of its
   * span. In a time that depends on `limit` and not on the range; floats, for drawing.
   */
  buckets(query: BucketQuery): Promise<BucketPage>;
  /**
   * In the order of receipt, in pages, so that memory stays flat. What is committed after the first
   * page was asked for is left out. Iterating throws QuipuError of kind `not-found` for an unknown session.
   */
  exportTrades(options: ExportOptions): AsyncIterable<readonly StoredTrade[]>;
  /** In the order in which each candle was first received; each as it is now. */
  exportCandles(
    options: ExportOptions & { readonly granularity: Granularity | null },
  ): AsyncIterable<readonly Candle[]>;
  /**
   * What is known of every market of a session, by market and endpoint, oldest first, without overlap
   * or hole. Up to its last commit; empty for a session that was recorded before coverage was kept.
   * A page holds all of one market. Fails as `exportTrades` does.
   */
  coverage(options: ExportOptions): AsyncIterable<readonly CoverageInterval[]>;
  /** Oldest first, the newest `limit` before row `before`. */
  journalPage(filter: JournalFilter, before: number | null, limit: number): Promise<JournalPage>;
  /**
   * Across sessions, oldest first, the newest `limit` minutes before `before`. Those of one minute are not
   * torn apart, as with `tradePage`.
   */
  healthPage(endpoint: Endpoint, before: Millis | null, limit: number): Promise<HealthPage>;
  /** Most frequent first. @throws {QuipuError} kind `not-found` for an unknown session */
  refusals(session: number): Promise<readonly RefusalCount[]>;
  /** Oldest first, in pages, as of now. Fails as `exportTrades` does. */
  journal(filter: JournalFilter): AsyncIterable<readonly JournalEntry[]>;
  /** In the order in which they were written, in pages, as of now; session null: of all. Fails as `exportTrades` does. */
  health(session: number | null): AsyncIterable<readonly HealthMinute[]>;
  /**
   * A line across sessions; see `CoveragePage`. Between sessions, and from the last one to `now` when none
   * records, it is off; what the running session has not committed is not told.
   */
  coveragePage(
    market: string,
    endpoint: Endpoint,
    from: Micros,
    to: Micros,
    now: Micros,
  ): Promise<CoveragePage>;
  /** The same of both endpoints of many markets, from `from` on; a line of more than 60 stretches is folded into 30. */
  coverageRecent(markets: readonly string[], from: Micros, now: Micros): Promise<RecentCoverage>;
  /** What is known of the day of `now` (UTC) so far. */
  coverageDay(markets: readonly string[], now: Micros): Promise<DayPart>;
  /** All of a session in one cord, its end as of its last commit; null when it does not exist. */
  sessionCord(session: number, buckets: number): Promise<SessionCord | null>;
  /**
   * Some of its markets, both endpoints of each; from 0 to 0 and without runs where nothing is known of it, as of one
   * that ended at once. @throws {QuipuError} kind `not-found`
   */
  sessionLines(
    session: number,
    markets: readonly string[],
    buckets: number,
  ): Promise<SessionReach & { readonly lines: readonly SessionLine[] }>;
  /** Small values that must outlive a restart (watchlist, settings), as JSON text. */
  readSetting(name: string): Promise<string | null>;
  writeSetting(name: string, json: string): Promise<void>;
  state(): Promise<StoreState>;
  /** The policy that is kept, and what there is of each kind. */
  retention(): Promise<{ readonly policy: RetentionPolicy; readonly kinds: readonly StoredKind[] }>;
  /** What a policy would delete at `now`. Out of counts: no trade is read for it. */
  retentionPreview(policy: RetentionPolicy, now: Micros): Promise<RetentionPreview>;
  /** Keeps a policy, which is obeyed from now on: `deleted` of the options tells. @throws {QuipuError} kind `storage` */
  setRetention(policy: RetentionPolicy): Promise<void>;
  /** Whether there is still something to delete by the policy, or room to give back to the disk. */
  isRetaining(): Promise<boolean>;
  /** After the last commit is on disk. Idempotent; later calls fail with kind `closed`. */
  close(): Promise<void>;
}

/** What an opening or another work that takes long is doing, and its share that is done, 0 to 1. */
export interface StoreProgress {
  readonly task: 'copying' | 'updating' | 'salvaging' | 'checking' | 'sealing' | 'compacting';
  readonly share: number;
}

export interface StoreOptions {
  /** Folder; made when it does not exist. The file in it is quipu.db. */
  readonly folder: string;
  readonly workerScript: (name: 'writer' | 'reader') => string | URL;
  /**
   * For the command line's reading commands: no writer is started, and writing methods fail. A folder
   * without a cache is left as it is and read as an empty one.
   */
  readonly readOnly?: boolean;
  /**
   * While another Quipu records into the folder, reads beside it and takes over when that one ends. Writing
   * methods fail with kind `in-use` until then.
   */
  readonly standby?: {
    readonly waits: (problem: AppError) => void;
    readonly tookOver: () => void;
  };
  /** Called many times while a damaged database is salvaged or an older one is brought up to date. */
  readonly progress?: ((progress: StoreProgress) => void) | undefined;
  /** The user must know: the database was damaged and was put aside, at the opening or later. */
  readonly notice?: (notice: AppError) => void;
  /** Retention deleted something; every few seconds while it goes on. */
  readonly deleted?: () => void;
  /** For the log: a request that kept SQLite busy for long. Each statement is told once a minute at most. */
  readonly slow?: (query: SlowQuery) => void;
  /** Milliseconds in SQLite beyond which a request is slow; 40 without it. */
  readonly slowMs?: number;
}
