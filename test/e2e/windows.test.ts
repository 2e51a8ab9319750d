/** Tabs of one market or session in the browser host, with the same addresses as the desktop's windows. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const WAIT = { timeout: 20_000 };

const candlesOf = async (page: Page): Promise<number> =>
  Number((await page.getByTestId('chart').first().getAttribute('data-candles')) ?? Number.NaN);

describe.skipIf(findChromium() === null)('tabs of the browser host', { timeout: 60_000 }, () => {
  let browser: Browser;
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = temporaryFolder();
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    folder.remove();
  });

  it('a market and a session in tabs of their own, let in by the tab that opened them', async () => {
    const host = quipu(['serve', '--demo', '--port', '0', '--data-dir', folder.path, '--json']);
    const { address } = JSON.parse(await host.firstLine) as { address: string };
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
    const page = await context.newPage();
    const errors: string[] = [];
    context.on('weberror', (error) => errors.push(error.error().message));
    await page.goto(address);
    await expect.poll(() => candlesOf(page), WAIT).toBeGreaterThan(0);

    const chart = page.getByTestId('chart').nth(1);
    const market = (await chart.getAttribute('data-market')) ?? '';
    const [tab] = await Promise.all([context.waitForEvent('page'), chart.getByTestId('open-window').click()]);
    await expect.poll(() => candlesOf(tab), WAIT).toBeGreaterThan(0);
    await expect.poll(() => tab.getByTestId('tape-row').count(), WAIT).toBeGreaterThan(2);
    expect(await tab.getByTestId('chart').getAttribute('data-market')).toBe(market);
    expect(new URL(tab.url()).hash).toBe(`#${new URLSearchParams({ market }).toString()}`);
    await keepScreenshot(tab, 'browser-market-tab');
    // The whole app's keys mean nothing here.
    await tab.keyboard.press('3');
    await tab.getByTestId('market-window').waitFor();
    await tab.close();

    await page.keyboard.press('3');
    await page.getByTestId('sessions-view').waitFor();
    const [review] = await Promise.all([
      context.waitForEvent('page'),
      page.getByTestId('session-row').first().getByTestId('open-window').click(),
    ]);
    await review.getByTestId('session-markets').waitFor();
    expect(new URL(review.url()).hash).toBe('#session=1');

    // An address with its token and its place, as another program would be given one.
    await review.goto('about:blank');
    await review.goto(`${address}&${new URLSearchParams({ market: 'no such market' }).toString()}`);
    await review.getByTestId('market-add').waitFor();
    expect(new URL(review.url()).hash).toBe('#market=no+such+market');
    // Typing is no command.
    await page.keyboard.press('1');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('3');
    expect(await page.getByTestId('sessions-view').count()).toBe(0);
    expect(errors).toEqual([]);
    await host.stop();
  });
});
