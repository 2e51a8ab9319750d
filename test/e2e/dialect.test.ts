/** A server that speaks another dialect, and a user who teaches it to Quipu in a browser. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import {
  FOREIGN_DIALECT,
  FOREIGN_KEY,
  FOREIGN_MARKETS,
  type ForeignFeed,
  foreignTick,
  startForeignFeed,
} from '../helpers/foreign-feed.ts';
import { type Quipu, quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const [MARKET, OTHER] = FOREIGN_MARKETS;
if (MARKET === undefined || OTHER === undefined) throw new Error('there are two markets');
const TIMEOUT = { timeout: 30_000 };
const DOCUMENT = `${JSON.stringify(FOREIGN_DIALECT, null, 2)}\n`;

describe.skipIf(findChromium() === null)('another dialect', { timeout: 180_000 }, () => {
  let browser: Browser;
  let page: Page;
  let feed: ForeignFeed;
  let folder: TemporaryFolder;
  let host: Quipu;
  const errors: string[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
    feed = await startForeignFeed();
    folder = temporaryFolder();
  });
  afterAll(async () => {
    await browser.close();
    await host.stop();
    await feed.close();
    folder.remove();
  });

  async function open(): Promise<void> {
    host = quipu(['serve', '--port', '0', '--data-dir', folder.path, '--json'], {
      QUIPU_API_KEY: FOREIGN_KEY,
      QUIPU_TRADES_URL: feed.addresses.trades,
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
  }

  const settings = async (): Promise<void> => {
    await page.getByTestId('tab-settings').click();
    await page.getByTestId('settings-dialect').click();
  };
  const importFile = (name: string, text: string): Promise<void> =>
    page
      .getByTestId('dialect-file')
      .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
  const text = (): Promise<string> => page.getByTestId('dialect-text').inputValue();
  const kinds = async (): Promise<(string | null)[]> => {
    const items = await page.getByTestId('preview-item').all();
    return Promise.all(items.map((item) => item.getAttribute('data-kind')));
  };
  const phase = (): Promise<string | null> => page.getByTestId('link-trades').getAttribute('data-phase');
  const toldOf = async (testId: string): Promise<string> =>
    ((await page.getByTestId(testId).textContent()) ?? '').replace(/\s+/g, ' ');

  it('is refused and not understood in the default', async () => {
    await open();
    await expect.poll(phase, TIMEOUT).toBe('refused');
    await settings();
    const frame = [
      foreignTick(MARKET, '9', '2024-01-15T18:10:00.000001Z', '0.00000010', '0.1'),
      { type: 'hello', payload: { session: 1 } },
      {
        type: 'bar',
        payload: { marketId: '#17', interval: '1m', time: '2024-01-15T18:10:00Z', open: '1', volume: '2' },
      },
    ];
    await page.getByTestId('dialect-frame').fill(frame.map((each) => JSON.stringify(each)).join('\n'));
    await expect.poll(kinds, TIMEOUT).toEqual(['trade', 'unknown', 'refused']);
    expect(await toldOf('dialect-preview')).toContain(
      'Its type “tick” is not in the dialect’s types, but it has a price and a size.',
    );
  });

  it('mistakes are listed as they are made, and lead to their place', async () => {
    await page
      .getByTestId('dialect-text')
      .fill('{\n  "quipuDialect": 1,\n  "batched": "no",\n  "types": {"tick": 1}\n}');
    await expect.poll(() => page.getByTestId('dialect-problem').count(), TIMEOUT).toBe(2);
    expect(await toldOf('dialect-problems')).toContain('3:14 batched must be true or false');
    await page.getByTestId('dialect-problem').nth(1).click();
    const selected = await page.getByTestId('dialect-text').evaluate((element) => {
      const area = element as unknown as { value: string; selectionStart: number; selectionEnd: number };
      return area.value.slice(area.selectionStart, area.selectionEnd);
    });
    expect(selected).toBe('1');
    expect(await page.getByTestId('dialect-apply').isDisabled()).toBe(true);
    await keepScreenshot(page, 'dialect-mistakes');
  });

  it('a bad file says what is wrong with it and changes nothing; a good one is shown, not yet in use', async () => {
    const before = await text();
    await importFile('bad.json', '{"quipuDialect": 1, "candleTime": "noon", "extra": 1}');
    const bad = page.getByTestId('dialect-bad-import');
    await bad.waitFor();
    const told = await toldOf('dialect-bad-import');
    expect(told).toContain('bad.json was not imported; nothing has changed');
    expect(told).toContain('candleTime must be "start" or "end"');
    expect(told).toContain('extra is not known here');
    expect(await text()).toBe(before);

    await importFile('good.json', DOCUMENT);
    await expect.poll(text, TIMEOUT).toBe(DOCUMENT);
    await expect.poll(() => bad.count()).toBe(0);
    await expect.poll(kinds, TIMEOUT).toEqual(['trade', 'unknown', 'candle']);
    const preview = await toldOf('dialect-preview');
    expect(preview).toContain('Its type “tick” means a trade in this dialect.');
    expect(preview).toContain('price 0.0000001 price');
    expect(preview).toContain('market #17 exchange and pair, by the dictionary');
    expect(preview).toContain('start 2024-01-15T18:09:00.000000Z time, less 1 min');
    expect(await toldOf('preview-header')).toBe('X-Access: Bearer …');
    await expect.poll(() => toldOf('dialect-state'), TIMEOUT).toBe('The default is in use.');
    await keepScreenshot(page, 'dialect-preview');
    // Nothing of what is written is lost by a look elsewhere.
    await page.getByTestId('tab-live').click();
    await settings();
    await expect.poll(text, TIMEOUT).toBe(DOCUMENT);
    await expect.poll(phase, TIMEOUT).toBe('refused');
  });

  it('applied, the feed is live, and what it sends is recorded as it is', async () => {
    await page.getByTestId('dialect-apply').click();
    await expect.poll(phase, TIMEOUT).toBe('live');
    await expect.poll(() => toldOf('dialect-in-use'), TIMEOUT).toBe('dialect Foreign');
    await expect.poll(() => toldOf('dialect-state'), TIMEOUT).toBe('Your own, “Foreign”, is in use.');

    for (const { id, venue } of [MARKET, OTHER]) {
      const result = page.locator(`[data-testid=search-result][data-market="${id}"]`);
      // The dictionary is read anew for the dialect; a search before that finds nothing.
      await expect
        .poll(async () => {
          await page.getByTestId('search').fill('');
          await page.getByTestId('search').fill(venue);
          return result.waitFor({ timeout: 1_000 }).then(
            () => true,
            () => false,
          );
        }, TIMEOUT)
        .toBe(true);
      await result.click();
    }
    await expect.poll(() => feed.asked.length, TIMEOUT).toBe(6);
    expect(feed.asked.map(({ message }) => message.payload)).toContainEqual({
      exchange: 'okx',
      instrument: 'eth-btc',
      interval: '1h',
    });
    await page.getByTestId('tab-live').click();
    await expect.poll(() => page.getByTestId('watch-row').count(), TIMEOUT).toBe(2);

    const time = Math.floor(Date.now() / 60_000) * 60_000;
    for (let at = 0; at < 50; at++) {
      const market = at % 5 === 0 ? OTHER : MARKET;
      feed.tick(market, `t${at}`, time + at, `0.05${String(at).padStart(2, '0')}`, `${at + 1}.50`);
    }
    feed.bar(MARKET, time, '0.0521');
    feed.bar(MARKET, time + 60_000, '0.0522');
    await expect.poll(() => page.getByTestId('tape-row').count(), TIMEOUT).toBeGreaterThan(5);
    await keepScreenshot(page, 'dialect-live');
    await page.close();
    await host.stop();

    const exported = async (what: 'trades' | 'candles'): Promise<Record<string, unknown>[]> => {
      const sessions = await quipu(['sessions', '--data-dir', folder.path, '--json']).ended;
      const rows: Record<string, unknown>[] = [];
      for (const { id } of JSON.parse(sessions.stdout) as { id: number }[]) {
        const args = [what, '--session', String(id), '--format', 'jsonl', '--data-dir', folder.path];
        const { stdout } = await quipu(args).ended;
        for (const line of stdout.split('\n')) {
          if (line !== '') rows.push(JSON.parse(line) as Record<string, unknown>);
        }
      }
      return rows;
    };
    const trades = await exported('trades');
    expect(
      trades.map((row) => [row['market_id'], row['id'], row['price'], row['size'], row['side']]),
    ).toEqual(
      Array.from({ length: 50 }, (_, at) => [
        at % 5 === 0 ? '#18' : '#17',
        `t${at}`,
        `0.05${String(at).padStart(2, '0')}`.replace(/0+$/, ''),
        `${at + 1}.5`,
        'sell',
      ]),
    );
    const candles = await exported('candles');
    expect(candles.map((row) => [row['market_id'], Date.parse(String(row['start'])), row['close']])).toEqual([
      ['#17', time - 60_000, '0.0521'],
      ['#17', time, '0.0522'],
    ]);
  });

  it('is still spoken after a restart, is exported as it was written, and is dropped for the default', async () => {
    await open();
    await expect.poll(phase, TIMEOUT).toBe('live');
    await settings();
    await expect.poll(text, TIMEOUT).toBe(DOCUMENT);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByTestId('dialect-export').click(),
    ]);
    expect(download.suggestedFilename()).toBe('foreign.quipu-dialect.json');
    expect(readFileSync(await download.path(), 'utf8')).toBe(DOCUMENT);

    await page.getByTestId('dialect-text').fill('{"quipuDialect": 1, "name": "x"}');
    await page.getByTestId('dialect-revert').click();
    await expect.poll(text, TIMEOUT).toBe(DOCUMENT);

    await page.getByTestId('dialect-default').click();
    await page.getByTestId('dialect-default-now').click();
    await expect.poll(phase, TIMEOUT).toBe('refused');
    await expect.poll(() => toldOf('dialect-state'), TIMEOUT).toBe('The default is in use.');
    await expect.poll(() => page.getByTestId('dialect-in-use').count(), TIMEOUT).toBe(0);
    // The browser notes a refused handshake of none of ours; the page itself has no mistake.
    expect(errors).toEqual([]);
    await page.close();
  });
});
