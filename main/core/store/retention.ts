/**
 * Takes away what is older than a time, or the oldest there is, of sessions that are not pinned: a portion at
 * a time, each one transaction, so that a kill at any moment leaves rows, counters and coverage of one
 * state.
 *
 * A trade's age, and a candle's, is the time since it was received: what an exchange's clock says is no
 * measure of how long it has been here. Of a session they go in the order of receipt, up to the first that is
 * not older. Trades go as whole chunks, so that of each market up to a chunk may stay longer.
 */
import type { Database } from 'better-sqlite3';
import { KEEP_ALL, type Micros, type Millis, type RetentionPolicy } from '../contract.ts';

/** Name of the policy's row in the table `settings`. */
export const POLICY_SETTING = 'retention';
export const DAY_MICROS: Micros = 86_400_000_000;
/** Of the session that is recorded so much is kept, whatever the limit. */
export const KEPT_LIVE: Micros = 3_600_000_000;

/** A portion's most: commits wait for it, some hundredths of a second at the worst. */
const PORTION_BYTES = 1024 * 1024;
const PORTION_CHUNKS = 256;
/** Rows are taken out of an index one by one. */
const PORTION_ROWS = 2_048;
/** A trade from so much ahead of the time of its receipt says nothing of what is known then. */
const MOST_AHEAD: Micros = 3_600_000_000;
/** A candle with its part of the indexes, about. */
export const CANDLE_BYTES = 150;
/** What a chunk takes beside its content: its other columns, its part of the indexes and of the pyramid. */
const CHUNK_EXTRA = 200;
/** A page's bytes that a long value fills, and what the page takes of the file. */
const PAGE_ROOM = 4_092;
const PAGE_BYTES = 4_096;

/** What was received before is to go; null: nothing. */
export interface Cuts {
  readonly trades: Micros | null;
  readonly candles: Micros | null;
  readonly history: Millis | null;
}

/** What the days of a policy come to. @param now the wall clock's */
export function cutsOf({ tradesDays, candlesDays, historyDays }: RetentionPolicy, now: Micros): Cuts {
  const before = (days: number | null): Micros | null => (days === null ? null : now - days * DAY_MICROS);
  const history = before(historyDays);
  return {
    trades: before(tradesDays),
    candles: before(candlesDays),
    history: history === null ? null : Math.floor(history / 1000),
  };
}

/** As it was stored. What cannot be understood deletes nothing. */
export function storedPolicy(json: string | null): RetentionPolicy {
  if (json === null) return KEEP_ALL;
  try {
    const given = JSON.parse(json) as Readonly<Record<keyof RetentionPolicy, unknown>> | null;
    const value = (name: keyof RetentionPolicy): number | null => {
      const number = given?.[name];
      return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : null;
    };
    return {
      tradesDays: value('tradesDays'),
      candlesDays: value('candlesDays'),
      historyDays: value('historyDays'),
      maxBytes: value('maxBytes'),
    };
  } catch {
    return KEEP_ALL;
  }
}

/** A session that retention may touch. */
export interface Candidate {
  readonly id: number;
  readonly started: Millis;
  readonly isRecording: boolean;
  readonly last_receipt: Micros | null;
  /** That are kept. */
  readonly trades: number;
  readonly candles: number;
  readonly first_trade: number | null;
  readonly last_trade: number | null;
  readonly first_candle: number | null;
  readonly last_candle: number | null;
}

export interface OldChunk {
  readonly id: number;
  readonly market: number;
  readonly seq: number;
  readonly count: number;
  readonly last_row: number;
  readonly first_time: Micros;
  readonly last_time: Micros;
  readonly last_receipt: Micros;
  /** Of its content. */
  readonly bytes: number;
}

/** What looks for that which may go; for the reader too. */
export interface Oldest {
  /** The oldest first. */
  candidates(): Candidate[];
  /** null when it is pinned or gone. */
  candidate(session: number): Candidate | null;
  /** Of a session from behind row `after` on, in the order of receipt. */
  chunks(session: Candidate, after?: number): IterableIterator<OldChunk>;
  /** When the first of its chunks was received whole, and the first of its candles; null without one. */
  first(session: Candidate, of: 'trades' | 'candles'): Micros | null;
}

type CandidateRow = Omit<Candidate, 'isRecording'> & { readonly state: string };

/** @param database of this version */
export function prepareOldest(database: Database): Oldest {
  const columns = `id, started, state, last_receipt, trades - trades_deleted AS trades,
    candles - candles_deleted AS candles, first_trade, last_trade, first_candle, last_candle`;
  const all = database.prepare<[], CandidateRow>(
    `SELECT ${columns} FROM sessions WHERE pinned = 0 AND removed IS NULL ORDER BY started, id`,
  );
  const one = database.prepare<[id: number], CandidateRow>(
    `SELECT ${columns} FROM sessions WHERE pinned = 0 AND removed IS NULL AND id = ?`,
  );
  // Rows of a session lie together, so that what is gone of it already is not passed again.
  const chunks = database.prepare<[first: number, last: number, session: number], OldChunk>(
    `SELECT id, market, seq, count, last_row, first_time, last_time, last_receipt,
       length(bars) + length(body) + length(ids) AS bytes
     FROM chunks INDEXED BY chunks_by_row WHERE last_row BETWEEN ? AND ? AND session = ? ORDER BY last_row`,
  );
  const candleAt = database
    .prepare<[row: number], number>('SELECT receipt_time FROM candles WHERE row = ?')
    .pluck();
  function chunksOf({ id, first_trade, last_trade }: Candidate, after = 0): IterableIterator<OldChunk> {
    return chunks.iterate(Math.max(first_trade ?? Infinity, after + 1), last_trade ?? 0, id);
  }
  return {
    candidates: () => all.all().map(candidateOf),
    candidate(session) {
      const row = one.get(session);
      return row === undefined ? null : candidateOf(row);
    },
    chunks: chunksOf,
    first(session, of) {
      if (of === 'candles') return candleAt.get(session.first_candle ?? 0) ?? null;
      for (const { last_receipt } of chunksOf(session)) return last_receipt;
      return null;
    },
  };
}

function candidateOf({ state, ...row }: CandidateRow): Candidate {
  return { ...row, isRecording: state === 'recording' };
}

/** What a chunk takes of the file, about. */
export function bytesOf({ bytes }: OldChunk): number {
  const all = bytes + CHUNK_EXTRA;
  return all < PAGE_ROOM ? all : Math.ceil(all / PAGE_ROOM) * PAGE_BYTES;
}

export interface Retention {
  readonly oldest: Oldest;
  /**
   * Deletes a portion of a session's trades.
   *
   * @param most bytes that are to be deleted, about
   * @returns whether there was anything to delete
   */
  trades(session: number, cut: Micros, most: number): boolean;
  candles(session: number, cut: Micros, most: number): boolean;
  /** Of all sessions, and of what was between them. The newest entry of the journal stays. */
  history(cut: Millis): boolean;
}

/** @param database open for writing and migrated */
export function prepareRetention(database: Database): Retention {
  const oldest = prepareOldest(database);
  const deleteChunk = database.prepare<[id: number]>('DELETE FROM chunks WHERE id = ?');
  const tapeAt = database.prepare<
    [market: number, session: number],
    { readonly chunks: number; readonly full: number }
  >('SELECT chunks, full FROM tapes WHERE market = ? AND session = ?');
  const updateTape = database.prepare<[first: number, full: number, market: number, session: number]>(
    'UPDATE tapes SET first = ?, full = ? WHERE market = ? AND session = ?',
  );
  const deleteTape = database.prepare<[market: number, session: number]>(
    'DELETE FROM tapes WHERE market = ? AND session = ?',
  );
  const deleteNodes = database.prepare<[market: number, session: number, height: number, before: number]>(
    'DELETE FROM pyramid WHERE market = ? AND session = ? AND height = ? AND place < ?',
  );
  const noteTrades = database.prepare<[count: number, until: number, session: number]>(
    `UPDATE sessions SET trades_deleted = trades_deleted + ?,
       trades_until = max(coalesce(trades_until, 0), ?) WHERE id = ?`,
  );
  const oldCandles = database.prepare<
    [first: number, last: number, session: number, limit: number],
    { readonly row: number; readonly receipt: number }
  >(
    `SELECT row, receipt_time AS receipt FROM candles NOT INDEXED
     WHERE row BETWEEN ? AND ? AND session = ? ORDER BY row LIMIT ?`,
  );
  const deleteCandles = database.prepare<[first: number, last: number, session: number]>(
    'DELETE FROM candles WHERE row BETWEEN ? AND ? AND session = ?',
  );
  const anyCandle = database
    .prepare<[first: number, last: number, session: number], number>(
      'SELECT row FROM candles NOT INDEXED WHERE row BETWEEN ? AND ? AND session = ? LIMIT 1',
    )
    .pluck();
  const noteCandles = database.prepare<
    [count: number, until: number, first: number | null, last: number | null, session: number]
  >(
    `UPDATE sessions SET candles_deleted = candles_deleted + ?,
       candles_until = max(coalesce(candles_until, 0), ?), first_candle = ?, last_candle = ? WHERE id = ?`,
  );
  const history = prepareHistory(database);

  function shorten(market: number, session: number, first: number): void {
    const tape = tapeAt.get(market, session);
    if (tape === undefined) return;
    // A part of the pyramid goes with the first of its chunks: what is left is read by the parts below it.
    for (let height = 1; 2 ** height <= Math.max(tape.full, first); height++) {
      deleteNodes.run(market, session, height, Math.ceil(first / 2 ** height));
    }
    if (first >= tape.chunks) deleteTape.run(market, session);
    else updateTape.run(first, Math.max(tape.full, first), market, session);
  }

  const trades = database.transaction((session: number, cut: Micros, most: number): boolean => {
    const candidate = oldest.candidate(session);
    if (candidate === null) return false;
    const portion: OldChunk[] = [];
    let bytes = 0;
    for (const chunk of oldest.chunks(candidate)) {
      if (chunk.last_receipt >= cut) break;
      portion.push(chunk);
      bytes += bytesOf(chunk);
      if (bytes >= Math.min(most, PORTION_BYTES) || portion.length >= PORTION_CHUNKS) break;
    }
    const firsts = new Map<number, number>();
    let count = 0;
    let until = 0;
    for (const chunk of portion) {
      deleteChunk.run(chunk.id);
      firsts.set(chunk.market, chunk.seq + 1);
      count += chunk.count;
      until = Math.max(until, knownUntil(chunk));
    }
    for (const [market, first] of firsts) shorten(market, session, first);
    if (count > 0) noteTrades.run(count, until, session);
    return count > 0;
  });
  const candles = database.transaction((session: number, cut: Micros, most: number): boolean => {
    const candidate = oldest.candidate(session);
    if (candidate === null) return false;
    const { first_candle: first, last_candle: last } = candidate;
    if (first === null || last === null) return false;
    const limit = Math.min(PORTION_ROWS, Math.max(1, Math.ceil(most / CANDLE_BYTES)));
    const rows = oldCandles.all(first, last, session, limit);
    const young = rows.findIndex(({ receipt }) => receipt >= cut);
    const old = young === -1 ? rows : rows.slice(0, young);
    const newest = old.at(-1);
    if (newest === undefined) return false;
    deleteCandles.run(first, newest.row, session);
    const until = old.reduce((latest, { receipt }) => Math.max(latest, receipt), 0);
    // Numbers of rows are given out again, so that nothing may point at those that are gone.
    const isLeft = anyCandle.get(newest.row + 1, last, session) !== undefined;
    noteCandles.run(old.length, until, isLeft ? newest.row + 1 : null, isLeft ? last : null, session);
    return true;
  });
  return {
    oldest,
    trades: (session, cut, most) => trades.immediate(session, cut, most),
    candles: (session, cut, most) => candles.immediate(session, cut, most),
    history,
  };
}

/** Before then nothing of what is deleted with a chunk is told as known. */
function knownUntil({ last_receipt, last_time }: OldChunk): Micros {
  return Math.max(last_receipt, Math.min(last_time, last_receipt + MOST_AHEAD));
}

/** Sessions whose history may go. That which is recorded keeps its refusals, which count since its start. */
const UNPINNED = 'session NOT IN (SELECT id FROM sessions WHERE pinned = 1)';
export const OLD_JOURNAL = `at < ? AND row < (SELECT max(row) FROM journal) AND (session IS NULL OR ${UNPINNED})`;
export const OLD_HEALTH = `endpoint IN ('trades', 'candles') AND at < ? AND ${UNPINNED}`;
export const OLD_REFUSALS = `last < ? AND ${UNPINNED}
  AND session NOT IN (SELECT id FROM sessions WHERE state = 'recording')`;

function prepareHistory(database: Database): (cut: Millis) => boolean {
  const note = database.prepare<[until: number, session: number]>(
    'UPDATE sessions SET history_until = max(coalesce(history_until, 0), ?) WHERE id = ?',
  );
  interface Row {
    readonly session: number | null;
    readonly at: number;
  }
  const journal = database.prepare<[cut: number, limit: number], Row>(
    `DELETE FROM journal WHERE row IN (SELECT row FROM journal WHERE ${OLD_JOURNAL} ORDER BY row LIMIT ?)
     RETURNING session, at`,
  );
  const health = database.prepare<[cut: number, limit: number], Row>(
    `DELETE FROM health WHERE row IN (SELECT row FROM health WHERE ${OLD_HEALTH} LIMIT ?)
     RETURNING session, at`,
  );
  const refusals = database.prepare<[cut: number], Row>(
    `DELETE FROM refusals WHERE ${OLD_REFUSALS} RETURNING session, last AS at`,
  );
  const portion = database.transaction((cut: Millis): boolean => {
    const gone = [...journal.all(cut, PORTION_ROWS), ...health.all(cut, PORTION_ROWS), ...refusals.all(cut)];
    const untils = new Map<number, number>();
    for (const { session, at } of gone) {
      if (session !== null) untils.set(session, Math.max(untils.get(session) ?? 0, at + 1));
    }
    for (const [session, until] of untils) note.run(until, session);
    return gone.length > 0;
  });
  return (cut) => portion.immediate(cut);
}
