/** `quipu store`: what it says of a record, on which stream, and how it ends. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../main/core/store/open.ts';
import { SCHEMA_VERSION } from '../../main/core/store/schema.ts';
import { commitOf, variedTrades } from '../core/store/rows.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

async function record(path: string): Promise<() => Promise<void>> {
  const store = await openStore({ folder: path, workerScript: nodePorts().workerScript });
  const { id } = await store.beginSession(1_000);
  await store.commit(commitOf(id, variedTrades(9_000)));
  return () => store.close();
}

const store = (...args: string[]): ReturnType<typeof quipu>['ended'] =>
  quipu(['store', ...args], { QUIPU_DATA_DIR: folder.path }).ended;

describe('quipu store', () => {
  it('tells what the record holds, beside a recorder and of the demo too', async () => {
    const close = await record(join(folder.path, 'demo'));
    const { code, stdout, stderr } = await store('stats', '--demo', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const stats = JSON.parse(stdout) as Record<string, unknown>;
    expect(stats).toMatchObject({
      ...{ folder: join(folder.path, 'demo'), version: SCHEMA_VERSION, sessions: 1, markets: 1, candles: 0 },
      trades: { total: 9_000, rows: 0 },
      ...{ copies: [], damaged: [], oldest: 1_705_342_207_123_456 },
    });
    const text = await store('stats', '--demo');
    expect(text.stdout).toMatch(/^trades +9000$/m);
    expect(text.stdout).toMatch(/^oldest trade +2024-01-15T18:10:07\.123456Z$/m);
    await close();
  });

  it('checks, compacts, salvages', { timeout: 60_000 }, async () => {
    await (
      await record(folder.path)
    )();
    mkdirSync(join(folder.path, 'damaged-2024-01-01T00-00-00Z'));
    const well = await store('check');
    expect([well.code, well.stdout]).toEqual([
      0,
      expect.stringMatching(/^Looked at 1 sessions, 9000 trades .*\nNo faults\.\n$/),
    ]);
    expect(well.stderr).toMatch(/Checking the record: 100 %/);

    const small = await store('compact', '--json');
    expect(small.code).toBe(0);
    const { before, after } = JSON.parse(small.stdout) as { before: number; after: number };
    expect([before, after].every((bytes) => bytes > 0)).toBe(true);
    expect(small.stderr).toMatch(/Sealing trades: 100 %\n[^]*Writing the small file/);

    const database = new Database(join(folder.path, 'quipu.db'));
    database.exec('UPDATE chunks SET ids = zeroblob(9) WHERE seq = 0; UPDATE sessions SET gaps = 3');
    database.close();
    const ill = await store('check', '--json');
    expect(ill.code).toBe(5);
    const { faults } = JSON.parse(ill.stdout) as {
      faults: { kind: string; where: string; action: string }[];
    };
    expect(faults.map(({ kind }) => kind)).toEqual(['trades', 'session']);
    expect(faults[0]?.where).toMatch(/^chunk \d+ \(binance-btc-usdt, session 1, rows 1 to 4096\)$/);
    expect(faults[0]?.action).toContain('quipu store salvage');

    const saved = await store('salvage');
    expect([saved.code, saved.stdout]).toEqual([0, expect.stringMatching(/4904 trades.*4096 trades/)]);
    expect((await store('check')).stdout).toMatch(/No faults/);
    expect((await store('stats')).stdout.match(/^put aside, damaged/gm)?.length).toBe(2);
  });

  it('says what is wrong in one line', { timeout: 60_000 }, async () => {
    const close = await record(folder.path);
    for (const [args, code, line] of [
      [['compact'], 5, /Quipu is recording.*Close it/],
      [['stats', '--data-dir', join(folder.path, 'none')], 2, /There is no record.*--data-dir/],
      [['check', '--demo'], 2, /There is no record/],
      [[], 2, /Say stats, check.*store --help/],
      [['check', '--fix'], 2, /--fix.*quipu store --help/],
    ] as const) {
      const { code: ended, stderr, stdout } = await store(...args);
      expect([ended, stdout]).toEqual([code, '']);
      expect(stderr).toMatch(line);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
    await close();
  });
});
