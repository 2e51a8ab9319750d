/** Checks what has no checksum: the tables' shape, what they say of each other, and values that cannot be. */
import BetterSqlite, { type Database } from 'better-sqlite3';
import { COVERAGE_RANK, ENDPOINTS, GRANULARITIES } from '../contract.ts';
import type { Known } from './check-trades.ts';
import type { FaultKind, Faults } from './faults.ts';
import { hasChunks, hasCoverage, hasJournal, hasMarks, hasRetention, migrate } from './schema.ts';
import { readSessionSums, type Sums } from './session-sums.ts';

/** Findings of one look at a table: more say nothing more. */
const MOST_FOUND = 100;
/** Of SQLite's own check. */
const MOST_FROM_SQLITE = 100;
const PORTION_CANDLES = 50_000;
/** Times of sessions are milliseconds, those of coverage microseconds. */
const MILLI = 1_000;

/**
 * SQLite's own check of pages, rows and indexes.
 *
 * @param whole false beside a running Quipu: table by table, each a transaction of its own; then pages that
 *   belong to nothing are not looked for
 */
export function* checkFile(
  database: Database,
  faults: Faults,
  whole: boolean,
): Generator<number, void, void> {
  const looks = whole
    ? [`integrity_check(${MOST_FROM_SQLITE})`]
    : (faults
        .attempt('file', 'quipu.db', () =>
          database
            .prepare<[], string>(`SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0`)
            .pluck()
            .all(),
        )
        ?.map((name) => `integrity_check('${name.replaceAll("'", "''")}')`) ?? []);
  for (const [index, look] of looks.entries()) {
    const words = faults.attempt('file', 'quipu.db', () => database.pragma(look)) as
      { readonly integrity_check: string }[] | null;
    for (const { integrity_check: said } of words ?? []) {
      // Their lines are of one cause each.
      if (said !== 'ok')
        for (const line of said.split('\n')) faults.add('file', 'quipu.db', `SQLite says: ${line}`);
    }
    yield (index + 1) / looks.length;
  }
}

/** Tables and indexes must be those that the migrations make. */
export function checkShape(database: Database, version: number, faults: Faults): void {
  const fresh = new BetterSqlite(':memory:');
  try {
    migrate(fresh, version);
    const wanted = shapeOf(fresh);
    const found = faults.attempt('schema', 'sqlite_master', () => shapeOf(database));
    if (found === null) return;
    for (const [name, shape] of wanted) {
      const other = found.get(name);
      if (other !== shape) {
        faults.add(
          'schema',
          `table ${name}`,
          other === undefined ? 'is missing' : 'is not as Quipu makes it',
        );
      }
    }
  } finally {
    fresh.close();
  }
}

function shapeOf(database: Database): Map<string, string> {
  const rows = database
    .prepare<[], { readonly name: string; readonly shape: string }>(
      `SELECT l.name, json_array(l.wr, l.strict,
         (SELECT json_group_array(json_array(name, type, "notnull", dflt_value, pk)) FROM pragma_table_info(l.name)),
         (SELECT json_group_array(json_array(i."unique", i.origin, (SELECT json_group_array(json_array(seqno, name))
            FROM pragma_index_info(i.name)))) FROM (SELECT * FROM pragma_index_list(l.name) ORDER BY name) i)) AS shape
       FROM pragma_table_list l WHERE schema = 'main' AND type = 'table' AND l.name NOT LIKE 'sqlite~_%' ESCAPE '~'`,
    )
    .all();
  return new Map(rows.map(({ name, shape }) => [name, shape]));
}

/** Sessions and markets, for what is of them. */
export function readKnown(database: Database, faults: Faults): Known {
  const read = database.transaction(() => ({
    sessions: new Set(database.prepare<[], number>('SELECT id FROM sessions').pluck().all()),
    markets: new Map(
      database.prepare<[], [id: number, name: string]>('SELECT id, name FROM markets').raw().all(),
    ),
  }));
  const known = faults.attempt('session', 'sessions and markets', read);
  const noted = faults.attempt('session', 'session_markets', () =>
    database
      .prepare<[session: number, market: number], number>(
        'SELECT 1 FROM session_markets WHERE session = ? AND market = ?',
      )
      .pluck(),
  );
  const purged = hasMarks(database)
    ? faults.attempt('session', 'sessions', () =>
        database.prepare<[session: number], number>('SELECT removed = 0 FROM sessions WHERE id = ?').pluck(),
      )
    : null;
  return {
    sessions: known?.sessions ?? new Set(),
    markets: known?.markets ?? new Map(),
    isNoted: (session, market) => noted === null || noted.get(session, market) !== undefined,
    isPurged: (session) => purged?.get(session) === 1,
  };
}

interface SessionRow {
  readonly id: number;
  /** Absent in a database older than these. */
  readonly removed?: number | null;
  readonly trades_deleted?: number;
  readonly candles_deleted?: number;
  readonly started: number;
  readonly ended: number | null;
  readonly state: string;
  readonly trades: number;
  readonly candles: number;
  readonly gaps: number;
  readonly last_receipt: number | null;
  readonly first_trade: number | null;
  readonly last_trade: number | null;
  readonly first_candle: number | null;
  readonly last_candle: number | null;
}

/** Counters and ranges of sessions against what is there, in one transaction. */
export function checkSessions(database: Database, faults: Faults): void {
  const look = database.transaction(() => {
    const { candles, gaps, trades } = readSessionSums(database);
    for (const row of database.prepare<[], SessionRow>('SELECT * FROM sessions').all()) {
      // Of what is being purged a part is gone, and nothing is read.
      if (row.removed === 0) continue;
      checkSession(row, trades.get(row.id), candles.get(row.id), gaps.get(row.id) ?? 0, faults);
    }
  });
  faults.attempt('session', 'sessions', look);
}

function checkSession(
  row: SessionRow,
  trades: Sums | undefined,
  candles: Sums | undefined,
  gaps: number,
  faults: Faults,
): void {
  const where = `session ${row.id}`;
  const { candles_deleted = 0, trades_deleted = 0 } = row;
  const pairs: [name: string, noted: number | null, there: number | null][] = [
    ['trades', row.trades, (trades?.count ?? 0) + trades_deleted],
    ['candles', row.candles, (candles?.count ?? 0) + candles_deleted],
    ['gaps', row.gaps, gaps],
  ];
  const ends: [of: 'trade' | 'candle', deleted: number, there: Sums | undefined][] = [
    ['trade', trades_deleted, trades],
    ['candle', candles_deleted, candles],
  ];
  for (const [of, deleted, there] of ends) {
    const [first, last] = [row[`first_${of}`], row[`last_${of}`]];
    // What retention deleted lay at either end.
    const isWithin =
      there === undefined || ((first ?? Infinity) <= there.first && (last ?? -Infinity) >= there.last);
    if (deleted > 0 && isWithin) continue;
    pairs.push([`first_${of}`, first, there?.first ?? null], [`last_${of}`, last, there?.last ?? null]);
  }
  const wrong = pairs
    .filter(([, noted, there]) => noted !== there)
    .map(([name, noted, there]) => `${name} is ${noted}, not ${there}`);
  const receipt = Math.max(trades?.receipt ?? 0, candles?.receipt ?? 0);
  if ((row.last_receipt ?? 0) < receipt) wrong.push(`last_receipt is ${row.last_receipt}, not ${receipt}`);
  if (wrong.length > 0) faults.add('session', where, `does not say what it has: ${wrong.join(', ')}`);
  if (!['recording', 'ended', 'ended unexpectedly'].includes(row.state)) {
    faults.add('session', where, 'is in an unknown state');
  }
  if ((row.ended === null) !== (row.state === 'recording')) {
    faults.add('session', where, 'has an end while it records, or none though it is over');
  } else if (row.ended !== null && !(row.ended >= row.started)) {
    faults.add('session', where, 'ends before it starts');
  }
}

/** Candles, portion by portion. */
export function* checkCandles(
  database: Database,
  known: Known,
  faults: Faults,
  counts: { candles: number },
): Generator<number, void, void> {
  type Row = [row: number, session: number, market: number, granularity: string, final: number, ...unknown[]];
  const statement = faults.attempt('candles', 'candles', () =>
    database
      .prepare<[after: number], Row>(
        `SELECT row, session, market, granularity, final, open, high, low, close, vwap, volume FROM candles
         WHERE row > ? ORDER BY row LIMIT ${PORTION_CANDLES}`,
      )
      .raw(),
  );
  if (statement === null) return;
  for (let after: number | null = -Infinity; after !== null;) {
    const from: number = after;
    const rows = faults.attempt('candles', 'candles', () => statement.all(from));
    let reached = from;
    for (const [row, session, market, granularity, final, ...decimals] of rows ?? []) {
      reached = Math.max(reached, row);
      counts.candles++;
      const wrong: string[] = [];
      if (!known.sessions.has(session)) wrong.push(`is of session ${session}, which is not there`);
      if (!known.markets.has(market)) wrong.push(`is of market ${market}, which has no name`);
      else if (!known.isNoted(session, market)) wrong.push('is of a market that its session does not name');
      if (!GRANULARITIES.some((each) => each === granularity)) wrong.push('is of an unknown granularity');
      if (final !== 0 && final !== 1) wrong.push('is neither final nor provisional');
      if (!decimals.every(isDecimal)) wrong.push('has a price or volume that is no number');
      if (wrong.length > 0) faults.add('candles', `candle ${row}`, wrong.join(', '));
    }
    after = rows === null || rows.length < PORTION_CANDLES || reached <= from ? null : reached;
    yield 0.5;
  }
}

function isDecimal(text: unknown): boolean {
  return text === null || (typeof text === 'string' && text !== '' && Number.isFinite(Number(text)));
}

/** Queries for what must not be: each row says what it is of. */
interface Look {
  readonly kind: FaultKind;
  readonly what: string;
  readonly query: string;
}

const listed = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');
const STATES = listed(COVERAGE_RANK);
const GAP_STATES = listed(['recovered', 'unverified', 'lost']);
const ENDPOINT = `NOT IN (${listed(ENDPOINTS)})`;
const LOST_SESSION = 'session NOT IN (SELECT id FROM sessions)';

const GAPS: readonly Look[] = [
  {
    kind: 'links',
    what: 'is of a session that is not there',
    query: `'gap ' || row FROM gaps WHERE ${LOST_SESSION}`,
  },
  {
    kind: 'links',
    what: 'has an endpoint, state, count or time that cannot be',
    query: `'gap ' || row FROM gaps WHERE endpoint ${ENDPOINT} OR state NOT IN (${GAP_STATES}) OR "end" < start
      OR recovered < 0 OR duplicates < 0`,
  },
  {
    kind: 'session',
    what: 'names a market or a session that is not there',
    query: `'session ' || session FROM session_markets
      WHERE ${LOST_SESSION} OR market NOT IN (SELECT id FROM markets)`,
  },
  {
    kind: 'settings',
    what: 'is no JSON',
    query: `'setting ' || name FROM settings WHERE NOT json_valid(json)`,
  },
];
const COVERAGE_WHERE = `'coverage of session ' || session || ', market ' || market || ', ' || endpoint`;
const COVERAGE: readonly Look[] = [
  {
    kind: 'coverage',
    what: 'is of a session or market that is not there',
    query: `${COVERAGE_WHERE} FROM coverage
      WHERE ${LOST_SESSION} OR market NOT IN (SELECT id FROM markets)`,
  },
  {
    kind: 'coverage',
    what: 'has an endpoint or state that is unknown',
    query: `${COVERAGE_WHERE} FROM coverage WHERE endpoint ${ENDPOINT} OR state NOT IN (${STATES})`,
  },
  {
    kind: 'coverage',
    what: 'begins outside of its session',
    query: `${COVERAGE_WHERE} FROM coverage JOIN sessions ON id = session
      WHERE start < started * ${MILLI} OR covered IS NULL OR start > covered`,
  },
  {
    kind: 'session',
    what: 'does not name a market of which it has coverage',
    query: `'session ' || session FROM (SELECT DISTINCT session, market FROM coverage
      EXCEPT SELECT session, market FROM session_markets)`,
  },
  {
    kind: 'session',
    what: 'has coverage up to a time before its start',
    query: `'session ' || id FROM sessions WHERE covered < started * ${MILLI}`,
  },
];
const LINKS: readonly Look[] = [
  {
    kind: 'links',
    what: 'is of a session that is not there',
    query: `'journal ' || row FROM journal WHERE session IS NOT NULL AND ${LOST_SESSION}
      UNION ALL SELECT 'health ' || row FROM health WHERE ${LOST_SESSION}
      UNION ALL SELECT 'refusals of session ' || session FROM refusals WHERE ${LOST_SESSION}`,
  },
  {
    kind: 'links',
    what: 'has an endpoint, a kind or a count that cannot be',
    query: `'journal ' || row FROM journal WHERE endpoint ${ENDPOINT} OR type NOT IN ('transition', 'outage')
      UNION ALL SELECT 'health ' || row FROM health WHERE endpoint ${ENDPOINT} OR messages < 0 OR bytes < 0
      UNION ALL SELECT 'refusals of session ' || session FROM refusals
      WHERE endpoint ${ENDPOINT} OR count < 0 OR NOT json_valid(samples)`,
  },
];
const SHORTENED: readonly Look[] = [
  {
    kind: 'trades',
    what: 'has a chunk before the first that is kept',
    query: `'tape of market ' || market || ', session ' || session
      FROM chunks JOIN tapes USING (market, session) WHERE seq < first`,
  },
  {
    kind: 'session',
    what: 'says of a part that it was deleted, but not how much, or until when',
    query: `'session ' || id FROM sessions WHERE trades_deleted < 0 OR candles_deleted < 0
      OR (trades_deleted > 0) <> (trades_until IS NOT NULL) OR (candles_deleted > 0) <> (candles_until IS NOT NULL)`,
  },
];
const TAPES: readonly Look[] = [
  {
    kind: 'session',
    what: 'does not name a market of which it has trades',
    query: `'session ' || session FROM (SELECT session, market FROM tapes
      EXCEPT SELECT session, market FROM session_markets)`,
  },
];

/** What is of each other, a look at a time. */
export function* checkOthers(database: Database, faults: Faults): Generator<number, void, void> {
  const looks = [
    ...GAPS,
    ...(hasCoverage(database) ? COVERAGE : []),
    ...(hasJournal(database) ? LINKS : []),
    ...(hasChunks(database) ? TAPES : []),
    ...(hasRetention(database) ? SHORTENED : []),
  ];
  for (const [index, { kind, query, what }] of looks.entries()) {
    const found = faults.attempt(kind, 'tables', () =>
      database.prepare<[], string>(`SELECT ${query} LIMIT ${MOST_FOUND}`).pluck().all(),
    );
    for (const where of found ?? []) faults.add(kind, String(where), what);
    yield (index + 1) / looks.length;
  }
}
