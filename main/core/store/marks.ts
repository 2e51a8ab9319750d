/**
 * What the user says of sessions: name, note, pinned, and removed. A removed session is left out of all that
 * is read, by one mark of its row, until it is restored or purged (purge.ts).
 */
import type { Database } from 'better-sqlite3';
import type { Millis, RemovedSession, SessionEdit, SessionSummary } from '../contract.ts';
import { QuipuError } from '../result.ts';
import { unknownSession } from './errors.ts';
import { hasMarks } from './schema.ts';
import type { Summaries } from './summaries.ts';

/** For so long a deleted session can be restored. */
export const UNDO_MS: Millis = 10 * 60_000;
const UNDO_WORDS = `${UNDO_MS / 60_000} minutes`;

/** Ends of WHERE clauses that leave removed sessions out. Empty for a database older than its marks. */
export interface Visible {
  /** Of a row of `sessions`. */
  readonly row: string;
  /** @param column that has a session's id, never NULL */
  readonly of: (column: string) => string;
}

export function visibleIn(database: Database): Visible {
  if (!hasMarks(database)) return { row: '', of: () => '' };
  return {
    row: ' AND removed IS NULL',
    of: (column) => ` AND ${column} NOT IN (SELECT id FROM sessions WHERE removed IS NOT NULL)`,
  };
}

/** To be called within a transaction. Each throws QuipuError, of kind `not-found` for an unknown session. */
export interface Marks {
  edit(session: number, edit: SessionEdit): SessionSummary;
  /** @throws {QuipuError} kind `busy`: it is being recorded, or pinned */
  remove(session: number, now: Millis): RemovedSession;
  /** @throws {QuipuError} kind `not-found` when it was not removed, or too long ago */
  restore(session: number, now: Millis): SessionSummary;
}

interface MarkedRow {
  readonly state: string;
  readonly pinned: number;
  readonly removed: number | null;
}

/** @param database open for writing and migrated */
export function prepareMarks(database: Database, summaries: Summaries): Marks {
  const find = database.prepare<[id: number], MarkedRow>(
    'SELECT state, pinned, removed FROM sessions WHERE id = ?',
  );
  const rename = database.prepare<[name: string | null, id: number]>(
    'UPDATE sessions SET name = ? WHERE id = ?',
  );
  const note = database.prepare<[note: string | null, id: number]>(
    'UPDATE sessions SET note = ? WHERE id = ?',
  );
  const pin = database.prepare<[pinned: number, id: number]>('UPDATE sessions SET pinned = ? WHERE id = ?');
  const remove = database.prepare<[removed: number | null, id: number]>(
    'UPDATE sessions SET removed = ? WHERE id = ?',
  );

  /** One that is there for the user. */
  function present(session: number): MarkedRow {
    const row = find.get(session);
    if (row === undefined) throw unknownSession(session);
    if (row.removed !== null) {
      throw new QuipuError(
        'not-found',
        `Session ${session} is deleted.`,
        `Restore it first, which can be done for ${UNDO_WORDS}.`,
      );
    }
    return row;
  }

  function summaryOf(session: number): SessionSummary {
    const summary = summaries.one(session);
    if (summary === null) throw unknownSession(session);
    return summary;
  }

  return {
    edit(session, edit) {
      present(session);
      if (edit.name !== undefined) rename.run(edit.name, session);
      if (edit.note !== undefined) note.run(edit.note, session);
      if (edit.pinned !== undefined) pin.run(edit.pinned ? 1 : 0, session);
      return summaryOf(session);
    },
    remove(session, now) {
      const { pinned, state } = present(session);
      if (state === 'recording') {
        throw new QuipuError(
          'busy',
          `Session ${session} is being recorded.`,
          'Stop the recording first, then delete it.',
        );
      }
      if (pinned === 1) {
        throw new QuipuError('busy', `Session ${session} is pinned.`, 'Unpin it first, then delete it.');
      }
      const summary = summaryOf(session);
      // 0 says that it cannot be restored.
      const removed = Math.max(1, Math.floor(now));
      remove.run(removed, session);
      return { session: summary, undoUntil: removed + UNDO_MS };
    },
    restore(session, now) {
      const row = find.get(session);
      if (row?.removed === null) {
        throw new QuipuError(
          'not-found',
          `Session ${session} is not deleted.`,
          'There is nothing to restore.',
        );
      }
      if (row === undefined || row.removed === 0 || row.removed + UNDO_MS <= now) {
        throw new QuipuError(
          'not-found',
          `There is no deleted session ${session} that can be restored.`,
          `A deleted session can be restored for ${UNDO_WORDS}.`,
        );
      }
      remove.run(null, session);
      return summaryOf(session);
    },
  };
}
