import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commandOfKey,
  HOST_COMMANDS,
  isPageCommand,
  isSamePlace,
  MAIN,
  marketPlace,
  PAGE_COMMANDS,
  placeHash,
  placeOfHash,
  sessionPlace,
} from '../../main/core/desk.ts';

describe('places', () => {
  it('come back from the addresses that they are written as, whatever a market is called', () => {
    const unit = fc.integer({ min: 0x20, max: 0xd7ff }).map((code) => String.fromCharCode(code));
    const printed = unit.filter((letter) => !/\p{Cc}/u.test(letter));
    const markets = fc.string({ minLength: 1, maxLength: 200, unit: printed }).map(marketPlace);
    const sessions = fc.integer({ min: 1 }).map((number) => sessionPlace(String(number)));
    fc.assert(
      fc.property(fc.oneof(markets, sessions), (place) => {
        expect(place).not.toBeNull();
        expect(placeOfHash(placeHash(place ?? MAIN))).toEqual(place);
      }),
    );
    expect(placeOfHash(placeHash(MAIN))).toEqual(MAIN);
  });

  it.each([
    '#market=',
    '#session=',
    '#session=0',
    '#session=01',
    '#session=-1',
    '#session=1.5',
    '#session=9e9',
    '#session=99999999999999999999',
    '#market=a&session=1',
    `#market=${'x'.repeat(201)}`,
    '#market=a%00b',
  ])('refuse %s', (hash) => {
    expect(placeOfHash(hash)).toBeNull();
  });

  it('are the same when they show the same; the whole app may be shown twice', () => {
    const market = { kind: 'market', market: 'a b' } as const;
    expect(isSamePlace(market, { ...market })).toBe(true);
    expect(isSamePlace(market, { kind: 'market', market: 'a' })).toBe(false);
    expect(isSamePlace(MAIN, MAIN)).toBe(false);
  });
});

describe('commands', () => {
  const all = [...Object.values(PAGE_COMMANDS), ...Object.values(HOST_COMMANDS)];

  it('have keys of their own', () => {
    for (const field of ['keys', 'plainKey'] as const) {
      const keys = all.flatMap((words) => words[field] ?? []);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  it('are found by their plain keys alone', () => {
    expect(commandOfKey('3')).toBe('tab.sessions');
    expect(commandOfKey('Enter')).toBeNull();
    expect(commandOfKey('')).toBeNull();
  });

  it('are told from what is none', () => {
    expect(isPageCommand('tab.live')).toBe(true);
    for (const other of ['about', 'toString', '', null, 1, {}]) expect(isPageCommand(other)).toBe(false);
  });
});
