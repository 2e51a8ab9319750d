/** Pages, hours, days and cords of coverage against what `Store.coverage` tells of each session. */
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  COVERAGE_RANK,
  type CoverageInterval,
  type CoverageState,
  type CoverageStretch,
  ENDPOINTS,
  NOT_RECORDING,
  NOT_WATCHED,
} from '../../../main/core/contract.ts';
import type { CoverageCommit } from '../../../main/core/coverage/ledger.ts';
import { prepareCoverage } from '../../../main/core/store/coverage.ts';
import type { Store } from '../../../main/core/store/store.ts';
import { allOf, commitOf, failureOf, open, temporaryFolder, trade } from './support.ts';

const DAY = 86_400_000_000;

type State = readonly [from: number, state: CoverageState, cause?: string];

function lines(
  until: number,
  of: Readonly<Record<string, readonly State[]>>,
  from?: number,
): { coverage: CoverageCommit } {
  return {
    coverage: {
      until,
      lines: Object.entries(of).map(([name, states]) => {
        const [market = '', endpoint = ''] = name.split(' ');
        return {
          market,
          endpoint: endpoint === 'candles' ? 'candles' : 'trades',
          from: from ?? states[0]?.[0] ?? 0,
          starts: states.map(([at, state, cause = '']) => ({ from: at, state, cause })),
        };
      }),
    },
  };
}

/** Starts a session at so many ms, writes it up to `until`, and ends it when told to. */
async function session(
  store: Store,
  started: number,
  until: number,
  of: Readonly<Record<string, readonly State[]>>,
  ended = true,
): Promise<number> {
  const { id } = await store.beginSession(started);
  await store.commit(commitOf(id, [], [], lines(until, of)));
  if (ended) await store.endSession(id, Math.ceil(until / 1000));
  return id;
}

const plain = ({ from, state, to }: CoverageStretch): unknown => [from, to, state];

test('a page goes across sessions, and what lies between them is off', async () => {
  const store = await open(temporaryFolder());
  await session(store, 1, 5_000, {
    'm trades': [
      [1_000, 'off', 'not recording yet'],
      [2_000, 'live'],
    ],
  });
  await session(store, 8, 12_000, {
    'm trades': [
      [8_000, 'live'],
      [9_000, 'lost', 'cut'],
    ],
  });
  const page = await store.coveragePage('m', 'trades', 0, 20_000, 15_000);
  expect(page).toEqual({
    from: 0,
    to: 15_000,
    grain: 0,
    stretches: [
      { from: 0, to: 1_000, state: 'off', cause: NOT_RECORDING },
      { from: 1_000, to: 2_000, state: 'off', cause: 'not recording yet' },
      { from: 2_000, to: 5_000, state: 'live', cause: '' },
      { from: 5_000, to: 8_000, state: 'off', cause: NOT_RECORDING },
      { from: 8_000, to: 9_000, state: 'live', cause: '' },
      { from: 9_000, to: 12_000, state: 'lost', cause: 'cut' },
      { from: 12_000, to: 15_000, state: 'off', cause: NOT_RECORDING },
    ],
    now: { state: 'off', cause: NOT_RECORDING },
  });
  const part = await store.coveragePage('m', 'trades', 4_500, 8_500, 15_000);
  expect(part.stretches.map(plain)).toEqual([
    [4_500, 5_000, 'live'],
    [5_000, 8_000, 'off'],
    [8_000, 8_500, 'live'],
  ]);
  // More is known than what was asked for.
  expect(part.now).toBeNull();
  // A line that the sessions did not have.
  const other = await store.coveragePage('m', 'candles', 4_000, 9_000, 15_000);
  expect(other.stretches).toEqual([
    { from: 4_000, to: 5_000, state: 'off', cause: NOT_WATCHED },
    { from: 5_000, to: 8_000, state: 'off', cause: NOT_RECORDING },
    { from: 8_000, to: 9_000, state: 'off', cause: NOT_WATCHED },
  ]);
  expect((await store.coveragePage('m', 'trades', 20_000, 30_000, 15_000)).stretches).toEqual([]);
});

test('of the running session it tells what is committed, and nothing of what follows', async () => {
  const store = await open(temporaryFolder());
  const id = await session(store, 1, 5_000, { 'm trades': [[1_000, 'live']] }, false);
  const page = await store.coveragePage('m', 'trades', 0, 20_000, 15_000);
  expect([page.to, page.stretches.map(plain)]).toEqual([
    5_000,
    [
      [0, 1_000, 'off'],
      [1_000, 5_000, 'live'],
    ],
  ]);
  await store.commit(commitOf(id, [], [], { coverage: { until: 6_000, lines: [] } }));
  expect((await store.coveragePage('m', 'trades', 5_500, 20_000, 15_000)).stretches.map(plain)).toEqual([
    [5_500, 6_000, 'live'],
  ]);
  // A state that begins where what is known ends has no length yet, and goes on from there.
  await store.commit(commitOf(id, [], [], lines(6_500, { 'm trades': [[6_500, 'lost', 'cut']] })));
  const edge = await store.coveragePage('m', 'trades', 6_000, 20_000, 15_000);
  expect([edge.stretches.map(plain), edge.now]).toEqual([
    [[6_000, 6_500, 'live']],
    { state: 'lost', cause: 'cut' },
  ]);
  // Nothing is committed of a session that has just begun.
  await store.endSession(id, 7);
  await store.beginSession(9);
  expect((await store.coveragePage('m', 'trades', 5_500, 20_000, 15_000)).stretches.map(plain)).toEqual([
    [5_500, 6_500, 'live'],
    [6_500, 9_000, 'off'],
  ]);
});

test('where the clock was set back, the later session has the time', async () => {
  const store = await open(temporaryFolder());
  await session(store, 10, 20_000, { 'm trades': [[10_000, 'live']] });
  await session(store, 15, 17_000, { 'm trades': [[15_000, 'quiet', 'nothing came']] });
  const page = await store.coveragePage('m', 'trades', 10_000, 22_000, 30_000);
  expect(page.stretches.map(plain)).toEqual([
    [10_000, 15_000, 'live'],
    [15_000, 17_000, 'quiet'],
    [17_000, 22_000, 'off'],
  ]);
});

test('a session recorded before coverage was kept is unverified where it had the market', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  await store.beginSession(1);
  await store.commit(commitOf(1, [trade({ market: 'm' })]));
  await store.endSession(1, 9);
  const page = await store.coveragePage('m', 'trades', 0, 12_000, 20_000);
  expect(page.stretches).toEqual([
    { from: 0, to: 1_000, state: 'off', cause: NOT_RECORDING },
    { from: 1_000, to: 9_000, state: 'unverified', cause: 'recorded before coverage was kept' },
    { from: 9_000, to: 12_000, state: 'off', cause: NOT_RECORDING },
  ]);
  expect((await store.coveragePage('n', 'trades', 1_000, 9_000, 20_000)).stretches).toMatchObject([
    { state: 'off', cause: NOT_WATCHED },
  ]);
  expect(await store.sessionCord(1, 10)).toEqual({ session: 1, from: 0, to: 0, runs: [] });
  expect(await store.sessionLines(1, ['m'], 10)).toEqual({
    from: 0,
    to: 0,
    lines: (['trades', 'candles'] as const).map((endpoint) => ({ market: 'm', endpoint, runs: [] })),
  });
});

test('a line of very many stretches is folded, and nothing bad is hidden', async () => {
  const store = await open(temporaryFolder());
  const states = Array.from({ length: 10_001 }, (_, n): State => {
    if (n === 7_777) return [(n + 1) * 1_000, 'lost', 'cut'];
    return [(n + 1) * 1_000, n % 2 === 0 ? 'live' : 'quiet'];
  });
  await session(store, 1, 10_002_000, { 'm trades': states });
  const page = await store.coveragePage('m', 'trades', 1_000, 10_002_000, 99_000_000);
  expect(page.stretches.length).toBeLessThanOrEqual(2_000);
  expect(page.grain).toBe(5_001);
  const lost = page.stretches.filter(({ state }) => state === 'lost');
  expect(lost).toHaveLength(1);
  expect(lost[0]).toMatchObject({ cause: 'cut' });
  expect(lost[0]?.from).toBeLessThanOrEqual(7_778_000);
  expect(lost[0]?.to).toBeGreaterThanOrEqual(7_779_000);
  // Near enough, it is exact again.
  const near = await store.coveragePage('m', 'trades', 7_000_500, 8_000_500, 99_000_000);
  expect([near.grain, near.stretches.length]).toEqual([0, 1_001]);
});

test('the last hour comes of all markets at once, and a restless line is folded', async () => {
  const store = await open(temporaryFolder());
  const restless = Array.from({ length: 61 }, (_, n): State => [
    (n + 1) * 1_000,
    n % 2 === 0 ? 'live' : 'quiet',
  ]);
  await session(
    store,
    1,
    62_000,
    { 'a trades': restless, 'a candles': [[1_000, 'live']], 'b trades': [[1_000, 'lost', 'cut']] },
    false,
  );
  const { from, lines: found, to } = await store.coverageRecent(['a', 'b', 'never seen'], 1_000, 99_000);
  expect([from, to]).toEqual([1_000, 62_000]);
  expect(found.map(({ endpoint, market, stretches }) => [market, endpoint, stretches.map(plain)])).toEqual([
    ['a', 'trades', [[1_000, 62_000, 'quiet']]],
    ['a', 'candles', [[1_000, 62_000, 'live']]],
    ['b', 'trades', [[1_000, 62_000, 'lost']]],
    ['b', 'candles', [[1_000, 62_000, 'off']]],
    ['never seen', 'trades', [[1_000, 62_000, 'off']]],
    ['never seen', 'candles', [[1_000, 62_000, 'off']]],
  ]);
});

test('a day begins at midnight, sums what is settled, and tells when anything was lost', async () => {
  const store = await open(temporaryFolder());
  const minute = 60_000_000;
  const until = DAY + 30 * minute;
  await session(
    store,
    DAY / 1000 - 5,
    until,
    {
      'a trades': [
        [DAY - 5_000, 'live'],
        [DAY + 10 * minute, 'lost', 'cut'],
        [DAY + 12 * minute, 'live'],
        [DAY + 25 * minute, 'quiet'],
      ],
      'b trades': [
        [DAY - 5_000, 'live'],
        [DAY + 11 * minute, 'lost', 'cut'],
        [DAY + 14 * minute, 'live'],
      ],
    },
    false,
  );
  const day = await store.coverageDay(['a', 'b'], until);
  expect(day).toMatchObject({ day: DAY, until, lost: [[DAY + 10 * minute, DAY + 14 * minute]] });
  const [a] = day.lines;
  expect(a).toEqual({
    market: 'a',
    endpoint: 'trades',
    sums: { recorded: true, counted: 20 * minute, known: 18 * minute, waited: 0, since: DAY },
    starts: [
      { from: DAY + 20 * minute, state: 'live', cause: '' },
      { from: DAY + 25 * minute, state: 'quiet', cause: '' },
    ],
  });
  const many = Array.from({ length: 60 }, (_, n) => `m${n}`);
  expect((await store.coverageDay(many, until)).lines).toHaveLength(120);
  expect(await store.coverageDay([], until)).toEqual({ day: DAY, until, lines: [], lost: [] });
});

test('a session in one cord, and market by market', async () => {
  const store = await open(temporaryFolder());
  const quiet = { 'c trades': [[1_000, 'off', 'refused: no']] as const };
  const id = await session(store, 1, 11_000, {
    'a trades': [
      [1_000, 'live'],
      [4_500, 'lost', 'cut'],
      [4_600, 'live'],
    ],
    'a candles': [
      [1_000, 'live'],
      [7_000, 'recovered', 'cut'],
      [8_000, 'quiet'],
    ],
    'b trades': [
      [1_000, 'off', 'not connected yet'],
      [2_000, 'quiet'],
    ],
    ...quiet,
  });
  expect(await store.sessionCord(id, 10)).toEqual({
    session: id,
    from: 1_000,
    to: 11_000,
    runs: [
      { from: 1_000, to: 4_000, state: 'live' },
      { from: 4_000, to: 5_000, state: 'lost' },
      { from: 5_000, to: 7_000, state: 'live' },
      { from: 7_000, to: 8_000, state: 'recovered' },
      { from: 8_000, to: 11_000, state: 'live' },
    ],
  });
  const { from, lines: found, to } = await store.sessionLines(id, ['b', 'a'], 2);
  expect([from, to]).toEqual([1_000, 11_000]);
  expect(
    found.map(({ endpoint, market, runs }) => [market, endpoint, runs.map(({ state }) => state)]),
  ).toEqual([
    ['b', 'trades', ['off', 'quiet']],
    ['b', 'candles', ['off']],
    ['a', 'trades', ['lost', 'live']],
    ['a', 'candles', ['live', 'recovered']],
  ]);
  expect(await store.sessionCord(7, 10)).toBeNull();
  expect(await failureOf(store.sessionLines(7, ['a'], 10))).toMatchObject({ kind: 'not-found' });
});

test('the cord of very many markets is the cord of all of them', async () => {
  const store = await open(temporaryFolder());
  const of: Record<string, State[]> = {};
  for (let n = 0; n < 60; n++) of[`m${n} trades`] = [[1_000, 'live']];
  of['m59 trades'] = [
    [1_000, 'live'],
    [5_000, 'lost', 'cut'],
    [6_000, 'live'],
  ];
  const id = await session(store, 1, 11_000, of);
  expect((await store.sessionCord(id, 10))?.runs.map(({ state }) => state)).toEqual(['live', 'lost', 'live']);
});

test('a cache that is older than its coverage is read without', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  await session(store, 1, 5_000, { 'm trades': [[1_000, 'live']] });
  await store.close();
  const database = new Database(join(folder, 'quipu.db'));
  database.exec('DROP TABLE coverage; ALTER TABLE sessions DROP COLUMN covered; PRAGMA user_version = 1');
  database.close();
  const reading = await open(folder, { readOnly: true });
  expect(await reading.coveragePage('m', 'trades', 0, 9_000, 9_000)).toMatchObject({ stretches: [] });
  expect(await reading.coverageRecent(['m'], 0, 9_000)).toMatchObject({ lines: [] });
  expect(await reading.coverageDay(['m'], 9_000)).toMatchObject({ lines: [] });
  expect(await reading.sessionCord(1, 5)).toMatchObject({ runs: [] });
  expect((await reading.sessionLines(1, ['m'], 5)).lines.map(({ runs }) => runs)).toEqual([[], []]);
});

test('no query looks at more than the lines that it is about', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  const id = await session(store, 1, 5_000, { 'm trades': [[1_000, 'live']] });
  await store.close();
  const asked = new Set<string>();
  const file = join(folder, 'quipu.db');
  const database = new Database(file, { readonly: true, verbose: (sql) => void asked.add(String(sql)) });
  const reader = prepareCoverage(database, () => true);
  reader.page('m', 'trades', 0, 9_000, 9_000);
  reader.recent(['m'], 0, 9_000);
  reader.day(['m'], 9_000);
  const reach = reader.reach(id) ?? { from: 0, to: 1 };
  reader.together(id, reader.numbers(id), reach, 9);
  reader.lines(id, ['m'], reach, 9);
  const selects = [...asked].filter((sql) => sql.startsWith('SELECT'));
  expect(selects.length).toBeGreaterThan(5);
  for (const sql of selects) {
    const plan = database.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all();
    for (const { detail } of plan) expect(detail).toMatch(/^SEARCH \w+ USING/);
  }
  database.close();
});

const markets = ['a', 'b'] as const;
const sessionsOf = fc.array(
  fc.record({
    /** Milliseconds since the end of the one before; fewer than none: the clock was set back. */
    after: fc.integer({ min: -3, max: 8 }),
    length: fc.integer({ min: 0, max: 12 }),
    lines: fc.array(
      fc.record({
        market: fc.constantFrom(...markets),
        endpoint: fc.constantFrom(...ENDPOINTS),
        states: fc.array(fc.tuple(fc.nat(12), fc.constantFrom(...COVERAGE_RANK)), { maxLength: 5 }),
      }),
      { maxLength: 4 },
    ),
  }),
  { maxLength: 5 },
);

test('any page is the ledger of its sessions, the later over the earlier, and off where there is none', async () => {
  const ranges = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 60 }));
  const store = await open(temporaryFolder());
  // One story after the other, each in a time of its own.
  let base = 0;
  const run = fc.asyncProperty(sessionsOf, fc.boolean(), ranges, async (all, ends, [first, span]) => {
    base += 1_000;
    let at = base + 20;
    let until = 0;
    const kept: { id: number; started: number; until: number }[] = [];
    for (const [index, { after, length, lines: own }] of all.entries()) {
      const started = at + after;
      until = (started + length) * 1000;
      at = started + length;
      const { id } = await store.beginSession(started);
      const byLine = new Map(own.map((line) => [`${line.market} ${line.endpoint}`, line.states]));
      const of: Record<string, State[]> = {};
      for (const [name, states] of byLine) {
        const begun = new Map<number, CoverageState>([[started * 1000, 'off']]);
        for (const [n, state] of states) begun.set((started + Math.min(n, length)) * 1000, state);
        of[name] = [...begun]
          .sort((a, b) => a[0] - b[0])
          .map(([from, state]) => [from, state, `${state} ${id}`]);
      }
      await store.commit(commitOf(id, [], [], lines(until, of)));
      if (ends || index < all.length - 1) await store.endSession(id, started + length);
      kept.push({ id, started: started * 1000, until });
    }
    const now = Math.max(...kept.map((each) => each.until), base * 1000) + 5_000;
    const known = ends || all.length === 0 ? now : until;
    const from = (base + first) * 1000;
    const to = Math.min(from + span * 1000, known);
    for (const market of markets) {
      for (const endpoint of ENDPOINTS) {
        const told: CoverageInterval[][] = [];
        for (const { id } of kept) {
          const each = await allOf(store.coverage({ session: id, market }));
          told.push(each.filter((one) => one.endpoint === endpoint));
        }
        const page = await store.coveragePage(market, endpoint, from, from + span * 1000, now);
        const cells: string[] = [];
        for (let cell = from; cell < to; cell += 500) {
          // Time belongs to the last session that started before it, while that one lasted.
          const owner = kept.findLastIndex(({ started }) => started <= cell);
          const inside = cell < (kept[owner]?.until ?? 0);
          const one = told[owner]?.find((each) => each.from <= cell && cell < each.to);
          const off = inside ? NOT_WATCHED : NOT_RECORDING;
          cells.push(inside && one !== undefined ? `${one.state} ${one.cause}` : `off ${off}`);
        }
        const found: string[] = [];
        for (let cell = from; cell < page.to; cell += 500) {
          const one = page.stretches.filter((each) => each.from <= cell && cell < each.to);
          expect(one).toHaveLength(1);
          found.push(`${one[0]?.state ?? ''} ${one[0]?.cause ?? ''}`);
        }
        expect(found).toEqual(cells);
      }
    }
    const last = kept.at(-1);
    if (last !== undefined) await store.endSession(last.id, Math.ceil(last.until / 1000));
  });
  await fc.assert(run, { numRuns: 120 });
});
