import { describe, expect, test } from 'vitest';
import type { CandlePoint } from '../../../main/core/contract.ts';
import { absences, joins, offStretches } from '../../../renderer/chart/draw.ts';
import { CandleSeries } from '../../../renderer/chart/series.ts';
import type { CandleWindow } from '../../../renderer/chart/series.ts';
import { sparkPoints } from '../../../renderer/chart/spark.ts';

const MINUTE = 60_000;

function windowOf(minutes: readonly number[]): CandleWindow {
  const series = new CandleSeries();
  const prices = { open: 1, high: 1, low: 1, close: 1, volume: 1, vwap: 1, trades: 1, final: true };
  series.apply(minutes.map((minute): CandlePoint => ({ start: minute * MINUTE, ...prices })));
  return series.visible(0, 1000 * MINUTE, 2000);
}

describe('a line from candle to candle', () => {
  test('crosses minutes without trades, but no hole', () => {
    const candles = windowOf([0, 1, 4, 5, 9, 10]);
    const hole = { from: 6.2 * MINUTE, to: 8.4 * MINUTE, state: 'lost' } as const;
    expect(joins(candles, [hole], 10 * MINUTE)).toEqual([false, true, true, true, false, true]);
  });

  test('a hole within one minute parts it from its neighbour', () => {
    const candles = windowOf([0, 1, 2, 3]);
    const hole = { from: 1.6 * MINUTE, to: 1.9 * MINUTE, state: 'unverified' } as const;
    expect(joins(candles, [hole], 10 * MINUTE)).toEqual([false, true, false, true]);
  });

  test('a point inside a hole joins nothing', () => {
    const candles = windowOf([0, 5, 10]);
    const holes = [
      { from: -9 * MINUTE, to: -2 * MINUTE, state: 'lost' },
      { from: 2 * MINUTE, to: 8 * MINUTE, state: 'lost' },
    ] as const;
    expect(joins(candles, holes, 10 * MINUTE)).toEqual([false, false, false]);
  });

  test('nor does it cross a long stretch of which nothing is known', () => {
    const candles = windowOf([0, 1, 31, 32]);
    expect(joins(candles, [], 10 * MINUTE)).toEqual([false, true, false, true]);
    expect(absences(candles, 10 * MINUTE)).toEqual([{ from: 2 * MINUTE, to: 31 * MINUTE }]);
    expect(absences(candles, 30 * MINUTE)).toEqual([]);
  });
});

describe('a sparkline', () => {
  test('fills its box, highest at the top', () => {
    expect(sparkPoints([1, 3, 2], 10, 20)).toEqual([
      [0, 20],
      [5, 0],
      [10, 10],
    ]);
  });

  test('flat, single and missing values', () => {
    expect(sparkPoints([4, 4], 10, 20)).toEqual([
      [0, 10],
      [10, 10],
    ]);
    expect(sparkPoints([4], 10, 20)).toEqual([
      [0, 10],
      [10, 10],
    ]);
    expect(sparkPoints([], 10, 20)).toEqual([]);
    expect(sparkPoints([1, NaN, 3], 10, 20)).toEqual([
      [0, 20],
      [10, 0],
    ]);
  });
});

describe('stretches that were not recorded', () => {
  const candles = windowOf([0, 1, 10, 11, 30]);

  test('lie between sessions, where no candle is', () => {
    const recorded = [
      { from: 0, to: 1.5 * MINUTE },
      { from: 9 * MINUTE, to: 12 * MINUTE },
      { from: 25 * MINUTE, to: Infinity },
    ];
    expect(offStretches(candles, recorded)).toEqual([
      { from: 2 * MINUTE, to: 9 * MINUTE, state: 'off' },
      { from: 12 * MINUTE, to: 25 * MINUTE, state: 'off' },
    ]);
  });

  test('are not those in which a recorded market was quiet', () => {
    expect(offStretches(candles, [{ from: 0, to: Infinity }])).toEqual([]);
  });

  test('are all of it when nothing is known to be recorded', () => {
    expect(offStretches(candles, []).map(({ from, to }) => [from, to])).toEqual([
      [2 * MINUTE, 10 * MINUTE],
      [12 * MINUTE, 30 * MINUTE],
    ]);
  });

  test('shorter than a candle, as at a quick restart, they are left out', () => {
    const recorded = [
      { from: 0, to: 5 * MINUTE },
      { from: 5.5 * MINUTE, to: Infinity },
    ];
    expect(offStretches(candles, recorded)).toEqual([]);
  });
});
