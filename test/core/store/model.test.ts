/** The cache against a model of it that is a list in memory, under any sequence of what may happen. */
import type { Database } from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CANDLE_FIELDS, floatsOf, TRADE_FIELDS, tradesOf } from '../../../main/core/contract.ts';
import type { Candle } from '../../../main/core/flow/batch.ts';
import { formatDecimal } from '../../../main/core/protocol/decimal.ts';
import { closeWritten, openForReading, openForWriting } from '../../../main/core/store/database.ts';
import { preparePurge, type Purge } from '../../../main/core/store/purge.ts';
import type { ExportStep, Reader, RowRange } from '../../../main/core/store/reader.ts';
import { createReader } from '../../../main/core/store/reader.ts';
import type { StoredTrade } from '../../../main/core/store/store.ts';
import type { Writer } from '../../../main/core/store/writer.ts';
import { createWriter } from '../../../main/core/store/writer.ts';
import { makeOld } from './old.ts';
import { commitOf, temporaryFolder } from './support.ts';

interface ModelSession {
  readonly started: number;
  ended: number | null;
  state: 'recording' | 'ended' | 'ended unexpectedly';
  readonly trades: StoredTrade[];
  readonly candles: Candle[];
  lastReceipt: number | null;
  /** `purged`: it cannot be restored, and some or all of it is taken away. */
  removed: 'no' | 'yes' | 'purged';
}

/** Few values, so that they meet often. */
const market = fc.constantFrom('a', 'b', 'ü');
const time = fc.integer({ min: 0, max: 12 });
const decimal = fc
  .tuple(fc.bigInt({ min: 0n, max: 9_223_372_036_854_775_807n }), fc.integer({ min: 0, max: 38 }))
  .filter(([digits, scale]) => scale === 0 || digits % 10n !== 0n)
  .map(([digits, scale]) => formatDecimal(digits, scale));
const origin = fc.constantFrom('live' as const, 'redelivered' as const);
const trade: fc.Arbitrary<StoredTrade> = fc.record({
  market,
  id: fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 12 })),
  exchangeTime: time,
  receiptTime: time,
  price: decimal,
  size: decimal,
  side: fc.constantFrom('buy' as const, 'sell' as const, 'unknown' as const),
  origin,
});
const price = fc.option(decimal, { freq: 9 });
const candle: fc.Arbitrary<Candle> = fc.record({
  market,
  granularity: fc.constantFrom('1m' as const, '1h' as const),
  start: time.map((n) => n * 60_000_000),
  open: price,
  high: price,
  low: price,
  close: price,
  volume: decimal,
  vwap: price,
  trades: fc.integer({ min: 0, max: 3 }),
  final: fc.boolean(),
  receiptTime: time,
  origin,
});

interface Rows {
  readonly trades: readonly StoredTrade[];
  readonly candles: readonly Candle[];
}

type Step =
  | { readonly kind: 'begin'; readonly at: number }
  | { readonly kind: 'end'; readonly at: number }
  | ({ readonly kind: 'commit' } & Rows)
  | ({ readonly kind: 'fail' } & Rows)
  /** `old`: as a cache of an earlier version, which has rows alone. */
  | { readonly kind: 'reopen'; readonly killed: boolean; readonly old: boolean }
  | { readonly kind: 'seal'; readonly portions: number }
  | Removal;

/** Of the nth session, if there are so many. */
interface Removal {
  readonly kind: 'removal';
  readonly verb: 'remove' | 'restore' | 'purge';
  readonly session: number;
  readonly portions: number;
}

const rows = {
  trades: fc.array(trade, { maxLength: 8 }),
  candles: fc.array(candle, { maxLength: 4 }),
};
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('begin' as const), at: time }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), at: time }) },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant('commit' as const), ...rows }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), ...rows }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('reopen' as const), killed: fc.boolean(), old: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('seal' as const), portions: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('removal' as const),
      verb: fc.constantFrom('remove' as const, 'remove' as const, 'restore' as const, 'purge' as const),
      session: fc.integer({ min: 1, max: 4 }),
      portions: fc.integer({ min: 1, max: 9 }),
    }),
  },
);

/** So small that few trades make many chunks, and a commit more than one portion. */
const SMALL_PORTION = 6;
const SIZES = { chunkTrades: 4, portionTrades: 6, portionRows: 5 };

/** Both sides without their threads. */
class Cache {
  readonly #folder = temporaryFolder();
  #written: Database = openForWriting(this.#folder, 0, () => undefined).database;
  #read: Database | null = null;
  writer: Writer = createWriter(this.#written, SIZES);
  #purge: Purge = preparePurge(this.#written, SMALL_PORTION);
  reader: Reader = this.#openReader();

  #openReader(): Reader {
    this.#read = openForReading(this.#folder);
    if (this.#read === null) throw new Error('no database');
    return createReader(this.#read, () => true);
  }

  reopen(killed: boolean, old: boolean): void {
    this.close(killed);
    if (old) makeOld(this.#folder, 3);
    this.#written = openForWriting(this.#folder, 0, () => undefined).database;
    this.writer = createWriter(this.#written, SIZES);
    this.#purge = preparePurge(this.#written, SMALL_PORTION);
    this.writer.recover();
    this.reader = this.#openReader();
  }

  /** At most so many portions. */
  purge(session: number, portions: number): void {
    for (let portion = 0; portion < portions && this.#purge.purgePortion(session); portion++);
  }

  close(killed: boolean): void {
    this.#read?.close();
    if (killed) this.#written.close();
    else closeWritten(this.#written);
  }
}

function better(one: Candle, than: Candle): boolean {
  if (one.final !== than.final) return one.final;
  return one.trades >= than.trades;
}

function samePeriod(one: Candle, other: Candle): boolean {
  return one.market === other.market && one.granularity === other.granularity && one.start === other.start;
}

function upsert(candles: Candle[], candle: Candle): void {
  const at = candles.findIndex((held) => samePeriod(held, candle));
  const held = candles[at];
  if (held === undefined) candles.push(candle);
  else if (better(candle, held)) candles[at] = candle;
}

function closeAll(sessions: readonly ModelSession[]): void {
  for (const session of sessions) {
    if (session.state !== 'recording') continue;
    session.state = 'ended unexpectedly';
    session.ended = Math.max(session.started, Math.floor((session.lastReceipt ?? 0) / 1000));
  }
}

function apply(cache: Cache, sessions: ModelSession[], step: Step): void {
  const current = sessions.at(-1);
  if (step.kind === 'reopen') {
    // An older version knows of no removed session.
    cache.reopen(step.killed, step.old && sessions.every(({ removed }) => removed === 'no'));
    closeAll(sessions);
  } else if (step.kind === 'begin') {
    closeAll(sessions);
    const session = { started: step.at, ended: null, trades: [], candles: [], lastReceipt: null };
    sessions.push({ ...session, state: 'recording', removed: 'no' });
    expect(cache.writer.beginSession(step.at).id).toBe(sessions.length);
  } else if (step.kind === 'seal') {
    for (let portion = 0; portion < step.portions; portion++) {
      cache.writer.sealer.finish();
      cache.writer.sealer.seal();
    }
  } else if (step.kind === 'removal') {
    const of = sessions[step.session - 1];
    if (of !== undefined) applyRemoval(cache, of, step);
  } else if (current === undefined || current.removed !== 'no') {
    return;
  } else if (step.kind === 'end') {
    if (current.state === 'recording') {
      current.state = 'ended';
      current.ended = step.at;
    }
    expect(cache.writer.endSession(sessions.length, step.at)).toMatchObject({ ended: current.ended });
  } else if (step.kind === 'fail') {
    const nobody = commitOf(sessions.length + 1, step.trades, step.candles);
    expect(() => cache.writer.commit(nobody)).toThrow(/There is no session/);
  } else {
    cache.writer.commit(commitOf(sessions.length, step.trades, step.candles));
    current.trades.push(...step.trades);
    for (const candle of step.candles) upsert(current.candles, candle);
    for (const { receiptTime } of [...step.trades, ...step.candles]) {
      current.lastReceipt = Math.max(current.lastReceipt ?? 0, receiptTime);
    }
  }
}

function applyRemoval(cache: Cache, of: ModelSession, { verb, session, portions }: Removal): void {
  if (verb === 'restore') {
    if (of.removed !== 'yes') {
      expect(() => cache.writer.restoreSession(session, 0)).toThrow(/deleted/);
      return;
    }
    of.removed = 'no';
    cache.writer.restoreSession(session, 0);
  } else if (of.state === 'recording') {
    expect(() => cache.writer.removeSession(session, 0)).toThrow(/being recorded/);
  } else if (verb === 'purge') {
    of.removed = 'purged';
    cache.purge(session, portions);
  } else if (of.removed === 'no') {
    of.removed = 'yes';
    cache.writer.removeSession(session, 0);
  }
}

function all<T>(range: RowRange | null, read: (range: RowRange) => ExportStep<T>): T[] {
  if (range === null) throw new Error('no such session');
  const rows: T[] = [];
  for (let after = range.after; after < range.last;) {
    const found = read({ after, last: range.last });
    rows.push(...found.rows);
    after = found.after;
  }
  return rows;
}

function compare(reader: Reader, recorded: readonly ModelSession[], before: number, limit: number): void {
  const numbered = recorded.map((session, index) => ({ ...session, id: index + 1 }));
  const sessions = numbered.filter(({ removed }) => removed === 'no');
  expect(reader.sessions()).toEqual(
    sessions.map(({ id, started, ended, state, trades, candles }) => ({
      id,
      started,
      ended,
      state,
      // In the order of their UTF-8.
      markets: [...new Set([...trades, ...candles].map((row) => row.market))].sort(),
      trades: trades.length,
      candles: candles.length,
      gaps: 0,
      name: null,
      note: null,
      pinned: false,
    })),
  );
  expect(reader.totals()).toEqual({
    trades: sessions.reduce((sum, { trades }) => sum + trades.length, 0),
    candles: sessions.reduce((sum, { candles }) => sum + candles.length, 0),
  });
  expect(
    reader
      .removedSessions(0)
      .map(({ session }) => session.id)
      .sort(),
  ).toEqual(numbered.flatMap(({ id, removed }) => (removed === 'yes' ? [id] : [])));
  for (const { id, removed } of numbered) {
    if (removed !== 'no') expect(reader.sessionRows(id, 'trades')).toBeNull();
  }
  for (const { id: session, trades, candles } of sessions) {
    for (const only of [null, 'a', 'ü', 'nowhere']) {
      const ofMarket = (row: { market: string }): boolean => only === null || row.market === only;
      const tradeRows = reader.sessionRows(session, 'trades');
      expect(all(tradeRows, (range) => reader.trades(range, { session, market: only, since: null }))).toEqual(
        trades.filter(ofMarket),
      );
      const candleRows = reader.sessionRows(session, 'candles');
      for (const granularity of [null, '1m'] as const) {
        expect(
          all(candleRows, (range) => reader.candles(range, { session, market: only, granularity })),
        ).toEqual(
          candles.filter((row) => ofMarket(row) && (granularity === null || row.granularity === granularity)),
        );
      }
    }
  }
  // What was received of removed sessions is known until it is taken away, which may be under way.
  const since = all(reader.rowsSince(before), (range) =>
    reader.trades(range, { session: null, market: null, since: before }),
  );
  const known = numbered.flatMap(({ trades }) => trades).filter(({ receiptTime }) => receiptTime >= before);
  if (numbered.every(({ removed }) => removed !== 'purged')) expect(since).toEqual(known);
  const received = sessions.flatMap(({ trades }) => trades);
  compareTradePages(reader, received, limit);
  compareCandlePage(reader, sessions, before, limit);
}

/** Paged to the beginning, every trade comes once unless one time alone has more than a page holds. */
function compareTradePages(reader: Reader, received: readonly StoredTrade[], limit: number): void {
  const wanted = received
    .filter((row) => row.market === 'a')
    .toSorted((one, other) => one.exchangeTime - other.exchangeTime);
  const crowded = new Map<number, number>();
  for (const { exchangeTime } of wanted) crowded.set(exchangeTime, (crowded.get(exchangeTime) ?? 0) + 1);
  const expected = wanted.filter(({ exchangeTime }, index) => {
    // Of such a time the newest that fit into a page.
    const later = wanted.slice(index + 1).filter((row) => row.exchangeTime === exchangeTime).length;
    return (crowded.get(exchangeTime) ?? 0) <= limit || later < limit;
  });
  const pages: number[][] = [];
  let before: number | null = null;
  for (let more = true; more;) {
    const page = reader.tradePage('a', before, limit);
    expect(page.count).toBeLessThanOrEqual(limit);
    const floats = tradesOf(page.bytes);
    expect(floats.length).toBe(page.count * TRADE_FIELDS);
    for (let at = page.count - 1; at >= 0; at--) {
      pages.unshift([...floats.slice(at * TRADE_FIELDS, at * TRADE_FIELDS + 3)]);
    }
    before = floats[0] ?? null;
    more = page.more;
  }
  const from = received.length % 7;
  const within = tradesOf(reader.tradePage('a', 9, 1_000, from).bytes);
  expect([...within].filter((_, at) => at % TRADE_FIELDS === 0)).toEqual(
    wanted.map(({ exchangeTime }) => exchangeTime).filter((each) => each >= from && each < 9),
  );
  expect(pages).toEqual(expected.map((row) => [row.exchangeTime, Number(row.price), Number(row.size)]));
}

function compareCandlePage(
  reader: Reader,
  sessions: readonly ModelSession[],
  before: number,
  limit: number,
): void {
  const merged: Candle[] = [];
  for (const { candles } of sessions) {
    for (const candle of candles) {
      if (candle.market === 'a' && candle.granularity === '1m') upsert(merged, candle);
    }
  }
  const older = merged
    .filter(({ start }) => start < before * 60_000_000)
    .sort((one, other) => one.start - other.start);
  const page = reader.candlePage({ market: 'a', granularity: '1m' }, before * 60_000, limit);
  const expected = older.slice(-limit);
  expect(page).toMatchObject({ count: expected.length, more: older.length > limit });
  const number = (text: string | null): number => (text === null ? NaN : Number(text));
  expect(page.bytes.length).toBe(expected.length * CANDLE_FIELDS * 8);
  expect([...floatsOf(page.bytes)]).toEqual(
    expected.flatMap((row) => [
      row.start / 1000,
      ...[row.open, row.high, row.low, row.close, row.volume, row.vwap].map(number),
      row.trades,
      row.final ? 1 : 0,
    ]),
  );
}

test(
  'any sequence of sessions, commits, sealing, removing, purging, failures, restarts and kills',
  { timeout: 120_000 },
  () => {
    const run = fc.property(
      fc.array(step, { minLength: 1, maxLength: 14 }),
      fc.integer({ min: 0, max: 13 }),
      fc.integer({ min: 1, max: 6 }),
      (steps, before, limit) => {
        const cache = new Cache();
        const sessions: ModelSession[] = [];
        try {
          apply(cache, sessions, { kind: 'begin', at: 0 });
          for (const one of steps) apply(cache, sessions, one);
          compare(cache.reader, sessions, before, limit);
        } finally {
          cache.close(false);
        }
      },
    );
    fc.assert(run, { numRuns: 150 });
  },
);
