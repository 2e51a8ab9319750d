import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../../../main/core/flow/histogram.ts';

const SHARES = [0, 0.5, 0.95, 0.99, 1];

function exact(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? NaN;
}

/** Of any size that a lag may have, of both signs. */
const lag = fc.oneof(
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.double({ min: -2e5, max: 2e5, noNaN: true }),
  fc.integer({ min: -30, max: 30 }).map((n) => Math.sign(n) * 1.02 ** Math.abs(n)),
);

test('a quantile is within 1 % of the true one, or 0.1', () => {
  fc.assert(
    fc.property(fc.array(lag, { minLength: 1, maxLength: 300 }), (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      for (const share of SHARES) {
        const truth = exact(values, share);
        const told = histogram.quantile(share) ?? NaN;
        expect(Math.abs(told - truth)).toBeLessThanOrEqual(Math.max(0.1, Math.abs(truth) * 0.01) + 1e-9);
      }
    }),
  );
});

test('what never varies is exact; nothing at all is null; what was cleared is gone', () => {
  const histogram = new Histogram();
  expect(histogram.quantile(0.5)).toBeNull();
  for (let n = 0; n < 100_000; n++) histogram.add(40.123);
  expect(SHARES.map((share) => histogram.quantile(share))).toEqual(SHARES.map(() => 40.123));
  histogram.clear();
  expect(histogram.quantile(0.5)).toBeNull();
  histogram.add(-7);
  expect(histogram.quantile(0.99)).toBe(-7);
});

test('a clock that is years away is counted as far away', () => {
  const histogram = new Histogram();
  for (const value of [1, 1e12, -1e15]) histogram.add(value);
  expect(histogram.quantile(0)).toBeLessThan(-9e8);
  expect(histogram.quantile(0.5)).toBeCloseTo(1, 1);
  expect(histogram.quantile(1)).toBeGreaterThan(9e8);
});
