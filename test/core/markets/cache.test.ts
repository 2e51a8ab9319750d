import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCache, writeCache } from '../../../main/core/markets/cache.ts';
import { marketOf } from '../../../main/core/markets/item.ts';
import { item } from './support.ts';

const pause = (): Promise<void> => Promise.resolve();

const listed = fc
  .record({
    id: fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }),
    venue: fc.string({ maxLength: 10 }),
    pairId: fc.string({ maxLength: 10 }),
    symbol: fc.string({ maxLength: 80 }),
    base: fc.string({ maxLength: 5 }),
    assetType: fc.option(fc.constantFrom('spot', ''), { nil: undefined }),
    active: fc.option(fc.boolean(), { nil: undefined }),
    hour: fc.option(
      fc.record({
        volume: fc.constantFrom('12.50', 7, 1e-9, '1e3', 'much', '-1', null),
        price: fc.constantFrom('0.00000921', '42519.590', ''),
        trades: fc.constantFrom(0, 606, '12', -1, 1.5),
        vwap: fc.constantFrom('42515.2', null),
      }),
      { nil: undefined },
    ),
    lastSeen: fc.constantFrom('2024-01-15T18:10:07.123Z', '2024-01-15T18:10:07', 'now', null, 5),
  })
  .map(({ id, venue, pairId, symbol, base, assetType, active, hour, lastSeen }) =>
    marketOf({
      market: { id, marketVenue: venue, pairId, pair: { symbol, base, assetType } },
      ...{ active, lastSeen, firstSeen: '2019-01-01T00:00:00.000Z', metrics: { '1h': hour } },
    }),
  );

describe('the kept dictionary', () => {
  it('comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(listed, { maxLength: 20 }), async (found) => {
        const markets = found.filter((each) => each !== null);
        const json = await writeCache({ read: 1_000, markets }, pause);
        expect(await readCache(json ?? '', 2_000, pause)).toEqual({ read: 1_000, markets });
      }),
    );
  });

  it('is never younger than now', async () => {
    const json = await writeCache({ read: 5_000, markets: [] }, pause);
    expect((await readCache(json ?? '', 2_000, pause)).read).toBe(2_000);
  });

  const market = marketOf(item('a'));
  it.each([
    ['nothing', () => ''],
    ['another thing', () => '[]'],
    ['a cut', (json: string) => json.slice(0, -4)],
    ['another version', (json: string) => json.replace('"version":1', '"version":2')],
    ['no time', (json: string) => json.replace('"read":1000', '"read":"soon"')],
    ['a market without id', (json: string) => json.replace('["a",', '["",')],
    ['a market that is none', (json: string) => json.replace(/\[\[.*\]\]/, '[7]')],
    ['a time beyond all', (json: string) => json.replace(/null\]\]/, '9e99]]')],
  ])('is refused with %s', async (_name, damage) => {
    const json = (await writeCache({ read: 1_000, markets: market === null ? [] : [market] }, pause)) ?? '';
    const damaged = damage(json);
    expect(damaged).not.toBe(json);
    await expect(readCache(damaged, 2_000, pause)).rejects.toThrow();
  });
});

describe('an item of the dictionary', () => {
  it.each([
    [null],
    [{}],
    [{ market: null }],
    [{ market: [] }],
    [{ market: { id: '' } }],
    [{ market: { id: 2 ** 53 } }],
    [{ market: { id: 'x'.repeat(201) } }],
    [{ market: { id: ['a'] } }],
  ])('%j is none', (value) => {
    expect(marketOf(value)).toBeNull();
  });

  it('keeps ids exactly, and makes words fit for the screen', () => {
    const id = ' \u202eA/b\u0007';
    const found = marketOf({
      market: { id, marketVenue: 'x\ny', pairId: 'p', pair: { symbol: '\u2067btc', base: 'z'.repeat(99) } },
      active: false,
    });
    expect(found).toMatchObject({ venueId: 'x\ny', pairId: 'p' });
    expect(found?.market).toMatchObject({
      id,
      venue: 'x y',
      symbol: 'btc',
      base: 'z'.repeat(60),
      active: false,
    });
  });

  it('takes numbers as decimals and never as what they are not', () => {
    const hour = { volume: 12.5, price: '42519.590', vwap: 'NaN', trades: '606' };
    expect(marketOf(item('a', { metrics: { '1h': hour } }))?.market).toMatchObject({
      ...{ volume1h: '12.5', price: '42519.590', vwap1h: null, trades1h: 606 },
    });
    const odd = { volume: '1e999', price: -1, vwap: {}, trades: -3 };
    expect(
      marketOf(item('a', { metrics: { '1h': odd }, lastSeen: '9999-01-01T00:00:00Z' }))?.market,
    ).toMatchObject({
      ...{ volume1h: null, price: null, vwap1h: null, trades1h: null, lastSeen: null },
    });
  });
});
