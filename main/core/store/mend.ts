/** Puts in order what was salvaged: tables that were copied each for itself fit together again. */
import type { Database } from 'better-sqlite3';
import { decodeChunk } from './chunk.ts';
import { DamagedPiece } from './piece.ts';
import { hasChunks } from './schema.ts';
import { prepareTapeWriter } from './tape-writer.ts';

export interface Mended {
  /** That there are now. */
  readonly trades: number;
  /** Runs of trades that were taken out, since they cannot be read. */
  readonly unreadable: number;
}

/** @param database of any version, open for writing */
export function mend(database: Database): Mended {
  const rows = database.prepare<[], number>('SELECT count(*) FROM trades').pluck().get() ?? 0;
  if (!hasChunks(database)) return { trades: rows, unreadable: 0 };
  const tapes = prepareTapeWriter(database);
  const segmentRows = database.prepare<[], number>('SELECT first_row FROM segments').pluck();
  const segmentAt = database.prepare<
    [firstRow: number],
    { readonly count: number; readonly body: Uint8Array; readonly ids: Uint8Array }
  >('SELECT count, body, ids FROM segments WHERE first_row = ?');
  const deleteSegment = database.prepare<[firstRow: number]>('DELETE FROM segments WHERE first_row = ?');
  const sealed = database.prepare<[], { readonly market: number; readonly session: number }>(
    'SELECT DISTINCT market, session FROM chunks',
  );
  return database
    .transaction(() => {
      let trades = rows;
      let unreadable = 0;
      database.exec('DELETE FROM tapes; DELETE FROM pyramid');
      for (const firstRow of segmentRows.all()) {
        const segment = segmentAt.get(firstRow);
        if (segment === undefined) continue;
        try {
          trades += decodeChunk(segment, segment.count).count;
        } catch (error) {
          if (!(error instanceof DamagedPiece)) throw error;
          deleteSegment.run(firstRow);
          unreadable++;
        }
      }
      for (const { market, session } of sealed.all()) {
        const tape = tapes.rebuild(market, session);
        trades += tape.trades;
        unreadable += tape.unreadable;
      }
      return { trades, unreadable };
    })
    .immediate();
}
