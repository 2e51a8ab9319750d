/** Row 7: the packaged app and the command line on one data folder, whichever comes first. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { keepScreenshot } from '../helpers/browser.ts';
import { type Quipu, quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { keepWatchlist, lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

const WAIT = { timeout: 60_000 };
const KEY = 'one-folder-key-55ce10';
const MARKET = 'binance-btc-usdt';
const why = lacking();

describe.skipIf(why !== null)(
  `the app and the command line on one folder${why === null ? '' : ` (${why})`}`,
  { timeout: 240_000 },
  () => {
    let program: string;
    let folder: TemporaryFolder;
    let session: DesktopSession;
    let feed: DemoFeed;
    let env: Record<string, string>;
    /** Of the market, in the order in which the feed made them. */
    const made: string[] = [];
    const left: (() => void)[] = [];

    beforeAll(async () => {
      folder = temporaryFolder();
      feed = await startDemoFeed({
        ...{ port: 0, seed: 5, rate: 40, key: KEY },
        onTrade: ({ market, id }) => {
          if (market === MARKET) made.push(id);
        },
      });
      [program, session] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
      env = {
        QUIPU_TRADES_URL: feed.addresses.trades,
        QUIPU_METRICS_URL: feed.addresses.candles,
        QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
        QUIPU_API_KEY: KEY,
        QUIPU_LOG: 'error',
      };
    }, 300_000);

    afterAll(async () => {
      // What a test that failed leaves behind.
      for (const end of left) end();
      await feed.close();
      await session.stop();
      folder.remove();
    });

    const startDesktop = async (data: string): Promise<RunningApp> => {
      const app = await startApp(program, { ...session.env, ...env, QUIPU_DATA_DIR: data });
      const child = app.app.process();
      left.push(() => child.kill('SIGKILL'));
      return app;
    };
    const record = (data: string): Quipu => {
      const recording = quipu(['record', '--market', MARKET, '--data-dir', data], env);
      left.push(() => recording.process.kill('SIGKILL'));
      return recording;
    };
    const sessions = async (data: string): Promise<{ id: number; state: string; trades: number }[]> =>
      JSON.parse((await quipu(['sessions', '--json', '--data-dir', data], env).ended).stdout) as {
        id: number;
        state: string;
        trades: number;
      }[];
    const running = async (data: string): Promise<number> =>
      (await sessions(data)).filter(({ state }) => state === 'recording').length;
    const growing = async (data: string): Promise<void> => {
      const trades = async (): Promise<number> =>
        (await sessions(data)).find(({ state }) => state === 'recording')?.trades ?? 0;
      await expect.poll(trades, WAIT).toBeGreaterThan(5);
    };
    const recorded = async (data: string): Promise<string[]> => {
      const ids: string[] = [];
      for (const { id } of (await sessions(data)).sort((a, b) => a.id - b.id)) {
        const args = ['trades', '--session', `${id}`, '--format', 'jsonl', '--data-dir', data];
        const { stdout } = await quipu(args, env).ended;
        for (const line of stdout.trimEnd().split('\n'))
          if (line !== '') ids.push((JSON.parse(line) as { id: string }).id);
      }
      return ids;
    };
    const endApp = async ({ app, ended }: RunningApp): Promise<void> => {
      app.process().kill('SIGTERM');
      expect(await ended).toBe(0);
    };
    /** None twice, and none missing between the first and the last. */
    const isExact = (ids: readonly string[], atLeast: number): void => {
      expect(ids.length).toBeGreaterThan(atLeast);
      const [first = '', last = ''] = [ids[0], ids.at(-1)];
      expect(ids).toEqual(made.slice(made.indexOf(first), made.indexOf(last) + 1));
    };

    it('reads beside a recorder and says so, and takes over when that one ends', async () => {
      const data = join(folder.path, 'headless-first');
      await keepWatchlist(data, feed.addresses, KEY, [MARKET]);
      const first = record(data);
      await growing(data);
      const second = await startDesktop(data);
      const { page } = second;
      await page.getByTestId('reading').waitFor(WAIT);
      const words = `Another Quipu is recording into this folder. It is the command line, process ${first.process.pid}.`;
      expect(await page.getByTestId('reading').textContent()).toContain(words);
      expect(await page.getByTestId('status-bar').textContent()).toContain(words);
      const tray = async (): Promise<string[]> =>
        (await session.trayMenu((await session.trayIcons()).at(-1) ?? '')).map(({ label }) => label);
      // The menu cuts what is long.
      const line = expect.stringContaining('Not recording: Another Quipu is recording into') as unknown;
      await expect.poll(tray, WAIT).toEqual(expect.arrayContaining([line]));
      await keepScreenshot(page, 'desktop-reading');
      expect(await running(data)).toBe(1);

      await page.getByTestId('tab-sessions').click();
      await expect.poll(() => page.getByTestId('session-row').count(), WAIT).toBe(2);
      const states = page.getByTestId('session-row');
      expect(await states.first().getAttribute('data-state')).toBe('recording');
      await states.first().getByTestId('session-open').click();
      await page.getByTestId('session-markets').waitFor(WAIT);

      await first.stop();
      await expect
        .poll(() => page.getByTestId('recording').getAttribute('data-state'), WAIT)
        .toBe('recording');
      expect(await running(data)).toBe(1);
      await growing(data);
      // A second recorder is turned away now, and told by whom.
      const { code, stderr } = await record(data).ended;
      expect(code).toBe(5);
      expect(stderr).toContain(`It is the desktop app, process ${second.app.process().pid}.`);
      await endApp(second);
      expect((await sessions(data)).map(({ state }) => state)).toEqual(['ended', 'ended', 'ended']);
      isExact(await recorded(data), 15);
    });

    it('takes over from a recorder that was killed, and records what that one had not', async () => {
      const data = join(folder.path, 'killed');
      await keepWatchlist(data, feed.addresses, KEY, [MARKET]);
      const first = record(data);
      await growing(data);
      const second = await startDesktop(data);
      await second.page.getByTestId('reading').waitFor(WAIT);
      first.process.kill('SIGKILL');
      const state = second.page.getByTestId('recording');
      await expect.poll(() => state.getAttribute('data-state'), WAIT).toBe('recording');
      await growing(data);
      await endApp(second);
      expect(new Set((await sessions(data)).map((each) => each.state))).toEqual(
        new Set(['ended', 'ended unexpectedly']),
      );
      isExact(await recorded(data), 10);
    });

    it('a recorder and a host beside the app say who records, and the app’s record is whole', async () => {
      const data = join(folder.path, 'app-first');
      await keepWatchlist(data, feed.addresses, KEY, [MARKET]);
      const first = await startDesktop(data);
      await growing(data);
      const host = quipu(['serve', '--port', '0', '--data-dir', data], env);
      for (const second of [record(data), host]) {
        const { code, stdout, stderr } = await second.ended;
        expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
        expect(stderr).toContain(
          'Another Quipu is recording into this folder. It is the desktop app, process',
        );
      }
      expect(await running(data)).toBe(1);
      expect(await first.page.getByTestId('recording').getAttribute('data-state')).toBe('recording');
      await endApp(first);
      const third = record(data);
      await expect.poll(() => running(data), WAIT).toBe(1);
      await growing(data);
      await third.stop();
      isExact(await recorded(data), 10);
    });
  },
);
