import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TRADE_BUY, TRADE_REDELIVERED, TRADE_SELL } from '../../main/core/contract.ts';
import { Tape } from '../../renderer/state/tape.ts';
import { tradeBytes } from './support.ts';
import type { TestTrade } from './support.ts';

/** What a tape shows, newest first. */
function shown(tape: Tape): [number, number, number][] {
  return Array.from({ length: tape.length }, (_, i) => {
    const trade = tape.trade(i);
    if (trade === null) throw new Error(`no trade at ${i}`);
    return [trade.time, trade.price, trade.size];
  });
}

function times(tape: Tape): number[] {
  return shown(tape).map(([time]) => time);
}

describe('Tape', () => {
  it('shows the newest first, with side and origin', () => {
    const tape = new Tape();
    tape.add(tradeBytes([1, 10, 1, TRADE_BUY], [2, 11, 1, TRADE_SELL], [3, 12, 1, TRADE_REDELIVERED]));
    expect(tape.trade(0)).toEqual({ time: 3, price: 12, size: 1, side: 'unknown', redelivered: true });
    expect(tape.trade(1)).toMatchObject({ side: 'sell', redelivered: false });
    expect(tape.trade(2)).toMatchObject({ side: 'buy' });
    expect(tape.trade(3)).toBeNull();
  });

  it('merges a page with the events that came before it, without doubles', () => {
    const tape = new Tape();
    tape.add(tradeBytes([5, 10, 1], [6, 10, 2]));
    expect(tape.merge(tradeBytes([3, 9, 1], [4, 9, 1], [5, 10, 1]))).toBe(2);
    expect(times(tape)).toEqual([6, 5, 4, 3]);
  });

  it('merges a page with the events that come after it, without doubles', () => {
    const tape = new Tape();
    tape.merge(tradeBytes([3, 9, 1], [4, 9, 1], [5, 10, 1]));
    tape.add(tradeBytes([4, 9, 1], [5, 10, 1], [6, 10, 2]));
    expect(times(tape)).toEqual([6, 5, 4, 3]);
  });

  it('knows a trade again whose event says redelivered', () => {
    const tape = new Tape();
    tape.add(tradeBytes([5, 10, 1, TRADE_BUY | TRADE_REDELIVERED]));
    expect(tape.merge(tradeBytes([5, 10, 1, TRADE_BUY]))).toBe(0);
    expect(tape.length).toBe(1);
  });

  it('keeps identical fills: two in a page are two, and as events again they stay two', () => {
    const tape = new Tape();
    tape.merge(tradeBytes([5, 10, 1], [5, 10, 1]));
    expect(tape.length).toBe(2);
    tape.add(tradeBytes([5, 10, 1], [5, 10, 1], [5, 10, 1]));
    expect(tape.length).toBe(3);
  });

  it('takes an equal trade for a new one once events cannot be late any more', () => {
    let now = 0;
    const tape = new Tape(100, () => now);
    tape.merge(tradeBytes([5, 10, 1]));
    now = 60_000;
    tape.add(tradeBytes([5, 10, 1]));
    expect(tape.length).toBe(2);
  });

  it('puts late trades where they belong, after their equals in time', () => {
    const tape = new Tape();
    tape.add(tradeBytes([1, 1, 1], [5, 1, 1], [9, 1, 1]));
    tape.add(tradeBytes([5, 2, 1], [3, 1, 1]));
    expect(shown(tape).map(([time, price]) => [time, price])).toEqual([
      [9, 1],
      [5, 2],
      [5, 1],
      [3, 1],
      [1, 1],
    ]);
    expect(tape.newerThan(5)).toBe(1);
    expect(tape.newerThan(0)).toBe(5);
  });

  it('sheds the oldest beyond its capacity', () => {
    const tape = new Tape(3);
    for (let time = 1; time <= 50; time++) tape.add(tradeBytes([time, time, 1]));
    expect(times(tape)).toEqual([50, 49, 48]);
    expect(tape.full).toBe(true);
    tape.add(tradeBytes([100, 1, 1], [101, 1, 1], [102, 1, 1], [103, 1, 1], [104, 1, 1]));
    expect(times(tape)).toEqual([104, 103, 102]);
    expect(tape.merge(tradeBytes([1, 1, 1]))).toBe(0);
  });

  it('does not move while it is held, and takes what waited afterwards', () => {
    const tape = new Tape();
    tape.add(tradeBytes([1, 1, 1]));
    tape.hold();
    tape.add(tradeBytes([2, 1, 1], [3, 1, 1]));
    expect(times(tape)).toEqual([1]);
    expect(tape.waiting).toBe(2);
    expect(tape.merge(tradeBytes([0, 1, 1], [2, 1, 1]))).toBe(1);
    expect(times(tape)).toEqual([1, 0]);
    tape.release();
    expect(times(tape)).toEqual([3, 2, 1, 0]);
    expect(tape.waiting).toBe(0);
  });

  it('waits for no more than it can show', () => {
    const tape = new Tape(4);
    tape.hold();
    for (let time = 1; time <= 10; time++) tape.add(tradeBytes([time, 1, 1]));
    expect(tape.waiting).toBe(4);
    tape.release();
    expect(times(tape)).toEqual([10, 9, 8, 7]);
  });

  it('calls the largest few large, and none where all are alike', () => {
    const mixed = new Tape();
    const alike = new Tape();
    for (let i = 1; i <= 100; i++) {
      mixed.add(tradeBytes([i, 1, i % 50 === 0 ? 5000 : 10 + (i % 7)]));
      alike.add(tradeBytes([i, 1, 10]));
    }
    expect(mixed.large).toBeGreaterThan(16);
    expect(mixed.large).toBeLessThanOrEqual(5000);
    expect(alike.large).toBeGreaterThan(10);
  });

  it('knows how many decimal places it has shown', () => {
    const tape = new Tape();
    tape.add(tradeBytes([1, 42_519.5, 2], [2, 42_519, 0.0125], [3, 42_519.59, 9.25e-7]));
    expect(tape.digits).toEqual({ price: 2, size: 9 });
    tape.clear();
    expect(tape.digits).toEqual({ price: 0, size: 0 });
  });

  it('ends with each trade once, however history and events overlap', () => {
    const trade = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 2 }), fc.constant(1));
    fc.assert(
      fc.property(
        fc.array(trade, { maxLength: 60 }),
        fc.nat(60),
        fc.nat(60),
        fc.boolean(),
        (all, a, b, eventsFirst) => {
          const sorted = all.map((t): TestTrade => t).sort((x, y) => x[0] - y[0]);
          // Distinct trades: equal ones that straddle the edge of a page cannot be told apart.
          const distinct = sorted.filter(
            (t, i) => sorted.findIndex((other) => other[0] === t[0] && other[1] === t[1]) === i,
          );
          const pageEnd = Math.max(a, b);
          const eventsFrom = Math.min(a, b);
          const page = tradeBytes(...distinct.slice(0, pageEnd));
          const events = tradeBytes(...distinct.slice(eventsFrom));
          const tape = new Tape();
          if (eventsFirst) {
            tape.add(events);
            tape.merge(page);
          } else {
            tape.merge(page);
            tape.add(events);
          }
          const key = ([time, price, size]: TestTrade): string => `${time} ${price} ${size}`;
          expect(shown(tape).map(key).sort()).toEqual(distinct.map(key).sort());
          const seen = times(tape);
          expect(seen).toEqual([...seen].sort((x, y) => y - x));
        },
      ),
    );
  });
});
