import { describe, expect, it, vi } from 'vitest';
import { CANDLE_FIELDS } from '../../main/core/contract.ts';
import type { CandlePoint, ChartKey, Gap } from '../../main/core/contract.ts';
import { Charts } from '../../renderer/state/charts.ts';
import { createClient } from '../../renderer/state/client.ts';
import { TestChannel } from './support.ts';

const MINUTE = 60_000;
const chart: ChartKey = { market: 'm', granularity: '1m' };

function point(start: number, close: number, final = true): CandlePoint {
  return { start, open: 1, high: close, low: 1, close, volume: 1, vwap: 1, trades: 1, final };
}

function page(points: readonly CandlePoint[], more = false, gaps: readonly Gap[] = []): unknown {
  const floats = points.flatMap((p) => [
    p.start,
    p.open ?? NaN,
    p.high ?? NaN,
    p.low ?? NaN,
    p.close ?? NaN,
    p.volume,
    p.vwap ?? NaN,
    p.trades,
    p.final ? 1 : 0,
  ]);
  expect(floats).toHaveLength(points.length * CANDLE_FIELDS);
  return { count: points.length, more, gaps, bytes: new Uint8Array(Float64Array.from(floats).buffer) };
}

function started(): { charts: Charts; channel: TestChannel; gaps: Gap[] } {
  const channel = new TestChannel();
  const gaps: Gap[] = [];
  const charts = new Charts(
    () => {},
    (gap) => gaps.push(gap),
  );
  charts.reset(createClient(channel));
  return { charts, channel, gaps };
}

describe('Charts', () => {
  it('joins the first page and the events that came before and after it', async () => {
    const { charts, channel } = started();
    charts.follow([chart]);
    charts.apply(chart, [point(3 * MINUTE, 33)]);
    channel.answer('candles.page', page([point(MINUTE, 1), point(2 * MINUTE, 2), point(3 * MINUTE, 3)]));
    const feed = await vi.waitUntil(() => {
      const found = charts.find('m', '1m');
      return found?.loaded === true ? found : null;
    });
    charts.apply(chart, [point(3 * MINUTE, 34), point(4 * MINUTE, 4, false)]);
    expect(feed.series.length).toBe(4);
    expect(feed.series.at(-1)).toMatchObject({ close: 4, final: false });
    expect(feed.series.at(-2)?.close).toBe(34);
  });

  it('asks once for what is before the first candle, while there is more', async () => {
    const { charts, channel } = started();
    charts.follow([chart]);
    charts.loadMore('m', '1m');
    channel.answer('candles.page', page([point(9 * MINUTE, 1)], true));
    await vi.waitUntil(() => charts.find('m', '1m')?.more);
    charts.loadMore('m', '1m');
    charts.loadMore('m', '1m');
    const asked = channel.sent.filter(({ command }) => command === 'candles.page');
    expect(asked.map(({ args }) => args)).toMatchObject([{ before: null }, { before: 9 * MINUTE }]);
    channel.answer('candles.page', page([point(8 * MINUTE, 1)]));
    await vi.waitUntil(() => charts.find('m', '1m')?.more === false);
    charts.loadMore('m', '1m');
    expect(channel.sent).toHaveLength(2);
    expect(charts.find('m', '1m')?.series.firstStart).toBe(8 * MINUTE);
  });

  it('drops charts that are followed no more, and the pages that come for them', async () => {
    const { charts, channel } = started();
    charts.follow([chart]);
    charts.follow([{ market: 'other', granularity: '1h' }]);
    expect(charts.find('m', '1m')).toBeNull();
    const first = channel.sent[0]?.id ?? -1;
    channel.tell({ kind: 'reply', id: first, result: { ok: true, value: page([point(MINUTE, 1)]) } });
    channel.answer('candles.page', page([]));
    await vi.waitUntil(() => charts.find('other', '1h')?.loaded);
    expect(charts.keys).toEqual([{ market: 'other', granularity: '1h' }]);
    expect(charts.find('other', '1h')?.series.length).toBe(0);
  });

  it('passes the gaps on that come with a page', async () => {
    const { charts, channel, gaps } = started();
    const gap: Gap = {
      session: 1,
      endpoint: 'trades',
      from: 1,
      to: 2,
      state: 'lost',
      cause: 'closed',
      recovered: 0,
      duplicates: 0,
    };
    charts.follow([chart]);
    channel.answer('candles.page', page([point(MINUTE, 1)], false, [gap]));
    await vi.waitUntil(() => charts.find('m', '1m')?.loaded);
    expect(gaps).toEqual([gap]);
  });

  it('says why a page could not be read', async () => {
    const { charts, channel } = started();
    charts.follow([chart]);
    const error = { kind: 'storage', message: 'The disk is gone.' } as const;
    channel.tell({ kind: 'reply', id: channel.sent[0]?.id ?? -1, result: { ok: false, error } });
    await vi.waitUntil(() => charts.find('m', '1m')?.loaded);
    expect(charts.find('m', '1m')).toMatchObject({ error, more: false, loading: false });
  });
});
