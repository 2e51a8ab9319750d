/** The packaged app as a user has it: real Electron, real keyring, real SQLite; the screen is Xvfb. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDemoFeed } from '../../main/demo/feed.ts';
import { keepScreenshot } from '../helpers/browser.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import {
  filesWith,
  isInPage,
  keepWatchlist,
  keyInKeyring,
  lacking,
  packagedApp,
  type RunningApp,
  startAgain,
  startApp,
} from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

const WAIT = { timeout: 30_000 };
const why = lacking();

/** The number that an element carries as data, or NaN. */
const dataOf = async (page: Page, testId: string, name: string): Promise<number> =>
  Number((await page.getByTestId(testId).first().getAttribute(`data-${name}`)) ?? Number.NaN);

const isVisible = ({ app }: RunningApp): Promise<boolean> =>
  app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().some((window) => window.isVisible()));

describe.skipIf(why !== null)(
  `the packaged app${why === null ? '' : ` (${why})`}`,
  { timeout: 180_000 },
  () => {
    let program: string;
    let folder: TemporaryFolder;
    let session: DesktopSession;
    let running: RunningApp | null = null;

    async function start(name: string, env: Readonly<Record<string, string>> = {}): Promise<RunningApp> {
      running = await startApp(program, { ...session.env, QUIPU_DATA_DIR: join(folder.path, name), ...env });
      return running;
    }

    /** The newest icon's name on the bus; it is of the app that was started last. */
    async function trayIcon(): Promise<string> {
      const icon = (await session.trayIcons()).at(-1);
      if (icon === undefined) throw new Error('No icon is in the tray.');
      return icon;
    }

    const trayLabels = async (): Promise<string[]> =>
      (await session.trayMenu(await trayIcon())).map(({ label }) => label);

    async function quitByTray({ ended }: RunningApp): Promise<void> {
      await session.chooseFromTray(await trayIcon(), 'Quit Quipu');
      expect(await ended).toBe(0);
      running = null;
    }

    beforeAll(async () => {
      folder = temporaryFolder();
      [program, session] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
    }, 300_000);

    afterAll(async () => {
      // A test that failed leaves its app behind; what the app uses goes after it.
      if (running !== null) {
        running.app.process().kill('SIGKILL');
        await running.ended;
      }
      await session.stop();
      folder.remove();
    });

    it('opens sandboxed on its own scheme, and offers two ways in', async () => {
      const opened = await start('first');
      const { app, page, errors } = opened;
      await page.getByTestId('first-run').waitFor();
      await keepScreenshot(page, 'desktop-first-run');
      expect(page.url()).toBe('app://quipu/index.html');

      const seen = await page.evaluate(() => {
        const names = ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer'];
        return {
          node: names.filter((name) => name in globalThis),
          bridge: JSON.stringify((globalThis as unknown as Record<string, unknown>)['quipu']),
        };
      });
      expect(seen).toEqual({ node: [], bridge: '{"desktop":true,"platform":"linux"}' });
      const preferences = await app.evaluate(({ BrowserWindow }) => {
        const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as
          { getLastWebPreferences(): Record<string, unknown> } | undefined;
        const { sandbox, contextIsolation, nodeIntegration, webSecurity } =
          contents?.getLastWebPreferences() ?? {};
        return { sandbox, contextIsolation, nodeIntegration, webSecurity };
      });
      expect(preferences).toEqual({
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webSecurity: true,
      });
      expect(errors).toEqual([]);
      await quitByTray(opened);
    });

    it('lets the page go nowhere, and gives it no permission but to copy', async () => {
      const away = await start('first');
      await away.page.getByTestId('first-run').waitFor();
      const tried = await away.page.evaluate(`(async () => {
        const opened = window.open('https://example.com/');
        const inline = document.createElement('script');
        // The policy stops it here or there.
        try {
          inline.textContent = 'window.inlineRan = true';
          document.head.append(inline);
        } catch {}
        const names = ['clipboard-write', 'clipboard-read', 'geolocation', 'notifications', 'camera', 'midi'];
        const states = await Promise.all(
          names.map(async (name) => [name, (await navigator.permissions.query({ name })).state]),
        );
        return { opened: opened !== null, inlineRan: 'inlineRan' in window, ...Object.fromEntries(states) };
      })()`);
      expect(tried).toEqual({
        opened: false,
        inlineRan: false,
        'clipboard-write': 'granted',
        'clipboard-read': 'denied',
        geolocation: 'denied',
        notifications: 'denied',
        camera: 'denied',
        midi: 'denied',
      });
      // A listener that is added here is asked after the app's own.
      const judged = await away.app.evaluate(async ({ BrowserWindow }) => {
        const contents = BrowserWindow.getAllWindows()[0]?.webContents;
        const asked = new Promise((done) => {
          contents?.on('will-navigate', ({ defaultPrevented }) => done(defaultPrevented));
        });
        await contents?.executeJavaScript("location.href = 'https://example.com/'");
        return { isPrevented: await asked, windows: BrowserWindow.getAllWindows().length };
      });
      expect(judged).toEqual({ isPrevented: true, windows: 1 });
      await quitByTray(away);
    });

    it('one click shows the demo feed live', async () => {
      const { page } = running ?? (await start('first'));
      await page.getByTestId('enter-demo').click();
      await expect.poll(() => page.getByTestId('watch-row').count(), WAIT).toBeGreaterThanOrEqual(12);
      await expect.poll(() => dataOf(page, 'chart', 'candles'), WAIT).toBeGreaterThan(0);
      const last = await dataOf(page, 'chart', 'last');
      await expect.poll(() => dataOf(page, 'chart', 'last'), WAIT).not.toBe(last);
      await expect.poll(() => page.getByTestId('tape-row').count(), WAIT).toBeGreaterThan(5);
      await expect.poll(() => page.getByTestId('recording').textContent(), WAIT).toContain('Recording');
      await keepScreenshot(page, 'desktop-live');
    });

    it('copies and saves raw frames, and saves nothing that the page did not make', async () => {
      const { app, page } = running ?? (await start('first'));
      await page.getByTestId('tab-feed').click();
      await page.getByTestId('feed-tab-frames').click();
      await expect.poll(() => page.getByTestId('frame-row').count(), WAIT).toBeGreaterThan(5);
      await page.getByTestId('frame-row').first().click();
      await page.getByTestId('copy-frame').click();
      await expect.poll(() => page.getByTestId('copy-frame').getAttribute('data-said'), WAIT).toBe('copied');
      const copied = await app.evaluate(({ clipboard }) => clipboard.readText());
      expect(JSON.parse(copied)).toHaveProperty('payload');
      await keepScreenshot(page, 'desktop-frames');

      // A listener that is added here is asked after the app's own; without a path a dialog would ask.
      const path = join(folder.path, 'frames.ndjson');
      await app.evaluate(({ session: { defaultSession } }, path) => {
        const asked: unknown[] = [];
        Object.assign(globalThis, { asked });
        defaultSession.on('will-download', ({ defaultPrevented }, item) => {
          const { protocol } = new URL(item.getURL());
          if (defaultPrevented) asked.push({ protocol, isPrevented: true });
          else {
            item.setSavePath(path);
            item.once('done', (_event, state) => asked.push({ protocol, state }));
          }
        });
      }, path);
      const asked = (): Promise<unknown> =>
        app.evaluate(() => (globalThis as unknown as { asked: unknown }).asked);
      await page.getByTestId('frames-save').click();
      const saved = { protocol: 'blob:', state: 'completed' };
      await expect.poll(asked, WAIT).toEqual([saved]);
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(lines.length).toBeGreaterThan(5);
      expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ endpoint: 'trades', truncated: false });

      // What another's words could make a page do: without a click, or of an address that is no blob. What
      // Playwright runs in a page counts as a click; a fresh page has none.
      await page.reload();
      const save = (href: string): Promise<unknown> =>
        app.evaluate(
          ({ BrowserWindow }, code) => BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript(code),
          `Object.assign(document.createElement('a'), { href: ${href}, download: 'x.txt' }).click()`,
        );
      await save("URL.createObjectURL(new Blob(['x']))");
      const refused = [saved, { protocol: 'blob:', isPrevented: true }];
      await expect.poll(asked, WAIT).toEqual(refused);
      await save("'data:text/plain,x'");
      await expect.poll(asked, WAIT).toEqual([...refused, { protocol: 'data:', isPrevented: true }]);
    });

    it('a closed window leaves it in the tray, which tells the state and opens it again', async () => {
      const app = running ?? (await start('first'));
      await expect
        .poll(trayLabels, WAIT)
        .toEqual([
          ...['Recording', 'Trades live', 'Candles live', 'No alerts or troubles yet'],
          ...['Pause recording (until Quipu restarts)', 'Mute notifications for 1 hour'],
          ...['Mute notifications until tomorrow', 'Open Quipu', 'Quit Quipu'],
        ]);
      await app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
      await expect.poll(() => isVisible(app), WAIT).toBe(false);
      await session.chooseFromTray(await trayIcon(), 'Open Quipu');
      await expect.poll(() => isVisible(app), WAIT).toBe(true);
    });

    it('a second start shows the window of the first and ends', async () => {
      const app = running ?? (await start('first'));
      await app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide());
      await expect.poll(() => isVisible(app), WAIT).toBe(false);
      const env = { ...session.env, QUIPU_DATA_DIR: join(folder.path, 'first') };
      expect(await startAgain(program, env)).toBe(0);
      await expect.poll(() => isVisible(app), WAIT).toBe(true);
    });

    it('a computer that sleeps and wakes finds its feed again at once', async () => {
      const { app, page } = running ?? (await start('first'));
      const phase = (): Promise<string | null> => page.getByTestId('link-trades').getAttribute('data-phase');
      await app.evaluate(({ powerMonitor }) => powerMonitor.emit('suspend'));
      await expect.poll(phase, WAIT).toBe('suspended');
      await app.evaluate(({ powerMonitor }) => powerMonitor.emit('resume'));
      await expect.poll(phase, WAIT).toBe('live');
      // An outage of a moment, which redelivery has mended.
      await page.getByTestId('tape-gap').first().waitFor(WAIT);
    });

    it('a page that is loaded again gets the state again', async () => {
      const { page, errors } = running ?? (await start('first'));
      await page.reload();
      await expect.poll(() => page.getByTestId('watch-row').count(), WAIT).toBeGreaterThanOrEqual(12);
      await expect.poll(() => dataOf(page, 'chart', 'candles'), WAIT).toBeGreaterThan(0);
      expect(errors).toEqual([]);
    });

    it('quits from the tray with everything saved, and the next start has it', async () => {
      await quitByTray(running ?? (await start('first')));
      const { stdout } = await quipu(['sessions', '--json', '--data-dir', join(folder.path, 'first', 'demo')])
        .ended;
      const [first, ...others] = JSON.parse(stdout) as { state: string; trades: number }[];
      expect(others).toEqual([]);
      expect(first?.state).toBe('ended');
      expect(first?.trades).toBeGreaterThan(0);

      const second = await start('first');
      const { page } = second;
      await expect.poll(() => dataOf(page, 'chart', 'candles'), WAIT).toBeGreaterThan(0);
      await page.getByTestId('tab-sessions').click();
      await expect.poll(() => page.getByTestId('session-row').count(), WAIT).toBe(2);
      await keepScreenshot(page, 'desktop-sessions');
      await quitByTray(second);
    });

    it('tells trouble by tray and notifications, and a click leads to it', async () => {
      const key = 'desktop-key-71bd02';
      const unknown = 'nowhere-<b>x</b>&y';
      const feed = await startDemoFeed({ port: 0, seed: 3, rate: 20, key });
      const data = join(folder.path, 'trouble');
      const env = {
        QUIPU_TRADES_URL: feed.addresses.trades,
        QUIPU_METRICS_URL: feed.addresses.candles,
        QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
        QUIPU_API_KEY: key,
      };
      const shown = async (): Promise<string[]> => (await session.notifications()).map(({ title }) => title);
      const picture = async (): Promise<string> => session.trayPicture(await trayIcon());
      const choose = async (label: string): Promise<void> => session.chooseFromTray(await trayIcon(), label);
      const labelled = (words: string): unknown =>
        expect.arrayContaining([expect.stringContaining(words) as unknown]);
      try {
        await keepWatchlist(data, feed.addresses, key, ['binance-btc-usdt', unknown]);
        const before = (await shown()).length;
        const app = await start('trouble', env);

        // One market is refused. Its name and the server's words are shown as text.
        await expect.poll(async () => (await shown()).length, WAIT).toBe(before + 1);
        const notification = (await session.notifications()).at(-1);
        expect(notification).toMatchObject({ title: `${unknown} is refused` });
        // Of one endpoint or, when both have answered by then, of each.
        expect(notification?.body).toMatch(
          /“.*BAD_REQUEST: unknown market nowhere-&lt;b&gt;x&lt;\/b&gt;&amp;y”/,
        );
        expect(notification?.actions).toContain('default');
        await app.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
        await expect.poll(() => isVisible(app), WAIT).toBe(false);
        const large = app.page.locator('[data-testid=chart][data-slot="0"]');
        expect(await large.getAttribute('data-market')).toBe('binance-btc-usdt');
        await session.clickNotification(notification?.id ?? 0);
        await expect.poll(() => isVisible(app), WAIT).toBe(true);
        await expect.poll(() => large.getAttribute('data-market'), WAIT).toBe(unknown);
        expect(Number(await large.getAttribute('data-moment'))).toBeGreaterThan(Date.now() - 60_000);

        // A pause is told by shape and words, in the tray and in the window.
        await expect.poll(trayLabels, WAIT).toEqual(expect.arrayContaining(['Trades live', 'Candles live']));
        const live = await picture();
        await choose('Pause recording (until Quipu restarts)');
        await expect.poll(trayLabels, WAIT).toEqual(labelled('Paused since'));
        const paused = await picture();
        await app.page.getByTestId('paused').waitFor(WAIT);
        await choose('Resume recording');
        await expect.poll(picture, WAIT).toBe(live);

        // Muted, trouble is in the tray and under the bell alone.
        await choose('Mute notifications for 1 hour');
        await expect.poll(trayLabels, WAIT).toEqual(labelled('muted until'));
        feed.setFault({ status: 401 });
        feed.dropConnections();
        await expect.poll(trayLabels, WAIT).toEqual(labelled('The API key is refused'));
        await expect.poll(trayLabels, WAIT).toEqual(labelled('Candles refused'));
        const refused = await picture();
        expect(new Set([live, paused, refused]).size).toBe(3);
        await app.page.getByTestId('bell').click();
        await app.page.locator('[data-testid=announcement][data-kind=key-refused]').waitFor(WAIT);
        await keepScreenshot(app.page, 'desktop-announcements');
        expect((await shown()).length).toBe(before + 1);
        await app.page.getByTestId('unmute').click();
        await expect.poll(trayLabels, WAIT).toContain('Mute notifications for 1 hour');
        await quitByTray(app);

        // What is over is taken back by itself.
        const again = await start('trouble', env);
        await expect.poll(shown, WAIT).toContain('The API key is refused');
        const refusal = (await session.notifications()).find(({ title }) => title.includes('API key'));
        feed.setFault(null);
        await again.page.getByTestId('try-again').click();
        await expect.poll(() => session.closedNotifications(), { timeout: 40_000 }).toContain(refusal?.id);
        await quitByTray(again);
      } finally {
        await feed.close();
      }
    });

    it('keeps the key in the keyring, and nowhere else', async () => {
      const key = 'desktop-key-4f1c9a70e2';
      const feed = await startDemoFeed({ port: 0, seed: 2, rate: 20, key });
      const env = {
        QUIPU_TRADES_URL: feed.addresses.trades,
        QUIPU_METRICS_URL: feed.addresses.candles,
        QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
      };
      try {
        const first = await start('key', env);
        await first.page.getByTestId('first-run').waitFor();
        expect(await keyInKeyring(session.env)).toBeNull();
        await first.page.getByTestId('key-input').click();
        await first.page.keyboard.type(key);
        await first.page.getByTestId('key-submit').click();
        await expect.poll(trayLabels, WAIT).toEqual(expect.arrayContaining(['Trades live', 'Candles live']));
        await keepScreenshot(first.page, 'desktop-key');
        expect(await keyInKeyring(session.env)).toBe(key);
        expect(await first.page.content()).not.toContain(key);
        expect(await isInPage(first.page, 'quipu:ready')).toBe(true);
        expect(await isInPage(first.page, key)).toBe(false);
        await quitByTray(first);

        // The second start has it from the keyring, and the server takes it.
        const second = await start('key', env);
        await expect.poll(trayLabels, WAIT).toEqual(expect.arrayContaining(['Trades live', 'Candles live']));
        const commandLine = readFileSync(`/proc/${second.app.process().pid}/cmdline`, 'utf8');
        expect(commandLine).not.toContain(key);
        await quitByTray(second);

        // The log and the record hold what they should, so that the search is not of nothing.
        expect(filesWith(join(folder.path, 'key'), 'Quipu starts').length).toBe(1);
        expect(filesWith(join(folder.path, 'key'), key)).toEqual([]);
      } finally {
        await feed.close();
      }
    });
  },
);
