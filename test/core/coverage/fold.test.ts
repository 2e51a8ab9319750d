import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COVERAGE_RANK, type CoverageState, type CoverageStretch } from '../../../main/core/contract.ts';
import { Fold, Gathered, Together } from '../../../main/core/coverage/fold.ts';

const stretch = (from: number, to: number, state: CoverageState, cause = ''): CoverageStretch => ({
  from,
  to,
  state,
  cause,
});
const rank = (state: CoverageState): number => COVERAGE_RANK.indexOf(state);

/** A line from 0 on, without overlap or hole. */
const lines = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom(...COVERAGE_RANK)), { minLength: 1 })
  .map((parts) => {
    let at = 0;
    return parts.map(([length, state]) => stretch(at, (at += length), state, `${state} at ${at}`));
  });

describe('a fold', () => {
  it('gives each bucket its worst state and that one’s cause, and joins neighbours', () => {
    const fold = new Fold(0, 100, 10);
    for (const each of [
      stretch(0, 35, 'live'),
      stretch(35, 36, 'lost', 'cut'),
      stretch(36, 52, 'recovered', 'cut'),
      stretch(52, 100, 'live'),
    ])
      fold.add(each);
    expect(fold.grain).toBe(10);
    expect(fold.stretches).toEqual([
      stretch(0, 30, 'live'),
      stretch(30, 40, 'lost', 'cut'),
      stretch(40, 60, 'recovered', 'cut'),
      stretch(60, 100, 'live'),
    ]);
  });

  it('tells nothing where nothing was added, and cuts what lies outside', () => {
    const fold = new Fold(100, 203, 4);
    fold.add(stretch(0, 120, 'quiet'));
    fold.add(stretch(180, 900, 'off', 'gone'));
    expect(fold.grain).toBe(26);
    expect(fold.stretches).toEqual([stretch(100, 126, 'quiet'), stretch(178, 203, 'off', 'gone')]);
  });

  it('covers the same time, and never tells better than it is', () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 40 }), (line, buckets) => {
        const end = line.at(-1)?.to ?? 0;
        const fold = new Fold(0, end, buckets);
        for (const each of line) fold.add(each);
        const { stretches } = fold;
        expect(stretches.length).toBeLessThanOrEqual(buckets);
        expect(stretches.map(({ from }) => from)).toEqual([0, ...stretches.slice(0, -1).map(({ to }) => to)]);
        expect(stretches.at(-1)?.to).toBe(end);
        for (const { from, state, to } of line) {
          const over = stretches.filter((each) => each.from < to && each.to > from);
          for (const each of over) expect(rank(each.state)).toBeGreaterThanOrEqual(rank(state));
        }
        // Nor worse: what it tells was so at some time of it.
        for (const each of stretches) {
          expect(
            line.some((one) => one.state === each.state && one.from < each.to && one.to > each.from),
          ).toBe(true);
        }
      }),
    );
  });
});

describe('what is gathered', () => {
  it('stays exact up to its bound, and is folded to half of it beyond', () => {
    const all = Array.from({ length: 11 }, (_, n) => stretch(n, n + 1, n % 2 === 0 ? 'live' : 'quiet'));
    const exact = new Gathered(0, 10, 10);
    for (const each of all.slice(0, 10)) exact.add(each);
    expect([exact.grain, exact.stretches]).toEqual([0, all.slice(0, 10)]);
    const folded = new Gathered(0, 11, 10);
    for (const each of all) folded.add(each);
    expect(folded.grain).toBe(3);
    expect(folded.stretches).toEqual([stretch(0, 11, 'quiet')]);
  });
});

describe('lines together', () => {
  const together = (...states: CoverageState[]): (CoverageState | undefined)[] => {
    const all = new Together(0, 10, 1);
    for (const state of states) {
      const fold = new Fold(0, 10, 1);
      fold.add(stretch(0, 10, state));
      all.add(fold);
    }
    return all.runs.map((run) => run.state);
  };

  it.each<[CoverageState[], CoverageState]>([
    [['live', 'off', 'quiet'], 'live'],
    [['off', 'quiet'], 'quiet'],
    [['off', 'off'], 'off'],
    [['live', 'recovered', 'off'], 'recovered'],
    [['live', 'unverified', 'recovered'], 'unverified'],
    [['lost', 'live', 'live', 'unverified'], 'lost'],
  ])('%j are %s', (states, expected) => {
    expect(together(...states)).toEqual([expected]);
  });

  it('are the same however they are parted', () => {
    fc.assert(
      fc.property(fc.array(lines, { minLength: 1, maxLength: 6 }), fc.nat(5), (all, cut) => {
        const end = Math.max(...all.map((line) => line.at(-1)?.to ?? 0));
        const of = (some: readonly CoverageStretch[][]): Together => {
          const together = new Together(0, end, 7);
          for (const line of some) {
            const fold = new Fold(0, end, 7);
            for (const each of line) fold.add(each);
            together.add(fold);
          }
          return together;
        };
        const parted = of(all.slice(0, cut));
        parted.join(of(all.slice(cut)).states);
        expect(parted.runs).toEqual(of(all).runs);
      }),
    );
  });
});
