import { expect, test } from 'vitest';
import type { CoverageInterval } from '../../../main/core/contract.ts';
import type { CoverageCommit } from '../../../main/core/coverage/ledger.ts';
import type { Store } from '../../../main/core/store/store.ts';
import { makeOld } from './old.ts';
import { allOf, candle, commitOf, failureOf, open, temporaryFolder, trade } from './support.ts';

/** A change of one line. */
function change(
  until: number,
  from: number,
  ...starts: readonly [number, CoverageInterval['state'], string?][]
): { coverage: CoverageCommit } {
  const line = {
    market: 'm',
    endpoint: 'trades' as const,
    from,
    starts: starts.map(([at, state, cause = '']) => ({ from: at, state, cause })),
  };
  return { coverage: { until, lines: [line] } };
}

async function covered(store: Store, session = 1, market: string | null = null): Promise<unknown[]> {
  const intervals = await allOf(store.coverage({ session, market }));
  return intervals.map(({ from, state, to }) => [from, to, state]);
}

test('states reach until the next, the last until the last commit, and are replaced from where they changed', async () => {
  const store = await open(temporaryFolder());
  await store.beginSession(1);
  await store.commit(commitOf(1, [], [], change(1_000, 1_000, [1_000, 'off', 'not watched'])));
  // What began this very moment lasts no time yet.
  expect(await covered(store)).toEqual([]);
  await store.commit(commitOf(1, [], [], change(5_000, 2_000, [2_000, 'live'])));
  await store.commit(commitOf(1, [], [], { coverage: { until: 9_000, lines: [] } }));
  expect(await allOf(store.coverage({ session: 1, market: 'm' }))).toEqual([
    { market: 'm', endpoint: 'trades', from: 1_000, to: 2_000, state: 'off', cause: 'not watched' },
    { market: 'm', endpoint: 'trades', from: 2_000, to: 9_000, state: 'live', cause: '' },
  ]);
  await store.commit(commitOf(1, [], [], change(9_000, 4_000, [4_000, 'lost', 'cut'], [6_000, 'live'])));
  expect(await covered(store)).toEqual([
    [1_000, 2_000, 'off'],
    [2_000, 4_000, 'live'],
    [4_000, 6_000, 'lost'],
    [6_000, 9_000, 'live'],
  ]);
  await store.commit(commitOf(1, [], [], change(12_000, 2_000, [2_000, 'lost', 'cut'])));
  expect(await covered(store)).toEqual([
    [1_000, 2_000, 'off'],
    [2_000, 12_000, 'lost'],
  ]);
});

test('sessions, markets and endpoints are apart, and each market comes in a page of its own', async () => {
  const store = await open(temporaryFolder());
  for (const session of [1, 2]) {
    await store.beginSession(session);
    const lines = ['b', 'a'].flatMap((market) =>
      (['trades', 'candles'] as const).map((endpoint) => ({
        market,
        endpoint,
        from: session,
        starts: [{ from: session, state: 'live' as const, cause: '' }],
      })),
    );
    await store.commit(commitOf(session, [], [], { coverage: { until: 10, lines } }));
  }
  const pages: string[][] = [];
  for await (const page of store.coverage({ session: 2, market: null })) {
    pages.push(page.map(({ endpoint, from, market }) => `${market} ${endpoint} ${from}`));
  }
  expect(pages).toEqual([
    ['a candles 2', 'a trades 2'],
    ['b candles 2', 'b trades 2'],
  ]);
  expect(await covered(store, 1, 'b')).toHaveLength(2);
  expect(await covered(store, 1, 'never seen')).toEqual([]);
  expect(await failureOf(covered(store, 7))).toMatchObject({ kind: 'not-found' });
});

test('nothing of it is kept from a commit whose rows could not be', async () => {
  const store = await open(temporaryFolder());
  await store.beginSession(1);
  await store.commit(commitOf(1, [], [], change(5, 1, [1, 'off'])));
  const broken = commitOf(1, [trade()], [], { markets: [], ...change(9, 3, [3, 'live']) });
  expect(await failureOf(store.commit(broken))).toMatchObject({ kind: 'internal' });
  expect(await covered(store)).toEqual([[1, 5, 'off']]);
});

test('a session that a crash ended was known up to its last commit', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  await store.beginSession(1);
  await store.commit(
    commitOf(1, [trade({ receiptTime: 13_000_000 })], [], change(14_500_900, 1_000, [1_000, 'lost', 'cut'])),
  );
  await store.close();
  const next = await open(folder);
  expect(await next.sessions()).toMatchObject([{ state: 'ended unexpectedly', ended: 14_500 }]);
  expect(await covered(next)).toEqual([[1_000, 14_500_900, 'lost']]);
});

test.each<[name: string, state: CoverageInterval['state'], since: number, heard: number, known: number]>([
  ['as far as anything was received', 'live', 1_000, 195_000_000, 195_000_000],
  [
    'up to 15 s before, when nothing was: a link that was silent for longer was given up',
    'quiet',
    1_000,
    2_000,
    185_000_000,
  ],
  [
    'not at all on a connection that redelivery was not over on',
    'live',
    197_000_000,
    199_000_000,
    197_000_000,
  ],
])('what was told as known when a crash ended it stays so %s', async (_name, state, since, heard, known) => {
  const until = 200_000_000;
  const folder = temporaryFolder();
  const store = await open(folder);
  await store.beginSession(1);
  await store.commit(
    commitOf(1, [trade({ receiptTime: heard })], [], change(until, 500, [500, 'off'], [since, state])),
  );
  const expected = [
    [500, since, 'off'],
    ...(known > since ? [[since, known, state]] : []),
    [known, until, 'unverified'],
  ];
  const before = [
    [500, since, 'off'],
    [since, until, state],
  ];
  expect(await covered(store)).toEqual(before);
  await store.close();
  const reading = await open(folder, { readOnly: true });
  expect(await covered(reading)).toEqual(expected);
  await reading.close();
  const next = await open(folder);
  expect(await covered(next)).toEqual(expected);
});

test('candles that came do not make the trades known, and a session that was ended loses nothing', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  const lines = (['trades', 'candles'] as const).map((endpoint) => ({
    market: 'm',
    endpoint,
    from: 0,
    starts: [{ from: 0, state: 'live' as const, cause: '' }],
  }));
  for (const session of [1, 2]) {
    await store.beginSession(session);
    const received = candle({ receiptTime: 99_500_000 });
    await store.commit(commitOf(session, [], [received], { coverage: { until: 100_000_000, lines } }));
    if (session === 1) await store.endSession(1, 100_000);
  }
  await store.close();
  const next = await open(folder);
  expect(await covered(next, 1)).toEqual([
    [0, 100_000_000, 'live'],
    [0, 100_000_000, 'live'],
  ]);
  const intervals = await allOf(next.coverage({ session: 2, market: null }));
  expect(intervals.map(({ endpoint, from, state }) => [endpoint, from, state])).toEqual([
    ['candles', 0, 'live'],
    ['candles', 99_500_000, 'unverified'],
    ['trades', 0, 'live'],
    ['trades', 85_000_000, 'unverified'],
  ]);
});

test('a cache of before is read without coverage, and gets it when it is recorded into', async () => {
  const folder = temporaryFolder();
  const store = await open(folder);
  await store.beginSession(1);
  await store.commit(commitOf(1, [trade()]));
  await store.endSession(1, 2);
  await store.close();
  makeOld(folder, 1);

  const reading = await open(folder, { readOnly: true });
  expect(await reading.sessions()).toMatchObject([{ id: 1, trades: 1, state: 'ended' }]);
  expect(await covered(reading)).toEqual([]);
  expect(await failureOf(covered(reading, 2))).toMatchObject({ kind: 'not-found' });
  await reading.close();

  const writing = await open(folder);
  expect(await allOf(writing.exportTrades({ session: 1, market: null }))).toEqual([trade()]);
  await writing.beginSession(3);
  await writing.commit(commitOf(2, [], [], change(5, 1, [1, 'live'])));
  expect([await covered(writing), await covered(writing, 2)]).toEqual([[], [[1, 5, 'live']]]);
});
