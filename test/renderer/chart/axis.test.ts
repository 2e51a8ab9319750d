import { describe, expect, test } from 'vitest';
import { priceIncrements, priceRange, timeLabel, timeTicks } from '../../../renderer/chart/axis.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('time', () => {
  test.each([
    [
      'two hours',
      2 * HOUR,
      15 * MINUTE,
      ['23:15', '23:30', '23:45', '20 Nov', '00:15', '00:30', '00:45', '01:00'],
    ],
    ['a day', DAY, 4 * HOUR, ['20 Nov', '06:00', '12:00', '18:00']],
    ['a week', 7 * DAY, DAY, ['20 Nov', '21 Nov', '22 Nov', '23 Nov', '24 Nov', '25 Nov', '26 Nov']],
    ['three months', 92 * DAY, 20 * DAY, ['Dec', '2026', 'Feb']],
    ['three years', 1100 * DAY, 300 * DAY, ['2026', '2027', '2028']],
  ])('%s', (_, span, least, labels) => {
    const from = Date.UTC(2025, 10, 19, 23, 1);
    expect(timeTicks(from, from + span, least).map((at) => timeLabel(at))).toEqual(labels);
  });

  test('marks lie within the stretch, in order, and apart', () => {
    const from = Date.UTC(2024, 1, 1, 7, 13);
    for (let span = 10_000; span < 4000 * DAY; span *= 1.7) {
      const ticks = timeTicks(from, from + span, span / 7);
      expect(ticks.length).toBeGreaterThan(0);
      ticks.forEach((at, i) => {
        expect(at).toBeGreaterThanOrEqual(from);
        expect(at).toBeLessThanOrEqual(from + span);
        // A month is 28 to 31 days, so marks by the month are only about evenly apart.
        if (i > 0) expect(at - (ticks[i - 1] ?? 0)).toBeGreaterThanOrEqual((span / 7) * 0.9);
      });
    }
  });

  test('seconds are written where marks are closer than a minute', () => {
    expect(timeLabel(Date.UTC(2025, 0, 2, 3, 4, 15), true)).toBe('03:04:15');
  });
});

describe('price', () => {
  test('no mark is finer than the market writes', () => {
    expect(priceIncrements(2).slice(0, 4)).toEqual([0.01, 0.02, 0.05, 0.1]);
    expect(priceIncrements(0)[0]).toBe(1);
  });

  test('margins are shares of the height', () => {
    const [low, high] = priceRange(100, 170, 2, 0.1, 0.2);
    expect((high - 170) / (high - low)).toBeCloseTo(0.1, 9);
    expect((100 - low) / (high - low)).toBeCloseTo(0.2, 9);
  });

  test('a flat market has height, and no market has a range', () => {
    const [low, high] = priceRange(5, 5, 2, 0.1, 0.1);
    expect(low).toBeLessThan(5);
    expect(high).toBeGreaterThan(5);
    expect(priceRange(Infinity, -Infinity, 2, 0.1, 0.1)).toEqual([0, 1]);
  });
});
