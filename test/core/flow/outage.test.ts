import { expect, it } from 'vitest';
import { judge, type OutageEnd } from '../../../main/core/flow/outage.ts';

const from = 1_000_000;

/** An outage of so many ms, of which redelivery may bring back two minutes. */
function outage(ms: number, brought: Partial<OutageEnd> = {}): OutageEnd {
  return { from, to: from + ms, reach: from + ms - 120_000, recovered: 14, duplicates: 38, ...brought };
}

it('a short outage is recovered when redelivery overlapped what was held', () => {
  expect(judge(outage(60_000))).toEqual([{ from, to: from + 60_000, state: 'recovered' }]);
  expect(judge(outage(60_000, { recovered: 0 }))).toEqual([{ from, to: from + 60_000, state: 'recovered' }]);
});

it('a short outage is unverified when nothing overlapped', () => {
  expect(judge(outage(60_000, { duplicates: 0 }))).toEqual([
    { from, to: from + 60_000, state: 'unverified' },
  ]);
});

it('an outage of exactly two minutes loses nothing', () => {
  expect(judge(outage(120_000)).map(({ state }) => state)).toEqual(['recovered']);
});

it('a longer outage has lost what is older than two minutes before the reconnect', () => {
  const to = from + 300_000;
  expect(judge(outage(300_000, { duplicates: 0 }))).toEqual([
    { from, to: to - 120_000, state: 'lost' },
    { from: to - 120_000, to, state: 'recovered' },
  ]);
  expect(judge(outage(300_000, { duplicates: 0, recovered: 0 })).map(({ state }) => state)).toEqual([
    'lost',
    'unverified',
  ]);
});
