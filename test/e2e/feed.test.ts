/** The view of the feed in a real browser: what a link meets is told there, and what came can be kept. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import type { WebSocket } from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { feedServer } from '../faults/server.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { type Quipu, quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const WAIT = { timeout: 20_000 };
const KEY = 'a-key-for-a-test';
const WORDS = 'this market is not in your plan';
/** A mark that turns the reading around, a control, and a quotation mark. */
const STRANGE = 'not JSON: usd\u202etdsu \u0007 "';
const TRADE_MS = 50;

interface TradeServer {
  readonly url: string;
  /** To the newest connection. */
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** Sends trades of all but the markets of `refused`, and after a reconnect those that it sent before. */
async function tradeServer(refused: string): Promise<TradeServer> {
  const sent: string[] = [];
  let current: WebSocket | null = null;
  let market: string | null = null;
  let ids = 0;
  const { url } = await feedServer({
    connected(socket) {
      current = socket;
      for (const text of sent) socket.send(text);
      socket.on('message', (data: Buffer) => {
        const { traceId, payload } = JSON.parse(data.toString('utf8')) as {
          traceId: string;
          payload: { marketIds: string[] };
        };
        if (payload.marketIds.some((id) => id.includes(refused))) {
          socket.send(
            JSON.stringify({ traceId, type: 'error', payload: { code: 'FORBIDDEN', message: WORDS } }),
          );
          return;
        }
        market = payload.marketIds[0] ?? null;
        socket.send(JSON.stringify({ traceId, type: 'success', payload }));
      });
      const timer = setInterval(() => {
        if (market === null) return;
        const text = trade(market, String(++ids), '42519.59');
        sent.push(text);
        socket.send(text);
      }, TRADE_MS);
      socket.on('close', () => clearInterval(timer));
    },
  });
  return {
    url,
    send: (text) => current?.send(text),
    close: (code, reason) => current?.close(code, reason),
  };
}

function trade(marketId: string, id: string, price: string): string {
  const payload = { id, marketId, timestamp: new Date().toISOString(), price, size: '0.0125', side: 'buy' };
  return JSON.stringify({ type: 'trade', payload });
}

describe.skipIf(findChromium() === null)('the view of the feed', { timeout: 120_000 }, () => {
  let browser: Browser;
  let page: Page;
  let feed: DemoFeed;
  let server: TradeServer;
  let host: Quipu;
  let folder: TemporaryFolder;
  const errors: string[] = [];
  const text = (testId: string): Promise<string | null> => page.getByTestId(testId).first().textContent();

  async function addMarket(words: string): Promise<void> {
    await page.getByTestId('search').fill(words);
    // Until the answer is there, what was found before stays.
    const [symbol = ''] = words.toUpperCase().split(' ');
    await page.getByTestId('search-result').filter({ hasText: symbol }).first().click();
    await page.keyboard.press('Escape');
  }

  beforeAll(async () => {
    folder = temporaryFolder();
    [browser, feed, server] = await Promise.all([
      launchBrowser(),
      startDemoFeed({ port: 0, seed: 1, rate: 20, key: KEY }),
      tradeServer('sol-'),
    ]);
    host = quipu(['serve', '--port', '0', '--data-dir', folder.path, '--json'], {
      QUIPU_API_KEY: KEY,
      QUIPU_TRADES_URL: server.url,
      QUIPU_METRICS_URL: feed.addresses.candles,
      QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
    });
    const { address } = JSON.parse(await host.firstLine) as { address: string };
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(address);
    await addMarket('xrp eth');
    await addMarket('sol usdt');
    await page.getByTestId('watch-row').nth(1).waitFor();
    await page.getByTestId('tab-feed').click();
  });
  afterAll(async () => {
    await browser.close();
    await host.stop();
    await feed.close();
    folder.remove();
  });

  it('measures both links', async () => {
    for (const endpoint of ['trades', 'candles']) {
      await expect
        .poll(() => page.getByTestId(`feed-link-${endpoint}`).getAttribute('data-phase'), WAIT)
        .toBe('live');
      await expect.poll(() => text(`feed-${endpoint}-messages`), WAIT).toMatch(/^[1-9][\d.]*\/s$/);
      await expect.poll(() => text(`feed-${endpoint}-round-trip`), WAIT).toMatch(/^\d+ ms$/);
    }
    for (const figure of ['lag-p50', 'lag-p95', 'lag-p99']) {
      await expect.poll(() => text(`feed-trades-${figure}`), WAIT).toMatch(/^<?\d+ m?s$/);
    }
    expect(await text('feed-trades-connections')).toBe('1');
  });

  it('has the refused market first, with the server’s words', async () => {
    const rows = page.getByTestId('subscription-row');
    await expect
      .poll(() => rows.first().locator('[data-endpoint=trades]').getAttribute('data-state'), WAIT)
      .toBe('refused');
    expect(await rows.first().textContent()).toContain(`${WORDS}”`);
    expect(await rows.nth(1).locator('[data-endpoint=trades]').getAttribute('data-state')).toBe('confirmed');
    await keepScreenshot(page, 'feed-subscriptions');
  });

  it('counts what was refused by its reason, and shows it', async () => {
    server.send(trade('binance-xrp-eth', 'bad-1', 'NaN'));
    server.send(trade('binance-xrp-eth', 'bad-2', '-1'));
    await expect.poll(() => text('feed-trades-refused-items'), WAIT).toBe('2');
    await page.getByTestId('feed-tab-refusals').click();
    const refusal = page.locator('[data-testid=refusal][data-reason=price]');
    await expect.poll(() => refusal.getAttribute('data-count'), WAIT).toBe('2');
    await page.getByRole('button', { name: 'price, trades: 2 refused' }).click();
    expect(await refusal.textContent()).toContain('A price that is no number');
    await expect.poll(() => page.getByTestId('refusal-sample').count(), WAIT).toBe(2);
    expect(await text('refusal-sample')).toContain('bad-2');
    await keepScreenshot(page, 'feed-refusals');
  });

  it('shows raw frames as they came, with what would hide made visible; copies and saves them', async () => {
    await page.getByTestId('feed-tab-frames').click();
    const strange = page.getByTestId('frame-row').filter({ hasText: 'not JSON' });
    await expect
      .poll(async () => {
        // Only the newest are kept, so one that came long ago is gone.
        server.send(STRANGE);
        await page.getByTestId('frames-refresh').click();
        return strange.count();
      }, WAIT)
      .toBeGreaterThan(0);
    // The last answer moves the rows.
    await expect.poll(() => page.getByTestId('raw-frames').getAttribute('aria-busy')).toBe('false');
    await strange.first().click();
    expect(await text('frame-text')).toBe('not JSON: usd\\u202etdsu \\u0007 "');
    expect(await text('frame-about')).toContain(`${Buffer.byteLength(STRANGE)} B`);

    await page.getByTestId('copy-frame').click();
    await expect.poll(() => page.getByTestId('copy-frame').getAttribute('data-said'), WAIT).toBe('copied');
    await page.getByTestId('search').focus();
    await page.keyboard.press('Control+V');
    expect(await page.getByTestId('search').inputValue()).toBe(STRANGE);
    await page.getByTestId('search').fill('');
    await page.keyboard.press('Escape');

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByTestId('frames-save').click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^quipu-trades-frames-\d{8}T\d{6}Z\.ndjson$/);
    const lines = readFileSync(await download.path(), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(await page.getByTestId('frame-row').count());
    const saved = lines.map((line) => JSON.parse(line) as { text: string; endpoint: string });
    expect(saved.find((frame) => frame.text === STRANGE)).toMatchObject({
      ...{ endpoint: 'trades', bytes: Buffer.byteLength(STRANGE), truncated: false },
    });

    // By keys: one further down is an older one, and JSON is indented.
    await page.getByRole('listbox', { name: 'Frames, newest first' }).focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => text('frame-text')).toMatch(/^\{ {2}"type": "trade"/);
    await keepScreenshot(page, 'feed-frames');
    await page.keyboard.press('Escape');
    expect(await page.getByTestId('frame-text').count()).toBe(0);

    await page.getByTestId('frames-candles').click();
    await expect.poll(() => page.getByTestId('frame-row').count(), WAIT).toBeGreaterThan(0);
    await page.getByTestId('frame-row').last().click();
    await expect.poll(() => text('frame-text')).toContain('"success"');
  });

  it('tells of a cut what happened and what came back, and nothing moves under the pointer', async () => {
    const rows = page.getByTestId('journal-row');
    await expect.poll(() => rows.count(), WAIT).toBeGreaterThan(0);
    const newest = await rows.first().getAttribute('data-row');
    await page.getByTestId('journal').getByRole('region').hover();
    server.close(1000, 'good \u202enight');
    await page.getByTestId('journal-new').waitFor(WAIT);
    await expect
      .poll(() => page.getByTestId('journal').getAttribute('data-waiting').then(Number), WAIT)
      .toBeGreaterThanOrEqual(5);
    expect(await rows.first().getAttribute('data-row')).toBe(newest);
    await keepScreenshot(page, 'feed-journal-held');

    // Where the pointer goes, the list goes on.
    await page.mouse.move(0, 0);
    const ended = page.locator('[data-testid=journal-row][data-endpoint=trades][data-state=waiting]');
    await expect.poll(() => ended.count(), WAIT).toBe(1);
    expect(await ended.textContent()).toContain('live → waiting');
    expect(await ended.textContent()).toContain('“good night”');
    const report = page.locator('[data-testid=journal-row][data-type=outage][data-endpoint=trades]');
    await expect.poll(() => report.count(), WAIT).toBe(1);
    expect(await report.textContent()).toMatch(
      /reconnected: [\d,]+ recovered, [\d,]+ duplicates? removed, overlap found, nothing lost/,
    );
    expect(await text('feed-trades-connections')).toBe('2');
    expect(await text('feed-trades-reconnects')).toBe('1');

    await page.getByTestId('journal-candles').click();
    await expect.poll(() => report.count()).toBe(0);
    await expect.poll(() => rows.count(), WAIT).toBeGreaterThan(0);
    await page.getByTestId('journal-both').click();
    await expect.poll(() => report.count(), WAIT).toBe(1);
    await page.getByTestId('theme-toggle').click();
    await keepScreenshot(page, 'feed-journal-light');
  });

  it('opens from the connection panel', async () => {
    await page.getByTestId('tab-live').click();
    await page.getByTestId('link-trades').click();
    await page.getByTestId('open-feed').click();
    await page.getByTestId('feed-view').waitFor(WAIT);
    expect(await page.getByTestId('connection-panel').count()).toBe(0);
    expect(errors).toEqual([]);
  });
});
