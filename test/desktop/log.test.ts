import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLog } from '../../main/shell/log.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

describe('the desktop’s log', () => {
  let folder: TemporaryFolder;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  const read = (): string[] =>
    readFileSync(join(folder.path, 'logs', 'quipu.log'), 'utf8')
      .trimEnd()
      .split('\n');

  it('writes one line a message, whatever the message has in it, and goes on where it was', async () => {
    const first = openLog(join(folder.path, 'logs'));
    first.log('info', 'one\ntwo\u202e', { words: 'a\u0007b' });
    first.log('debug', 'not kept');
    await first.flush();
    const second = openLog(join(folder.path, 'logs'));
    second.log('error', 'three');
    await second.flush();
    expect(read().map((line) => line.replace(/^\S+ /, ''))).toEqual([
      'info one two {"words":"a\\u0007b"}',
      'error three',
    ]);
  });

  it('keeps two older files, and no more', async () => {
    const log = openLog(join(folder.path, 'logs'));
    // 1,000 lines of 2,000 characters a round: each round fills a file of 2 MiB.
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 1_100; i++) log.log('info', `${round} ${'x'.repeat(3_000)}`);
      await log.flush();
    }
    expect(readdirSync(join(folder.path, 'logs')).sort()).toEqual([
      'quipu.log',
      'quipu.log.1',
      'quipu.log.2',
    ]);
    expect(read().at(-1)).toContain('info 5 ');
    expect(statSync(join(folder.path, 'logs', 'quipu.log.2')).size).toBeLessThan(6 * 1024 * 1024);
  });

  it('says how many lines a slow disk made it leave out', async () => {
    const log = openLog(join(folder.path, 'logs'));
    for (let i = 0; i < 2_500; i++) log.log('info', `line ${i}`);
    await log.flush();
    const lines = read();
    const leftOut = Number(/(\d+) lines were left out/.exec(lines.join('\n'))?.[1]);
    expect(lines.filter((line) => line.includes(' info line ')).length + leftOut).toBe(2_500);
    expect(leftOut).toBeGreaterThan(0);
  });

  it('does not fail where it cannot write', async () => {
    writeFileSync(join(folder.path, 'logs'), 'a file where the folder should be');
    const log = openLog(join(folder.path, 'logs'));
    log.log('error', 'nowhere');
    await expect(log.flush()).resolves.toBeUndefined();
  });
});
