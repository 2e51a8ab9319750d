import { expect, it } from 'vitest';
import { fuzz, fuzzGuesses } from './fuzz-decode.ts';

/** The long form is `npm run fuzz`. */
it('20,000 damaged frames: nothing is thrown, all is in range, each refusal has a reason', () => {
  const report = fuzz(20_000, 4711);
  // Frames that are too broken would test little.
  expect(report.trades).toBeGreaterThan(2_000);
  expect(report.candles).toBeGreaterThan(1_000);
  expect(report.answers).toBeGreaterThan(1_000);
  expect(Object.keys(report.refused)).toEqual(
    expect.arrayContaining(['json', 'utf8', 'price', 'size', 'time', 'market', 'shape', 'granularity']),
  );
});

it('20,000 trades almost like the last one: a decoder that guesses gives what the whole decoder gives', () => {
  expect(fuzzGuesses(5_000, 4711)).toBeGreaterThan(5_000);
});
