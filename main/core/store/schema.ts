/** The tables of the cache and the numbered steps that lead to them. */
import type { Database } from 'better-sqlite3';

/** "Quip" in ASCII: tells a Quipu cache from any other SQLite file. */
export const APPLICATION_ID = 0x51756970;

/**
 * Step n leads from user_version n to n + 1. A step that was released is never changed.
 *
 * Times of trades, candles and coverage are microseconds since the epoch, those of sessions, gaps, the
 * journal, health and refusals milliseconds, all whole numbers.
 */
const MIGRATIONS: readonly string[] = [
  `
  -- Counters and ranges are kept in the transaction that adds the rows, so that neither a list of
  -- sessions nor the start of an export reads the rows themselves.
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    started INTEGER NOT NULL,
    ended INTEGER,
    state TEXT NOT NULL,
    trades INTEGER NOT NULL DEFAULT 0,
    candles INTEGER NOT NULL DEFAULT 0,
    gaps INTEGER NOT NULL DEFAULT 0,
    last_receipt INTEGER,
    first_trade INTEGER,
    last_trade INTEGER,
    first_candle INTEGER,
    last_candle INTEGER
  ) STRICT;

  CREATE TABLE markets (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE session_markets (
    session INTEGER NOT NULL,
    market INTEGER NOT NULL,
    PRIMARY KEY (session, market)
  ) STRICT, WITHOUT ROWID;

  -- The order of "row" is the order of receipt. Ids have no index: a UNIQUE one on random ids costs
  -- more than all the rest, and repeats are dropped before they come here.
  CREATE TABLE trades (
    row INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    market INTEGER NOT NULL,
    exchange_time INTEGER NOT NULL,
    receipt_time INTEGER NOT NULL,
    price_digits INTEGER NOT NULL,
    price_scale INTEGER NOT NULL,
    size_digits INTEGER NOT NULL,
    size_scale INTEGER NOT NULL,
    side INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    id TEXT
  ) STRICT;
  CREATE INDEX trades_by_time ON trades (market, exchange_time);

  -- A session keeps its own candles; of several for one period a page takes the best.
  CREATE TABLE candles (
    row INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    market INTEGER NOT NULL,
    granularity TEXT NOT NULL,
    start INTEGER NOT NULL,
    open TEXT,
    high TEXT,
    low TEXT,
    close TEXT,
    volume TEXT NOT NULL,
    vwap TEXT,
    trades INTEGER NOT NULL,
    final INTEGER NOT NULL,
    receipt_time INTEGER NOT NULL,
    origin INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX candles_by_start ON candles (market, granularity, start, session);

  CREATE TABLE gaps (
    row INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    recovered INTEGER NOT NULL,
    duplicates INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX gaps_by_start ON gaps (start, session, endpoint, cause);

  CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- A state lasts until the next one of its line, the last one until the session's "covered": so no
  -- two overlap, none leaves a hole, and one that goes on costs nothing.
  CREATE TABLE coverage (
    session INTEGER NOT NULL,
    market INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    start INTEGER NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (session, market, endpoint, start)
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE sessions ADD COLUMN covered INTEGER;
  `,
  `
  -- Rows are numbered by whoever tells them. A transition has from_phase to server_words, the report on
  -- an outage start to duplicates; "what" is the transition's kind, the outage's state.
  CREATE TABLE journal (
    row INTEGER PRIMARY KEY,
    session INTEGER,
    endpoint TEXT NOT NULL,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    what TEXT NOT NULL,
    words TEXT NOT NULL,
    from_phase TEXT,
    to_phase TEXT,
    server_words TEXT,
    start INTEGER,
    end INTEGER,
    recovered INTEGER,
    duplicates INTEGER
  ) STRICT;
  CREATE INDEX journal_by_session ON journal (session);
  CREATE INDEX journal_by_endpoint ON journal (endpoint);

  -- "at" is the minute's start; lags, offset and round trip are microseconds.
  CREATE TABLE health (
    row INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    at INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    lag_p50 INTEGER,
    lag_p95 INTEGER,
    lag_p99 INTEGER,
    clock_offset INTEGER,
    round_trip INTEGER,
    reconnects INTEGER NOT NULL,
    refused INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX health_by_time ON health (endpoint, at, session);
  CREATE INDEX health_by_session ON health (session);

  -- Samples are a list of {at, text} as JSON, newest first.
  CREATE TABLE refusals (
    session INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    samples TEXT NOT NULL,
    PRIMARY KEY (session, endpoint, reason)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** The newest version that this program reads and the one that it writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

export function versionOf(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/** A database that is only read is not migrated, so it may be older than its coverage. */
export function hasCoverage(database: Database): boolean {
  return versionOf(database) >= 2;
}

/** The same of the journal, of health and of refusals. */
export function hasJournal(database: Database): boolean {
  return versionOf(database) >= 3;
}

/**
 * Takes an empty or older database to `target`, each step in a transaction of its own.
 *
 * @param tell called after each step with the share that is done, 0 to 1
 */
export function migrate(
  database: Database,
  target: number = SCHEMA_VERSION,
  tell: (share: number) => void = () => undefined,
): void {
  const first = versionOf(database);
  for (let version = first; version < target; version++) {
    database
      .transaction(() => {
        database.exec(MIGRATIONS[version] ?? '');
        database.pragma(`application_id = ${APPLICATION_ID}`);
        database.pragma(`user_version = ${version + 1}`);
      })
      .immediate();
    tell((version + 1 - first) / (target - first));
  }
}
