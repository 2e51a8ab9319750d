/** `npm start` where no window can be opened. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { noScreen } from '../../build/electron.ts';
import { temporaryFolder } from '../helpers/quipu.ts';

const START = join(resolve(import.meta.dirname, '..', '..'), 'build', 'start.ts');

describe('npm start', { timeout: 120_000 }, () => {
  it.each<[string, NodeJS.Platform, Record<string, string>, number | undefined, RegExp | null]>([
    ['Linux with X', 'linux', { DISPLAY: ':0' }, 1000, null],
    ['Linux with Wayland', 'linux', { WAYLAND_DISPLAY: 'wayland-0' }, 1000, null],
    ['Linux without a screen', 'linux', {}, 1000, /no screen/],
    ['root', 'linux', { DISPLAY: ':0' }, 0, /root/],
    ['macOS', 'darwin', {}, 501, null],
    ['Windows', 'win32', {}, undefined, null],
  ])('on %s', (_what, platform, env, user, why) => {
    const told = noScreen(platform, env, user);
    if (why === null) expect(told).toBeNull();
    else expect(told).toMatch(why);
  });

  it.skipIf(process.platform !== 'linux')(
    'without a screen it says so in one line and serves the app (Linux)',
    async () => {
      const folder = temporaryFolder();
      const child = spawn(process.execPath, [START, '--demo'], {
        env: {
          PATH: process.env['PATH'],
          HOME: folder.path,
          QUIPU_DATA_DIR: folder.path,
          QUIPU_LOG: 'error',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const ended = new Promise<number | null>((done) => child.on('close', done));
      const address = await new Promise<string>((done, failed) => {
        createInterface(child.stdout).once('line', done);
        void ended.then(() => failed(new Error(stderr)));
      });
      expect(stderr.trimEnd().split('\n')).toEqual([
        expect.stringMatching(/no screen.*address in a browser/),
      ]);
      const page = await fetch(new URL('/', address));
      expect(await page.text()).toContain('<title>Quipu</title>');
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      folder.remove();
    },
  );

  it('an option that it does not have', async () => {
    const child = spawn(process.execPath, [START, '--dmo'], { stdio: 'ignore' });
    expect(await new Promise((done) => child.on('close', done))).toBe(2);
  });
});
