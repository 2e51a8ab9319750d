import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommandName } from '../../main/core/contract.ts';
import { guards } from '../../main/core/guards.ts';
import { QuipuError } from '../../main/core/result.ts';

const GOOD: { readonly [N in CommandName]: unknown } = {
  'key.set': { key: 'abc' },
  'key.forget': {},
  'key.test': { key: 'abc' },
  'key.retry': {},
  'source.set': { source: 'demo' },
  'link.retry': { endpoint: null },
  'recording.set': { on: true },
  'watch.set': { markets: ['binance-btc-usdt'] },
  'watch.retry': { markets: ['binance-btc-usdt'] },
  'markets.search': { text: 'btc', limit: 20 },
  'markets.browse': {
    ...{ text: 'btc', venue: null, assetType: 'spot', active: true, sort: 'volume', descending: true },
    ...{ offset: 400, limit: 200 },
  },
  'markets.reload': {},
  'follow.set': { charts: [{ market: 'm', granularity: '1m' }], tapes: ['m'] },
  'candles.page': { chart: { market: 'm', granularity: '1h' }, before: null, limit: 500 },
  'trades.page': { market: 'm', before: 1, limit: 5_000 },
  'buckets.page': { session: null, market: 'm', from: 0, to: 1, limit: 2_000 },
  'sessions.list': {},
  'sessions.edit': { session: 1, name: 'Launch day', note: 'Two\nlines', pinned: true },
  'sessions.delete': { session: 1 },
  'sessions.restore': { session: 1 },
  'journal.page': { session: null, endpoint: 'trades', before: null, limit: 100 },
  'health.page': { endpoint: 'trades', before: null, limit: 100 },
  'refusals.list': { session: 1 },
  'frames.list': { endpoint: 'candles' },
  'notice.dismiss': {},
  'announcements.seen': { upTo: 7 },
  'announcements.mute': { for: 'tomorrow' },
  'coverage.page': { market: 'm', endpoint: 'candles', from: 0, to: 1 },
  'coverage.recent': {},
  'coverage.sessions': { sessions: [1, 2], buckets: 240 },
  'coverage.session': { session: 1, markets: ['m'], buckets: 500 },
  'settings.set': { settings: { theme: 'dark' } },
  'retention.get': {},
  'retention.preview': { policy: { tradesDays: 30, candlesDays: null, historyDays: 90, maxBytes: null } },
  'retention.set': {
    policy: { tradesDays: null, candlesDays: 365, historyDays: 1, maxBytes: 20_000_000_000 },
  },
  'dialect.get': {},
  'dialect.set': { document: '{"quipuDialect":1}' },
  'dialect.preview': { document: '{}', endpoint: 'trades', frame: '' },
};
const names = Object.keys(GOOD) as CommandName[];

describe.each(names)('%s', (name) => {
  it('takes good arguments as they are', () => {
    expect(guards[name](GOOD[name])).toEqual(GOOD[name]);
  });

  it('refuses anything else with bad-argument, and never throws another thing', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (value) => {
        try {
          const taken = guards[name](value);
          // What is taken must be taken again: nothing unchecked slips through.
          expect(guards[name](taken)).toEqual(taken);
        } catch (error) {
          expect(error).toBeInstanceOf(QuipuError);
          expect((error as QuipuError).kind).toBe('bad-argument');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('refuses an argument too many', () => {
    expect(() => guards[name]({ ...(GOOD[name] as object), more: 1 })).toThrow(QuipuError);
  });
});

it('settings are taken one by one, each of its kind', () => {
  const of = (settings: unknown): unknown => guards['settings.set']({ settings }).settings;
  for (const settings of [{}, { startAtLogin: true }, { keepAwake: false, theme: 'light' }])
    expect(of(settings)).toEqual(settings);
  for (const settings of [{ startAtLogin: 'yes' }, { keepAwake: 1 }, { keepAwake: null }, { other: true }])
    expect(() => of(settings)).toThrow();
});

it('a pasted key loses the space around it and must be printable', () => {
  expect(guards['key.set']({ key: '  abc\n' })).toEqual({ key: 'abc' });
  for (const key of ['', '   ', 'a b', 'a\u0000b', 'ключ', 'x'.repeat(5_000), 7]) {
    expect(() => guards['key.set']({ key })).toThrow(QuipuError);
  }
});

it('a list with holes is refused, since a hole is checked too', () => {
  expect(() => guards['watch.retry']({ markets: Object.assign(Array(2), ['m']) })).toThrow(QuipuError);
});
