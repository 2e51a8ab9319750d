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

function expectClose(values: readonly number[], shares: readonly number[]): void {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  for (const share of shares) {
    const truth = exact(values, share);
    const told = histogram.quantile(share) ?? NaN;
    expect(Math.abs(told - truth)).toBeLessThanOrEqual(Math.max(0.1, Math.abs(truth) * 0.01) + 1e-9);
  }
}

test('a quantile is within 1 % of the true one, or 0.1, whatever was added', () => {
  fc.assert(
    fc.property(fc.array(lag, { minLength: 1, maxLength: 300 }), (values) => expectClose(values, SHARES)),
  );
});

test('the same at every size', () => {
  // From 0.05 ms to half an hour, of both signs, closer than the buckets are.
  const sizes = Array.from({ length: 2_500 }, (_, n) => 0.05 * 1.007 ** n);
  const shares = Array.from({ length: 1_001 }, (_, n) => n / 1_000);
  expectClose([...sizes, ...sizes.map((size) => -size)], shares);
});

test('what never varies is exact; nothing at all is null; what was cleared is gone', () => {
  const histogram = new Histogram();
  expect(histogram.quantile(0.5)).toBeNull();
  for (let n = 0; n < 100_000; n++) histogram.add(40.123);
  expect(SHARES.map((share) => histogram.quantile(share))).toEqual(SHARES.map(() => 40.123));
  histogram.clear();
  expect(histogram.quantile(0.5)).toBeNull();
  for (const value of [-7, 500]) histogram.add(value);
  expect(histogram.quantile(0)).toBeCloseTo(-7, 1);
  expect(histogram.quantile(1)).toBeGreaterThan(495);
});

test('a clock that is years away is counted as far away', () => {
  const histogram = new Histogram();
  for (const value of [1, 1e12, -1e15]) histogram.add(value);
  expect(histogram.quantile(0)).toBeLessThan(-9e8);
  expect(histogram.quantile(0.5)).toBeCloseTo(1, 1);
  expect(histogram.quantile(1)).toBeGreaterThan(9e8);
});
