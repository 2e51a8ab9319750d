import { describe, expect, it } from 'vitest';
import type { CoreEvent, Gap } from '../../main/core/contract.ts';
import { reduce } from '../../renderer/state/reduce.ts';
import type { View } from '../../renderer/state/reduce.ts';
import { link, snapshot, watchRow } from './support.ts';

const MINUTE = 60_000;
const gap: Gap = {
  session: 1,
  endpoint: 'trades',
  from: 1000,
  to: 2000,
  state: 'unverified',
  cause: 'closed',
  recovered: 0,
  duplicates: 0,
};

function after(view: View | null, ...events: CoreEvent[]): View {
  let state = view;
  for (const event of events) state = reduce(state, event, MINUTE + 1);
  if (state === null) throw new Error('no view');
  return state;
}

describe('reduce', () => {
  const start = after(null, { type: 'snapshot', snapshot: snapshot() });

  it('shows nothing before a snapshot', () => {
    expect(reduce(null, { type: 'settings', settings: { theme: 'dark' } }, 0)).toBeNull();
  });

  it('takes each kind of event into its part and leaves the others the same objects', () => {
    const refused = link('candles', { phase: 'refused' });
    const next = after(
      start,
      { type: 'link', link: refused },
      { type: 'settings', settings: { theme: 'light' } },
      { type: 'recording', recording: { state: 'stopped', session: null, problem: null } },
      { type: 'store', store: { ...start.store, trades: 5 } },
      { type: 'gap', gap },
    );
    expect(next.links.candles).toBe(refused);
    expect(next.links.trades).toBe(start.links.trades);
    expect(next.settings.theme).toBe('light');
    expect(next.recording.state).toBe('stopped');
    expect(next.store.trades).toBe(5);
    expect(next.gaps).toEqual([gap]);
    expect(next.watchlist).toBe(start.watchlist);
    expect(start.settings.theme).toBe('system');
  });

  it('moves only the rows that ticked, and keeps their order', () => {
    const tick = { market: 'b', last: 12, change: 0.2, rate: 3, priceDigits: 4, sizeDigits: 1 };
    const next = after(start, { type: 'ticks', ticks: [tick, { ...tick, market: 'unknown' }] });
    expect(next.watchlist.map((row) => row.market.id)).toEqual(['a', 'b', 'c']);
    expect(next.watchlist[0]).toBe(start.watchlist[0]);
    expect(next.watchlist[1]).toMatchObject({
      last: 12,
      change: 0.2,
      rate: 3,
      priceDigits: 4,
      spark: [
        [0, 9],
        [60_000, 12],
      ],
    });
  });

  it('gives a sparkline a point for each minute in which the price moved, and keeps 60', () => {
    const full = after(null, {
      type: 'snapshot',
      snapshot: snapshot({
        watchlist: [
          watchRow('a', { spark: Array.from({ length: 60 }, (_, i) => [i * MINUTE, i] as const) }),
          watchRow('b'),
        ],
      }),
    });
    const tick = { market: 'a', last: 99, change: null, rate: 0, priceDigits: 2, sizeDigits: 0 };
    const next = reduce(full, { type: 'ticks', ticks: [tick] }, 70 * MINUTE + 5);
    const spark = next?.watchlist[0]?.spark ?? [];
    expect(spark).toHaveLength(60);
    expect(spark.slice(-2)).toEqual([
      [59 * MINUTE, 59],
      [70 * MINUTE, 99],
    ]);
    // Without a trade there is no price of that minute.
    expect(next?.watchlist[1]?.spark).toBe(full.watchlist[1]?.spark);
    const same = reduce(next, { type: 'ticks', ticks: [{ ...tick, rate: 1 }] }, 71 * MINUTE);
    expect(same?.watchlist[0]?.spark).toBe(spark);
  });

  it('takes what is known of today, and forgets it with its source', () => {
    const known = { since: 0, counted: 10, known: 9, lost: 1 };
    const told: CoreEvent = {
      type: 'coverage',
      session: 1,
      started: 0,
      until: 9,
      ended: false,
      changes: [],
      known,
    };
    const next = after(start, told);
    expect(next.known).toBe(known);
    expect(after(next, told)).toBe(next);
    const key = { place: 'demo', problem: null } as const;
    expect(after(next, { type: 'source', source: 'demo', key }).known).toBeNull();
  });

  it('replaces what was said of a gap, and keeps gaps in order of time', () => {
    const later: Gap = { ...gap, from: 5000, to: 6000 };
    const settled: Gap = { ...gap, state: 'recovered', recovered: 14 };
    const next = after(
      start,
      { type: 'gap', gap: later },
      { type: 'gap', gap },
      { type: 'gap', gap: settled },
    );
    expect(next.gaps).toEqual([settled, later]);
  });

  it('forgets the gaps of another source, and all with a fresh snapshot', () => {
    const withGap = after(start, { type: 'gap', gap });
    const key = { place: 'demo', problem: null } as const;
    expect(after(withGap, { type: 'source', source: 'live', key }).gaps).toEqual([gap]);
    expect(after(withGap, { type: 'source', source: 'demo', key })).toMatchObject({
      source: 'demo',
      key,
      gaps: [],
    });
    expect(after(withGap, { type: 'snapshot', snapshot: snapshot() }).gaps).toEqual([]);
  });

  it('is not changed by bulk data', () => {
    const candles: CoreEvent = { type: 'candles', chart: { market: 'a', granularity: '1m' }, candles: [] };
    expect(after(start, candles)).toBe(start);
  });
});
