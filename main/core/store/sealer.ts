/**
 * Seals what has gathered, segments and rows of an older store, into chunks: a portion at a time, in the
 * writer's thread and apart from commits. A portion is one transaction that adds chunks and takes away what
 * they hold, so that a kill at any moment neither loses a trade nor doubles one.
 */
import type { Database } from 'better-sqlite3';
import { byMarket } from './by-market.ts';
import { CHUNK_TRADES, decodeChunk } from './chunk.ts';
import { prepareLegacyRows } from './legacy.ts';
import { DamagedPiece } from './piece.ts';
import type { TradeRun } from './run.ts';
import { prepareTapeWriter } from './tape-writer.ts';

/**
 * So many gathered trades are worth a portion: whoever reads the newest decodes them. More when they are of
 * many markets, which would make small chunks that soon are written again.
 */
const ENOUGH_TRADES = 32_768;
const ENOUGH_OF_A_MARKET = 3_584;
/** The most that is enough: commits wait for a portion, a fifth of a second at the worst. */
const MOST_ENOUGH = 262_144;
/** Enough segments, which are small while little is traded. */
const ENOUGH_SEGMENTS = 512;
/** A burst is sealed when it is over, but for what goes beyond this. */
const OVERDUE_TRADES = 1_048_576;
const OVERDUE_SEGMENTS = 4 * ENOUGH_SEGMENTS;
/** Of what has gathered, so many at the most are kept in memory too, where they need not be decoded. */
const MOST_KEPT = MOST_ENOUGH;
/** Rows are taken out of an index one by one, so that fewer of them take as long. */
const PORTION_ROWS = 8_192;

export interface Sealer {
  /** These were committed, as a segment of their own. They do not change any more. */
  gathered(run: TradeRun): void;
  /** The session has ended: what is left of it is sealed too, however little it is. */
  finish(): void;
  /** `now` when enough has gathered, `overdue` when far more, `later` when a quiet moment will do. */
  readonly due: 'overdue' | 'now' | 'later' | 'no';
  /** Seals a portion, if one is due. */
  seal(): void;
}

interface SegmentRow {
  readonly first_row: number;
  readonly session: number;
  readonly count: number;
}

interface SegmentPieces {
  readonly body: Uint8Array;
  readonly ids: Uint8Array;
}

/** Tests have smaller ones, so that few trades do. */
export interface SealingSizes {
  readonly chunkTrades: number;
  readonly portionTrades: number;
  readonly portionRows: number;
}

const USUAL: SealingSizes = {
  chunkTrades: CHUNK_TRADES,
  portionTrades: MOST_ENOUGH,
  portionRows: PORTION_ROWS,
};

/** @param database open for writing and migrated */
export function createSealer(database: Database, sizes: SealingSizes = USUAL): Sealer {
  const tapes = prepareTapeWriter(database, sizes.chunkTrades);
  const legacy = prepareLegacyRows(database);
  const gatheredSoFar = database.prepare<[], { segments: number; trades: number }>(
    'SELECT count(*) AS segments, coalesce(sum(count), 0) AS trades FROM segments',
  );
  const segmentsAfter = database.prepare<[row: number], SegmentRow>(
    'SELECT first_row, session, count FROM segments WHERE first_row > ? ORDER BY first_row',
  );
  const piecesOf = database.prepare<[firstRow: number], SegmentPieces>(
    'SELECT body, ids FROM segments WHERE first_row = ?',
  );
  const deleteSegment = database.prepare<[firstRow: number]>('DELETE FROM segments WHERE first_row = ?');
  const legacySession = database
    .prepare<[], number>('SELECT session FROM trades ORDER BY row LIMIT 1')
    .pluck();
  const rowsOf = database
    .prepare<[session: number, session: number], number>(
      `SELECT 1 FROM trades NOT INDEXED WHERE session = ?
         AND row >= (SELECT first_trade FROM sessions WHERE id = ?) LIMIT 1`,
    )
    .pluck();
  const deleteRows = database.prepare<[first: number, last: number, session: number]>(
    'DELETE FROM trades WHERE row BETWEEN ? AND ? AND session = ?',
  );

  // Whatever is there when a store is opened is of sessions that are over.
  let { segments, trades } = gatheredSoFar.get() ?? { segments: 0, trades: 0 };
  /** Of what has gathered, as far as is known. */
  const markets = new Set<number>();
  /** The oldest of it, by first row. What they are on disk is the same, and a commit may be deleted there. */
  const kept = new Map<number, TradeRun>();
  let keptTrades = 0;
  let finishing = segments > 0;
  let rowsLeft = legacySession.get() !== undefined;
  /** Those up to this row are damaged. They stay for whoever can read them. */
  let unreadable = 0;

  function sealPortion(session: number, runs: readonly TradeRun[]): void {
    for (const run of byMarket(runs)) tapes.append(run.markets[0] ?? 0, session, run);
  }

  const sealRows = database.transaction((session: number) => {
    const run = legacy.run(session, 0, Number.MAX_SAFE_INTEGER, sizes.portionRows);
    if (run === null) return;
    sealPortion(session, [run]);
    deleteRows.run(run.row[0] ?? 0, run.row[run.count - 1] ?? 0, session);
  });

  /** Trades that are worth a portion, and the most that one takes. */
  function portion(): number {
    const enough = Math.max(ENOUGH_TRADES, markets.size * ENOUGH_OF_A_MARKET);
    return Math.min(sizes.portionTrades, enough);
  }

  function isEnough(): boolean {
    return trades >= portion() || segments >= ENOUGH_SEGMENTS;
  }

  /** The oldest segments, of one session. */
  function nextSegments(): SegmentRow[] {
    const rows: SegmentRow[] = [];
    const most = portion();
    let total = 0;
    for (const row of segmentsAfter.iterate(unreadable)) {
      if (row.session !== (rows[0]?.session ?? row.session) || total >= most) break;
      rows.push(row);
      total += row.count;
    }
    return rows;
  }

  /** @throws {DamagedPiece} */
  function runOf({ count, first_row }: SegmentRow): TradeRun {
    const run = kept.get(first_row);
    if (run?.count === count) return run;
    const pieces = piecesOf.get(first_row);
    if (pieces === undefined) throw new DamagedPiece('a segment is in an index alone');
    return decodeChunk(pieces, count);
  }

  /** Lets go of what is in segments up to this row. */
  function forget(last: number): void {
    for (const [first, { count }] of kept) {
      // They were noted in this order.
      if (first > last) return;
      kept.delete(first);
      keptTrades -= count;
    }
  }

  const sealSegments = database.transaction((rows: readonly SegmentRow[]) => {
    const runs: TradeRun[] = [];
    for (const row of rows) {
      try {
        runs.push(runOf(row));
        deleteSegment.run(row.first_row);
      } catch (error) {
        if (!(error instanceof DamagedPiece)) throw error;
        unreadable = row.first_row;
      }
    }
    sealPortion(rows[0]?.session ?? 0, runs);
  });

  return {
    gathered(run) {
      segments++;
      trades += run.count;
      for (const market of run.markets) markets.add(market);
      if (keptTrades + run.count > MOST_KEPT) return;
      kept.set(run.row[0] ?? 0, run);
      keptTrades += run.count;
    },
    finish() {
      finishing = segments > 0;
    },
    get due() {
      if (trades >= OVERDUE_TRADES || segments >= OVERDUE_SEGMENTS) return 'overdue';
      if (isEnough()) return 'now';
      return finishing || rowsLeft ? 'later' : 'no';
    },
    seal() {
      if (!isEnough() && !finishing) {
        const session = legacySession.get();
        if (session === undefined) rowsLeft = false;
        else sealRows.immediate(session);
        return;
      }
      const rows = nextSegments();
      const [{ session } = { session: 0 }] = rows;
      // A tape is sealed in the order of receipt, and rows are older than segments.
      if (rowsLeft && rowsOf.get(session, session) !== undefined) {
        sealRows.immediate(session);
        return;
      }
      if (rows.length > 0) sealSegments.immediate(rows);
      segments = rows.length === 0 ? 0 : segments - rows.length;
      trades = rows.length === 0 ? 0 : trades - rows.reduce((sum, { count }) => sum + count, 0);
      forget(segments === 0 ? Infinity : (rows.at(-1)?.first_row ?? Infinity));
      if (segments > 0) return;
      finishing = false;
      markets.clear();
    },
  };
}
