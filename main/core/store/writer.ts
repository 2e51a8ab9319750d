/** Everything that changes the cache. Runs in the writer's thread; needs none itself. */
import type { Database } from 'better-sqlite3';
import type { Gap, JournalEntry, Millis, RemovedSession, SessionEdit, SessionSummary } from '../contract.ts';
import type { CoverageCommit } from '../coverage/ledger.ts';
import type { Candle, TradeColumns } from '../flow/batch.ts';
import { ORIGIN_LIVE, ORIGIN_REDELIVERED } from '../flow/batch.ts';
import { QuipuError } from '../result.ts';
import { encodeChunk } from './chunk.ts';
import { unknownSession } from './errors.ts';
import { prepareLinkWriter } from './link-writer.ts';
import { prepareMarks } from './marks.ts';
import { preparePurge, type Purge } from './purge.ts';
import { extentOf, runOf, sliceRun, type TradeRun } from './run.ts';
import { prepareLastRow } from './schema.ts';
import { createSealer, type Sealer, type SealingSizes } from './sealer.ts';
import type { Commit, Committed } from './store.ts';
import { prepareSummaries, unexpectedEnd } from './summaries.ts';
import { type LastState, UNPROVEN, UNPROVEN_CAUSE, unprovenOf } from './unproven.ts';

export interface Writer {
  /** Closes sessions left open, with the time of their last commit or receipt. */
  recover(): void;
  beginSession(started: Millis): SessionSummary;
  /** Makes the row of a session that is being recorded when it is lacking: its own could not be salvaged. */
  adoptSession(session: number, started: Millis): void;
  /** One transaction: on disk when it returns, or nothing of it when it throws. */
  commit(commit: Commit): Pick<Committed, 'candles'>;
  /** The same for entries of the journal alone. */
  note(entries: readonly JournalEntry[]): void;
  /** The row of the journal's newest entry; 0 when it has none. */
  lastEntry(): number;
  endSession(session: number, ended: Millis): SessionSummary;
  /** See the methods of the same names in store.ts. */
  editSession(session: number, edit: SessionEdit): SessionSummary;
  removeSession(session: number, now: Millis): RemovedSession;
  restoreSession(session: number, now: Millis): SessionSummary;
  writeSetting(name: string, json: string): void;
  /** What was committed is gathered there, and sealed when somebody calls it. */
  readonly sealer: Sealer;
  /** The same of what is left of removed sessions. */
  readonly purge: Purge;
}

/** A segment of more trades would be slow to look through for the few of one market. */
const SEGMENT_TRADES = 16_384;

interface Added {
  trades: number;
  candles: number;
  gaps: number;
  firstTrade: number | null;
  lastTrade: number | null;
  firstCandle: number | null;
  lastCandle: number | null;
  /** Microseconds; null when nothing was received. */
  lastReceipt: number | null;
}

type CandleValues = [
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

/** @param database open for writing and migrated */
export function createWriter(database: Database, sizes?: SealingSizes): Writer {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const end = database.prepare('COMMIT');
  const undo = database.prepare('ROLLBACK');
  // No session in state `recording` of this file is another's: the folder's lock is ours.
  const summaries = prepareSummaries(database, () => true);
  const openSessions = database.prepare<
    [],
    { id: number; started: number; last_receipt: number | null; covered: number | null }
  >(`SELECT id, started, last_receipt, covered FROM sessions WHERE state = 'recording'`);
  const closeSession = database.prepare<[state: string, ended: number, id: number]>(
    `UPDATE sessions SET state = ?, ended = ? WHERE id = ? AND state = 'recording'`,
  );
  const insertSession = database.prepare<[started: number]>(
    `INSERT INTO sessions (started, state) VALUES (?, 'recording')`,
  );
  const adoptSession = database.prepare<[id: number, started: number]>(
    `INSERT INTO sessions (id, started, state) VALUES (?, ?, 'recording') ON CONFLICT DO NOTHING`,
  );
  const addToSession = database.prepare<[Added & { session: number }]>(
    `UPDATE sessions SET
       trades = trades + $trades, candles = candles + $candles, gaps = gaps + $gaps,
       first_trade = coalesce(first_trade, $firstTrade), last_trade = coalesce($lastTrade, last_trade),
       first_candle = coalesce(first_candle, $firstCandle), last_candle = coalesce($lastCandle, last_candle),
       last_receipt = max(coalesce(last_receipt, $lastReceipt), coalesce($lastReceipt, last_receipt))
     WHERE id = $session`,
  );
  const findMarket = database
    .prepare<[name: string], number>('SELECT id FROM markets WHERE name = ?')
    .pluck();
  const insertMarket = database.prepare<[name: string]>('INSERT INTO markets (name) VALUES (?)');
  const noteMarket = database.prepare<[session: number, market: number]>(
    'INSERT INTO session_markets (session, market) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const insertSegment = database.prepare<
    [
      firstRow: number,
      lastRow: number,
      session: number,
      count: number,
      firstTime: number,
      lastTime: number,
      lastReceipt: number,
      body: Uint8Array,
      ids: Uint8Array,
    ]
  >(
    `INSERT INTO segments (first_row, last_row, session, count, first_time, last_time, last_receipt, body, ids)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const findCandle = database.prepare<
    [market: number, granularity: string, start: number, session: number],
    { row: number; final: number; trades: number }
  >(
    `SELECT row, final, trades FROM candles
     WHERE market = ? AND granularity = ? AND start = ? AND session = ?`,
  );
  const insertCandle = database.prepare<
    [...CandleValues, session: number, market: number, granularity: string, start: number]
  >(
    `INSERT INTO candles (open, high, low, close, volume, vwap, trades, final, receipt_time, origin,
       session, market, granularity, start) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const updateCandle = database.prepare<[...CandleValues, row: number]>(
    `UPDATE candles SET open = ?, high = ?, low = ?, close = ?, volume = ?, vwap = ?, trades = ?,
       final = ?, receipt_time = ?, origin = ? WHERE row = ?`,
  );
  const findGap = database
    .prepare<[start: number, session: number, endpoint: string, cause: string], number>(
      'SELECT row FROM gaps WHERE start = ? AND session = ? AND endpoint = ? AND cause = ?',
    )
    .pluck();
  const insertGap = database.prepare<
    [number, string, number, number, string, string, recovered: number, duplicates: number]
  >(
    `INSERT INTO gaps (session, endpoint, start, end, state, cause, recovered, duplicates)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const updateGap = database.prepare<
    [end: number, state: string, recovered: number, duplicates: number, row: number]
  >('UPDATE gaps SET end = ?, state = ?, recovered = ?, duplicates = ? WHERE row = ?');
  const forgetCoverage = database.prepare<[session: number, market: number, endpoint: string, from: number]>(
    'DELETE FROM coverage WHERE session = ? AND market = ? AND endpoint = ? AND start >= ?',
  );
  const insertCoverage = database.prepare<
    [session: number, market: number, endpoint: string, start: number, state: string, cause: string]
  >('INSERT INTO coverage (session, market, endpoint, start, state, cause) VALUES (?, ?, ?, ?, ?, ?)');
  // SQLite takes the other columns from the row that has the maximum.
  const lastStates = database.prepare<[session: number], LastState & { readonly market: number }>(
    `SELECT market, endpoint, state, max(start) AS start FROM coverage
     WHERE session = ? GROUP BY market, endpoint`,
  );
  // A commit that failed may be made up for after a later one.
  const coverUntil = database.prepare<[until: number, session: number]>(
    'UPDATE sessions SET covered = max(coalesce(covered, 0), ?) WHERE id = ?',
  );
  const links = prepareLinkWriter(database);
  const upsertSetting = database.prepare<[name: string, json: string]>(
    'INSERT INTO settings (name, json) VALUES (?, ?) ON CONFLICT DO UPDATE SET json = excluded.json',
  );

  const marks = prepareMarks(database, summaries);
  const sealer = createSealer(database, sizes);

  /** Of the trades. Committed rows only grow, and nobody else adds any. */
  let lastRow = prepareLastRow(database)();
  /** Rows of `markets` by name, and those already noted for `notedSession`; only what is committed or under way. */
  const marketRows = new Map<string, number>();
  const noted = new Set<number>();
  let notedSession = 0;

  function transaction<T>(run: () => T): T {
    begin.run();
    try {
      const value = run();
      end.run();
      return value;
    } catch (error) {
      // SQLite itself rolls back after some errors, such as a full disk.
      if (database.inTransaction) undo.run();
      marketRows.clear();
      noted.clear();
      throw error;
    }
  }

  /** The row of a market, made if need be, and noted for the session. */
  function marketOf(name: string, session: number): number {
    let market = marketRows.get(name);
    if (market === undefined) {
      market = findMarket.get(name) ?? Number(insertMarket.run(name).lastInsertRowid);
      marketRows.set(name, market);
    }
    if (notedSession !== session) {
      noted.clear();
      notedSession = session;
    }
    if (!noted.has(market)) {
      noteMarket.run(session, market);
      noted.add(market);
    }
    return market;
  }

  /** @returns what each new segment has */
  function addTrades(
    columns: TradeColumns,
    names: readonly string[],
    session: number,
    added: Added,
  ): TradeRun[] {
    const segments: TradeRun[] = [];
    if (columns.count === 0) return segments;
    const rowOf = (index: number): number => {
      const name = names[index];
      if (name === undefined) {
        throw new QuipuError('internal', `A trade names market ${index} of a list of ${names.length}.`);
      }
      return marketOf(name, session);
    };
    const run = runOf(columns, rowOf, lastRow + 1);
    for (let start = 0; start < run.count; start += SEGMENT_TRADES) {
      const part = sliceRun(run, start, Math.min(run.count, start + SEGMENT_TRADES));
      const first = lastRow + 1 + start;
      const { firstTime, lastTime, lastReceipt } = extentOf(part);
      const { body, ids } = encodeChunk(part, false);
      const last = first + part.count - 1;
      insertSegment.run(first, last, session, part.count, firstTime, lastTime, lastReceipt, body, ids);
      segments.push(part);
      added.lastReceipt = Math.max(added.lastReceipt ?? lastReceipt, lastReceipt);
    }
    added.trades = run.count;
    added.firstTrade = lastRow + 1;
    added.lastTrade = lastRow + run.count;
    return segments;
  }

  function addCandle(candle: Candle, session: number, added: Added): void {
    const market = marketOf(candle.market, session);
    const start = Math.round(candle.start);
    const receipt = Math.round(candle.receiptTime);
    added.lastReceipt = Math.max(added.lastReceipt ?? receipt, receipt);
    const final = candle.final ? 1 : 0;
    const held = findCandle.get(market, candle.granularity, start, session);
    // What comes now is the later one, so a tie is its.
    if (held !== undefined && (held.final > final || (held.final === final && held.trades > candle.trades))) {
      return;
    }
    const values: CandleValues = [
      candle.open,
      candle.high,
      candle.low,
      candle.close,
      candle.volume,
      candle.vwap,
      candle.trades,
      final,
      receipt,
      candle.origin === 'redelivered' ? ORIGIN_REDELIVERED : ORIGIN_LIVE,
    ];
    if (held !== undefined) {
      updateCandle.run(...values, held.row);
      return;
    }
    const row = Number(
      insertCandle.run(...values, session, market, candle.granularity, start).lastInsertRowid,
    );
    added.candles++;
    added.firstCandle ??= row;
    added.lastCandle = row;
  }

  function addGap(gap: Gap, session: number, added: Added): void {
    // Outwards, so that rounding never makes a gap smaller.
    const from = Math.floor(gap.from);
    const to = Math.ceil(gap.to);
    const held = findGap.get(from, session, gap.endpoint, gap.cause);
    if (held !== undefined) {
      updateGap.run(to, gap.state, gap.recovered, gap.duplicates, held);
      return;
    }
    insertGap.run(session, gap.endpoint, from, to, gap.state, gap.cause, gap.recovered, gap.duplicates);
    added.gaps++;
  }

  function addCoverage({ lines, until }: CoverageCommit, session: number): void {
    for (const { endpoint, from, market: name, starts } of lines) {
      const market = marketOf(name, session);
      forgetCoverage.run(session, market, endpoint, Math.round(from));
      for (const { cause, from: start, state } of starts) {
        insertCoverage.run(session, market, endpoint, Math.round(start), state, cause);
      }
    }
    coverUntil.run(Math.round(until), session);
  }

  function closeOpenSessions(): void {
    for (const row of openSessions.all()) {
      if (row.covered !== null) takeBackUnproven(row.id, row.covered);
      closeSession.run('ended unexpectedly', unexpectedEnd(row), row.id);
    }
  }

  function takeBackUnproven(session: number, covered: number): void {
    const unproven = unprovenOf(database, session, covered);
    for (const last of lastStates.all(session)) {
      const { endpoint, market } = last;
      const from = unproven(last);
      if (from === null) continue;
      forgetCoverage.run(session, market, endpoint, from);
      insertCoverage.run(session, market, endpoint, from, UNPROVEN, UNPROVEN_CAUSE);
    }
  }

  function summaryOf(session: number): SessionSummary {
    const summary = summaries.one(session);
    if (summary === null) throw unknownSession(session);
    return summary;
  }

  return {
    recover() {
      transaction(closeOpenSessions);
    },
    beginSession(started) {
      const summary = transaction(() => {
        closeOpenSessions();
        return summaryOf(Number(insertSession.run(Math.round(started)).lastInsertRowid));
      });
      sealer.finish();
      return summary;
    },
    adoptSession(session, started) {
      transaction(() => adoptSession.run(session, Math.round(started)));
    },
    commit(commit) {
      const { session, markets, trades, candles, gaps, requested = [], coverage } = commit;
      const { journal = [], health = [], refusals = [] } = commit;
      let segments: readonly TradeRun[] = [];
      const committed = transaction(() => {
        const added: Added = {
          trades: 0,
          candles: 0,
          gaps: 0,
          firstTrade: null,
          lastTrade: null,
          firstCandle: null,
          lastCandle: null,
          lastReceipt: null,
        };
        for (const market of requested) marketOf(market, session);
        if (trades !== null) segments = addTrades(trades, markets, session, added);
        for (const candle of candles) addCandle(candle, session, added);
        for (const gap of gaps) addGap(gap, session, added);
        if (coverage !== undefined) addCoverage(coverage, session);
        if (journal.length > 0) links.addEntries(journal);
        links.addHealth(health, session);
        links.addRefusals(refusals, session);
        if (addToSession.run({ ...added, session }).changes === 0) throw unknownSession(session);
        return { candles: added.candles };
      });
      for (const segment of segments) {
        lastRow += segment.count;
        sealer.gathered(segment);
      }
      return committed;
    },
    note(entries) {
      if (entries.length > 0) transaction(() => links.addEntries(entries));
    },
    lastEntry: () => links.lastEntry(),
    endSession(session, ended) {
      const summary = transaction(() => {
        closeSession.run('ended', Math.round(ended), session);
        return summaryOf(session);
      });
      sealer.finish();
      return summary;
    },
    editSession: (session, edit) => transaction(() => marks.edit(session, edit)),
    removeSession: (session, now) => transaction(() => marks.remove(session, now)),
    restoreSession: (session, now) => transaction(() => marks.restore(session, now)),
    writeSetting(name, json) {
      transaction(() => upsertSetting.run(name, json));
    },
    sealer,
    purge: preparePurge(database),
  };
}
