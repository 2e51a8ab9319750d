import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MARKET_SORTS, type MarketInfo, type MarketQuery } from '../../../main/core/contract.ts';
import { MarketIndex } from '../../../main/core/markets/search.ts';
import { marketLists } from './support.ts';

const ALL: MarketQuery = {
  ...{ text: '', venue: null, assetType: null, active: null, sort: 'relevance', descending: false },
};

const names = ({ symbol, base }: MarketInfo): string[] =>
  [symbol, `${symbol}${base}`, `${symbol}/${base}`, `${symbol}-${base}`].map((each) => each.toLowerCase());
const wordsOf = (text: string): string[] => text.toLowerCase().match(/\S+/g) ?? [];

function hasAll(market: MarketInfo, text: string): boolean {
  const { id, venue, assetType } = market;
  const parts = [...names(market), ...[id, venue, assetType ?? ''].map((each) => each.toLowerCase())];
  return wordsOf(text).every((word) => parts.some((part) => part.split(/\s/).some((p) => p.includes(word))));
}

function tier(market: MarketInfo, text: string): number {
  const words = wordsOf(text);
  if (words.length === 0) return 3;
  const joined = words.join('');
  if (names(market).includes(joined) || market.id.toLowerCase() === joined) return 0;
  if (words.some((word) => names(market).includes(word))) return 1;
  return words.some((word) => names(market).some((name) => name.startsWith(word))) ? 2 : 3;
}

type Key = (number | string)[];

/** By what the query sorts, where less comes first; what is not there is infinite. */
function keyOf(market: MarketInfo, { text, sort, descending }: MarketQuery): Key {
  const sign = descending ? -1 : 1;
  const number = (value: number | null | undefined, by: number): number =>
    value === null || value === undefined ? Infinity : value * by;
  const volume = market.volume1h === null ? null : Number(market.volume1h);
  switch (sort) {
    case 'relevance':
      return [tier(market, text), number(market.trades1h, -1), number(volume, -1)];
    case 'volume':
      return [number(volume, sign)];
    case 'trades':
      return [number(market.trades1h, sign)];
    case 'lastSeen':
      return [number(market.lastSeen, sign)];
    case 'venue':
      return [market.venue];
    case 'type':
      return [market.assetType ?? ''];
    case 'pair':
      return [];
  }
}

function byName(a: MarketInfo, b: MarketInfo): number {
  const name = (market: MarketInfo): string =>
    [
      `${market.symbol}\0${market.base}`.toLowerCase(),
      `${market.id} ${market.venue} ${market.assetType ?? ''}`.toLowerCase(),
    ].join('\0');
  return name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0;
}

/** Everything as plainly as can be. */
function naive(markets: readonly MarketInfo[], query: MarketQuery): MarketInfo[] {
  const { text, venue, assetType, active, sort, descending } = query;
  const hits = markets.filter(
    (market) =>
      hasAll(market, text) &&
      (venue === null || market.venue === venue) &&
      (assetType === null || (market.assetType ?? '') === assetType) &&
      (active === null || market.active === active),
  );
  return hits.sort((a, b) => {
    const [one, other] = [keyOf(a, query), keyOf(b, query)];
    for (const [at, value] of one.entries()) {
      const than = other[at] ?? 0;
      if (value === than) continue;
      if (value === '') return 1;
      if (than === '') return -1;
      const less = value < than ? -1 : 1;
      return typeof value === 'string' && descending ? -less : less;
    }
    return sort === 'pair' && descending ? byName(b, a) : byName(a, b);
  });
}

const queries: fc.Arbitrary<MarketQuery> = fc.record({
  text: fc.string({ unit: fc.constantFrom('b', 't', 'c', 'T', '/', '-', ' ', '1', 'é', 'x'), maxLength: 7 }),
  venue: fc.option(fc.constantFrom('', 'bin', 'Okx', 'none')),
  assetType: fc.option(fc.constantFrom('', 'spot', 'none')),
  active: fc.option(fc.boolean()),
  sort: fc.constantFrom(...MARKET_SORTS),
  descending: fc.boolean(),
});

const counts = (of: readonly string[]): Map<string, number> => {
  const found = new Map<string, number>();
  for (const value of of) found.set(value, (found.get(value) ?? 0) + 1);
  return found;
};
const choices = (of: readonly { value: string; count: number }[]): Map<string, number> =>
  new Map(of.map(({ value, count }) => [value, count]));

describe('search', () => {
  it('finds, filters, sorts and counts as a plain filter does, whatever was asked before', async () => {
    await fc.assert(
      fc.asyncProperty(
        marketLists,
        fc.array(queries, { minLength: 1, maxLength: 5 }),
        async (markets, asked) => {
          const index = await MarketIndex.of(markets);
          for (const query of asked) {
            const page = index.browse({ ...query, offset: 0, limit: 200 }, 7, 99);
            const wanted = naive(markets, query);
            expect(page.markets.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
            expect(page).toMatchObject({ total: wanted.length, offset: 0, revision: 7, read: 99 });
            const but = (other: Partial<MarketQuery>): MarketInfo[] => naive(markets, { ...query, ...other });
            expect(choices(page.venues)).toEqual(counts(but({ venue: null }).map(({ venue }) => venue)));
            expect(choices(page.assetTypes)).toEqual(
              counts(but({ assetType: null }).map(({ assetType }) => assetType ?? '')),
            );
            const any = but({ active: null });
            expect(page.active.yes).toBe(any.filter(({ active }) => active).length);
            expect(page.active.no).toBe(any.filter(({ active }) => !active).length);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('finds the same for a text that grows letter by letter as for the whole of it at once', async () => {
    await fc.assert(
      fc.asyncProperty(marketLists, queries, async (markets, query) => {
        const typed = await MarketIndex.of(markets);
        const whole = await MarketIndex.of(markets);
        for (let end = 0; end < query.text.length; end++) {
          typed.browse({ ...query, text: query.text.slice(0, end), offset: 0, limit: 200 }, 1, null);
        }
        const all = { ...query, offset: 0, limit: 200 };
        expect(typed.browse(all, 1, null)).toEqual(whole.browse(all, 1, null));
      }),
    );
  });

  it('cuts pages that together are the whole, without hole or overlap', async () => {
    await fc.assert(
      fc.asyncProperty(
        marketLists,
        queries,
        fc.integer({ min: 1, max: 9 }),
        async (markets, query, limit) => {
          const index = await MarketIndex.of(markets);
          const ids: string[] = [];
          for (let offset = 0; ; offset += limit) {
            const page = index.browse({ ...query, offset, limit }, 1, null);
            if (page.markets.length === 0) break;
            ids.push(...page.markets.map(({ id }) => id));
          }
          expect(ids).toEqual(naive(markets, query).map(({ id }) => id));
        },
      ),
    );
  });

  const market = (id: string, symbol: string, base: string, trades1h: number | null = 0): MarketInfo => ({
    ...{ id, venue: 'okx', symbol, base, assetType: 'spot', active: true, volume1h: null, trades1h },
  });
  const LISTED = [
    market('m1', 'wbtc', 'usdt', 900),
    market('m2', 'btc', 'usdt', 5),
    market('m3', 'btc', 'eur', 50),
    market('m4', 'btcb', 'usdt', 100),
    market('m5', 'eth', 'btc', 500),
    market('m6', 'eth', 'usdt', null),
  ];

  it.each([
    ['', ['m1', 'm5', 'm4', 'm3', 'm2', 'm6']],
    ['btc', ['m3', 'm2', 'm4', 'm1', 'm5']],
    ['BTC/USDT', ['m2', 'm1']],
    ['btc / usdt', ['m2', 'm4', 'm1']],
    ['btcusdt', ['m2', 'm1']],
    ['btc-usdt', ['m2', 'm1']],
    ['usdt btc', ['m2', 'm4', 'm1']],
    ['m5', ['m5']],
    ['eth okx spot', ['m5', 'm6']],
    ['doge', []],
  ])('of %j: an exact name, then a beginning, then the busiest', async (text, ids) => {
    const index = await MarketIndex.of(LISTED);
    const page = index.browse({ ...ALL, text, offset: 0, limit: 200 }, 1, null);
    expect(page.markets.map(({ id }) => id)).toEqual(ids);
  });

  it('tells at most 300 venues, the most frequent, of however many', async () => {
    const markets = Array.from({ length: 1_000 }, (_, n) => ({
      ...market(`m${n}`, 'btc', 'usdt'),
      venue: n < 10 ? 'common' : `v${n}`,
    }));
    const index = await MarketIndex.of(markets);
    const page = index.browse({ ...ALL, offset: 990, limit: 200 }, 1, null);
    expect(page.venues).toHaveLength(300);
    expect(page.venues[0]).toEqual({ value: 'common', count: 10 });
    expect(page.markets).toHaveLength(10);
  });

  it('sorts more markets than it prepares at a time, and pauses between', async () => {
    const letters = (n: number): string => ((n * 7_919) % 17_576).toString(26).padStart(3, '0');
    const markets = Array.from({ length: 10_001 }, (_, n) => market(`id${n}`, letters(n), 'usdt', n % 50));
    let pauses = 0;
    const index = await MarketIndex.of(markets, async () => void pauses++);
    expect(pauses).toBeGreaterThan(3);
    for (const query of [
      { ...ALL, sort: 'pair' as const },
      { ...ALL, text: '1 usd' },
    ]) {
      const wanted = naive(markets, query).map(({ id }) => id);
      for (const offset of [0, 200, 800]) {
        const page = index.browse({ ...query, offset, limit: 200 }, 1, null);
        expect(page.markets.map(({ id }) => id)).toEqual(wanted.slice(offset, offset + 200));
      }
    }
  });

  it('has nothing to say of no markets, and beyond the last', async () => {
    const none = await MarketIndex.of([]);
    expect(none.browse({ ...ALL, text: 'x', offset: 5, limit: 1 }, 1, null)).toMatchObject({
      ...{ total: 0, markets: [], venues: [], assetTypes: [] },
    });
    const some = await MarketIndex.of(LISTED);
    expect(some.browse({ ...ALL, offset: 100, limit: 10 }, 1, null)).toMatchObject({ total: 6, markets: [] });
  });
});
