/**
 * 200 texts that would run as script, by every way that others' words have to the screen: the real page in
 * a real Chromium, the real core before a hostile server, and each kind of event with such words in it.
 */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { CoreEvent, Endpoint, JournalEntry, LinkProblem, Message } from '../../main/core/contract.ts';
import { type Core, type CoreClient, createCore } from '../../main/core/core.ts';
import type { AppError } from '../../main/core/result.ts';
import { type Host, startHost } from '../../main/headless/host.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { XSS_PAYLOADS } from '../faults/xss-payloads.ts';
import { keepScreenshot, launchBrowser } from '../helpers/browser.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { findChromium } from '../needs.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const WAIT = { timeout: 30_000 };

/** In the page, before its first line: what calls itself, and what its policy stops. */
const WATCH = `
  globalThis.ran = new Set();
  globalThis.violations = [];
  globalThis.xss = (n) => ran.add(n);
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, sample }) =>
    violations.push(violatedDirective + ' ' + sample));`;
const PAINTED = 'new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))';
/** What ran or was stopped, and elements and attributes that the app itself has none of. */
const FOUND = `(() => {
  const strange = /^(script|iframe|object|embed|base|meta|link|img|video|audio|style|details|template)$/i;
  const isForeign = (element) =>
    (strange.test(element.tagName) && element.closest('head') === null) ||
    [...element.attributes].some(({ name, value }) => /^on/i.test(name) || (/^(href|src|action|formaction|xlink:href|data)$/i.test(name) && /^\\s*javascript:/i.test(value)));
  const foreign = [...document.querySelectorAll('*')].filter(isForeign).map((each) => each.outerHTML.slice(0, 200));
  const head = document.head.querySelectorAll('base, script:not([src]), meta[http-equiv=refresh], style').length;
  return { ran: [...ran], violations, head, foreign };
})()`;

interface HostileFeed {
  readonly addresses: { readonly trades: string; readonly candles: string; readonly dictionary: string };
  close(): Promise<void>;
}

/** Names, refusals, types, samples and data: the payload of a market is in all that is said of it. */
async function startHostileFeed(): Promise<HostileFeed> {
  const server = createServer((_request, response) => {
    const content = XSS_PAYLOADS.map((words) => ({
      market: {
        id: words,
        marketVenue: words,
        pairId: words,
        pair: { symbol: words, base: words, assetType: words },
      },
      active: true,
      metrics: { '1h': { price: words, volume: words, vwap: words, trades: 1 } },
    }));
    const count = content.length;
    response.writeHead(200, { 'content-type': 'application/json', 'x-inca-error-message': XSS_PAYLOADS[1] });
    response.end(
      JSON.stringify({ content, size: count, totalPages: 1, totalElements: count, page: 0, hasNext: false }),
    );
  });
  const accepting = new WebSocketServer({ server });
  accepting.on('connection', (client) => {
    client.on('error', () => undefined);
    client.on('message', (data: Buffer) => answer(client, JSON.parse(data.toString()) as Asked));
    for (const words of XSS_PAYLOADS) {
      send(client, { type: words, payload: { words } });
      send(client, {
        type: 'trade',
        payload: { marketId: words, price: words, size: '1', timestamp: words },
      });
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    addresses: {
      trades: `ws://127.0.0.1:${port}/t`,
      candles: `ws://127.0.0.1:${port}/c`,
      dictionary: `http://127.0.0.1:${port}/d`,
    },
    async close() {
      for (const client of accepting.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

interface Asked {
  readonly traceId: string;
  readonly payload: { readonly marketIds: readonly string[] };
}

const send = (client: WebSocket, message: unknown): void => client.send(JSON.stringify(message));

/** Every other market is refused in its own words; the rest trades. */
function answer(client: WebSocket, { traceId, payload }: Asked): void {
  if (payload.marketIds.length > 1) {
    send(client, { traceId, type: 'error', payload: { code: 'NO', message: 'one by one' } });
    return;
  }
  const [market = ''] = payload.marketIds;
  if (XSS_PAYLOADS.indexOf(market) % 2 === 1) {
    send(client, { traceId, type: 'error', payload: { code: market, message: market } });
    return;
  }
  send(client, { traceId, type: 'success', payload });
  const timestamp = new Date().toISOString();
  send(client, {
    type: 'trade',
    payload: { id: market, marketId: market, timestamp, price: '1.5', size: '2', side: market },
  });
}

describe.skipIf(findChromium() === null)('others’ words', { timeout: 240_000 }, () => {
  let folder: TemporaryFolder;
  let feed: HostileFeed;
  let core: Core;
  let host: Host;
  let browser: Browser;
  let page: Page;
  let tell: (event: CoreEvent) => void = () => undefined;
  /** Dialogs, and requests to anyone but the host. */
  const reached: string[] = [];

  beforeAll(async () => {
    // In a process of its own: the test runner's environment would change what is bundled.
    await promisify(execFile)(process.execPath, [
      '-e',
      `import(${JSON.stringify(join(ROOT, 'build/bundle.ts'))}).then((m) => m.bundleRenderer())`,
    ]);
    folder = temporaryFolder();
    feed = await startHostileFeed();
    const ports = nodePorts();
    core = await createCore({
      ...{ host: 'browser', version: '0', folder: folder.path, environmentKey: 'xss-key' },
      addresses: feed.addresses,
      ports: { ...ports, logger: { log: () => undefined } },
    });
    await core.start('live');
    await watchAll(core);
    const told: Core = {
      ...{ start: (source) => core.start(source), resume: () => core.resume(), sleep: () => core.sleep() },
      ...{ wake: () => core.wake(), links: () => core.links(), report: () => core.report() },
      close: () => core.close(),
      connect(to): CoreClient {
        tell = (event) => to({ kind: 'event', event });
        return core.connect(to);
      },
    };
    const pages = join(ROOT, 'out', 'renderer');
    host = await startHost({ core: told, port: 0, folder: pages, logger: { log: () => undefined } });
    browser = await launchBrowser();
    page = await watched(browser, reached, `127.0.0.1:${host.port}`);
    await page.goto(host.address);
    await page.getByTestId('watch-row').first().waitFor(WAIT);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await host.close();
    await core.close();
    await feed.close();
    folder.remove();
  });

  it('do run where a page makes markup of them, so that what follows can fail', async () => {
    const naive = await watched(await launchBrowser(), [], '');
    // A page that was never loaded has not run what loading runs first.
    await naive.evaluate(WATCH);
    // One that sends the page away would take along what ran.
    for (const words of XSS_PAYLOADS.filter((each) => !/refresh/i.test(each))) {
      await naive.evaluate(
        `document.body.append(Object.assign(document.createElement('div'), { innerHTML: ${JSON.stringify(words)} }))`,
      );
    }
    const ran = (): Promise<unknown> => naive.evaluate('ran.size');
    await expect.poll(ran, WAIT).toBeGreaterThan(10);
    await naive.context().browser()?.close();
  });

  it('in names, refusals, frames and samples are shown as words', async () => {
    expect(new Set(XSS_PAYLOADS).size).toBe(200);
    const rows = page.getByTestId('watch-row');
    await expect.poll(() => rows.count(), WAIT).toBe(200);
    await expect.poll(() => page.getByTestId('tape-row').count(), WAIT).toBeGreaterThan(0);
    expect(
      (await page.getByTestId('watchlist').or(page.locator('body')).first().textContent()) ?? '',
    ).toContain((XSS_PAYLOADS[1] ?? '').toUpperCase());
    // Titles and tooltips of every row.
    for (let n = 0; n < 200; n += 25) await rows.nth(n).hover();

    await page.getByTestId('tab-markets').click();
    await page.getByTestId('market-row').first().waitFor(WAIT);
    await page.getByTestId('markets-scroller').hover();
    for (let top = 0; top < 8_000; top += 400) {
      await page.mouse.wheel(0, 400);
      await page.evaluate(PAINTED);
    }
    await page.getByTestId('tab-live').click();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('xss');
    await page.getByTestId('search-result').first().waitFor(WAIT);
    await page.keyboard.press('Escape');

    await page.getByTestId('tab-sessions').click();
    await page.getByTestId('session-open').first().click();

    await page.getByTestId('tab-feed').click();
    await page.getByTestId('feed-tab-frames').click();
    await page.getByTestId('frame-row').first().click();
    expect(await page.getByTestId('frame-text').first().textContent()).toContain('xss(');
    await keepScreenshot(page, 'xss-frames');
    await page.getByTestId('feed-tab-refusals').click();
    await page.getByTestId('refusal-row').first().click();
    expect(await page.getByTestId('refusal-sample').first().textContent()).toContain('<');
    await page.getByTestId('tab-live').click();
    await nothingRan();
  });

  it('in every event are shown as words: close reasons, errors, notices, names', async () => {
    await page.getByTestId('link-trades').click();
    await page.getByTestId('connection-panel').waitFor(WAIT);
    const panel = page.getByTestId('connection-panel');
    let seen = 0;
    for (const [n, words] of XSS_PAYLOADS.entries()) {
      // Once a second the core tells its own, which may come before these are painted.
      for (let tries = 0; tries < 5; tries++) {
        for (const event of eventsWith(words, n, core)) tell(event);
        await page.evaluate(PAINTED);
        if ((await panel.textContent())?.includes(words) === true) {
          seen++;
          break;
        }
      }
      if (n === 1) await keepScreenshot(page, 'xss-events');
    }
    expect(seen).toBe(200);
    await page.getByTestId('tab-feed').click();
    await expect.poll(() => page.getByTestId('journal-row').count(), WAIT).toBeGreaterThan(5);
    await page.getByTestId('journal-row').first().hover();
    await page.getByTestId('tab-settings').click();
    await page.getByTestId('settings-key').click();
    await page.getByTestId('settings-dialect').click();
    await nothingRan();
  });

  it('in a refused handshake are shown as words', async () => {
    await page.getByTestId('tab-live').click();
    for (const words of XSS_PAYLOADS.slice(0, 20)) {
      const shown = async (): Promise<string> => {
        for (const endpoint of ['trades', 'candles'] as const) {
          const problem: LinkProblem = { ...problemOf(words), kind: 'unauthorized', status: 401 };
          tell({ type: 'link', link: { ...core.links()[endpoint], phase: 'refused', problem } });
        }
        await page.evaluate(PAINTED);
        return (await page.getByTestId('server-words').allTextContents()).join();
      };
      await expect.poll(shown, WAIT).toContain(words);
    }
    await nothingRan();
  });

  async function nothingRan(): Promise<void> {
    const found = await page.evaluate(FOUND);
    expect(found).toEqual({ ran: [], violations: [], head: 0, foreign: [] });
    expect(reached).toEqual([]);
  }
});

/** A page that tells what ran, what its policy stopped, and what it reached out for. */
async function watched(browser: Browser, reached: string[], own: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' });
  page.on('dialog', (dialog) => {
    reached.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.context().route('**', (route) => {
    const { host } = new URL(route.request().url());
    if (host === own) return route.continue();
    reached.push(route.request().url());
    return route.abort();
  });
  await page.addInitScript(WATCH);
  return page;
}

function problemOf(words: string): LinkProblem {
  return { kind: 'closed', status: 503, serverWords: words, message: words, action: words, closeCode: 1008 };
}

/** One of each kind of event that can hold words of others. */
function eventsWith(words: string, n: number, core: Core): CoreEvent[] {
  const error: AppError = { kind: 'storage', message: words, action: words };
  const links = (['trades', 'candles'] as const).map((endpoint: Endpoint): CoreEvent => {
    const link = { ...core.links()[endpoint], url: words, problem: problemOf(words) };
    return { type: 'link', link: { ...link, phase: 'waiting', retryAt: Date.now() + 60_000 } };
  });
  const at = Date.now();
  const transition: JournalEntry = {
    ...{
      type: 'transition' as const,
      endpoint: 'trades',
      at,
      from: 'live',
      to: 'waiting',
      row: 1e6 + n,
      session: 1,
    },
    ...{ kind: words, message: words, serverWords: words },
  };
  return [
    ...links,
    { type: 'notice', notice: error },
    { type: 'source', source: 'live', key: { place: 'none', problem: error, trouble: 'failed' } },
    { type: 'dialect', dialect: { own: true, name: words, problem: error, file: words } },
    { type: 'journal', entry: transition },
    {
      type: 'gap',
      gap: {
        ...{ session: 1, endpoint: 'trades', from: at - 2_000, to: at - 1_000, state: 'lost', cause: words },
        ...{ recovered: 0, duplicates: 0 },
      },
    },
    {
      type: 'dictionary',
      dictionary: {
        ...{
          loading: false,
          pages: 1,
          totalPages: 1,
          markets: 200,
          totalMarkets: 200,
          known: 200,
          skipped: 0,
        },
        ...{ read: at, from: 'server', problem: problemOf(words), retryAt: at + 60_000 },
      },
    },
    { type: 'recording', recording: { state: 'failed', session: null, problem: error } },
    { type: 'store', store: { folder: words, bytes: 1, free: 1, disk: 2, trades: 1, candles: 1 } },
  ];
}

async function watchAll(core: Core): Promise<void> {
  let reply: (message: Message) => void = () => undefined;
  const replied = new Promise<Message>((resolve) => {
    reply = (message) => {
      if (message.kind === 'reply') resolve(message);
    };
  });
  const client = core.connect((message) => reply(message));
  client.request({ id: 1, command: 'watch.set', args: { markets: XSS_PAYLOADS } });
  expect(await replied).toMatchObject({ result: { ok: true } });
  client.close();
}
