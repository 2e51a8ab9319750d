import { expect, test } from 'vitest';
import { Refusals } from '../../../main/core/flow/refusals.ts';

test('counts by endpoint and reason, most frequent first, with the newest five samples', () => {
  const refusals = new Refusals();
  for (let n = 1; n <= 7; n++) refusals.add('trades', { reason: 'price', sample: `p${n}` }, n * 10);
  refusals.add('trades', { reason: 'price', sample: '' }, 80);
  refusals.add('candles', { reason: 'price', sample: 'c' }, 90);
  refusals.add('candles', { reason: 'json', sample: 'j' }, 91);
  const samples = [7, 6, 5, 4, 3].map((n) => ({ at: n * 10, text: `p${n}` }));
  expect(refusals.list()).toEqual([
    { endpoint: 'trades', reason: 'price', count: 8, first: 10, last: 80, samples },
    {
      endpoint: 'candles',
      reason: 'json',
      count: 1,
      first: 91,
      last: 91,
      samples: [{ at: 91, text: 'j' }],
    },
    {
      endpoint: 'candles',
      reason: 'price',
      count: 1,
      first: 90,
      last: 90,
      samples: [{ at: 90, text: 'c' }],
    },
  ]);
});

test('only what changed is taken, and what could not be stored is taken again as it is then', () => {
  const refusals = new Refusals();
  const counts = (): [string, number][] => refusals.take().map(({ reason, count }) => [reason, count]);
  refusals.add('trades', { reason: 'price', sample: 'a' }, 1);
  refusals.add('trades', { reason: 'json', sample: 'b' }, 2);
  const taken = refusals.take();
  expect(taken).toHaveLength(2);
  expect(counts()).toEqual([]);
  refusals.add('trades', { reason: 'json', sample: 'c' }, 3);
  expect(counts()).toEqual([['json', 2]]);
  refusals.back(taken);
  expect(counts()).toEqual([
    ['price', 1],
    ['json', 2],
  ]);
  refusals.clear();
  refusals.back(taken);
  expect([refusals.list(), refusals.take()]).toEqual([[], []]);
});
