import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CANDLE_FIELDS } from '../../../main/core/contract.ts';
import type { CandlePoint } from '../../../main/core/contract.ts';
import { CandleSeries } from '../../../renderer/chart/series.ts';
import type { Readout } from '../../../renderer/chart/series.ts';

const MINUTE = 60_000;

function candle(minute: number, over: Partial<CandlePoint> = {}): CandlePoint {
  const open = 100 + (minute % 7);
  return {
    start: minute * MINUTE,
    open,
    high: open + 3,
    low: open - 2,
    close: open + 1,
    volume: 1 + (minute % 3),
    vwap: open + 0.5,
    trades: 2 + (minute % 5),
    final: true,
    ...over,
  };
}

function page(candles: readonly CandlePoint[]): Uint8Array {
  const floats = new Float64Array(candles.length * CANDLE_FIELDS);
  candles.forEach((c, row) => {
    const fields = [c.start, c.open, c.high, c.low, c.close, c.volume, c.vwap, c.trades, c.final ? 1 : 0];
    floats.set(
      fields.map((value) => value ?? NaN),
      row * CANDLE_FIELDS,
    );
  });
  return new Uint8Array(floats.buffer);
}

function all(series: CandleSeries): Readout[] {
  return Array.from({ length: series.length }, (_, index) => {
    const readout = series.at(index);
    if (readout === null) throw new Error(`no candle at ${index}`);
    return readout;
  });
}

function starts(series: CandleSeries): number[] {
  return all(series).map((c) => c.start / MINUTE);
}

/** What merging means, written down plainly. */
function folded(candles: readonly CandlePoint[], ms: number): Readout[] {
  const buckets = Map.groupBy(candles, (c) => Math.floor(c.start / ms) * ms);
  const newest = candles.at(-1);
  return [...buckets].map(([start, parts]) => {
    const priced = parts.filter((c) => c.open !== null);
    const volume = parts.reduce((sum, c) => sum + c.volume, 0);
    const weighed = parts.filter((c) => c.volume > 0);
    const known = weighed.length > 0 && weighed.every((c) => c.vwap !== null);
    const last = parts.at(-1);
    const settled = last !== newest || last === undefined || last.start + MINUTE === start + ms;
    return {
      start,
      span: ms,
      open: priced[0]?.open ?? null,
      high: priced.length > 0 ? Math.max(...priced.map((c) => c.high ?? 0)) : null,
      low: priced.length > 0 ? Math.min(...priced.map((c) => c.low ?? 0)) : null,
      close: priced.at(-1)?.close ?? null,
      volume,
      vwap: known ? weighed.reduce((sum, c) => sum + (c.vwap ?? 0) * c.volume, 0) / volume : null,
      trades: parts.reduce((sum, c) => sum + c.trades, 0),
      final: settled && (last?.final ?? false),
    };
  });
}

function expectSame(actual: readonly Readout[], expected: readonly Readout[]): void {
  const rounded = (candles: readonly Readout[]): unknown =>
    candles.map((c) => ({ ...c, vwap: c.vwap === null ? null : Number(c.vwap.toFixed(9)) }));
  expect(rounded(actual)).toEqual(rounded(expected));
}

describe('what comes in', () => {
  test('an empty series has no first candle', () => {
    const series = new CandleSeries();
    expect([series.length, series.firstStart, series.lastStart, series.at(0), series.at(-1)]).toEqual([
      0,
      null,
      null,
      null,
      null,
    ]);
    series.prepend(new Uint8Array(0));
    expect(series.length).toBe(0);
  });

  test('pages go in front, events behind', () => {
    const series = new CandleSeries();
    series.prepend(page([candle(10), candle(11)]));
    series.apply([candle(12), candle(13)]);
    series.prepend(page([candle(3), candle(4), candle(7)]));
    expect(starts(series)).toEqual([3, 4, 7, 10, 11, 12, 13]);
    expect(series.firstStart).toBe(3 * MINUTE);
    expect(series.lastStart).toBe(13 * MINUTE);
  });

  test('an event replaces the candle of its start, and a late one finds its place', () => {
    const series = new CandleSeries();
    series.apply([candle(1), candle(2, { final: false }), candle(5)]);
    const before = series.version;
    series.apply([candle(2, { close: 7, final: true }), candle(4, { close: 8 })]);
    expect(starts(series)).toEqual([1, 2, 4, 5]);
    expect(series.at(1)).toMatchObject({ close: 7, final: true });
    expect(series.at(2)?.close).toBe(8);
    expect(series.version).toBeGreaterThan(before);
  });

  test('where a page overlaps what is held, ours stays unless the page has the settled or fuller one', () => {
    const series = new CandleSeries();
    series.apply([
      candle(5, { close: 1, final: false, trades: 9 }),
      candle(6, { close: 1, final: true, trades: 9 }),
      candle(8, { close: 1, final: true, trades: 3 }),
    ]);
    series.prepend(
      page([4, 5, 6, 7, 8].map((minute) => candle(minute, { close: 2, final: true, trades: 4 }))),
    );
    expect(starts(series)).toEqual([4, 5, 6, 7, 8]);
    expect(all(series).map((c) => c.close)).toEqual([2, 2, 1, 2, 2]);
  });

  test('a period without a trade keeps its place and has no price', () => {
    const series = new CandleSeries();
    const quiet = { open: null, high: null, low: null, close: null, vwap: null, volume: 0, trades: 0 };
    series.apply([candle(1, quiet)]);
    expect(series.at(0)).toEqual({ ...candle(1, quiet), span: MINUTE });
  });

  test('a page need not be aligned in memory', () => {
    const bytes = page([candle(1), candle(2)]);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const series = new CandleSeries();
    series.prepend(shifted.subarray(3));
    expect(starts(series)).toEqual([1, 2]);
  });

  test('any order of pages and events gives the sorted set of the newest', () => {
    const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 20 });
    const step = fc.record({ isPage: fc.boolean(), minutes });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const series = new CandleSeries();
        const known = new Map<number, CandlePoint>();
        // Coarser series are read between the changes, so that they are brought up to date piecemeal.
        steps.forEach(({ isPage, minutes: chosen }, turn) => {
          const candles = chosen.map((minute) => candle(minute, { close: turn }));
          if (isPage) {
            const sorted = candles.sort((a, b) => a.start - b.start);
            series.prepend(page(sorted));
            for (const c of sorted) if (!known.has(c.start)) known.set(c.start, c);
          } else {
            series.apply(candles);
            for (const c of candles) known.set(c.start, c);
          }
          const expected = [...known.values()].sort((a, b) => a.start - b.start);
          expectSame(all(series.merge(5 * MINUTE)), folded(expected, 5 * MINUTE));
          expectSame(all(series.merge(4 * MINUTE)), folded(expected, 4 * MINUTE));
        });
        const expected = [...known.values()].sort((a, b) => a.start - b.start);
        expect(all(series)).toEqual(expected.map((c) => ({ ...c, span: MINUTE })));
      }),
    );
  });
});

describe('merged', () => {
  test('first open, highest high, lowest low, last close, sums, VWAP by volume', () => {
    const series = new CandleSeries();
    series.apply([
      candle(0, { open: 5, high: 9, low: 4, close: 6, volume: 1, vwap: 6, trades: 2 }),
      candle(1, { open: null, high: null, low: null, close: null, volume: 0, vwap: null, trades: 0 }),
      candle(4, { open: 6, high: 7, low: 1, close: 2, volume: 3, vwap: 2, trades: 5 }),
      candle(7),
    ]);
    expect(series.merge(5 * MINUTE).at(0)).toEqual({
      start: 0,
      span: 5 * MINUTE,
      open: 5,
      high: 9,
      low: 1,
      close: 2,
      volume: 4,
      vwap: 3,
      trades: 7,
      final: true,
    });
  });

  test('the newest bucket stays provisional until its last part is final or a later one comes', () => {
    const series = new CandleSeries();
    const five = (): (boolean | undefined)[] => [0, 1].map((i) => series.merge(5 * MINUTE).at(i)?.final);
    series.apply([candle(0), candle(1)]);
    expect(five()).toEqual([false, undefined]);
    series.apply([candle(4, { final: false })]);
    expect(five()).toEqual([false, undefined]);
    series.apply([candle(4)]);
    expect(five()).toEqual([true, undefined]);
    series.apply([candle(5)]);
    expect(five()).toEqual([true, false]);
    // A bucket whose last minutes had no trade is settled by the next one.
    series.apply([candle(6), candle(11)]);
    expect(five()).toEqual([true, true]);
  });

  test('a VWAP with an unknown part is not known', () => {
    const series = new CandleSeries();
    series.apply([candle(0), candle(1, { vwap: null }), candle(2)]);
    expect(series.merge(5 * MINUTE).at(0)?.vwap).toBeNull();
  });

  test('it is one object, and the same step is the series itself', () => {
    const series = new CandleSeries();
    expect(series.merge(MINUTE)).toBe(series);
    expect(series.merge(5 * MINUTE)).toBe(series.merge(5 * MINUTE));
    expect(() => series.merge(90_000)).toThrow(RangeError);
    expect(() => series.merge(30_000)).toThrow(RangeError);
  });
});

describe('what is in sight', () => {
  const series = new CandleSeries();
  series.prepend(page(Array.from({ length: 10_000 }, (_, minute) => candle(minute))));

  test('the candles of the stretch and one more at either side', () => {
    const window = series.visible(100 * MINUTE, 110 * MINUTE, 1000);
    expect(window.stepMs).toBe(MINUTE);
    expect([...window.start].map((start) => start / MINUTE)).toEqual([
      99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110,
    ]);
  });

  test('a stretch that begins within a candle has it', () => {
    const window = series.visible(100.5 * MINUTE, 101.5 * MINUTE, 1000);
    expect([...window.start].map((start) => start / MINUTE)).toEqual([99, 100, 101, 102]);
  });

  test('a long stretch is merged at a doubling of the step, and nothing of it is lost', () => {
    const window = series.visible(0, 10_000 * MINUTE, 1000);
    expect(window.stepMs).toBe(16 * MINUTE);
    expect(window.length).toBe(625);
    const volume = all(series).reduce((sum, c) => sum + c.volume, 0);
    expect(window.volume.reduce((sum, v) => sum + v, 0)).toBe(volume);
    expect(Math.max(...window.high)).toBe(109);
    expect(Math.min(...window.low)).toBe(98);
  });

  test('outside of all candles there is at most the nearest', () => {
    expect(series.visible(-50 * MINUTE, -40 * MINUTE, 100).length).toBeLessThanOrEqual(1);
    expect(series.visible(20_000 * MINUTE, 20_010 * MINUTE, 100).length).toBe(1);
    expect(new CandleSeries().visible(0, MINUTE, 100).length).toBe(0);
  });
});
