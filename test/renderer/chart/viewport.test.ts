import { describe, expect, test } from 'vitest';
import { DEFAULT_CANDLES, Viewport, YOUNG_CANDLES } from '../../../renderer/chart/viewport.ts';

const STEP = 60_000;
const END = 1_000_000 * STEP;

function viewport(candles = 5000): Viewport {
  const view = new Viewport(STEP);
  view.track(END - candles * STEP, END);
  return view;
}

describe('following', () => {
  test('shows the newest candles with a little air at the right', () => {
    const view = viewport();
    expect(view.following).toBe(true);
    expect(view.span).toBe(DEFAULT_CANDLES * STEP);
    expect(view.right).toBeGreaterThan(END);
    expect(view.right).toBeLessThan(END + 5 * STEP);
  });

  test('a new candle moves the picture by as much', () => {
    const view = viewport();
    const before = view.right;
    view.track(0, END + STEP);
    expect(view.right - before).toBe(STEP);
  });

  test('panned away it stays where it is, until it is called back', () => {
    const view = viewport();
    view.pan(-200 * STEP);
    const before = view.right;
    expect(view.following).toBe(false);
    view.track(0, END + 9 * STEP);
    expect(view.right).toBe(before);
    view.follow();
    expect(view.following).toBe(true);
    expect(view.right).toBeGreaterThan(END + 9 * STEP);
  });

  test('panned back to the newest it follows again and keeps the air it was given', () => {
    const view = viewport();
    view.pan(-200 * STEP);
    view.pan(220 * STEP);
    expect(view.following).toBe(true);
    const air = view.right - END;
    view.track(0, END + STEP);
    expect(view.right - END - STEP).toBeCloseTo(air, 3);
  });
});

describe('a young record', () => {
  test('is drawn larger, and the picture widens as it grows, up to the default', () => {
    expect(viewport(3).span).toBe(YOUNG_CANDLES * STEP);
    expect(viewport(60).span).toBe(75 * STEP);
    expect(viewport(200).span).toBe(DEFAULT_CANDLES * STEP);
  });

  test('keeps the span that the user chose by zooming', () => {
    const view = viewport(20);
    view.zoom(0.5, END);
    const chosen = view.span;
    view.track(END - 20 * STEP, END + 200 * STEP);
    expect(view.span).toBe(chosen);
  });
});

describe('limits', () => {
  test('some candles stay in sight at both ends', () => {
    const view = viewport();
    view.pan(1e12);
    expect(view.left).toBeLessThan(END);
    view.pan(-1e12);
    expect(view.right).toBeGreaterThan(END - 5000 * STEP);
  });

  test('a series shorter than the picture cannot be lost from sight', () => {
    const view = viewport(3);
    view.pan(-1e12);
    expect(view.right).toBeGreaterThanOrEqual(END - 3 * STEP);
    view.pan(1e12);
    expect(view.left).toBeLessThan(END);
  });

  test('without candles nothing moves', () => {
    const view = new Viewport(STEP);
    view.pan(500);
    view.zoom(2, 0);
    expect([view.right, view.span]).toEqual([0, DEFAULT_CANDLES * STEP]);
  });
});

describe('zoom', () => {
  test('what is under the pointer stays there', () => {
    const view = viewport();
    view.pan(-1000 * STEP);
    const anchor = view.left + view.span * 0.3;
    view.zoom(0.5, anchor);
    expect(view.span).toBe((DEFAULT_CANDLES / 2) * STEP);
    expect((anchor - view.left) / view.span).toBeCloseTo(0.3, 9);
  });

  test('out while following leaves no emptier right side', () => {
    const view = viewport();
    const share = (view.right - END) / view.span;
    view.zoom(8, view.left + view.span / 2);
    expect(view.following).toBe(true);
    expect((view.right - END) / view.span).toBeCloseTo(share, 9);
  });

  test('it ends at a few candles and at all of them', () => {
    const view = viewport();
    for (let i = 0; i < 50; i++) view.zoom(0.5, view.right);
    expect(view.span).toBeGreaterThanOrEqual(10 * STEP);
    for (let i = 0; i < 50; i++) view.zoom(2, view.right);
    expect(view.span).toBeGreaterThan(5000 * STEP);
    expect(view.span).toBeLessThan(10_000 * STEP);
  });

  test('a reset is the default span at the newest', () => {
    const view = viewport();
    view.pan(-500 * STEP);
    view.zoom(3, view.left);
    view.reset(5 * STEP);
    expect(view.span).toBe(DEFAULT_CANDLES * 5 * STEP);
    expect(view.following).toBe(true);
  });
});
