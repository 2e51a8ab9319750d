/** Makes sessions and markets say what was salvaged of them: a part of it may be lost, or they themselves. */
import type { Database } from 'better-sqlite3';
import { hasChunks, hasCoverage, hasJournal, hasMarks, hasRetention } from './schema.ts';
import { readSessionSums } from './session-sums.ts';
import { unexpectedEnd } from './summaries.ts';

interface SessionRow {
  readonly id: number;
  readonly started: number;
  readonly ended: number | null;
  readonly state: string;
  readonly trades: number;
  readonly last_receipt: number | null;
  readonly covered: number | null;
  readonly removed: number | null;
  /** By retention. */
  readonly trades_deleted: number;
  readonly candles_deleted: number;
}

/**
 * Inside a transaction, when all else is in order.
 *
 * @returns how many trades sessions had that are not there any more, as far as their rows tell
 */
export function recount(database: Database): number {
  nameMarkets(database);
  adoptSessions(database);
  const { candles, gaps, trades } = readSessionSums(database);
  const update = database.prepare<unknown[]>(
    `UPDATE sessions SET trades = ?, candles = ?, gaps = ?, first_trade = ?, last_trade = ?, first_candle = ?,
       last_candle = ?, last_receipt = ?, ended = ? WHERE id = ?`,
  );
  let missing = 0;
  const columns = [
    hasCoverage(database) ? 'covered' : 'NULL AS covered',
    hasMarks(database) ? 'removed' : 'NULL AS removed',
    hasRetention(database) ? 'trades_deleted, candles_deleted' : '0 AS trades_deleted, 0 AS candles_deleted',
  ].join(', ');
  const sessions = database.prepare<[], SessionRow>(
    `SELECT id, started, ended, state, trades, last_receipt, ${columns} FROM sessions`,
  );
  for (const row of sessions.all()) {
    const ofTrades = trades.get(row.id);
    const ofCandles = candles.get(row.id);
    const there = row.trades - row.trades_deleted;
    // What is being purged is not missed.
    if (row.removed !== 0) missing += Math.max(0, there - (ofTrades?.count ?? 0));
    // What is lost was received all the same.
    const receipts = [row.last_receipt, ofTrades?.receipt, ofCandles?.receipt].map((each) => each ?? 0);
    const receipt = Math.max(...receipts) === 0 ? null : Math.max(...receipts);
    const isOver = row.state !== 'recording' && row.ended === null;
    update.run(
      (ofTrades?.count ?? 0) + row.trades_deleted,
      (ofCandles?.count ?? 0) + row.candles_deleted,
      gaps.get(row.id) ?? 0,
      ofTrades?.first ?? null,
      ofTrades?.last ?? null,
      ofCandles?.first ?? null,
      ofCandles?.last ?? null,
      receipt,
      isOver ? unexpectedEnd({ ...row, last_receipt: receipt }) : row.ended,
      row.id,
    );
  }
  return missing;
}

/** Tables with a column `session` and one `market`, as far as this version has them. */
function tablesOfMarkets(database: Database): string[] {
  return [
    ...['trades', 'candles'],
    ...(hasCoverage(database) ? ['coverage'] : []),
    ...(hasChunks(database) ? ['chunks'] : []),
  ];
}

/** Markets that sessions have something of are named by them, and have a name. */
function nameMarkets(database: Database): void {
  for (const table of tablesOfMarkets(database)) {
    database.exec(
      `INSERT OR IGNORE INTO session_markets (session, market) SELECT DISTINCT session, market FROM ${table}`,
    );
  }
  // No market of the feed is called so.
  database.exec(
    `INSERT OR IGNORE INTO markets (id, name) SELECT DISTINCT market, '(name lost, ' || market || ')'
     FROM session_markets WHERE market NOT IN (SELECT id FROM markets)`,
  );
}

/** Makes the rows of sessions that are lacking, from the first time that is known of them. */
function adoptSessions(database: Database): void {
  const times = [
    'SELECT session, exchange_time / 1000 AS at FROM trades',
    'SELECT session, receipt_time / 1000 FROM candles',
    'SELECT session, start FROM gaps',
    'SELECT session, NULL FROM session_markets',
  ];
  if (hasCoverage(database)) times.push('SELECT session, start / 1000 FROM coverage');
  if (hasJournal(database)) {
    times.push('SELECT session, at FROM journal', 'SELECT session, at FROM health');
    times.push('SELECT session, first FROM refusals');
  }
  if (hasChunks(database)) {
    times.push(
      'SELECT session, first_time / 1000 FROM chunks',
      'SELECT session, first_time / 1000 FROM segments',
    );
  }
  database.exec(
    `INSERT INTO sessions (id, started, state)
     SELECT session, ifnull(min(at), 0), 'ended unexpectedly' FROM (${times.join(' UNION ALL ')})
     WHERE session IS NOT NULL AND session NOT IN (SELECT id FROM sessions) GROUP BY session`,
  );
  if (!hasCoverage(database)) return;
  database.exec(
    `UPDATE sessions SET covered = (SELECT max(start) FROM coverage WHERE session = id)
     WHERE covered IS NULL AND id IN (SELECT session FROM coverage)`,
  );
}
