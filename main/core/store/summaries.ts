/** Sessions as the bridge shows them, from their row and the markets noted for them. */
import type { Database } from 'better-sqlite3';
import type { SessionState, SessionSummary } from '../contract.ts';
import { hasCoverage } from './schema.ts';

export interface SessionRow {
  readonly id: number;
  readonly started: number;
  readonly ended: number | null;
  readonly state: SessionState;
  readonly trades: number;
  readonly candles: number;
  readonly gaps: number;
  /** Microseconds; null when nothing was received. */
  readonly last_receipt: number | null;
  /** Microseconds; how far its coverage reaches, null when it has none. */
  readonly covered: number | null;
}

const COLUMNS = 'id, started, ended, state, trades, candles, gaps, last_receipt';

/** When a session whose recorder died was last known to live, ms. */
export function unexpectedEnd(row: Pick<SessionRow, 'started' | 'last_receipt' | 'covered'>): number {
  return Math.max(row.started, Math.floor(Math.max(row.last_receipt ?? 0, row.covered ?? 0) / 1000));
}

export interface Summaries {
  /** Oldest first. */
  all(): SessionSummary[];
  one(session: number): SessionSummary | null;
}

/** @param alive whether a session in state `recording` may be one: its recorder still runs */
export function prepareSummaries(database: Database, alive: () => boolean): Summaries {
  const columns = `${COLUMNS}, ${hasCoverage(database) ? 'covered' : 'NULL AS covered'}`;
  const all = database.prepare<[], SessionRow>(`SELECT ${columns} FROM sessions ORDER BY id`);
  const one = database.prepare<[number], SessionRow>(`SELECT ${columns} FROM sessions WHERE id = ?`);
  const markets = database
    .prepare<[number], string>(
      `SELECT name FROM session_markets JOIN markets ON markets.id = session_markets.market
       WHERE session = ? ORDER BY name`,
    )
    .pluck();
  const summary = (row: SessionRow): SessionSummary => {
    const dead = row.state === 'recording' && !alive();
    return {
      id: row.id,
      started: row.started,
      ended: dead ? unexpectedEnd(row) : row.ended,
      state: dead ? 'ended unexpectedly' : row.state,
      markets: markets.all(row.id),
      trades: row.trades,
      candles: row.candles,
      gaps: row.gaps,
    };
  };
  return {
    all: () => all.all().map(summary),
    one: (session) => {
      const row = one.get(session);
      return row === undefined ? null : summary(row);
    },
  };
}
