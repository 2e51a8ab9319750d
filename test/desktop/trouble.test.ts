/** A page that dies, a computer that sleeps and a system that ends: the packaged app goes on recording. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { keepWatchlist, lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

const WAIT = { timeout: 60_000 };
const KEY = 'trouble-key-0d3f8e';
const MARKET = 'binance-btc-usdt';
/** 5 s are promised, of a machine that does nothing else. */
const RECONNECTED_MS = 20_000;
const why = lacking();

interface Recorded {
  readonly id: number;
  readonly state: string;
  readonly trades: number;
  readonly gaps: number;
}

interface Entry {
  readonly at: string;
  readonly endpoint: string;
  readonly from: string;
  readonly to: string;
}

describe.skipIf(why !== null)(
  `the packaged app in trouble${why === null ? '' : ` (${why})`}`,
  { timeout: 300_000 },
  () => {
    let program: string;
    let folder: TemporaryFolder;
    let session: DesktopSession;
    let feed: DemoFeed;
    let env: Record<string, string>;
    let running: RunningApp;
    let child: ChildProcess | null = null;
    let data = '';
    let count = 0;
    /** Of the market, in the order in which the feed made them. */
    const made: string[] = [];

    beforeAll(async () => {
      folder = temporaryFolder();
      feed = await startDemoFeed({
        ...{ port: 0, seed: 8, rate: 40, key: KEY },
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
        QUIPU_LOG: 'info',
      };
    }, 300_000);

    afterAll(async () => {
      child?.kill('SIGKILL');
      await feed.close();
      await session.stop();
      folder.remove();
    });

    beforeEach(async () => {
      child?.kill('SIGKILL');
      data = join(folder.path, `data-${++count}`);
      await keepWatchlist(data, feed.addresses, KEY, [MARKET]);
      running = await startApp(program, { ...session.env, ...env, QUIPU_DATA_DIR: data });
      child = running.app.process();
      await running.app.evaluate(({ dialog }) => {
        const asked: string[] = [];
        Object.assign(globalThis, { asked, answer: 0 });
        Object.assign(dialog, {
          showMessageBox: (...given: unknown[]) => {
            asked.push((given.at(-1) as { message: string }).message);
            const { answer } = globalThis as unknown as { answer: number };
            return Promise.resolve({ response: answer, checkboxChecked: false });
          },
        });
      });
      await isGrowing();
    }, 120_000);

    const list = async <T>(...args: readonly string[]): Promise<T[]> =>
      JSON.parse((await quipu([...args, '--json', '--data-dir', data]).ended).stdout) as T[];
    /** The app's own: the one before it gave the watchlist. */
    const recorded = async (): Promise<Recorded> => {
      const newest = (await list<Recorded>('sessions')).sort((a, b) => b.id - a.id)[0];
      if (newest === undefined) throw new Error('Nothing is recorded.');
      return newest;
    };
    /** More is on disk than there was. */
    async function isGrowing(): Promise<void> {
      const before = (await recorded()).trades;
      await expect
        .poll(async () => {
          const { state, trades } = await recorded();
          return state === 'recording' && trades > before + 5;
        }, WAIT)
        .toBe(true);
    }
    /** Ends as `signal` makes it end; none is there twice, and none is missing. */
    async function endsExact(signal: NodeJS.Signals): Promise<Recorded> {
      child?.kill(signal);
      expect(await running.ended).toBe(0);
      const ids: string[] = [];
      for (const { id } of (await list<Recorded>('sessions')).sort((a, b) => a.id - b.id)) {
        const args = ['trades', '--session', `${id}`, '--format', 'jsonl', '--data-dir', data];
        for (const line of (await quipu(args).ended).stdout.split('\n'))
          if (line !== '') ids.push((JSON.parse(line) as { id: string }).id);
      }
      expect(ids.length).toBeGreaterThan(10);
      expect(ids).toEqual(made.slice(made.indexOf(ids[0] ?? ''), made.indexOf(ids.at(-1) ?? '') + 1));
      return recorded();
    }
    const asked = (): Promise<string[]> =>
      running.app.evaluate(() => (globalThis as unknown as { asked: string[] }).asked);
    const pagePid = (): Promise<number> =>
      running.app.evaluate(
        ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getOSProcessId() ?? 0,
      );
    /** Another process than `died` shows trades. Not by Playwright's page, which is of the one that died. */
    const isBack = (died: number): Promise<boolean> =>
      running.app.evaluate(async ({ BrowserWindow }, died) => {
        const contents = BrowserWindow.getAllWindows()[0]?.webContents;
        if (contents === undefined || [0, died].includes(contents.getOSProcessId())) return false;
        const shows = contents.executeJavaScript(
          "document.querySelectorAll('[data-testid=tape-row]').length > 5",
        );
        const late = new Promise((done) => setTimeout(() => done(false), 1_000));
        return (await Promise.race([shows, late])) === true;
      }, died);

    it('records on while its page is killed', async () => {
      const died = await pagePid();
      process.kill(died, 'SIGKILL');
      await isGrowing();
      await expect.poll(() => isBack(died), WAIT).toBe(true);
      expect(await asked()).toEqual([]);
      expect(await endsExact('SIGHUP')).toMatchObject({ state: 'ended', gaps: 0 });
    });

    it('is back after a resume, with the gap recorded and recovered', async () => {
      const connections = feed.connections.trades;
      // Frozen without a warning, while its peer gives it up: what is frozen learns of neither.
      child?.kill('SIGSTOP');
      feed.dropConnections();
      await expect.poll(() => feed.connections.trades, WAIT).toBeLessThan(connections);
      const from = made.length;
      await expect.poll(() => made.length, WAIT).toBeGreaterThan(from + 20);
      child?.kill('SIGCONT');
      const resumed = Date.now();
      await running.app.evaluate(({ powerMonitor }) => {
        powerMonitor.emit('suspend');
        powerMonitor.emit('resume');
      });
      const link = running.page.getByTestId('link-trades');
      await expect.poll(() => feed.connections.trades, WAIT).toBe(connections);
      await expect.poll(() => link.getAttribute('data-phase'), WAIT).toBe('live');
      // Only rows in sight exist: nothing new pushes the divider out of it.
      feed.pause();
      await running.page.getByTestId('tape-gap').first().waitFor(WAIT);
      feed.resume();
      await isGrowing();
      const { state, gaps } = await endsExact('SIGTERM');
      expect({ state, isGap: gaps > 0 }).toEqual({ state: 'ended', isGap: true });
      for (const endpoint of ['trades', 'candles']) {
        const lives = (await list<Entry>('journal'))
          .filter((each) => each.endpoint === endpoint && each.to === 'live')
          .map(({ at }) => Date.parse(at));
        const back = lives.find((at) => at >= resumed);
        expect(back, endpoint).toBeDefined();
        expect((back ?? Infinity) - resumed).toBeLessThan(RECONNECTED_MS);
      }
    });
  },
);
