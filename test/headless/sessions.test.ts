/** `quipu sessions name|note|pin|unpin|delete|restore` in processes of their own. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../main/core/store/open.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { workerScript } from '../helpers/workers.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = temporaryFolder();
  const store = await openStore({ folder: folder.path, workerScript });
  await store.beginSession(1_705_300_000_000);
  await store.endSession(1, 1_705_300_060_000);
  await store.beginSession(1_705_400_000_000);
  await store.endSession(2, 1_705_400_060_000);
  await store.close();
});
afterEach(() => folder.remove());

function sessions(...words: string[]): ReturnType<typeof quipu>['ended'] {
  return quipu(['sessions', ...words, '--data-dir', folder.path]).ended;
}

async function done(...words: string[]): Promise<string> {
  const { code, stderr, stdout } = await sessions(...words);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

describe('sessions', { timeout: 120_000 }, () => {
  it('are named, noted, pinned, deleted and restored, each in a run of its own', async () => {
    expect(await done('name', '2', ' Launch day ')).toBe('Session 2 is named “Launch day”.\n');
    expect(await done('note', '2', 'Two\nlines')).toBe('Session 2 has its note.\n');
    expect(await done('pin', '2')).toBe('Session 2 is pinned.\n');
    expect(JSON.parse(await done('--json'))).toMatchObject([
      { id: 1, name: null, note: null, pinned: false },
      { id: 2, name: 'Launch day', note: 'Two\nlines', pinned: true },
    ]);
    expect(await done()).toMatch(/^id .* pinned +name\n1 .* 0\n2 .* pinned +Launch day\n$/);

    const pinned = await sessions('delete', '2');
    expect(pinned).toMatchObject({ code: 1, stdout: '' });
    expect(pinned.stderr).toBe('quipu: Session 2 is pinned. Unpin it first, then delete it.\n');
    expect(await done('unpin', '2')).toBe('Session 2 is not pinned.\n');
    expect(await done('delete', '2')).toMatch(
      /^Deleted session 2\. Until \d{4}-[^ ]+Z: quipu sessions restore 2\n$/,
    );
    expect(await done()).toMatch(
      /\n1 [^\n]*\nDeleted: 2 \(Launch day\)\. Until [^ ]+: quipu sessions restore 2\n$/,
    );
    const gone = await quipu(['trades', '--session', '2', '--format', 'csv', '--data-dir', folder.path])
      .ended;
    expect(gone).toMatchObject({ code: 2, stdout: '' });
    expect(await done('restore', '2')).toBe('Restored session 2.\n');
    expect(JSON.parse(await done('--json'))).toMatchObject([{ id: 1 }, { id: 2, name: 'Launch day' }]);
    expect(await done('name', '2', '')).toBe('Session 2 has no name.\n');
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['an unknown verb', ['rename', '1', 'x'], 2, /no sessions rename.*name, note, pin/],
    ['no session', ['pin'], 2, /Say which session: quipu sessions pin N/],
    ['a session that is no number', ['delete', 'last'], 2, /Say which session/],
    ['a name without quotes', ['name', '1', 'Launch', 'day'], 2, /Put the name in quotes/],
    ['no name', ['name', '1'], 2, /Put the name in quotes/],
    ['a name of two lines', ['name', '1', 'a\nb'], 2, /line breaks.*one line/],
    ['a name that turns text around', ['name', '1', 'a\u202eb'], 2, /turn text around/],
    ['a name that is too long', ['name', '1', 'x'.repeat(81)], 2, /more than 80/],
    ['a session that there is not', ['name', '9', 'x'], 2, /no session 9/],
    ['one that was not deleted', ['restore', '1'], 2, /Session 1 is not deleted/],
    ['one that never was', ['restore', '9'], 2, /no deleted session 9 .*10 minutes/],
  ])('%s: one line that says what to do', async (_what, words, exit, line) => {
    const { code, stderr, stdout } = await sessions(...words);
    expect(stdout).toBe('');
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(exit);
  });

  it('of a folder that a Quipu holds are changed there, which is said; a folder without any is left as it is', async () => {
    const store = await openStore({ folder: folder.path, workerScript });
    const { code, stderr } = await sessions('pin', '1');
    expect(stderr).toContain(
      `Quipu is running and holds the folder ${folder.path}. Do it there, under Sessions`,
    );
    expect(code).toBe(5);
    await store.close();
    const empty = join(folder.path, 'empty');
    const nothing = await quipu(['sessions', 'pin', '1', '--data-dir', empty]).ended;
    expect(nothing).toMatchObject({ code: 2, stdout: '' });
    expect(existsSync(empty)).toBe(false);
  });
});
