/** The rows 7 to 11 and 14 of faults.md: a disk that is full, failing, read-only, locked or shared. 12, 13 and 15 are in core/store. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEEP_ALL } from '../../main/core/contract.ts';
import { createCore } from '../../main/core/core.ts';
import { Recorder } from '../../main/core/flow/recorder.ts';
import { openStore } from '../../main/core/store/open.ts';
import { systemClock } from '../../main/core/system-clock.ts';
import { startDemoFeed } from '../../main/demo/feed.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { findProgram } from '../needs.ts';
import type { EndLine, StateLine } from './storage-child.ts';

const CHILD = join(import.meta.dirname, 'storage-child.ts');
const isRoot = process.getuid?.() === 0;
const canMount = isRoot && spawnSync('unshare', ['-m', 'true']).status === 0;
const canTrace = findProgram('strace') !== null;

let folder: TemporaryFolder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

function workerScript(name: 'writer' | 'reader'): URL {
  return new URL(`../../main/core/store/${name}-worker.ts`, import.meta.url);
}

interface Recording {
  readonly pid: number;
  readonly states: StateLine[];
  /** Resolves with the first state, from now on or before, that is so; rejects when it ends without. */
  reaches(state: string): Promise<StateLine>;
  readonly ended: Promise<EndLine>;
}

/** @param wrap a program and its arguments that runs it */
function record(data: string, perSecond: number, seconds: number, wrap: readonly string[] = []): Recording {
  const [program = '', ...args] = [
    ...wrap,
    process.execPath,
    CHILD,
    data,
    String(perSecond),
    String(seconds),
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const states: StateLine[] = [];
  let stderr = '';
  let end: EndLine | null = null;
  let wake: () => void = () => undefined;
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  createInterface(child.stdout).on('line', (line) => {
    const said = JSON.parse(line) as StateLine | EndLine;
    if ('ended' in said) end = said;
    else states.push(said);
    wake();
  });
  const gone = new Promise<void>((done) => child.once('close', () => done()));
  return {
    pid: child.pid ?? 0,
    states,
    async reaches(state) {
      let over = false;
      void gone.then(() => {
        over = true;
        wake();
      });
      for (;;) {
        const found = states.find((each) => each.state === state);
        if (found !== undefined) return found;
        if (over) throw new Error(`it never was ${state}: ${JSON.stringify(states)} ${stderr}`);
        await new Promise<void>((done) => (wake = done));
      }
    },
    ended: gone.then(() => {
      if (end === null) throw new Error(`it ended without a word: ${stderr}`);
      return end;
    }),
  };
}

/** Ids of the trades of a session, in the order of the record. */
async function idsOf(data: string, session: number): Promise<number[]> {
  const store = await openStore({ folder: data, workerScript, readOnly: true });
  try {
    const ids: number[] = [];
    for await (const page of store.exportTrades({ session, market: null }))
      ids.push(...page.map(({ id }) => Number(id)));
    return ids;
  } finally {
    await store.close();
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('row 7: two on one folder', () => {
  test(
    'a second recorder is told of the first, and a reader reads beside it',
    { timeout: 120_000 },
    async () => {
      const first = record(folder.path, 500, 100);
      await first.reaches('recording');
      const second = await quipu(['record', '--market', 'm', '--data-dir', folder.path], {
        QUIPU_API_KEY: 'k',
      }).ended;
      expect(second.code).not.toBe(0);
      expect(second.stderr).toContain('Another Quipu is recording into this folder.');
      const list = await quipu(['sessions', '--json', '--data-dir', folder.path]).ended;
      expect(JSON.parse(list.stdout)).toMatchObject([{ state: 'recording' }]);
      process.kill(first.pid, 'SIGTERM');
      const end = await first.ended;
      expect(await idsOf(folder.path, end.session ?? 0)).toEqual(upTo(end.sent));
    },
  );
});

describe.skipIf(!canMount)('row 8: the disk is full', () => {
  test(
    'not recording, with the reason; recording by itself once there is room, and nothing is lost',
    { timeout: 120_000 },
    async () => {
      const disk = join(folder.path, 'disk');
      mkdirSync(disk);
      const mount = `mount -t tmpfs -o size=16m tmpfs ${disk} && head -c 13000000 /dev/zero > ${disk}/ballast && exec "$@"`;
      const recording = record(join(disk, 'data'), 1_000, 25, ['unshare', '-m', 'sh', '-c', mount, 'sh']);
      const failed = await recording.reaches('failed');
      expect(failed.problem).toMatch(/disk is full/);
      rmSync(`/proc/${recording.pid}/root${disk}/ballast`);
      const end = await recording.ended;
      expect(recording.states.map(({ state }) => state)).toEqual([
        'recording',
        'failed',
        'recording',
        'stopped',
      ]);
      expect(end).toMatchObject({ stored: end.sent, lostGaps: 0 });
    },
  );
});

describe('row 8, of the limit: the store is full and nothing of it may be deleted', () => {
  test(
    'not recording, with the reason, while what is there is read; recording by itself once there is room',
    { timeout: 60_000 },
    async () => {
      const store = await openStore({ folder: folder.path, workerScript });
      let lost = 0;
      const states: string[] = [];
      const nothing = (): void => undefined;
      const recorder = new Recorder({
        clock: systemClock,
        logger: { log: nothing },
        store,
        listener: {
          ...{ trade: nothing, candle: nothing, journal: nothing, coverage: nothing },
          gap: ({ state }) => void (lost += state === 'lost' ? 1 : 0),
          changed: () => void states.push(recorder.recording.state),
        },
      });
      recorder.watch(['m']);
      recorder.connected('trades');
      await recorder.begin();
      // All of the last hour, so that none may go.
      await store.setRetention({ ...KEEP_ALL, maxBytes: 600_000 });
      let sent = 0;
      // Each has a time of its own, since a page does not end between trades of one time.
      const began = systemClock.now();
      const send = (): void => {
        for (let n = 0; n < 1_000; n++, sent++) {
          recorder.trade({
            ...{ market: 'm', exchangeTime: began + sent, side: 1, id: `${sent}` },
            ...{ priceDigits: 4_251_959 + ((sent * 7_919) % 100_003), priceScale: 2 },
            ...{ sizeDigits: 1 + ((sent * 104_729) % 999_983), sizeScale: 4 },
          });
        }
      };
      const timer = setInterval(send, 20);
      try {
        await expect.poll(() => recorder.recording.state, { timeout: 30_000 }).toBe('failed');
        const { problem } = recorder.recording;
        expect(problem).toMatchObject({ kind: 'storage' });
        expect(problem?.message).toMatch(/has reached its limit .* retention may delete no more/);
        expect(problem?.action).toMatch(/unpin/);
        expect((await store.tradePage('m', null, 100)).count).toBe(100);
        expect(await store.retention()).toMatchObject({ policy: { maxBytes: 600_000 } });
      } finally {
        clearInterval(timer);
      }
      await store.setRetention(KEEP_ALL);
      await expect.poll(() => recorder.recording.state, { timeout: 30_000 }).toBe('recording');
      await recorder.close();
      const { session, trades } = recorder.report;
      await store.close();
      expect(states).toEqual(['recording', 'failed', 'recording', 'stopped']);
      expect({ stored: trades.stored, lost }).toEqual({ stored: sent, lost: 0 });
      expect(await idsOf(folder.path, session ?? 0)).toEqual(upTo(sent));
    },
  );
});

describe.skipIf(!canTrace)('row 9: the disk fails', () => {
  const cases: readonly [call: string, error: string, when: string][] = [
    ['pwrite64', 'EIO', '60..63'],
    ['pwrite64', 'ENOSPC', '60..63'],
    ['fdatasync', 'EIO', '12..16'],
    ['fdatasync', 'ENOSPC', '12'],
    ['fsync', 'EIO', '3'],
    ['ftruncate', 'EIO', '2..4'],
  ];
  test.each(cases)(
    '%s answers %s: every trade is stored once',
    { timeout: 120_000 },
    async (call, error, when) => {
      const wrap = [
        'strace',
        '-f',
        '-qq',
        '-o',
        '/dev/null',
        '-e',
        `trace=${call}`,
        '-e',
        `inject=${call}:error=${error}:when=${when}`,
      ];
      const recording = record(folder.path, 300, 8, wrap);
      const end = await recording.ended.catch((thrown: unknown) => String(thrown));
      // A disk that fails while the record is opened is an error at the start, and says so.
      if (typeof end === 'string') {
        expect(end).toMatch(/QuipuError|storage|disk/);
        return;
      }
      expect(end).toMatchObject({ stored: end.sent, lostGaps: 0 });
      expect(await idsOf(folder.path, end.session ?? 0)).toEqual(upTo(end.sent));
    },
  );
});

describe.skipIf(!canMount)('row 10: a folder on a disk that is read-only', () => {
  test('is read, and recording says why it cannot', { timeout: 60_000 }, async () => {
    const end = await record(folder.path, 500, 2).ended;
    const bound = join(folder.path, '..', `${folder.path.split('/').at(-1) ?? ''}-bound`);
    mkdirSync(bound);
    try {
      const inside = (args: string): ReturnType<typeof spawnSync> =>
        spawnSync(
          'unshare',
          [
            '-m',
            'sh',
            '-c',
            `mount --bind ${folder.path} ${bound} && mount -o remount,ro,bind ${bound} && exec ${process.execPath} main/headless/quipu.ts ${args} --data-dir ${bound}`,
          ],
          {
            encoding: 'utf8',
            cwd: join(import.meta.dirname, '..', '..'),
            env: { ...process.env, QUIPU_API_KEY: 'k' },
          },
        );
      const list = inside('sessions --json');
      expect(JSON.parse(String(list.stdout))).toMatchObject([{ id: end.session, trades: end.sent }]);
      const lines = String(inside(`trades --session ${end.session} --format csv`).stdout)
        .trim()
        .split('\n');
      expect(lines.length - 1).toBe(end.sent);
      const refused = inside('record --market m --for 1s');
      expect(refused.status).not.toBe(0);
      expect(String(refused.stderr)).toMatch(/cannot be written to|may not write|cannot be opened/);
      expect(String(refused.stderr)).toMatch(/QUIPU_DATA_DIR/);
    } finally {
      rmSync(bound, { recursive: true, force: true });
    }
  });
});

describe('row 11: another program keeps the database locked', () => {
  test(
    'not recording while it does; then the queue drains and nothing is lost',
    { timeout: 120_000 },
    async () => {
      const recording = record(folder.path, 1_000, 100);
      await recording.reaches('recording');
      await new Promise((done) => setTimeout(done, 1_000));
      const other = new Database(join(folder.path, 'quipu.db'), { timeout: 10_000 });
      other.exec('BEGIN EXCLUSIVE');
      const failed = await recording.reaches('failed');
      expect(failed.problem).toMatch(/Another program keeps .* locked/);
      await new Promise((done) => setTimeout(done, 4_000));
      other.exec('COMMIT');
      other.close();
      await expect.poll(() => recording.states.at(-1)?.state, { timeout: 60_000 }).toBe('recording');
      process.kill(recording.pid, 'SIGTERM');
      const end = await recording.ended;
      expect(recording.states.map(({ state }) => state)).toEqual([
        'recording',
        'failed',
        'recording',
        'stopped',
      ]);
      expect(end).toMatchObject({ stored: end.sent, lostGaps: 0 });
      expect(await idsOf(folder.path, end.session ?? 0)).toEqual(upTo(end.sent));
    },
  );

  test(
    'one that cannot write its end says so, and lets go of the folder all the same',
    { timeout: 120_000 },
    async () => {
      const feed = await startDemoFeed({ port: 0, seed: 3, rate: 50, key: 'k' });
      const core = await createCore({
        ...{ host: 'browser', version: '0', folder: folder.path, environmentKey: 'k' },
        addresses: feed.addresses,
        fixed: { markets: ['binance-btc-usdt'], granularities: ['1m'] },
        ports: { ...nodePorts(), logger: { log: () => undefined } },
      });
      await core.start('live');
      await expect.poll(() => core.report().trades.stored).toBeGreaterThan(0);
      const other = new Database(join(folder.path, 'quipu.db'), { timeout: 20_000 });
      other.exec('BEGIN EXCLUSIVE');
      await expect(core.close()).rejects.toMatchObject({ kind: 'storage' });
      other.exec('ROLLBACK');
      other.close();
      await feed.close();
      await (await openStore({ folder: folder.path, workerScript })).close();
    },
  );
});

describe('row 14: a reader that holds on to an old state', () => {
  test(
    'the log grows by what is recorded and little more, and shrinks when the reader lets go',
    { timeout: 120_000 },
    async () => {
      const recording = record(folder.path, 200, 30);
      await recording.reaches('recording');
      await new Promise((done) => setTimeout(done, 1_000));
      const reader = new Database(join(folder.path, 'quipu.db'), { readonly: true });
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM sessions').get();
      const length = (): number => statSync(join(folder.path, 'quipu.db-wal')).size;
      // Another program fills the log as hours would.
      const filler = new Database(join(folder.path, 'quipu.db'), { timeout: 5_000 });
      filler.exec('CREATE TABLE filler (bytes BLOB) STRICT');
      const fill = filler.prepare('INSERT INTO filler VALUES (randomblob(1000000))');
      for (let megabytes = 0; megabytes < 56; megabytes++) fill.run();
      filler.close();
      await new Promise((done) => setTimeout(done, 3_000));
      const before = length();
      await new Promise((done) => setTimeout(done, 10_000));
      // The rest of an hour is 360 times these 10 s.
      expect(before + (length() - before) * 360).toBeLessThan(256 * 1024 * 1024);
      reader.exec('COMMIT');
      reader.close();
      const end = await recording.ended;
      expect(await idsOf(folder.path, end.session ?? 0)).toEqual(upTo(end.sent));
    },
  );
});
