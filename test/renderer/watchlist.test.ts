import { describe, expect, it } from 'vitest';
import { MAX_WATCHED } from '../../main/core/contract.ts';
import { withMarkets, withoutMarkets } from '../../renderer/state/watchlist.ts';

const many = (count: number, from = 0): string[] => Array.from({ length: count }, (_, n) => `m${from + n}`);

describe('the watchlist', () => {
  it('takes new markets at its end, each once', () => {
    expect(withMarkets(['a', 'b'], ['c', 'a', 'c', 'd'])).toEqual({
      ids: ['a', 'b', 'c', 'd'],
      added: 2,
      left: 0,
    });
  });

  it('takes as many as it has room for, and counts the rest', () => {
    const { ids, added, left } = withMarkets(many(MAX_WATCHED - 3), many(MAX_WATCHED, 100));
    expect([ids.length, added, left]).toEqual([MAX_WATCHED, 3, 100]);
    expect(ids.slice(-3)).toEqual(many(3, MAX_WATCHED - 3));
    expect(withMarkets(ids, ['more'])).toMatchObject({ added: 0, left: 1 });
  });

  it('loses those that are taken off, in no other order', () => {
    expect(withoutMarkets(['a', 'b', 'c'], ['c', 'x', 'a'])).toEqual(['b']);
  });
});
