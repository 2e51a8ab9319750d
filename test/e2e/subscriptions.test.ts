/** How the server took each market, in a browser: to be read without colour, and to be mended with the keyboard. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../main/core/store/open.ts';
import { feedServer } from '../faults/server.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { quipu, temporaryFolder } from '../helpers/quipu.ts';
import { workerScript } from '../helpers/workers.ts';
import { findChromium } from '../needs.ts';

const WORDS = 'FORBIDDEN: not in your plan';

describe.skipIf(findChromium() === null)('subscriptions in a browser', { timeout: 120_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });

  it('a refusal is read with the server’s words, silence is none, and Tab and Enter ask again', async () => {
    const folder = temporaryFolder();
    let isRefused = true;
    const server = await feedServer({
      connected: (socket) => {
        socket.on('message', (data: Buffer) => {
          const { traceId, payload } = JSON.parse(data.toString()) as {
            traceId: string;
            payload: { marketIds: string[] };
          };
          const bad = isRefused ? payload.marketIds.filter((id) => id === 'bad') : [];
          const answer =
            bad.length > 0
              ? {
                  type: 'error',
                  payload: { code: 'FORBIDDEN', message: 'not in your plan', marketIds: bad },
                }
              : {
                  type: 'success',
                  payload: { marketIds: payload.marketIds.filter((id) => id !== 'mute') },
                };
          socket.send(JSON.stringify({ traceId, ...answer }));
        });
      },
    });
    const store = await openStore({ folder: folder.path, workerScript });
    await store.writeSetting('watchlist', JSON.stringify(['good', 'bad', 'mute']));
    await store.close();
    const host = quipu(['serve', '--port', '0', '--data-dir', folder.path, '--json'], {
      QUIPU_API_KEY: 'key',
      QUIPU_TRADES_URL: server.url,
      QUIPU_METRICS_URL: server.url,
      QUIPU_DICTIONARY_URL: 'http://127.0.0.1:1',
    });
    try {
      const { address } = JSON.parse(await host.firstLine) as { address: string };
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      await page.goto(address);
      const refused = page.getByRole('button', { name: new RegExp(`bad.*“${WORDS}”.*refused`, 'i') });
      await refused.waitFor();
      expect(await refused.getAttribute('title')).toBe(`Trades and candles refused: “${WORDS}”`);
      const mute = page.getByRole('button', { name: /mute.*unconfirmed/i });
      await mute.waitFor();
      expect(await mute.textContent()).not.toContain('refused');
      // No candle comes of any of them: what is known is told all the same.
      await page.locator('[data-testid=chart][data-slot="0"]').getByTestId('hour-cord').waitFor();
      await keepScreenshot(page, 'browser-subscriptions');

      isRefused = false;
      await page.locator('[data-testid=watch-row][data-market=good]').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Tab');
      const focused = page.locator(':focus');
      expect(await focused.getAttribute('aria-label')).toMatch(/^Ask the server for bad.* again$/i);
      await page.keyboard.press('Enter');
      await refused.waitFor({ state: 'detached' });
      await mute.waitFor();
      await expect.poll(() => page.locator('[data-market=bad][data-trouble]').count()).toBe(0);
    } finally {
      await host.stop();
      folder.remove();
    }
  });
});
