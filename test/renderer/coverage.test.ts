import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  COVERAGE_RANK,
  type CoverageNow,
  type CoverageStart,
  type CoverageState,
  type CoverageStretch,
  type Endpoint,
  ENDPOINTS,
  NOT_RECORDING,
  NOT_WATCHED,
} from '../../main/core/contract.ts';
import { Ledger } from '../../main/core/coverage/ledger.ts';
import { Teller } from '../../main/core/coverage/teller.ts';
import { emptyDay } from '../../main/core/coverage/today.ts';
import { CoverageBook, type CoverageEvent, type Told } from '../../renderer/state/coverage.ts';
import { TestClock } from '../helpers/test-clock.ts';

type State = readonly [from: number, state: CoverageState, cause?: string];

const startsOf = (states: readonly State[]): CoverageStart[] =>
  states.map(([from, state, cause = '']) => ({ from, state, cause }));

function event(
  until: number,
  states: readonly State[] = [],
  over: Partial<CoverageEvent> = {},
): CoverageEvent {
  const starts = startsOf(states);
  const first = starts[0];
  return {
    type: 'coverage',
    session: 1,
    started: 0,
    until,
    ended: false,
    changes: first === undefined ? [] : [{ market: 'm', endpoint: 'trades', from: first.from, starts }],
    known: null,
    ...over,
  };
}

function told(from: number, to: number, states: readonly State[]): Told {
  const stretches = states.map(([at, state, cause = ''], index): CoverageStretch => ({
    from: at,
    to: states[index + 1]?.[0] ?? to,
    state,
    cause,
  }));
  const { cause = '', state = 'off' } = stretches.at(-1) ?? {};
  return { from, to, grain: 0, stretches, now: { state, cause } };
}

const line = (page: Told): { market: string; endpoint: Endpoint; told: Told }[] => [
  { market: 'm', endpoint: 'trades', told: page },
];

function bookWith(page: Told, session: number | null = 1): CoverageBook {
  const book = new CoverageBook();
  book.reset(session);
  book.put(line(page), book.mark());
  return book;
}

function states(book: CoverageBook, now = 0, from = 0, to = 1_000): unknown[] {
  return book.stretches('m', 'trades', from, to, now).map((each) => [each.from, each.to, each.state]);
}

describe('a line', () => {
  const page = told(10, 50, [
    [10, 'live'],
    [30, 'lost', 'cut'],
    [40, 'live'],
  ]);

  it('is the page, then what changes from where it changed', () => {
    const book = bookWith(page);
    expect(states(book)).toEqual([
      [10, 30, 'live'],
      [30, 40, 'lost'],
      [40, 50, 'live'],
    ]);
    book.take(event(60));
    book.take(
      event(70, [
        [30, 'recovered', 'cut'],
        [40, 'live'],
        [65, 'quiet'],
      ]),
    );
    expect(states(book)).toEqual([
      [10, 30, 'live'],
      [30, 40, 'recovered'],
      [40, 65, 'live'],
      [65, 70, 'quiet'],
    ]);
    expect(states(book, 0, 35, 66)).toEqual([
      [35, 40, 'recovered'],
      [40, 65, 'live'],
      [65, 66, 'quiet'],
    ]);
  });

  it('takes nothing of what is told of others, or of what it was not asked for', () => {
    const book = bookWith(page);
    const before = states(book);
    const other = event(50, [[20, 'lost', 'cut']]).changes[0];
    if (other === undefined) throw new Error('no change');
    book.take(
      event(50, [], {
        changes: [
          { ...other, endpoint: 'candles' },
          { ...other, market: 'n' },
        ],
      }),
    );
    expect(states(book)).toEqual(before);
    expect(book.line('n', 'trades')).toBeNull();
    expect(book.stretches('n', 'trades', 0, 100, 0)).toEqual([]);
  });

  it('of a time that is past does not go on', () => {
    const book = new CoverageBook();
    book.reset(1);
    book.put(line({ ...page, now: null }), book.mark());
    book.take(event(90, [[55, 'lost', 'cut']], { ended: true }));
    book.take(event(190, [[180, 'live']], { session: 2, started: 180 }));
    expect(states(book)).toEqual([
      [10, 30, 'live'],
      [30, 40, 'lost'],
      [40, 50, 'live'],
    ]);
  });

  it('of a time that is past is judged anew', () => {
    const book = new CoverageBook();
    book.reset(1);
    book.put(line({ ...page, now: null }), book.mark());
    book.take(
      event(90, [
        [30, 'recovered', 'cut'],
        [45, 'live'],
        [80, 'quiet'],
      ]),
    );
    expect(states(book)).toEqual([
      [10, 30, 'live'],
      [30, 45, 'recovered'],
      [45, 50, 'live'],
    ]);
  });

  it('is off from the end of a session up to now, and until the next one has it', () => {
    const book = bookWith(page);
    book.take(event(60, [], { ended: true }));
    expect(states(book, 80).at(-1)).toEqual([60, 80, 'off']);
    expect(book.stretches('m', 'trades', 60, 80, 80)[0]?.cause).toBe(NOT_RECORDING);
    book.take(event(95, [], { session: 2, started: 90 }));
    expect(book.stretches('m', 'trades', 60, 99, 99)).toEqual([
      { from: 60, to: 90, state: 'off', cause: NOT_RECORDING },
      { from: 90, to: 95, state: 'off', cause: NOT_WATCHED },
    ]);
  });

  it('says when it must be read anew: a change whose beginning it does not hold', () => {
    const book = bookWith(page);
    book.take(
      event(60, [
        [5, 'live'],
        [20, 'quiet'],
      ]),
    );
    expect(book.line('m', 'trades')?.isStale).toBe(false);
    expect(states(book)[0]).toEqual([10, 20, 'live']);
    const change = { market: 'm', endpoint: 'trades' as const, from: 5, starts: [] };
    book.take(event(60, [], { changes: [change] }));
    expect(book.line('m', 'trades')?.isStale).toBe(true);
  });

  it('has another revision when its states changed, and else the same', () => {
    const book = bookWith(page);
    const before = book.line('m', 'trades')?.revision;
    book.take(event(60));
    expect(book.line('m', 'trades')?.revision).toBe(before);
    book.take(event(60, [[55, 'quiet']]));
    expect(book.line('m', 'trades')?.revision).not.toBe(before);
  });
});

describe('a page that comes late', () => {
  it('lacks nothing of what was told since it was asked for', () => {
    const book = new CoverageBook();
    book.reset(1);
    const mark = book.mark();
    book.take(event(20, [[12, 'lost', 'cut']]));
    book.take(event(30, [[25, 'live']]));
    // Read before the first of these, or between them.
    for (const page of [
      told(0, 11, [[0, 'live']]),
      told(0, 22, [
        [0, 'live'],
        [12, 'lost', 'cut'],
      ]),
    ]) {
      const each = page.to === 11 ? mark : book.mark();
      if (page.to !== 11) book.take(event(30, [[25, 'live']]));
      expect(book.put(line(page), each)).toBe(true);
      expect(states(book)).toEqual([
        [0, 12, 'live'],
        [12, 25, 'lost'],
        [25, 30, 'live'],
      ]);
    }
  });

  it('lacks no session that began meanwhile', () => {
    const book = new CoverageBook();
    book.reset(null);
    const mark = book.mark();
    book.take(event(60, [[50, 'live']], { started: 50 }));
    book.put(line(told(0, 45, [[0, 'off', NOT_RECORDING]])), mark);
    expect(states(book)).toEqual([
      [0, 50, 'off'],
      [50, 60, 'live'],
    ]);
  });

  it('is of no use when more was told than is kept for it', () => {
    const book = new CoverageBook();
    book.reset(1);
    const mark = book.mark();
    for (let n = 0; n < 2_001; n++) book.take(event(n));
    expect(book.put(line(told(0, 5, [[0, 'live']])), mark)).toBe(false);
    expect(book.line('m', 'trades')).toBeNull();
    expect(book.put(line(told(0, 5, [[0, 'live']])), book.mark())).toBe(true);
  });

  it('of before a reset is of no use', () => {
    const book = new CoverageBook();
    book.reset(1);
    const mark = book.mark();
    book.take(event(5));
    book.reset(1);
    expect(book.put(line(told(0, 5, [[0, 'live']])), mark)).toBe(false);
  });
});

describe('what is held', () => {
  it('is cut to the time and the markets that are wanted', () => {
    const book = bookWith(
      told(0, 100, [
        [0, 'live'],
        [40, 'quiet'],
        [60, 'live'],
      ]),
    );
    book.trim(50, 60);
    expect(states(book)).toEqual([
      [50, 60, 'quiet'],
      [60, 100, 'live'],
    ]);
    book.keep(new Set(['n']));
    expect(book.line('m', 'trades')).toBeNull();
  });

  it('is bounded, and nothing bad is hidden', () => {
    const many = Array.from({ length: 200 }, (_, n): State => [
      n * 10,
      n === 77 ? 'lost' : n % 2 === 0 ? 'live' : 'quiet',
    ]);
    const book = bookWith(told(0, 2_000, many));
    book.trim(0, 60);
    expect(book.line('m', 'trades')?.count).toBeLessThanOrEqual(30);
    const held = book.stretches('m', 'trades', 0, 2_000, 0);
    expect(held.filter(({ state }) => state === 'lost')).toEqual([
      { from: 737, to: 804, state: 'lost', cause: '' },
    ]);
    expect(held.map(({ from }) => from)).toEqual([0, ...held.slice(0, -1).map(({ to }) => to)]);
  });
});

/** What the store makes of the ledger's commits, across sessions: the rule of `CoveragePage`. */
class Disk {
  readonly sessions: {
    readonly id: number;
    readonly started: number;
    until: number;
    readonly lines: Map<string, CoverageStart[]>;
  }[] = [];

  page(market: string, endpoint: Endpoint, from: number, to: number): CoverageStretch[] {
    const cells: { at: number; state: CoverageState; cause: string }[] = [];
    for (let at = from; at < to; at++) {
      const owner = this.sessions.findLast(({ started }) => started <= at);
      if (owner === undefined || at >= owner.until) {
        cells.push({ at, state: 'off', cause: NOT_RECORDING });
        continue;
      }
      const starts = owner.lines.get(`${market} ${endpoint}`) ?? [];
      const held = starts.findLast((start) => start.from <= at);
      cells.push({ at, state: held?.state ?? 'off', cause: held?.cause ?? NOT_WATCHED });
    }
    return joined(cells);
  }

  /** Where what is known ends. */
  at(market: string, endpoint: Endpoint, running: boolean): CoverageNow {
    const last = this.sessions.at(-1);
    if (last === undefined || !running) return { state: 'off', cause: NOT_RECORDING };
    const starts = last.lines.get(`${market} ${endpoint}`) ?? [];
    const { cause, state } = starts.findLast(({ from }) => from <= last.until) ?? {
      state: 'off',
      cause: NOT_WATCHED,
    };
    return { state, cause };
  }
}

function joined(cells: readonly { at: number; state: CoverageState; cause: string }[]): CoverageStretch[] {
  const out: CoverageStretch[] = [];
  for (const { at, cause, state } of cells) {
    const last = out.at(-1);
    if (last?.state === state && last.cause === cause) out[out.length - 1] = { ...last, to: at + 1 };
    else out.push({ from: at, to: at + 1, state, cause });
  }
  return out;
}

const cellsOf = (stretches: readonly CoverageStretch[]): CoverageStretch[] =>
  joined(
    stretches.flatMap(({ cause, from, state, to }) =>
      Array.from({ length: to - from }, (_, n) => ({ at: from + n, state, cause })),
    ),
  );

describe('any history', () => {
  const market = fc.constantFrom('a', 'b');
  const endpoint = fc.constantFrom(...ENDPOINTS);
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('connected' as const), endpoint }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('disconnected' as const), endpoint, silence: fc.nat(5) }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('message' as const), endpoint, market }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('redelivered' as const), endpoint, market }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('watch' as const),
        markets: fc.subarray<string>(['a', 'b']),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: 'session' } as const) },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('commit' as const), fails: fc.boolean() }) },
    { weight: 5, arbitrary: fc.constant({ kind: 'tell' } as const) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('ask' as const),
        market,
        endpoint,
        /** Seconds back from now, and for how long; null: as far as is known. */
        back: fc.nat(300),
        span: fc.option(fc.integer({ min: 1, max: 200 })),
      }),
    },
    { weight: 4, arbitrary: fc.constant({ kind: 'read' } as const) },
    { weight: 4, arbitrary: fc.constant({ kind: 'answer' } as const) },
  );

  /**
   * The ledger, the store and the coalescing of events as they are in the core, but that an answer may
   * be read and arrive at any time after it was asked for.
   */
  it('on the screen is the ledger’s, whenever pages were asked for, read and received', () => {
    const SECOND = 1_000_000;
    const run = fc.property(fc.array(fc.tuple(fc.nat(40), step), { maxLength: 60, size: 'max' }), (all) => {
      const clock = new TestClock(0);
      const ledger = new Ledger();
      const disk = new Disk();
      const teller = new Teller({
        clock,
        logger: { log: () => undefined },
        store: { coverageDay: () => Promise.resolve(emptyDay(0)) },
      });
      const book = new CoverageBook();
      book.reset(null);
      let now = 1_000;
      let running = false;
      const asked: { mark: number; market: string; endpoint: Endpoint; from: number; to: number | null }[] =
        [];
      const read: { of: (typeof asked)[number]; told: Told }[] = [];

      const commit = (fails: boolean): void => {
        const session = disk.sessions.at(-1);
        const taken = ledger.take(now * SECOND);
        if (session === undefined || fails) {
          ledger.unwritten(taken);
          return;
        }
        for (const each of taken.lines) {
          const key = `${each.market} ${each.endpoint}`;
          const held = session.lines.get(key) ?? [];
          const starts = each.starts.map((start) => ({ ...start, from: start.from / SECOND }));
          session.lines.set(key, [...held.filter(({ from }) => from < each.from / SECOND), ...starts]);
        }
        session.until = Math.max(session.until, taken.until / SECOND);
        ledger.written();
        teller.take({
          session: session.id,
          started: session.started * SECOND,
          until: session.until * SECOND,
          ended: false,
          changes: taken.lines,
        });
      };
      const tell = (): void => {
        clock.advance(1_000);
        for (const each of teller.events()) {
          book.take({
            ...each,
            started: each.started / SECOND,
            until: each.until / SECOND,
            changes: each.changes.map((one) => ({
              ...one,
              from: one.from / SECOND,
              starts: one.starts.map((start) => ({ ...start, from: start.from / SECOND })),
            })),
          });
        }
      };
      const known = (): number => (running ? (disk.sessions.at(-1)?.until ?? now) : now);
      const read1 = (): void => {
        const of = asked.shift();
        if (of === undefined) return;
        const to = Math.max(of.from, Math.min(of.to ?? Infinity, known()));
        const stretches = disk.page(of.market, of.endpoint, of.from, to);
        const goesOn = of.to === null || of.to >= known();
        const present = goesOn ? disk.at(of.market, of.endpoint, running) : null;
        read.push({ of, told: { from: of.from, to, grain: 0, stretches, now: present } });
      };
      const answer = (): void => {
        const next = read.shift();
        if (next === undefined) return;
        const { of, told: page } = next;
        book.put([{ market: of.market, endpoint: of.endpoint, told: page }], of.mark);
      };

      ledger.watch(['a', 'b'], now * SECOND);
      for (const [seconds, one] of all) {
        for (let second = 0; second < seconds; second++) ledger.tick(++now * SECOND);
        switch (one.kind) {
          case 'connected':
            ledger.connected(one.endpoint, now * SECOND);
            break;
          case 'disconnected':
            ledger.disconnected(one.endpoint, 'cut', (now - one.silence) * SECOND, now * SECOND);
            break;
          case 'message':
            ledger.message(one.endpoint, one.market, now * SECOND);
            break;
          case 'redelivered':
            ledger.redelivered(one.endpoint, one.market, 'duplicates');
            break;
          case 'watch':
            ledger.watch(one.markets, now * SECOND);
            break;
          case 'session':
            if (running) {
              ledger.end(now * SECOND);
              commit(false);
              const session = disk.sessions.at(-1);
              teller.take({
                session: session?.id ?? 0,
                started: (session?.started ?? 0) * SECOND,
                until: (session?.until ?? 0) * SECOND,
                ended: true,
                changes: [],
              });
              running = false;
            } else {
              now++;
              disk.sessions.push({
                id: disk.sessions.length + 1,
                started: now,
                until: now,
                lines: new Map(),
              });
              ledger.begin(now * SECOND, now * SECOND);
              running = true;
            }
            break;
          case 'commit':
            if (running) commit(one.fails);
            break;
          case 'tell':
            tell();
            break;
          case 'ask': {
            const from = now - one.back;
            const to = one.span === null ? null : from + one.span;
            asked.push({ mark: book.mark(), market: one.market, endpoint: one.endpoint, from, to });
            break;
          }
          case 'read':
            read1();
            break;
          case 'answer':
            answer();
        }
      }
      // Everything arrives.
      if (running) commit(false);
      while (asked.length > 0) read1();
      tell();
      while (read.length > 0) answer();
      for (const name of ['a', 'b']) {
        for (const at of ENDPOINTS) {
          const held = book.line(name, at);
          if (held === null || held.isStale) continue;
          const to = held.end ?? known();
          expect(cellsOf(book.stretches(name, at, 0, Infinity, now))).toEqual(
            disk.page(name, at, held.from, to),
          );
        }
      }
    });
    fc.assert(run, { numRuns: 700 });
  });

  it('folded where it is too much to hold still tells the worst', () => {
    const history = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(...COVERAGE_RANK)), {
      minLength: 9,
      maxLength: 60,
    });
    fc.assert(
      fc.property(history, (parts) => {
        let at = 0;
        const all = parts.map(([length, state]): State => [(at += length) - length, state]);
        const book = bookWith(told(0, at, all));
        book.trim(0, 8);
        for (const [index, [from, state]] of all.entries()) {
          for (const each of book.stretches('m', 'trades', from, all[index + 1]?.[0] ?? at, 0)) {
            expect(COVERAGE_RANK.indexOf(each.state)).toBeGreaterThanOrEqual(COVERAGE_RANK.indexOf(state));
          }
        }
      }),
    );
  });
});
