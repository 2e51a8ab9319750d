/**
 * What is known, on the screen of a real browser: the same as the ledger on disk, through a cut of 5 s
 * in real time and a long one on a clock that the test moves.
 */
import { fileURLToPath } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ENDPOINTS, NOT_RECORDING } from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import { openStore } from '../../main/core/store/open.ts';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { type Host, startHost } from '../../main/headless/host.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { type Quipu, quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { TestClock } from '../helpers/test-clock.ts';
import { workerScript } from '../helpers/workers.ts';
import { findChromium } from '../needs.ts';

const RENDERER = fileURLToPath(new URL('../../out/renderer/', import.meta.url));
const MARKETS = ['binance-btc-usdt', 'okx-btc-usdt', 'kraken-btc-usd'];

/** A busy machine takes its time; only a failure takes so long. */
const WAIT = { timeout: 30_000 };

/** A stretch as both tell it. */
type Told = readonly [endpoint: string, state: string, from: number, to: number, cause: string];

describe.skipIf(findChromium() === null)('coverage on the screen', { timeout: 240_000 }, () => {
  let browser: Browser;
  let page: Page;
  let folder: TemporaryFolder;
  let feed: DemoFeed;
  const errors: string[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(async () => {
    await page.close();
    await feed.close();
    folder.remove();
    expect(errors.splice(0)).toEqual([]);
  });

  async function show(address: string): Promise<void> {
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(address);
    await page.getByTestId('watch-row').first().waitFor();
  }

  const chartOf = (market: string): Locator => page.locator(`[data-testid=chart][data-market="${market}"]`);

  /** What the cord of a chart shows of its session; between sessions nothing is told on disk. */
  async function shown(market: string): Promise<Told[]> {
    const list = chartOf(market).getByTestId('coverage');
    if ((await list.count()) === 0) return [];
    const items = [...(await list.innerHTML()).matchAll(/<li[^>]*>/g)].map(
      ([tag]) =>
        Object.fromEntries(
          [...tag.matchAll(/ data-(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
        ) as Record<string, string>,
    );
    return items
      .map(({ cause = '', endpoint = '', from, state = '', to }): Told => [
        endpoint,
        state,
        Number(from),
        Number(to),
        cause,
      ])
      .filter(([, , , , cause]) => cause !== NOT_RECORDING);
  }

  /** What the command line tells of the same market. */
  async function recorded(market: string): Promise<Told[]> {
    const args = ['coverage', '--session', '1', '--market', market, '--data-dir', folder.path, '--json'];
    const { code, stderr, stdout } = await quipu(args).ended;
    expect(code, stderr).toBe(0);
    const micros = (text: string): number =>
      Date.parse(`${text.slice(0, 23)}Z`) * 1000 + Number(text.slice(23, 26));
    const all = JSON.parse(stdout) as Record<string, string>[];
    const told = all.map(({ cause = '', endpoint = '', from = '', state = '', to = '' }): Told => [
      endpoint,
      state,
      micros(from),
      micros(to),
      cause,
    ]);
    return ENDPOINTS.flatMap((endpoint) => told.filter((each) => each[0] === endpoint));
  }

  /** Without ends: how far the present states reach is told once a second. */
  const starts = (told: readonly Told[]): unknown[] =>
    told.map(([endpoint, state, from, , cause]) => [endpoint, state, from, cause]);

  const states = (told: readonly Told[], endpoint: string): string[] =>
    told.filter((each) => each[0] === endpoint && each[1] !== 'off').map((each) => each[1]);

  it('a cut of 5 s is recovered on the cord and in the tape, as it is on disk', async () => {
    feed = await startDemoFeed({ port: 0, seed: 3, rate: 20, key: 'k' });
    const store = await openStore({ folder: folder.path, workerScript });
    await store.writeSetting('watchlist', JSON.stringify(MARKETS));
    await store.close();
    const host: Quipu = quipu(['serve', '--port', '0', '--data-dir', folder.path, '--json'], {
      QUIPU_API_KEY: feed.key,
      QUIPU_TRADES_URL: feed.addresses.trades,
      QUIPU_METRICS_URL: feed.addresses.candles,
      QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
    });
    try {
      const { address } = JSON.parse(await host.firstLine) as { address: string };
      await show(address);
      const market = MARKETS[0] ?? '';
      const cord = chartOf(market).getByTestId('coverage').locator('li[data-endpoint=trades]');
      await expect.poll(() => cord.last().getAttribute('data-state'), { timeout: 30_000 }).toBe('live');
      await expect.poll(() => feed.counts.trades.published, { timeout: 30_000 }).toBeGreaterThan(50);

      feed.setFault({ status: 503 });
      feed.dropConnections();
      // While it lasts, it is told as the worse.
      await expect.poll(() => cord.last().getAttribute('data-state'), { timeout: 10_000 }).toBe('lost');
      await new Promise((done) => setTimeout(done, 5_000));
      feed.setFault(null);
      await expect
        .poll(() => feed.connections, { timeout: 60_000, interval: 20 })
        .toEqual({ trades: 1, candles: 1 });
      // Only rows in sight exist: nothing new pushes the divider out of it.
      feed.pause();
      await expect
        .poll(() => page.getByTestId('tape-gap').first().textContent(), { timeout: 60_000 })
        .toMatch(/^reconnected: [\d,]+ recovered, [\d,]+ duplicates? removed$/);
      feed.resume();
      await expect
        .poll(async () => states(await shown(market), 'trades'), WAIT)
        .toEqual(['live', 'recovered', 'live']);
      await expect
        .poll(() => page.getByTestId('known-today').textContent(), { timeout: 30_000 })
        .toMatch(/today\s+(100|\d\d\.\d\d) %\s+known/);
      await keepScreenshot(page, 'coverage-recovered');

      await page.getByTestId('recording').getByRole('button').click();
      await page.getByRole('button', { name: 'Stop recording' }).click();
      await page.locator('[data-testid=recording][data-state=stopped]').waitFor();
      await expect
        .poll(async () => (await shown(market)).at(-1)?.[3], WAIT)
        .toBe((await recorded(market)).at(-1)?.[3]);
      for (const each of MARKETS) expect(await shown(each)).toEqual(await recorded(each));
    } finally {
      await host.stop();
    }
  });

  describe('on the test’s clock', () => {
    let clock: TestClock;
    let core: Core;
    let host: Host;
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

    async function until(reached: () => boolean): Promise<void> {
      while (!reached()) await turn();
    }

    const links = (phase: string): boolean =>
      ENDPOINTS.every((endpoint) => core.links()[endpoint].phase === phase);

    async function pass(seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second++) {
        clock.advance(1_000);
        await until(() => {
          const report = core.report();
          return ENDPOINTS.every((endpoint) => report[endpoint].received === feed.counts[endpoint].written);
        });
        await turn();
      }
    }

    /** Commits take the disk's time, which this clock does not know: time goes on until all is told. */
    function told<T>(look: () => Promise<T>): Promise<T> {
      clock.advance(250);
      return look();
    }

    async function connect(): Promise<void> {
      const view = core.connect(() => undefined);
      await until(() => {
        if (links('live')) return true;
        view.request({ id: 1, command: 'link.retry', args: { endpoint: null } });
        return false;
      });
      view.close();
      await pass(2);
    }

    it('five minutes without the server are lost but for what it sends again, and can be read', async () => {
      clock = new TestClock();
      feed = await startDemoFeed({ port: 0, seed: 4, rate: 100, key: 'k', clock });
      core = await createCore({
        host: 'browser',
        version: '0.0.0',
        folder: folder.path,
        addresses: feed.addresses,
        environmentKey: feed.key,
        ports: { ...nodePorts(), clock, logger: { log: () => undefined } },
        fixed: { markets: MARKETS, granularities: ['1m'] },
      });
      host = await startHost({ core, port: 0, folder: RENDERER, logger: { log: () => undefined } });
      try {
        await core.start('live');
        await connect();
        await pass(180);
        await show(host.address);
        feed.setFault({ status: 503 });
        feed.dropConnections();
        await until(() => !links('live') && feed.connections.trades + feed.connections.candles === 0);
        await pass(300);
        feed.setFault(null);
        await connect();
        await pass(70);

        // Told to the view that was there, and to one that joins late, alike.
        const market = MARKETS[0] ?? '';
        const expected = ['live', 'lost', 'recovered', 'live'];
        await expect
          .poll(() => told(async () => states(await shown(market), 'trades')), WAIT)
          .toEqual(expected);
        await keepScreenshot(page, 'coverage-lost');
        const onDisk = await Promise.all(MARKETS.map(recorded));
        const onScreen = async (): Promise<unknown[]> => (await Promise.all(MARKETS.map(shown))).map(starts);
        await expect.poll(() => told(onScreen), WAIT).toEqual(onDisk.map(starts));
        await page.reload();
        await page.getByTestId('watch-row').first().waitFor();
        await expect.poll(() => told(onScreen), WAIT).toEqual(onDisk.map(starts));

        // By the keyboard, from stretch to stretch.
        const chart = chartOf(market);
        await chart.locator('.host').focus();
        const reading = chart.getByTestId('cord-reading');
        const lost = (await recorded(market)).find((each) => each[1] === 'lost');
        const seconds = (micros = 0): string => new Date(micros / 1000).toISOString().slice(11, 19);
        const from = seconds(lost?.[2]);
        const to = seconds(lost?.[3]);
        let said = '';
        for (let press = 0; press < 12 && !said.includes('lost'); press++) {
          await page.keyboard.press(']');
          await expect.poll(() => reading.isVisible(), WAIT).toBe(true);
          said = (await chart.locator('[aria-live=polite]').textContent()) ?? '';
        }
        expect(said).toContain(`lost ${from}–${to}, 3 m`);
        expect(said).toContain(lost?.[4] ?? 'no cause');
        await expect.poll(() => reading.textContent(), WAIT).toContain(`lost ${from}–${to}`);
        await page.keyboard.press('Escape');
        await expect.poll(() => reading.isHidden(), WAIT).toBe(true);

        // The lost stretch was announced. A press brings its beginning into sight, and marks it.
        const large = page.locator('[data-testid=chart][data-slot="0"]');
        const range = async (): Promise<[from: number, to: number]> => [
          Number(await large.getAttribute('data-from')),
          Number(await large.getAttribute('data-to')),
        ];
        const moment = (lost?.[2] ?? 0) / 1000;
        await large.locator('.host').focus();
        // Near, and at the record's beginning: the moment is out of sight.
        for (let press = 0; press < 16; press++) await page.keyboard.press('+');
        for (let press = 0; press < 4; press++) await page.keyboard.press('PageUp');
        await expect.poll(async () => (await range())[1], WAIT).toBeLessThan(moment);
        await page.getByTestId('bell').click();
        await page.locator('[data-testid=announcement][data-kind=gap-lost]').last().click();
        await expect
          .poll(async () => Number(await large.getAttribute('data-moment')), WAIT)
          .toBeCloseTo(moment, -4);
        await expect
          .poll(async () => {
            const [left, right] = await range();
            const at = Number(await large.getAttribute('data-moment'));
            return left <= at && at < right;
          }, WAIT)
          .toBe(true);
        await keepScreenshot(page, 'coverage-moment');

        // The row of the market names it too.
        const row = page.locator(`[data-testid=watch-row][data-market="${market}"]`);
        await expect
          .poll(() => row.getByTestId('watch-cord').getAttribute('data-words'), WAIT)
          .toContain(`lost ${from}–${to}`);

        let isOver = false;
        const view = core.connect((message) => {
          isOver ||= message.kind === 'reply';
        });
        view.request({ id: 1, command: 'recording.set', args: { on: false } });
        await until(() => isOver);
        view.close();
        for (const each of MARKETS) {
          const disk = await recorded(each);
          await expect.poll(() => told(() => shown(each)), WAIT).toEqual(disk);
        }
      } finally {
        await host.close();
        await core.close();
      }
    });
  });
});
