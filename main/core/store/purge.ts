/**
 * Takes away what removed sessions hold, once they cannot be restored: a portion at a time, in the writer's
 * thread and apart from commits. A portion is one transaction, so that a kill at any moment leaves a session
 * that is removed still, and the next start goes on. Its row goes last: as long as anything of it is there,
 * the row keeps readers from it.
 */
import type { Database } from 'better-sqlite3';
import type { Millis } from '../contract.ts';
import { QuipuError } from '../result.ts';
import { UNDO_MS } from './marks.ts';

/** A portion’s work, in rows of a small table. Commits wait for one portion, some tens of milliseconds. */
const PORTION = 1_024;

export interface Purge {
  /** Milliseconds until a portion is due, 0: now; null when no session is removed. */
  dueIn(now: Millis): Millis | null;
  /** Takes a portion of the session that was removed first away, if one is due. */
  purge(now: Millis): void;
  /**
   * Takes a portion of a session away, which from the first one on is removed and cannot be restored.
   *
   * @returns whether anything of it is left
   * @throws {QuipuError} kind `busy` for a session that is being recorded
   */
  purgePortion(session: number): boolean;
}

interface Step {
  /** Takes at most so many rows of a session away, and tells how many. */
  readonly take: (session: number, most: number) => number;
  /** What a row costs. */
  readonly weight: number;
}

/**
 * @param database open for writing and migrated
 * @param portion smaller in tests, so that few rows make many
 */
export function preparePurge(database: Database, portion: number = PORTION): Purge {
  const oldest = database.prepare<[], { readonly id: number; readonly removed: Millis }>(
    'SELECT id, removed FROM sessions WHERE removed IS NOT NULL ORDER BY removed LIMIT 1',
  );
  const stateOf = database
    .prepare<[session: number], string>('SELECT state FROM sessions WHERE id = ?')
    .pluck();
  const giveUp = database.prepare<[session: number]>(
    'UPDATE sessions SET removed = 0 WHERE id = ? AND removed IS NOT 0',
  );
  const deleteSession = database.prepare<[session: number]>('DELETE FROM sessions WHERE id = ?');

  /** @param sql with the session and the most rows as its parameters */
  function step(weight: number, sql: string): Step {
    const statement = database.prepare<{ session: number; most: number }>(sql);
    return { weight, take: (session, most) => statement.run({ session, most }).changes };
  }
  /** Of a table that is found by session and market alone. */
  const byMarket = (table: string, weight: number): Step =>
    step(
      weight,
      `DELETE FROM ${table} WHERE id IN (
         SELECT ${table}.id FROM markets CROSS JOIN ${table}
         WHERE ${table}.market = markets.id AND ${table}.session = $session LIMIT $most)`,
    );
  /** Of a table whose rows grow from session to session: only those between its neighbours are looked at. */
  const byRow = (table: string, row: string, of: 'trade' | 'candle', weight: number): Step =>
    step(
      weight,
      `DELETE FROM ${table} WHERE ${row} IN (
         SELECT ${row} FROM ${table} NOT INDEXED WHERE session = $session
           AND ${row} > ifnull((SELECT max(last_${of}) FROM sessions WHERE id < $session), 0)
           AND ${row} < ifnull((SELECT min(first_${of}) FROM sessions WHERE id > $session), 9e15)
         LIMIT $most)`,
    );
  const bySession = (table: string, row: string): Step =>
    step(
      1,
      `DELETE FROM ${table} WHERE (${row}) IN (
         SELECT ${row} FROM ${table} WHERE session = $session LIMIT $most)`,
    );
  const steps: readonly Step[] = [
    // A chunk's bytes are some dozen pages.
    byMarket('chunks', 16),
    byMarket('pyramid', 2),
    step(
      1,
      `DELETE FROM tapes WHERE (market, session) IN (
         SELECT market, session FROM markets CROSS JOIN tapes
         WHERE market = markets.id AND session = $session LIMIT $most)`,
    ),
    byRow('segments', 'first_row', 'trade', 8),
    // Each is in an index of its own order.
    byRow('trades', 'row', 'trade', 2),
    byRow('candles', 'row', 'candle', 2),
    bySession('gaps', 'row'),
    bySession('coverage', 'session, market, endpoint, start'),
    bySession('journal', 'row'),
    bySession('health', 'row'),
    bySession('refusals', 'session, endpoint, reason'),
    bySession('session_markets', 'session, market'),
  ];

  const purgePortion = database.transaction((session: number): boolean => {
    const state = stateOf.get(session);
    if (state === undefined) return false;
    if (state === 'recording') {
      throw new QuipuError('busy', `Session ${session} is being recorded.`, 'Stop the recording first.');
    }
    giveUp.run(session);
    let left = portion;
    for (const { take, weight } of steps) {
      const most = Math.max(1, Math.floor(left / weight));
      const taken = take(session, most);
      left -= taken * weight;
      if (taken === most || left <= 0) return true;
    }
    deleteSession.run(session);
    return false;
  });

  return {
    dueIn(now) {
      const next = oldest.get();
      return next === undefined ? null : Math.max(0, next.removed + UNDO_MS - now);
    },
    purge(now) {
      const next = oldest.get();
      if (next !== undefined && next.removed + UNDO_MS <= now) purgePortion.immediate(next.id);
    },
    purgePortion: (session) => purgePortion.immediate(session),
  };
}
