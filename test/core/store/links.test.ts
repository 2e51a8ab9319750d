/** The journal, health and refusals in the store. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type {
  Endpoint,
  HealthMinute,
  JournalEntry,
  LinkTransition,
  OutageReport,
  RefusalCount,
} from '../../../main/core/contract.ts';
import { makeFolder, openForReading, openForWriting } from '../../../main/core/store/database.ts';
import { JOURNAL_ROWS } from '../../../main/core/store/link-writer.ts';
import { createReader } from '../../../main/core/store/reader.ts';
import type { Store } from '../../../main/core/store/store.ts';
import { createWriter } from '../../../main/core/store/writer.ts';
import { makeOld } from './old.ts';
import { allOf, candle, commitOf, failureOf, open, temporaryFolder, trade } from './support.ts';

const MINUTE = 60_000;
const ALL = { session: null, endpoint: null };

function transition(row: number, values: Partial<LinkTransition & JournalEntry> = {}): JournalEntry {
  return {
    row,
    session: null,
    type: 'transition',
    endpoint: 'trades',
    at: row * 10,
    from: 'live',
    to: 'waiting',
    kind: 'closed',
    message: 'The server goes away (1001).',
    serverWords: null,
    ...values,
  };
}

function outage(row: number, values: Partial<OutageReport & JournalEntry> = {}): JournalEntry {
  return {
    row,
    session: 1,
    type: 'outage',
    endpoint: 'candles',
    at: row * 10,
    from: 5,
    to: 9,
    state: 'recovered',
    cause: 'cut',
    recovered: 3,
    duplicates: 2,
    overlap: true,
    ...values,
  };
}

function minute(n: number, values: Partial<HealthMinute> = {}): HealthMinute {
  return {
    session: 1,
    endpoint: 'trades',
    at: n * MINUTE,
    messages: 7,
    bytes: 900,
    lagP50: 40.125,
    lagP95: 81,
    lagP99: -3.5,
    clockOffset: -500,
    roundTrip: 0.25,
    reconnects: 1,
    refused: 2,
    ...values,
  };
}

function refusal(values: Partial<RefusalCount> = {}): RefusalCount {
  const samples = [
    { at: 9, text: '{"price": -1}' },
    { at: 5, text: 'ünï' },
  ];
  return { endpoint: 'trades', reason: 'price', count: 2, first: 5, last: 9, samples, ...values };
}

const rowsOf = (entries: readonly JournalEntry[]): number[] => entries.map(({ row }) => row);

describe('the journal', () => {
  test('entries noted and entries of a commit come back as they were, in the order of their rows', async () => {
    const folder = temporaryFolder();
    const store = await open(folder);
    const before = transition(store.nextEntry(), { serverWords: 'wörds “of” it; 🪢' });
    await store.note([before]);
    const { id } = await store.beginSession(1);
    const later = transition(store.nextEntry(), { session: id, endpoint: 'candles' });
    const report = outage(store.nextEntry(), { session: id });
    const unknown = outage(store.nextEntry(), { session: id, duplicates: 0, overlap: false, state: 'lost' });
    await store.commit(commitOf(id, [], [], { journal: [report, unknown] }));
    await store.note([later]);
    const whole = { more: false, entries: [before, later, report, unknown] };
    expect(await store.journalPage(ALL, null, 10)).toEqual(whole);
    await store.close();
    const again = await open(folder);
    expect(await again.journalPage(ALL, null, 10)).toEqual(whole);
    expect(await allOf(again.journal(ALL))).toEqual(whole.entries);
    // A number is given out once, also across a restart.
    expect([again.nextEntry(), again.nextEntry()]).toEqual([unknown.row + 1, unknown.row + 2]);
  });

  test('pages go back by row, and hold what their filter asks for', async () => {
    const store = await open(temporaryFolder());
    await store.beginSession(1);
    await store.beginSession(2);
    const entries = Array.from({ length: 12 }, (_, n) =>
      transition(n + 1, {
        session: [null, 1, 2][n % 3] as number | null,
        endpoint: n % 2 === 0 ? 'trades' : 'candles',
      }),
    );
    await store.note(entries);
    const page = async (
      session: number | null,
      endpoint: Endpoint | null,
      before: number | null,
      limit: number,
    ): Promise<[number[], boolean]> => {
      const found = await store.journalPage({ session, endpoint }, before, limit);
      return [rowsOf(found.entries), found.more];
    };
    expect(await page(null, null, null, 5)).toEqual([[8, 9, 10, 11, 12], true]);
    expect(await page(null, null, 8, 5)).toEqual([[3, 4, 5, 6, 7], true]);
    expect(await page(null, null, 3, 2)).toEqual([[1, 2], false]);
    expect(await page(1, null, null, 3)).toEqual([[5, 8, 11], true]);
    expect(await page(1, null, 5, 3)).toEqual([[2], false]);
    expect(await page(null, 'candles', 12, 3)).toEqual([[6, 8, 10], true]);
    expect(await page(2, 'candles', null, 9)).toEqual([[6, 12], false]);
    expect(await page(9, null, null, 9)).toEqual([[], false]);
    const exported = async (session: number | null, endpoint: Endpoint | null): Promise<number[]> =>
      rowsOf(await allOf(store.journal({ session, endpoint })));
    expect(await exported(1, null)).toEqual([2, 5, 8, 11]);
    expect(await exported(2, 'candles')).toEqual([6, 12]);
    expect(await exported(null, 'trades')).toEqual([1, 3, 5, 7, 9, 11]);
    expect(await failureOf(exported(9, null))).toMatchObject({ kind: 'not-found' });
  });

  test('of a commit that fails nothing is kept, and it can be written again', async () => {
    const store = await open(temporaryFolder());
    await store.beginSession(1);
    const linked = { journal: [outage(1)], health: [minute(1)], refusals: [refusal()] };
    const broken = commitOf(1, [trade()], [], { markets: [], ...linked });
    expect(await failureOf(store.commit(broken))).toMatchObject({ kind: 'internal' });
    const held = async (): Promise<number[]> => [
      (await store.journalPage(ALL, null, 9)).entries.length,
      (await store.healthPage('trades', null, 9)).minutes.length,
      (await store.refusals(1)).length,
    ];
    expect(await held()).toEqual([0, 0, 0]);
    for (let time = 0; time < 2; time++) {
      await store.commit(commitOf(1, [trade()], [], linked));
      expect(await held()).toEqual([1, 1, 1]);
    }
    expect((await store.sessions())[0]?.trades).toBe(2);
  });

  test('keeps its newest 100,000 entries, and a long one is exported in pages', () => {
    const folder = temporaryFolder();
    makeFolder(folder);
    const writer = createWriter(openForWriting(folder, 0, () => undefined).database);
    const many = Array.from({ length: JOURNAL_ROWS + 5 }, (_, n) => transition(n + 1));
    writer.note(many.slice(0, 60_000));
    writer.note(many.slice(60_000));
    const database = openForReading(folder);
    if (database === null) throw new Error('no database');
    const { links } = createReader(database, () => true);
    if (links === null) throw new Error('no journal');
    expect(writer.lastEntry()).toBe(JOURNAL_ROWS + 5);
    expect(links.journalPage(ALL, 8, 9)).toMatchObject({ more: false, entries: [{ row: 6 }, { row: 7 }] });
    let range = links.rows('journal');
    const seen: number[] = [];
    for (let page = 0; range.after < range.last; page++) {
      const step = links.journal(range, ALL);
      expect(step.rows.length).toBeLessThanOrEqual(1_000);
      seen.push(...rowsOf(step.rows));
      range = { ...range, after: step.after };
      if (page > 1_000) throw new Error('it does not end');
    }
    expect([seen.length, seen[0], seen.at(-1)]).toEqual([JOURNAL_ROWS, 6, JOURNAL_ROWS + 5]);
    database.close();
  });

  test('a disk that is full costs the entries alone, and later ones are stored', () => {
    const folder = temporaryFolder();
    makeFolder(folder);
    const database = openForWriting(folder, 0, () => undefined).database;
    const writer = createWriter(database);
    const pages = Number(database.pragma('page_count', { simple: true }));
    database.pragma(`max_page_count = ${pages}`);
    const many = Array.from({ length: 2_000 }, (_, n) => transition(n + 1));
    expect(() => writer.note(many)).toThrow(/full/);
    expect(writer.lastEntry()).toBe(0);
    database.pragma('max_page_count = 1000000');
    writer.note(many.slice(0, 2));
    expect(writer.lastEntry()).toBe(2);
  });
});

describe('health', () => {
  test('minutes come back as they were, by endpoint, across sessions, in pages', async () => {
    const store = await open(temporaryFolder());
    const none = { lagP50: null, lagP95: null, lagP99: null, clockOffset: null, roundTrip: null };
    const first = [minute(1), minute(2, none), minute(2, { endpoint: 'candles' }), minute(3)];
    const second = [minute(3, { session: 2, messages: 8 }), minute(5, { session: 2 })];
    await store.beginSession(1);
    await store.commit(commitOf(1, [], [], { health: first }));
    await store.beginSession(2);
    await store.commit(commitOf(2, [], [], { health: second }));
    const trades = [minute(1), minute(2, none), minute(3), ...second];
    expect(await store.healthPage('trades', null, 9)).toEqual({ more: false, minutes: trades });
    expect(await store.healthPage('candles', null, 9)).toEqual({ more: false, minutes: [first[2]] });
    // The two recordings of one minute stay together.
    expect(await store.healthPage('trades', null, 2)).toEqual({ more: true, minutes: trades.slice(4) });
    expect(await store.healthPage('trades', 5 * MINUTE, 2)).toEqual({
      more: true,
      minutes: trades.slice(2, 4),
    });
    expect(await store.healthPage('trades', 3 * MINUTE, 2)).toEqual({
      more: false,
      minutes: trades.slice(0, 2),
    });
    expect(await allOf(store.health(null))).toEqual([...first, ...second]);
    expect(await allOf(store.health(2))).toEqual(second);
    expect(await failureOf(allOf(store.health(3)))).toMatchObject({ kind: 'not-found' });
  });

  test('numbers are stored as whole numbers', async () => {
    const folder = temporaryFolder();
    const store = await open(folder);
    await store.beginSession(1);
    await store.commit(commitOf(1, [], [], { health: [minute(1)], journal: [outage(1)] }));
    await store.close();
    const database = new Database(join(folder, 'quipu.db'), { readonly: true });
    const types = database
      .prepare(
        `SELECT DISTINCT typeof(value) FROM (SELECT lag_p50 AS value FROM health
           UNION ALL SELECT round_trip FROM health UNION ALL SELECT at FROM journal
           UNION ALL SELECT start FROM journal)`,
      )
      .pluck()
      .all();
    database.close();
    expect(types).toEqual(['integer']);
  });
});

describe('refusals', () => {
  test('a newer count of a reason replaces the older; sessions, endpoints and reasons are apart', async () => {
    const store = await open(temporaryFolder());
    await store.beginSession(1);
    const json = refusal({ reason: 'json', count: 1 });
    const other = refusal({ endpoint: 'candles', count: 5, samples: [] });
    await store.commit(commitOf(1, [], [], { refusals: [refusal(), other, json] }));
    const grown = refusal({ count: 40, last: 90, samples: [{ at: 90, text: 'newest' }] });
    await store.commit(commitOf(1, [], [], { refusals: [grown] }));
    await store.beginSession(2);
    expect(await store.refusals(1)).toEqual([grown, other, json]);
    expect(await store.refusals(2)).toEqual([]);
    expect(await failureOf(store.refusals(3))).toMatchObject({ kind: 'not-found' });
  });
});

test('a commit tells how many candles the session did not have before', async () => {
  const store = await open(temporaryFolder());
  await store.beginSession(1);
  const [a, b] = [candle({ start: 0 }), candle({ start: 60_000_000 })];
  const counts: number[] = [];
  for (const candles of [[a], [a, b], [], [b, a], [candle({ start: 0, granularity: '1h' })]])
    counts.push((await store.commit(commitOf(1, [], candles))).candles);
  expect(counts).toEqual([1, 1, 0, 0, 1]);
  expect((await store.sessions())[0]?.candles).toBe(3);
});

describe('a cache that has no journal', () => {
  const nothing = async (store: Store): Promise<void> => {
    expect(await store.journalPage(ALL, null, 9)).toEqual({ more: false, entries: [] });
    expect(await store.healthPage('trades', null, 9)).toEqual({ more: false, minutes: [] });
    expect(await allOf(store.journal(ALL))).toEqual([]);
    expect(await allOf(store.health(null))).toEqual([]);
  };

  test('of before: read as an empty one, and given it when it is recorded into', async () => {
    const folder = temporaryFolder();
    const store = await open(folder);
    await store.beginSession(1);
    await store.commit(commitOf(1, [trade()], [], { coverage: { until: 5_000, lines: [] } }));
    await store.endSession(1, 2);
    await store.close();
    makeOld(folder, 2);

    const reading = await open(folder, { readOnly: true });
    await nothing(reading);
    expect(await reading.refusals(1)).toEqual([]);
    expect(await failureOf(reading.refusals(2))).toMatchObject({ kind: 'not-found' });
    expect(await failureOf(allOf(reading.journal({ session: 2, endpoint: null })))).toMatchObject({
      kind: 'not-found',
    });
    await reading.close();

    const writing = await open(folder);
    expect(await allOf(writing.exportTrades({ session: 1, market: null }))).toEqual([trade()]);
    await nothing(writing);
    await writing.note([transition(writing.nextEntry())]);
    expect(rowsOf((await writing.journalPage(ALL, null, 9)).entries)).toEqual([1]);
  });

  test('a folder without one, and a store for reading only', async () => {
    const store = await open(temporaryFolder(), { readOnly: true });
    await nothing(store);
    expect(await failureOf(store.refusals(1))).toMatchObject({ kind: 'not-found' });
    expect(await failureOf(store.note([transition(1)]))).toMatchObject({ kind: 'storage' });
    expect(await failureOf(() => store.nextEntry())).toMatchObject({ kind: 'storage' });
  });
});
