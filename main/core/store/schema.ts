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
  `
  -- New trades come as segments: a commit's trades of all markets as two pieces of bytes (chunk.ts). What
  -- has gathered is then sealed into chunks of one market each. Table trades has what was recorded before
  -- there were segments, until that is sealed too. A trade is in one of the three, and its row, the order
  -- of receipt, is the same in each.
  CREATE TABLE segments (
    first_row INTEGER PRIMARY KEY,
    last_row INTEGER NOT NULL,
    session INTEGER NOT NULL,
    count INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    last_receipt INTEGER NOT NULL,
    body BLOB NOT NULL,
    ids BLOB NOT NULL
  ) STRICT;

  -- The chunks of one market in one session are numbered by "seq" in the order of receipt. The largest
  -- columns come last, since SQLite reads a row only as far as it is asked for.
  CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    market INTEGER NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL,
    count INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    last_receipt INTEGER NOT NULL,
    level INTEGER NOT NULL,
    bars BLOB NOT NULL,
    body BLOB NOT NULL,
    ids BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX chunks_by_seq ON chunks (market, session, seq);
  CREATE INDEX chunks_by_time ON chunks (market, last_time, first_time);
  CREATE INDEX chunks_by_row ON chunks (last_row, first_row, market);
  CREATE INDEX chunks_by_receipt ON chunks (last_receipt, first_row);

  -- What is sealed of one market in one session. The first "full" of its chunks are never touched again;
  -- "longest" is the most time between the first and the last trade of one.
  CREATE TABLE tapes (
    market INTEGER NOT NULL,
    session INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    full INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    longest INTEGER NOT NULL,
    PRIMARY KEY (market, session)
  ) STRICT, WITHOUT ROWID;

  -- Bars of 2^height full chunks, the first of which has the seq place * 2^height; a chunk has its own.
  CREATE TABLE pyramid (
    id INTEGER PRIMARY KEY,
    market INTEGER NOT NULL,
    session INTEGER NOT NULL,
    height INTEGER NOT NULL,
    place INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    level INTEGER NOT NULL,
    bars BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX pyramid_by_place ON pyramid (market, session, height, place);
  `,
  `
  -- What the user says of a session. "removed" is when it was deleted, ms, as long as that can be undone;
  -- 0 from when what it holds is being taken away. Nothing of a removed session is read.
  ALTER TABLE sessions ADD COLUMN name TEXT;
  ALTER TABLE sessions ADD COLUMN note TEXT;
  ALTER TABLE sessions ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN removed INTEGER;
  CREATE INDEX sessions_removed ON sessions (removed) WHERE removed IS NOT NULL;
  `,
  `
  -- What retention took away: how many, and up to when they were received. "trades" and "candles" stay what
  -- was recorded. Microseconds, but for "history_until", which is milliseconds as what it tells of.
  ALTER TABLE sessions ADD COLUMN trades_deleted INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN trades_until INTEGER;
  ALTER TABLE sessions ADD COLUMN candles_deleted INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN candles_until INTEGER;
  ALTER TABLE sessions ADD COLUMN history_until INTEGER;
  -- The seq of the oldest chunk that is kept. Numbers do not change when those before it go.
  ALTER TABLE tapes ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
  `,
];

/** The newest version that this program reads and the one that it writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

export function versionOf(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/** `versionOf` for those who ask again and again; the statement holds no lock meanwhile. */
export function prepareVersion(database: Database): () => number {
  const ask = database.prepare<[], number>('PRAGMA user_version').pluck();
  return () => ask.get() ?? 0;
}

/** A database that is only read is not migrated, so it may be older than its coverage. */
export function hasCoverage(database: Database): boolean {
  return versionOf(database) >= 2;
}

/** The same of the journal, of health and of refusals. */
export function hasJournal(database: Database): boolean {
  return versionOf(database) >= 3;
}

/** The same of chunks. */
export function hasChunks(database: Database): boolean {
  return versionOf(database) >= 4;
}

/** The same of what the user says of sessions: name, note, pinned, removed. */
export function hasMarks(database: Database): boolean {
  return versionOf(database) >= 5;
}

/** The same of what retention took away. */
export function hasRetention(database: Database): boolean {
  return versionOf(database) >= 6;
}

/** Tells the row of the newest trade, wherever it lies; 0 when there is none. */
export function prepareLastRow(database: Database): () => number {
  const places = ['SELECT max(last_trade) FROM sessions', 'SELECT max(row) FROM trades'];
  if (hasChunks(database)) {
    places.push('SELECT max(last_row) FROM chunks');
    places.push('SELECT last_row FROM segments ORDER BY first_row DESC LIMIT 1');
  }
  const newest = database
    .prepare<[], number>(`SELECT max(${places.map((place) => `ifnull((${place}), 0)`).join(', ')})`)
    .pluck();
  return () => newest.get() ?? 0;
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
