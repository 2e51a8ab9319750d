import { describe, expect, it } from 'vitest';
import type { Gap, GapState, Subscription } from '../../main/core/contract.ts';
import type { CordSpan, CordStretch } from '../../renderer/chart/cord.ts';
import {
  cordWords,
  gapWords,
  hourWords,
  knownWords,
  lostBefore,
  subscriptionWords,
} from '../../renderer/views/words.ts';

const gap = (state: GapState, change: Partial<Gap> = {}): Gap => ({
  session: 1,
  endpoint: 'trades',
  from: 0,
  to: 12_000,
  state,
  cause: 'closed',
  recovered: 0,
  duplicates: 0,
  ...change,
});

describe('a divider of the tape', () => {
  const text = (each: Gap, lost = 0): string => {
    const { lead, rest } = gapWords(each, lost);
    return lead + rest;
  };

  it.each<[Gap, number, string]>([
    [
      gap('recovered', { recovered: 14, duplicates: 38 }),
      0,
      'reconnected: 14 recovered, 38 duplicates removed',
    ],
    [gap('recovered', { recovered: 0, duplicates: 1 }), 0, 'reconnected: 0 recovered, 1 duplicate removed'],
    [gap('recovered', { recovered: 1_400 }), 192_000, 'reconnected: 1,400 recovered, 3 m 12 s lost'],
    [gap('unverified'), 0, 'reconnected: 12 s unverified, no overlap'],
    [gap('unverified', { recovered: 3 }), 0, 'reconnected: 3 recovered, 12 s unverified'],
    [gap('unverified'), 5_000, 'reconnected: 12 s unverified, no overlap, 5 s lost'],
    [gap('lost', { cause: 'the server was frozen' }), 0, 'lost 12 s: the server was frozen'],
  ])('%j says: what came back, what was removed, what is still lost', (each, lost, expected) => {
    expect(text(each, lost)).toBe(expected);
  });

  it('finds what of the same outage is lost', () => {
    const lost = gap('lost', { from: 0, to: 180_000 });
    const rest = gap('recovered', { from: 180_000, to: 300_000 });
    const others = [
      gap('lost', { from: 60_000, to: 170_000 }),
      gap('lost', { from: 0, to: 180_000, cause: 'another' }),
      gap('lost', { from: 0, to: 180_000, session: 2 }),
    ];
    expect(lostBefore(rest, [...others, lost, rest])).toBe(180_000);
    expect(lostBefore(rest, [...others, rest])).toBe(0);
    expect(lostBefore(lost, [lost])).toBe(0);
  });
});

describe('what is known of today', () => {
  it.each<[counted: number, known: number, lost: number, words: { share: string; lost: string }]>([
    [86_400e6, 86_400e6, 0, { share: '100 %', lost: '' }],
    // Only the whole is told as the whole.
    [86_400e6, 86_400e6 - 1, 1, { share: '99.99 %', lost: '1 ms' }],
    [86_400e6, 86_386e6, 14e6, { share: '99.98 %', lost: '14 s' }],
    [3_600e6, 0, 3_600e6, { share: '0.00 %', lost: '1 h' }],
    [60e6, 30e6, 90_000, { share: '50.00 %', lost: '90 ms' }],
  ])('%d counted, %d known, %d lost', (counted, known, lost, words) => {
    expect(knownWords({ since: 0, counted, known, lost })).toEqual(words);
  });
});

const MINUTE = 60_000;
const span = (from: number, to: number, state: CordSpan['state']): CordSpan => ({
  from: from * MINUTE,
  to: to * MINUTE,
  state,
});

describe('a session’s cord', () => {
  it('names what is not whole, of much the first', () => {
    expect(cordWords([])).toBe('');
    expect(cordWords([span(0, 9, 'live'), span(9, 12, 'quiet')])).toBe('Live from start to end');
    expect(cordWords([span(0, 9, 'live'), span(9, 12, 'lost'), span(12, 1500, 'live')])).toBe(
      'lost about 00:09–00:12',
    );
    expect(cordWords([span(0, 1430, 'live'), span(1430, 1450, 'recovered')])).toBe(
      'recovered about 23:50–2 Jan 00:10',
    );
    const many = Array.from({ length: 12 }, (_, n) => span(n, n + 1, n % 2 === 0 ? 'live' : 'lost'));
    expect(cordWords(many)).toMatch(/^(lost about 00:0\d–00:\d\d; ){4}2 more$/);
  });
});

describe('the last hour of a market', () => {
  const stretch = (from: number, to: number, state: CordSpan['state'], cause = ''): CordStretch => ({
    ...span(from, to, state),
    cause,
  });
  const live = [stretch(0, 60, 'live')];

  it('is told of each endpoint, or of both at once where they are alike', () => {
    const hour = { from: 0, to: 60 * MINUTE };
    expect(hourWords({ ...hour, trades: live, candles: live })).toBe('Last hour: trades and candles live');
    const cut = [stretch(0, 20, 'live'), stretch(20, 31, 'lost', 'cut'), stretch(31, 60, 'live')];
    expect(hourWords({ ...hour, trades: cut, candles: live })).toBe(
      'Last hour: trades lost 00:20:00–00:31:00, 11 m: cut\ncandles live',
    );
    expect(hourWords({ ...hour, trades: [], candles: live })).toBe(
      'Last hour: trades not known\ncandles live',
    );
  });

  it('is told in few words, of much the newest', () => {
    const restless = Array.from({ length: 20 }, (_, n) =>
      stretch(n, n + 1, n % 2 === 0 ? 'live' : 'quiet', ''),
    );
    const words = hourWords({ to: 20 * MINUTE, trades: restless, candles: restless });
    expect(words).toMatch(/^Last hour: trades and candles 6 more before; (quiet [^;]+(; |$)){4}$/);
  });
});

const row = (trades: Subscription, candles: Subscription, refusal: string | null = null) => ({
  trades,
  candles,
  refusal,
});

describe('what is wrong with a row’s subscriptions', () => {
  it.each<Subscription>(['confirmed', 'requested', 'off'])('is nothing when they are %s', (state) => {
    expect(subscriptionWords(row(state, state))).toBeNull();
  });

  it('is told with the server’s words when one is refused, and which', () => {
    expect(subscriptionWords(row('refused', 'confirmed', 'unknown market'))).toEqual({
      state: 'refused',
      text: '“unknown market”',
      title: 'Trades refused: “unknown market”',
    });
    expect(subscriptionWords(row('unconfirmed', 'refused'))).toEqual({
      state: 'refused',
      text: '',
      title: 'Candles refused: the server gave no reason.',
    });
    expect(subscriptionWords(row('refused', 'refused', 'no'))?.title).toBe(
      'Trades and candles refused: “no”',
    );
  });

  it('is no failure when a server does not answer: it is called what it is', () => {
    expect(subscriptionWords(row('confirmed', 'unconfirmed'))).toEqual({
      state: 'unconfirmed',
      text: 'unconfirmed',
      title: 'Candles: the server did not answer in time. The market may be quiet.',
    });
  });
});
