import { describe, expect, test } from 'vitest';
import type { CordStretch, MarketCoverage } from '../../../renderer/chart/cord.ts';
import { reading, stops, stretchAt, stretchWords } from '../../../renderer/chart/reading.ts';

const at = (text: string): number => Date.parse(`2025-11-20T${text}Z`);

const line = (...parts: readonly (readonly [from: string, to: string, ...rest: string[]])[]): CordStretch[] =>
  parts.map(([from, to, state = 'live', cause = '']) => ({
    from: at(from),
    to: at(to),
    state: state as CordStretch['state'],
    cause,
  }));

const frozen = 'the server was frozen';
const trades = line(
  ['08:00:00', '08:47:10', 'live'],
  ['08:47:10', '09:09:32', 'lost', frozen],
  ['09:09:32', '10:00:00', 'live'],
);
const candles = line(['08:00:00', '10:00:00', 'live']);
const coverage: MarketCoverage = { trades, candles };
const now = at('10:00:01');

describe('what a cord says', () => {
  test('of each endpoint: state, from and to, length and cause', () => {
    expect(reading(coverage, at('09:00:00'), now)).toEqual([
      'trades lost 08:47:10–09:09:32, 22 m 22 s: the server was frozen',
      'candles live since 08:00:00, 2 h',
    ]);
  });

  test('what both say alike, once', () => {
    expect(reading({ trades, candles: trades }, at('09:00:00'), now)).toEqual([
      'trades and candles lost 08:47:10–09:09:32, 22 m 22 s: the server was frozen',
    ]);
  });

  test('nothing of what is not known', () => {
    expect(reading(coverage, at('07:00:00'), now)).toEqual([]);
    expect(reading({ trades, candles: [] }, at('08:30:00'), now)).toHaveLength(1);
    expect(stretchAt(trades, at('10:00:00'))).toBeNull();
    // A stretch has its start, and the next one its end.
    expect(stretchAt(trades, at('08:47:10'))).toBe(trades[1]);
    expect(stretchAt(trades, at('09:09:32'))).toBe(trades[2]);
  });

  test('the day where it is another', () => {
    const stretch = { from: Date.parse('2025-11-19T23:59:58Z'), to: at('00:00:01'), state: 'off', cause: '' };
    expect(stretchWords(stretch as CordStretch, now)).toBe('off 19 Nov 23:59:58–20 Nov 00:00:01, 3 s');
    expect(stretchWords({ ...stretch, to: now } as CordStretch, now)).toBe('off since 19 Nov 23:59:58, 10 h');
  });

  test('a stretch of less than a second has its length', () => {
    const short = {
      from: at('08:00:00'),
      to: at('08:00:00') + 340,
      state: 'recovered',
      cause: 'cut',
    } as const;
    expect(stretchWords(short, now)).toBe('recovered 08:00:00–08:00:00, 340 ms: cut');
  });
});

test('keys stop at what is neither live nor quiet, of both endpoints in the order of time', () => {
  const more = line(
    ['08:00:00', '08:10:00', 'quiet', 'nothing came'],
    ['08:10:00', '08:20:00', 'off', 'refused'],
    ['08:20:00', '09:59:00', 'live'],
    ['09:59:00', '10:00:00', 'recovered', 'cut'],
  );
  expect(stops({ trades, candles: more }).map(({ state }) => state)).toEqual(['off', 'lost', 'recovered']);
});
