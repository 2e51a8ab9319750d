import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flatten, layoutCord, marketCord } from '../../../renderer/chart/cord.ts';
import type { CordSpan, CordState } from '../../../renderer/chart/cord.ts';

function span(from: number, to: number, state: CordState): CordSpan {
  return { from, to, state };
}

describe('one cord of several', () => {
  test('the worse state prevails where spans overlap', () => {
    const spans = [
      span(0, 80, 'live'),
      span(10, 40, 'recovered'),
      span(20, 60, 'lost'),
      span(30, 70, 'unverified'),
    ];
    expect(flatten(spans, 0, 80)).toEqual([
      span(0, 10, 'live'),
      span(10, 20, 'recovered'),
      span(20, 60, 'lost'),
      span(60, 70, 'unverified'),
      span(70, 80, 'live'),
    ]);
  });

  test('spans are cut to the stretch, neighbours of one state are one, an empty stretch is nothing', () => {
    const spans = [span(-10, 5, 'lost'), span(5, 9, 'lost'), span(95, 200, 'unverified')];
    expect(flatten(spans, 0, 100)).toEqual([span(0, 9, 'lost'), span(95, 100, 'unverified')]);
    expect(flatten([span(0, 5, 'lost')], 10, 10)).toEqual([]);
  });

  test('apart they stay apart', () => {
    const lost = [span(0, 10, 'lost'), span(20, 30, 'lost')];
    expect(flatten(lost, -Infinity, Infinity)).toEqual(lost);
  });

  test.each<[CordState, CordState, CordState]>([
    ['live', 'live', 'live'],
    ['live', 'quiet', 'quiet'],
    ['live', 'off', 'live'],
    ['quiet', 'off', 'quiet'],
    ['off', 'off', 'off'],
    ['live', 'recovered', 'recovered'],
    ['off', 'lost', 'lost'],
    ['recovered', 'unverified', 'unverified'],
    ['unverified', 'lost', 'lost'],
  ])('of a market whose endpoints are %s and %s it is %s', (one, other, expected) => {
    for (const [trades, candles] of [
      [one, other],
      [other, one],
    ] as const) {
      expect(marketCord([span(0, 10, trades)], [span(0, 10, candles)], 0, 10)).toEqual([
        span(0, 10, expected),
      ]);
    }
  });

  test('any lines: whole where one is, and at each moment as bad as the worst', () => {
    const order: readonly CordState[] = ['off', 'live', 'quiet', 'recovered', 'unverified', 'lost'];
    const line = fc
      .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(...order)), { maxLength: 8 })
      .map((parts) => {
        let at = 0;
        return parts.map(([length, state]) => span(at, (at += length), state));
      });
    fc.assert(
      fc.property(line, line, (trades, candles) => {
        const cord = marketCord(trades, candles, 0, 100);
        for (let at = 0; at < 100; at++) {
          const here = [...trades, ...candles].filter(({ from, to }) => from <= at && at < to);
          const worst = here.sort((a, b) => order.indexOf(b.state) - order.indexOf(a.state))[0]?.state;
          expect(cord.filter(({ from, to }) => from <= at && at < to).map(({ state }) => state)).toEqual(
            worst === undefined ? [] : [worst],
          );
        }
      }),
    );
  });
});

describe('on the screen', () => {
  test('runs of pixels in the order of time, nothing where it is off or not known', () => {
    const spans = [span(100, 300, 'live'), span(300, 500, 'off'), span(500, 1000, 'quiet')];
    expect(layoutCord(spans, 0, 1000, 100)).toEqual([
      { x0: 10, x1: 30, state: 'live' },
      { x0: 50, x1: 100, state: 'quiet' },
    ]);
  });

  test('no zoom hides what was lost', () => {
    const runs = layoutCord([span(0, 1e9, 'live'), span(5e8, 5e8 + 1, 'lost')], 0, 1e9, 100);
    expect(runs.map((run) => run.state)).toEqual(['live', 'lost', 'live']);
    const lost = runs[1];
    expect((lost?.x1 ?? 0) - (lost?.x0 ?? 0)).toBe(7);
  });

  test('at the edges it stays whole within the picture', () => {
    const spans = [span(0, 1000, 'live'), span(0, 1, 'lost'), span(999, 1000, 'lost')];
    expect(layoutCord(spans, 0, 1000, 100)).toEqual([
      { x0: 0, x1: 7, state: 'lost' },
      { x0: 7, x1: 93, state: 'live' },
      { x0: 93, x1: 100, state: 'lost' },
    ]);
  });

  test('many holes within few pixels are one', () => {
    const holes = Array.from({ length: 20 }, (_, i) => span(500 + i, 500.5 + i, 'lost'));
    const lost = layoutCord([span(0, 1000, 'live'), ...holes], 0, 1000, 100).filter(
      (r) => r.state === 'lost',
    );
    expect(lost).toHaveLength(1);
  });

  test('what lies beyond the picture is cut', () => {
    expect(layoutCord([span(-500, 2000, 'live')], 0, 1000, 50)).toEqual([{ x0: 0, x1: 50, state: 'live' }]);
    expect(layoutCord([span(2000, 3000, 'lost'), span(-20, -10, 'lost')], 0, 1000, 50)).toEqual([]);
    expect(layoutCord([span(0, 10, 'live')], 0, 1000, 0)).toEqual([]);
  });
});
