import { describe, expect, test } from 'vitest';
import type { Gap, GapState } from '../../../main/core/contract.ts';
import { flatten, layoutCord, spansFrom } from '../../../renderer/chart/cord.ts';
import type { CordSpan, CordState } from '../../../renderer/chart/cord.ts';

function gap(from: number, to: number, state: GapState): Gap {
  return { session: 1, endpoint: 'candles', from, to, state, cause: 'closed', recovered: 0, duplicates: 0 };
}

function span(from: number, to: number, state: CordState): CordSpan {
  return { from, to, state };
}

describe('coverage from gaps', () => {
  test('live between gaps, each gap in its state', () => {
    expect(spansFrom([gap(40, 50, 'recovered'), gap(20, 30, 'lost')], 0, 100)).toEqual([
      span(0, 20, 'live'),
      span(20, 30, 'lost'),
      span(30, 40, 'live'),
      span(40, 50, 'recovered'),
      span(50, 100, 'live'),
    ]);
  });

  test('the worse state prevails where gaps overlap', () => {
    expect(
      spansFrom([gap(10, 40, 'recovered'), gap(20, 60, 'lost'), gap(30, 70, 'unverified')], 0, 80),
    ).toEqual([
      span(0, 10, 'live'),
      span(10, 20, 'recovered'),
      span(20, 60, 'lost'),
      span(60, 70, 'unverified'),
      span(70, 80, 'live'),
    ]);
  });

  test('gaps are cut to the stretch, neighbours of one state are one, an empty stretch is nothing', () => {
    expect(spansFrom([gap(-10, 5, 'lost'), gap(5, 9, 'lost'), gap(95, 200, 'unverified')], 0, 100)).toEqual([
      span(0, 9, 'lost'),
      span(9, 95, 'live'),
      span(95, 100, 'unverified'),
    ]);
    expect(spansFrom([gap(0, 5, 'lost')], 10, 10)).toEqual([]);
    expect(spansFrom([], 0, 10)).toEqual([span(0, 10, 'live')]);
  });

  test('without a stretch under them, gaps alone stay apart', () => {
    const lost = [span(0, 10, 'lost'), span(20, 30, 'lost')];
    expect(flatten(lost, -Infinity, Infinity)).toEqual(lost);
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
