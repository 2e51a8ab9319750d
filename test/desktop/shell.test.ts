/** The packaged app's windows, menus and ends, as a user has them. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepScreenshot } from '../helpers/browser.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { lacking, packagedApp, type RunningApp, startAgain, startApp, startWrongly } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

const WAIT = { timeout: 30_000 };
const why = lacking();

const countOf = async (page: Page): Promise<number> =>
  Number((await page.getByTestId('chart').first().getAttribute('data-candles')) ?? Number.NaN);

describe.skipIf(why !== null)(
  `the packaged app’s shell${why === null ? '' : ` (${why})`}`,
  { timeout: 120_000 },
  () => {
    let program: string;
    let folder: TemporaryFolder;
    let session: DesktopSession;
    let running: RunningApp;
    const started: ChildProcess[] = [];
    let data: string;
    let env: Readonly<Record<string, string>>;

    const start = async (...args: readonly string[]): Promise<RunningApp> => {
      running = await startApp(program, env, args);
      started.push(running.app.process());
      await answerDialogs();
      return running;
    };

    /** Dialogs would wait for a hand: they are noted, and answered as the test says. */
    const answerDialogs = (): Promise<void> =>
      running.app.evaluate(({ dialog }) => {
        const asked: { message: string; detail: string; buttons: string[] }[] = [];
        Object.assign(globalThis, { asked, answer: 0 });
        const show = (...given: unknown[]): Promise<unknown> => {
          const options = given.at(-1) as { message: string; detail: string; buttons: string[] };
          asked.push(options);
          const { answer } = globalThis as unknown as { answer: number | 'never' };
          if (answer !== 'never') return Promise.resolve({ response: answer, checkboxChecked: false });
          const { signal } = given.at(-1) as { signal?: AbortSignal };
          return new Promise((done) => {
            signal?.addEventListener('abort', () => done({ response: 0, checkboxChecked: false }));
          });
        };
        Object.assign(dialog, { showMessageBox: show });
      });
    const answer = (value: number | 'never'): Promise<void> =>
      running.app.evaluate((_electron, value) => void Object.assign(globalThis, { answer: value }), value);
    const asked = (): Promise<string[]> =>
      running.app.evaluate(() =>
        (globalThis as unknown as { asked: { message: string }[] }).asked.map(({ message }) => message),
      );

    const addresses = (): Promise<string[]> =>
      running.app.evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()
          .filter((window) => window.isVisible())
          .map((window) => window.webContents.getURL())
          .sort(),
      );
    const pageAt = async (end: string): Promise<Page> => {
      const find = (): Page | undefined => running.app.windows().find((page) => page.url().endsWith(end));
      await expect.poll(find, WAIT).toBeDefined();
      const page = find();
      if (page === undefined) throw new Error(`No window is at ${end}.`);
      return page;
    };
    const choose = (id: string): Promise<void> =>
      running.app.evaluate(
        ({ Menu }, id) => void Menu.getApplicationMenu()?.getMenuItemById(id)?.click(),
        id,
      );
    const labelOf = (id: string): Promise<string | undefined> =>
      running.app.evaluate(({ Menu }, id) => Menu.getApplicationMenu()?.getMenuItemById(id)?.label, id);
    const memory = (): unknown => JSON.parse(readFileSync(join(data, 'desktop.json'), 'utf8'));
    const sessions = async (): Promise<{ state: string; trades: number; gaps: number }[]> => {
      const { stdout } = await quipu(['sessions', '--json', '--data-dir', join(data, 'demo')]).ended;
      return JSON.parse(stdout) as { state: string; trades: number; gaps: number }[];
    };

    /** As another program could, until it is closed. */
    function lockDatabase(): DatabaseSync {
      const database = new DatabaseSync(join(data, 'demo', 'quipu.db'), { timeout: 20_000 });
      database.exec('BEGIN EXCLUSIVE');
      return database;
    }

    beforeAll(async () => {
      folder = temporaryFolder();
      data = join(folder.path, 'shell');
      [program, session] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
      env = { ...session.env, QUIPU_DATA_DIR: data };
    }, 300_000);

    afterAll(async () => {
      // A test that failed leaves its app behind; what the app uses goes after it.
      for (const process of started) process.kill('SIGKILL');
      await session.stop();
      folder.remove();
    });

    it('opens what it is started with, and nothing of what cannot be read', async () => {
      await start('--demo');
      await expect.poll(() => countOf(running.page), WAIT).toBeGreaterThan(0);
      expect(await addresses()).toEqual(['app://quipu/index.html']);

      const market = (await running.page.getByTestId('chart').first().getAttribute('data-market')) ?? '';
      expect(await startAgain(program, env, [`quipu://market/${encodeURIComponent(market)}`])).toBe(0);
      const hash = `#${new URLSearchParams({ market }).toString()}`;
      await expect.poll(addresses, WAIT).toEqual([`app://quipu/index.html`, `app://quipu/index.html${hash}`]);
      const own = await pageAt(hash);
      await expect.poll(() => countOf(own), WAIT).toBeGreaterThan(0);
      await expect.poll(() => own.getByTestId('tape-row').count(), WAIT).toBeGreaterThan(5);
      await keepScreenshot(own, 'desktop-market-window');

      expect(await startWrongly(program, env, ['--session', 'first'])).toMatch(/^--session needs/);
      // The same again brings the same window.
      expect(await startAgain(program, env, ['--market', market])).toBe(0);
      expect(await startAgain(program, env, ['--session', '1'])).toBe(0);
      await expect.poll(async () => (await addresses()).length, WAIT).toBe(3);
      const review = await pageAt('#session=1');
      await expect.poll(() => review.getByTestId('session-row').count(), WAIT).toBe(1);
      await review.getByTestId('session-markets').waitFor();
      await keepScreenshot(review, 'desktop-session-window');
    });

    it('opens a market from its chart, and closing one window leaves the others live', async () => {
      const { page, errors } = running;
      const second = page.getByTestId('chart').nth(1);
      const market = (await second.getAttribute('data-market')) ?? '';
      await second.getByTestId('open-window').click();
      const own = await pageAt(`#${new URLSearchParams({ market }).toString()}`);
      await expect.poll(() => countOf(own), WAIT).toBeGreaterThan(0);
      await own.evaluate('window.close()');
      await expect.poll(async () => (await addresses()).length, WAIT).toBe(3);
      const newest = await page.getByTestId('tape-row').first().textContent();
      await expect.poll(() => page.getByTestId('tape-row').first().textContent(), WAIT).not.toBe(newest);
      expect(errors).toEqual([]);
    });

    it('does what its menus say', async () => {
      const { page } = running;
      await choose('tab.sessions');
      await page.getByTestId('sessions-view').waitFor();
      await choose('theme.light');
      await expect.poll(() => page.evaluate('document.documentElement.dataset.theme'), WAIT).toBe('light');
      await choose('zoom.in');
      await choose('zoom.in');
      await expect.poll(() => page.evaluate('devicePixelRatio'), WAIT).toBeCloseTo(1.25);
      await choose('tab.live');
      await choose('search');
      await expect
        .poll(() => page.evaluate("document.activeElement.getAttribute('aria-label')"), WAIT)
        .toBe('Find a market');
      expect(await labelOf('recording.toggle')).toBe('Pause recording');
      await choose('recording.toggle');
      await expect.poll(() => labelOf('recording.toggle'), WAIT).toBe('Resume recording');
      await choose('recording.toggle');
      await expect.poll(() => labelOf('recording.toggle'), WAIT).toBe('Pause recording');

      await choose('about');
      expect(await asked()).toEqual(['Quipu']);
      const detail = await running.app.evaluate(
        () => (globalThis as unknown as { asked: { detail: string }[] }).asked[0]?.detail,
      );
      expect(detail).toMatch(/Version \d[^]*Electron \d[^]*Node \d[^]*SQLite 3\.[^]*Data folder: /);
      expect(detail).toContain(data);

      await choose('licences');
      const licences = await pageAt('/licences.txt');
      await expect.poll(() => licences.textContent('body'), WAIT).toContain('svelte');
      await licences.evaluate('window.close()');
    });

    it('brings back a page that died, and asks when it dies again and again', async () => {
      // Not by Playwright's page, which is of the process that died; and code in a dead page never answers.
      const isBack = (died: number): Promise<boolean> =>
        running.app.evaluate(async ({ BrowserWindow }, died) => {
          const window = BrowserWindow.getAllWindows().find(
            (each) => each.webContents.getURL() === 'app://quipu/index.html',
          );
          if (window === undefined || window.webContents.getOSProcessId() === died) return false;
          const count = window.webContents.executeJavaScript(
            "document.querySelectorAll('[data-testid=tape-row]').length > 5",
          );
          const late = new Promise((done) => setTimeout(() => done(false), 1_000));
          return (await Promise.race([count, late])) === true;
        }, died);
      for (let time = 1; time <= 4; time++) {
        const died = await running.app.evaluate(({ BrowserWindow }) => {
          const window = BrowserWindow.getAllWindows().find(
            (each) => each.webContents.getURL() === 'app://quipu/index.html',
          );
          const pid = window?.webContents.getOSProcessId() ?? 0;
          process.kill(pid, 'SIGKILL');
          return pid;
        });
        await expect.poll(() => isBack(died), WAIT).toBe(true);
        const questions = time < 4 ? [] : ['This window stops working again and again'];
        expect(await asked()).toEqual(['Quipu', ...questions]);
      }
    });

    it('remembers its windows, explains the tray once, and ends clean when the system ends it', async () => {
      const before = await asked();
      const place = { x: 60, y: 40, width: 1100, height: 720 };
      await running.app.evaluate(({ BrowserWindow }, place) => {
        for (const window of BrowserWindow.getAllWindows()) {
          if (window.webContents.getURL().includes('#')) window.close();
          else window.setBounds(place);
        }
      }, place);
      await expect.poll(memory, WAIT).toMatchObject({ windows: { main: place }, zoom: 1.25 });
      await expect.poll(addresses, WAIT).toEqual(['app://quipu/index.html']);
      const closeAll = (): Promise<void> =>
        running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
      await closeAll();
      await expect.poll(asked, WAIT).toEqual([...before, 'Quipu goes on in the tray']);
      expect(await startAgain(program, env)).toBe(0);
      await expect.poll(addresses, WAIT).toEqual(['app://quipu/index.html']);
      await closeAll();
      await expect.poll(addresses, WAIT).toEqual([]);
      expect(await asked()).toEqual([...before, 'Quipu goes on in the tray']);

      running.app.process().kill('SIGTERM');
      expect(await running.ended).toBe(0);
      const recorded = await sessions();
      // One before the pause and one after it. The page's death made no gap.
      expect(recorded.map(({ state, gaps }) => [state, gaps])).toEqual([
        ['ended', 0],
        ['ended', 0],
      ]);

      await start();
      const bounds = await running.app.evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()[0]?.getBounds(),
      );
      expect(bounds).toEqual(place);
      await expect.poll(() => countOf(running.page), WAIT).toBeGreaterThan(0);
      expect(await running.page.evaluate('devicePixelRatio')).toBeCloseTo(1.25);
    });

    it('starts at log-in, hidden, when that is asked for', async () => {
      const { page } = running;
      await page.getByTestId('tab-settings').click();
      await page.getByTestId('settings-desktop').click();
      await keepScreenshot(page, 'desktop-settings');
      await page.getByTestId('setting-startAtLogin').click();
      const file = join(session.env['XDG_CONFIG_HOME'] ?? '', 'autostart', 'quipu.desktop');
      await expect.poll(() => existsSync(file), WAIT).toBe(true);
      expect(readFileSync(file, 'utf8')).toContain(`Exec="${program}" --hidden`);
      await page.getByTestId('setting-startAtLogin').click();
      await expect.poll(() => existsSync(file), WAIT).toBe(false);
    });

    it('looks for updates where it is told to, and nowhere before', async () => {
      const { page } = running;
      await choose('updates.news');
      await choose('updates.check');
      await expect.poll(asked, WAIT).toEqual(expect.arrayContaining([expect.stringMatching(/^What is new/)]));
      await expect.poll(asked, WAIT).toContain('Updates are off');
      const [feed, use] = [page.getByTestId('update-feed'), page.getByTestId('update-feed-use')];
      await feed.fill('http://127.0.0.1:9/');
      await use.click();
      await expect
        .poll(() => page.getByTestId('update-feed-words').textContent(), WAIT)
        .toContain('The feed must be an address that begins with https://');
      await feed.fill('https://127.0.0.1:9/');
      await use.click();
      await expect.poll(() => use.isDisabled(), WAIT).toBe(true);
      await keepScreenshot(page, 'desktop-updates');
      await choose('updates.check');
      // Nobody answers there, which is told too.
      await expect.poll(async () => (await asked()).length, WAIT).toBeGreaterThan(2);
      await feed.fill('');
      await use.click();
      await expect.poll(() => use.isDisabled(), WAIT).toBe(true);
      await answerDialogs();
    });

    it('says that it cannot save, and waits for the disk when it is told to', async () => {
      const { page } = running;
      await page.getByTestId('tab-live').click();
      const database = lockDatabase();
      await expect.poll(() => page.getByTestId('recording').getAttribute('data-state'), WAIT).toBe('failed');
      await answer('never');
      await running.app.evaluate(({ app }) => app.quit());
      await expect.poll(asked, WAIT).toEqual(['Quipu cannot save what it received']);
      expect(running.app.process().exitCode).toBeNull();
      // The question is taken back once it needs no answer.
      database.exec('ROLLBACK');
      database.close();
      expect(await running.ended).toBe(0);
      expect((await sessions()).map(({ state }) => state)).toEqual(['ended', 'ended', 'ended']);
    });

    it('quits anyway when it is told to', async () => {
      await start();
      await expect.poll(() => countOf(running.page), WAIT).toBeGreaterThan(0);
      const database = lockDatabase();
      await expect
        .poll(() => running.page.getByTestId('recording').getAttribute('data-state'), WAIT)
        .toBe('failed');
      await answer(1);
      await running.app.evaluate(({ app }) => app.quit());
      expect(await running.ended).toBe(1);
      database.close();
      expect(readFileSync(join(data, 'logs', 'quipu.log'), 'utf8')).toContain(
        'the record could not be closed',
      );
    });

    it('asks nobody when the system ends it, and ends all the same', async () => {
      await start();
      await expect.poll(() => countOf(running.page), WAIT).toBeGreaterThan(0);
      const database = lockDatabase();
      await expect
        .poll(() => running.page.getByTestId('recording').getAttribute('data-state'), WAIT)
        .toBe('failed');
      await answer('never');
      running.app.process().kill('SIGTERM');
      expect(await running.ended).toBe(1);
      database.close();
      expect(readFileSync(join(data, 'logs', 'quipu.log'), 'utf8')).toMatch(
        /the system ends Quipu[^\n]*SIGTERM[^]*the record could not be closed/,
      );
    });
  },
);
