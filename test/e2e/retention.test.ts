/** What a policy would delete is seen in a browser before it is applied, and afterwards what it deleted. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../main/core/store/open.ts';
import { commitOf, variedTrades } from '../core/store/rows.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { type Quipu, quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const TIMEOUT = { timeout: 30_000 };
const DAY_MS = 86_400_000;
const TRADES = 1_200;

describe.skipIf(findChromium() === null)('storage', { timeout: 180_000 }, () => {
  let browser: Browser;
  let page: Page;
  let folder: TemporaryFolder;
  let host: Quipu;
  const errors: string[] = [];

  /** Two sessions of the demo's store, 80 and 3 days ago. */
  async function record(): Promise<void> {
    const workerScript = (name: 'writer' | 'reader'): URL =>
      new URL(`../../main/core/store/${name}-worker.ts`, import.meta.url);
    const store = await openStore({ folder: join(folder.path, 'demo'), workerScript });
    for (const days of [80, 3]) {
      const at = Date.now() - days * DAY_MS;
      const { id } = await store.beginSession(at);
      const rows = variedTrades(TRADES).map((each, n) => ({
        ...each,
        exchangeTime: at * 1000 + n * 50_000,
        receiptTime: at * 1000 + n * 50_000,
      }));
      const starts = [{ from: at * 1000, state: 'live' as const, cause: '' }];
      const lines = [{ market: 'binance-btc-usdt', endpoint: 'trades' as const, from: at * 1000, starts }];
      await store.commit(commitOf(id, rows, [], { coverage: { lines, until: at * 1000 + 61_000_000 } }));
      await store.endSession(id, at + 61_000);
    }
    await store.close();
  }

  beforeAll(async () => {
    browser = await launchBrowser();
    folder = temporaryFolder();
    await record();
    host = quipu(['serve', '--demo', '--port', '0', '--data-dir', folder.path, '--json']);
    const { address } = JSON.parse(await host.firstLine) as { address: string };
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(address);
    // The demo's store is another than that of before it.
    await page.locator('[data-testid="link-trades"][data-phase="live"]').waitFor();
    await page.getByTestId('tab-settings').click();
    await page.getByTestId('settings-storage').click();
  });
  afterAll(async () => {
    await browser.close();
    await host.stop();
    folder.remove();
  });

  const text = async (testId: string): Promise<string> =>
    ((await page.getByTestId(testId).textContent()) ?? '').replace(/\s+/g, ' ').trim();
  const isDisabled = (testId: string): Promise<boolean> => page.getByTestId(testId).isDisabled();

  it('keeps everything for ever until the user says otherwise', async () => {
    await expect.poll(() => text('storage-next'), TIMEOUT).toBe('This is in use.');
    expect(await text('storage-tradesDays-told')).toBe('for ever');
    expect(await text('storage-maxBytes-told')).toBe('no limit');
    expect(await isDisabled('storage-apply')).toBe(true);
  });

  it('tells of each field what is wrong with it', async () => {
    await page.getByTestId('storage-tradesDays').fill('0');
    await page.getByTestId('storage-maxBytes').fill('a lot');
    expect(await text('storage-tradesDays-told')).toMatch(/^Whole days from 1 to 36,500/);
    expect(await text('storage-maxBytes-told')).toMatch(/^Gigabytes from 0\.01 on/);
    expect(await text('storage-candlesDays-told')).toBe('for ever');
    expect(await isDisabled('storage-preview')).toBe(true);
    expect(await isDisabled('storage-apply')).toBe(true);
    await page.getByTestId('storage-revert').click();
    expect(await page.getByTestId('storage-tradesDays').inputValue()).toBe('');
  });

  it('shows what would be deleted, and applies nothing that it did not show', async () => {
    const days = page.getByTestId('storage-tradesDays');
    await days.fill('30');
    expect(await isDisabled('storage-apply')).toBe(true);
    expect(await text('storage-next')).toBe('See first what it would delete.');
    // By the keyboard alone.
    await days.press('Enter');
    await expect
      .poll(() => text('storage-told'), TIMEOUT)
      .toMatch(/1,200 trades of 1 session, received from/);
    expect(await text('storage-apply')).toBe('Apply and delete');
    await keepScreenshot(page, 'storage-preview');
    // Another policy was not shown yet.
    await days.fill('1');
    expect(await isDisabled('storage-apply')).toBe(true);
    expect(await page.getByTestId('storage-doomed').count()).toBe(0);
    await page.getByTestId('storage-preview').click();
    await expect.poll(() => text('storage-told'), TIMEOUT).toMatch(/2,400 trades of 2 sessions/);
    await days.fill('30');
    await days.press('Enter');
    await expect.poll(() => text('storage-told'), TIMEOUT).toMatch(/1,200 trades of 1 session/);
  });

  it('applied, it deletes just that, and the list of sessions says so', async () => {
    await page.getByTestId('storage-apply').click();
    await expect.poll(() => text('storage-next'), TIMEOUT).toMatch(/^Applied\./);
    await page.getByTestId('tab-sessions').click();
    const row = (session: number) => page.locator(`[data-testid="session-row"][data-session="${session}"]`);
    await expect
      .poll(async () => (await row(1).textContent())?.replace(/\s+/g, ' '), TIMEOUT)
      .toMatch(/0\s*until \d+ \w+ \d\d:\d\d deleted/);
    expect(await row(1).locator('[title*="deleted by retention"]').count()).toBe(1);
    expect(await row(2).textContent()).toContain('1,200');
    expect(await row(2).locator('[title*="deleted by retention"]').count()).toBe(0);
    await keepScreenshot(page, 'storage-sessions');
    expect(errors).toEqual([]);
  });

  it('is there again after a reload', async () => {
    await page.reload();
    await page.getByTestId('tab-settings').click();
    await page.getByTestId('settings-storage').click();
    await expect.poll(() => page.getByTestId('storage-tradesDays').inputValue(), TIMEOUT).toBe('30');
    await page.getByTestId('storage-preview').click();
    await expect.poll(() => text('storage-told'), TIMEOUT).toBe('Nothing would be deleted now.');
  });
});
