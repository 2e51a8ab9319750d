/** What a chart asks of a long recording: a short window, and all of it in few buckets. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { BUCKET_FIELDS, floatsOf, tradesOf } from '../../../main/core/contract.ts';
import { openStore } from '../../../main/core/store/open.ts';
import type { Store } from '../../../main/core/store/store.ts';
import { workerScript } from '../../helpers/workers.ts';
import { chance, take } from '../frames.ts';
import { type Form, type Row, type Sample } from '../harness.ts';
import { columnsOf, endOf, MARKET_IDS, plainTable, recordedTrades, START } from '../recorded.ts';
import { Stopwatch } from '../stopwatch.ts';

const COMMIT = 5_000;
const WINDOW = 300_000_000;
const BUCKETS = 2_000;
/** Of a bucket's fields: its trades. */
const COUNT_FIELD = 7;
/** Most that `tradePage` gives at once. */
const PAGE = 5_000;

function countOf({ full }: Form): number {
  return full ? 10_000_000 : 1_000_000;
}

/** The same recording of so many markets in our store and in a plain table with an index. */
async function prepare(form: Form, markets?: number): Promise<void> {
  const store = await openStore({ folder: join(form.folder, 'ours'), workerScript });
  const { id } = await store.beginSession(START / 1000);
  const { database, insert } = plainTable(join(form.folder, 'plain.db'), true);
  const [ours, plain] = [recordedTrades(markets), recordedTrades(markets)];
  for (let n = 0; n < countOf(form); n += COMMIT) {
    const done = store.commit({
      session: id,
      markets: MARKET_IDS,
      trades: columnsOf(ours, COMMIT),
      candles: [],
      gaps: [],
    });
    insert(take(plain, COMMIT));
    await done;
  }
  await store.endSession(id, endOf(countOf(form)) / 1000);
  await store.close();
  database.close();
}

/** Some windows of random markets, each asked once to warm up and then again, timed. */
async function timedWindows(
  form: Form,
  ask: (market: number, from: number, to: number) => number | Promise<number>,
): Promise<Sample> {
  const random = chance(11);
  const windows = Array.from({ length: 40 }, () => ({
    market: Math.floor(random() * MARKET_IDS.length),
    from: START + Math.floor(random() * (endOf(countOf(form)) - START - WINDOW)),
  }));
  for (const { market, from } of windows) await ask(market, from, from + WINDOW);
  let trades = 0;
  const watch = new Stopwatch();
  for (const { market, from } of windows) trades += await ask(market, from, from + WINDOW);
  return watch.stop(windows.length, { 'trades a window': trades / windows.length });
}

function reading(form: Form): Promise<Store> {
  return openStore({ folder: join(form.folder, 'ours'), workerScript, readOnly: true });
}

export const window: Row = {
  name: 'window',
  stage: 'a 5-minute window out of many trades',
  unit: 'query',
  prepare,
  contenders: {
    'a plain table with an index': async (form) => {
      const database = new Database(join(form.folder, 'plain.db'), { readonly: true });
      const select = database
        .prepare<[number, number, number]>(
          'SELECT time, price, size, side FROM trades WHERE market = ? AND time >= ? AND time < ? ORDER BY time',
        )
        .raw();
      return timedWindows(form, (market, from, to) => select.all(market, from, to).length);
    },
    ours: async (form) => {
      const store = await reading(form);
      return timedWindows(form, async (market, from, to) => {
        let count = 0;
        for (let before = to; ;) {
          const page = await store.tradePage(MARKET_IDS[market] ?? '', before, PAGE, from);
          count += page.count;
          if (!page.more) return count;
          before = tradesOf(page.bytes)[0] ?? from;
        }
      });
    },
  },
  against: 'a plain table with an index',
  must: 2,
  shall: 5,
};

class Buckets {
  readonly #from: number;
  readonly #width: number;
  readonly #bars = new Float64Array(BUCKETS * 5);

  constructor(from: number, to: number) {
    this.#from = from;
    this.#width = Math.ceil((to - from) / BUCKETS);
  }

  get width(): number {
    return this.#width;
  }

  add(time: number, price: number, size: number): void {
    const at = Math.min(BUCKETS - 1, Math.floor((time - this.#from) / this.#width)) * 5;
    const bars = this.#bars;
    if (bars[at + 4] === 0) bars[at] = bars[at + 1] = bars[at + 2] = price;
    if (price > (bars[at + 1] ?? 0)) bars[at + 1] = price;
    if (price < (bars[at + 2] ?? 0)) bars[at + 2] = price;
    bars[at + 3] = price;
    bars[at + 4] = (bars[at + 4] ?? 0) + size;
  }

  get filled(): number {
    return this.#bars.filter((size, n) => n % 5 === 4 && size > 0).length;
  }
}

export const session: Row = {
  name: 'session',
  stage: `a whole session of one market as ${BUCKETS.toLocaleString('en')} OHLC buckets`,
  unit: 'query',
  prepare: (form) => prepare(form, 1),
  contenders: {
    SQL: async (form) => {
      const database = new Database(join(form.folder, 'plain.db'), { readonly: true });
      const { width } = new Buckets(START, endOf(countOf(form)));
      const select = database.prepare<[number, number]>(
        `SELECT bucket, max(price), min(price), sum(size), max(first), max(last) FROM (
           SELECT bucket, price, size, first_value(price) OVER w AS first, last_value(price) OVER w AS last
           FROM (SELECT time, price, size, CAST((time - ?) / CAST(? AS INTEGER) AS INTEGER) AS bucket FROM trades)
           WINDOW w AS (PARTITION BY bucket ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
         ) GROUP BY bucket`,
      );
      const watch = new Stopwatch();
      const buckets = select.all(START, width).length;
      return watch.stop(1, { buckets });
    },
    'typed arrays in memory': async (form) => {
      const count = countOf(form);
      const [times, prices, sizes] = [
        new Float64Array(count),
        new Float64Array(count),
        new Float64Array(count),
      ];
      const trades = recordedTrades();
      for (let n = 0; n < count; n++) {
        const next = trades.next();
        if (next.done === true) break;
        times[n] = next.value.time;
        prices[n] = next.value.price;
        sizes[n] = next.value.size;
      }
      const watch = new Stopwatch();
      const buckets = new Buckets(START, endOf(count));
      for (let n = 0; n < count; n++) buckets.add(times[n] ?? 0, prices[n] ?? 0, sizes[n] ?? 0);
      return watch.stop(1, { buckets: buckets.filled });
    },
    ours: async (form) => {
      const store = await reading(form);
      const [{ id } = { id: 0 }] = await store.sessions();
      const range = { from: START, to: endOf(countOf(form)), limit: BUCKETS };
      const watch = new Stopwatch();
      const page = await store.buckets({ session: id, market: MARKET_IDS[0] ?? '', ...range });
      const sample = watch.stop(1);
      const counts = floatsOf(page.bytes).filter((_, at) => at % BUCKET_FIELDS === COUNT_FIELD);
      return { ...sample, notes: { buckets: counts.filter((count) => count > 0).length } };
    },
  },
  against: 'SQL',
  // By performance.md: the time of DuckDB on two threads, which is an eighteenth of SQL's, and a tenth of that.
  must: 18,
  shall: 180,
};
