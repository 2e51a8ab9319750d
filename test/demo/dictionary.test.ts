import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MARKETS } from '../../main/demo/catalogue.ts';
import type { DemoFeed } from '../../main/demo/feed.ts';
import { connect, HandClock, startFeed } from './support.ts';

interface Page {
  readonly content: readonly Readonly<Record<string, unknown>>[];
  readonly size: number;
  readonly totalPages: number;
  readonly totalElements: number;
  readonly numberOfElements: number;
  readonly page: number;
  readonly hasNext: boolean;
}

describe('a long dictionary', () => {
  const LONG = { rate: 100, dictionarySize: 12_000 };
  let feed: DemoFeed;
  beforeAll(async () => {
    feed = await startFeed({ clock: new HandClock(1_700_000_000_000), ...LONG });
  });
  afterAll(() => feed.close());

  async function markets(query: string): Promise<Page> {
    return (await (await fetch(`${feed.addresses.dictionary}/markets?${query}`)).json()) as Page;
  }
  const idsOf = ({ content }: Page): string[] =>
    content.map((entry) => (entry['market'] as { id: string }).id);

  it('lists as many markets as asked for, each once, those that trade first', async () => {
    const pages = await Promise.all([0, 1, 2].map((page) => markets(`size=5000&page=${page}`)));
    expect(pages[2]).toMatchObject({ totalElements: 12_000, totalPages: 3, hasNext: false });
    const ids = pages.flatMap(idsOf);
    expect(ids.slice(0, MARKETS.length)).toEqual(MARKETS.map(({ id }) => id));
    expect(new Set(ids).size).toBe(12_000);
  });

  it('tells of the last hour of those that are active, and when the others were last seen', async () => {
    const active = await markets('active=true&verbose=true&size=5000&page=1');
    expect(active.content.filter(({ metrics }) => metrics !== undefined).length).toBeGreaterThan(3_000);
    const inactive = await markets('active=false&verbose=true&size=5000');
    expect(inactive.totalElements).toBeGreaterThan(1_000);
    const [first, second] = inactive.content.slice(1);
    expect(first).toMatchObject({ active: false, lastSeen: expect.any(String) as string });
    expect(second).not.toHaveProperty('metrics');
  });

  it('is the same for the same seed', async () => {
    const other = await startFeed({ clock: new HandClock(1_700_000_000_000), ...LONG });
    const query = 'verbose=true&active=false&size=50';
    const again = await (await fetch(`${other.addresses.dictionary}/markets?${query}`)).json();
    expect(again).toEqual(await markets(query));
    await other.close();
  });

  it('takes a subscription of a market that never trades', async () => {
    const [id = ''] = idsOf(await markets('active=true&size=1&page=9000'));
    for (const [url, more] of [
      [feed.addresses.trades, {}],
      [feed.addresses.candles, { granularity: '1m' }],
    ] as const) {
      const client = await connect(url);
      const answer = await client.ask('subscribe', { marketIds: [id], ...more });
      expect(answer).toMatchObject({ type: 'success', payload: { marketIds: [id] } });
      client.cut();
    }
  });

  it.each([0, 1.5, 100_001])('is refused with %s markets', async (dictionarySize) => {
    await expect(startFeed({ dictionarySize })).rejects.toMatchObject({ kind: 'bad-argument' });
  });
});

describe('the dictionaries', () => {
  let feed: DemoFeed;
  let clock: HandClock;
  beforeAll(async () => {
    clock = new HandClock(1_700_000_000_000);
    feed = await startFeed({ clock, rate: 1_000 });
  });
  afterAll(() => feed.close());

  async function get(path: string): Promise<Page> {
    const answer = await fetch(`${feed.addresses.dictionary}/${path}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('application/json');
    return (await answer.json()) as Page;
  }

  async function marketIds(query: string): Promise<string[]> {
    const { content } = await get(`markets?${query}`);
    return content.map((entry) => (entry['market'] as { id: string }).id);
  }

  it('have 12 or more markets over 3 venues', async () => {
    const { content, totalElements } = await get('markets?active=true');
    expect(totalElements).toBeGreaterThanOrEqual(12);
    const venues = content.map((entry) => (entry['market'] as { marketVenue: string }).marketVenue);
    expect(new Set(venues).size).toBe(3);
    expect((await get('market-venues')).content).toEqual([
      { marketVenue: { id: 'binance', name: 'Binance' }, active: true },
      { marketVenue: { id: 'okx', name: 'OKX' }, active: true },
      { marketVenue: { id: 'kraken', name: 'Kraken' }, active: true },
    ]);
  });

  it('give a market briefly, and at length on request', async () => {
    expect((await get('markets?pair-id=btc-usdt&market-venue=okx')).content).toEqual([
      { market: { id: 'okx-btc-usdt', marketVenue: 'okx', pairId: 'btc-usdt' }, active: true },
    ]);
    clock.advance(60_000);
    const [long] = (await get('markets?pair-id=btc-usdt&market-venue=okx&verbose=true')).content;
    expect(long).toMatchObject({
      market: {
        id: 'okx-btc-usdt',
        pair: { id: 'btc-usdt', assetType: 'spot', symbol: 'btc', base: 'usdt' },
      },
      active: true,
    });
    expect(Date.parse(String(long?.['lastSeen']))).toBeGreaterThan(1_700_000_000_000);
    const metrics = (long?.['metrics'] as { '1h': Record<string, unknown> })['1h'];
    expect(metrics['trades']).toBeGreaterThan(1_000);
    expect(metrics['price']).toMatch(/^\d+\.\d$/);
    expect(metrics['volume']).toMatch(/^\d+\.\d{8}$/);
    expect(Number(metrics['vwap']) / Number(metrics['price'])).toBeCloseTo(1, 1);
  });

  it('filter', async () => {
    expect(await marketIds('active=false')).toEqual(['kraken-xmr-usd']);
    expect(await marketIds('symbol=eth')).toEqual(['binance-eth-usdt', 'kraken-eth-btc']);
    expect(await marketIds('symbol=ETH&base=btc')).toEqual(['kraken-eth-btc']);
    expect(await marketIds('market-venue=kraken&active=true&base=usd')).toEqual([
      'kraken-ltc-usd',
      'kraken-btc-usd',
    ]);
    expect(await marketIds('asset-type=future')).toEqual([]);
    expect((await marketIds('asset-type=spot')).length).toBe(MARKETS.length);
    const pairs = await get('pairs?base=btc');
    expect(pairs.content).toEqual([
      { pair: { id: 'eth-btc', assetType: 'spot', symbol: 'eth', base: 'btc' }, active: true },
    ]);
    const assets = await get('assets?active=false');
    expect(assets.content).toEqual([{ asset: { id: 'xmr', symbol: 'xmr' }, active: false }]);
    expect((await get('assets?symbol=btc&verbose=true')).content).toEqual([
      { asset: { id: 'btc', symbol: 'btc', name: 'Bitcoin' }, active: true },
    ]);
  });

  it('page', async () => {
    const all = await marketIds('');
    const paged: string[] = [];
    for (let page = 0; ; page++) {
      const answer = await get(`markets?page=${page}&size=4`);
      expect(answer).toMatchObject({ size: 4, page, totalPages: 4, totalElements: 15 });
      expect(answer.numberOfElements).toBe(answer.content.length);
      paged.push(...answer.content.map((entry) => (entry['market'] as { id: string }).id));
      if (!answer.hasNext) break;
    }
    expect(paged).toEqual(all);
    expect(await get('markets?page=9&size=4')).toMatchObject({
      content: [],
      numberOfElements: 0,
      hasNext: false,
    });
    expect((await get('markets')).size).toBe(1_000);
  });

  it.each(['size=0', 'size=5001', 'size=x', 'page=-1', 'page=1.5', 'active=yes', 'verbose=1'])(
    'refuse %s with 400 and words',
    async (query) => {
      const answer = await fetch(`${feed.addresses.dictionary}/markets?${query}`);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('x-inca-error-message')).toMatch(/must be/);
    },
  );

  it('answer 404 and 405 elsewhere', async () => {
    for (const path of ['constructor', '__proto__', 'markets/x', '']) {
      expect((await fetch(`${feed.addresses.dictionary}/${path}`)).status).toBe(404);
    }
    expect((await fetch(feed.addresses.trades.replace('ws:', 'http:'))).status).toBe(404);
    expect((await fetch(`${feed.addresses.dictionary}/markets`, { method: 'POST' })).status).toBe(405);
  });
});
