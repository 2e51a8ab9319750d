import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CoverageStart,
  type CoverageState,
  type KnownToday,
  NOT_RECORDING,
  NOT_WATCHED,
} from '../../../main/core/contract.ts';
import { type CoverageTold, Tally, Today, union } from '../../../main/core/coverage/today.ts';

const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

type State = readonly [from: number, state: CoverageState, cause?: string];

const startsOf = (states: readonly State[], unit: number): CoverageStart[] =>
  states.map(([from, state, cause = '']) => ({ from: from * unit, state, cause }));

/** What was committed, of lines in hours. */
function told(
  until: number,
  lines: Readonly<Record<string, readonly State[]>>,
  change: Partial<CoverageTold> = {},
): CoverageTold {
  const changes = Object.entries(lines).map(([market, states]) => {
    const starts = startsOf(states, HOUR);
    return { market, endpoint: 'trades' as const, from: starts[0]?.from ?? 0, starts };
  });
  return { session: 1, started: 0, until: until * HOUR, ended: false, changes, ...change };
}

function todayOf(...markets: string[]): Today {
  const today = new Today();
  const sums = new Tally().sums;
  const lines = markets.map((market) => ({ market, endpoint: 'trades' as const, sums, starts: [] }));
  today.load({ day: 0, until: 0, lines, lost: [] });
  return today;
}

/** In hours. */
function hours(known: KnownToday | null): unknown {
  return (
    known && {
      since: known.since / 3_600_000,
      counted: known.counted / HOUR,
      known: known.known / HOUR,
      lost: known.lost / HOUR,
    }
  );
}

describe('what is known of today', () => {
  it('is the share of the time in which lines were live, quiet or recovered', () => {
    const today = todayOf('a', 'b');
    today.take(
      told(10, {
        a: [
          [0, 'live'],
          [2, 'quiet'],
          [4, 'recovered', 'cut'],
          [6, 'unverified', 'cut'],
          [7, 'lost', 'cut'],
        ],
        b: [[0, 'live']],
      }),
    );
    expect(hours(today.figure(11 * HOUR))).toEqual({ since: 0, counted: 20, known: 16, lost: 3 });
  });

  it('counts an outage of many lines once', () => {
    const today = todayOf('a', 'b', 'c');
    today.take(
      told(10, {
        a: [
          [0, 'live'],
          [2, 'lost', 'cut'],
          [4, 'live'],
        ],
        b: [
          [0, 'live'],
          [3, 'lost', 'cut'],
          [5, 'live'],
        ],
        c: [
          [0, 'live'],
          [8, 'lost', 'cut'],
          [9, 'live'],
        ],
      }),
    );
    expect(hours(today.figure(0))).toEqual({ since: 0, counted: 30, known: 25, lost: 4 });
  });

  it('begins when the record of a line does; one that is off all along counts since it was waited for', () => {
    const today = todayOf('a', 'late', 'refused', 'never');
    const refused = 'refused: unknown market';
    today.take(
      told(10, {
        a: [
          [1, 'off', 'not recording yet'],
          [2, 'off', 'not connected yet'],
          [3, 'live'],
        ],
        late: [
          [1, 'off', 'not watched yet'],
          [8, 'off', 'the subscription is not confirmed yet'],
          [9, 'live'],
        ],
        refused: [
          [1, 'off', 'not recording yet'],
          [6, 'off', refused],
        ],
        never: [[1, 'off', 'not watched yet']],
      }),
    );
    // a 7 of 7, late 1 of 1, refused 0 of 4.
    expect(hours(today.figure(0))).toEqual({ since: 3, counted: 12, known: 8, lost: 0 });
  });

  it('counts the time between recordings, but not that in which a market was not watched', () => {
    const today = todayOf('a', 'b');
    today.take(
      told(4, {
        a: [[0, 'live']],
        b: [
          [0, 'live'],
          [1, 'off', NOT_WATCHED],
        ],
      }),
    );
    today.take(told(4, {}, { ended: true }));
    // Nothing records: of that time it is known that nothing is.
    expect(hours(today.figure(6 * HOUR))).toEqual({ since: 0, counted: 4 + 2 + 1 + 2, known: 5, lost: 0 });
    today.take(told(9, { a: [[8, 'live']] }, { session: 2, started: 8 * HOUR }));
    expect(hours(today.figure(0))).toEqual({ since: 0, counted: 9 + 1 + 4, known: 6, lost: 0 });
  });

  it('is of the day (UTC): what was before midnight counts no more', () => {
    const today = todayOf('a');
    today.take(
      told(30, {
        a: [
          [20, 'live'],
          [22, 'lost', 'cut'],
          [26, 'live'],
        ],
      }),
    );
    expect(hours(today.figure(0))).toEqual({ since: 24, counted: 6, known: 4, lost: 2 });
  });

  it('is nothing while nothing counts', () => {
    const today = todayOf('a');
    expect(today.figure(HOUR)).toBeNull();
    today.take(told(2, { a: [[0, 'off', NOT_WATCHED]] }));
    expect(today.figure(HOUR)).toBeNull();
  });

  it('asks to be loaded anew when what is kept as sums was changed', () => {
    const today = todayOf('a');
    expect(
      today.take(
        told(2, {
          a: [
            [0, 'live'],
            [0.5, 'lost', 'cut'],
            [1, 'live'],
          ],
        }),
      ),
    ).toBe(true);
    expect(today.take(told(2, {}))).toBe(true);
    today.figure(0);
    // An hour ago is settled; a minute ago is not.
    expect(today.take(told(2, { a: [[1.99, 'lost', 'cut']] }))).toBe(true);
    expect(
      today.take(
        told(2, {
          a: [
            [0.5, 'recovered', 'cut'],
            [1, 'live'],
          ],
        }),
      ),
    ).toBe(false);
  });
});

describe('any history', () => {
  const states = fc.constantFrom<[CoverageState, string]>(
    ['live', ''],
    ['quiet', 'nothing came'],
    ['recovered', 'cut'],
    ['unverified', 'cut'],
    ['lost', 'cut'],
    ['off', 'not connected yet'],
    ['off', NOT_WATCHED],
    ['off', NOT_RECORDING],
  );

  const CELL = 20 * SECOND;

  /** The rule, by a line's whole history, cell by cell. */
  function byRule(lines: readonly (readonly CoverageStart[])[], until: number): KnownToday | null {
    const day = Math.floor(until / DAY) * DAY;
    const lost = new Set<number>();
    let since = Infinity;
    let counted = 0;
    let known = 0;
    for (const starts of lines) {
      const cells: { at: number; state: CoverageState; cause: string }[] = [];
      for (let at = day; at < until; at += CELL) {
        const found = starts.findLast((start) => start.from <= at);
        if (found !== undefined) cells.push({ at, state: found.state, cause: found.cause });
      }
      for (const { at, state } of cells) if (state === 'lost') lost.add(at);
      const isRecorded = cells.some(({ state }) => state !== 'off');
      const begun = cells.findIndex(({ cause, state }) =>
        isRecorded ? state !== 'off' : cause === 'not connected yet',
      );
      const own = cells.slice(begun === -1 ? cells.length : begun);
      const counting = own.filter(
        ({ cause, state }) =>
          state !== 'off' || (cause !== NOT_WATCHED && (isRecorded || cause !== NOT_RECORDING)),
      );
      if (counting.length > 0) since = Math.min(since, own[0]?.at ?? Infinity);
      counted += counting.length;
      known += own.filter(({ state }) => ['live', 'quiet', 'recovered'].includes(state)).length;
    }
    if (counted === 0) return null;
    return { since: since / 1000, counted: counted * CELL, known: known * CELL, lost: lost.size * CELL };
  }

  it('gives the same as the rule, however much of it is kept as sums', () => {
    const step = fc.record({
      line: fc.constantFrom(0, 1),
      cells: fc.integer({ min: 1, max: 25 }),
      /** Cells back from now, within what is not settled. */
      back: fc.nat(15),
      state: states,
    });
    const run = fc.property(fc.array(step, { maxLength: 40, size: 'max' }), fc.nat(500), (all, early) => {
      const today = todayOf('0', '1');
      const models: CoverageStart[][] = [[], []];
      // A midnight lies within most stories.
      let now = DAY - early * CELL;
      today.load({
        day: 0,
        until: now,
        lines: ['0', '1'].map((market) => ({
          market,
          endpoint: 'trades' as const,
          sums: new Tally().sums,
          starts: [],
        })),
        lost: [],
      });
      const begun = now;
      for (const { back, cells, line, state } of all) {
        now += cells * CELL;
        const from = Math.max(begun, now - back * CELL);
        const start = { from, state: state[0], cause: state[1] };
        const model = models[line] ?? [];
        models[line] = [...model.filter((each) => each.from < from), start];
        const whole = today.take({
          session: 1,
          started: begun,
          until: now,
          ended: false,
          changes: [{ market: String(line), endpoint: 'trades', from, starts: [start] }],
        });
        expect(whole).toBe(true);
        expect(today.figure(now)).toEqual(byRule(models, now));
      }
    });
    fc.assert(run, { numRuns: 150 });
  });

  it('spans are united without overlap', () => {
    expect(union([])).toEqual([]);
    expect(
      union([
        [5, 7],
        [0, 2],
        [1, 3],
        [3, 4],
        [6, 6],
        [7, 9],
      ]),
    ).toEqual([
      [0, 4],
      [5, 9],
    ]);
  });
});
