/** What retention deletes and keeps, and that whatever is read afterwards tells one story. */
import { spawn } from 'node:child_process';
import { cpSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BUCKET_COVERAGE,
  BUCKET_FIELDS,
  DELETED_BY_RETENTION,
  floatsOf,
  KEEP_ALL,
  type RetentionPolicy,
  TRADE_FIELDS,
  tradesOf as unpacked,
} from '../../../main/core/contract.ts';
import { checkDatabase } from '../../../main/core/store/check.ts';
import { closeWritten, openForReading, openForWriting } from '../../../main/core/store/database.ts';
import type { Fault } from '../../../main/core/store/faults.ts';
import { createKeeper, type Keeper } from '../../../main/core/store/keeper.ts';
import type { ExportStep, Reader, RowRange } from '../../../main/core/store/reader.ts';
import { createReader } from '../../../main/core/store/reader.ts';
import { DAY_MICROS } from '../../../main/core/store/retention.ts';
import type { StoredTrade } from '../../../main/core/store/store.ts';
import { createWriter, type Writer } from '../../../main/core/store/writer.ts';
import { RETAINED_MARKETS } from './retention-child.ts';
import { allOf, candle, commitOf, failureOf, open, temporaryFolder, trade, variedTrades } from './support.ts';

const SIZES = { chunkTrades: 4, portionTrades: 6, portionRows: 5 };
const NOW = 20_000 * DAY_MICROS;
const WHOLE = Number.MAX_SAFE_INTEGER;

/** Both sides without their threads. */
interface Both {
  readonly folder: string;
  readonly database: Database.Database;
  readonly writer: Writer;
  readonly keeper: Keeper;
  readonly reader: Reader;
  readonly sealAll: () => void;
  /** Looks, and does all that is due. @returns how many portions that were */
  readonly keepAll: (now?: number) => number;
  readonly close: () => void;
}

/** @param sizes null: the usual ones */
function openBoth(sizes: typeof SIZES | null = SIZES, folder = temporaryFolder()): Both {
  const { database } = openForWriting(folder, 0, () => undefined);
  database.pragma('synchronous = OFF');
  const reading = openForReading(folder);
  if (reading === null) throw new Error('no database');
  const writer = createWriter(database, sizes ?? undefined);
  const keeper = createKeeper(database, writer.sealer);
  const sealAll = (): void => {
    writer.sealer.finish();
    while (writer.sealer.due !== 'no') writer.sealer.seal();
  };
  return {
    ...{ folder, database, writer, keeper, sealAll, reader: createReader(reading, () => true) },
    keepAll(now = NOW) {
      let portions = 0;
      keeper.look(now);
      sealAll();
      for (; keeper.due; portions++) keeper.keep();
      return portions;
    },
    close() {
      reading.close();
      closeWritten(database);
    },
  };
}

function policyOf(policy: Partial<RetentionPolicy>): RetentionPolicy {
  return { ...KEEP_ALL, ...policy };
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

function tradesOf(reader: Reader, session: number): StoredTrade[] {
  const filter = { session, market: null, since: null };
  return all(reader.sessionRows(session, 'trades'), (range) => reader.trades(range, filter));
}

function candlesOf(reader: Reader, session: number): number[] {
  const filter = { session, market: null, granularity: null };
  return all(reader.sessionRows(session, 'candles'), (range) => reader.candles(range, filter)).map(
    ({ start }) => start,
  );
}

/** With ids as random as UUIDs are, which are most of what a trade takes; they begin with their numbers. */
function heavyTrades(count: number, first = 0): StoredTrade[] {
  return variedTrades(count, first).map((each, at) => {
    const n = first + at;
    const part = (factor: number): string => ((n * factor) % 2 ** 32).toString(16).padStart(8, '0');
    const [a, b, c] = [part(2_654_435_761), part(40_503), part(7_919)];
    return {
      ...each,
      id: `${n.toString(16).padStart(8, '0')}-${a.slice(0, 4)}-4${a.slice(5)}-9${b.slice(1, 4)}-${b.slice(4)}${c}`,
    };
  });
}

function pin(database: Database.Database, session: number): void {
  database.prepare('UPDATE sessions SET pinned = 1 WHERE id = ?').run(session);
}

/** Rows of the chunks that the rule takes, by a plain reading of it. */
function doomedRows(database: Database.Database, session: number, cut: number): number {
  let rows = 0;
  for (const { count, receipt } of database
    .prepare<[number], { count: number; receipt: number }>(
      'SELECT count, last_receipt AS receipt FROM chunks WHERE session = ? ORDER BY last_row',
    )
    .all(session)) {
    if (receipt >= cut) break;
    rows += count;
  }
  return rows;
}

describe('any policy over any record', () => {
  const market = fc.constantFrom('a', 'b', 'c');
  /** Days from one trade to the next; below nought the clock was set back. */
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 3 }) },
    { weight: 1, arbitrary: fc.integer({ min: -4, max: -1 }) },
  );
  const rows = fc.array(fc.record({ market, step }), { maxLength: 12 });
  const days = fc.option(fc.integer({ min: 1, max: 40 }), { freq: 4 });
  const steps = fc.array(
    fc.oneof(
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('begin' as const) }) },
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('commit' as const), rows }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('pin' as const) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('retain' as const),
          policy: fc.record({ tradesDays: days, candlesDays: days, historyDays: days }),
        }),
      },
    ),
    { maxLength: 24 },
  );

  test('keeps exactly what it says, up to a chunk; what is pinned or newer stays; all reads agree', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const both = openBoth();
        const { database, keeper, reader, sealAll, writer } = both;
        const begun = NOW - 80 * DAY_MICROS;
        let at = begun;
        let isMonotone = true;
        const recorded: StoredTrade[][] = [];
        const pinned = new Set<number>();
        const begin = (): void => {
          recorded.push([]);
          writer.beginSession(Math.floor(at / 1000));
        };
        begin();
        let id = 0;
        for (const each of list) {
          const session = recorded.length;
          if (each.kind === 'begin') begin();
          else if (each.kind === 'pin') {
            pinned.add(session);
            pin(database, session);
          } else if (each.kind === 'commit') {
            const trades = each.rows.map((row) => {
              at += row.step * DAY_MICROS;
              if (row.step < 0) isMonotone = false;
              return trade({ market: row.market, id: `${id++}`, exchangeTime: at - 7, receiptTime: at });
            });
            recorded.at(-1)?.push(...trades);
            writer.commit(
              commitOf(session, trades, [], {
                coverage: {
                  lines: ['a', 'b', 'c'].map((name) => ({
                    market: name,
                    endpoint: 'trades' as const,
                    from: begun,
                    starts: [{ from: begun, state: 'live' as const, cause: '' }],
                  })),
                  until: at + 1,
                },
              }),
            );
          } else {
            sealAll();
            const cut =
              each.policy.tradesDays === null ? -Infinity : NOW - each.policy.tradesDays * DAY_MICROS;
            const before = recorded.map((_, index) => tradesOf(reader, index + 1));
            const doomed = recorded.map((_, index) =>
              pinned.has(index + 1) ? 0 : doomedRows(database, index + 1, cut),
            );
            const foretold = reader.retention().preview(policyOf(each.policy), NOW).kinds[0];
            expect(foretold?.rows).toBe(doomed.reduce((sum, count) => sum + count, 0));
            keeper.setPolicy(policyOf(each.policy));
            both.keepAll();
            for (const [index, trades] of before.entries()) {
              const kept = tradesOf(reader, index + 1);
              expect(kept.length).toBe(trades.length - (doomed[index] ?? 0));
              const isKept = new Set(kept.map((row) => row.id));
              for (const row of trades) if (row.receiptTime >= cut) expect(isKept).toContain(row.id);
              if (pinned.has(index + 1) || !isMonotone) continue;
              for (const name of ['a', 'b', 'c']) {
                const old = kept.filter((row) => row.market === name && row.receiptTime < cut);
                expect(old.length).toBeLessThan(SIZES.chunkTrades);
              }
            }
          }
          compareReads(reader, recorded);
          const check = checkDatabase(database, { beside: true, chunkTrades: SIZES.chunkTrades });
          let step = check.next();
          while (step.done !== true) step = check.next();
          // Its clock goes back, which coverage never does.
          const isOfTrades = ({ kind, what }: Fault): boolean =>
            kind === 'trades' || kind === 'bars' || what.startsWith('does not say');
          expect(step.value.faults.filter(isOfTrades)).toEqual([]);
        }
        both.close();
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  /** Exports, pages, buckets, counters and coverage of the same record. */
  function compareReads(reader: Reader, recorded: readonly (readonly StoredTrade[])[]): void {
    const summaries = reader.sessions();
    const kept = recorded.map((_, index) => tradesOf(reader, index + 1));
    for (const [index, trades] of recorded.entries()) {
      const session = index + 1;
      const { deleted, trades: count } = summaries[index] ?? { trades: NaN };
      expect(count).toBe(trades.length);
      expect(kept[index]?.length).toBe(count - (deleted?.trades ?? 0));
      const isKept = new Set(kept[index]?.map(({ id }) => id));
      // In the order of receipt, and nothing that never was.
      expect(kept[index]).toEqual(trades.filter(({ id }) => isKept.has(id)));
      for (const market of ['a', 'b', 'c']) {
        const query = { session, market, from: 0, to: WHOLE, limit: 50 };
        const floats = floatsOf(reader.buckets(query).bytes);
        let counted = 0;
        for (let at = 7; at < floats.length; at += BUCKET_FIELDS) counted += floats[at] ?? NaN;
        expect(counted).toBe(kept[index]?.filter((row) => row.market === market).length);
        for (const row of trades) {
          if (isKept.has(row.id) || row.market !== market) continue;
          const stretch = reader
            .coverage(session, market)
            .find(({ from, to }) => from <= row.exchangeTime && row.exchangeTime < to);
          expect(stretch === undefined || stretch.cause === DELETED_BY_RETENTION).toBe(true);
        }
      }
    }
    const page = reader.tradePage('a', null, 5_000);
    const times = kept.flat().filter(({ market }) => market === 'a');
    expect(page.count).toBe(times.length);
    const read = unpacked(page.bytes).filter((_, at) => at % TRADE_FIELDS === 0);
    expect([...read]).toEqual(times.map(({ exchangeTime }) => exchangeTime).toSorted((a, b) => a - b));
    expect(reader.totals().trades).toBe(kept.flat().length);
  }
});

describe('the pyramid', () => {
  test('answers from what is left of it, and grows on', () => {
    const both = openBoth();
    const { database, keeper, reader, writer } = both;
    writer.beginSession(1);
    const rows: StoredTrade[] = [];
    for (let n = 0; n < 700; n++) {
      rows.push(
        trade({ market: 'm', id: `${n}`, exchangeTime: NOW + n * 1_000, receiptTime: NOW + n * 1_000 }),
      );
    }
    for (const [until, cut] of [
      [200, 13],
      [420, 150],
      [700, 512],
    ] as const) {
      const first =
        tradesOf(reader, 1).length === 0 ? 0 : rows.findIndex(({ id }) => id === lastId(reader)) + 1;
      for (let n = first; n < until; n += 10)
        writer.commit(commitOf(1, rows.slice(n, Math.min(until, n + 10))));
      both.sealAll();
      keeper.setPolicy(policyOf({ tradesDays: 1 }));
      both.keepAll(NOW + cut * 1_000 + DAY_MICROS);
      const kept = tradesOf(reader, 1);
      expect(kept[0]?.id).toBe(`${cut - (cut % SIZES.chunkTrades)}`);
      // Over few buckets, for which whole parts of the pyramid are read.
      const floats = floatsOf(
        reader.buckets({ session: 1, market: 'm', from: 0, to: WHOLE, limit: 1 }).bytes,
      );
      expect(floats[7]).toBe(kept.length);
      const first_ = Number(kept[0]?.id);
      const nodes = database
        .prepare<[], { height: number; place: number }>('SELECT height, place FROM pyramid')
        .all();
      expect(nodes.length).toBeGreaterThan(3);
      for (const { height, place } of nodes) {
        expect(place * 2 ** height * SIZES.chunkTrades).toBeGreaterThanOrEqual(first_);
      }
    }
    both.close();
  });

  function lastId(reader: Reader): string {
    return tradesOf(reader, 1).at(-1)?.id ?? '';
  }
});

describe('coverage', () => {
  test('of what was deleted is off, with the cause, for every reader of it; what was off keeps its own', () => {
    const both = openBoth();
    const { database, keeper, reader, writer } = both;
    writer.beginSession(NOW / 1000);
    const rows = Array.from({ length: 40 }, (_, n) =>
      trade({ market: 'm', id: `${n}`, exchangeTime: NOW + n * 1e6, receiptTime: NOW + n * 1e6 }),
    );
    const starts = [
      { from: NOW, state: 'off' as const, cause: 'not subscribed' },
      { from: NOW + 1e6, state: 'live' as const, cause: '' },
      { from: NOW + 5e6, state: 'quiet' as const, cause: 'nothing came' },
      { from: NOW + 9e6, state: 'live' as const, cause: '' },
    ];
    const lines = (['trades', 'candles'] as const).map((endpoint) => ({
      ...{ market: 'm', endpoint, from: NOW, starts },
    }));
    writer.commit(commitOf(1, rows, [], { coverage: { lines, until: NOW + 40e6 } }));
    writer.endSession(1, NOW / 1000 + 40_000);
    keeper.setPolicy(policyOf({ tradesDays: 1 }));
    both.keepAll(NOW + 20e6 + DAY_MICROS);
    expect(reader.sessions()[0]).toMatchObject({
      trades: 40,
      deleted: { trades: 20, tradesUntil: (NOW + 19e6) / 1000, candles: 0, candlesUntil: null },
    });
    const trades = [
      { from: NOW, to: NOW + 1e6, state: 'off', cause: 'not subscribed' },
      { from: NOW + 1e6, to: NOW + 19e6, state: 'off', cause: DELETED_BY_RETENTION },
      { from: NOW + 19e6, to: NOW + 40e6, state: 'live', cause: '' },
    ];
    const told = reader.coverage(1, 'm');
    const of = (endpoint: string): object[] =>
      told
        .filter((each) => each.endpoint === endpoint)
        .map(({ from, to, state, cause }) => ({ from, to, state, cause }));
    expect(of('trades')).toEqual(trades);
    expect(of('candles')).toHaveLength(4);
    expect(reader.coveragePage('m', 'trades', NOW, NOW + 40e6, NOW + 50e6).stretches).toEqual(trades);
    const runs = reader.sessionLines(1, ['m'], { from: NOW, to: NOW + 40e6 }, 40)[0]?.runs;
    expect(runs?.map(({ state }) => state)).toEqual(['off', 'live']);
    const floats = floatsOf(
      reader.buckets({ session: 1, market: 'm', from: NOW, to: NOW + 40e6, limit: 40 }).bytes,
    );
    for (let at = 0; at < floats.length; at += BUCKET_FIELDS) {
      const start = (floats[at] ?? 0) * 1000;
      const state = BUCKET_COVERAGE[floats[at + 8] ?? -1];
      if (start >= NOW && start < NOW + 18e6) expect(state).toBe('off');
      if (start > NOW + 20e6 && start < NOW + 40e6) expect(state).toBe('live');
    }
    // A session of which all is gone stays, and says so.
    keeper.setPolicy(policyOf({ tradesDays: 1, candlesDays: 1 }));
    both.keepAll(NOW + 10 * DAY_MICROS);
    expect(tradesOf(reader, 1)).toEqual([]);
    expect(reader.sessions()[0]).toMatchObject({ trades: 40, markets: ['m'], deleted: { trades: 40 } });
    expect(database.prepare('SELECT * FROM tapes').all()).toEqual([]);
    expect(database.prepare('SELECT * FROM pyramid').all()).toEqual([]);
    both.close();
  });
});

describe('candles and the history of the links', () => {
  test('go by their own days, and candles that come later are found', () => {
    const both = openBoth();
    const { keeper, reader, writer } = both;
    writer.beginSession(1);
    const minute = 60_000_000;
    const candles = Array.from({ length: 30 }, (_, n) =>
      candle({ market: 'm', start: n * minute, receiptTime: NOW + n * DAY_MICROS, final: true }),
    );
    writer.commit(commitOf(1, [], candles));
    keeper.setPolicy(policyOf({ candlesDays: 10 }));
    const policy = policyOf({ candlesDays: 10 });
    const foretold = reader.retention().preview(policy, NOW + 29 * DAY_MICROS).kinds[1];
    expect(foretold).toMatchObject({ rows: 19, sessions: 1, from: NOW / 1000 });
    both.keepAll(NOW + 29 * DAY_MICROS);
    expect(candlesOf(reader, 1)).toEqual(candles.slice(19).map(({ start }) => start));
    expect(reader.sessions()[0]).toMatchObject({ candles: 30, deleted: { candles: 19, trades: 0 } });
    // All of them, so that SQLite gives their numbers out again.
    both.keepAll(NOW + 90 * DAY_MICROS);
    expect(candlesOf(reader, 1)).toEqual([]);
    writer.commit(
      commitOf(1, [], [candle({ market: 'm', start: 99 * minute, receiptTime: NOW + 90 * DAY_MICROS })]),
    );
    expect(candlesOf(reader, 1)).toEqual([99 * minute]);
    both.close();
  });

  test('the journal keeps its newest entry, so that its numbers go on; pinned sessions keep theirs', () => {
    const both = openBoth();
    const { database, keeper, reader, writer } = both;
    const at = NOW / 1000;
    writer.beginSession(at);
    writer.endSession(1, at + 1);
    writer.beginSession(at + 2);
    const entry = { type: 'transition', endpoint: 'trades', from: 'idle', to: 'live' } as const;
    const rest = { kind: 'opened', message: 'm', serverWords: null, at };
    writer.note([
      { ...entry, ...rest, row: 1, session: null },
      { ...entry, ...rest, row: 2, session: 1 },
      { ...entry, ...rest, row: 3, session: 2 },
      { ...entry, ...rest, row: 4, session: 2 },
    ]);
    const health = { endpoint: 'trades', at, messages: 1, bytes: 1, reconnects: 0, refused: 0 } as const;
    const unknown = { lagP50: null, lagP95: null, lagP99: null, clockOffset: null, roundTrip: null };
    writer.commit(commitOf(1, [], [], { health: [{ ...health, ...unknown, session: 1 }] }));
    writer.commit(commitOf(2, [], [], { health: [{ ...health, ...unknown, session: 2 }] }));
    const refusal = {
      endpoint: 'trades',
      reason: 'json',
      count: 1,
      first: at,
      last: at,
      samples: [],
    } as const;
    writer.commit(commitOf(1, [], [], { refusals: [refusal] }));
    writer.endSession(2, at + 3);
    pin(database, 1);
    const policy = policyOf({ historyDays: 1 });
    const later = NOW + 2 * DAY_MICROS;
    expect(reader.retention().preview(policy, later).kinds[2]).toMatchObject({
      ...{ kind: 'history', rows: 3, sessions: 1, from: at, to: at },
    });
    keeper.setPolicy(policy);
    both.keepAll(later);
    const page = reader.links?.journalPage({ session: null, endpoint: null }, null, 10);
    expect(page?.entries.map(({ row }) => row)).toEqual([2, 4]);
    expect(writer.lastEntry()).toBe(4);
    expect(reader.links?.healthPage('trades', null, 10).minutes.map(({ session }) => session)).toEqual([1]);
    expect(reader.links?.refusals(1)).toHaveLength(1);
    expect(reader.sessions().map(({ deleted }) => deleted?.historyUntil)).toEqual([undefined, at + 1]);
    both.close();
  });
});

describe('the limit of the whole store', () => {
  const TRADES = 12_000;

  /** Three sessions, a day apart, of which the last one records. */
  function record(both: Both): void {
    for (let session = 1; session <= 3; session++) {
      const at = NOW + session * DAY_MICROS;
      both.writer.beginSession(at / 1000);
      const rows = heavyTrades(TRADES, session * TRADES).map((each, n) => ({
        ...each,
        receiptTime: at + n * 1_000,
      }));
      both.writer.commit(commitOf(session, rows));
      both.sealAll();
      if (session < 3) both.writer.endSession(session, at / 1000 + 1);
    }
  }
  const later = NOW + 4 * DAY_MICROS;
  const used = (database: Database.Database): number =>
    (Number(database.pragma('page_count', { simple: true })) -
      Number(database.pragma('freelist_count', { simple: true }))) *
    4_096;

  test('takes the oldest first, and as much as is foretold', () => {
    const both = openBoth(null);
    record(both);
    const maxBytes = Math.round(used(both.database) * 0.55);
    const foretold = both.reader.retention().preview(policyOf({ maxBytes }), later);
    both.keeper.setPolicy(policyOf({ maxBytes }));
    both.keepAll(later);
    expect(used(both.database)).toBeLessThanOrEqual(maxBytes);
    const kept = [1, 2, 3].map((session) => tradesOf(both.reader, session).length);
    expect(kept[0]).toBe(0);
    expect(kept[1]).toBeLessThan(TRADES);
    expect(kept[2]).toBe(TRADES);
    const gone = 3 * TRADES - kept.reduce((sum, count) => sum + count);
    // To a chunk or two, which is the least that is deleted at once.
    expect(Math.abs((foretold.kinds[0]?.rows ?? 0) - gone)).toBeLessThanOrEqual(2 * 4_096);
    expect(foretold.beyond).toBe(0);
    both.close();
  });

  test('leaves what is pinned and the last hour: the store is full, says so, and takes more again', async () => {
    const both = openBoth(null);
    record(both);
    pin(both.database, 1);
    pin(both.database, 2);
    const policy = policyOf({ maxBytes: 200_000 });
    const now = NOW + 3 * DAY_MICROS + TRADES * 1_000;
    expect(both.reader.retention().preview(policy, now).beyond).toBeGreaterThan(200_000);
    both.keeper.setPolicy(policy);
    both.keepAll(now);
    expect([1, 2, 3].map((session) => tradesOf(both.reader, session).length)).toEqual([
      TRADES,
      TRADES,
      TRADES,
    ]);
    const refused = await failureOf(() => both.keeper.admit(now));
    expect(refused).toMatchObject({
      kind: 'storage',
      message: expect.stringMatching(/limit of 0 MB/) as string,
    });
    expect(refused.action).toMatch(/unpin a session/);
    // An hour later the running session's may go too.
    both.keeper.admit(now + 3_600e6);
    both.keepAll(now + 3_600e6);
    expect(tradesOf(both.reader, 3)).toEqual([]);
    expect(await failureOf(() => both.keeper.admit(now + 3_600e6))).toMatchObject({ kind: 'storage' });
    both.database.exec('UPDATE sessions SET pinned = 0');
    both.keeper.admit(now + 3_600e6);
    both.keepAll(now + 3_600e6);
    expect(used(both.database)).toBeLessThanOrEqual(200_000);
    both.keeper.admit(now + 3_600e6);
    both.close();
  });

  test('a policy that cannot be understood deletes nothing', () => {
    const both = openBoth(null);
    record(both);
    for (const json of ['', 'null', '7', '{"tradesDays":"1"}', '{"tradesDays":-1,"maxBytes":0.5}', '[1]']) {
      both.database
        .prepare(
          `INSERT INTO settings VALUES ('retention', ?) ON CONFLICT DO UPDATE SET json = excluded.json`,
        )
        .run(json);
      const keeper = createKeeper(both.database, both.writer.sealer);
      keeper.look(later * 2);
      while (keeper.due) keeper.keep();
      expect(keeper.takeNews()).toBe(false);
      expect(both.reader.retention().kept().policy).toEqual(KEEP_ALL);
    }
    expect(both.reader.totals().trades).toBe(3 * TRADES);
    both.close();
  });
});

describe('the file', () => {
  test('becomes shorter while it is recorded into, and each portion is small', async () => {
    const folder = temporaryFolder();
    const first = await open(folder);
    const { id } = await first.beginSession(1);
    for (let at = 0; at < 200_000; at += 10_000) await first.commit(commitOf(id, heavyTrades(10_000, at)));
    await first.endSession(id, 2);
    const file = join(folder, 'quipu.db');
    await expect.poll(() => chunksIn(file), { timeout: 20_000 }).toBe(200_000);
    await first.close();
    expect(statSync(file).size).toBeGreaterThan(3e6);
    const store = await open(folder);
    const running = await store.beginSession(3);
    await store.setRetention(policyOf({ tradesDays: 1 }));
    const [newest] = heavyTrades(1, 200_000);
    await expect
      .poll(
        async () => {
          if (newest !== undefined)
            await store.commit(commitOf(running.id, [{ ...newest, receiptTime: Date.now() * 1000 }]));
          return store.isRetaining();
        },
        { timeout: 20_000 },
      )
      .toBe(false);
    expect(statSync(file).size).toBeLessThan(1.6e6);
    expect(await allOf(store.exportTrades({ session: id, market: null }))).toEqual([]);
    expect((await store.sessions())[0]).toMatchObject({ trades: 200_000, deleted: { trades: 200_000 } });
    await store.close();
    // Nothing is lacking that a check of the whole would miss.
    const database = new Database(file, { readonly: true });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
  }, 60_000);

  test('portions end after so many chunks and pages', () => {
    const both = openBoth(null);
    both.writer.beginSession(1);
    for (let n = 0; n < 12; n++) both.writer.commit(commitOf(1, heavyTrades(10_000, n * 10_000)));
    both.sealAll();
    both.keeper.setPolicy(policyOf({ tradesDays: 1 }));
    both.keeper.look(NOW);
    const pages = (): number => Number(both.database.pragma('page_count', { simple: true }));
    const free = (): number => Number(both.database.pragma('freelist_count', { simple: true }));
    let portions = 0;
    for (; both.keeper.due; portions++) {
      const before = { pages: pages(), free: free() };
      both.keeper.keep();
      // Of each some hundred pages one more goes, which tells where they are.
      expect(before.pages - pages()).toBeLessThanOrEqual(258);
      expect(free() - before.free).toBeLessThan(400);
    }
    expect(portions).toBeGreaterThan(4);
    both.close();
  });

  test('of a store that cannot shrink is filled again', () => {
    const folder = temporaryFolder();
    const first = openBoth(null, folder);
    first.writer.beginSession(1);
    first.close();
    const old = new Database(join(folder, 'quipu.db'));
    old.pragma('auto_vacuum = NONE');
    old.exec('VACUUM');
    old.close();
    const both = openBoth(null, folder);
    const pages = (): number => Number(both.database.pragma('page_count', { simple: true }));
    const sizes = [1, 2, 3, 4].map((round) => {
      both.writer.commit(commitOf(1, heavyTrades(20_000)));
      both.keeper.setPolicy(policyOf({ tradesDays: 1 }));
      both.keepAll(NOW + round);
      return pages();
    });
    expect(sizes[3]).toBeLessThan((sizes[1] ?? 0) * 1.05);
    both.close();
  });
});

test('a kill in the middle leaves whole portions, and what is left is deleted by the next run', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  const { id } = await store.beginSession(1);
  const rows = heavyTrades(240_000).map((each, n) => ({ ...each, market: RETAINED_MARKETS[n % 4] ?? '' }));
  for (let at = 0; at < rows.length; at += 8_000)
    await store.commit(commitOf(id, rows.slice(at, at + 8_000)));
  await store.endSession(id, 2);
  await expect.poll(() => chunksIn(join(folder, 'quipu.db')), { timeout: 20_000 }).toBe(rows.length);
  await store.close();
  /** What is left of a copy of it, which is whole; killed after so many ms. */
  async function leftAfter(copy: string, ms: number): Promise<number> {
    await deleteAndKill(copy, ms);
    const reading = await open(copy, { readOnly: true });
    const [session] = await reading.sessions();
    const kept = await allOf(reading.exportTrades({ session: id, market: null }));
    expect(kept.length).toBe(rows.length - (session?.deleted?.trades ?? 0));
    expect(kept.map((each) => each.id)).toEqual(kept.map((each) => each.id).toSorted());
    let counted = 0;
    for (const market of RETAINED_MARKETS) {
      const page = await reading.buckets({ session: id, market, from: 0, to: WHOLE, limit: 100 });
      const floats = floatsOf(page.bytes);
      for (let at = 7; at < floats.length; at += BUCKET_FIELDS) counted += floats[at] ?? NaN;
    }
    expect(counted).toBe(kept.length);
    await reading.close();
    return kept.length;
  }
  // How fast this computer deletes is not known: the moment between the first portion and the last is searched for.
  let [early, late] = [0, Infinity];
  let left = rows.length;
  let copy = folder;
  for (let tries = 0; tries < 60 && (left === rows.length || left === 0); tries++) {
    copy = temporaryFolder();
    cpSync(folder, copy, { recursive: true });
    const ms = late === Infinity ? early * 2 + 8 : (early + late) / 2;
    left = await leftAfter(copy, ms);
    if (left === rows.length) early = ms;
    else late = ms;
    // A computer that was busy for a moment misleads the search.
    if (late - early < 1) [early, late] = [early / 2, late * 2];
  }
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(rows.length);
  expect(await leftAfter(copy, 60_000)).toBe(0);
}, 120_000);

/** Starts another process that obeys a policy, and kills it so many ms after it began, unless it is done. */
async function deleteAndKill(folder: string, ms: number): Promise<void> {
  const script = join(import.meta.dirname, 'retention-child.ts');
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'begun') setTimeout(() => child.kill('SIGKILL'), ms);
  }
  await gone;
}

/** Trades that are sealed. */
function chunksIn(file: string): number {
  const database = new Database(file, { readonly: true });
  const sum = database.prepare<[], number>('SELECT coalesce(sum(count), 0) FROM chunks').pluck().get() ?? NaN;
  database.close();
  return sum;
}
