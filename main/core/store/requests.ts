/** What the main thread asks of the store's threads: name -> arguments and value. */
import type {
  BucketPage,
  CandlePage,
  ChartKey,
  CoverageInterval,
  CoveragePage,
  Endpoint,
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
  SessionEdit,
  SessionLine,
  SessionSummary,
  StoredKind,
  StoreState,
  TradePage,
} from '../contract.ts';
import type { DayPart } from '../coverage/today.ts';
import type { Candle } from '../flow/batch.ts';
import type { AppError } from '../result.ts';
import type { CheckReport } from './check.ts';
import type { Compacted } from './compact.ts';
import type { RecentCoverage, SessionReach } from './coverage.ts';
import type { ExportStep, RowFilter, RowRange } from './reader.ts';
import type { SlowQuery } from './slow-queries.ts';
import type { BucketQuery, Commit, Committed, JournalFilter, StoredTrade, StoreProgress } from './store.ts';

export interface WriterRequests {
  /** `who` records, in words for whoever is turned away; `slowMs`: requests that take longer are told. */
  open: {
    args: { readonly folder: string; readonly who: string; readonly slowMs: number };
    value: { readonly lastEntry: number };
  };
  beginSession: { args: { readonly started: Millis }; value: SessionSummary };
  commit: { args: Commit; value: Committed };
  note: { args: { readonly entries: readonly JournalEntry[] }; value: null };
  endSession: { args: { readonly session: number; readonly ended: Millis }; value: SessionSummary };
  editSession: { args: { readonly session: number; readonly edit: SessionEdit }; value: SessionSummary };
  removeSession: { args: { readonly session: number; readonly now: Millis }; value: RemovedSession };
  restoreSession: { args: { readonly session: number; readonly now: Millis }; value: SessionSummary };
  writeSetting: { args: { readonly name: string; readonly json: string }; value: null };
  /** Keeps a policy of retention, and begins to obey it. */
  retain: { args: { readonly policy: RetentionPolicy }; value: null };
  /** Whether there is still something to delete or to seal for it, or room to give back. */
  retaining: { args: null; value: boolean };
  /** Checkpoints and lets go of the folder. */
  close: { args: null; value: null };
}

export interface ReaderRequests {
  /** Lets go of the database; the next request opens the one that is there then. */
  reopen: { args: null; value: null };
  /** `alone`: this store has no writer, so who records is asked of the folder's lock. */
  open: {
    args: { readonly folder: string; readonly alone: boolean; readonly slowMs: number };
    value: null;
  };
  sessions: { args: null; value: SessionSummary[] };
  removedSessions: { args: { readonly now: Millis }; value: RemovedSession[] };
  state: { args: null; value: StoreState };
  sessionRows: {
    args: { readonly session: number; readonly of: 'trades' | 'candles' };
    value: RowRange | null;
  };
  rowsSince: { args: { readonly since: Micros }; value: RowRange };
  trades: {
    args: { readonly range: RowRange; readonly filter: RowFilter & { readonly since: Micros | null } };
    value: ExportStep<StoredTrade>;
  };
  candles: {
    args: {
      readonly range: RowRange;
      readonly filter: RowFilter & { readonly granularity: Granularity | null };
    };
    value: ExportStep<Candle>;
  };
  candlePage: {
    args: { readonly chart: ChartKey; readonly before: Millis | null; readonly limit: number };
    value: CandlePage;
  };
  tradePage: {
    args: {
      readonly market: string;
      readonly from: Micros;
      readonly before: Micros | null;
      readonly limit: number;
    };
    value: TradePage;
  };
  buckets: { args: BucketQuery; value: BucketPage };
  coveredMarkets: { args: { readonly session: number }; value: string[] | null };
  coverage: {
    args: { readonly session: number; readonly market: string };
    value: CoverageInterval[];
  };
  journalPage: {
    args: { readonly filter: JournalFilter; readonly before: number | null; readonly limit: number };
    value: JournalPage;
  };
  healthPage: {
    args: { readonly endpoint: Endpoint; readonly before: Millis | null; readonly limit: number };
    value: HealthPage;
  };
  /** null for an unknown session. */
  refusals: { args: { readonly session: number }; value: RefusalCount[] | null };
  linkRows: { args: { readonly of: 'journal' | 'health' }; value: RowRange };
  journal: {
    args: { readonly range: RowRange; readonly filter: JournalFilter };
    value: ExportStep<JournalEntry>;
  };
  health: {
    args: { readonly range: RowRange; readonly session: number | null };
    value: ExportStep<HealthMinute>;
  };
  coveragePage: {
    args: {
      readonly market: string;
      readonly endpoint: Endpoint;
      readonly from: Micros;
      readonly to: Micros;
      readonly now: Micros;
    };
    value: CoveragePage;
  };
  coverageRecent: {
    args: { readonly markets: readonly string[]; readonly from: Micros; readonly now: Micros };
    value: RecentCoverage;
  };
  coverageDay: { args: { readonly markets: readonly string[]; readonly now: Micros }; value: DayPart };
  sessionReach: {
    args: { readonly session: number };
    value: (SessionReach & { readonly markets: readonly number[] }) | null;
  };
  sessionTogether: {
    args: {
      readonly session: number;
      readonly markets: readonly number[];
      readonly reach: SessionReach;
      readonly buckets: number;
    };
    value: Int8Array | null;
  };
  sessionLines: {
    args: {
      readonly session: number;
      readonly markets: readonly string[];
      readonly reach: SessionReach;
      readonly buckets: number;
    };
    value: SessionLine[];
  };
  retention: {
    args: null;
    value: { readonly policy: RetentionPolicy; readonly kinds: readonly StoredKind[] };
  };
  retentionPreview: {
    args: { readonly policy: RetentionPolicy; readonly now: Micros };
    value: RetentionPreview;
  };
  readSetting: { args: { readonly name: string }; value: string | null };
  close: { args: null; value: null };
}

/** Of what is rare and long; see upkeep.ts. */
export interface UpkeepRequests {
  /** null when the folder has no store. */
  check: { args: { readonly folder: string }; value: CheckReport | null };
  compact: { args: { readonly folder: string }; value: Compacted };
  /** The notice for the user. */
  salvage: { args: { readonly folder: string }; value: AppError };
}

export type RequestMap<R> = { readonly [N in keyof R]: { args: unknown; value: unknown } };

/** Main thread to worker. */
export interface ThreadRequest {
  readonly id: number;
  readonly name: string;
  readonly args: unknown;
}

/** Worker to main thread, unasked. */
export type StoreEvent =
  | { readonly event: 'progress'; readonly progress: StoreProgress }
  /** Retention deleted something. */
  | { readonly event: 'deleted' }
  | { readonly event: 'slow'; readonly query: SlowQuery }
  /** The database was put aside and another took its place: whoever has the old one open must let go of it. */
  | { readonly event: 'replaced'; readonly notice: AppError };

/** Worker to main thread. */
export type ThreadReply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: AppError };
