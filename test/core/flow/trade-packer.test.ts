/** What a view reads of packed trades is what went in, as floats. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  TRADE_BUY,
  TRADE_FIELDS,
  TRADE_REDELIVERED,
  TRADE_SELL,
  tradesOf,
} from '../../../main/core/contract.ts';
import { TradePacker } from '../../../main/core/flow/trade-packer.ts';
import { formatDecimal, MAX_SCALE, narrowDigits } from '../../../main/core/protocol/decimal.ts';

const START = 1_768_435_200_000_000;

interface Decimal {
  readonly digits: number | bigint;
  readonly scale: number;
}

interface Trade {
  readonly time: number;
  readonly price: Decimal;
  readonly size: Decimal;
  readonly flags: number;
}

function packed(trades: readonly Trade[], packer = new TradePacker(1)): Uint8Array {
  for (const { time, price, size, flags } of trades) {
    packer.add(time, price.digits, price.scale, size.digits, size.scale, flags);
  }
  expect(packer.count).toBe(trades.length);
  return packer.take();
}

/** By way of the decimal's text, as a reader of JSON would have it. */
function numberOf({ digits, scale }: Decimal): number {
  return Number(formatDecimal(digits, scale));
}

function floats(trades: readonly Trade[]): number[] {
  return trades.flatMap(({ time, price, size, flags }) => [time, numberOf(price), numberOf(size), flags]);
}

const usual = fc.record({ digits: fc.integer({ min: 0, max: 10_000_000 }), scale: fc.nat(8) });
const any = fc.record({
  digits: fc
    .bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n })
    .chain((most) => fc.constantFrom(most, most >> 11n, most >> 12n, most >> 13n, most >> 30n))
    .map((digits) => narrowDigits(digits)),
  scale: fc.nat(MAX_SCALE),
});
const decimal = fc.oneof({ weight: 3, arbitrary: usual }, any);
const time = fc.oneof(
  fc.integer({ min: START, max: START + 1_000_000 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
);
const flags = fc
  .tuple(fc.constantFrom(0, TRADE_BUY, TRADE_SELL), fc.constantFrom(0, TRADE_REDELIVERED))
  .map(([side, origin]) => side | origin);
const trade = fc.record({ time, price: decimal, size: decimal, flags });

describe('packed trades', () => {
  it('come out as they went in, whatever their digits, scales and order', () => {
    fc.assert(
      fc.property(fc.array(trade, { maxLength: 40 }), (trades) => {
        expect([...tradesOf(packed(trades))]).toEqual(floats(trades));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([0, 1, 63, 64, 127, 128, 2 ** 13, 2 ** 27 - 1, 2 ** 27, 2 ** 30, 2 ** 31, 2 ** 34, 2 ** 50])(
    'hold differences of about %d in both directions',
    (step) => {
      const at = (time: number, digits: number): Trade => ({
        time,
        price: { digits, scale: 2 },
        size: { digits: step, scale: 3 },
        flags: TRADE_BUY,
      });
      const trades = [-1, 0, 1].flatMap((more) => [
        at(2 ** 50, 7),
        at(2 ** 50 + step + more, 7 + step + more),
      ]);
      expect([...tradesOf(packed([...trades, ...trades.toReversed()]))]).toEqual(
        floats([...trades, ...trades.toReversed()]),
      );
    },
  );

  it('begin anew with each taking', () => {
    const packer = new TradePacker();
    const trades: Trade[] = [
      {
        time: START,
        price: { digits: 6_500_015, scale: 2 },
        size: { digits: 5, scale: 1 },
        flags: TRADE_SELL,
      },
    ];
    expect([...tradesOf(packed(trades, packer))]).toEqual(floats(trades));
    expect([...tradesOf(packed(trades, packer))]).toEqual(floats(trades));
    expect(packer.take()).toHaveLength(0);
    expect(tradesOf(new Uint8Array())).toHaveLength(0);
  });

  it('round a time to whole microseconds, as the store does', () => {
    const price = { digits: 1, scale: 0 };
    const [time] = tradesOf(packed([{ time: START + 0.6, price, size: price, flags: 0 }]));
    expect(time).toBe(START + 1);
  });

  it('take no more than 16 bytes each of a feed of eight decimal places', () => {
    const few = fc.record({
      gap: fc.nat(3_000_000),
      price: fc.nat(20_000),
      size: fc.nat(2_000_000_000),
      flags,
    });
    fc.assert(
      fc.property(fc.array(few, { minLength: 100, maxLength: 200 }), (given) => {
        let at = START;
        const trades = given.map(({ gap, price, size, flags: of }) => ({
          time: (at += gap),
          price: { digits: 6_500_000 + price, scale: 2 },
          size: { digits: size, scale: 8 },
          flags: of,
        }));
        expect(packed(trades).length / trades.length).toBeLessThanOrEqual(16);
      }),
    );
  });

  it('are read as far as they are whole', () => {
    fc.assert(
      fc.property(fc.array(trade, { minLength: 1, maxLength: 5 }), fc.nat(), (trades, cut) => {
        const bytes = packed(trades);
        const length = cut % bytes.length;
        const whole = tradesOf(bytes.slice(0, length));
        expect(whole.length % TRADE_FIELDS).toBe(0);
        expect(whole.length / TRADE_FIELDS).toBeLessThan(trades.length);
        const all = floats(trades).slice(0, whole.length);
        expect([...whole]).toEqual(all);
      }),
    );
  });

  it('are read from within a larger buffer', () => {
    const trades: Trade[] = [
      { time: START, price: { digits: 2n ** 60n, scale: 30 }, size: { digits: 1, scale: 0 }, flags: 0 },
    ];
    const bytes = packed(trades);
    const around = new Uint8Array(bytes.length + 10).fill(255);
    around.set(bytes, 3);
    expect([...tradesOf(around.subarray(3, 3 + bytes.length))]).toEqual(floats(trades));
  });
});
