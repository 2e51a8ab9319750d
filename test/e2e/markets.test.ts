/** All markets of a long dictionary in a real browser: found, sorted, scrolled, watched, and found offline. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { type Quipu, quipu, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const LISTED = 12_345;
const SCROLLER = `document.querySelector('[data-testid="markets-scroller"]')`;
const WAIT = { timeout: 20_000 };

describe.skipIf(findChromium() === null)('the markets in a browser', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  const errors: string[] = [];
  let browser: Browser;
  let feed: DemoFeed;
  let host: Quipu;
  let page: Page;

  async function open(colorScheme: 'dark' | 'light'): Promise<void> {
    host = quipu(['serve', '--port', '0', '--data-dir', folder.path, '--json'], {
      QUIPU_API_KEY: feed.key,
      QUIPU_TRADES_URL: feed.addresses.trades,
      QUIPU_METRICS_URL: feed.addresses.candles,
      QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
    });
    const { address } = JSON.parse(await host.firstLine) as { address: string };
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(address);
    await page.getByTestId('tab-markets').click();
  }

  const total = async (): Promise<number> =>
    Number(await page.getByTestId('markets-view').getAttribute('data-total'));
  const rows = () => page.getByTestId('market-row');
  const row = (index: number) => page.locator(`[data-testid="market-row"][data-index="${index}"]`);
  const column = (name: string): Promise<string[]> =>
    page.locator(`.market-line:not(.head) .col-${name}`).allTextContents();
  const state = () => page.getByTestId('dictionary-state');
  /** Runs there, where there is a document. */
  const inPage = (script: string): Promise<unknown> => page.evaluate(script);
  const watched = async (): Promise<string | null> => page.getByTestId('markets-watched').textContent();
  const search = () => page.getByTestId('markets-search');

  beforeAll(async () => {
    browser = await launchBrowser();
    feed = await startDemoFeed({ port: 0, seed: 1, rate: 10, key: 'a-key', dictionarySize: LISTED });
    await open('dark');
  });
  afterAll(async () => {
    await browser.close();
    await host.stop();
    await feed.close();
    folder.remove();
  });

  it('are all there, of which few rows exist', async () => {
    await expect.poll(total, WAIT).toBe(LISTED);
    await expect.poll(() => state().textContent(), WAIT).toContain('12,345 markets, read');
    expect(await rows().count()).toBeLessThan(80);
    await page.locator('[data-testid="markets-search"]:focus').waitFor();
    await keepScreenshot(page, 'markets-dark');
    // Figures of one width, so that numbers stand under one another.
    const width = (text: string): string =>
      `(() => { const cell = document.querySelector('[data-testid="market-row"] .col-price').cloneNode();
        cell.textContent = '${text}'; cell.style.position = 'absolute';
        document.querySelector('[data-testid="market-row"]').append(cell);
        const { width } = cell.getBoundingClientRect(); cell.remove(); return width; })()`;
    expect(await inPage(width('11111111'))).toBe(await inPage(width('28282828')));
  });

  it('are found as one types, the exact name first', async () => {
    await page.keyboard.type('btc');
    await expect.poll(() => row(0).textContent(), WAIT).toMatch(/^\s*BTC \//);
    const found = await total();
    expect(found).toBeLessThan(LISTED);
    await page.keyboard.type('/usdt binance');
    await expect.poll(() => column('venue'), WAIT).toContain('binance');
    await expect.poll(total, WAIT).toBeLessThan(20);
    expect(new Set(await column('venue'))).toEqual(new Set(['binance']));
    expect(await row(0).getAttribute('data-market')).toMatch(/^binance-btc-usdt/);
    await page.keyboard.press('Escape');
    await expect.poll(total, WAIT).toBe(LISTED);
  });

  it('are filtered by venue, type and activity, whose counts say what is left', async () => {
    const venue = page.getByTestId('markets-venue');
    const label = (await venue.locator('option[value="kraken"]').textContent()) ?? '';
    const count = Number(/\(([\d,]+)\)/.exec(label)?.[1]?.replaceAll(',', ''));
    await venue.selectOption('kraken');
    await expect.poll(total, WAIT).toBe(count);
    await page.getByTestId('markets-type').selectOption('perpetual');
    await page.getByTestId('markets-active-inactive').click();
    await expect.poll(async () => new Set(await column('state')), WAIT).toEqual(new Set(['inactive']));
    expect(new Set(await column('venue'))).toEqual(new Set(['kraken']));
    expect(new Set(await column('type'))).toEqual(new Set(['perpetual']));
    await search().fill('no such market');
    await expect
      .poll(() => page.getByTestId('markets-empty').textContent(), WAIT)
      .toContain('take a filter off');
    await search().fill('');
    await venue.selectOption({ index: 0 });
    await page.getByTestId('markets-type').selectOption({ index: 0 });
    await page.getByTestId('markets-active-all').click();
    await expect.poll(total, WAIT).toBe(LISTED);
  });

  it('are sorted by a column, and scrolled to the end', async () => {
    await page.getByTestId('markets-sort-pair').click();
    await expect.poll(() => row(0).textContent(), WAIT).toContain('1INCH');
    const head = (await column('pair')).map((text) => text.trim().split(' / ').join('\0').toLowerCase());
    expect(head).toEqual([...head].sort());
    // Through the whole of it, as a hand on the scroll bar goes.
    for (let part = 1; part <= 20; part++) {
      await inPage(`${SCROLLER}.scrollTop = ${SCROLLER}.scrollHeight * ${part / 20}`);
    }
    await expect.poll(() => row(LISTED - 1).textContent(), WAIT).toMatch(/ZRX|ZRO|ZK|ZIL|ZEC/);
    expect(await inPage(`${SCROLLER}.scrollHeight`)).toBe(LISTED * 28 + 28);
    await page.getByTestId('markets-sort-pair').click();
    await expect.poll(() => row(0).textContent(), WAIT).toMatch(/ZRX/);
    await page.getByTestId('markets-sort-volume').click();
    const volumes = async (): Promise<number[]> =>
      (await column('volume')).map((text) => Number(text.replaceAll(',', '')));
    await expect.poll(async () => (await volumes())[0], WAIT).toBeGreaterThan(1e9);
    const shown = await volumes();
    expect(shown).toEqual([...shown].sort((a, b) => b - a));
  });

  it('are put on the watchlist by keys, by a press, and all that were found', async () => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type('doge eur');
    await expect.poll(total, WAIT).toBeLessThan(60);
    const found = await total();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => row(1).getAttribute('data-watched'), WAIT).toBe('true');
    await row(0).getByTestId('market-watch').click();
    await expect.poll(watched, WAIT).toContain('2 of 500');
    await row(0).getByTestId('market-watch').click();
    await expect.poll(watched, WAIT).toContain('1 of 500');
    expect(await page.getByTestId('markets-add-all').textContent()).toContain(`Add all ${found} found`);
    await page.getByTestId('markets-add-all').click();
    await expect.poll(watched, WAIT).toContain(`${found} of 500`);

    await search().fill('usdt');
    await expect
      .poll(() => page.getByTestId('markets-add-all').textContent(), WAIT)
      .toContain('Add the first');
    await page.getByTestId('markets-add-all').click();
    await expect.poll(watched, WAIT).toContain('500 of 500 watched: remove some');
    expect(await page.getByTestId('markets-add-all').isDisabled()).toBe(true);
    await keepScreenshot(page, 'markets-full');
    // One off, by the keys, makes room for one.
    await page.keyboard.press('Control+k');
    await page.keyboard.press('Enter');
    await expect.poll(watched, WAIT).toContain('499 of 500');
    // Shown at once; a page that is closed before the core has it takes the change along.
    await expect
      .poll(() => page.getByTestId('markets-watched').getAttribute('aria-busy'), WAIT)
      .toBe('false');
  });

  it('are still found, with their age, after a restart offline', async () => {
    await page.close();
    await host.stop();
    await feed.close();
    await open('light');
    await expect.poll(() => state().getAttribute('data-from'), WAIT).toBe('cache');
    await expect
      .poll(() => state().textContent(), WAIT)
      .toMatch(/12,345 markets, as of .+ ago, from the cache/);
    await expect
      .poll(() => page.getByTestId('dictionary-trouble').textContent(), WAIT)
      .toContain('Offline: No server');
    expect(await total()).toBe(LISTED);
    await page.keyboard.type('shib/usdt');
    await expect.poll(() => row(0).textContent(), WAIT).toMatch(/SHIB \/ USDT/);
    await expect.poll(watched, WAIT).toContain('499 of 500');
    await keepScreenshot(page, 'markets-offline-light');
    await page.getByTestId('tab-live').click();
    await expect.poll(() => page.getByTestId('watch-row').first().textContent(), WAIT).toMatch(/DOGE \/ EUR/);
    expect(errors).toEqual([]);
  });
});
