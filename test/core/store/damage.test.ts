/** faults.md, rows 12 and 13: a database that is damaged, empty or gone, and what becomes of the recording. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { BUCKET_FIELDS, floatsOf } from '../../../main/core/contract.ts';
import type { AppError } from '../../../main/core/result.ts';
import type { StoreProgress } from '../../../main/core/store/store.ts';
import { checkStore } from '../../../main/core/store/check.ts';
import { CHUNK_TRADES } from '../../../main/core/store/chunk.ts';
import { replace } from '../../../main/core/store/database.ts';
import { openStore } from '../../../main/core/store/open.ts';
import { createWriter } from '../../../main/core/store/writer.ts';
import { makeOld } from './old.ts';
import { databaseIn, writeWhole } from './whole.ts';
import {
  allOf,
  commitOf,
  failureOf,
  open,
  temporaryFolder,
  trade,
  variedTrades,
  workerScript,
} from './support.ts';

const TRADES = 30_000;
const COMMIT = 1_000;

/** A folder with a session of `TRADES` trades, whose ids are their numbers, that nobody has open. */
async function recorded(): Promise<{ folder: string; path: string }> {
  const folder = temporaryFolder();
  const store = await open(folder);
  const { id } = await store.beginSession(1_000);
  for (let first = 0; first < TRADES; first += COMMIT) {
    await store.commit(commitOf(id, variedTrades(COMMIT, first)));
  }
  await store.writeSetting('watchlist', '["a"]');
  await store.endSession(id, 2_000);
  await store.close();
  return { folder, path: join(folder, 'quipu.db') };
}

/** Names and content of the subfolder that holds what was put aside. */
function aside(folder: string): Map<string, Buffer> {
  const [name = '', ...others] = readdirSync(folder).filter((each) => each.startsWith('damaged-'));
  expect(others).toEqual([]);
  const path = join(folder, name);
  return new Map(readdirSync(path).map((each) => [each, readFileSync(join(path, each))]));
}

const idsOf = async (store: Awaited<ReturnType<typeof open>>, session: number): Promise<number[]> =>
  (await allOf(store.exportTrades({ session, market: null }))).map(({ id }) => Number(id));

describe('row 12: a damaged database is put aside whole, what can be read is kept, recording goes on', () => {
  const cases: readonly [string, (path: string) => void, 'some' | 'none'][] = [
    ['garbage', (path) => writeFileSync(path, 'this is no database\n'.repeat(1_000)), 'none'],
    ['cut short', (path) => truncateSync(path, Math.floor(readFileSync(path).length / 5120) * 4096), 'some'],
    ['cut within a page', (path) => truncateSync(path, readFileSync(path).length - 1_000), 'some'],
    ['empty', (path) => truncateSync(path, 0), 'none'],
    ['without its first page', (path) => writeFileSync(path, readFileSync(path).fill(0, 0, 4_096)), 'none'],
  ];
  test.each(cases)('%s', async (_, spoil, kept) => {
    const { folder, path } = await recorded();
    spoil(path);
    const before = readFileSync(path);
    const refused = await failureOf(openStore({ folder, workerScript, readOnly: true }));
    expect(refused).toMatchObject({ kind: 'storage' });
    expect(readFileSync(path).equals(before)).toBe(true);

    const notices: AppError[] = [];
    const store = await open(folder, { notice: (notice) => notices.push(notice) });
    expect(notices.map(({ kind }) => kind)).toEqual(['storage']);
    expect(notices[0]?.message).toContain('damaged-');
    expect(notices[0]?.action).toBeTruthy();
    expect(aside(folder).get('quipu.db')?.equals(before)).toBe(true);
    const sessions = await store.sessions();
    if (kept === 'some') {
      const ids = await idsOf(store, 1);
      expect(ids.length).toBeGreaterThan(0);
      expect(ids).toEqual([...new Set(ids)]);
      expect(notices[0]?.message).toContain(`${ids.length} trades`);
    } else {
      expect(sessions).toEqual([]);
    }
    const { id } = await store.beginSession(3_000);
    expect(sessions.map((session) => session.id)).not.toContain(id);
    await store.commit(commitOf(id, [trade({ id: '9' })]));
    expect(await idsOf(store, id)).toEqual([9]);
    await store.close();
    const again: AppError[] = [];
    await open(folder, { notice: (notice) => again.push(notice) });
    expect(again).toEqual([]);
  });

  test(
    'every page spoilt in its turn: what the others hold is kept, none doubled',
    { timeout: 120_000 },
    async () => {
      const { path } = await recorded();
      const whole = readFileSync(path);
      const kept: number[] = [];
      for (let page = 1; page * 4_096 < whole.length; page += 7) {
        const folder = temporaryFolder();
        const spoilt = Buffer.from(whole).fill(0xa5, page * 4_096, (page + 1) * 4_096);
        writeFileSync(join(folder, 'quipu.db'), spoilt);
        const notice = replace(folder, 0, () => undefined);
        expect(aside(folder).get('quipu.db')?.equals(spoilt)).toBe(true);
        const store = await open(folder);
        const ids = (await store.sessions()).length === 0 ? [] : await idsOf(store, 1);
        expect(ids).toEqual([...new Set(ids)]);
        expect(ids.filter((id) => !Number.isInteger(id) || id < 0 || id >= TRADES)).toEqual([]);
        expect(notice.message).toContain(ids.length === 0 ? '' : `${ids.length} trades`);
        const sessions = await store.sessions();
        expect(sessions.map(({ trades }) => trades)).toEqual(sessions.length === 0 ? [] : [ids.length]);
        kept.push(ids.length);
        await store.close();
        // Whatever was lost, what is left fits together.
        expect(checkStore(folder, () => undefined)?.faults).toEqual([]);
      }
      // A page holds a piece of a chunk or two; only the few pages above them cost more.
      const little = kept.filter((count) => count >= TRADES - 2 * CHUNK_TRADES);
      expect(little.length).toBeGreaterThan(kept.length * 0.7);
      expect(Math.min(...kept)).toBeLessThan(TRADES);
    },
  );

  test('runs of trades that cannot be read are taken out, and what is left fits together', async () => {
    const { folder, path } = await recorded();
    const database = new Database(path);
    const { sealer } = createWriter(database);
    while (sealer.due !== 'no') sealer.seal();
    const damaged = database
      .prepare<[], { id: number; count: number }>('SELECT id, count FROM chunks WHERE seq IN (2, 5)')
      .all();
    const spoil = database.prepare('UPDATE chunks SET ids = zeroblob(length(ids)) WHERE id = ?');
    for (const { id } of damaged) spoil.run(id);
    database.close();
    const left = TRADES - damaged.reduce((sum, { count }) => sum + count, 0);

    const notice = replace(folder, 0, () => undefined);
    expect(notice.message).toContain(
      `(${left} trades), 2 places could not: ${TRADES - left} trades are lost.`,
    );
    expect(checkStore(folder, () => undefined)).toMatchObject({ faults: [], checked: { trades: left } });
    const store = await open(folder);
    expect(await store.sessions()).toMatchObject([{ id: 1, trades: left, state: 'ended', ended: 2_000 }]);
    const ids = await idsOf(store, 1);
    expect(ids.length).toBe(left);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    const query = { session: 1, market: 'binance-btc-usdt', from: 0, to: 2 ** 52, limit: 300 };
    const counts = [...floatsOf((await store.buckets(query)).bytes)].filter(
      (_, at) => at % BUCKET_FIELDS === 7,
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(left);
    // Numbers of rows go on behind those that are there.
    const { id } = await store.beginSession(3_000);
    await store.commit(commitOf(id, [trade({ id: '9' })]));
    expect(await idsOf(store, id)).toEqual([9]);
    expect((await idsOf(store, 1)).length).toBe(left);
  });

  test('what counts and ranges say is counted again, and who was lost is named again', async () => {
    const folder = temporaryFolder();
    writeWhole(folder);
    const whole = checkStore(folder, () => undefined)?.checked;
    const database = new Database(databaseIn(folder));
    const at = (sql: string): unknown => database.prepare(sql).pluck().get();
    const lost = Number(at('SELECT count FROM segments ORDER BY first_row LIMIT 1'));
    database.exec(
      `DELETE FROM sessions WHERE id = 1;
       DELETE FROM markets WHERE id = 2;
       DELETE FROM candles WHERE row > 20;
       DELETE FROM gaps WHERE session = 2 AND start = (SELECT max(start) FROM gaps);
       UPDATE segments SET body = x'00' WHERE first_row = (SELECT min(first_row) FROM segments);
       UPDATE chunks SET first_time = 1, level = 9 WHERE id = 5;
       UPDATE segments SET last_receipt = 2`,
    );
    database.close();
    const notice = replace(folder, 0, () => undefined);
    expect(notice.message).toContain(`1 place could not: ${lost} trades are lost.`);
    const report = checkStore(folder, () => undefined);
    expect(report).toMatchObject({
      faults: [],
      checked: { trades: (whole?.trades ?? 0) - lost, candles: 20 },
    });
    const sessions = await (await open(folder)).sessions();
    expect(sessions).toMatchObject([
      { id: 1, state: 'ended unexpectedly', trades: 720, candles: 12, gaps: 3 },
      { id: 2, state: 'ended', trades: 721 - lost, candles: 8, gaps: 2 },
    ]);
    for (const { markets } of sessions) expect(markets).toContain('(name lost, 2)');
  });

  test('of an older store too', async () => {
    const { folder } = await recorded();
    makeOld(folder, 2);
    const database = new Database(databaseIn(folder));
    database.exec('DELETE FROM trades WHERE row > 20000; UPDATE sessions SET candles = 7');
    database.close();
    expect(replace(folder, 0, () => undefined).message).toContain(
      '(20000 trades), some is missing: 10000 trades are lost.',
    );
    expect(checkStore(folder, () => undefined)?.faults).toEqual([]);
    expect(await (await open(folder)).sessions()).toMatchObject([{ trades: 20_000, candles: 0 }]);
  });

  test('damage that shows while recording: the commit that met it is kept', async () => {
    const { folder, path } = await recorded();
    const bytes = readFileSync(path);
    // All but the first page, which is read at the opening.
    bytes.fill(0xa5, 4_096 * 12);
    writeFileSync(path, bytes);
    const notices: AppError[] = [];
    const tasks = new Set<StoreProgress['task']>();
    const store = await open(folder, {
      notice: (notice) => notices.push(notice),
      progress: ({ task }) => tasks.add(task),
    });
    const { id } = await store.beginSession(5_000);
    for (let n = 0; n < 20; n++) await store.commit(commitOf(id, [trade({ id: `${n}` })]));
    expect(notices.length).toBe(1);
    expect([...tasks]).toEqual(['salvaging']);
    expect(aside(folder).size).toBeGreaterThan(0);
    const ids = await idsOf(store, id);
    expect(ids.slice(-1)).toEqual([19]);
    expect(ids).toEqual([...new Set(ids)]);
    await store.endSession(id, 6_000);
    expect((await store.sessions()).at(-1)).toMatchObject({ id, state: 'ended' });
  });

  test('a log without its database', async () => {
    const { folder, path } = await recorded();
    copyFileSync(path, `${path}-wal`);
    rmSync(path);
    const log = readFileSync(`${path}-wal`);
    expect(await failureOf(openStore({ folder, workerScript, readOnly: true }))).toMatchObject({
      kind: 'storage',
      message: expect.stringMatching(/is missing/) as unknown,
    });
    expect(existsSync(path)).toBe(false);
    const notices: AppError[] = [];
    const store = await open(folder, { notice: (notice) => notices.push(notice) });
    expect(notices.length).toBe(1);
    expect(aside(folder).get('quipu.db-wal')?.equals(log)).toBe(true);
    expect(await store.sessions()).toEqual([]);
  });
});

describe('row 13: a database that is gone is no fresh start in silence', () => {
  test('told, and a new one begun', async () => {
    const { folder, path } = await recorded();
    rmSync(path);
    const notices: AppError[] = [];
    const store = await open(folder, { notice: (notice) => notices.push(notice) });
    expect(notices).toMatchObject([
      { kind: 'storage', message: expect.stringContaining('is gone') as unknown },
    ]);
    expect(await store.sessions()).toEqual([]);
  });

  test('a folder that never had one says nothing', async () => {
    const notices: AppError[] = [];
    await open(temporaryFolder(), { notice: (notice) => notices.push(notice) });
    expect(notices).toEqual([]);
  });

  test('a log that is gone costs what it held and no more', async () => {
    const { folder, path } = await recorded();
    const store = await open(folder);
    const { id } = await store.beginSession(3_000);
    await store.commit(commitOf(id, [trade({ id: '7' })]));
    // As after a kill, with the log taken away.
    const copy = temporaryFolder();
    copyFileSync(path, join(copy, 'quipu.db'));
    await store.close();
    const second = await open(copy);
    expect(await idsOf(second, 1)).toEqual(Array.from({ length: TRADES }, (_, n) => n));
  });
});

describe('row 15: an older database is copied before it is changed', () => {
  test('the copy is as it was, the newest two are kept, and the progress is told', async () => {
    const { folder, path } = await recorded();
    makeOld(folder, 1);
    const old = readFileSync(path);
    for (const time of [1, 2, 3]) writeFileSync(`${path}.before-v2.${time}`, `copy ${time}`);
    appendFileSync(`${path}.backup-part`, 'of a copy that was cut off');
    const progress: StoreProgress[] = [];
    const store = await open(folder, { progress: (each) => progress.push(each) });
    expect(progress.filter(({ task }) => task === 'copying').at(-1)?.share).toBe(1);
    expect(progress.filter(({ task }) => task === 'updating').at(-1)?.share).toBe(1);
    const copies = readdirSync(folder)
      .filter((name) => name.includes('.before-v'))
      .sort();
    expect(copies.length).toBe(2);
    expect(readFileSync(join(folder, copies.find((name) => !name.endsWith('.3')) ?? '')).equals(old)).toBe(
      true,
    );
    expect(readdirSync(folder)).not.toContain('quipu.db.backup-part');
    expect(await idsOf(store, 1)).toEqual(Array.from({ length: TRADES }, (_, n) => n));
  });
});
