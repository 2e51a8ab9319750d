/** Sessions as the bridge shows them, from their row and the markets noted for them. */
import type { Database } from 'better-sqlite3';
import type { Millis, RemovedSession, SessionDeleted, SessionState, SessionSummary } from '../contract.ts';
import { UNDO_MS, visibleIn } from './marks.ts';
import { hasCoverage, hasMarks, hasRetention } from './schema.ts';

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
  readonly name: string | null;
  readonly note: string | null;
  readonly pinned: number;
  readonly trades_deleted: number;
  readonly trades_until: number | null;
  readonly candles_deleted: number;
  readonly candles_until: number | null;
  readonly history_until: number | null;
}

const COLUMNS = 'id, started, ended, state, trades, candles, gaps, last_receipt';
const DELETED = 'trades_deleted, trades_until, candles_deleted, candles_until, history_until';
const NONE_DELETED = `0 AS trades_deleted, NULL AS trades_until, 0 AS candles_deleted, NULL AS candles_until,
  NULL AS history_until`;

/** When a session whose recorder died was last known to live, ms. */
export function unexpectedEnd(row: Pick<SessionRow, 'started' | 'last_receipt' | 'covered'>): number {
  return Math.max(row.started, Math.floor(Math.max(row.last_receipt ?? 0, row.covered ?? 0) / 1000));
}

export interface Summaries {
  /** Oldest first, without those that were removed. */
  all(): SessionSummary[];
  /** null for one that is removed too. */
  one(session: number): SessionSummary | null;
  /** Those that can be restored at `now`, the last removed first. */
  removed(now: Millis): RemovedSession[];
}

/** @param alive whether a session in state `recording` may be one: its recorder still runs */
export function prepareSummaries(database: Database, alive: () => boolean): Summaries {
  const covered = hasCoverage(database) ? 'covered' : 'NULL AS covered';
  const isMarked = hasMarks(database);
  const marks = isMarked ? 'name, note, pinned' : 'NULL AS name, NULL AS note, 0 AS pinned';
  const deleted = hasRetention(database) ? DELETED : NONE_DELETED;
  const columns = `${COLUMNS}, ${covered}, ${marks}, ${deleted}`;
  const visible = visibleIn(database);
  const all = database.prepare<[], SessionRow>(
    `SELECT ${columns} FROM sessions WHERE id > 0${visible.row} ORDER BY id`,
  );
  const one = database.prepare<[number], SessionRow>(
    `SELECT ${columns} FROM sessions WHERE id = ?${visible.row}`,
  );
  const removed = isMarked
    ? database.prepare<[since: number], SessionRow & { readonly removed: number }>(
        `SELECT ${columns}, removed FROM sessions WHERE removed > ? ORDER BY removed DESC, id DESC`,
      )
    : null;
  const markets = database
    .prepare<[number], string>(
      `SELECT name FROM session_markets JOIN markets ON markets.id = session_markets.market
       WHERE session = ? ORDER BY name`,
    )
    .pluck();
  const summary = (row: SessionRow): SessionSummary => {
    const dead = row.state === 'recording' && !alive();
    const deleted = deletedOf(row);
    return {
      id: row.id,
      started: row.started,
      ended: dead ? unexpectedEnd(row) : row.ended,
      state: dead ? 'ended unexpectedly' : row.state,
      markets: markets.all(row.id),
      trades: row.trades,
      candles: row.candles,
      gaps: row.gaps,
      name: row.name,
      note: row.note,
      pinned: row.pinned === 1,
      ...(deleted === null ? {} : { deleted }),
    };
  };
  return {
    all: () => all.all().map(summary),
    one: (session) => {
      const row = one.get(session);
      return row === undefined ? null : summary(row);
    },
    removed: (now) =>
      removed?.all(Math.max(0, now - UNDO_MS)).map((row) => ({
        session: summary(row),
        undoUntil: row.removed + UNDO_MS,
      })) ?? [],
  };
}

function deletedOf(row: SessionRow): SessionDeleted | null {
  const { trades_until, candles_until, history_until } = row;
  if (trades_until === null && candles_until === null && history_until === null) return null;
  return {
    trades: row.trades_deleted,
    tradesUntil: millisOf(trades_until),
    candles: row.candles_deleted,
    candlesUntil: millisOf(candles_until),
    historyUntil: history_until,
  };
}

/** Upwards: what was deleted is before it. */
function millisOf(micros: number | null): number | null {
  return micros === null ? null : Math.ceil(micros / 1000);
}
