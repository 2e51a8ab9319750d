import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TradeBatch, copyOf, idOf, memoryOf } from '../../../main/core/flow/batch.ts';
import type { TradeColumns, TradeInput } from '../../../main/core/flow/batch.ts';
import { ByteSpan } from '../../../main/core/protocol/byte-span.ts';

function trade(fields: Partial<TradeInput> = {}): TradeInput {
  return {
    market: 3,
    exchangeTime: 1_705_342_207_123_456,
    receiptTime: 1_705_342_207_200_000,
    priceDigits: 4251959,
    priceScale: 2,
    sizeDigits: 125,
    sizeScale: 4,
    side: 1,
    origin: 0,
    id: '3401927715',
    ...fields,
  };
}

function row(columns: TradeColumns, at: number): TradeInput {
  return {
    market: columns.market[at] ?? NaN,
    exchangeTime: columns.exchangeTime[at] ?? NaN,
    receiptTime: columns.receiptTime[at] ?? NaN,
    priceDigits: columns.priceDigits[at] ?? NaN,
    priceScale: columns.priceScale[at] ?? NaN,
    sizeDigits: columns.sizeDigits[at] ?? NaN,
    sizeScale: columns.sizeScale[at] ?? NaN,
    side: columns.side[at] ?? NaN,
    origin: columns.origin[at] ?? NaN,
    id: idOf(columns, at),
  };
}

/** A column holds bigints whatever was given. */
function held(given: TradeInput): TradeInput {
  return { ...given, priceDigits: BigInt(given.priceDigits), sizeDigits: BigInt(given.sizeDigits) };
}

describe('TradeBatch', () => {
  it.each<[string, number | bigint]>([
    ['zero', 0],
    ['one', 1],
    ['2^31', 2 ** 31],
    ['2^32 - 1', 2 ** 32 - 1],
    ['2^32', 2 ** 32],
    ['2^53 - 1', Number.MAX_SAFE_INTEGER],
    ['2^53 as bigint', 2n ** 53n],
    ['2^63 - 1', 2n ** 63n - 1n],
    ['-1', -1],
    ['-2^32', -(2 ** 32)],
    ['-(2^53 - 1)', Number.MIN_SAFE_INTEGER],
    ['-1 as bigint', -1n],
  ])('holds %s exactly', (_, digits) => {
    const batch = new TradeBatch();
    batch.push(trade({ priceDigits: digits, sizeDigits: digits }));
    const columns = batch.take();
    expect(columns.priceDigits[0]).toBe(BigInt(digits));
    expect(columns.sizeDigits[0]).toBe(BigInt(digits));
  });

  it('gives back what it was given, grown from one row', () => {
    const digits = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
    const input = fc.record<TradeInput>({
      market: fc.nat(0xffff_ffff),
      exchangeTime: fc.maxSafeInteger(),
      receiptTime: fc.maxSafeInteger(),
      priceDigits: digits,
      priceScale: fc.nat(38),
      sizeDigits: digits,
      sizeScale: fc.nat(38),
      side: fc.nat(2),
      origin: fc.nat(1),
      id: fc.string({ unit: 'binary', maxLength: 100 }),
    });
    fc.assert(
      fc.property(fc.array(input, { maxLength: 12 }), (inputs) => {
        const batch = new TradeBatch(1);
        for (const each of inputs) batch.push(each);
        const columns = batch.take();
        expect(columns.count).toBe(inputs.length);
        expect(inputs.map((_, i) => row(columns, i))).toEqual(inputs.map(held));
      }),
    );
  });

  it('takes an id as bytes, among others as text', () => {
    const batch = new TradeBatch(1);
    const ids = ['3401927715', '', 'é🙂', '3f2b8c1e-0a77-4f0e-a1c2-9b6d5e4f3a21', 'abc'];
    for (const id of ids) {
      batch.push(trade({ id: new ByteSpan().write(id) }));
      batch.push(trade({ id }));
    }
    const columns = batch.take();
    expect(ids.map((_, n) => idOf(columns, n * 2))).toEqual(ids);
    expect(ids.map((_, n) => idOf(columns, n * 2 + 1))).toEqual(ids);
  });

  it('starts anew after take and leaves what was taken alone', () => {
    const batch = new TradeBatch(2);
    batch.push(trade({ id: 'first' }));
    const taken = batch.take();
    expect(batch.count).toBe(0);
    batch.push(trade({ id: '' }));
    expect(idOf(taken, 0)).toBe('first');
    const next = batch.take();
    expect(next.count).toBe(1);
    expect(idOf(next, 0)).toBe('');
  });

  it('crosses to a thread by transfer', () => {
    const batch = new TradeBatch();
    batch.push(trade({ id: 'é🙂' }));
    const columns = batch.take();
    const received = structuredClone(columns, { transfer: [memoryOf(columns)] });
    expect(columns.market.length).toBe(0);
    expect(row(received, 0)).toEqual(held(trade({ id: 'é🙂' })));
  });

  it('is copied row by row into memory that is there, where it has room and not too much', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 20 }), fc.nat(4_000), (ids, bytes) => {
        const batch = new TradeBatch(4);
        for (const [n, id] of ids.entries()) batch.push(trade({ market: n, id }));
        const columns = batch.take();
        const spare = new ArrayBuffer(bytes);
        new Uint8Array(spare).fill(0xff);
        const copy = copyOf(columns, spare);
        const needed = memoryOf(copyOf(columns)).byteLength;
        expect(memoryOf(copy) === spare).toBe(bytes >= needed && bytes <= 4 * needed);
        expect(ids.map((_, n) => row(copy, n))).toEqual(ids.map((id, n) => held(trade({ market: n, id }))));
      }),
    );
  });

  it('uses again the memory that was given back, and no other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.boolean()), { maxLength: 30 }), (takings) => {
        const batch = new TradeBatch(4);
        let last = 0;
        for (const [count, back] of takings) {
          const inputs = Array.from({ length: count }, () => trade({ market: ++last, id: `id ${last}` }));
          for (const each of inputs) batch.push(each);
          const columns = batch.take();
          batch.push(trade({ id: 'of the next' }));
          expect(inputs.map((_, i) => row(columns, i))).toEqual(inputs.map(held));
          const next = batch.take();
          expect([next.count, idOf(next, 0)]).toEqual([1, 'of the next']);
          expect(inputs.map((_, i) => row(columns, i))).toEqual(inputs.map(held));
          if (back) batch.giveBack(columns);
        }
      }),
    );
    const batch = new TradeBatch(4);
    const first = batch.take();
    batch.giveBack(first);
    batch.take();
    expect(batch.take().market).toBe(first.market);
  });

  it('gives up the room of a burst once it is quiet', () => {
    const batch = new TradeBatch(16);
    for (let i = 0; i < 10_000; i++) batch.push(trade());
    expect(batch.take().market.length).toBeGreaterThanOrEqual(10_000);
    for (let i = 0; i < 20; i++) batch.take();
    expect(batch.take().market.length).toBeLessThan(32);
  });

  it('leaves out rows from one on, and reads those that stay', () => {
    const digits = fc.oneof(fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
    const told = fc.record({
      id: fc.string({ unit: 'binary', maxLength: 40 }),
      digits,
      isKept: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(told, { maxLength: 30 }), fc.nat(30), (rows, wanted) => {
        const first = Math.min(wanted, rows.length);
        const batch = new TradeBatch(4);
        const given = rows.map(({ digits: each, id }, n) =>
          trade({ market: n, exchangeTime: n + 0.5, id, priceDigits: each, sizeDigits: each, side: n % 3 }),
        );
        for (const each of given) batch.push(each);
        batch.leaveOut(
          first,
          Uint8Array.from(rows.slice(first), ({ isKept }) => (isKept ? 1 : 0)),
        );
        const left = given.filter((_, n) => n < first || rows[n]?.isKept === true);
        const after = trade({ id: 'after' });
        batch.push(after);
        expect(batch.count).toBe(left.length + 1);
        for (const [n, each] of left.entries()) {
          const into = {
            exchangeTime: 0,
            priceDigits: 0,
            priceScale: 0,
            sizeDigits: 0,
            sizeScale: 0,
            side: 0,
          };
          const read = batch.read(n, into);
          const { exchangeTime, priceScale, side, sizeScale } = each;
          expect(read).toMatchObject({ exchangeTime, priceScale, side, sizeScale });
          expect([BigInt(read.priceDigits), BigInt(read.sizeDigits)]).toEqual([
            BigInt(each.priceDigits),
            BigInt(each.sizeDigits),
          ]);
          expect(batch.marketAt(n)).toBe(each.market);
        }
        const columns = batch.take();
        expect([...left, after].map((_, n) => row(columns, n))).toEqual([...left, after].map(held));
      }),
    );
  });
});
