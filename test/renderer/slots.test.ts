import { describe, expect, it } from 'vitest';
import { arrange } from '../../renderer/state/slots.ts';

const ids = ['a', 'b', 'c', 'd', 'e'];

describe('arrange', () => {
  it('starts with the first three of the watchlist', () => {
    expect(arrange([], ids)).toEqual(['a', 'b', 'c']);
    expect(arrange([], ['a'])).toEqual(['a', null, null]);
    expect(arrange([], [])).toEqual([null, null, null]);
  });

  it('changes places when a small chart is chosen, and leaves the other alone', () => {
    expect(arrange(['a', 'b', 'c'], ids, 'c')).toEqual(['c', 'b', 'a']);
  });

  it('shows a chosen market large and leaves the small charts as they are', () => {
    expect(arrange(['a', 'b', 'c'], ids, 'e')).toEqual(['e', 'b', 'c']);
    expect(arrange(['a', 'b', 'c'], ids, 'nowhere')).toEqual(['a', 'b', 'c']);
  });

  it('fills the place of a removed market with the next of the watchlist', () => {
    expect(arrange(['a', 'b', 'c'], ['a', 'c', 'd', 'e'])).toEqual(['a', 'd', 'c']);
    expect(arrange(['a', 'b', 'c'], ['b', 'c', 'd'])).toEqual(['d', 'b', 'c']);
    expect(arrange(['a', 'b', 'c'], ['b', 'c'])).toEqual(['b', null, 'c']);
  });

  it('never shows a market twice', () => {
    for (const select of [null, ...ids]) {
      const shown = arrange(['b', 'a', 'd'], ids, select).filter((id) => id !== null);
      expect(new Set(shown).size).toBe(shown.length);
    }
  });
});
