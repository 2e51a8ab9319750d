/** Puts in order what was salvaged: tables that were copied each for itself fit together again. */
import type { Database } from 'better-sqlite3';
import { decodeChunk } from './chunk.ts';
import { DamagedPiece } from './piece.ts';
import { recount } from './recount.ts';
import { extentOf, type TradeRun } from './run.ts';
import { hasChunks } from './schema.ts';
import { prepareTapeWriter } from './tape-writer.ts';

export interface Mended {
  /** That there are now. */
  readonly trades: number;
  /** Runs of trades that were taken out, since they cannot be read. */
  readonly unreadable: number;
  /** Trades that are known to have been there and are not any more. */
  readonly lost: number;
}

/** @param database of any version, open for writing */
export function mend(database: Database): Mended {
  const rows = database.prepare<[], number>('SELECT count(*) FROM trades').pluck().get() ?? 0;
  return database
    .transaction(() => {
      const pieces = hasChunks(database) ? mendPieces(database) : { trades: 0, unreadable: 0, lost: 0 };
      const missing = recount(database);
      return {
        trades: rows + pieces.trades,
        unreadable: pieces.unreadable,
        // The rows of sessions know of more: what was on pages that cannot be read is in no piece.
        lost: Math.max(missing, pieces.lost),
      };
    })
    .immediate();
}

function mendPieces(database: Database): Mended {
  const tapes = prepareTapeWriter(database);
  const sealed = database.prepare<[], { readonly market: number; readonly session: number }>(
    'SELECT DISTINCT market, session FROM chunks',
  );
  database.exec('DELETE FROM tapes; DELETE FROM pyramid');
  let { trades, unreadable, lost } = mendSegments(database);
  for (const { market, session } of sealed.all()) {
    const tape = tapes.rebuild(market, session);
    trades += tape.trades;
    unreadable += tape.unreadable;
    lost += tape.lost;
  }
  return { trades, unreadable, lost };
}

function mendSegments(database: Database): Mended {
  const rows = database.prepare<[], number>('SELECT first_row FROM segments').pluck();
  const pieces = database.prepare<
    [firstRow: number],
    { readonly session: number; readonly count: number; readonly body: Uint8Array; readonly ids: Uint8Array }
  >('SELECT session, count, body, ids FROM segments WHERE first_row = ?');
  const remove = database.prepare<[firstRow: number]>('DELETE FROM segments WHERE first_row = ?');
  const note = database.prepare<
    [lastRow: number, firstTime: number, lastTime: number, lastReceipt: number, firstRow: number]
  >('UPDATE segments SET last_row = ?, first_time = ?, last_time = ?, last_receipt = ? WHERE first_row = ?');
  const noteMarket = database.prepare<[session: number, market: number]>(
    'INSERT OR IGNORE INTO session_markets (session, market) VALUES (?, ?)',
  );
  let trades = 0;
  let unreadable = 0;
  let lost = 0;
  for (const firstRow of rows.all()) {
    const segment = pieces.get(firstRow);
    if (segment === undefined) continue;
    const run = readable(segment, firstRow);
    if (run === null) {
      remove.run(firstRow);
      unreadable++;
      lost += segment.count;
      continue;
    }
    const { firstTime, lastReceipt, lastTime } = extentOf(run);
    note.run(run.row[run.count - 1] ?? firstRow, firstTime, lastTime, lastReceipt, firstRow);
    for (const market of run.markets) noteMarket.run(segment.session, market);
    trades += run.count;
  }
  return { trades, unreadable, lost };
}

/** null for what is damaged. */
function readable(
  segment: { readonly count: number; readonly body: Uint8Array; readonly ids: Uint8Array },
  firstRow: number,
): TradeRun | null {
  try {
    const run = decodeChunk(segment, segment.count);
    return run.row[0] === firstRow ? run : null;
  } catch (error) {
    if (error instanceof DamagedPiece) return null;
    throw error;
  }
}
