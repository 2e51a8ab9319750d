/** `quipu dialect` and `--dialect`, in processes of their own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_DIALECT } from '../../main/core/protocol/dialect.ts';
import { parseDialect } from '../../main/core/protocol/dialect-document.ts';
import { openStore } from '../../main/core/store/open.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { FOREIGN_DIALECT, FOREIGN_KEY, type ForeignFeed, startForeignFeed } from '../helpers/foreign-feed.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

function file(text: string, name = 'own.json'): string {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
}

async function keep(json: string): Promise<void> {
  const store = await openStore({ folder: folder.path, workerScript: nodePorts().workerScript });
  await store.writeSetting('dialect', json);
  await store.close();
}

describe('quipu dialect check', () => {
  it('says that a document can be used', async () => {
    const { code, stdout, stderr } = await quipu(['dialect', 'check', file(JSON.stringify(FOREIGN_DIALECT))])
      .ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/own\.json can be used: “Foreign”\.\n$/);
  });

  it('tells all that is wrong, one a line, with its place', async () => {
    const path = file('{"quipuDialect": 1,\n "batched": 1,\n "ackTime": 0}');
    const { code, stdout, stderr } = await quipu(['dialect', 'check', path]).ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([
      `${path}:2:13: batched: must be true or false, without quotes.`,
      `${path}:3:13: ackTime: must be a whole number of milliseconds from 500 to 120000.`,
    ]);
    const json = await quipu(['dialect', 'check', path, '--json']).ended;
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      problems: [
        { path: 'batched', line: 2, column: 13 },
        { path: 'ackTime', line: 3, column: 13 },
      ],
    });
  });

  it.each<[string, () => readonly string[], RegExp]>([
    ['no verb', () => [], /check FILE or show/],
    ['no file', () => ['check'], /Name one file/],
    [
      'a file that is not there',
      () => ['check', join(folder.path, 'none.json')],
      /cannot be read.*Name a file/,
    ],
    ['a file that is no text', () => ['check', process.execPath], /cannot be read: it is larger than 64 KB/],
    ['an argument too many', () => ['show', 'x'], /belongs to no option/],
  ])('%s: exit 2 and what to do', async (_what, args, line) => {
    const { code, stdout, stderr } = await quipu(['dialect', ...args()]).ended;
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('quipu dialect show', () => {
  it('writes the default, then the one that is kept, then the one of the environment', async () => {
    const show = async (env: Readonly<Record<string, string>> = {}, ...more: string[]): Promise<string> => {
      const { code, stdout, stderr } = await quipu(
        ['dialect', 'show', '--data-dir', folder.path, ...more],
        env,
      ).ended;
      expect(code, stderr).toBe(0);
      return stdout;
    };
    const usual = await show();
    expect(parseDialect(usual)).toMatchObject({ ok: true, document: { dialect: DEFAULT_DIALECT } });
    await keep(JSON.stringify('{"quipuDialect": 1, "name": "Kept"}'));
    expect(await show()).toBe('{"quipuDialect": 1, "name": "Kept"}\n');
    expect(await show({}, '--default')).toBe(usual);
    const given = file('{"quipuDialect":1,"name":"Given"}\n');
    expect(await show({ QUIPU_DIALECT: given })).toBe('{"quipuDialect":1,"name":"Given"}\n');
  });

  it('says why the one that is kept cannot be used', async () => {
    await keep(JSON.stringify('{"quipuDialect": 9}'));
    const { code, stdout, stderr } = await quipu(['dialect', 'show', '--data-dir', folder.path]).ended;
    expect(code).toBe(1);
    expect(stdout).toBe('{"quipuDialect": 9}\n');
    expect(stderr).toMatch(/quipuDialect: is 9, of a newer Quipu/);
  });
});

describe('record', { timeout: 60_000 }, () => {
  let feed: ForeignFeed;
  beforeEach(async () => {
    feed = await startForeignFeed();
  });
  afterEach(() => feed.close());

  it.each(['--dialect', 'QUIPU_DIALECT', 'the kept one'])('speaks the dialect of %s', async (by) => {
    const text = JSON.stringify({ ...FOREIGN_DIALECT, addresses: feed.addresses });
    const path = file(text);
    if (by === 'the kept one') await keep(JSON.stringify(text));
    const args = ['record', '--market', '#17', '--for', '60s', '--json', '--data-dir', folder.path];
    if (by === '--dialect') args.push('--dialect', path);
    const env = { QUIPU_API_KEY: FOREIGN_KEY, ...(by === 'QUIPU_DIALECT' ? { QUIPU_DIALECT: path } : {}) };
    const recording = quipu(args, env);
    const subscribed = (): number => feed.asked.filter(({ message }) => message.type === 'sub').length;
    await expect.poll(subscribed, { timeout: 30_000 }).toBe(3);
    await recording.stop();
    const { code, stdout, stderr } = await recording.ended;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ connections: 2 });
  });

  it('does not begin with a dialect that cannot be used', async () => {
    const path = file('{"quipuDialect":1,"batched":0}');
    const args = ['record', '--market', '#17', '--data-dir', folder.path];
    for (const [more, env] of [
      [['--dialect', path], {}],
      [[], { QUIPU_DIALECT: path }],
    ] as const) {
      const { code, stderr } = await quipu([...args, ...more], { QUIPU_API_KEY: 'k', ...env }).ended;
      expect(code).toBe(2);
      expect(stderr).toMatch(/own\.json cannot be used\. batched: must be true or false/);
    }
    await keep(JSON.stringify('{"quipuDialect":1,"batched":0}'));
    const { code, stderr } = await quipu(args, { QUIPU_API_KEY: 'k' }).ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/that is kept cannot be used\. batched/);
  });

  it('and doctor tries the feed in it', async () => {
    const path = file(JSON.stringify({ ...FOREIGN_DIALECT, addresses: feed.addresses }));
    const env = { QUIPU_API_KEY: FOREIGN_KEY, QUIPU_DIALECT: path, QUIPU_DATA_DIR: folder.path };
    const { code, stdout, stderr } = await quipu(['doctor'], env).ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`dialect: own, “Foreign” of ${path}`);
    expect(stdout).toContain(feed.addresses.trades);
  });
});
