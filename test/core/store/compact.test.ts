/** Compaction: smaller, and the same; refused where it would not be safe; nothing lost wherever it is killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { checkStore } from '../../../main/core/store/check.ts';
import { compact } from '../../../main/core/store/compact.ts';
import { openForReading } from '../../../main/core/store/database.ts';
import { SCHEMA_VERSION } from '../../../main/core/store/schema.ts';
import { readStats } from '../../../main/core/store/stats.ts';
import type { StoreProgress } from '../../../main/core/store/store.ts';
import { upkeep } from '../../../main/core/store/upkeep.ts';
import { makeOld } from './old.ts';
import { allOf, commitOf, failureOf, open, temporaryFolder, variedTrades } from './support.ts';
import { databaseIn, givenOf, writeWhole } from './whole.ts';

const TRADES = 60_000;

/** A store half of which was deleted, and which has segments. */
async function recorded(): Promise<string> {
  const folder = temporaryFolder();
  const store = await open(folder);
  const { id } = await store.beginSession(1_000);
  for (let first = 0; first < TRADES; first += 5_000)
    await store.commit(commitOf(id, variedTrades(5_000, first)));
  await store.close();
  const database = new Database(databaseIn(folder));
  database.exec(
    'CREATE TABLE room (bytes BLOB); INSERT INTO room VALUES (zeroblob(3000000)); DROP TABLE room',
  );
  database.close();
  return folder;
}

async function idsOf(folder: string): Promise<number[]> {
  const store = await open(folder, { readOnly: true });
  const ids = (await allOf(store.exportTrades({ session: 1, market: null }))).map(({ id }) => Number(id));
  await store.close();
  return ids;
}

const ALL = Array.from({ length: TRADES }, (_, n) => n);

test('all is sealed, room is given back, and what is read is the same', async () => {
  const folder = await recorded();
  expect(readStats(folder)?.trades.segments.trades).toBeGreaterThan(0);
  const told: StoreProgress[] = [];
  const { before, after } = compact(folder, (progress) => told.push(progress));
  expect(after).toBeLessThan(before - 2_500_000);
  expect(new Set(told.map(({ task }) => task))).toEqual(new Set(['sealing', 'compacting']));
  expect(told.at(-1)).toEqual({ task: 'compacting', share: 1 });
  expect(readStats(folder)).toMatchObject({
    files: { database: after, log: 0 },
    pages: { free: 0 },
    trades: { total: TRADES, segments: { count: 0 }, rows: 0 },
  });
  expect(checkStore(folder, () => undefined)?.faults).toEqual([]);
  expect(await idsOf(folder)).toEqual(ALL);
  const database = new Database(databaseIn(folder));
  expect(database.pragma('auto_vacuum', { simple: true })).toBe(2);
  database.close();
  // And it is recorded into again.
  const store = await open(folder);
  const { id } = await store.beginSession(5_000);
  await store.commit(commitOf(id, variedTrades(10)));
  await store.close();
  expect(checkStore(folder, () => undefined)?.faults).toEqual([]);
});

test('of every table', () => {
  const folder = temporaryFolder();
  writeWhole(folder);
  const given = givenOf(folder);
  compact(folder, () => undefined);
  const now = givenOf(folder);
  expect(now.others).toBe(given.others);
  // What is drawn is of floats, which are added up in another order now.
  const exact = ({ trades }: { readonly trades: string }): unknown[] => {
    const [rows, , counted] = JSON.parse(trades) as unknown[];
    return [rows, counted];
  };
  expect(exact(now)).toEqual(exact(given));
});

test('of a store of an earlier version, which is copied before', async () => {
  const folder = await recorded();
  makeOld(folder, 3);
  compact(folder, () => undefined);
  expect(readStats(folder)).toMatchObject({
    version: SCHEMA_VERSION,
    trades: { rows: 0, chunks: { trades: TRADES } },
  });
  expect(readStats(folder)?.copies.length).toBe(1);
  expect(await idsOf(folder)).toEqual(ALL);
});

test('is refused while Quipu records, while another reads, without room, of a damaged store and of none', async () => {
  const folder = await recorded();
  const refusal = (free?: () => number): Promise<unknown> =>
    failureOf(() => compact(folder, () => undefined, free));
  const bytes = readFileSync(databaseIn(folder));

  const store = await open(folder);
  expect(await refusal()).toMatchObject({
    kind: 'storage',
    message: expect.stringMatching(/^Quipu is recording/) as unknown,
    action: expect.stringMatching(/^Close it/) as unknown,
  });
  await store.close();

  const poor = await failureOf(() =>
    compact(
      folder,
      () => undefined,
      () => 1_000,
    ),
  );
  expect(poor).toMatchObject({ kind: 'storage' });
  expect(poor.message).toMatch(/takes \d+ MB of room.* has 1 MB/);
  expect(poor.action).toMatch(/^Free \d+ MB/);
  expect(await idsOf(folder)).toEqual(ALL);

  writeFileSync(databaseIn(folder), bytes.subarray(0, 50_000));
  expect(await refusal()).toMatchObject({
    kind: 'storage',
    message: expect.stringMatching(/damaged|cut short/) as unknown,
  });
  expect(readdirSync(folder).filter((name) => name.startsWith('damaged-'))).toEqual([]);
  expect(await failureOf(() => compact(temporaryFolder(), () => undefined))).toMatchObject({
    kind: 'not-found',
  });
});

test(
  'is refused while a reader holds the file open, which goes on reading',
  { timeout: 60_000 },
  async () => {
    const folder = await recorded();
    // In the mode with a log, as a recorder that was killed leaves it.
    const killed = new Database(databaseIn(folder));
    killed.pragma('journal_mode = WAL');
    killed.exec('UPDATE sessions SET started = 999');
    const reader = openForReading(folder);
    const count = reader?.prepare('SELECT count(*) FROM sessions').pluck();
    expect(count?.get()).toBe(1);
    expect(await failureOf(() => compact(folder, () => undefined))).toMatchObject({
      kind: 'storage',
      message: expect.stringMatching(/^Another program has/) as unknown,
    });
    expect(count?.get()).toBe(1);
    reader?.close();
    killed.close();
    expect(await idsOf(folder)).toEqual(ALL);
    compact(folder, () => undefined);
    expect(await idsOf(folder)).toEqual(ALL);
  },
);

test('killed at any moment, the store is as it was', { timeout: 120_000 }, async () => {
  const folder = await recorded();
  const leftovers = new Set<boolean>();
  for (let round = 0; round < 14; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'compact-child.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    // The first rounds while it seals, the later ones while it writes the file or gives it its name.
    await new Promise((done) => setTimeout(done, round * 13));
    child.kill('SIGKILL');
    await once(child, 'exit');
    leftovers.add(existsSync(join(folder, 'quipu.db.compact')));
    expect(checkStore(folder, () => undefined)).toMatchObject({ faults: [], checked: { trades: TRADES } });
  }
  expect(await idsOf(folder)).toEqual(ALL);
  // What was left of one is taken away at the next start.
  writeFileSync(join(folder, 'quipu.db.compact'), 'a part');
  await (await open(folder)).close();
  expect(existsSync(join(folder, 'quipu.db.compact'))).toBe(false);
  expect(await idsOf(folder)).toEqual(ALL);
});

test('as a thread of its own, with what it does told', async () => {
  const folder = await recorded();
  const script = new URL('../../../main/core/store/upkeep-worker.ts', import.meta.url);
  const told: StoreProgress[] = [];
  const tell = (progress: StoreProgress): void => void told.push(progress);
  expect(await upkeep('check', folder, script, tell)).toMatchObject({ faults: [] });
  const { after, before } = await upkeep('compact', folder, script, tell);
  expect(after).toBeLessThan(before);
  expect(new Set(told.map(({ task }) => task))).toEqual(new Set(['checking', 'sealing', 'compacting']));
  const notice = await upkeep('salvage', folder, script, tell);
  expect(notice.message).toContain(`${TRADES} trades`);
  expect(await upkeep('check', folder, script, tell)).toMatchObject({
    faults: [],
    checked: { trades: TRADES },
  });
  const none = temporaryFolder();
  expect(await upkeep('check', none, script, tell)).toBeNull();
  expect(await failureOf(upkeep('compact', none, script, tell))).toMatchObject({ kind: 'not-found' });
  expect(await failureOf(upkeep('salvage', none, script, tell))).toMatchObject({ kind: 'not-found' });
});
