import { expect, it } from 'vitest';
import { judge, type OutageEnd } from '../../../main/core/flow/outage.ts';

const outage: OutageEnd = {
  session: 1,
  endpoint: 'trades',
  from: 1_000_000,
  to: 1_060_000,
  cause: 'cut',
  recovered: 14,
  duplicates: 38,
};

it('a short outage is recovered when redelivery overlapped what was held', () => {
  expect(judge(outage)).toEqual([{ ...outage, state: 'recovered' }]);
});

it('a short outage is unverified when nothing overlapped', () => {
  expect(judge({ ...outage, duplicates: 0 })).toEqual([{ ...outage, duplicates: 0, state: 'unverified' }]);
});

it('an outage of exactly two minutes loses nothing', () => {
  expect(judge({ ...outage, to: outage.from + 120_000 }).map(({ state }) => state)).toEqual(['recovered']);
});

it('a longer outage has lost what is older than two minutes before the reconnect', () => {
  const to = outage.from + 300_000;
  const gaps = judge({ ...outage, to, duplicates: 0 });
  expect(gaps.map(({ from, to: end, state }) => [from, end, state])).toEqual([
    [outage.from, to - 120_000, 'lost'],
    [to - 120_000, to, 'recovered'],
  ]);
  expect(judge({ ...outage, to, duplicates: 0, recovered: 0 }).map(({ state }) => state)).toEqual([
    'lost',
    'unverified',
  ]);
});
