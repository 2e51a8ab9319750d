import { describe, expect, test } from 'vitest';
import type { CandlePoint, SparkPoint } from '../../../main/core/contract.ts';
import type { CordSpan, CordState } from '../../../renderer/chart/cord.ts';
import { absences, joins, offStretches } from '../../../renderer/chart/draw.ts';
import { CandleSeries } from '../../../renderer/chart/series.ts';
import type { CandleWindow } from '../../../renderer/chart/series.ts';
import { sparkRuns } from '../../../renderer/chart/spark.ts';

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
  const box = { from: 0, to: 10 * MINUTE, width: 100, height: 20 };
  const points = (...at: readonly (readonly [minute: number, close: number])[]): SparkPoint[] =>
    at.map(([minute, close]) => [minute * MINUTE, close]);

  test('lies in its time and fills its height, highest at the top', () => {
    expect(sparkRuns(points([0, 1], [4, 3], [9, 2]), [], box)).toEqual([
      [
        [5, 20],
        [45, 0],
        [95, 10],
      ],
    ]);
  });

  test('flat, alone, too old or without a value', () => {
    expect(sparkRuns(points([0, 4], [1, 4]), [], box)).toEqual([
      [
        [5, 10],
        [15, 10],
      ],
    ]);
    expect(sparkRuns(points([3, 4]), [], box)).toEqual([
      [
        [30, 10],
        [40, 10],
      ],
    ]);
    expect(sparkRuns([], [], box)).toEqual([]);
    expect(sparkRuns(points([-3, 1], [-1, 1], [10, 4]), [], box)).toEqual([]);
    expect(sparkRuns(points([0, 1], [1, NaN], [2, 3]), [], box)).toHaveLength(1);
  });

  test.each<[CordState, number, number, number]>([
    // What is lost or not certain breaks it, be it ever so short.
    ['lost', 2, 6, 2],
    ['lost', 1.6, 1.7, 2],
    ['unverified', 1.6, 1.9, 2],
    // Within it a point joins nothing.
    ['unverified', 1.4, 1.6, 3],
    ['lost', 7.6, 9, 1],
    // Off breaks it where a minute lacks its point.
    ['off', 3, 5, 2],
    ['off', 1.9, 2.1, 2],
    ['off', 1.2, 1.7, 1],
    ['recovered', 2, 6, 1],
    ['quiet', 2, 6, 1],
  ])('%s from minute %d to %d leaves %d run(s)', (state, from, to, runs) => {
    const spans = [{ from: from * MINUTE, to: to * MINUTE, state }];
    expect(sparkRuns(points([0, 1], [1, 2], [6, 3], [7, 4]), spans, box)).toHaveLength(runs);
  });
});

describe('stretches that were not recorded', () => {
  const candles = windowOf([0, 1, 10, 11, 30]);
  const off = (from: number, to: number): CordSpan => ({
    from: from * MINUTE,
    to: to * MINUTE,
    state: 'off',
  });
  const live = (from: number, to: number): CordSpan => ({ ...off(from, to), state: 'live' });

  test('lie between sessions, where no candle is', () => {
    const line = [live(0, 1.5), off(1.5, 9), live(9, 12), off(12, 25), live(25, 31)];
    expect(offStretches(candles, line)).toEqual([off(2, 9), off(12, 25)]);
  });

  test('are not those in which a recorded market was quiet', () => {
    expect(offStretches(candles, [live(0, 40)])).toEqual([]);
  });

  test('are all of it when nothing was recorded: what redelivery brought is there', () => {
    expect(offStretches(candles, [off(-10, 40)])).toEqual([off(2, 10), off(12, 30)]);
  });

  test('shorter than a candle, as at a quick restart, they are left out', () => {
    expect(offStretches(candles, [live(0, 5), off(5, 5.5), live(5.5, 40)])).toEqual([]);
  });
});
