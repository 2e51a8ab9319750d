import { describe, expect, it } from 'vitest';
import type { LinkProblem } from '../../main/core/contract.ts';
import { dictionaryWords, priceWords, seenWords, volumeWords } from '../../renderer/views/market-words.ts';
import { dictionary, watchRow } from './support.ts';

const READ = Date.parse('2026-03-04T10:00:00Z');
const NOW = READ + 3 * 3_600_000;
const problem: LinkProblem = {
  kind: 'unavailable',
  status: 503,
  serverWords: 'maintenance',
  message: 'The server failed (status 503).',
  action: 'Wait: Quipu tries again by itself.',
};

describe('the dictionary in words', () => {
  it.each([
    [{ read: READ, known: 10_412 }, '10,412 markets, read 3 h ago', null],
    [{ read: READ, known: 1, from: 'cache' as const }, '1 market, as of 3 h ago, from the cache', null],
    [{ read: null, known: 0, from: 'none' as const }, 'No market is known yet', null],
    [
      {
        ...{ loading: true, pages: 2, totalPages: 11, markets: 2_000, totalMarkets: 10_412 },
        from: 'none' as const,
      },
      'Reading page 3 of 11, 2,000 of 10,412 markets',
      null,
    ],
    [
      { ...{ loading: true, pages: 11, totalPages: 11, markets: 10_412, totalMarkets: 10_412 }, known: 9 },
      '9 markets; reading page 11 of 11, 10,412 of 10,412 markets',
      null,
    ],
    [
      {
        ...{ loading: true, pages: 0, totalPages: null, markets: 0, totalMarkets: null },
        from: 'none' as const,
      },
      'Reading page 1',
      null,
    ],
    [
      { ...{ read: READ, known: 9, from: 'cache' as const }, problem, retryAt: NOW + 12_000 },
      '9 markets, as of 3 h ago, from the cache',
      'Offline: The server failed (status 503). The server says “maintenance”. Wait: Quipu tries again by itself. Next try in 12 s.',
    ],
    [
      { read: READ, known: 9, skipped: 2 },
      '9 markets, read 3 h ago',
      '2 markets could not be read and are left out.',
    ],
  ])('%j', (over, what, trouble) => {
    expect(dictionaryWords(dictionary(over), NOW)).toEqual({ what, trouble });
  });
});

describe('figures of a market', () => {
  it.each([
    [null, '–'],
    ['42519.590', '42,519.590'],
    ['0.00000921', '0.00000921'],
    ['7', '7'],
  ])('price %s', (price, words) => {
    expect(priceWords(price)).toBe(words);
  });

  it.each([
    [null, '–'],
    ['1234567.891', '1,234,568'],
    ['12.34567', '12.35'],
    ['12', '12'],
    ['0.0012345678', '0.001235'],
  ])('volume %s', (volume1h, words) => {
    expect(volumeWords({ ...watchRow('m').market, volume1h })).toBe(words);
  });

  it.each([
    [null, '–'],
    [Date.parse('2026-03-04T00:00:01Z'), '00:00'],
    [Date.parse('2026-03-03T23:59:59Z'), '3 Mar'],
    [Date.parse('2019-11-20T00:00:00Z'), '20 Nov 2019'],
  ])('seen %s', (time, words) => {
    expect(seenWords(time, NOW)).toBe(words);
  });
});
