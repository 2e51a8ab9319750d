import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TradeInput as BatchInput } from '../../../main/core/flow/batch.ts';
import { TradeBatch } from '../../../main/core/flow/batch.ts';
import { formatDecimal } from '../../../main/core/protocol/decimal.ts';
import type { ChunkPieces } from '../../../main/core/store/chunk.ts';
import { ChunkBody, decodeChunk, encodeChunk, MOST_TRADES } from '../../../main/core/store/chunk.ts';
import { idText } from '../../../main/core/store/ids.ts';
import { DamagedPiece } from '../../../main/core/store/piece.ts';
import type { TradeRun } from '../../../main/core/store/run.ts';
import { numberAt, RunBuilder, runOf, sliceRun, textAt } from '../../../main/core/store/run.ts';

type TradeInput = BatchInput & { readonly id: string };

/** What of a trade comes back. Decimals are values, so their text is that without zeros at the end. */
interface Told {
  readonly row: number;
  readonly market: number | undefined;
  readonly exchangeTime: number | undefined;
  readonly receiptTime: number | undefined;
  readonly price: string;
  readonly size: string;
  readonly side: number | undefined;
  readonly origin: number | undefined;
  readonly id: string;
}

const MARKETS = [7, 1, 4_294_967_296, 90];

function runFrom(trades: readonly TradeInput[], firstRow: number): TradeRun {
  const batch = new TradeBatch(1);
  for (const each of trades) batch.push(each);
  return runOf(batch.take(), (index) => MARKETS[index] ?? NaN, firstRow);
}

/** A copy, since the next run takes the same memory. */
function piecesOf(run: TradeRun, lasts?: boolean): ChunkPieces {
  const { body, ids } = encodeChunk(run, lasts);
  return { body: body.slice(), ids: ids.slice() };
}

function toldOf(run: TradeRun): Told[] {
  return Array.from({ length: run.count }, (_, index) => ({
    row: run.row[index] ?? NaN,
    market: run.markets[run.market[index] ?? NaN],
    exchangeTime: run.exchangeTime[index],
    receiptTime: run.receiptTime[index],
    price: textAt(run.price, index),
    size: textAt(run.size, index),
    side: run.side[index],
    origin: run.origin[index],
    id: idText(run.ids, index),
  }));
}

function expected(trades: readonly TradeInput[], firstRow: number): Told[] {
  return trades.map((each, index) => ({
    row: firstRow + index,
    market: MARKETS[each.market],
    exchangeTime: each.exchangeTime,
    receiptTime: each.receiptTime,
    price: plain(each.priceDigits, each.priceScale),
    size: plain(each.sizeDigits, each.sizeScale),
    side: each.side,
    origin: each.origin,
    id: each.id,
  }));
}

function plain(digits: number | bigint, scale: number): string {
  const text = formatDecimal(digits, scale);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

const time = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_900_000 }).map((ms) => ms * 1000),
  },
  { weight: 4, arbitrary: fc.maxSafeNat() },
  { weight: 1, arbitrary: fc.constantFrom(0, 2 ** 52 - 1, 2 ** 52, Number.MAX_SAFE_INTEGER, -1, -(2 ** 53)) },
);
const digits = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -100_000, max: 100_000_000 }) },
  { weight: 2, arbitrary: fc.maxSafeInteger() },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 2 ** 51, -(2 ** 51), Number.MAX_SAFE_INTEGER) },
);
const scale = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 8 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 38 }) },
);
const numeral = fc.bigInt({ min: 0n, max: 10n ** 26n }).map(String);
const id = fc.oneof(
  { weight: 3, arbitrary: fc.uuid() },
  { weight: 3, arbitrary: fc.integer({ min: 1_000_000, max: 1_000_400 }).map(String) },
  { weight: 2, arbitrary: numeral },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 50 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '',
      '0',
      '00',
      '0123',
      '-5',
      '+5',
      '1e5',
      '\ufeff12',
      '9'.repeat(15),
      '9'.repeat(16),
      '1000000000000000000',
      '9'.repeat(24),
      '9'.repeat(25),
      'A6E9C9A0-0000-4000-8000-00000000000F',
      'a6e9c9a0-0000-4000-8000-00000000000g',
      'a6e9c9a0x0000-4000-8000-00000000000f',
      'a6e9c9a000004000800000000000000f',
      '🧶',
      'x'.repeat(1_000),
    ),
  },
);
const trade: fc.Arbitrary<TradeInput> = fc.record({
  market: fc.integer({ min: 0, max: MARKETS.length - 1 }),
  exchangeTime: time,
  receiptTime: time,
  priceDigits: digits,
  priceScale: scale,
  sizeDigits: digits,
  sizeScale: scale,
  side: fc.oneof(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 255 })),
  origin: fc.oneof(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 255 })),
  id,
});
/** Whole columns of one kind, since a chunk chooses its way by column, and any mixture. */
const trades = fc.oneof(
  fc.array(trade, { minLength: 1, maxLength: 40 }),
  fc.tuple(trade, fc.array(trade, { minLength: 1, maxLength: 40 })).map(([first, all]) =>
    all.map((each, index) => ({
      ...first,
      exchangeTime: Math.max(0, first.exchangeTime - index * 1_000_000),
      priceDigits: each.priceDigits,
      id: each.id,
    })),
  ),
);
const firstRow = fc.integer({ min: 1, max: 2 ** 50 });

describe('a run comes back from its bytes as it was', () => {
  test('whatever is in its columns', () => {
    fc.assert(
      fc.property(trades, firstRow, (all, first) => {
        const pieces = piecesOf(runFrom(all, first));
        expect(toldOf(decodeChunk(pieces, all.length))).toEqual(expected(all, first));
      }),
      { numRuns: 1_500 },
    );
  });

  test('whatever of one market was gathered from runs that came from bytes', () => {
    fc.assert(
      fc.property(fc.array(trades, { minLength: 1, maxLength: 5 }), fc.nat(), (several, cut) => {
        const builder = new RunBuilder();
        const place = builder.place(MARKETS[0] ?? 0);
        const wanted: Told[] = [];
        let first = 1;
        for (const all of several) {
          const run = decodeChunk(piecesOf(runFrom(all, first)), all.length);
          const indices = Array.from({ length: run.count }, (_, index) => index);
          const ofMarket = indices.filter((index) => run.markets[run.market[index] ?? 0] === MARKETS[0]);
          builder.append(run, Uint32Array.from(ofMarket), place);
          wanted.push(...expected(all, first).filter(({ market }) => market === MARKETS[0]));
          first += all.length + 3;
        }
        fc.pre(wanted.length > 0);
        const from = cut % wanted.length;
        const slice = sliceRun(builder.run(), from, wanted.length);
        const told = toldOf(decodeChunk(piecesOf(slice), slice.count));
        expect(told).toEqual(wanted.slice(from));
      }),
      { numRuns: 300 },
    );
  });

  test('with numbers for the screen that are those of the decimals', () => {
    fc.assert(
      fc.property(trades, (all) => {
        const run = decodeChunk(piecesOf(runFrom(all, 1)), all.length);
        const screen = all.map((_, index) => numberAt(run.price, index));
        expect(screen).toEqual(all.map((each) => Number(plain(each.priceDigits, each.priceScale))));
      }),
      { numRuns: 300 },
    );
  });

  test('with each column alone', () => {
    fc.assert(
      fc.property(trades, (all) => {
        const run = runFrom(all, 5);
        const pieces = piecesOf(run);
        const body = new ChunkBody(pieces.body, all.length);
        const whole = decodeChunk(pieces, all.length);
        // In an order other than that of the bytes, and one of them twice.
        expect(body.row()).toEqual(whole.row);
        expect(body.size()).toEqual(whole.size);
        expect(body.exchangeTime()).toEqual(whole.exchangeTime);
        expect(body.row()).toEqual(whole.row);
      }),
    );
  });

  test('of a stretch of trades, as far as it is asked for', () => {
    const end = fc.integer({ min: 0, max: 400 });
    fc.assert(
      fc.property(trades, end, end, fc.integer({ min: 1, max: 3 }), (some, one, other, markets) => {
        const [from, upTo] = [Math.min(one, other), Math.max(one, other)];
        // Longer than a block of numbers.
        const all = Array.from({ length: 400 }, (_, index) => some[index % some.length] ?? some[0]).filter(
          (each) => each !== undefined,
        );
        const body = new ChunkBody(piecesOf(runFrom(all, markets)).body, all.length);
        const market = body.market();
        const columns = [
          [body.price(market), body.price(market, upTo)],
          [body.size(), body.size(upTo, from)],
        ] as const;
        for (const [whole, part] of columns) {
          for (let index = from; index < upTo; index++)
            expect(textAt(part, index)).toBe(textAt(whole, index));
        }
        for (const column of ['side', 'origin'] as const) {
          expect(body[column](upTo, from).subarray(from, upTo)).toEqual(body[column]().subarray(from, upTo));
        }
      }),
    );
  });
});

const usual = Array.from({ length: 2_000 }, (_, index): TradeInput => ({
  market: 0,
  exchangeTime: 1_705_342_207_000_000 + index * 37_000,
  receiptTime: 1_705_342_207_040_000 + index * 37_000 + ((index * 7_919) % 10_007),
  priceDigits: 4_251_959 + ((index * 31) % 200),
  priceScale: 2,
  sizeDigits: 125 + ((index * 17) % 1_000),
  sizeScale: 4,
  side: 1 + (index % 2),
  origin: 0,
  id:
    `${(index * 2_654_435_761) % 4_294_967_296}`.padStart(8, '1').slice(0, 8) +
    '-83a0-4ad1-9f00-0123456789ab',
}));

/** Of one market, so that rows are apart, with ids of two kinds. */
function ofOneMarket(count: number): { readonly run: TradeRun; readonly trades: readonly Told[] } {
  const all = usual.slice(0, count).map((each, index) => ({
    ...each,
    market: index % 3 === 1 ? 1 : 0,
    id: index % 5 === 4 ? `${9_000 + index}` : each.id,
  }));
  const builder = new RunBuilder();
  const place = builder.place(7);
  const own = all.flatMap(({ market }, index) => (market === 0 ? [index] : []));
  builder.append(runFrom(all, 1), Uint32Array.from(own), place);
  return { run: builder.run(), trades: expected(all, 1).filter(({ market }) => market === 7) };
}

test('pieces of the first version are read', () => {
  const body = `ARABBwIAAAAAABkAAAABAZiIxPLQMQABSgYAJVACJVACJVACJVACGwAAAAIBAXwIATA+AD4A1QA+ANUAPgDVAD4AwoMCABkA
    AAAEAfoBCQAARMyoYgZRpl3M3P0LKZNq2cMABgAAAAECAQDMzAIAAAAAAAcAAAABAQIBAFVVJAAAAAIAAYDxBA4AAMCx9emYlT6dO2NM
    NG5lU8VAINJGjMkUuIJtH/2hJ5s=`;
  const ids = `AQECAQBAAhERERCDoErRnwABI0VniasQE5BCg6BK0Z8AASNFZ4mrNmgzmYOgStGfAAEjRWeJqzhydpGDoErRnwABI0Vniasw
    QXEmg6BK0Z8AASNFZ4mrQFVhaYOgStGfAAEjRWeJqzQomJWDoErRnwABI0VniasXiEWAg6BK0Z8AASNFZ4mrEWGDB4OgStGfAAEjRWeJ
    qyF1c0mDoErRnwABI0VniatTUgNEg6BK0Z8AASNFZ4mrFUkQdoOgStGfAAEjRWeJq0IDVDSDoErRnwABI0VniauSJIA1g6BK0Z8AASNF
    Z4mrsUYAAAoAAGh32Gc=`;
  const pieces = { body: Buffer.from(body, 'base64'), ids: Buffer.from(ids, 'base64') };
  const { trades: wanted } = ofOneMarket(24);
  expect(toldOf(decodeChunk(pieces, wanted.length))).toEqual(wanted);
});

function lengthOf(pieces: ChunkPieces): { body: number; ids: number } {
  return { body: pieces.body.length / usual.length, ids: pieces.ids.length / usual.length };
}

test('usual trades take few bytes', () => {
  const uuids = lengthOf(piecesOf(runFrom(usual, 1)));
  expect(uuids.body).toBeLessThan(9);
  expect(uuids.ids).toBeLessThan(16.01);
  const counted = usual.map((each, index) => ({ ...each, id: `${8_000_000_000 + index * 3}` }));
  expect(lengthOf(piecesOf(runFrom(counted, 1))).ids).toBeLessThan(0.1);
});

describe('UUIDs', () => {
  const uuids = (of: (index: number) => string): TradeInput[] =>
    usual.map((each, index) => ({ ...each, id: of(index) }));
  const random = fc.sample(fc.uuid({ version: 4 }), { numRuns: usual.length, seed: 3 });
  const timed = (index: number): string => {
    const time = (1_705_342_207_000 + index * 37).toString(16).padStart(12, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${random[index]?.slice(15) ?? ''}`;
  };
  test.each([
    ['at random', (index: number) => random[index] ?? '', 15.3],
    ['that begin with a time', timed, 12.3],
    ['of one place', (index: number) => `${random[index]?.slice(0, 24) ?? ''}0123456789ab`, 9.6],
    ['all the same', () => random[0] ?? '', 0.03],
  ])('%s take as many bytes as they differ in, and come back', (_, of, most) => {
    const all = uuids(of);
    const pieces = piecesOf(runFrom(all, 1));
    expect(lengthOf(pieces).ids).toBeLessThan(most);
    expect(toldOf(decodeChunk(pieces, all.length))).toEqual(expected(all, 1));
    const brief = piecesOf(runFrom(all, 1), false);
    expect(brief.ids.length).toBeGreaterThan(16 * all.length);
    expect(toldOf(decodeChunk(brief, all.length))).toEqual(expected(all, 1));
  });
});

describe('rows of one market among others', () => {
  const gathered = (rows: readonly number[], receipts: readonly number[]): TradeRun => ({
    ...runFrom(usual.slice(0, rows.length), 1),
    row: Float64Array.from(rows),
    receiptTime: Float64Array.from(receipts),
  });
  const START = 1_705_342_207_000_000;

  test('take little where they come as evenly as time goes', () => {
    const gaps = fc.sample(fc.integer({ min: 1, max: 4_000 }), { numRuns: 2_000, seed: 4 });
    let last = 0;
    const rows = gaps.map((gap) => (last += gap));
    const even = piecesOf(
      gathered(
        rows,
        rows.map((row) => START + row * 200 + (row % 7)),
      ),
    );
    const uneven = piecesOf(
      gathered(
        rows,
        rows.map((row, index) => START + index * 400_000 + (row % 7)),
      ),
    );
    expect(new ChunkBody(even.body, rows.length).row()).toEqual(Float64Array.from(rows));
    expect(new ChunkBody(uneven.body, rows.length).row()).toEqual(Float64Array.from(rows));
    expect(sectionsOf(even.body)[6]).toBeLessThan(0.3 * 2_000);
    expect(sectionsOf(uneven.body)[6]).toBeGreaterThan(1.4 * 2_000);
  });

  test('come back, whatever the clock did', () => {
    const row = fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 2 ** 40 }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(row, time, fc.boolean()), { minLength: 2, maxLength: 60 }),
        fc.integer({ min: 1, max: 5_000 }),
        (all, micros) => {
          let last = 0;
          const rows = all.map(([gap]) => (last += gap));
          const receipts = all.map(([, at, odd], index) => (odd ? at : START + (rows[index] ?? 0) * micros));
          const run = gathered(rows, receipts);
          const back = decodeChunk(piecesOf(run), run.count);
          expect([back.row, back.receiptTime]).toEqual([run.row, run.receiptTime]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

/** Bytes of each section of a body of one market. */
function sectionsOf(body: Uint8Array): number[] {
  const view = new DataView(body.buffer);
  const lengths: number[] = [];
  // Behind the version, the number of trades, that of markets, and the one.
  let at = 1 + 2 + 1 + 1;
  while (at < body.length - 4) {
    const length = view.getUint32(at, true);
    lengths.push(length);
    at += 4 + length;
  }
  return lengths;
}

describe('damage is refused', () => {
  const sample = usual
    .slice(0, 40)
    .map((each, index) => ({ ...each, market: index % 3, id: index % 4 === 0 ? '' : each.id }));
  const pieces = piecesOf(runFrom(sample, 1));

  test.each(['body', 'ids'] as const)('of any one byte of the %s', (piece) => {
    for (let at = 0; at < pieces[piece].length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const flipped = pieces[piece].slice();
        flipped[at] = (flipped[at] ?? 0) ^ change;
        expect(() => decodeChunk({ ...pieces, [piece]: flipped }, sample.length)).toThrow(DamagedPiece);
      }
    }
  });

  test.each(['body', 'ids'] as const)('of a %s that was cut or grew', (piece) => {
    for (let length = 0; length < pieces[piece].length; length++) {
      const cut = pieces[piece].slice(0, length);
      expect(() => decodeChunk({ ...pieces, [piece]: cut }, sample.length)).toThrow(DamagedPiece);
    }
    const grown = new Uint8Array([...pieces[piece], 0]);
    expect(() => decodeChunk({ ...pieces, [piece]: grown }, sample.length)).toThrow(DamagedPiece);
  });

  test('of pieces that belong to other runs', () => {
    expect(() => decodeChunk(pieces, sample.length + 1)).toThrow(/of other trades/);
    expect(() => decodeChunk({ body: pieces.ids, ids: pieces.body }, sample.length)).toThrow(DamagedPiece);
  });

  test('whatever bytes carry a right checksum', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom('body', 'ids'),
        (at, change, piece) => {
          const forged = pieces[piece].slice();
          const end = forged.length - 4;
          forged[at % end] = (forged[at % end] ?? 0) ^ change;
          const resealed = resealedOf(forged);
          try {
            const run = decodeChunk({ ...pieces, [piece]: resealed }, sample.length);
            // Some bytes mean other trades. Never more, and never another kind of failure.
            expect(run.count).toBe(sample.length);
          } catch (error) {
            expect(error).toBeInstanceOf(DamagedPiece);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

function resealedOf(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(end, crc32(bytes.subarray(0, end)), true);
  return bytes;
}

test('nothing and too much make no chunk', () => {
  expect(() => piecesOf(runFrom([], 1))).toThrow(RangeError);
  const one = runFrom(usual.slice(0, 1), 1);
  expect(() => piecesOf({ ...one, count: MOST_TRADES + 1 })).toThrow(RangeError);
});
