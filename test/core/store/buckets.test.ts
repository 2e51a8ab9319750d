/** Buckets for drawing against a scan of all trades, wherever these lie. */
import type { Database } from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUCKET_COVERAGE, BUCKET_FIELDS, type BucketPage, floatsOf } from '../../../main/core/contract.ts';
import type { CoverageCommit } from '../../../main/core/coverage/ledger.ts';
import { FINEST_SPAN } from '../../../main/core/store/bars.ts';
import { closeWritten, openForReading, openForWriting } from '../../../main/core/store/database.ts';
import { createReader, type Reader } from '../../../main/core/store/reader.ts';
import type { SealingSizes } from '../../../main/core/store/sealer.ts';
import type { BucketQuery, StoredTrade } from '../../../main/core/store/store.ts';
import { createWriter, type Writer } from '../../../main/core/store/writer.ts';
import { makeOld } from './old.ts';
import { commitOf, open, temporaryFolder, trade, variedTrades } from './support.ts';

const SECOND = 1_000_000;
const START = 1_705_342_200 * SECOND;

interface Both {
  readonly writer: Writer;
  readonly reader: Reader;
  close(): void;
}

function openBoth(folder: string, sizes?: SealingSizes): Both {
  const { database } = openForWriting(folder, 0, () => undefined);
  const reading: Database | null = openForReading(folder);
  if (reading === null) throw new Error('no database');
  return {
    writer: createWriter(database, sizes),
    reader: createReader(reading, () => true),
    close() {
      reading.close();
      closeWritten(database);
    },
  };
}

interface Bucket {
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  notional: number;
  trades: number;
}

/** What the buckets must be, by looking at each trade; in the order of receipt. */
function scan(
  trades: readonly StoredTrade[],
  { from, to, limit }: BucketQuery,
): {
  span: number;
  start: number;
  buckets: (Bucket | null)[];
} {
  let span = FINEST_SPAN;
  while (Math.ceil(to / span) - Math.floor(from / span) > limit) span *= 2;
  const start = Math.floor(from / span);
  const buckets: (Bucket | null)[] = Array.from({ length: Math.ceil(to / span) - start }, () => null);
  // Stable, so that trades of one time stay in the order of receipt.
  for (const each of trades.toSorted((a, b) => a.exchangeTime - b.exchangeTime)) {
    const at = Math.floor(each.exchangeTime / span) - start;
    if (at < 0 || at >= buckets.length) continue;
    const price = Number(each.price);
    const size = Number(each.size);
    const bucket = (buckets[at] ??= {
      ...{ open: price, high: price, low: price, close: price },
      ...{ volume: 0, notional: 0, trades: 0 },
    });
    bucket.high = Math.max(bucket.high, price);
    bucket.low = Math.min(bucket.low, price);
    bucket.close = price;
    bucket.volume += size;
    bucket.notional += price * size;
    bucket.trades++;
  }
  return { span, start, buckets };
}

/** Sums of floats depend on the order in which they are added up. */
function close(told: number | undefined, wanted: number): void {
  expect(Math.abs((told ?? NaN) - wanted)).toBeLessThanOrEqual(1e-9 * Math.abs(wanted));
}

function compare(page: BucketPage, trades: readonly StoredTrade[], query: BucketQuery): void {
  const wanted = scan(trades, query);
  expect({ span: page.span, count: page.count }).toEqual({ span: wanted.span, count: wanted.buckets.length });
  expect(page.count).toBeLessThanOrEqual(query.limit);
  const floats = floatsOf(page.bytes);
  expect(floats.length).toBe(page.count * BUCKET_FIELDS);
  for (const [index, bucket] of wanted.buckets.entries()) {
    const [start, opened, high, low, closed, volume, vwap, count] = floats.subarray(index * BUCKET_FIELDS);
    expect(start).toBe(((wanted.start + index) * wanted.span) / 1000);
    if (bucket === null) {
      expect([opened, high, low, closed, volume, vwap, count]).toEqual([NaN, NaN, NaN, NaN, 0, NaN, 0]);
      continue;
    }
    expect([opened, high, low, closed, count]).toEqual([
      ...[bucket.open, bucket.high, bucket.low, bucket.close, bucket.trades],
    ]);
    close(volume, bucket.volume);
    if (bucket.volume > 0) close(vwap, bucket.notional / bucket.volume);
    else expect(vwap).toBeNaN();
  }
}

type Step =
  | { readonly kind: 'commit'; readonly trades: readonly StoredTrade[] }
  | { readonly kind: 'seal'; readonly portions: number }
  | { readonly kind: 'begin' }
  /** As a cache of an earlier version, which has rows alone. */
  | { readonly kind: 'old' };

const steps = fc
  .array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant('commit' as const),
          // Times go on, but for what comes late; some stand still.
          pace: fc.constantFrom(0, 1_000, 300_000, 5 * SECOND, 3_600 * SECOND),
          trades: fc.array(
            fc.record({
              market: fc.constantFrom('a', 'a', 'b'),
              late: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(120) }),
              price: fc.integer({ min: 1, max: 40 }),
              size: fc.integer({ min: 0, max: 9 }),
            }),
            { minLength: 1, maxLength: 30 },
          ),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('seal' as const),
          portions: fc.integer({ min: 1, max: 4 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('begin' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('old' as const) }) },
    ),
    { minLength: 2, maxLength: 14 },
  )
  .map((all): Step[] => {
    let time = START;
    return all.map((step) => {
      if (step.kind !== 'commit') return step;
      return {
        kind: 'commit',
        trades: step.trades.map(({ market, late, price, size }) => {
          time += step.pace;
          return trade({
            market,
            exchangeTime: Math.max(0, time - late * SECOND),
            price: `${price}`,
            size: size === 0 ? '0' : `0.${size}`,
          });
        }),
      };
    });
  });

const queries = fc.array(
  fc.record({
    session: fc.constantFrom(null, null, 1, 2, 9),
    market: fc.constantFrom('a', 'b', 'nowhere'),
    from: fc.integer({ min: -200, max: 100_000 }),
    length: fc.oneof(fc.integer({ min: 1, max: 600 * SECOND }), fc.integer({ min: 1, max: 9e11 })),
    limit: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5_000 })),
  }),
  { minLength: 3, maxLength: 8 },
);

test('are those of a scan, however trades came, were sealed and are asked for', { timeout: 120_000 }, () => {
  const run = fc.property(steps, queries, (all, asked) => {
    const folder = temporaryFolder();
    const sizes = { chunkTrades: 8, portionTrades: 20, portionRows: 12 };
    let both = openBoth(folder, sizes);
    const sessions: StoredTrade[][] = [[]];
    both.writer.beginSession(1);
    try {
      for (const step of all) {
        if (step.kind === 'commit') {
          both.writer.commit(commitOf(sessions.length, step.trades));
          sessions.at(-1)?.push(...step.trades);
        } else if (step.kind === 'begin') {
          both.writer.beginSession(sessions.length + 1);
          sessions.push([]);
        } else if (step.kind === 'old') {
          both.close();
          makeOld(folder, 3);
          both = openBoth(folder, sizes);
          both.writer.recover();
        } else {
          for (let portion = 0; portion < step.portions; portion++) {
            both.writer.sealer.finish();
            both.writer.sealer.seal();
          }
        }
      }
      for (const { session, market, from, length, limit } of asked) {
        const start = START + from * SECOND;
        const query = { session, market, from: start, to: start + length, limit };
        const trades = (session === null ? sessions.flat() : (sessions[session - 1] ?? [])).filter(
          (each) => each.market === market,
        );
        compare(both.reader.buckets(query), trades, query);
      }
    } finally {
      both.close();
    }
  });
  fc.assert(run, { numRuns: 100 });
});

test('of a long tape, at every size of a bucket', () => {
  const both = openBoth(temporaryFolder());
  both.writer.beginSession(1);
  // At a pace that changes a thousandfold, with some that come minutes late.
  let time = START;
  const trades = variedTrades(60_000).map((each, n) => {
    time += n % 20_000 < 14_000 ? 20_000 + ((n * 7_919) % 31) : 9 * SECOND;
    return { ...each, market: 'a', exchangeTime: n % 97 === 0 ? time - 100 * SECOND : time };
  });
  for (let first = 0; first < trades.length; first += 5_000) {
    both.writer.commit(commitOf(1, trades.slice(first, first + 5_000)));
    // So that the newest are not sealed yet.
    if (both.writer.sealer.due === 'now') both.writer.sealer.seal();
  }
  for (let limit = 1; limit <= 5_000; limit = Math.ceil(limit * 1.9)) {
    for (const [from, to] of [
      [START, time],
      [START - 3_600 * SECOND, time + 3_600 * SECOND],
      [START + 1_234_567, START + 999 * SECOND],
      [time - 30 * SECOND, time],
      [0, Number.MAX_SAFE_INTEGER],
    ] as const) {
      const query = { session: null, market: 'a', from, to, limit };
      compare(both.reader.buckets(query), trades, query);
    }
  }
  both.close();
});

describe('what is known of a bucket', () => {
  const worstOf = (page: BucketPage): (string | null | undefined)[] =>
    [...floatsOf(page.bytes)]
      .filter((_, at) => at % BUCKET_FIELDS === 8)
      .map((code) => BUCKET_COVERAGE[code]);
  const known = (
    until: number,
    ...starts: readonly [number, CoverageCommit['lines'][number]['starts'][number]['state']][]
  ): { coverage: CoverageCommit } => ({
    coverage: {
      until,
      lines: (['trades', 'candles'] as const).map((endpoint) => ({
        market: 'a',
        endpoint,
        from: 0,
        // What is known of the candles is of no matter.
        starts: endpoint === 'candles' ? [] : starts.map(([from, state]) => ({ from, state, cause: '' })),
      })),
    },
  });

  test('is the worst, of all sessions or of one', async () => {
    const store = await open(temporaryFolder());
    const second = (n: number): number => START + n * SECOND;
    await store.beginSession(START / 1000);
    await store.commit(
      commitOf(1, [], [], {
        ...known(
          second(5),
          [second(0), 'live'],
          [second(2) + 1, 'lost'],
          [second(2) + 5, 'recovered'],
          [second(3), 'quiet'],
          [second(4), 'off'],
        ),
      }),
    );
    await store.beginSession(second(6) / 1000);
    await store.commit(commitOf(2, [], [], known(second(7), [second(6), 'unverified'])));
    const query = { session: null, market: 'a', from: second(-1), to: second(8), limit: 9 };
    expect(worstOf(await store.buckets(query))).toEqual([
      ...[null, 'live', 'live', 'lost', 'quiet', 'off', null, 'unverified', null],
    ]);
    expect(worstOf(await store.buckets({ ...query, session: 2 }))).toEqual([
      ...[null, null, null, null, null, null, null, 'unverified', null],
    ]);
    expect(worstOf(await store.buckets({ ...query, limit: 8 }))).toEqual([
      ...[null, 'live', 'lost', 'off', 'unverified'],
    ]);
  });

  test('is nothing where nothing was recorded', async () => {
    const query = { session: null, market: 'a', from: START, to: START + 3 * SECOND, limit: 3 };
    for (const readOnly of [false, true]) {
      const store = await open(temporaryFolder(), { readOnly });
      const page = await store.buckets(query);
      expect(page).toMatchObject({ span: SECOND, count: 3 });
      expect(worstOf(page)).toEqual([null, null, null]);
      compare(page, [], query);
    }
  });
});
