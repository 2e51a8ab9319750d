import { beforeEach, describe, expect, it } from 'vitest';
import type { CoverageState } from '../../../main/core/contract.ts';
import { Teller } from '../../../main/core/coverage/teller.ts';
import { type CoverageTold, type DayPart, emptyDay, Tally } from '../../../main/core/coverage/today.ts';
import { QuipuError } from '../../../main/core/result.ts';
import { TestClock } from '../../helpers/test-clock.ts';

const SECOND = 1_000_000;

let clock: TestClock;
let teller: Teller;
/** Answers the reads of today, oldest first. */
let reads: { markets: readonly string[]; answer: (day: DayPart) => void; fail: () => void }[];

beforeEach(() => {
  clock = new TestClock(0);
  reads = [];
  teller = new Teller({
    clock,
    logger: { log: () => undefined },
    store: {
      coverageDay: (markets) =>
        new Promise((answer, failed) => {
          reads.push({ markets, answer, fail: () => failed(new QuipuError('storage', 'No.')) });
        }),
    },
  });
});

type State = readonly [from: number, state: CoverageState];

function told(until: number, states: readonly State[], change: Partial<CoverageTold> = {}): CoverageTold {
  const starts = states.map(([from, state]) => ({ from: from * SECOND, state, cause: '' }));
  const changes =
    starts[0] === undefined
      ? []
      : [{ market: 'm', endpoint: 'trades' as const, from: starts[0].from, starts }];
  return { session: 1, started: 0, until: until * SECOND, ended: false, changes, ...change };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what views are told', () => {
  it('is every change once, one for each line, and how far it reaches once a second', () => {
    expect(teller.events()).toEqual([]);
    teller.take(
      told(1, [
        [0, 'off'],
        [1, 'live'],
      ]),
    );
    teller.take(told(3, []));
    teller.take(
      told(4, [
        [2, 'lost'],
        [3, 'live'],
      ]),
    );
    const [event, ...more] = teller.events();
    expect(more).toEqual([]);
    expect(event).toMatchObject({ type: 'coverage', session: 1, until: 4 * SECOND, ended: false });
    expect(event?.changes).toMatchObject([
      {
        from: 0,
        starts: [{ state: 'off' }, { state: 'live' }, { from: 2 * SECOND, state: 'lost' }, { state: 'live' }],
      },
    ]);
    teller.take(told(5, []));
    clock.advance(900);
    expect(teller.events()).toEqual([]);
    clock.advance(100);
    expect(teller.events()).toMatchObject([{ until: 5 * SECOND, changes: [] }]);
  });

  it('goes on once a second though nothing is committed: the figure may change with the clock', () => {
    teller.take(told(1, [[0, 'live']]));
    teller.events();
    clock.advance(1_000);
    expect(teller.events()).toMatchObject([{ until: SECOND, changes: [] }]);
  });

  it('replaces what goes back before what was not told yet', () => {
    teller.take(
      told(9, [
        [5, 'live'],
        [6, 'lost'],
      ]),
    );
    teller.take(told(9, [[4, 'quiet']]));
    expect(teller.events()[0]?.changes).toMatchObject([{ from: 4 * SECOND, starts: [{ state: 'quiet' }] }]);
  });

  it('keeps the end of a session and the start of the next apart', () => {
    teller.take(told(4, [[0, 'live']]));
    teller.take(told(4, [], { ended: true }));
    teller.take(told(8, [[7, 'live']], { session: 2, started: 7 * SECOND }));
    expect(teller.events().map(({ ended, session, until }) => [session, ended, until / SECOND])).toEqual([
      [1, true, 4],
      [2, false, 8],
    ]);
  });
});

describe('what is known of today', () => {
  const loaded = (until: number): DayPart => ({
    ...emptyDay(0),
    until: until * SECOND,
    lines: [
      {
        market: 'm',
        endpoint: 'trades',
        sums: new Tally().sums,
        starts: [{ from: 0, state: 'live', cause: '' }],
      },
    ],
  });
  const share = (): unknown => teller.known && [teller.known.known / SECOND, teller.known.counted / SECOND];

  it('is read for the watchlist, and lacks nothing of what came meanwhile', async () => {
    teller.watch(['m']);
    teller.events();
    expect(reads.map(({ markets }) => markets)).toEqual([['m']]);
    teller.take(told(6, [[4, 'lost']]));
    teller.events();
    reads[0]?.answer(loaded(3));
    await turn();
    expect(share()).toEqual([4, 6]);
    expect(teller.events()).toEqual([]);
    clock.advance(1_000);
    expect(teller.events()[0]?.known).toEqual(teller.known);
  });

  it('is read anew when what was summed up changes, at most every ten seconds', async () => {
    teller.watch(['m']);
    teller.events();
    reads[0]?.answer({ ...loaded(2_000), lines: [] });
    await turn();
    teller.watch(['m', 'n']);
    teller.events();
    reads[1]?.answer(loaded(2_000));
    await turn();
    teller.take(
      told(2_000, [
        [1, 'lost'],
        [2, 'live'],
      ]),
    );
    clock.advance(1_000);
    teller.events();
    teller.take(
      told(2_000, [
        [1, 'recovered'],
        [2, 'live'],
      ]),
    );
    teller.events();
    expect(reads).toHaveLength(2);
    clock.advance(9_000);
    teller.events();
    expect(reads).toHaveLength(3);
  });

  it('is tried again when it could not be read', async () => {
    teller.watch(['m']);
    teller.events();
    reads[0]?.fail();
    await turn();
    expect(teller.known).toBeNull();
    clock.advance(10_000);
    teller.events();
    expect(reads).toHaveLength(2);
  });
});
