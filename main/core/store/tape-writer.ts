/**
 * Tapes: the sealed trades of one market in one session, as chunks and a pyramid of bars over them.
 *
 * A market that trades little would make chunks of a few trades, so a new run takes in the small chunks
 * before it that are not more than twice as long: a trade is written again about ten times at most, and a
 * tape ends in about ten small chunks at most. Full chunks stay as they are, and each two of them, each two
 * of these pairs and so on have bars of their own.
 */
import type { Database } from 'better-sqlite3';
import { type Bars, barsOf, decodeBars, encodeBars, joinBars } from './bars.ts';
import { CHUNK_TRADES, decodeChunk, encodeChunk } from './chunk.ts';
import { DamagedPiece } from './piece.ts';
import { type Extent, extentOf, numbersOf, RunBuilder, sliceRun, type TradeRun } from './run.ts';

export interface TapeWriter {
  /** Inside a transaction. @param run of this market alone, received after all that the tape has */
  append(market: number, session: number, run: TradeRun): void;
  /**
   * Inside a transaction. Makes a tape anew of the chunks that there are, whatever is missing between them.
   *
   * @returns how many trades it has, how many chunks could not be read and were taken out, and how many trades
   *   those were
   */
  rebuild(
    market: number,
    session: number,
  ): { readonly trades: number; readonly unreadable: number; readonly lost: number };
}

interface Span {
  readonly first_time: number;
  readonly last_time: number;
}

interface TapeRow extends Span {
  readonly chunks: number;
  readonly full: number;
  readonly longest: number;
}

const NO_TAPE: TapeRow = { chunks: 0, full: 0, first_time: Infinity, last_time: -Infinity, longest: 0 };

interface PiecesRow {
  readonly count: number;
  readonly body: Uint8Array;
  readonly ids: Uint8Array;
}

interface BarsRow extends Span {
  readonly level: number;
  readonly bars: Uint8Array;
}

type Tape = [market: number, session: number];

/** A chunk that is nearly as long as it may be is not written again for the little that is lacking. */
function enoughOf(most: number): number {
  return Math.ceil(most * 0.75);
}

/** Whether a chunk of so many trades is full. @param most trades of a chunk */
export function isLongEnough(count: number, most: number): boolean {
  return count >= enoughOf(most);
}

/**
 * @param database open for writing and migrated
 * @param most trades of a chunk; fewer than usual in tests, so that few trades make many
 */
export function prepareTapeWriter(database: Database, most: number = CHUNK_TRADES): TapeWriter {
  const enough = enoughOf(most);
  const findTape = database.prepare<Tape, TapeRow>(
    'SELECT chunks, full, first_time, last_time, longest FROM tapes WHERE market = ? AND session = ?',
  );
  const upsertTape = database.prepare<
    [...Tape, chunks: number, full: number, firstTime: number, lastTime: number, longest: number]
  >(
    `INSERT INTO tapes (market, session, chunks, full, first_time, last_time, longest)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET chunks = excluded.chunks, full = excluded.full,
       first_time = excluded.first_time, last_time = excluded.last_time, longest = excluded.longest`,
  );
  const deleteTape = database.prepare<Tape>('DELETE FROM tapes WHERE market = ? AND session = ?');
  const countOf = database
    .prepare<[...Tape, seq: number], number>(
      'SELECT count FROM chunks WHERE market = ? AND session = ? AND seq = ?',
    )
    .pluck();
  const piecesOf = database.prepare<[...Tape, seq: number], PiecesRow>(
    'SELECT count, body, ids FROM chunks WHERE market = ? AND session = ? AND seq = ?',
  );
  const deleteChunks = database.prepare<[...Tape, from: number]>(
    'DELETE FROM chunks WHERE market = ? AND session = ? AND seq >= ?',
  );
  const chunksOf = database.prepare<
    Tape,
    { readonly id: number; readonly seq: number; readonly count: number }
  >('SELECT id, seq, count FROM chunks WHERE market = ? AND session = ? ORDER BY seq');
  const deleteChunk = database.prepare<[id: number]>('DELETE FROM chunks WHERE id = ?');
  const noteAnew = database.prepare<
    [
      firstRow: number,
      lastRow: number,
      firstTime: number,
      lastTime: number,
      lastReceipt: number,
      level: number,
      bars: Uint8Array,
      id: number,
    ]
  >(
    `UPDATE chunks SET first_row = ?, last_row = ?, first_time = ?, last_time = ?, last_receipt = ?, level = ?,
       bars = ? WHERE id = ?`,
  );
  const renumber = database.prepare<[seq: number, id: number]>('UPDATE chunks SET seq = ? WHERE id = ?');
  const deleteNodes = database.prepare<Tape>('DELETE FROM pyramid WHERE market = ? AND session = ?');
  const insertChunk = database.prepare<
    [
      ...Tape,
      seq: number,
      firstRow: number,
      lastRow: number,
      count: number,
      firstTime: number,
      lastTime: number,
      lastReceipt: number,
      level: number,
      bars: Uint8Array,
      body: Uint8Array,
      ids: Uint8Array,
    ]
  >(
    `INSERT INTO chunks (market, session, seq, first_row, last_row, count, first_time, last_time,
       last_receipt, level, bars, body, ids) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const chunkBars = database.prepare<[...Tape, seq: number], BarsRow>(
    'SELECT first_time, last_time, level, bars FROM chunks WHERE market = ? AND session = ? AND seq = ?',
  );
  const nodeBars = database.prepare<[...Tape, height: number, place: number], BarsRow>(
    `SELECT first_time, last_time, level, bars FROM pyramid
     WHERE market = ? AND session = ? AND height = ? AND place = ?`,
  );
  const insertNode = database.prepare<
    [
      ...Tape,
      height: number,
      place: number,
      firstTime: number,
      lastTime: number,
      level: number,
      bars: Uint8Array,
    ]
  >(
    `INSERT INTO pyramid (market, session, height, place, first_time, last_time, level, bars)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );

  /** The chunks at the end of a tape that a run of `count` trades takes in, oldest first. */
  function smallChunks(tape: Tape, { chunks, full }: TapeRow, count: number): TradeRun[] {
    const taken: TradeRun[] = [];
    let total = count;
    for (let seq = chunks - 1; seq >= full; seq--) {
      const held = countOf.get(...tape, seq) ?? enough;
      if (held >= enough || (held > total * 2 && held + total < enough)) break;
      const pieces = piecesOf.get(...tape, seq);
      const run = pieces === undefined ? null : readable(() => decodeChunk(pieces, pieces.count));
      if (run === null) break;
      taken.unshift(run);
      total += held;
    }
    return taken;
  }

  function addChunk(tape: Tape, seq: number, run: TradeRun): Extent {
    const extent = extentOf(run);
    const { firstTime, lastTime, lastReceipt } = extent;
    const bars = barsOfRun(run, extent);
    const { body, ids } = encodeChunk(run);
    insertChunk.run(
      ...tape,
      seq,
      run.row[0] ?? 0,
      run.row[run.count - 1] ?? 0,
      run.count,
      firstTime,
      lastTime,
      lastReceipt,
      bars.level,
      encodeBars(bars),
      body,
      ids,
    );
    return extent;
  }

  /** Bars of each two that the full chunk before `full` completes. */
  function addNodes(tape: Tape, full: number): void {
    for (let height = 1; full % 2 ** height === 0; height++) {
      const place = full / 2 ** height - 1;
      const [left, right] = [place * 2, place * 2 + 1].map((each) =>
        height === 1 ? chunkBars.get(...tape, each) : nodeBars.get(...tape, height - 1, each),
      );
      if (left === undefined || right === undefined) return;
      // A node that is lacking costs time alone: those below it are read in its stead.
      const bars = readable(() => joinBars(barsIn(left), barsIn(right)));
      if (bars === null) return;
      const first = Math.min(left.first_time, right.first_time);
      const last = Math.max(left.last_time, right.last_time);
      insertNode.run(...tape, height, place, first, last, bars.level, encodeBars(bars));
    }
  }

  return {
    append(market, session, run) {
      const tape: Tape = [market, session];
      const held = findTape.get(...tape) ?? NO_TAPE;
      const taken = smallChunks(tape, held, run.count);
      const whole = taken.length === 0 ? run : joined(market, [...taken, run]);
      let chunks = held.chunks - taken.length;
      let { first_time, full, last_time, longest } = held;
      if (taken.length > 0) deleteChunks.run(...tape, chunks);
      for (let start = 0; start < whole.count; start += most) {
        const part = sliceRun(whole, start, Math.min(whole.count, start + most));
        const { firstTime, lastTime } = addChunk(tape, chunks, part);
        first_time = Math.min(first_time, firstTime);
        last_time = Math.max(last_time, lastTime);
        longest = Math.max(longest, lastTime - firstTime);
        if (chunks === full && part.count >= enough) addNodes(tape, ++full);
        chunks++;
      }
      upsertTape.run(...tape, chunks, full, first_time, last_time, longest);
    },
    rebuild(market, session) {
      const tape: Tape = [market, session];
      let kept = 0;
      let trades = 0;
      let unreadable = 0;
      let lost = 0;
      deleteNodes.run(...tape);
      let { full, first_time, last_time, longest } = NO_TAPE;
      for (const { count, id, seq } of chunksOf.all(...tape)) {
        const pieces = piecesOf.get(...tape, seq);
        const run = pieces === undefined ? null : readable(() => decodeChunk(pieces, count));
        if (run === null) {
          deleteChunk.run(id);
          unreadable++;
          lost += count;
          continue;
        }
        const extent = extentOf(run);
        const { firstTime, lastReceipt, lastTime } = extent;
        const bars = barsOfRun(run, extent);
        const [first = 0] = run.row;
        const last = run.row[run.count - 1] ?? first;
        noteAnew.run(first, last, firstTime, lastTime, lastReceipt, bars.level, encodeBars(bars), id);
        // Numbers only become smaller, so that none is taken when it is given.
        if (seq !== kept) renumber.run(kept, id);
        first_time = Math.min(first_time, firstTime);
        last_time = Math.max(last_time, lastTime);
        longest = Math.max(longest, lastTime - firstTime);
        if (full === kept && count >= enough) addNodes(tape, ++full);
        kept++;
        trades += count;
      }
      deleteTape.run(...tape);
      if (kept > 0) upsertTape.run(...tape, kept, full, first_time, last_time, longest);
      return { trades, unreadable, lost };
    },
  };
}

/** The bars of a chunk of these trades. @param extent as `extentOf` gives it */
export function barsOfRun(run: TradeRun, extent: Extent): Bars {
  return barsOf(extent, run.exchangeTime, numbersOf(run.price, run.count), numbersOf(run.size, run.count));
}

function joined(market: number, runs: readonly TradeRun[]): TradeRun {
  const builder = new RunBuilder(runs.reduce((sum, { count }) => sum + count, 0));
  const place = builder.place(market);
  for (const run of runs)
    builder.append(
      run,
      Uint32Array.from({ length: run.count }, (_, index) => index),
      place,
    );
  return builder.run();
}

function barsIn({ bars, level }: BarsRow): Bars {
  return decodeBars(bars, level);
}

/** null for what is damaged: it stays where it is, and whoever reads it is told. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof DamagedPiece) return null;
    throw error;
  }
}
