/** Recordings on the screen of a real browser: named, noted, pinned, deleted, brought back; after a reload too. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../main/core/store/open.ts';
import { candle, commitOf, trade } from '../core/store/rows.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { quipu, temporaryFolder } from '../helpers/quipu.ts';
import { workerScript } from '../helpers/workers.ts';
import { findChromium } from '../needs.ts';

/** A busy machine takes its time; only a failure takes so long. */
const WAIT = { timeout: 30_000 };

describe.skipIf(findChromium() === null)('sessions on the screen', { timeout: 240_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });

  it('are named, noted, pinned, deleted and brought back with mouse and keyboard, and a reload shows the same', async () => {
    const folder = temporaryFolder();
    const store = await openStore({ folder: `${folder.path}/demo`, workerScript });
    const begun = Date.now() - 86_400_000;
    for (const id of [1, 2, 3, 4]) {
      await store.beginSession(begun + id * 60_000);
      await store.commit(commitOf(id, [trade({ id: `${id}` })], [candle()]));
      await store.endSession(id, begun + id * 60_000 + 30_000);
    }
    await store.close();
    const host = quipu(['serve', '--demo', '--port', '0', '--data-dir', folder.path, '--json']);
    const { address } = JSON.parse(await host.firstLine) as { address: string };
    const errors: string[] = [];

    const show = async (): Promise<Page> => {
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
      page.on('pageerror', (error) => errors.push(error.message));
      await page.goto(address);
      await page.getByTestId('watch-row').first().waitFor();
      await page.getByTestId('tab-sessions').click();
      await page.getByTestId('session-row').first().waitFor();
      return page;
    };
    const rowOf = (page: Page, id: number): Locator =>
      page.locator(`tr[data-testid=session-row][data-session="${id}"]`);
    const part = (page: Page, id: number, name: string): Locator => rowOf(page, id).getByTestId(name);
    /** Where what is shown for each session is, in their order. */
    const placesOf = async (page: Page): Promise<(number | undefined)[]> => {
      const rows = await page.locator('tr[data-session]').all();
      const boxes = await Promise.all(rows.map((row) => row.boundingBox()));
      return boxes.map((box) => box?.y);
    };

    try {
      const page = await show();
      const other = await show();
      const places = await placesOf(page);
      expect(places).toHaveLength(5);

      await part(page, 3, 'session-name').click();
      await page.getByTestId('session-name-field').fill('Launch day');
      expect(await placesOf(page)).toEqual(places);
      await page.keyboard.press('Enter');
      await expect.poll(() => part(page, 3, 'session-name').textContent(), WAIT).toBe('Launch day');
      await expect.poll(() => part(other, 3, 'session-name').textContent(), WAIT).toBe('Launch day');
      // The keyboard is where it was: F2 edits again, and Escape leaves all as it is.
      await page.keyboard.press('F2');
      await page.getByTestId('session-name-field').fill('another');
      await page.keyboard.press('Escape');
      expect(await part(page, 3, 'session-name').textContent()).toBe('Launch day');
      await page.keyboard.press('Enter');
      await page.getByTestId('session-name-field').fill('Launch \u202eday');
      await page.keyboard.press('Enter');
      await expect
        .poll(() => page.getByTestId('status-bar').textContent(), WAIT)
        .toContain('turn text around');
      expect(await page.getByTestId('session-name-field').getAttribute('aria-invalid')).toBe('true');
      await page.keyboard.press('Escape');

      await part(page, 3, 'session-open').click();
      await page.getByTestId('session-note').fill('Two\nlines');
      await page.keyboard.press('Control+Enter');
      await part(other, 3, 'session-open').click();
      await expect.poll(() => other.getByTestId('session-note').inputValue(), WAIT).toBe('Two\nlines');
      await part(page, 3, 'session-open').click();

      await part(page, 3, 'session-pin').click();
      const pressed = (id: number): Promise<string | null> =>
        part(page, id, 'session-pin').getAttribute('aria-pressed');
      await expect.poll(() => pressed(3), WAIT).toBe('true');
      // It says that it cannot be done, and why.
      await part(page, 3, 'session-delete').click({ force: true });
      await expect
        .poll(() => page.getByTestId('status-bar').textContent(), WAIT)
        .toContain('Session 3 is pinned. Unpin it first');
      await part(page, 5, 'session-delete').click({ force: true });
      await expect
        .poll(() => page.getByTestId('status-bar').textContent(), WAIT)
        .toContain('Stop the recording first');

      // With the mouse: the list does not move, and nothing else comes under the pointer.
      await part(page, 2, 'session-delete').click();
      const undo = page.getByTestId('session-undo');
      await expect.poll(() => undo.count(), WAIT).toBe(1);
      expect(await undo.textContent()).toMatch(/^Deleted session 2 of \d+ [A-Z][a-z]+\.\s*Undo$/);
      expect(await placesOf(page)).toEqual(places);
      await expect.poll(() => rowOf(other, 2).count(), WAIT).toBe(0);
      await keepScreenshot(page, 'sessions-deleted');
      await undo.getByTestId('session-undo-button').click();
      await expect.poll(() => rowOf(page, 2).count(), WAIT).toBe(1);
      await expect.poll(() => rowOf(other, 2).count(), WAIT).toBe(1);
      expect(await placesOf(page)).toEqual(places);

      // With the keyboard: it goes on where the row was, and back to the row.
      await part(page, 4, 'session-delete').focus();
      await page.keyboard.press('Enter');
      const focused = (): Promise<string | null> => page.locator(':focus').getAttribute('data-testid');
      await expect.poll(focused, WAIT).toBe('session-undo-button');
      await page.keyboard.press('Enter');
      await expect.poll(focused, WAIT).toBe('session-open');
      await part(page, 1, 'session-delete').click();
      await expect.poll(() => undo.count(), WAIT).toBe(1);
      await page.close();

      const again = await show();
      await expect.poll(() => rowOf(again, 1).count(), WAIT).toBe(0);
      expect(await part(again, 3, 'session-name').textContent()).toBe('Launch day');
      expect(await part(again, 3, 'session-pin').getAttribute('aria-pressed')).toBe('true');
      const removed = again.getByTestId('sessions-removed');
      expect(await removed.textContent()).toContain('Deleted, can still be restored (1)');
      await removed.getByRole('button').click();
      await again.getByTestId('session-removed').getByRole('button', { name: 'Restore' }).click();
      await expect.poll(() => rowOf(again, 1).count(), WAIT).toBe(1);
      await expect.poll(() => removed.count(), WAIT).toBe(0);
      await keepScreenshot(again, 'sessions-restored');
      expect(errors).toEqual([]);
    } finally {
      await host.stop();
      folder.remove();
    }
  });

  it('of many markets show them all, fifty at a time', async () => {
    const folder = temporaryFolder();
    const store = await openStore({ folder: `${folder.path}/demo`, workerScript });
    const begun = Date.now() - 3_600_000;
    await store.beginSession(begun);
    const markets = Array.from({ length: 130 }, (_, n) => `binance-m${String(n).padStart(3, '0')}-usdt`);
    await store.commit(
      commitOf(
        1,
        markets.map((market) => trade({ market })),
      ),
    );
    await store.endSession(1, begun + 60_000);
    await store.close();
    const host = quipu(['serve', '--demo', '--port', '0', '--data-dir', folder.path, '--json']);
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
    try {
      const { address } = JSON.parse(await host.firstLine) as { address: string };
      await page.goto(address);
      await page.getByTestId('tab-sessions').click();
      await page.locator('tr[data-session="1"]').getByTestId('session-open').click();
      const shown = (): Promise<string[]> => page.getByTestId('session-market').allTextContents();
      const more = page.getByTestId('session-markets-more');
      await expect.poll(async () => (await shown()).length, WAIT).toBe(50);
      expect(await more.textContent()).toContain('Show 50 more of 130 markets');
      await keepScreenshot(page, 'session-of-many-markets');
      await more.click();
      await expect.poll(async () => (await shown()).length, WAIT).toBe(100);
      expect(await more.textContent()).toContain('Show 30 more of 130 markets');
      await page.keyboard.press('Enter');
      await expect.poll(async () => (await shown()).map((text) => text.split(' ')[0]), WAIT).toEqual(markets);
      expect(await more.count()).toBe(0);

      // The last question was whether to stop; what was answered elsewhere is shown all the same.
      const recording = page.getByTestId('recording');
      await recording.getByRole('button').click();
      await recording.getByRole('button', { name: 'Keep on' }).waitFor();
      const other = await browser.newPage();
      await other.goto(address);
      await other
        .getByTestId('recording')
        .getByRole('button', { name: /^Recording/ })
        .click();
      await other.getByRole('button', { name: 'Stop recording' }).click();
      await page.getByTestId('paused').waitFor();
      await page.getByTestId('paused').click();
      await expect
        .poll(() => recording.getByRole('button').allTextContents(), WAIT)
        .toEqual([expect.stringMatching(/^Recording/)]);
      await other.close();

      // By its address: what is opened is known before the list of sessions is.
      await page.goto('about:blank');
      await page.goto(`${address}&session=1`);
      await expect.poll(async () => (await shown()).length, WAIT).toBe(50);
    } finally {
      await page.close();
      await host.stop();
      folder.remove();
    }
  });
});
