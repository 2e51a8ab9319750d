/**
 * Checks trades wherever they lie: every piece is decoded, and what is noted beside it must be what it says.
 *
 * Beside a running Quipu trades move from segments and rows into chunks, never back. So chunks are looked at
 * first: a trade that moves meanwhile is then missed here, but never met twice; how many there are is counted
 * in one transaction (check-tables.ts). Each generator step is a transaction of its own.
 */
import type { Database, Statement } from 'better-sqlite3';
import { type Bars, decodeBars, encodeBars, joinBars } from './bars.ts';
import { CHUNK_TRADES, decodeChunk } from './chunk.ts';
import type { Faults } from './faults.ts';
import { RowSet } from './row-set.ts';
import { extentOf, type TradeRun } from './run.ts';
import { hasChunks, hasRetention, prepareLastRow } from './schema.ts';
import { barsOfRun, isLongEnough } from './tape-writer.ts';

/** Of one transaction: some tenths of a second, in which the log cannot grow much. */
const PORTION_CHUNKS = 64;
const PORTION_SEGMENTS = 64;
const PORTION_ROWS = 32_768;
/** How often a tape that is made anew meanwhile is begun again. */
const MOST_RESTARTS = 3;

export interface TradeCounts {
  trades: number;
  rows: number;
  segments: number;
  chunks: number;
  bars: number;
}

/** What the other tables say of sessions and markets. */
export interface Known {
  readonly sessions: ReadonlySet<number>;
  /** Names by row. */
  readonly markets: ReadonlyMap<number, string>;
  isNoted(session: number, market: number): boolean;
  /** A part of it is gone, and nothing of it is read. */
  isPurged(session: number): boolean;
}

/** Beside the pieces; those are asked for one by one, so that one that cannot be read costs no other. */
interface Noted {
  readonly first_row: number;
  readonly last_row: number;
  readonly session: number;
  readonly count: number;
  readonly first_time: number;
  readonly last_time: number;
  readonly last_receipt: number;
}

interface Pieces {
  readonly body: unknown;
  readonly ids: unknown;
}

interface BarsRow {
  readonly level: number;
  readonly bars: unknown;
}

interface ChunkRow extends Noted {
  readonly id: number;
  readonly seq: number;
}

interface TapeRow {
  /** The seq of its oldest chunk: those before it were deleted. */
  readonly first: number;
  readonly chunks: number;
  readonly full: number;
  readonly first_time: number;
  readonly last_time: number;
  readonly longest: number;
}

interface NodeRow extends BarsRow {
  readonly height: number;
  readonly place: number;
  readonly first_time: number;
  readonly last_time: number;
}

/** Bars as they should be, and the times between which they are. */
interface Part {
  readonly bars: Bars;
  readonly firstTime: number;
  readonly lastTime: number;
}

/**
 * @param counts filled in
 * @param most trades of a chunk; fewer than usual in tests
 * @returns gives the share that is done, 0 to 1, after each portion
 */
export function* checkTrades(
  database: Database,
  known: Known,
  faults: Faults,
  counts: TradeCounts,
  most: number = CHUNK_TRADES,
): Generator<number, void, void> {
  const check = new TradeCheck(database, known, faults, counts, most);
  if (hasChunks(database)) {
    for (const share of check.tapes()) yield share * 0.8;
    for (const share of check.segments()) yield 0.8 + share * 0.1;
  }
  for (const share of check.rows()) yield 0.9 + share * 0.1;
}

class TradeCheck {
  readonly #database: Database;
  readonly #known: Known;
  readonly #faults: Faults;
  readonly #counts: TradeCounts;
  readonly #most: number;
  readonly #seen = new RowSet();

  constructor(database: Database, known: Known, faults: Faults, counts: TradeCounts, most: number) {
    this.#database = database;
    this.#known = known;
    this.#faults = faults;
    this.#counts = counts;
    this.#most = most;
  }

  *tapes(): Generator<number, void, void> {
    const tapes = this.#faults.attempt('trades', 'tapes', () =>
      this.#database
        .prepare<[], { market: number; session: number }>(
          `SELECT market, session FROM chunks UNION SELECT market, session FROM tapes
           UNION SELECT market, session FROM pyramid ORDER BY session, market`,
        )
        .all(),
    );
    const tape = this.#faults.attempt('trades', 'chunks', () => prepareTape(this.#database));
    if (tapes === null || tape === null) return;
    for (const [index, { market, session }] of tapes.entries()) {
      const name = this.#nameOf(market);
      if (name === null) {
        this.#faults.add(
          'trades',
          `chunks of session ${session}`,
          `are of market ${market}, which has no name`,
        );
      }
      if (!this.#known.sessions.has(session)) {
        this.#faults.add(
          'trades',
          `chunks of ${name ?? market}`,
          `are of session ${session}, which is not there`,
        );
      }
      for (const share of this.#tape(tape, market, session)) yield (index + share) / tapes.length;
      yield (index + 1) / tapes.length;
    }
  }

  *#tape(tape: TapeStatements, market: number, session: number): Generator<number, void, void> {
    const where = `${this.#nameOf(market) ?? market}, session ${session}`;
    for (let restarts = 0; restarts <= MOST_RESTARTS; restarts++) {
      const state = new TapeState(market, session, where);
      let isDone: boolean | null = false;
      while (isDone === false) {
        const look = this.#database.transaction(() => this.#portion(tape, state));
        isDone = this.#faults.attempt('trades', `tape of ${where}`, look);
        yield state.share;
      }
      if (!state.isReplaced) return;
    }
  }

  /** @returns whether the tape is at its end */
  #portion(statements: TapeStatements, state: TapeState): boolean {
    const { market, session } = state;
    if (this.#known.isPurged(session)) return true;
    const row = statements.tape.get(market, session);
    const first = statements.first.get(market, session) ?? null;
    if (state.isBegun && state.first !== first) {
      state.isReplaced = true;
      return true;
    }
    if (!state.isBegun) state.begin(first, row?.first ?? 0);
    const end = state.next + PORTION_CHUNKS;
    const isLast = row === undefined || end >= row.full;
    for (const chunk of statements.chunks.all(market, session, state.next, isLast ? Infinity : end)) {
      this.#chunk(chunk, statements, state);
    }
    state.share = row === undefined ? 1 : Math.min(1, end / Math.max(1, row.chunks));
    if (!isLast) {
      if (state.next < end) this.#tapeFault(state, `has a hole at chunk ${state.next}`);
      state.next = end;
      return false;
    }
    this.#tapeRow(row, state);
    this.#pyramid(statements, state);
    return true;
  }

  #tapeFault(state: TapeState, what: string): void {
    this.#faults.add('trades', `tape of ${state.where}`, what);
  }

  #tapeRow(row: TapeRow | undefined, state: TapeState): void {
    if (row === undefined) {
      if (state.chunks > state.from) this.#tapeFault(state, 'is missing, though there are chunks of it');
      return;
    }
    if (state.chunks === state.from) {
      this.#tapeFault(state, 'has no chunks');
      return;
    }
    const wrong = differences([
      ['chunks', row.chunks, state.chunks],
      ['full', row.full, state.full],
    ]);
    // What retention deleted may have been earlier, or later.
    const isWhole = row.first === 0;
    if (isWhole ? row.first_time !== state.firstTime : row.first_time > state.firstTime) {
      wrong.push(`first_time is ${row.first_time}, not ${state.firstTime}`);
    }
    if (isWhole ? row.last_time !== state.lastTime : row.last_time < state.lastTime) {
      wrong.push(`last_time is ${row.last_time}, not ${state.lastTime}`);
    }
    // It was longer, perhaps, before chunks were put together.
    if (!(row.longest >= state.longest)) wrong.push(`longest is ${row.longest}, not ${state.longest}`);
    if (wrong.length > 0) this.#tapeFault(state, `does not say what its chunks are: ${wrong.join(', ')}`);
  }

  #chunk(row: ChunkRow, statements: TapeStatements, state: TapeState): void {
    const where = `chunk ${row.id} (${state.where}, rows ${row.first_row} to ${row.last_row})`;
    this.#counts.chunks++;
    if (row.seq !== state.next) this.#tapeFault(state, `has chunk ${row.seq} where ${state.next} should be`);
    state.next++;
    state.chunks++;
    if (state.full === state.chunks - 1 && isLongEnough(row.count, this.#most)) state.full++;
    state.firstTime = Math.min(state.firstTime, row.first_time);
    state.lastTime = Math.max(state.lastTime, row.last_time);
    state.longest = Math.max(state.longest, row.last_time - row.first_time);
    const pieces = this.#pieces(where, row.count, () => statements.pieces.get(row.id));
    const run = pieces === null ? null : this.#run(row, pieces, where);
    let part: Part | null = null;
    if (run !== null) {
      if (run.markets.length !== 1 || run.markets[0] !== state.market) {
        this.#faults.add('trades', where, 'has trades of another market');
      }
      if ((run.row[0] ?? 0) <= state.lastRow) {
        this.#faults.add('trades', where, 'begins before the chunk before it ends');
      }
      state.lastRow = run.row[run.count - 1] ?? state.lastRow;
      part = partOf(run);
      if (pieces !== null) this.#bars(pieces, part, where);
    }
    if (state.full === state.chunks) this.#climb(state, part);
  }

  #pieces<P extends Pieces>(where: string, count: number, read: () => P | undefined): P | null {
    try {
      const pieces = read();
      if (pieces !== undefined) return pieces;
      this.#unreadable(where, count, 'an index names it, its table lacks it');
    } catch (error) {
      this.#unreadable(where, count, error);
    }
    return null;
  }

  #unreadable(where: string, count: number, why: unknown): void {
    const words = why instanceof Error ? why.message : String(why);
    this.#faults.add('trades', where, `cannot be read (${words}); ${count} trades are in it`);
  }

  /** The trades of a chunk or a segment; null when they cannot be read. */
  #run(row: Noted, { body, ids }: Pieces, where: string): TradeRun | null {
    let run: TradeRun;
    try {
      if (!(body instanceof Uint8Array && ids instanceof Uint8Array)) throw new TypeError('it is no bytes');
      run = decodeChunk({ body, ids }, row.count);
    } catch (error) {
      this.#unreadable(where, row.count, error);
      return null;
    }
    const { firstTime, lastTime, lastReceipt } = extentOf(run);
    const wrong = differences([
      ['first_row', row.first_row, run.row[0] ?? 0],
      ['last_row', row.last_row, run.row[run.count - 1] ?? 0],
      ['first_time', row.first_time, firstTime],
      ['last_time', row.last_time, lastTime],
      ['last_receipt', row.last_receipt, lastReceipt],
    ]);
    if (wrong.length > 0) {
      this.#faults.add('trades', where, `does not say what its trades are: ${wrong.join(', ')}`);
    }
    this.#trades(run, where);
    return run;
  }

  #trades(run: TradeRun, where: string): void {
    let before = 0;
    let outOfOrder = 0;
    let twice = 0;
    let odd = 0;
    for (let index = 0; index < run.count; index++) {
      const row = run.row[index] ?? 0;
      if (!(row > before && Number.isSafeInteger(row))) outOfOrder++;
      else if (!this.#seen.add(row)) twice++;
      before = row;
      if ((run.side[index] ?? 0) > 2 || (run.origin[index] ?? 0) > 1) odd++;
    }
    this.#counts.trades += run.count;
    this.#noteOrder(where, outOfOrder, twice, odd);
  }

  #noteOrder(where: string, outOfOrder: number, twice: number, odd: number): void {
    if (outOfOrder > 0)
      this.#faults.add('trades', where, `has ${outOfOrder} trades out of the order of receipt`);
    if (twice > 0) this.#faults.add('trades', where, `has ${twice} trades whose rows are elsewhere too`);
    if (odd > 0) this.#faults.add('trades', where, `has ${odd} trades of an unknown side or origin`);
  }

  #bars(row: BarsRow, { bars }: Part, where: string): void {
    this.#counts.bars++;
    const stored = row.bars;
    const wrong = ((): string | null => {
      if (!(stored instanceof Uint8Array)) return 'are no bytes';
      if (row.level !== bars.level) return `are of level ${row.level}, not ${bars.level}`;
      try {
        return isSame(decodeBars(stored, row.level), bars) ? null : 'are not those of its trades';
      } catch (error) {
        return `cannot be read (${error instanceof Error ? error.message : String(error)})`;
      }
    })();
    if (wrong !== null) this.#faults.add('bars', where, `has bars that ${wrong}`);
  }

  /** Puts the bars of a full chunk together with those before it. */
  #climb(state: TapeState, chunk: Part | null): void {
    let part = chunk;
    for (let height = 1; state.full % 2 ** height === 0; height++) {
      const left = state.parts[height - 1] ?? null;
      // Of what cannot be read, no bars are known.
      part = left === null || part === null ? null : joined(left, part);
      const place = state.full / 2 ** height - 1;
      state.nodes.set(keyOf(height, place), part);
      if (state.full % 2 ** (height + 1) !== 0) state.parts[height] = part;
    }
    if (state.full % 2 === 1) state.parts[0] = chunk;
  }

  #pyramid(statements: TapeStatements, state: TapeState): void {
    for (const node of statements.nodes.all(state.market, state.session)) {
      const where = `pyramid of ${state.where}, height ${node.height}, place ${node.place}`;
      const key = keyOf(node.height, node.place);
      const part = state.nodes.get(key);
      state.nodes.delete(key);
      if (part === undefined) this.#faults.add('bars', where, 'has bars of chunks that are not there');
      if (part === undefined || part === null) continue;
      this.#bars(node, part, where);
      const wrong = differences([
        ['first_time', node.first_time, part.firstTime],
        ['last_time', node.last_time, part.lastTime],
      ]);
      if (wrong.length > 0) {
        this.#faults.add('bars', where, `does not say what its chunks are: ${wrong.join(', ')}`);
      }
    }
    const lacking = [...state.nodes.values()].filter((part) => part !== null).length;
    if (lacking > 0) this.#faults.add('bars', `pyramid of ${state.where}`, `lacks ${lacking} of its bars`);
  }

  *segments(): Generator<number, void, void> {
    const statement = this.#faults.attempt('trades', 'segments', () =>
      this.#database.prepare<[after: number, last: number], Noted>(
        `SELECT first_row, last_row, session, count, first_time, last_time, last_receipt
         FROM segments WHERE first_row > ? AND first_row <= ? ORDER BY first_row LIMIT ${PORTION_SEGMENTS}`,
      ),
    );
    const pieces = this.#faults.attempt('trades', 'segments', () =>
      this.#database.prepare<[firstRow: number], Pieces>(
        'SELECT body, ids FROM segments WHERE first_row = ?',
      ),
    );
    // Those that come later are the next check's.
    const last = this.#faults.attempt('trades', 'segments', () => prepareLastRow(this.#database)());
    if (statement === null || pieces === null || last === null) return;
    for (let after: number | null = -Infinity; after !== null;) {
      const look = this.#database.transaction((from: number): number | null => {
        let reached = from;
        let rows = 0;
        for (const row of statement.all(from, last)) {
          // Only of a damaged table; it would be walked through without end.
          if (!(row.first_row > reached)) throw new RangeError('its rows are out of order');
          reached = row.first_row;
          rows++;
          this.#segment(row, pieces);
        }
        return rows === 0 ? null : reached;
      });
      const from: number = after;
      after = this.#faults.attempt('trades', 'segments', () => look(from));
      yield after === null ? 1 : Math.min(1, Math.max(0, after / Math.max(1, last)));
    }
  }

  #segment(row: Noted, statement: Statement<[firstRow: number], Pieces>): void {
    const where = `segment ${row.first_row} (session ${row.session}, rows to ${row.last_row})`;
    this.#counts.segments++;
    if (!this.#known.sessions.has(row.session)) {
      this.#faults.add('trades', where, `is of session ${row.session}, which is not there`);
    }
    const pieces = this.#pieces(where, row.count, () => statement.get(row.first_row));
    const run = pieces === null ? null : this.#run(row, pieces, where);
    for (const market of run?.markets ?? []) this.#market(market, row.session, where);
  }

  #market(market: number, session: number, where: string): void {
    if (this.#nameOf(market) === null) {
      this.#faults.add('trades', where, `has trades of market ${market}, which has no name`);
    } else if (!this.#known.isNoted(session, market)) {
      const name = this.#nameOf(market) ?? '';
      this.#faults.add('session', `session ${session}`, `does not name ${name}, of which it has trades`);
    }
  }

  *rows(): Generator<number, void, void> {
    type Row = [row: number, session: number, market: number, side: number, origin: number, scales: number];
    const statement = this.#faults.attempt('trades', 'table trades', () =>
      this.#database
        .prepare<[after: number], Row>(
          `SELECT row, session, market, side, origin, min(price_scale, size_scale) < 0
             OR max(price_scale, size_scale) > 38 FROM trades WHERE row > ? ORDER BY row LIMIT ${PORTION_ROWS}`,
        )
        .raw(),
    );
    const last = this.#faults.attempt('trades', 'table trades', () =>
      this.#database.prepare<[], number | null>('SELECT max(row) FROM trades').pluck().get(),
    );
    if (statement === null) return;
    for (let after: number | null = -Infinity; after !== null;) {
      const look = this.#database.transaction((from: number): number | null => {
        const found = statement.all(from);
        let before = from;
        let [outOfOrder, twice, odd] = [0, 0, 0];
        const where = `table trades, rows ${found[0]?.[0]} to ${found.at(-1)?.[0]}`;
        for (const [row, session, market, side, origin, scales] of found) {
          if (!(row > before && row >= 1)) outOfOrder++;
          else if (!this.#seen.add(row)) twice++;
          before = row;
          if (![0, 1, 2].includes(side) || ![0, 1].includes(origin) || scales !== 0) odd++;
          if (!this.#known.sessions.has(session)) {
            this.#faults.add('trades', `trade ${row}`, `is of session ${session}, which is not there`);
          }
          this.#market(market, session, `trade ${row}`);
        }
        this.#counts.rows += found.length;
        this.#counts.trades += found.length;
        this.#noteOrder(where, outOfOrder, twice, odd);
        return found.length === 0 || !(before > from) ? null : before;
      });
      const from: number = after;
      after = this.#faults.attempt('trades', 'table trades', () => look(from));
      yield after === null ? 1 : Math.min(1, Math.max(0, after / Math.max(1, last ?? 1)));
    }
  }

  #nameOf(market: number): string | null {
    return this.#known.markets.get(market) ?? null;
  }
}

/** What was found of a tape so far. */
class TapeState {
  readonly market: number;
  readonly session: number;
  readonly where: string;
  isBegun = false;
  /** The id of its first chunk. */
  first: number | null = null;
  /** The seq of its first chunk: those before it were deleted. */
  from = 0;
  /** It was made anew, or shortened, since it was begun. */
  isReplaced = false;
  next = 0;
  chunks = 0;
  full = 0;
  share = 0;
  firstTime = Infinity;
  lastTime = -Infinity;
  longest = 0;
  lastRow = 0;
  /** By height, the part that waits for its right neighbour. */
  readonly parts: (Part | null)[] = [];
  /** What the pyramid should have; null for what cannot be known. */
  readonly nodes = new Map<string, Part | null>();

  constructor(market: number, session: number, where: string) {
    this.market = market;
    this.session = session;
    this.where = where;
  }

  begin(first: number | null, from: number): void {
    this.isBegun = true;
    this.first = first;
    this.from = from;
    this.next = from;
    this.chunks = from;
    this.full = from;
  }
}

function prepareTape(database: Database) {
  type Tape = [market: number, session: number];
  return {
    tape: database.prepare<Tape, TapeRow>(
      `SELECT chunks, full, ${hasRetention(database) ? 'first' : '0 AS first'}, first_time, last_time, longest
       FROM tapes WHERE market = ? AND session = ?`,
    ),
    first: database
      .prepare<Tape, number>('SELECT id FROM chunks WHERE market = ? AND session = ? ORDER BY seq LIMIT 1')
      .pluck(),
    chunks: database.prepare<[...Tape, from: number, to: number], ChunkRow>(
      `SELECT id, session, seq, first_row, last_row, count, first_time, last_time, last_receipt FROM chunks
       WHERE market = ? AND session = ? AND seq >= ? AND seq < ? ORDER BY seq`,
    ),
    pieces: database.prepare<[id: number], Pieces & BarsRow>(
      'SELECT level, bars, body, ids FROM chunks WHERE id = ?',
    ),
    nodes: database.prepare<Tape, NodeRow>(
      `SELECT height, place, first_time, last_time, level, bars FROM pyramid
       WHERE market = ? AND session = ? ORDER BY height, place`,
    ),
  };
}

type TapeStatements = ReturnType<typeof prepareTape>;

function keyOf(height: number, place: number): string {
  return `${height} ${place}`;
}

function partOf(run: TradeRun): Part {
  const extent = extentOf(run);
  return { ...extent, bars: asStored(barsOfRun(run, extent)) };
}

function joined(left: Part, right: Part): Part {
  return {
    bars: asStored(joinBars(left.bars, right.bars)),
    firstTime: Math.min(left.firstTime, right.firstTime),
    lastTime: Math.max(left.lastTime, right.lastTime),
  };
}

/** Bars are put together from what was read of those below them. */
function asStored(bars: Bars): Bars {
  return decodeBars(encodeBars(bars), bars.level);
}

const COLUMNS = [
  ...(['slot', 'count', 'firstTime', 'lastTime', 'open', 'high', 'low', 'close'] as const),
  ...(['volume', 'notional'] as const),
];

function isSame(one: Bars, other: Bars): boolean {
  return (
    one.length === other.length &&
    COLUMNS.every((name) => one[name].every((value, at) => Object.is(value, other[name][at])))
  );
}

/** In words, of what is noted and what is there. */
function differences(pairs: readonly (readonly [name: string, noted: number, there: number])[]): string[] {
  return pairs
    .filter(([, noted, there]) => noted !== there)
    .map(([name, noted, there]) => `${name} is ${noted}, not ${there}`);
}
