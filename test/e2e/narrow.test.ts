/** A window is of use however narrow it is. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { type Quipu, quipu, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const WAIT = { timeout: 30_000 };

interface Box {
  readonly name: string;
  readonly left: number;
  readonly right: number;
}

/** What lies beyond the window's edges or over its neighbour, of the children of an element. */
const ASTRAY = `(selector) => {
  const boxes = [...document.querySelectorAll(selector + ' > *, ' + selector + ' > nav > *')]
    .filter((each) => each.tagName !== 'NAV' && getComputedStyle(each).opacity !== '0')
    .map((each) => ({ each, box: each.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 1)
    .map(({ each, box }) => ({ name: each.textContent.trim() || each.className, left: box.left, right: box.right }))
    .sort((a, b) => a.left - b.left);
  return boxes.filter(({ left, right }, n) =>
    left < 0 || right > window.innerWidth || right > (boxes[n + 1]?.left ?? Infinity) + 1);
}`;

describe.skipIf(findChromium() === null)('the screen', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  const errors: string[] = [];
  let browser: Browser;
  let feed: DemoFeed;
  let host: Quipu;
  let page: Page;

  beforeAll(async () => {
    browser = await launchBrowser();
    feed = await startDemoFeed({ port: 0, seed: 1, rate: 10, key: 'a-key' });
    host = quipu(['serve', '--port', '0', '--data-dir', folder.path, '--json'], {
      QUIPU_API_KEY: feed.key,
      QUIPU_TRADES_URL: feed.addresses.trades,
      QUIPU_METRICS_URL: feed.addresses.candles,
      QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
    });
    const { address } = JSON.parse(await host.firstLine) as { address: string };
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(address);
    await page.getByTestId('tab-markets').click();
    await page.getByTestId('market-row').first().waitFor();
  });
  afterAll(async () => {
    await browser.close();
    await host.stop();
    await feed.close();
    folder.remove();
    expect(errors).toEqual([]);
  });

  it('nothing lies beyond its edges or over its neighbours, however narrow it is', async () => {
    for (const width of [1440, 1100, 900, 720, 600, 480]) {
      await page.setViewportSize({ width, height: 480 });
      for (const tab of ['live', 'markets', 'sessions', 'feed', 'settings']) {
        await page.getByTestId(`tab-${tab}`).click();
        for (const part of ['header', '[data-testid=status-bar]']) {
          const astray = await page.evaluate(`(${ASTRAY})('${part}')`);
          expect(astray as Box[], `${tab}, ${part}, ${width}`).toEqual([]);
        }
      }
    }
    await page.getByTestId('tab-live').click();
    await page.keyboard.press('Control+k');
    const field = page.getByTestId('search');
    await expect.poll(async () => (await field.boundingBox())?.width ?? 0, WAIT).toBeGreaterThan(200);
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 1440, height: 900 });
  });
});
