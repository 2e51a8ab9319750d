import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { SCHEMA_VERSION } from '../../../main/core/store/schema.ts';
import { openStore } from '../../../main/core/store/open.ts';
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

/** A folder with a cache of a few trades that nobody has open. */
async function recorded(rows = 3_000): Promise<{ folder: string; path: string }> {
  const folder = temporaryFolder();
  const store = await open(folder);
  const { id } = await store.beginSession(1_000);
  await store.commit(commitOf(id, variedTrades(rows)));
  await store.endSession(id, 2_000);
  await store.close();
  return { folder, path: join(folder, 'quipu.db') };
}

describe('one writer a folder', () => {
  test('a second one is refused; readers are not; it may write once the first is gone', async () => {
    const folder = temporaryFolder();
    const first = await open(folder);
    const { id } = await first.beginSession(1_000);
    const failure = await failureOf(openStore({ folder, workerScript }));
    expect(failure).toMatchObject({
      kind: 'in-use',
      message: `Another Quipu is recording into this folder. It is the command line, process ${process.pid}.`,
    });
    expect(failure.action).toBeTruthy();
    await first.commit(commitOf(id, [trade()]));
    const reader = await open(folder, { readOnly: true });
    expect(await reader.sessions()).toMatchObject([{ state: 'recording', trades: 1 }]);
    expect(await allOf(reader.exportTrades({ session: id, market: null }))).toEqual([trade()]);
    await first.close();
    const second = await open(folder);
    expect(await second.sessions()).toMatchObject([{ state: 'ended unexpectedly', trades: 1 }]);
  });

  test('an opening that fails lets go of the folder', async () => {
    const folder = temporaryFolder();
    const broken = new URL('./no-such-script.ts', import.meta.url);
    const failure = await failureOf(
      openStore({ folder, workerScript: (name) => (name === 'reader' ? broken : workerScript(name)) }),
    );
    expect(failure).toMatchObject({ kind: 'storage' });
    expect(failure.message).toMatch(/store's reader stopped/);
    await open(folder);
  });
});

describe('a store for reading only', () => {
  test('reads a folder without a cache as an empty one and makes nothing there', async () => {
    const parent = temporaryFolder();
    for (const folder of [parent, join(parent, 'not', 'there')]) {
      const store = await open(folder, { readOnly: true });
      expect(await store.sessions()).toEqual([]);
      expect(await store.receivedSince(0)).toEqual([]);
      expect(await store.readSetting('watchlist')).toBeNull();
      expect(await store.tradePage('a', null, 5)).toMatchObject({ count: 0, more: false });
      expect(await store.candlePage({ market: 'a', granularity: '1m' }, null, 5)).toMatchObject({
        count: 0,
        more: false,
        gaps: [],
      });
      expect(await store.state()).toMatchObject({ folder, bytes: 0, trades: 0, candles: 0 });
      expect(await failureOf(allOf(store.exportTrades({ session: 1, market: null })))).toMatchObject({
        kind: 'not-found',
      });
    }
    expect(readdirSync(parent)).toEqual([]);
  });

  test('does not write', async () => {
    const { folder } = await recorded();
    const store = await open(folder, { readOnly: true });
    for (const writing of [
      store.beginSession(1),
      store.commit(commitOf(1, [trade()])),
      store.endSession(1, 1),
      store.writeSetting('a', '1'),
    ]) {
      expect(await failureOf(writing)).toMatchObject({ kind: 'storage' });
    }
    expect(await store.sessions()).toMatchObject([{ trades: 3_000, state: 'ended' }]);
    const state = await store.state();
    expect(state.bytes).toBeGreaterThan(100_000);
    expect(state.free).toBeGreaterThan(0);
  });

  test('tells a session whose recorder was killed as ended, before anyone records again', async () => {
    const { folder } = await recorded();
    const database = new Database(join(folder, 'quipu.db'));
    database.exec(`UPDATE sessions SET state = 'recording', ended = NULL, last_receipt = 1500999`);
    database.close();
    const store = await open(folder, { readOnly: true });
    expect(await store.sessions()).toMatchObject([{ state: 'ended unexpectedly', ended: 1_500 }]);
  });
});

describe('a file that cannot be used is refused and left as it was', () => {
  const newer = SCHEMA_VERSION + 1;
  const cases: readonly [string, RegExp, (path: string) => void][] = [
    [
      'newer',
      new RegExp(`newer Quipu \\(version ${newer} `),
      (path) => {
        const database = new Database(path);
        database.pragma(`user_version = ${newer}`);
        database.close();
      },
    ],
    [
      'a database of something else',
      /not a Quipu cache/,
      (path) => {
        truncateSync(path, 0);
        const database = new Database(path);
        database.exec('CREATE TABLE trades (a); PRAGMA user_version = 1');
        database.close();
      },
    ],
  ];
  test.each(cases)('%s', async (_, words, spoil) => {
    const { folder, path } = await recorded();
    spoil(path);
    const before = readFileSync(path);
    for (const readOnly of [false, true]) {
      const failure = await failureOf(openStore({ folder, workerScript, readOnly }));
      expect(failure.kind).toBe('storage');
      expect(failure.message).toMatch(words);
      expect(failure.message).toContain(path);
      expect(failure.action).toBeTruthy();
    }
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('damage inside is told when it is met', async () => {
    const { folder, path } = await recorded(30_000);
    const bytes = readFileSync(path);
    // The first pages tell what tables there are.
    bytes.fill(0xa5, Math.floor(bytes.length / 2));
    writeFileSync(path, bytes);
    const store = await open(folder, { readOnly: true });
    const failure = await failureOf(allOf(store.exportTrades({ session: 1, market: null })));
    expect(failure.kind).toBe('storage');
    expect(failure.message).toContain(`${path} is damaged`);
  });
});

test.each([false, true])('a change that was cut off is taken back (readOnly: %s)', async (readOnly) => {
  const { path } = await recorded();
  const folder = temporaryFolder();
  const database = new Database(path);
  // So few pages in memory that the change reaches the file before it ends.
  database.pragma('cache_size = 5');
  database.exec(`BEGIN; UPDATE segments SET body = zeroblob(length(body)), ids = zeroblob(length(ids));
    UPDATE chunks SET body = zeroblob(length(body)), ids = zeroblob(length(ids))`);
  for (const end of ['', '-journal']) copyFileSync(`${path}${end}`, join(folder, `quipu.db${end}`));
  database.close();
  const before = readFileSync(path);
  expect(readFileSync(join(folder, 'quipu.db')).equals(before)).toBe(false);
  const store = await open(folder, { readOnly });
  const trades = await allOf(store.exportTrades({ session: 1, market: null }));
  expect(trades.map(({ id }) => id)).toEqual(trades.map((_, n) => `${n}`));
  expect(trades.length).toBe(3_000);
});

describe('a folder that cannot be used', () => {
  test('is named when it cannot be made', async () => {
    const folder = join(temporaryFolder(), 'a file', 'folder');
    writeFileSync(join(folder, '..'), '');
    const failure = await failureOf(openStore({ folder, workerScript }));
    expect(failure).toMatchObject({ kind: 'storage', message: `The folder ${folder} cannot be made.` });
    expect(failure.action).toMatch(/QUIPU_DATA_DIR/);
  });

  test.skipIf(process.platform !== 'linux')('is named where the system makes none', async () => {
    const folder = join('/proc', 'quipu', 'folder');
    const failure = await failureOf(openStore({ folder, workerScript }));
    expect(failure).toMatchObject({ kind: 'storage', message: `The folder ${folder} cannot be made.` });
  });

  // Root may write anywhere, so there the child gives up that right and no other: it must still be able
  // to read a checkout that is root's alone.
  const unwritable = (program: string, ...args: string[]): [program: string, args: string[]] =>
    process.getuid?.() === 0
      ? ['setpriv', ['--bounding-set=-dac_override', '--inh-caps=-dac_override', program, ...args]]
      : [program, args];
  const child = fileURLToPath(new URL('./unwritable-child.ts', import.meta.url));
  test.skipIf(process.platform === 'win32')('and read though it cannot be written to', async () => {
    const { folder } = await recorded();
    chmodSync(folder, 0o555);
    try {
      const said: unknown = JSON.parse(
        execFileSync(...unwritable(process.execPath, child, folder), { encoding: 'utf8' }),
      );
      expect(said).toEqual({
        writing: {
          kind: 'storage',
          message: expect.stringMatching(/cannot be (opened|written to)|may not write/) as unknown,
          action: expect.stringMatching(/QUIPU_DATA_DIR/) as unknown,
        },
        trades: 3_000,
        state: 'ended',
        files: ['About this folder.txt', 'quipu.db', 'quipu.lock'],
      });
    } finally {
      chmodSync(folder, 0o755);
    }
  });

  test('is made with its parents when it is lacking', async () => {
    const folder = join(temporaryFolder(), 'a', 'b c', 'ü');
    const store = await open(folder);
    expect(await store.sessions()).toEqual([]);
    expect(readdirSync(folder)).toContain('quipu.db');
  });

  test('keeps no trace of a database whose making was interrupted', async () => {
    const folder = temporaryFolder();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'quipu.db.new'), 'half a database');
    writeFileSync(join(folder, 'quipu.db.new-wal'), 'half a log');
    const store = await open(folder);
    await store.beginSession(1);
    expect((await store.sessions()).length).toBe(1);
    expect(readdirSync(folder).filter((name) => name.includes('new'))).toEqual([]);
  });
});
