/** Everything that is read out of the cache. Runs in the reader's thread; needs none itself. */
import type { Database } from 'better-sqlite3';
import type {
  BucketPage,
  CandlePage,
  ChartKey,
  CoverageInterval,
  CoveragePage,
  Endpoint,
  Gap,
  GapState,
  Granularity,
  Micros,
  Millis,
  RemovedSession,
  RetentionPolicy,
  SessionLine,
  SessionSummary,
  TradePage,
} from '../contract.ts';
import { CANDLE_FIELDS } from '../contract.ts';
import { type DayPart, emptyDay } from '../coverage/today.ts';
import type { Candle } from '../flow/batch.ts';
import { ORIGINS } from '../flow/batch.ts';
import { QuipuError } from '../result.ts';
import { emptyFold, packBuckets, prepareBucketReader } from './bucket-reader.ts';
import { noPage, prepareCoverage, type RecentCoverage, type SessionReach } from './coverage.ts';
import { unknownSession } from './errors.ts';
import type { LinkReader } from './link-reader.ts';
import { prepareLinkReader } from './link-reader.ts';
import { visibleIn } from './marks.ts';
import { hasCoverage, hasJournal, hasRetention, prepareLastRow } from './schema.ts';
import { prepareRetentionReader, type RetentionReader } from './retention-reader.ts';
import type { BucketQuery, StoredTrade } from './store.ts';
import { prepareSummaries } from './summaries.ts';
import { prepareTradeReader } from './trade-reader.ts';

/** Rows of an export that cross to the main thread at once. */
export const EXPORT_ROWS = 2_000;
/** Candles looked at for one page of an export, so that a rare market does not keep the thread from others. */
const EXPORT_LOOKED_AT = 100_000;
/** Most gaps that come with a page of candles. */
const PAGE_GAPS = 500;
/** Rows from `after` (not included) to `last`. */
export interface RowRange {
  readonly after: number;
  readonly last: number;
}

/** A stretch of an export: what was found, and the row from which to go on. Done when `after` is `range.last`. */
export interface ExportStep<T> {
  readonly rows: readonly T[];
  readonly after: number;
}

export interface RowFilter {
  readonly session: number | null;
  readonly market: string | null;
}

/** Of a session that is removed it reads nothing, but see `trades`. */
export interface Reader {
  sessions(): SessionSummary[];
  /** Those that can be restored at `now`. */
  removedSessions(now: Millis): RemovedSession[];
  /** That are kept. */
  totals(): { readonly trades: number; readonly candles: number };
  /** The rows of a session, as of now; null when there is no such session. */
  sessionRows(session: number, of: 'trades' | 'candles'): RowRange | null;
  /** The rows among which those received since then are. */
  rowsSince(since: Micros): RowRange;
  /**
   * Session null: of all, removed ones too. That is for the memory of redelivery: what the server sends again
   * of them must not come in another session, or there would be two of it once they are restored.
   *
   * @throws {QuipuError} kind `not-found` for an unknown session
   */
  trades(range: RowRange, filter: RowFilter & { readonly since: Micros | null }): ExportStep<StoredTrade>;
  /** Fails as `trades` does. */
  candles(
    range: RowRange,
    filter: RowFilter & { readonly granularity: Granularity | null },
  ): ExportStep<Candle>;
  candlePage(chart: ChartKey, before: Millis | null, limit: number): CandlePage;
  tradePage(market: string, before: Micros | null, limit: number, from?: Micros): TradePage;
  buckets(query: BucketQuery): BucketPage;
  /** The markets of a session with coverage, by name; null when there is no such session. */
  coveredMarkets(session: number): string[] | null;
  /** By endpoint, oldest first. Fails as `trades` does. */
  coverage(session: number, market: string): CoverageInterval[];
  /** null in a database that is older than its journal. */
  readonly links: LinkReader | null;
  coveragePage(market: string, endpoint: Endpoint, from: Micros, to: Micros, now: Micros): CoveragePage;
  coverageRecent(markets: readonly string[], from: Micros, now: Micros): RecentCoverage;
  coverageDay(markets: readonly string[], now: Micros): DayPart;
  /** How far the coverage of a session reaches and the numbers of its markets; null when it has none. */
  sessionReach(session: number): (SessionReach & { readonly markets: readonly number[] }) | null;
  /** Some of its markets in one; see `Together`. */
  sessionTogether(
    session: number,
    markets: readonly number[],
    reach: SessionReach,
    buckets: number,
  ): Int8Array | null;
  /** Fails as `trades` does. */
  sessionLines(
    session: number,
    markets: readonly string[],
    reach: SessionReach,
    buckets: number,
  ): SessionLine[];
  /** @throws {QuipuError} kind `storage` for a database that is older than its retention */
  retention(): RetentionReader;
  readSetting(name: string): string | null;
}

type ExportValues = [
  session: number | null,
  market: number | null,
  more: number | string | null,
  after: number,
  last: number,
  limit: number,
];

type CandleRow = [
  row: number,
  market: number,
  granularity: Granularity,
  start: number,
  open: string | null,
  high: string | null,
  low: string | null,
  close: string | null,
  volume: string,
  vwap: string | null,
  trades: number,
  final: number,
  receiptTime: number,
  origin: number,
];

type PageCandle = [
  start: number,
  open: string | null,
  high: string | null,
  low: string | null,
  close: string | null,
  volume: string,
  vwap: string | null,
  trades: number,
  final: number,
];

interface GapRow {
  readonly session: number;
  readonly endpoint: Endpoint;
  readonly start: number;
  readonly end: number;
  readonly state: GapState;
  readonly cause: string;
  readonly recovered: number;
  readonly duplicates: number;
}

/**
 * @param database open for reading
 * @param alive whether somebody records into this cache now
 */
export function createReader(database: Database, alive: () => boolean): Reader {
  const summaries = prepareSummaries(database, alive);
  const visible = visibleIn(database);
  const totals = database.prepare<[], { trades: number; candles: number }>(
    hasRetention(database)
      ? `SELECT coalesce(sum(trades - trades_deleted), 0) AS trades,
           coalesce(sum(candles - candles_deleted), 0) AS candles FROM sessions
         WHERE id > 0${visible.row}`
      : `SELECT coalesce(sum(trades), 0) AS trades, coalesce(sum(candles), 0) AS candles FROM sessions
         WHERE id > 0${visible.row}`,
  );
  const ranges = {
    trades: database.prepare<[number], { first: number | null; last: number | null }>(
      `SELECT first_trade AS first, last_trade AS last FROM sessions WHERE id = ?${visible.row}`,
    ),
    candles: database.prepare<[number], { first: number | null; last: number | null }>(
      `SELECT first_candle AS first, last_candle AS last FROM sessions WHERE id = ?${visible.row}`,
    ),
  };
  const lastTrade = prepareLastRow(database);
  const marketId = database.prepare<[name: string], number>('SELECT id FROM markets WHERE name = ?').pluck();
  const marketName = database.prepare<[id: number], string>('SELECT name FROM markets WHERE id = ?').pluck();
  // NOT INDEXED: an index would find a market's rows, but in another order than that of receipt.
  const exportCandles = database
    .prepare<ExportValues, CandleRow>(
      `SELECT row, market, granularity, start, open, high, low, close, volume, vwap, trades, final,
         receipt_time, origin
       FROM candles NOT INDEXED
       WHERE session = ifnull(?, session) AND market = ifnull(?, market)
         AND granularity = ifnull(?, granularity) AND row > ? AND row <= ?
       ORDER BY row LIMIT ?`,
    )
    .raw();
  // The best of each start comes first, by the rule of the upsert; a later session is the later one.
  const pageCandles = database
    .prepare<[market: number, granularity: string, before: number], PageCandle>(
      `SELECT start, open, high, low, close, volume, vwap, trades, final FROM candles
       WHERE market = ? AND granularity = ? AND start < ?${visible.of('session')}
       ORDER BY start DESC, final DESC, trades DESC, session DESC`,
    )
    .raw();
  const gapsBetween = database.prepare<[before: number, from: number, limit: number], GapRow>(
    `SELECT session, endpoint, start, end, state, cause, recovered, duplicates FROM gaps
     WHERE start < ? AND end >= ?${visible.of('session')} ORDER BY start DESC, row DESC LIMIT ?`,
  );
  const coverage = hasCoverage(database) ? prepareCoverage(database, alive) : null;
  const setting = database
    .prepare<[name: string], string>('SELECT json FROM settings WHERE name = ?')
    .pluck();

  const names = new Map<number, string>();
  function nameOf(market: number): string {
    let name = names.get(market);
    if (name === undefined) {
      name = marketName.get(market) ?? '';
      names.set(market, name);
    }
    return name;
  }

  /** It may have been removed since its rows were asked for. */
  function checkSession(session: number | null): void {
    if (session !== null && ranges.trades.get(session) === undefined) throw unknownSession(session);
  }

  const trades = prepareTradeReader(database, nameOf);
  const buckets = prepareBucketReader(database);
  const retention = hasRetention(database) ? prepareRetentionReader(database) : null;
  const kept = retention === null ? null : database.transaction(() => retention.kept());
  const preview =
    retention === null
      ? null
      : database.transaction((policy: RetentionPolicy, now: Micros) => retention.preview(policy, now));

  return {
    // Both in one transaction, so that a session and its markets are of one moment.
    sessions: database.transaction(() => summaries.all()),
    removedSessions: database.transaction((now: Millis) => summaries.removed(now)),
    totals: () => totals.get() ?? { trades: 0, candles: 0 },
    sessionRows(session, of) {
      const range = ranges[of].get(session);
      if (range === undefined) return null;
      return { after: (range.first ?? 1) - 1, last: range.last ?? 0 };
    },
    rowsSince: database.transaction((since: Micros): RowRange => {
      const last = lastTrade();
      return { after: trades.firstSince(since, last) - 1, last };
    }),
    trades: database.transaction(
      (
        { after, last }: RowRange,
        { session, market: name, since }: RowFilter & { since: Micros | null },
      ): ExportStep<StoredTrade> => {
        checkSession(session);
        const market = name === null ? null : marketId.get(name);
        if (market === undefined) return { rows: [], after: last };
        return trades.step(after, last, { session, market, since }, EXPORT_ROWS);
      },
    ),
    candles: database.transaction((range: RowRange, filter: Parameters<Reader['candles']>[1]) => {
      checkSession(filter.session);
      const market = filter.market === null ? null : marketId.get(filter.market);
      if (market === undefined) return { rows: [], after: range.last };
      const last = Math.min(range.last, range.after + EXPORT_LOOKED_AT);
      const { session, granularity } = filter;
      const found = exportCandles.all(session, market, granularity, range.after, last, EXPORT_ROWS);
      const newest = found.at(-1);
      const after = found.length === EXPORT_ROWS && newest !== undefined ? newest[0] : last;
      return { rows: found.map((row) => candleOf(row, nameOf)), after };
    }),
    candlePage: database.transaction((chart: ChartKey, before: Millis | null, limit: number): CandlePage => {
      const market = marketId.get(chart.market);
      const chosen: PageCandle[] = [];
      let more = false;
      const until = before === null ? Number.MAX_SAFE_INTEGER : before * 1000;
      if (market !== undefined) {
        for (const candle of pageCandles.iterate(market, chart.granularity, until)) {
          if (chosen.at(-1)?.[0] === candle[0]) continue;
          if (chosen.length === limit) {
            more = true;
            break;
          }
          chosen.push(candle);
        }
      }
      chosen.reverse();
      const oldest = chosen[0];
      const gaps = gapsBetween
        .all(before ?? Infinity, more && oldest !== undefined ? oldest[0] / 1000 : -Infinity, PAGE_GAPS)
        .reverse();
      return { count: chosen.length, more, gaps: gaps.map(gapOf), bytes: packCandles(chosen) };
    }),
    tradePage: database.transaction(
      (name: string, before: Micros | null, limit: number, from: Micros = -Infinity): TradePage => {
        const market = marketId.get(name);
        if (market === undefined) return { count: 0, more: false, bytes: new Uint8Array(0) };
        return trades.page(market, from, before ?? Number.MAX_SAFE_INTEGER, limit);
      },
    ),
    buckets: database.transaction((query: BucketQuery): BucketPage => {
      const market = marketId.get(query.market);
      return market === undefined ? noBuckets(query) : buckets.buckets({ ...query, market });
    }),
    coveredMarkets(session) {
      if (ranges.trades.get(session) === undefined) return null;
      return coverage === null ? [] : coverage.markets(session);
    },
    coverage: database.transaction((session: number, name: string) => {
      checkSession(session);
      return coverage?.intervals(session, name) ?? [];
    }),
    coveragePage: (market, endpoint, from, to, now) =>
      coverage?.page(market, endpoint, from, to, now) ?? noPage(from),
    coverageRecent: (markets, from, now) =>
      coverage?.recent(markets, from, now) ?? { from, to: from, lines: [] },
    coverageDay: (markets, now) => coverage?.day(markets, now) ?? emptyDay(now),
    sessionReach(session) {
      const reach = coverage?.reach(session) ?? null;
      return reach === null ? null : { ...reach, markets: coverage?.numbers(session) ?? [] };
    },
    links: hasJournal(database) ? prepareLinkReader(database, checkSession) : null,
    sessionTogether: (session, markets, reach, buckets) =>
      coverage?.together(session, markets, reach, buckets) ?? null,
    sessionLines: (session, markets, reach, buckets) =>
      coverage?.lines(session, markets, reach, buckets) ?? [],
    retention() {
      if (kept === null || preview === null) throw olderThanRetention();
      return { kept, preview };
    },
    readSetting: (name) => setting.get(name) ?? null,
  };
}

function olderThanRetention(): QuipuError {
  return new QuipuError(
    'storage',
    'This store was recorded by an older Quipu, which knew no retention.',
    'Record into it once, or open it in the app: that brings it up to date.',
  );
}

/** The answer where nothing was recorded. */
export function noBuckets({ from, to, limit }: BucketQuery): BucketPage {
  return packBuckets(emptyFold(from, to, limit), null);
}

function candleOf(row: CandleRow, nameOf: (market: number) => string): Candle {
  const [, market, granularity, start, open, high, low, close, volume, vwap, trades, final, at, origin] = row;
  return {
    market: nameOf(market),
    granularity,
    start,
    open,
    high,
    low,
    close,
    volume,
    vwap,
    trades,
    final: final === 1,
    receiptTime: at,
    origin: ORIGINS[origin] ?? 'live',
  };
}

function gapOf(row: GapRow): Gap {
  return {
    session: row.session,
    endpoint: row.endpoint,
    from: row.start,
    to: row.end,
    state: row.state,
    cause: row.cause,
    recovered: row.recovered,
    duplicates: row.duplicates,
  };
}

function packCandles(candles: readonly PageCandle[]): Uint8Array {
  const floats = new Float64Array(candles.length * CANDLE_FIELDS);
  let at = 0;
  for (const [start, open, high, low, close, volume, vwap, trades, final] of candles) {
    floats[at++] = start / 1000;
    for (const text of [open, high, low, close, volume, vwap])
      floats[at++] = text === null ? NaN : Number(text);
    floats[at++] = trades;
    floats[at++] = final;
  }
  return new Uint8Array(floats.buffer);
}
