/** The whole app as a user has it in a browser: real host, real demo feed, real SQLite, real Chromium. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDemoFeed } from '../../main/demo/feed.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { type Quipu, quipu, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const SIZE = { width: 1440, height: 900 };

async function serve(
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ host: Quipu; address: string }> {
  const host = quipu(['serve', '--port', '0', '--data-dir', folder, '--json'], env);
  const { address } = JSON.parse(await host.firstLine) as { address: string };
  return { host, address };
}

/** The number that an element carries as data, or NaN. */
const dataOf = async (page: Page, testId: string, name: string): Promise<number> =>
  Number((await page.getByTestId(testId).first().getAttribute(`data-${name}`)) ?? Number.NaN);

/** How long before `time` the trade of a tape's row was, in ms; negative when it was after. */
function ageAt(time: number, row: string): number {
  const [, hours, minutes, seconds] = /(\d\d):(\d\d):(\d\d\.\d{3})/.exec(row) ?? [];
  const ofDay = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  const day = 86_400_000;
  const age = ((time % day) - ofDay + day) % day;
  return age < day / 2 ? age : age - day;
}

describe.skipIf(findChromium() === null)('in a browser', { timeout: 120_000 }, () => {
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });

  async function open(address: string): Promise<void> {
    page = await browser.newPage({ viewport: SIZE, colorScheme: 'dark' });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(address);
  }

  it('from the first run to a live, recorded chart, and after a restart the history is there', async () => {
    const folder = temporaryFolder();
    try {
      const first = await serve(folder.path);
      await open(first.address);
      await page.getByTestId('first-run').waitFor();
      await keepScreenshot(page, 'browser-first-run');

      await page.getByTestId('enter-demo').click();
      await expect
        .poll(() => page.getByTestId('watch-row').count(), { timeout: 20_000 })
        .toBeGreaterThanOrEqual(12);
      await expect.poll(() => dataOf(page, 'chart', 'candles'), { timeout: 20_000 }).toBeGreaterThan(0);

      // The chart moves and the tape scrolls.
      const last = await dataOf(page, 'chart', 'last');
      await expect.poll(() => dataOf(page, 'chart', 'last'), { timeout: 30_000 }).not.toBe(last);
      await expect.poll(() => page.getByTestId('tape-row').count(), { timeout: 20_000 }).toBeGreaterThan(5);
      const newest = await page.getByTestId('tape-row').first().textContent();
      await expect
        .poll(() => page.getByTestId('tape-row').first().textContent(), { timeout: 20_000 })
        .not.toBe(newest);
      await expect.poll(() => page.getByTestId('recording').textContent()).toContain('Recording');
      await keepScreenshot(page, 'browser-live-dark');

      await page.getByTestId('theme-toggle').click();
      await keepScreenshot(page, 'browser-live-other-theme');
      await page.close();
      await first.host.stop();

      const restarted = Date.now();
      const second = await serve(folder.path);
      await open(second.address);
      // It goes on with the demo feed by itself, and shows what was recorded before this start.
      await expect.poll(() => dataOf(page, 'chart', 'candles'), { timeout: 20_000 }).toBeGreaterThan(0);
      await expect.poll(() => page.getByTestId('tape-row').count(), { timeout: 20_000 }).toBeGreaterThan(5);
      const oldest = (await page.getByTestId('tape-row').last().textContent()) ?? '';
      expect(ageAt(restarted, oldest)).toBeGreaterThan(0);
      await page.getByTestId('tab-sessions').click();
      await expect.poll(() => page.getByTestId('session-row').count(), { timeout: 20_000 }).toBe(2);
      await keepScreenshot(page, 'browser-sessions');
      await page.close();
      await second.host.stop();
      const { stdout } = await quipu(['sessions', '--json', '--data-dir', `${folder.path}/demo`]).ended;
      const sessions = JSON.parse(stdout) as { state: string; trades: number }[];
      expect(sessions.map(({ state }) => state)).toEqual(['ended', 'ended']);
      expect(Math.min(...sessions.map(({ trades }) => trades))).toBeGreaterThan(0);
      expect(errors).toEqual([]);
    } finally {
      folder.remove();
    }
  });

  it('a key that the server refuses: its words, and what to do', async () => {
    const folder = temporaryFolder();
    const feed = await startDemoFeed({ port: 0, seed: 1, rate: 10, key: 'the-right-key' });
    try {
      const { host, address } = await serve(folder.path, {
        QUIPU_API_KEY: 'the-wrong-key',
        QUIPU_TRADES_URL: feed.addresses.trades,
        QUIPU_METRICS_URL: feed.addresses.candles,
        QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
      });
      await open(address);
      const refused = page.getByTestId('refused');
      await refused.waitFor();
      const text = (await refused.textContent()) ?? '';
      expect(text).toContain('does not accept this API key');
      expect(text).toContain('Enter the key that Inca Digital gave you');
      await keepScreenshot(page, 'browser-refused');
      expect(await page.content()).not.toContain('the-wrong-key');
      await page.close();
      await host.stop();
    } finally {
      await feed.close();
      folder.remove();
    }
  });
});
