/** The dictionary against real HTTP servers on loopback. */
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { DictionaryState } from '../../../main/core/contract.ts';
import { Dictionary, type DictionaryCache } from '../../../main/core/dictionary.ts';
import { MAX_PAGE_BYTES, PAGE_LIMIT_MS } from '../../../main/core/markets/page.ts';
import { openStore } from '../../../main/core/store/open.ts';
import { temporaryFolder } from '../../helpers/quipu.ts';
import { TestClock } from '../../helpers/test-clock.ts';
import { workerScript } from '../../helpers/workers.ts';
import { type Answer, dictionaryServer, item, json, pageOf, type TestServer } from './support.ts';

const MARKETS = Array.from({ length: 2_500 }, (_, n) => item(`m${n}`));
const listing: Answer = (request, response) => json(response, pageOf(MARKETS, request));

/** A cache in memory. */
class Kept implements DictionaryCache {
  json: string | null = null;

  readSetting(): Promise<string | null> {
    return Promise.resolve(this.json);
  }

  async writeSetting(_name: string, value: string): Promise<void> {
    this.json = value;
  }
}

interface Rig {
  readonly dictionary: Dictionary;
  readonly clock: TestClock;
  readonly states: DictionaryState[];
  readonly logged: string[];
  readonly renewed: () => number;
}

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function serve(answer: Answer = listing): Promise<TestServer> {
  const server = await dictionaryServer(answer);
  open.push(server);
  return server;
}

function rig(address: string, cache: DictionaryCache = new Kept(), clock = new TestClock()): Rig {
  const states: DictionaryState[] = [];
  const logged: string[] = [];
  let renewed = 0;
  const dictionary: Dictionary = new Dictionary({
    ...{ address, fetch: globalThis.fetch, clock, cache },
    logger: { log: (_level, message) => logged.push(message) },
    random: () => 0.5,
    changed: () => states.push(dictionary.state),
    renewed: () => renewed++,
  });
  open.push(dictionary);
  return { dictionary, clock, states, logged, renewed: () => renewed };
}

const has = (dictionary: Dictionary, text: string): number => dictionary.search(text, 10).total;

describe('reading', () => {
  it('takes all pages one after the other, active and inactive, and tells how far it is', async () => {
    const all = [...MARKETS, item('gone', { active: false })];
    const server = await serve((request, response) => {
      expect(request.url).toMatch(/\/markets\?verbose=true&page=\d&size=1000$/);
      expect(request.headers.authorization).toBeUndefined();
      json(response, pageOf(all, request));
    });
    const { dictionary, states, renewed } = rig(server.address);
    await dictionary.load();
    expect(server.asked).toEqual([0, 1, 2]);
    const progress = states.filter(({ loading }) => loading).map(({ pages, markets }) => [pages, markets]);
    expect(progress.slice(0, 3)).toEqual([
      [0, 0],
      [1, 1_000],
      [2, 2_000],
    ]);
    expect(states[1]).toMatchObject({ totalPages: 3, totalMarkets: 2_501, known: 0, from: 'none' });
    expect(dictionary.state).toEqual({
      ...{ loading: false, pages: 3, totalPages: 3, markets: 2_501, totalMarkets: 2_501, known: 2_501 },
      ...{
        skipped: 0,
        read: Date.parse('2024-01-15T18:00:00Z'),
        from: 'server',
        problem: null,
        retryAt: null,
      },
    });
    expect(renewed()).toBe(1);
    expect(dictionary.market('gone')).toMatchObject({ active: false });
    expect(dictionary.activeIds).toHaveLength(2_500);
    // Who adds a market while typing wants one that trades.
    expect(has(dictionary, 'gone')).toBe(0);
    const any = { text: 'gone', venue: null, assetType: null, active: null } as const;
    expect(dictionary.browse({ ...any, sort: 'pair', descending: false, offset: 0, limit: 1 }).total).toBe(1);
  });

  it('skips what cannot be read, and counts it', async () => {
    const server = await serve((_request, response) =>
      json(response, { content: [item('a'), null, { market: {} }, item('b')], hasNext: false }),
    );
    const { dictionary } = rig(server.address);
    await dictionary.load();
    expect(dictionary.state).toMatchObject({ known: 2, skipped: 2, problem: null, totalPages: null });
  });

  it('finds the market that the feed names by venue and pair, unless there are two', async () => {
    const twin = (id: string, pairId: string, active: boolean): object => ({
      ...{ market: { id, marketVenue: 'okx', pairId }, active },
    });
    const server = await serve((_request, response) =>
      json(response, {
        content: [
          ...[item('m1'), twin('a', 'one', true), twin('b', 'two', true), twin('c', 'two', true)],
          ...[twin('d', 'old', false), twin('e', 'old', true), twin('f', 'old', false)],
        ],
      }),
    );
    const { dictionary } = rig(server.address);
    expect(dictionary.marketLookup('binance', 'm1-pair')).toBeNull();
    await dictionary.load();
    expect(dictionary.marketLookup('binance', 'm1-pair')).toBe('m1');
    expect(dictionary.marketLookup('okx', 'one')).toBe('a');
    expect(dictionary.marketLookup('okx', 'two')).toBeNull();
    expect(dictionary.marketLookup('okx', 'old')).toBe('e');
    expect(dictionary.marketLookup('__proto__', 'toString')).toBeNull();
  });

  it('is read again a day later, and when it is asked for', async () => {
    const server = await serve();
    const { dictionary, clock } = rig(server.address);
    await dictionary.load();
    await Promise.all([dictionary.load(), dictionary.load()]);
    expect(server.asked).toHaveLength(6);
    // With the half of the spread of ten minutes.
    clock.advance(86_400_000 + 300_000);
    await dictionary.load();
    expect(server.asked).toHaveLength(9);
    expect(dictionary.state.read).toBe(Date.parse('2024-01-16T18:05:00Z'));
  });
});

describe('a reading that fails', () => {
  it('in the middle leaves what was known whole, and goes on where it broke off', async () => {
    const server = await serve();
    const { dictionary, clock, renewed } = rig(server.address);
    await dictionary.load();
    server.asked.length = 0;
    const grown = [...MARKETS, ...Array.from({ length: 100 }, (_, n) => item(`new${n}`))];
    server.answer((request, response, count) => {
      if (count === 1) request.socket.destroy();
      else json(response, pageOf(grown, request));
    });
    await dictionary.load();
    expect(dictionary.state).toMatchObject({
      ...{ loading: false, pages: 1, markets: 1_000, known: 2_500, from: 'server' },
      problem: { status: null },
    });
    expect(dictionary.state.retryAt).toBe(Math.floor(clock.now() / 1000) + 2_000);
    expect([has(dictionary, 'm24'), has(dictionary, 'new')]).toEqual([111, 0]);
    clock.advance(2_000);
    await dictionary.load();
    expect(server.asked).toEqual([0, 1, 1, 2]);
    expect(dictionary.state).toMatchObject({ known: 2_600, problem: null, retryAt: null });
    expect(renewed()).toBe(2);
  });

  it('long ago begins anew', async () => {
    const server = await serve((request, response, count) =>
      count === 1 ? request.socket.destroy() : json(response, pageOf(MARKETS, request)),
    );
    const { dictionary, clock } = rig(server.address);
    await dictionary.load();
    // Nothing is tried while the computer sleeps.
    dictionary.close();
    const { dictionary: other } = rig(server.address, new Kept(), clock);
    await other.load();
    expect(other.state.known).toBe(2_500);
    server.asked.length = 0;
    server.answer((request, response, count) =>
      count === 1 ? response.writeHead(503).end() : json(response, pageOf(MARKETS, request)),
    );
    await other.load();
    clock.advance(1_000);
    expect(server.asked).toEqual([0, 1]);
    server.answer((_request, response) => response.writeHead(503).end());
    clock.advance(900_000);
    await other.load();
    server.asked.length = 0;
    server.answer(listing);
    await other.load();
    expect(server.asked).toEqual([0, 1, 2]);
  });

  const html = '<!doctype html><title>Sign in</title>';
  it.each<[name: string, kind: string, answer: Answer]>([
    ['a captive portal', 'portal', (_q, r) => r.setHeader('Content-Type', 'text/html').end(html)],
    ['a portal that hides its type', 'portal', (_q, r) => r.end(html)],
    ['a redirect', 'redirect', (_q, r) => r.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()],
    ['429', 'rate-limited', (_q, r) => r.writeHead(429).end()],
    ['503', 'unavailable', (_q, r) => r.writeHead(503).end()],
    ['500', 'unavailable', (_q, r) => r.writeHead(500).end()],
    ['511', 'portal', (_q, r) => r.writeHead(511).end()],
    ['401', 'unauthorized', (_q, r) => r.writeHead(401).end()],
    ['403', 'forbidden', (_q, r) => r.writeHead(403).end()],
    ['404', 'rejected', (_q, r) => r.writeHead(404).end(html)],
    ['no JSON', 'malformed', (_q, r) => r.end('{"content":[')],
    ['another object', 'malformed', (_q, r) => json(r, { markets: [] })],
    ['a list', 'malformed', (_q, r) => json(r, [item('a')])],
    ['no market at all', 'malformed', (_q, r) => json(r, { content: [], hasNext: false })],
    ['markets that are none', 'malformed', (_q, r) => json(r, { content: [1, 2], hasNext: false })],
    ['the same page for ever', 'malformed', (_q, r) => json(r, { content: [item('a')], hasNext: true })],
    [
      'new markets for ever',
      'malformed',
      (_q, r, count) => json(r, { content: [item(`m${count}`)], hasNext: true }),
    ],
    ['JSON 100,000 deep', 'malformed', (_q, r) => r.end(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
    [
      'a length beyond all',
      'oversized',
      (_q, r) => r.writeHead(200, { 'Content-Length': String(MAX_PAGE_BYTES + 1) }).write('{'),
    ],
    [
      'a body beyond all',
      'oversized',
      (_q, r) => {
        const piece = Buffer.alloc(1024 * 1024, 0x20);
        const pour = (): void => {
          while (!r.destroyed && r.write(piece));
          if (!r.destroyed) r.once('drain', pour);
        };
        pour();
      },
    ],
    [
      'a compression bomb',
      'oversized',
      (_q, r) =>
        r.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(Buffer.alloc(64 * 1024 * 1024))),
    ],
  ])('%s is told as such, tried again, and harms nothing', async (_name, kind, answer) => {
    const server = await serve(listing);
    const { dictionary, clock } = rig(server.address);
    await dictionary.load();
    server.answer(answer);
    await dictionary.load();
    const { problem, retryAt, known, from } = dictionary.state;
    expect(problem?.kind).toBe(kind);
    expect(problem?.action).not.toBe('');
    expect({ known, from }).toEqual({ known: 2_500, from: 'server' });
    expect(retryAt).toBe(Math.floor(clock.now() / 1000) + 2_000);
    server.answer(listing);
    clock.advance(2_000);
    await dictionary.load();
    expect(dictionary.state).toMatchObject({ known: 2_500, problem: null, retryAt: null });
  });

  it('carries the server’s words, and waits as long as it asks', async () => {
    const server = await serve((_request, response) =>
      response
        .writeHead(429, { 'x-inca-error-message': 'slow\tdown', 'Retry-After': '90' })
        .end('x'.repeat(100)),
    );
    const { dictionary, clock } = rig(server.address);
    await dictionary.load();
    expect(dictionary.state.problem).toMatchObject({ status: 429, serverWords: 'slow down' });
    server.answer(listing);
    clock.advance(89_000);
    expect(dictionary.state.loading).toBe(false);
    clock.advance(1_000);
    expect(dictionary.state.loading).toBe(true);
    await dictionary.load();
    expect(dictionary.state.known).toBe(2_500);
  });

  it('ends in time, though the server sends a byte now and then', async () => {
    let begun = (): void => undefined;
    const drips = new Promise<void>((resolve) => (begun = resolve));
    const server = await serve((_request, response) => {
      response.setHeader('Content-Type', 'application/json').write('{');
      begun();
    });
    const { dictionary, clock } = rig(server.address);
    const loading = dictionary.load();
    await drips;
    clock.advance(PAGE_LIMIT_MS);
    await loading;
    expect(dictionary.state.problem?.kind).toBe('timeout');
  });

  it('is tried less and less often, at most every ten minutes', async () => {
    const { dictionary, clock } = rig('http://127.0.0.1:1');
    const waits: number[] = [];
    for (let attempt = 0; attempt < 14; attempt++) {
      await dictionary.load();
      expect(dictionary.state.problem?.kind).toMatch(/unreachable|broken/);
      waits.push((dictionary.state.retryAt ?? 0) - Math.floor(clock.now() / 1000));
    }
    expect(waits.slice(0, 4)).toEqual([2_000, 3_000, 5_000, 9_000]);
    expect(waits.at(-1)).toBe(301_000);
  });

  it('and one that nobody waits for any more says nothing', async () => {
    let asked = (): void => undefined;
    const reached = new Promise<void>((resolve) => (asked = resolve));
    const server = await serve(() => asked());
    const { dictionary, clock, logged } = rig(server.address);
    const loading = dictionary.load();
    await reached;
    dictionary.close();
    await loading;
    clock.advance(86_400_000 * 2);
    await dictionary.load();
    expect(server.asked).toHaveLength(1);
    expect(logged).toEqual([]);
  });
});

describe('the cache', () => {
  it('serves search and names at once and offline, in a real store', async () => {
    const folder = temporaryFolder();
    open.push({ close: () => folder.remove() });
    const server = await serve();
    const store = await openStore({ folder: folder.path, workerScript });
    const first = rig(server.address, store);
    await first.dictionary.load();
    first.dictionary.close();
    await store.close();
    await server.close();

    const again = await openStore({ folder: folder.path, workerScript });
    open.push(again);
    const clock = new TestClock(Date.parse('2024-01-15T21:00:00Z'));
    const { dictionary, states, logged } = rig(server.address, again, clock);
    await dictionary.restore();
    expect(has(dictionary, 'm24')).toBe(111);
    expect(dictionary.market('m7')).toEqual(first.dictionary.market('m7'));
    expect(dictionary.marketLookup('binance', 'm7-pair')).toBe('m7');
    await dictionary.load();
    expect(dictionary.state).toMatchObject({
      ...{ known: 2_500, from: 'cache', read: Date.parse('2024-01-15T18:00:00Z'), loading: false },
      problem: { kind: 'unreachable' },
    });
    expect(states.some(({ loading }) => loading)).toBe(true);
    expect(logged).toEqual(['the dictionary of markets could not be read']);
  });

  it.each(['{', '{"version":1,"read":5,"markets":[[""]]}', '[]', '"'.repeat(1_000_000)])(
    'is ignored when it is damaged, and read anew: %.30s',
    async (damaged) => {
      const server = await serve();
      const kept = new Kept();
      kept.json = damaged;
      const { dictionary, logged } = rig(server.address, kept);
      await dictionary.restore();
      expect(logged).toEqual(['the kept dictionary of markets is ignored']);
      expect(dictionary.state).toMatchObject({ known: 0, from: 'none' });
      await dictionary.load();
      expect(dictionary.state).toMatchObject({ known: 2_500, from: 'server' });
      expect(kept.json).not.toBe(damaged);
    },
  );

  it('that cannot be written is no failure', async () => {
    const server = await serve();
    const full: DictionaryCache = {
      readSetting: () => Promise.resolve(null),
      writeSetting: () => Promise.reject(new Error('the disk is full')),
    };
    const { dictionary, logged } = rig(server.address, full);
    await dictionary.load();
    expect(dictionary.state).toMatchObject({ known: 2_500, problem: null });
    expect(logged).toEqual(['the dictionary of markets could not be kept']);
  });
});
