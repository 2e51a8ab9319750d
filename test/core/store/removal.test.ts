/** Sessions that are named, noted, pinned, deleted, restored and purged. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Endpoint, HealthMinute, JournalEntry, RefusalCount } from '../../../main/core/contract.ts';
import { ENDPOINTS, floatsOf } from '../../../main/core/contract.ts';
import { openForWriting } from '../../../main/core/store/database.ts';
import { UNDO_MS } from '../../../main/core/store/marks.ts';
import { preparePurge } from '../../../main/core/store/purge.ts';
import { SCHEMA_VERSION } from '../../../main/core/store/schema.ts';
import type { Commit, Store } from '../../../main/core/store/store.ts';
import { createWriter, type Writer } from '../../../main/core/store/writer.ts';
import { makeOld } from './old.ts';
import { allOf, candle, commitOf, failureOf, open, temporaryFolder, trade } from './support.ts';

/** When session n begins, ms; each lasts 50 s and covers all of it. */
const startOf = (session: number): number => 1_705_300_000_000 + session * 60_000;
const DAY_END = startOf(9);
const MARKETS = ['shared', 'own-1', 'own-2', 'own-3'];
const SESSIONS = [1, 2, 3];
const SIZES = { chunkTrades: 4, portionTrades: 6, portionRows: 5 };

/** All kinds of rows, a part of them in a market that the other sessions have too. */
function commitsOf(session: number): Commit[] {
  const start = startOf(session) * 1000;
  const markets = ['shared', `own-${session}`];
  return [0, 1, 2].map((part) => {
    const at = start + part * 15_000_000;
    const trades = Array.from({ length: 9 }, (_, n) =>
      trade({
        market: markets[n % 2] ?? '',
        id: `${session}-${part}-${n}`,
        // Those of one session reach into the time of the next.
        exchangeTime: at + n * 7_000_000,
        receiptTime: at + n * 1_000,
        price: `${session}${part}.${n + 1}`,
      }),
    );
    const row = session * 10 + part;
    const shared = { session, endpoint: (['trades', 'candles'] as const)[part % 2] ?? 'trades' };
    const entry: JournalEntry = {
      ...{ ...shared, row, type: 'outage', at: at / 1000, from: at / 1000, to: at / 1000 + 5 },
      ...{ state: 'recovered', cause: `cut ${session}`, recovered: 1, duplicates: 1, overlap: true },
    };
    const minute: HealthMinute = {
      ...{ ...shared, at: Math.floor(at / 60_000_000) * 60_000, messages: session, bytes: 9, reconnects: 0 },
      ...{ lagP50: 1, lagP95: 2, lagP99: 3, clockOffset: null, roundTrip: null, refused: 0 },
    };
    const refusal: RefusalCount = {
      ...{ endpoint: shared.endpoint, reason: `reason ${session}`, count: part + 1 },
      ...{ first: at / 1000, last: at / 1000, samples: [{ at: at / 1000, text: `${session}` }] },
    };
    return commitOf(
      session,
      trades,
      markets.flatMap((market) => [
        // The same period in all sessions, of which the last is the best.
        candle({ market, trades: 500 + session, close: `${session}`, receiptTime: at }),
        candle({ market, start: Math.floor(at / 60_000_000) * 60_000_000, receiptTime: at }),
        candle({ market, granularity: '1h', close: `${session}`, receiptTime: at }),
      ]),
      {
        gaps: [
          {
            ...{ session, endpoint: shared.endpoint, from: at / 1000, to: at / 1000 + 9 },
            ...{ state: 'lost', cause: `cut ${session}`, recovered: 0, duplicates: 0 },
          },
        ],
        coverage: {
          until: start + 50_000_000,
          lines: markets.flatMap((market) =>
            ENDPOINTS.map((endpoint) => ({
              ...{ market, endpoint, from: at },
              starts: [
                { from: at, state: 'live' as const, cause: '' },
                { from: at + 4_000_000, state: 'lost' as const, cause: `cut ${session}` },
                { from: at + 6_000_000, state: 'live' as const, cause: '' },
              ],
            })),
          ),
        },
        journal: [entry],
        health: [minute],
        refusals: [refusal],
      },
    );
  });
}

/** What changes the store, is of this opening of it, or tells of its room, which a removed session takes still. */
type Others =
  | ('beginSession' | 'commit' | 'note' | 'endSession' | 'nextEntry' | 'writeSetting' | 'close')
  | ('retention' | 'retentionPreview' | 'setRetention' | 'isRetaining')
  | ('editSession' | 'removeSession' | 'restoreSession');
type Reading = Exclude<keyof Store, Others>;

async function outcome(run: Promise<unknown>): Promise<unknown> {
  try {
    return await run;
  } catch (error) {
    return await failureOf(() => {
      throw error;
    });
  }
}

/** What every reading method tells, asked in every way; one without an entry does not compile. */
async function walk(store: Store, now = DAY_END): Promise<Record<Reading, unknown[]>> {
  const each = <T>(list: readonly T[], read: (item: T) => Promise<unknown>): Promise<unknown[]> =>
    Promise.all(list.map((item) => outcome(read(item))));
  const options = SESSIONS.flatMap((session) => [null, ...MARKETS].map((market) => ({ session, market })));
  const [from, to] = [startOf(0) * 1000, DAY_END * 1000];
  const lines = MARKETS.flatMap((market) =>
    ENDPOINTS.map((endpoint): [string, Endpoint] => [market, endpoint]),
  );
  const { trades, candles } = await store.state();
  const reads: { readonly [N in Reading]: () => Promise<unknown[]> } = {
    sessions: async () => [await store.sessions()],
    removedSessions: async () => [await store.removedSessions(now)],
    receivedSince: async () => [await store.receivedSince(0)],
    newestReceived: async () => [await store.newestReceived(100_000)],
    candlePage: () =>
      each(
        MARKETS.flatMap((market) => (['1m', '1h'] as const).map((granularity) => ({ market, granularity }))),
        (chart) => store.candlePage(chart, null, 100),
      ),
    tradePage: () =>
      each(
        MARKETS.flatMap((market) => [1, 5, 1_000].map((limit) => ({ market, limit }))),
        ({ market, limit }) => store.tradePage(market, null, limit),
      ),
    buckets: () =>
      each(
        MARKETS.flatMap((market) =>
          [null, ...SESSIONS].flatMap((session) => [3, 500].map((limit) => ({ market, session, limit }))),
        ),
        async (query) => {
          const { bytes, ...page } = await store.buckets({ ...query, from, to });
          // To the digits of a float32: sums are added up in another order once trades are sealed.
          return { ...page, floats: floatsOf(bytes).map(Math.fround) };
        },
      ),
    exportTrades: () => each(options, (option) => allOf(store.exportTrades(option))),
    exportCandles: () =>
      each(options, (option) => allOf(store.exportCandles({ ...option, granularity: null }))),
    coverage: () => each(options, (option) => allOf(store.coverage(option))),
    journalPage: () =>
      each(
        [null, ...SESSIONS].flatMap((session) =>
          [null, ...ENDPOINTS].map((endpoint) => ({ session, endpoint })),
        ),
        (filter) => store.journalPage(filter, null, 100),
      ),
    healthPage: () => each(ENDPOINTS, (endpoint) => store.healthPage(endpoint, null, 100)),
    refusals: () => each(SESSIONS, (session) => store.refusals(session)),
    journal: () => each([null, ...SESSIONS], (session) => allOf(store.journal({ session, endpoint: null }))),
    health: () => each([null, ...SESSIONS], (session) => allOf(store.health(session))),
    coveragePage: () =>
      each(lines, ([market, endpoint]) => store.coveragePage(market, endpoint, from, to, to)),
    coverageRecent: async () => [await store.coverageRecent(MARKETS, from, to)],
    coverageDay: async () => [await store.coverageDay(MARKETS, to)],
    sessionCord: () => each(SESSIONS, (session) => store.sessionCord(session, 20)),
    sessionLines: () => each(SESSIONS, (session) => store.sessionLines(session, MARKETS, 20)),
    readSetting: async () => [await store.readSetting('watchlist')],
    state: () => Promise.resolve([trades, candles]),
  };
  const told = await Promise.all(
    Object.entries(reads).map(async ([name, read]) => [name, await read()] as const),
  );
  return Object.fromEntries(told) as Record<Reading, unknown[]>;
}

interface Both {
  readonly folder: string;
  database: Database.Database;
  writer: Writer;
}

function openBoth(folder: string): Both {
  const { database } = openForWriting(folder, 0, () => undefined);
  // There is no power loss in these tests, and many commits.
  database.pragma('synchronous = OFF');
  const writer = createWriter(database, SIZES);
  writer.recover();
  return { folder, database, writer };
}

function sealAll(writer: Writer): void {
  writer.sealer.finish();
  while (writer.sealer.due !== 'no') writer.sealer.seal();
}

/** @param lies where its trades are */
function filled(sessions: readonly number[], lies: 'segments' | 'chunks' | 'rows'): Both {
  const both = openBoth(temporaryFolder());
  both.writer.writeSetting('watchlist', '["shared"]');
  for (const session of SESSIONS) {
    expect(both.writer.beginSession(startOf(session)).id).toBe(session);
    if (sessions.includes(session)) {
      for (const commit of commitsOf(session)) {
        both.writer.commit(commit);
        if (lies === 'chunks') sealAll(both.writer);
      }
    }
    both.writer.endSession(session, startOf(session) + 50_000);
    if (!sessions.includes(session)) both.database.exec(`DELETE FROM sessions WHERE id = ${session}`);
  }
  if (lies !== 'rows') return both;
  both.database.close();
  makeOld(both.folder, 3);
  return openBoth(both.folder);
}

/** Every row of every table that is not of this session, and how many there are of it. */
function dump(database: Database.Database, session: number): { others: unknown; own: number } {
  const tables = database
    .prepare<[], string>(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)
    .pluck()
    .all();
  let own = 0;
  const others = tables.map((table) => {
    const rows = database.prepare<[], Record<string, unknown>>(`SELECT * FROM ${table}`).all();
    const column = table === 'sessions' ? 'id' : 'session';
    own += rows.filter((row) => row[column] === session).length;
    return [table, rows.filter((row) => row[column] !== session)];
  });
  return { others, own };
}

const exceptions = { newestReceived: null, receivedSince: null, removedSessions: null };

describe.each(['segments', 'chunks', 'rows'] as const)('of a session whose trades lie in %s', (lies) => {
  test('nothing is read once it is removed, and the same as before once it is restored', async () => {
    const both = filled(SESSIONS, lies);
    const without = filled([1, 3], lies);
    const store = await open(both.folder, { readOnly: true });
    const control = await walk(await open(without.folder, { readOnly: true }));
    const before = await walk(store);
    for (const name of Object.keys(before) as Reading[]) {
      // The session is in the answers of each method, so that its absence says something.
      const isElsewhere = ['readSetting', 'removedSessions'].includes(name);
      if (!isElsewhere) expect(before[name], name).not.toEqual(control[name]);
    }
    const { session, undoUntil } = both.writer.removeSession(2, DAY_END);
    expect(undoUntil).toBe(DAY_END + UNDO_MS);
    const after = await walk(store);
    expect({ ...after, ...exceptions }).toEqual({ ...control, ...exceptions });
    expect(after.removedSessions).toEqual([[{ session, undoUntil }]]);
    expect(after.receivedSince).toEqual(before.receivedSince);
    expect(after.newestReceived).toEqual(before.newestReceived);
    // What is recorded and sealed meanwhile does not change that.
    sealAll(both.writer);
    expect({ ...(await walk(store)), ...exceptions }).toEqual({ ...control, ...exceptions });
    expect(both.writer.restoreSession(2, undoUntil - 1)).toEqual(session);
    expect(await walk(store)).toEqual(before);
    both.database.close();
    without.database.close();
  });

  test('each portion of the purge leaves the others as they are, through kills, until nothing is left', async () => {
    const both = filled(SESSIONS, lies);
    const without = filled([1, 3], lies);
    const store = await open(both.folder, { readOnly: true });
    const control = await walk(await open(without.folder, { readOnly: true }));
    without.database.close();
    const { undoUntil } = both.writer.removeSession(2, DAY_END);
    both.writer.purge.purge(undoUntil - 1);
    expect(both.writer.purge.dueIn(undoUntil - 1)).toBe(1);
    const { others, own } = dump(both.database, 2);
    expect(own).toBeGreaterThan(50);
    let left = own;
    let portions = 0;
    for (;;) {
      const more = preparePurge(both.database, 12).purgePortion(2);
      portions++;
      const now = dump(both.database, 2);
      expect(now.others).toEqual(others);
      expect(now.own).toBeLessThan(left);
      left = now.own;
      if (portions % 4 === 0 || !more) {
        const told = await walk(store);
        const unlike = more ? { newestReceived: null, receivedSince: null } : {};
        expect({ ...told, ...unlike }).toEqual({ ...control, ...unlike });
      }
      if (!more) break;
      // However the clock is set, what has begun is not undone.
      expect(() => both.writer.restoreSession(2, DAY_END)).toThrow(/no deleted session 2/);
      if (portions % 3 === 0) {
        both.database.close();
        Object.assign(both, openBoth(both.folder));
        expect(both.writer.purge.dueIn(DAY_END)).toBe(0);
      }
    }
    expect(left).toBe(0);
    expect(portions).toBeGreaterThan(5);
    expect(both.writer.purge.dueIn(undoUntil)).toBeNull();
    // Its number is not given out again, and what comes next is read as ever.
    expect(both.writer.beginSession(DAY_END).id).toBe(4);
    both.writer.commit(commitOf(4, [trade({ market: 'shared', id: 'next' })]));
    const [exported] = await allOf(store.exportTrades({ session: 4, market: null }));
    expect(exported?.id).toBe('next');
    both.database.close();
  });
});

describe('a session', () => {
  let both: Both;
  beforeEach(() => {
    both = filled(SESSIONS, 'segments');
    return () => both.database.close();
  });

  test('has the name, the note and the pin that it was given last, each for itself', () => {
    const { writer } = both;
    expect(writer.editSession(2, { name: 'Launch day' })).toMatchObject({ name: 'Launch day', note: null });
    expect(writer.editSession(2, { note: 'Two\nlines', pinned: true })).toMatchObject({
      name: 'Launch day',
      note: 'Two\nlines',
      pinned: true,
    });
    expect(writer.editSession(2, { name: null })).toMatchObject({
      name: null,
      note: 'Two\nlines',
      pinned: true,
    });
    writer.beginSession(DAY_END);
    expect(writer.editSession(4, { name: 'now' })).toMatchObject({ state: 'recording', name: 'now' });
    expect(writer.endSession(4, DAY_END + 1)).toMatchObject({ state: 'ended', name: 'now' });
  });

  test('that is recorded, pinned, deleted or unknown is not deleted, and it is said why', async () => {
    const { writer } = both;
    writer.beginSession(DAY_END);
    expect(await failureOf(() => writer.removeSession(4, DAY_END))).toEqual({
      kind: 'busy',
      message: 'Session 4 is being recorded.',
      action: 'Stop the recording first, then delete it.',
    });
    expect(() => writer.purge.purgePortion(4)).toThrow(/being recorded/);
    writer.editSession(1, { pinned: true });
    expect(await failureOf(() => writer.removeSession(1, DAY_END))).toEqual({
      kind: 'busy',
      message: 'Session 1 is pinned.',
      action: 'Unpin it first, then delete it.',
    });
    writer.removeSession(2, DAY_END);
    const deleted = { kind: 'not-found', message: 'Session 2 is deleted.' };
    expect(await failureOf(() => writer.removeSession(2, DAY_END))).toMatchObject(deleted);
    expect(await failureOf(() => writer.editSession(2, { name: 'x' }))).toMatchObject(deleted);
    for (const run of [() => writer.removeSession(99, 1), () => writer.editSession(99, { name: 'x' })]) {
      expect(await failureOf(run)).toMatchObject({ kind: 'not-found', message: 'There is no session 99.' });
    }
  });

  test('is restored for ten minutes, after a restart too, and then no more', async () => {
    both.writer.editSession(2, { name: 'Launch day' });
    const { session } = both.writer.removeSession(2, DAY_END);
    both.database.close();
    both = openBoth(both.folder);
    expect(UNDO_MS).toBe(600_000);
    const gone = { kind: 'not-found', message: 'There is no deleted session 2 that can be restored.' };
    expect(await failureOf(() => both.writer.restoreSession(2, DAY_END + UNDO_MS))).toMatchObject(gone);
    expect(both.writer.restoreSession(2, DAY_END + UNDO_MS - 1)).toEqual(session);
    expect(await failureOf(() => both.writer.restoreSession(2, DAY_END))).toMatchObject({
      kind: 'not-found',
      message: 'Session 2 is not deleted.',
    });
    expect(await failureOf(() => both.writer.restoreSession(99, DAY_END))).toMatchObject({
      kind: 'not-found',
    });
    expect(session).toMatchObject({ id: 2, name: 'Launch day' });
  });
});

test('an export that is under way fails when its session is removed, and does not end as if it were whole', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  const { id } = await store.beginSession(1);
  const rows = Array.from({ length: 5_000 }, (_, n) => trade({ id: `${n}` }));
  await store.commit(commitOf(id, rows));
  await store.endSession(id, 2);
  const pages = store.exportTrades({ session: id, market: null })[Symbol.asyncIterator]();
  expect((await pages.next()).done).toBe(false);
  await store.removeSession(id, Date.now());
  expect(await failureOf(pages.next())).toMatchObject({ kind: 'not-found' });
  expect(await failureOf(allOf(store.exportTrades({ session: id, market: null })))).toMatchObject({
    kind: 'not-found',
  });
});

test('the writer’s thread purges what can be restored no more, also while it records, and at the next start', async () => {
  const folder = temporaryFolder();
  const left = (): number => {
    const database = new Database(join(folder, 'quipu.db'), { readonly: true });
    const rows = dump(database, 1).own;
    database.close();
    return rows;
  };
  const first = await open(folder);
  await first.beginSession(1);
  await first.commit(commitOf(1, [trade()], [candle()]));
  await first.beginSession(2);
  await first.commit(commitOf(2, [trade({ id: 'kept' })]));
  await first.removeSession(1, Date.now());
  await first.close();
  expect(left()).toBeGreaterThan(0);
  // As if ten minutes had passed meanwhile.
  const database = new Database(join(folder, 'quipu.db'));
  database.exec(`UPDATE sessions SET removed = removed - ${UNDO_MS} WHERE id = 1`);
  database.close();
  const second = await open(folder);
  await expect.poll(left).toBe(0);
  await second.beginSession(3);
  await second.commit(commitOf(3, [trade({ id: 'newest' })]));
  await second.removeSession(2, Date.now() - UNDO_MS);
  await expect.poll(async () => (await second.receivedSince(0)).map(({ id }) => id)).toEqual(['newest']);
});

test('a cache that is older than the names is read as one without, and given them when it is written', async () => {
  const both = filled(SESSIONS, 'rows');
  both.database.close();
  makeOld(both.folder, 3);
  const store = await open(both.folder, { readOnly: true });
  const [before] = (await walk(store)).sessions as { name: null; note: null; pinned: false }[][];
  expect(before).toHaveLength(3);
  for (const each of before ?? []) expect(each).toMatchObject({ name: null, note: null, pinned: false });
  expect(await store.removedSessions(DAY_END)).toEqual([]);
  await store.close();
  const again = openBoth(both.folder);
  expect(again.database.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
  expect(again.writer.editSession(1, { name: 'x' }).name).toBe('x');
  again.database.close();
});
