/** Requests that keep SQLite busy for long are told with their plan, the others cost nothing and say nothing. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { createCore } from '../../../main/core/core.ts';
import { openForReading } from '../../../main/core/store/database.ts';
import { createReader } from '../../../main/core/store/reader.ts';
import { SLOW_MS, SlowQueries, type SlowQuery } from '../../../main/core/store/slow-queries.ts';
import { nodePorts } from '../../../main/headless/ports.ts';
import { allOf, candle, commitOf, open, temporaryFolder, trade, variedTrades } from './support.ts';

/** Each look at the clock is a millisecond later, so that time is what was done and not how fast. */
function ticking(): () => number {
  let at = 0;
  return () => at++;
}

function watched(slowMs: number, now?: () => number): { database: Database.Database; queries: SlowQueries } {
  const database = new Database(':memory:');
  const queries = new SlowQueries(slowMs, now);
  queries.watch(database);
  database.exec(
    'CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT); CREATE INDEX texts ON numbers (text)',
  );
  return { database, queries };
}

function slowOf<T>(queries: SlowQueries, run: () => T): SlowQuery | null {
  return queries.run('look', run).slow?.() ?? null;
}

test('a slow statement is told with its plan, a quick one is not', () => {
  const { database, queries } = watched(SLOW_MS);
  const count = database.prepare<[last: number, text: string]>(
    `WITH RECURSIVE counted (n) AS (
       SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?
     ) SELECT count(*) FROM counted LEFT JOIN numbers ON numbers.text = ?`,
  );
  expect(slowOf(queries, () => count.get(1, 'secret'))).toBeNull();
  const slow = slowOf(queries, () => count.get(1_000_000, 'secret'));
  expect(slow).toMatchObject({ request: 'look', calls: 1, rows: 1, leftOut: 0 });
  expect(slow?.ms).toBeGreaterThan(SLOW_MS);
  expect(slow?.requestMs).toBeGreaterThanOrEqual(slow?.ms ?? Infinity);
  expect(slow?.statement).toMatch(/^WITH RECURSIVE counted \(n\) AS \( SELECT 1 .* numbers\.text = \?$/);
  expect(slow?.plan.join('\n')).toMatch(
    /RECURSIVE STEP\n.*SCAN counted[^]*SEARCH numbers .*INDEX texts \(text=\?\)/,
  );
  expect(JSON.stringify(slow)).not.toContain('secret');
});

test('a request of many quick calls is told by the statement that took most of it', () => {
  const { database, queries } = watched(100, ticking());
  const insert = database.prepare<[n: number]>('INSERT INTO numbers (n) VALUES (?)');
  const first = database.prepare('SELECT n FROM numbers ORDER BY n').pluck();
  let inserted = 0;
  const fill = (rows: number): void => {
    for (let row = 0; row < rows; row++) insert.run(++inserted);
    first.get();
  };
  const fillAtOnce = database.transaction(fill);
  expect(slowOf(queries, () => fill(99))).toBeNull();
  const slow = slowOf(queries, () => fillAtOnce.immediate(3_000));
  expect(slow).toMatchObject({ statement: 'INSERT INTO numbers (n) VALUES (?)', calls: 3_000, plan: [] });
  // Most of the calls were not timed, and count all the same.
  expect(slow?.rows).toBeGreaterThan(2_900);
  expect(slow?.rows).toBeLessThanOrEqual(3_000);
  expect(database.prepare('SELECT count(*) FROM numbers').pluck().get()).toBe(3_099);
});

test('rows that are walked through count, what is done with them does not', () => {
  let at = 0;
  const { database, queries } = watched(100, () => at++);
  const walk = database
    .prepare<[last: number], number>(
      'WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT n FROM c',
    )
    .pluck();
  const seen: number[] = [];
  const waiting = slowOf(queries, () => {
    for (const n of walk.iterate(5)) {
      seen.push(n);
      at += 1_000;
    }
  });
  expect([waiting, seen]).toEqual([null, [1, 2, 3, 4, 5]]);
  const slow = slowOf(queries, () => [...walk.iterate(1_000)].length);
  expect(slow).toMatchObject({ calls: 1_002 });
  // One that is left early lets go of the database.
  slowOf(queries, () => {
    for (const n of walk.iterate(9)) if (n === 2) break;
  });
  expect(database.prepare('INSERT INTO numbers (n) VALUES (1)').run().changes).toBe(1);
});

test('the end of a transaction is where the disk is waited for', () => {
  let at = 0;
  let looks = Infinity;
  const { database, queries } = watched(100, () => (at += --looks === 0 ? 500 : 1));
  const insert = database.prepare<[n: number]>('INSERT INTO numbers (n) VALUES (?)');
  const fill = database.transaction((n: number, wait: boolean) => {
    insert.run(n);
    // One look when this ends, the other when it is committed.
    if (wait) looks = 2;
    return n;
  });
  expect(queries.run('fill', () => fill(1, false))).toEqual({ value: 1, slow: null });
  const { value, slow } = queries.run('fill', () => fill.immediate(2, true));
  expect(value).toBe(2);
  expect(slow?.()).toMatchObject({ request: 'fill', statement: 'COMMIT', ms: 500, calls: 1, plan: [] });
});

test('a statement is told once in a minute, with how often it was left out', () => {
  let at = 0;
  const { database, queries } = watched(100, () => at++);
  database.function('wait', () => (at += 500));
  const waits = database.prepare('SELECT wait()');
  const others = database.prepare('SELECT wait() AS other');
  const told = Array.from({ length: 130 }, () => slowOf(queries, () => waits.get())?.leftOut ?? null);
  expect(told.filter((leftOut) => leftOut !== null)).toEqual([0, expect.any(Number)]);
  const second = told.findLastIndex((leftOut) => leftOut !== null);
  expect(told[second]).toBe(second - 1);
  expect(slowOf(queries, () => others.get())).toMatchObject({ leftOut: 0 });
});

test('what fails is thrown on, and what was watched answers as before', () => {
  const { database, queries } = watched(SLOW_MS);
  expect(() => queries.run('look', () => database.prepare('SELECT * FROM nowhere'))).toThrow(/no such table/);
  const add = database.transaction(() => {
    database.prepare('INSERT INTO numbers (n) VALUES (1)').run();
    throw new Error('undone');
  });
  expect(() => queries.run('look', add)).toThrow('undone');
  expect(database.prepare('SELECT count(*) FROM numbers').pluck().get()).toBe(0);
  expect(database.prepare('SELECT n FROM numbers').raw().safeIntegers().all()).toEqual([]);
});

test('both threads of a store tell theirs, and a store at rest is quick', async () => {
  const told: SlowQuery[] = [];
  const folder = temporaryFolder();
  const store = await open(folder, { slowMs: 0, slow: (query) => told.push(query) });
  const { id } = await store.beginSession(1_000);
  await store.commit(commitOf(id, variedTrades(2_000), [candle()]));
  await store.endSession(id, 2_000);
  await allOf(store.exportTrades({ session: id, market: null }));
  const requests = expect.poll(() => told.map(({ request }) => request), { timeout: 10_000 });
  await requests.toEqual(expect.arrayContaining(['commit', 'quiet work', 'trades']));
  expect(told.find(({ request }) => request === 'trades')?.plan.length).toBeGreaterThan(0);
  await store.close();
  const reading = openForReading(folder);
  if (reading === null) throw new Error('no database');
  const queries = new SlowQueries(0);
  queries.watch(reading);
  const reader = createReader(reading, () => false);
  const { value } = queries.run('page', () => reader.tradePage('binance-btc-usdt', null, 10));
  expect(value.count).toBe(10);
  reading.close();
});

test('are logged as warnings, which never hold the key', async () => {
  const folder = temporaryFolder();
  const lines: [level: string, text: string][] = [];
  const logger = {
    log: (level: string, message: string, detail?: unknown) =>
      void lines.push([level, `${message} ${JSON.stringify(detail)}`]),
  };
  // So many of one moment that its page alone keeps SQLite busy, however quick the machine.
  const store = await open(folder);
  const { id } = await store.beginSession(1_000);
  await store.commit(commitOf(id, [trade()]));
  await store.close();
  const database = new Database(join(folder, 'quipu.db'));
  database.exec(
    `WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000)
     INSERT INTO candles (session, market, granularity, start, volume, trades, final, receipt_time, origin)
     SELECT n, 1, '1m', 0, '1', 0, 1, 0, 0 FROM c`,
  );
  database.close();
  const key = 'a-key-that-nobody-may-see';
  const core = await createCore({
    ...{ host: 'browser', version: '0', folder, addresses: {}, environmentKey: key },
    ports: {
      ...nodePorts(),
      logger,
      secrets: { get: () => Promise.resolve(key), set: noSecret, forget: noSecret },
    },
  });
  const client = core.connect(() => undefined);
  const chart = { market: 'binance-btc-usdt', granularity: '1m' };
  client.request({ id: 1, command: 'candles.page', args: { chart, before: null, limit: 10 } });
  await expect
    .poll(() => lines.filter(([, text]) => text.includes('FROM candles')).length, { timeout: 10_000 })
    .toBe(1);
  const [level, text] = lines.find(([, each]) => each.includes('FROM candles')) ?? ['', ''];
  expect(level).toBe('warn');
  expect(text).toMatch(/candlePage.*"plan":\["S/);
  expect(lines.map(([, each]) => each).join('\n')).not.toContain(key);
  client.close();
  await core.close();
});

const noSecret = (): Promise<void> => Promise.resolve();
