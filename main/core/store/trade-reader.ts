/**
 * Trades as one, wherever they lie: in chunks, in segments that are not sealed yet, or in the rows of an
 * older store. Whoever calls is inside a transaction, since sealing moves trades from one place to another.
 */
import type { Database } from 'better-sqlite3';
import type { Micros } from '../contract.ts';
import { TRADE_BUY, TRADE_REDELIVERED, TRADE_SELL, type TradePage } from '../contract.ts';
import { ORIGIN_REDELIVERED, ORIGINS, SIDE_BUY, SIDE_SELL, SIDES } from '../flow/batch.ts';
import { TradePacker } from '../flow/trade-packer.ts';
import { ChunkBody } from './chunk.ts';
import { idText } from './ids.ts';
import { prepareLegacyRows } from './legacy.ts';
import { visibleIn } from './marks.ts';
import { type DecimalColumn, RunBuilder, textAt, type TradeRun } from './run.ts';
import { hasChunks, hasRetention } from './schema.ts';
import type { StoredTrade } from './store.ts';

/**
 * Rows of one window of an export, which are gathered and put in order at once. Of 500 markets as many
 * chunks reach into each window, and are decoded for it: fewer rows would decode them more often.
 */
const WINDOW_ROWS = 262_144;
/** Rows of an older store that are read at once, since each is an object then. */
const LEGACY_ROWS = 32_768;
/** Exports that go on at the same time without taking each other's window. */
const MOST_WINDOWS = 3;
/**
 * Receipt times follow the rows but for jumps of the clock. The search for the first row since a time
 * goes back until so many rows in a run are older.
 */
const SINCE_STEP = 10_000;

/** null: any. */
export interface TradeFilter {
  readonly session: number | null;
  /** Row of the table `markets`. */
  readonly market: number | null;
  readonly since: Micros | null;
}

export interface TradeReader {
  /** See `Store.tradePage`; without removed sessions. @param market row of the table `markets` */
  page(market: number, from: Micros, before: Micros, limit: number): TradePage;
  /** The first row, of those up to `last`, that was received since then; `last` + 1 when there is none. */
  firstSince(since: Micros, last: number): number;
  /**
   * Up to `limit` trades from row `after` (not included) to `last`, in the order of receipt, and the row
   * from which to go on. Without a session, those of removed ones too.
   */
  step(
    after: number,
    last: number,
    filter: TradeFilter,
    limit: number,
  ): { readonly rows: StoredTrade[]; readonly after: number };
}

interface PiecesRow {
  readonly count: number;
  readonly body: Uint8Array;
  readonly ids: Uint8Array;
}

/** @param nameOf the name of a row of the table `markets` */
export function prepareTradeReader(database: Database, nameOf: (market: number) => string): TradeReader {
  const chunks = hasChunks(database) ? prepareChunks(database) : null;
  const legacy = prepareLegacyRows(database, visibleIn(database).of('session'));
  const legacyEnds = database.prepare<[], { first: number | null; last: number | null }>(
    'SELECT (SELECT min(row) FROM trades) AS first, (SELECT max(row) FROM trades) AS last',
  );
  const anySince = database
    .prepare<[after: number, last: number, since: number], number>(
      'SELECT 1 FROM trades WHERE row > ? AND row <= ? AND receipt_time >= ? LIMIT 1',
    )
    .pluck();

  function firstLegacySince(since: Micros, last: number): number {
    const ends = legacyEnds.get();
    const newest = Math.min(ends?.last ?? 0, last);
    const oldest = ends?.first ?? 1;
    let first = newest + 1;
    while (first > oldest) {
      const after = Math.max(oldest - 1, first - 1 - SINCE_STEP);
      if (anySince.get(after, first - 1, since) === undefined) break;
      first = after + 1;
    }
    return first > newest ? Infinity : first;
  }

  // Goes up when trades are deleted: what was gathered before may be gone.
  const deletions = hasRetention(database)
    ? database.prepare<[], string>(`SELECT total(trades_deleted) || ' ' || count(*) FROM sessions`).pluck()
    : null;
  let deleted: string | undefined;
  const windows: Window[] = [];

  /** The window in which the trade behind row `after` is, if there is one. */
  function windowAt(after: number, last: number, filter: TradeFilter): Window {
    const before = deleted;
    deleted = deletions?.get();
    if (deleted !== before) windows.length = 0;
    const at = windows.findIndex((window) => window.has(after, filter));
    const held = windows.splice(Math.max(0, at), at === -1 ? 0 : 1)[0];
    const window = held ?? gather(after, Math.min(last, after + WINDOW_ROWS), filter);
    windows.unshift(window);
    if (windows.length > MOST_WINDOWS) windows.pop();
    return window;
  }

  function gather(after: number, last: number, filter: TradeFilter): Window {
    const window = new Window(after, last, filter);
    for (let start = after; ;) {
      const rows = legacy.run(filter.session, start, last, LEGACY_ROWS);
      if (rows === null) break;
      window.add(rows);
      start = rows.row[rows.count - 1] ?? last;
    }
    chunks?.gather(window);
    return window;
  }

  return {
    page(market, from, before, limit) {
      const found = new Candidates(market, from, before);
      const rows = legacy.newest(market, from, before, limit + 1);
      if (rows !== null) found.addRun(rows);
      chunks?.find(found, limit + 1);
      return found.page(limit);
    },
    firstSince(since, last) {
      const first = Math.min(firstLegacySince(since, last), chunks?.firstSince(since) ?? Infinity);
      return Math.min(first, last + 1);
    },
    step(after, last, filter, limit) {
      const window = windowAt(after, last, filter);
      const until = Math.min(last, window.last);
      const rows: StoredTrade[] = [];
      let row = after;
      while (row < until && rows.length < limit) {
        const index = window.at(++row);
        if (index !== -1) rows.push(tradeAt(window.run, index, nameOf));
      }
      // Nobody comes back to it.
      if (row === window.last) windows.shift();
      return { rows, after: row };
    },
  };
}

interface ChunkSource {
  /** Adds at least the newest `wanted` trades, if there are so many. */
  find(into: Candidates, wanted: number): void;
  /** Infinity when nothing was received since then. */
  firstSince(since: Micros): number;
  gather(into: Window): void;
}

function prepareChunks(database: Database): ChunkSource {
  const visible = visibleIn(database).of('session');
  const segmentsBefore = database.prepare<
    [before: number, from: number],
    { readonly first_row: number; readonly last_time: number }
  >(
    `SELECT first_row, last_time FROM segments WHERE first_time < ? AND last_time >= ?${visible}
     ORDER BY last_time DESC`,
  );
  const segmentAt = database.prepare<[firstRow: number], Omit<PiecesRow, 'ids'>>(
    'SELECT count, body FROM segments WHERE first_row = ?',
  );
  const longest = database
    .prepare<[market: number, before: number, before: number], number | null>(
      'SELECT max(longest) FROM tapes WHERE market = ? AND first_time < ? AND last_time >= ?',
    )
    .pluck();
  const chunksBefore = database.prepare<
    [market: number, from: number, latest: number, before: number],
    Omit<PiecesRow, 'ids'> & { readonly last_time: number }
  >(
    `SELECT last_time, count, body FROM chunks
     WHERE market = ? AND last_time BETWEEN ? AND ? AND first_time < ?${visible} ORDER BY last_time DESC`,
  );
  const firstSince = database
    .prepare<[since: number, since: number], number | null>(
      `SELECT min(first) FROM (SELECT min(first_row) AS first FROM segments WHERE last_receipt >= ?
         UNION ALL SELECT min(first_row) FROM chunks WHERE last_receipt >= ?)`,
    )
    .pluck();
  const segmentsWithin = database.prepare<
    [after: number, last: number, session: number | null, since: number | null],
    PiecesRow
  >(
    `SELECT count, body, ids FROM segments WHERE last_row > ? AND first_row <= ?
       AND session = ifnull(?, session) AND last_receipt >= ifnull(?, last_receipt)`,
  );
  const chunksWithin = database.prepare<
    [after: number, last: number, market: number | null, session: number | null, since: number | null],
    PiecesRow
  >(
    `SELECT count, body, ids FROM chunks INDEXED BY chunks_by_row WHERE last_row > ? AND first_row <= ?
       AND market = ifnull(?, market) AND session = ifnull(?, session)
       AND last_receipt >= ifnull(?, last_receipt)`,
  );

  return {
    find(into, wanted) {
      const { market, from, before } = into;
      for (const { first_row, last_time } of segmentsBefore.all(before, from)) {
        if (into.hasAfter(last_time, wanted)) break;
        const segment = segmentAt.get(first_row);
        if (segment !== undefined) into.addBody(new ChunkBody(segment.body, segment.count));
      }
      // A chunk that ends later than that begins later than `before`.
      const latest = before + (longest.get(market, before, before) ?? 0);
      for (const { body, count, last_time } of chunksBefore.iterate(market, from, latest, before)) {
        if (into.hasAfter(last_time, wanted)) break;
        into.addBody(new ChunkBody(body, count));
      }
    },
    firstSince: (since) => firstSince.get(since, since) ?? Infinity,
    gather(into) {
      const { after, last, filter } = into;
      for (const row of segmentsWithin.iterate(after, last, filter.session, filter.since))
        into.addPieces(row);
      for (const row of chunksWithin.iterate(after, last, filter.market, filter.session, filter.since)) {
        into.addPieces(row);
      }
    },
  };
}

/** Of a run the trades that count, sorted by time; at the same time by row. */
interface Part {
  /** How many are not taken yet: the oldest of the part. */
  left: number;
  readonly time: Float64Array;
  /** Asked for only where times are the same. */
  readonly row: () => Float64Array;
  readonly price: DecimalColumn;
  readonly size: DecimalColumn;
  readonly side: Uint8Array;
  readonly origin: Uint8Array;
  /** Where in the columns the nth is; null: at n. */
  readonly order: Uint32Array | null;
}

/** Trades of one market in [from, before), of which a page takes the newest. */
class Candidates {
  /** Row of the table `markets`. */
  readonly market: number;
  readonly from: Micros;
  readonly before: Micros;
  readonly #parts: Part[] = [];

  constructor(market: number, from: Micros, before: Micros) {
    this.market = market;
    this.from = from;
    this.before = before;
  }

  addRun(run: TradeRun): void {
    const { exchangeTime, market, markets, row, price, size, side, origin } = run;
    const order = this.#orderOf(exchangeTime, market, markets);
    if (order !== undefined)
      this.#add({ time: exchangeTime, row: () => row, price, size, side, origin, order });
  }

  addBody(body: ChunkBody): void {
    if (!body.markets.includes(this.market)) return;
    const market = body.market();
    const time = body.exchangeTime();
    const order = this.#orderOf(time, market, body.markets);
    if (order === undefined || order?.length === 0) return;
    // Of a chunk that begins before the page or goes on after it, the rest is passed over.
    let [from, upTo] = [0, body.count];
    if (order !== null) {
      [from, upTo] = [upTo, from];
      for (const place of order) {
        if (place < from) from = place;
        if (place >= upTo) upTo = place + 1;
      }
    }
    this.#add({
      time,
      row: () => body.row(),
      price: body.price(market, upTo),
      size: body.size(upTo, from),
      side: body.side(upTo, from),
      origin: body.origin(upTo, from),
      order,
    });
  }

  #add(part: Omit<Part, 'left'>): void {
    const left = part.order?.length ?? part.time.length;
    if (left > 0) this.#parts.push({ ...part, left });
  }

  /** Places of the trades that count, sorted; null for all of them as they are. */
  #orderOf(
    time: Float64Array,
    market: Uint32Array,
    markets: readonly number[],
  ): Uint32Array | null | undefined {
    const of = markets.indexOf(this.market);
    if (of === -1) return undefined;
    let sorted = true;
    for (let index = 1; index < time.length && sorted; index++) {
      sorted = (time[index] ?? 0) >= (time[index - 1] ?? 0);
    }
    if (sorted && markets.length === 1) {
      const [first, end] = [placeOf(time, this.from), placeOf(time, this.before)];
      if (first === 0 && end === time.length) return null;
      const order = new Uint32Array(end - first);
      for (let index = 0; index < order.length; index++) order[index] = first + index;
      return order;
    }
    const places: number[] = [];
    for (let index = 0; index < time.length; index++) {
      const each = time[index] ?? 0;
      if (market[index] === of && each >= this.from && each < this.before) places.push(index);
    }
    // Stable, and places grow with rows.
    if (!sorted) places.sort((one, other) => (time[one] ?? 0) - (time[other] ?? 0));
    return Uint32Array.from(places);
  }

  /** Whether so many are later than a time. */
  hasAfter(time: Micros, wanted: number): boolean {
    let later = 0;
    for (const part of this.#parts) {
      let low = 0;
      let high = part.left;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (timeAt(part, middle) > time) high = middle;
        else low = middle + 1;
      }
      later += part.left - low;
    }
    return later >= wanted;
  }

  /** The newest `limit`, oldest first, without those whose exchange time goes on beyond the limit. */
  page(limit: number): TradePage {
    const total = this.#parts.reduce((sum, { left }) => sum + left, 0);
    const more = total > limit;
    const taken = Math.min(total, limit + 1);
    // From the newest to the oldest.
    const stretches: Stretch[] = [];
    for (let left = taken; left > 0;) {
      const stretch = this.#takeNewest(left);
      if (stretch === null) break;
      stretches.push(stretch);
      left -= stretch.to - stretch.from;
    }
    stretches.reverse();
    const first = more ? tornOf(stretches, taken) : 0;
    const packer = new TradePacker(taken - first);
    let passed = 0;
    for (const { part, from, to } of stretches) {
      pack(packer, part, Math.min(to, from + Math.max(0, first - passed)), to);
      passed += to - from;
    }
    return { count: taken - first, more, bytes: packer.take() };
  }

  /** The newest that are left, up to `most`, as many as follow each other in one part. */
  #takeNewest(most: number): Stretch | null {
    let newest = this.#parts[0];
    let next: Part | undefined;
    for (const part of this.#parts) {
      if (part.left === 0 || part === newest) continue;
      if (newest === undefined || newest.left === 0 || isLater(part, newest)) {
        next = newest;
        newest = part;
      } else if (next === undefined || next.left === 0 || isLater(part, next)) {
        next = part;
      }
    }
    if (newest === undefined || newest.left === 0) return null;
    const to = newest.left;
    const least = Math.max(0, to - most);
    // Chunks of a market mostly follow each other.
    if (next === undefined || next.left === 0 || timeAt(newest, least) > timeAt(next, next.left - 1)) {
      newest.left = least;
    } else {
      do newest.left--;
      while (newest.left > least && isLater(newest, next));
    }
    return { part: newest, from: newest.left, to };
  }
}

/** Trades of a part that follow each other, also in time. */
interface Stretch {
  readonly part: Part;
  /** In the part's order. */
  readonly from: number;
  readonly to: number;
}

/**
 * How many of the oldest of `taken` trades a page leaves out: the first, which says that there are more, and
 * those of its time; but not all of them.
 */
function tornOf(stretches: readonly Stretch[], taken: number): number {
  const [oldest] = stretches;
  const torn = oldest === undefined ? NaN : timeAt(oldest.part, oldest.from);
  let whole = 0;
  for (const { part, from, to } of stretches) {
    for (let place = from; place < to; place++, whole++) {
      if (timeAt(part, place) !== torn) return Math.max(1, whole);
    }
  }
  return whole < taken ? whole : 1;
}

/** Of sorted times, the place of the first that is not before `from`. */
function placeOf(times: Float64Array, from: Micros): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

function timeAt({ time, order }: Part, place: number): Micros {
  return time[order === null ? place : (order[place] ?? 0)] ?? 0;
}

/** Whether the newest that is left of one part is later than that of another. */
function isLater(one: Part, other: Part): boolean {
  const difference = timeAt(one, one.left - 1) - timeAt(other, other.left - 1);
  if (difference !== 0) return difference > 0;
  const rowOf = ({ row, order, left }: Part): number =>
    row()[order === null ? left - 1 : (order[left - 1] ?? 0)] ?? 0;
  return rowOf(one) > rowOf(other);
}

/** The trades of an export from row `after` (not included) to `last`, by row. */
class Window {
  readonly after: number;
  readonly last: number;
  readonly filter: TradeFilter;
  readonly #builder = new RunBuilder();
  /** Place of each row in the builder, plus one. */
  readonly #places: Uint32Array;
  #run: TradeRun | null = null;

  constructor(after: number, last: number, filter: TradeFilter) {
    this.after = after;
    this.last = last;
    this.filter = filter;
    this.#places = new Uint32Array(last - after);
  }

  has(row: number, { session, market, since }: TradeFilter): boolean {
    const { filter } = this;
    return (
      row >= this.after &&
      row < this.last &&
      filter.session === session &&
      filter.market === market &&
      filter.since === since
    );
  }

  addPieces({ body, count, ids }: PiecesRow): void {
    const { market } = this.filter;
    const opened = new ChunkBody(body, count);
    if (market !== null && !opened.markets.includes(market)) return;
    // A chunk of a market that trades little reaches over many windows.
    if (!opened.row().some((row) => row > this.after && row <= this.last)) return;
    this.add(opened.run(ids));
  }

  add(run: TradeRun): void {
    const { market, since } = this.filter;
    const places = run.markets.map((each) =>
      market === null || each === market ? this.#builder.place(each) : -1,
    );
    for (const [of, place] of places.entries()) {
      if (place === -1) continue;
      const indices: number[] = [];
      for (let index = 0; index < run.count; index++) {
        const row = run.row[index] ?? 0;
        if (run.market[index] !== of || row <= this.after || row > this.last) continue;
        if (since !== null && (run.receiptTime[index] ?? 0) < since) continue;
        this.#places[row - this.after - 1] = this.#builder.count + indices.push(index);
      }
      this.#builder.append(run, Uint32Array.from(indices), place);
    }
    this.#run = null;
  }

  get run(): TradeRun {
    return (this.#run ??= this.#builder.run());
  }

  /** Where in the run a row's trade is; -1 when it is none of the export's. */
  at(row: number): number {
    return (this.#places[row - this.after - 1] ?? 0) - 1;
  }
}

function tradeAt(run: TradeRun, index: number, nameOf: (market: number) => string): StoredTrade {
  return {
    market: nameOf(run.markets[run.market[index] ?? 0] ?? 0),
    id: idText(run.ids, index),
    exchangeTime: run.exchangeTime[index] ?? 0,
    receiptTime: run.receiptTime[index] ?? 0,
    price: textAt(run.price, index),
    size: textAt(run.size, index),
    side: SIDES[run.side[index] as 0 | 1 | 2] ?? 'unknown',
    origin: ORIGINS[run.origin[index] ?? 0] ?? 'live',
  };
}

/** Those of a part's order from `from` up to `to`. */
function pack(packer: TradePacker, part: Part, from: number, to: number): void {
  const { order, origin, price, side, size, time } = part;
  for (let place = from; place < to; place++) {
    const index = order === null ? place : (order[place] ?? 0);
    packer.add(
      time[index] ?? 0,
      digitsAt(price, index),
      price.scale[index] ?? 0,
      digitsAt(size, index),
      size.scale[index] ?? 0,
      flagsOf(side[index] ?? 0, origin[index] ?? 0),
    );
  }
}

function digitsAt({ digits, beyond }: DecimalColumn, index: number): number | bigint {
  return (beyond.size > 0 ? beyond.get(index) : undefined) ?? digits[index] ?? 0;
}

function flagsOf(side: number, origin: number): number {
  const bySide = side === SIDE_BUY ? TRADE_BUY : side === SIDE_SELL ? TRADE_SELL : 0;
  return bySide | (origin === ORIGIN_REDELIVERED ? TRADE_REDELIVERED : 0);
}
