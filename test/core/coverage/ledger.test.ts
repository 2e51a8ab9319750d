import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type CoverageStart,
  type CoverageState,
  type Endpoint,
  ENDPOINTS,
} from '../../../main/core/contract.ts';
import { Ledger } from '../../../main/core/coverage/ledger.ts';

const SECOND = 1_000_000;

/** What the store makes of it: a line's starts, and how far the last one reaches. */
class Written {
  readonly lines = new Map<string, CoverageStart[]>();
  until = 0;

  commit(ledger: Ledger, now: number): void {
    const { lines, until } = ledger.take(now);
    for (const { endpoint, from, market, starts } of lines) {
      const key = `${market} ${endpoint}`;
      const held = this.lines.get(key) ?? [];
      this.lines.set(key, [...held.filter((start) => start.from < from), ...starts]);
    }
    this.until = until;
    ledger.written();
  }

  /** [state, seconds] of a line. */
  states(market: string, endpoint: Endpoint = 'trades'): [CoverageState, number][] {
    const starts = this.lines.get(`${market} ${endpoint}`) ?? [];
    return starts
      .map(({ from, state }, index): [CoverageState, number] => [
        state,
        ((starts[index + 1]?.from ?? this.until) - from) / SECOND,
      ])
      .filter(([, length]) => length > 0);
  }
}

describe('a market', () => {
  let ledger: Ledger;
  let written: Written;
  let now: number;

  beforeEach(() => {
    ledger = new Ledger();
    written = new Written();
    now = 0;
    ledger.watch(['m'], now);
    ledger.begin(0, now);
  });

  /** Time passes, with a sign of life and a tick every second. */
  function pass(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      now += SECOND;
      ledger.heard('trades', now);
      ledger.tick(now);
    }
  }

  function connect(...markets: string[]): void {
    ledger.connected('trades', now);
    for (const market of markets) {
      ledger.subscription('trades', market, 'requested', null, now);
      ledger.subscription('trades', market, 'confirmed', null, now);
    }
  }

  function states(): [CoverageState, number][] {
    written.commit(ledger, now);
    return written.states('m');
  }

  it('is off until its subscription is confirmed', () => {
    pass(5);
    ledger.connected('trades', now);
    ledger.subscription('trades', 'm', 'requested', null, now);
    pass(2);
    ledger.subscription('trades', 'm', 'confirmed', null, now);
    pass(3);
    expect(states()).toEqual([
      ['off', 5],
      ['off', 2],
      ['live', 3],
    ]);
    expect(written.states('m', 'candles')).toEqual([['off', 10]]);
  });

  it('is live from its first message when nothing confirms it, and unverified before', () => {
    ledger.connected('trades', now);
    ledger.subscription('trades', 'm', 'requested', null, now);
    pass(10);
    ledger.subscription('trades', 'm', 'unconfirmed', null, now);
    pass(7);
    ledger.message('trades', 'm', now);
    pass(1);
    expect(states()).toEqual([
      ['off', 10],
      ['unverified', 7],
      ['live', 1],
    ]);
  });

  it('is off with the server’s words when it is refused', () => {
    ledger.connected('trades', now);
    ledger.subscription('trades', 'm', 'refused', 'unknown market', now);
    pass(1);
    expect(states()).toEqual([['off', 1]]);
    expect(written.lines.get('m trades')?.at(-1)?.cause).toBe('refused: unknown market');
  });

  it('is quiet from its last message once a minute without one is over', () => {
    connect('m');
    pass(10);
    ledger.message('trades', 'm', now);
    pass(59);
    expect(states()).toEqual([['live', 69]]);
    pass(11);
    expect(states()).toEqual([
      ['live', 10],
      ['quiet', 70],
    ]);
    ledger.message('trades', 'm', now);
    pass(1);
    expect(states()).toEqual([
      ['live', 10],
      ['quiet', 70],
      ['live', 1],
    ]);
  });

  it('is lost while the link is down, from the last sign of life on', () => {
    connect('m');
    pass(20);
    ledger.disconnected('trades', 'cut', now - 13 * SECOND, now);
    pass(4);
    expect(states()).toEqual([
      ['live', 7],
      ['lost', 17],
    ]);
    ledger.end(now);
    expect(states()).toEqual([
      ['live', 7],
      ['lost', 17],
    ]);
  });

  it.each<
    [name: string, outage: number, brought: ('recovered' | 'duplicates')[], expected: [string, number][]]
  >([
    ['overlap', 60, ['duplicates', 'recovered'], [['recovered', 60]]],
    ['no overlap', 60, ['recovered'], [['unverified', 60]]],
    ['nothing', 60, [], [['unverified', 60]]],
    ['two minutes, overlap', 120, ['duplicates'], [['recovered', 120]]],
    [
      'longer',
      300,
      ['recovered'],
      [
        ['lost', 180],
        ['recovered', 120],
      ],
    ],
    [
      'longer, nothing',
      300,
      [],
      [
        ['lost', 180],
        ['unverified', 120],
      ],
    ],
  ])('after an outage and %s', (_name, outage, brought, expected) => {
    connect('m');
    pass(5);
    ledger.disconnected('trades', 'cut', now, now);
    pass(outage);
    connect('m');
    for (const which of brought) {
      ledger.message('trades', 'm', now);
      ledger.redelivered('trades', 'm', which);
    }
    pass(2);
    expect(states()).toEqual([
      ['live', 5],
      ['lost', outage],
      ['live', 2],
    ]);
    pass(2);
    expect(states()).toEqual([['live', 5], ...expected, ['live', 4]]);
  });

  it('is judged by what came of it alone, and its link by what came of all', () => {
    ledger.watch(['m', 'n'], now);
    connect('m', 'n');
    pass(5);
    ledger.disconnected('trades', 'cut', now, now);
    pass(10);
    connect('m', 'n');
    ledger.redelivered('trades', 'm', 'duplicates');
    now += 3 * SECOND;
    expect(ledger.tick(now)).toEqual([]);
    ledger.heard('trades', now);
    expect(ledger.tick(now)).toEqual([
      {
        endpoint: 'trades',
        from: 5 * SECOND,
        to: 15 * SECOND,
        state: 'recovered',
        cause: 'cut',
        recovered: 0,
        duplicates: 1,
      },
    ]);
    expect(states()[1]).toEqual(['recovered', 10]);
    expect(written.states('n')[1]).toEqual(['unverified', 10]);
  });

  it('a connection that brought nothing and broke did not end the outage', () => {
    connect('m');
    pass(5);
    ledger.disconnected('trades', 'cut', now, now);
    pass(10);
    connect('m');
    pass(1);
    expect(ledger.disconnected('trades', 'again', now, now)).toEqual([]);
    pass(4);
    connect('m');
    ledger.redelivered('trades', 'm', 'duplicates');
    pass(3);
    expect(states()).toEqual([
      ['live', 5],
      ['recovered', 15],
      ['live', 3],
    ]);
  });

  it('redelivery that was broken off makes nothing recovered, and the outage goes on', () => {
    connect('m');
    pass(5);
    ledger.disconnected('trades', 'cut', now, now);
    pass(60);
    connect('m');
    ledger.redelivered('trades', 'm', 'duplicates');
    now += SECOND;
    expect(ledger.disconnected('trades', 'again', now, now)).toEqual([]);
    expect(states()).toEqual([
      ['live', 5],
      // Some of it came, and nobody knows how much.
      ['unverified', 61],
    ]);
    pass(99);
    connect('m');
    ledger.redelivered('trades', 'm', 'duplicates');
    now += 3 * SECOND;
    ledger.heard('trades', now);
    const verdicts = ledger.tick(now).map(({ from, state, to }) => [from / SECOND, to / SECOND, state]);
    // Two minutes before the second reconnect, at 165 s, lie after the cut at 5 s.
    expect(verdicts).toEqual([
      [5, 45, 'unverified'],
      [45, 165, 'recovered'],
    ]);
    expect(states()).toEqual([
      ['live', 5],
      ['unverified', 40],
      ['recovered', 120],
      ['live', 3],
    ]);
  });

  it('a connection that fell silent before redelivery had its time proves nothing', () => {
    connect('m');
    pass(5);
    ledger.disconnected('trades', 'cut', now, now);
    pass(10);
    connect('m');
    ledger.redelivered('trades', 'm', 'duplicates');
    ledger.heard('trades', now + SECOND);
    for (let second = 0; second < 13; second++) expect(ledger.tick((now += SECOND))).toEqual([]);
    ledger.disconnected('trades', 'silence', now - 12 * SECOND, now);
    pass(3);
    ledger.end(now);
    expect(states()).toEqual([
      ['live', 5],
      ['unverified', 11],
      ['lost', 15],
    ]);
  });

  it('of a connection that broke at once nothing is told as live: what was new may have waited', () => {
    connect('m');
    pass(2);
    ledger.disconnected('trades', 'cut', now, now);
    pass(200);
    expect(states()).toEqual([
      ['unverified', 2],
      ['lost', 200],
    ]);
    connect('m');
    ledger.redelivered('trades', 'm', 'recovered');
    pass(4);
    expect(states()).toEqual([
      ['unverified', 2],
      ['lost', 80],
      ['recovered', 120],
      ['live', 4],
    ]);
  });

  it('that is watched no more is off, and what it missed before stays lost', () => {
    connect('m');
    pass(5);
    ledger.disconnected('trades', 'cut', now, now);
    pass(5);
    ledger.watch([], now);
    pass(5);
    connect();
    ledger.redelivered('trades', 'm', 'duplicates');
    pass(5);
    expect(states()).toEqual([
      ['live', 5],
      ['lost', 5],
      ['off', 10],
    ]);
  });

  it('that is watched later was off from the session’s start', () => {
    connect('m');
    pass(5);
    ledger.watch(['m', 'n'], now);
    ledger.subscription('trades', 'n', 'requested', null, now);
    ledger.subscription('trades', 'n', 'confirmed', null, now);
    pass(5);
    states();
    expect(written.states('n')).toEqual([
      ['off', 5],
      ['live', 5],
    ]);
  });

  it('has lost what could not be stored, and what redelivery brought in vain', () => {
    connect('m');
    pass(5);
    ledger.unkept('trades', 3 * SECOND, now, 'disk full');
    pass(5);
    expect(states()).toEqual([
      ['live', 3],
      ['lost', 2],
      ['live', 5],
    ]);
    ledger.disconnected('trades', 'cut', now, now);
    pass(10);
    connect('m');
    ledger.redelivered('trades', 'm', 'duplicates');
    ledger.unkept('trades', now, now, 'disk full');
    pass(4);
    expect(states().slice(2)).toEqual([
      ['live', 5],
      ['lost', 10],
      ['live', 4],
    ]);
  });

  it('what could not be written is written with the next', () => {
    connect('m');
    pass(5);
    ledger.disconnected('trades', 'cut', now, now);
    ledger.unwritten(ledger.take(now));
    pass(5);
    expect(states()).toEqual([
      ['live', 5],
      ['lost', 5],
    ]);
  });

  it('that is quiet when a session begins is quiet in it', () => {
    connect('m');
    pass(70);
    ledger.end(now);
    written.commit(ledger, now);
    expect(ledger.take(now).lines).toEqual([]);
    written = new Written();
    ledger.begin(now, now);
    pass(5);
    expect(states()).toEqual([['quiet', 5]]);
  });

  it('a second session begins anew, with what is watched then', () => {
    connect('m');
    pass(5);
    ledger.end(now);
    written.commit(ledger, now);
    pass(5);
    written = new Written();
    ledger.watch(['n'], now);
    ledger.begin(now, now + SECOND);
    pass(2);
    states();
    expect([...written.lines.keys()].sort()).toEqual(['n candles', 'n trades']);
  });
});

describe('whatever happens', () => {
  // Mostly the same line, so that long stories happen to it.
  const endpoint = fc.constantFrom(...ENDPOINTS, 'trades', 'trades', 'trades', 'trades');
  const market = fc.constantFrom('a', 'b', 'c', 'a', 'a', 'a', 'a');
  const event = fc.oneof(
    fc.record({ kind: fc.constant('watch' as const), markets: fc.uniqueArray(market) }),
    fc.record({ kind: fc.constant('connected' as const), endpoint }),
    fc.record({ kind: fc.constant('disconnected' as const), endpoint, silence: fc.nat({ max: 13 }) }),
    fc.record({ kind: fc.constant('unreachable' as const), endpoint }),
    fc.record({
      kind: fc.constant('subscription' as const),
      endpoint,
      market,
      state: fc.constantFrom('requested', 'confirmed', 'unconfirmed', 'refused'),
    }),
    fc.record({ kind: fc.constant('message' as const), endpoint, market }),
    fc.record({
      kind: fc.constant('redelivered' as const),
      endpoint,
      market,
      which: fc.constantFrom('recovered', 'duplicates'),
    }),
    fc.record({ kind: fc.constant('unkept' as const), endpoint, seconds: fc.nat({ max: 20 }) }),
    fc.record({ kind: fc.constant('commit' as const), fails: fc.boolean() }),
  );
  const steps = fc.array(
    fc.tuple(fc.oneof({ weight: 8, arbitrary: fc.nat({ max: 5 }) }, fc.nat({ max: 300 })), event),
    { maxLength: 60, size: 'max' },
  );

  type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

  function apply(ledger: Ledger, written: Written, one: Event, now: number): void {
    switch (one.kind) {
      case 'watch':
        ledger.watch(one.markets, now);
        break;
      case 'connected':
        ledger.connected(one.endpoint, now);
        break;
      case 'disconnected':
        ledger.disconnected(one.endpoint, 'cut', now - one.silence * SECOND, now);
        break;
      case 'unreachable':
        ledger.unreachable(one.endpoint, 'no network', now);
        break;
      case 'subscription':
        ledger.subscription(one.endpoint, one.market, one.state, null, now);
        break;
      case 'message':
        ledger.message(one.endpoint, one.market, now);
        break;
      case 'redelivered':
        ledger.redelivered(one.endpoint, one.market, one.which);
        break;
      case 'unkept':
        ledger.unkept(one.endpoint, now - one.seconds * SECOND, now, 'disk full');
        break;
      case 'commit':
        if (one.fails) ledger.unwritten(ledger.take(now));
        else written.commit(ledger, now);
    }
  }

  function expectWhole(written: Written, origin: number): void {
    for (const starts of written.lines.values()) {
      expect(starts[0]?.from).toBe(origin);
      starts.slice(1).forEach((start, index) => {
        expect(start.from).toBeGreaterThan(starts[index]?.from ?? Infinity);
      });
      expect(starts.at(-1)?.from).toBeLessThanOrEqual(written.until);
      const key = [...written.lines].find(([, each]) => each === starts)?.[0] ?? '';
      const [name = '', at] = key.split(' ');
      const total = written
        .states(name, at as Endpoint)
        .reduce((sum, [, seconds]) => sum + Math.round(seconds * SECOND), 0);
      expect(total).toBe(written.until - origin);
    }
  }

  it('every line on disk is whole after every commit: no overlap, no hole, from the start to the reach', () => {
    const run = fc.property(steps, fc.nat({ max: 10 }), (all, late) => {
      const ledger = new Ledger();
      const written = new Written();
      const origin = 1_000 * SECOND;
      let now = origin;
      ledger.watch(['a', 'b'], now);
      ledger.begin(origin, origin + late);
      now += late;
      for (const [seconds, one] of all) {
        for (let second = 0; second < seconds; second++) ledger.tick((now += SECOND));
        apply(ledger, written, one, now);
        if (one.kind === 'commit' && !one.fails) expectWhole(written, origin);
      }
      now += SECOND;
      ledger.end(now);
      written.commit(ledger, now);
      expectWhole(written, origin);
      expect(written.until).toBe(now);
      expect(written.lines.size).toBeGreaterThanOrEqual(4);
    });
    fc.assert(run, { numRuns: 1000 });
  });

  it('what a crash leaves never tells more than what is known in the end', () => {
    const own = { endpoint: fc.constant('trades' as const), market: fc.constant('a') };
    const story = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('connected' as const), endpoint: own.endpoint }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('disconnected' as const),
          endpoint: own.endpoint,
          silence: fc.constant(0),
        }),
      },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('message' as const), ...own }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('redelivered' as const),
          ...own,
          which: fc.constantFrom('recovered' as const, 'duplicates' as const),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('watch' as const),
          markets: fc.subarray<'a' | 'b' | 'c'>(['a', 'b']),
        }),
      },
    );
    const times = fc.oneof({ weight: 8, arbitrary: fc.nat({ max: 5 }) }, fc.nat({ max: 300 }));
    const claims = (state: CoverageState | undefined): string =>
      state === 'live' || state === 'quiet' ? 'served' : state === 'recovered' ? 'recovered' : '';
    // What the store takes back of the last state when it finds that nobody ended the session.
    const isTakenBack = (starts: readonly CoverageStart[], until: number, at: number): boolean => {
      const last = starts.at(-1)?.from ?? 0;
      return at >= last && until - last < 5 * SECOND;
    };
    const run = fc.property(fc.array(fc.tuple(times, story), { maxLength: 40, size: 'max' }), (all) => {
      const ledger = new Ledger();
      const written = new Written();
      const left: { until: number; lines: Map<string, CoverageStart[]> }[] = [];
      let now = 0;
      let up = false;
      ledger.watch(['a', 'b'], now);
      ledger.begin(0, now);
      for (const [seconds, one] of all) {
        if ((one.kind === 'connected' && up) || (one.kind === 'disconnected' && !up)) continue;
        if (one.kind === 'connected' || one.kind === 'disconnected') up = !up;
        // No link is back at the moment at which it went.
        if (one.kind === 'connected') now++;
        for (let second = 0; second < seconds; second++) {
          now += SECOND;
          ledger.heard('trades', now);
          ledger.tick(now);
        }
        // The moment before it happens is the one at which most is claimed.
        written.commit(ledger, now);
        left.push({ until: now, lines: new Map(written.lines) });
        apply(ledger, written, one, now);
      }
      ledger.end(now);
      written.commit(ledger, now);
      for (const { lines, until } of left) {
        for (const [key, starts] of lines) {
          const final = written.lines.get(key) ?? [];
          for (const { from: at } of [...starts, ...final]) {
            if (at >= until || isTakenBack(starts, until, at)) continue;
            const then = claims(starts.findLast(({ from }) => from <= at)?.state);
            const inTheEnd = claims(final.findLast(({ from }) => from <= at)?.state);
            if (then !== '') expect([key, at, inTheEnd]).toEqual([key, at, then]);
          }
        }
      }
    });
    fc.assert(run, { numRuns: 1000 });
  });
});
