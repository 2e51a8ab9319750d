/**
 * A key that is looked for everywhere: entered by hand, used, refused by a server that repeats it, replaced,
 * tested and forgotten, in the packaged app and in the browser host, each with a real keyring.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { family, filesWithKey, heapOf, holdsKey, processesWithKey } from '../helpers/canary.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';
import { filesWith, keyInKeyring, lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

const WAIT = { timeout: 30_000 };
const RIGHT = 'canary/9f2c41d7e0b8a6';
const WRONG = 'canary"wrong+5b1e7733aa';
const why = lacking() ?? (findChromium() === null ? 'lacking chromium' : null);

describe.skipIf(why !== null)(`the key${why === null ? '' : ` (${why})`}`, { timeout: 240_000 }, () => {
  let folder: TemporaryFolder;
  let session: DesktopSession;
  let program: string;
  let feed: DemoFeed;
  let env: Record<string, string>;
  let browser: Browser;
  let app: RunningApp | null = null;

  beforeAll(async () => {
    folder = temporaryFolder();
    feed = await startDemoFeed({ port: 0, seed: 3, rate: 20, key: RIGHT });
    [program, session, browser] = await Promise.all([
      packagedApp(),
      startDesktopSession(folder.path),
      launchBrowser(),
    ]);
    env = {
      ...session.env,
      QUIPU_TRADES_URL: feed.addresses.trades,
      QUIPU_METRICS_URL: feed.addresses.candles,
      QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
      QUIPU_LOG: 'debug',
    };
  }, 300_000);

  afterAll(async () => {
    if (app !== null) {
      app.app.process().kill('SIGKILL');
      await app.ended;
    }
    await browser.close();
    await feed.close();
    await session.stop();
    folder.remove();
  });

  beforeEach(() => feed.setFault(null));

  const enter = async (page: Page, key: string): Promise<void> => {
    await page.getByTestId('key-input').click();
    await page.keyboard.type(key);
    await page.getByTestId('key-submit').click();
  };
  const isLive = async (page: Page): Promise<void> => {
    for (const link of ['link-trades', 'link-candles'])
      await expect.poll(() => page.getByTestId(link).getAttribute('data-phase'), WAIT).toBe('live');
  };
  const words = (page: Page): Promise<string> =>
    page
      .getByTestId('server-words')
      .allTextContents()
      .then((texts) => texts.join());
  const keySettings = async (page: Page): Promise<void> => {
    await page.getByTestId('tab-settings').click();
    await page.getByTestId('settings-key').click();
    await page.getByTestId('key-settings').waitFor(WAIT);
  };

  /** All that a user can do with a key. At its end there is none. */
  async function story(page: Page, pid: number): Promise<void> {
    await page.getByTestId('first-run').waitFor(WAIT);
    await enter(page, RIGHT);
    await isLive(page);
    expect(await keyInKeyring(session.env)).toBe(RIGHT);
    expect(processesWithKey(pid, RIGHT)).toEqual([]);
    await nowhereInPage(page);

    // The server turns the key away, ends the connections, and repeats the key in both.
    feed.setFault({
      status: 401,
      words: (key) =>
        `The key ${key} (${encodeURIComponent(key)}) is ${key === RIGHT ? 'revoked' : 'not valid'}`,
    });
    // After a close of an application's own code it is tried again in a second; after 1008, in up to 45.
    feed.dropConnections(4001, `key ${RIGHT} is revoked`);
    await expect.poll(() => words(page), WAIT).toContain('The key [API key] ([API key]) is revoked');
    await nowhereInPage(page);
    await page.getByTestId('another-key').click();
    await enter(page, WRONG);
    await expect.poll(() => words(page), WAIT).toContain('The key [API key] ([API key]) is not valid');
    expect(await keyInKeyring(session.env)).toBe(WRONG);
    expect(processesWithKey(pid, WRONG)).toEqual([]);

    await keySettings(page);
    await page.getByTestId('key-test').click();
    const result = page.getByTestId('key-result');
    await expect.poll(() => result.locator('[data-state=refused]').count(), WAIT).toBe(2);
    expect(await result.textContent()).toContain('The key [API key] ([API key]) is not valid');
    feed.setFault(null);
    await enter(page, RIGHT);
    await isLive(page);
    await page.getByTestId('key-test').click();
    await expect.poll(() => result.locator('[data-state=accepted]').count(), WAIT).toBe(2);
    await nowhereInPage(page);

    await page.getByTestId('key-forget').click();
    await page.getByTestId('key-forget-now').click();
    await page.getByTestId('first-run').or(page.getByTestId('key-settings')).first().waitFor(WAIT);
    await expect.poll(() => keyInKeyring(session.env), WAIT).toBeNull();
    await nowhereInPage(page);
    expect(family(pid).length).toBeGreaterThan(0);
  }

  async function nowhereInPage(page: Page): Promise<void> {
    const heap = await heapOf(await page.context().newCDPSession(page));
    // The search is not of nothing.
    expect(holdsKey(heap, 'data-testid')).toBe(true);
    expect([holdsKey(heap, RIGHT), holdsKey(heap, WRONG)]).toEqual([false, false]);
    // In a heap snapshot, texts are JSON.
    expect(heap.includes(JSON.stringify(WRONG).slice(1, -1))).toBe(false);
    const html = await page.content();
    expect(html.includes(RIGHT) || html.includes(WRONG)).toBe(false);
    const kept = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
    );
    expect(String(kept)).not.toContain('canary');
  }

  async function nowhereInFiles(data: string): Promise<void> {
    expect(filesWith(data, 'SQLite format 3').length).toBeGreaterThan(0);
    expect([...filesWithKey(data, RIGHT), ...filesWithKey(data, WRONG)]).toEqual([]);
    const exports = [
      ...['trades', 'candles', 'journal', 'refusals'].map((what) => [what, '--json']),
      ['trades', '--format', 'csv'],
      ['doctor', '--json'],
    ];
    for (const args of exports) {
      const run = args[0] === 'doctor' ? args : [...args, '--data-dir', data];
      const { stdout, stderr } = await quipu(run, { ...env, QUIPU_DATA_DIR: data }).ended;
      expect(holdsKey(stdout + stderr, RIGHT) || holdsKey(stdout + stderr, WRONG), args.join(' ')).toBe(
        false,
      );
    }
  }

  it('is nowhere but in the keyring: the browser host', async () => {
    const data = join(folder.path, 'browser');
    const host = quipu(['serve', '--port', '0', '--data-dir', data, '--json'], env);
    const { address } = JSON.parse(await host.firstLine) as { address: string };
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(address);
    await story(page, host.process.pid ?? 0);
    await nowhereInFiles(data);
    await host.stop();
    const { stdout, stderr } = await host.ended;
    expect(stderr).toContain('[API key]');
    expect(holdsKey(stdout + stderr, RIGHT) || holdsKey(stdout + stderr, WRONG)).toBe(false);
    await nowhereInFiles(data);
    await page.close();
  });

  it('is nowhere but in the keyring: the packaged app', async () => {
    const data = join(folder.path, 'desktop');
    app = await startApp(program, { ...env, QUIPU_DATA_DIR: data });
    await story(app.page, app.app.process().pid ?? 0);
    await keepScreenshot(app.page, 'desktop-key-settings');
    // What a crash of the page leaves behind.
    await app.app.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer();
    });
    app.app.process().kill('SIGTERM');
    await app.ended;
    app = null;
    expect(filesWith(join(data, 'logs'), '[API key]').length).toBe(1);
    await nowhereInFiles(data);
  });

  it('given by the environment, it is in no page, and no other program is started with it', async () => {
    const data = join(folder.path, 'environment');
    app = await startApp(program, { ...env, QUIPU_DATA_DIR: data, QUIPU_API_KEY: RIGHT });
    await isLive(app.page);
    await nowhereInPage(app.page);
    // Chromium's own processes are forked before the first line of ours.
    const given = (await app.app.evaluate(() => Object.keys(process.env))).filter((name) =>
      /^QUIPU_/.test(name),
    );
    expect(given).toContain('QUIPU_DATA_DIR');
    expect(given).not.toContain('QUIPU_API_KEY');
    app.app.process().kill('SIGTERM');
    expect(await app.ended).toBe(0);
    app = null;
    await nowhereInFiles(data);
  });

  it('of a locked keyring: it says so, asks again on demand, and keeps another for this session alone', async () => {
    lock(session);
    const data = join(folder.path, 'locked');
    app = await startApp(program, { ...env, QUIPU_DATA_DIR: data });
    const { page } = app;
    const trouble = page.getByTestId('key-trouble');
    await trouble.waitFor(WAIT);
    expect(await trouble.getAttribute('data-trouble')).toBe('locked');
    expect(await trouble.textContent()).toMatch(/locked.*Unlock/);
    await page.getByTestId('key-retry').click();
    await expect.poll(() => page.getByTestId('key-retry').isEnabled(), WAIT).toBe(true);
    expect(await trouble.getAttribute('data-trouble')).toBe('locked');
    await enter(page, RIGHT);
    await isLive(page);
    await keySettings(page);
    expect(await page.getByTestId('key-settings').getAttribute('data-place')).toBe('this session');
    await keepScreenshot(page, 'desktop-key-locked');
    await nowhereInPage(page);
    app.app.process().kill('SIGTERM');
    await app.ended;
    app = null;
    await nowhereInFiles(data);
  });

  it('without a bus: it says that there is no keychain, and keeps the key for this session alone', async () => {
    const data = join(folder.path, 'busless');
    const busless = { ...env };
    delete busless['DBUS_SESSION_BUS_ADDRESS'];
    delete busless['DISPLAY'];
    const host = quipu(['serve', '--port', '0', '--data-dir', data, '--json'], busless);
    const { address } = JSON.parse(await host.firstLine) as { address: string };
    const page = await browser.newPage();
    await page.goto(address);
    await page.getByTestId('key-trouble').waitFor(WAIT);
    expect(await page.getByTestId('key-trouble').getAttribute('data-trouble')).toBe('missing');
    await enter(page, RIGHT);
    await isLive(page);
    await keySettings(page);
    expect(await page.getByTestId('key-place').textContent()).toContain('this session only');
    await nowhereInPage(page);
    await page.getByTestId('key-forget').click();
    await page.getByTestId('key-forget-now').click();
    await expect.poll(() => page.getByTestId('key-settings').getAttribute('data-place'), WAIT).toBe('none');
    await host.stop();
    await nowhereInFiles(data);
    await page.close();
  });
});

/** The keyring's collections, as a screen saver locks them. */
function lock({ env }: DesktopSession): void {
  const service = [
    'call',
    '--session',
    '--dest',
    'org.freedesktop.secrets',
    '--object-path',
    '/org/freedesktop/secrets',
  ];
  const collection = '/org/freedesktop/secrets/collection/login';
  execFileSync(
    'gdbus',
    [...service, '--method', 'org.freedesktop.Secret.Service.Lock', `[objectpath '${collection}']`],
    { env: { ...env } },
  );
}
