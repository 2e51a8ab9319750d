/** What a chart asks of a long recording: a short window, and all of it in few buckets. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { BUCKET_FIELDS, floatsOf, type Micros, tradesOf } from '../../../main/core/contract.ts';
import type { TradeColumns } from '../../../main/core/flow/batch.ts';
import { closeWritten, makeFolder, openForWriting } from '../../../main/core/store/database.ts';
import { openStore } from '../../../main/core/store/open.ts';
import type { Store } from '../../../main/core/store/store.ts';
import { createWriter } from '../../../main/core/store/writer.ts';
import { workerScript } from '../../helpers/workers.ts';
import { duckdbBuckets, duckdbTable } from '../duckdb.ts';
import { chance, take } from '../frames.ts';
import { BYTES, type Contender, type Form, type Row, type Sample } from '../harness.ts';
import { columnsOf, endOf, MARKET_IDS, plainTable, recordedTrades, sizeOf, START } from '../recorded.ts';
import { Stopwatch } from '../stopwatch.ts';
import { commitAll, commitsOf } from './store.ts';

const COMMIT = 5_000;
const WINDOW = 300_000_000;
const WARM_UP = 100;
const BUCKETS = 2_000;
/** Of a bucket's fields: its trades. */
const COUNT_FIELD = 7;
/** Most that `tradePage` gives at once. */
const PAGE = 5_000;

export function countOf({ full }: Form): number {
  return full ? 10_000_000 : 1_000_000;
}

/**
 * The same recording of so many markets in our store and in a plain table, and in ours a tenth of it too; that of
 * one market in DuckDB as well.
 */
async function prepare(form: Form, markets: number): Promise<void> {
  const count = countOf(form);
  const ours = newRecording(join(form.folder, 'ours'));
  const small = newRecording(join(form.folder, 'small'));
  const { database, insert } = plainTable(join(form.folder, 'plain.db'), markets > 1);
  const duckdb = markets > 1 ? null : await duckdbTable(join(form.folder, 'duck.db'), MARKET_IDS[0] ?? '');
  const all = recordedTrades(markets);
  for (let n = 0; n < count; n += COMMIT) {
    const trades = take(all, COMMIT);
    insert(trades);
    duckdb?.insert(trades);
    ours.add(columnsOf(trades.values(), COMMIT));
    if (n < count / 10) small.add(columnsOf(trades.values(), COMMIT));
  }
  ours.end(endOf(count));
  small.end(endOf(count / 10));
  database.close();
  duckdb?.close();
}

/** Sealed as it goes, in this thread, so that all of it is when it ends. */
function newRecording(folder: string): { add(trades: TradeColumns): void; end(at: Micros): void } {
  makeFolder(folder);
  const { database } = openForWriting(folder, Date.now(), () => undefined);
  const writer = createWriter(database);
  const session = writer.beginSession(START / 1000).id;
  return {
    add(trades) {
      writer.commit({ session, markets: MARKET_IDS, trades, candles: [], gaps: [] });
      if (writer.sealer.due === 'now') writer.sealer.seal();
    },
    end(at) {
      writer.endSession(session, at / 1000);
      while (writer.sealer.due !== 'no') writer.sealer.seal();
      closeWritten(database);
    },
  };
}

/** For the rows of many markets, and for those of one. */
const prepareMany = (form: Form): Promise<void> => prepare(form, MARKET_IDS.length);
const prepareOne = (form: Form): Promise<void> => prepare(form, 1);

/**
 * Some windows of random markets, timed. Those that warm up are others: nobody waits for a window that was
 * just read.
 */
async function timedWindows(
  count: number,
  ask: (market: number, from: number, to: number) => number | Promise<number>,
): Promise<Sample> {
  const random = chance(11);
  const windows = Array.from({ length: 40 + WARM_UP }, () => ({
    market: Math.floor(random() * MARKET_IDS.length),
    from: START + Math.floor(random() * (endOf(count) - START - WINDOW)),
  }));
  for (const { market, from } of windows.splice(0, WARM_UP)) await ask(market, from, from + WINDOW);
  let trades = 0;
  const watch = new Stopwatch();
  for (const { market, from } of windows) trades += await ask(market, from, from + WINDOW);
  return watch.stop(windows.length, { 'trades a window': trades / windows.length });
}

type Recording = 'ours' | 'small';

function reading(form: Form, of: Recording): Promise<Store> {
  return openStore({ folder: join(form.folder, of), workerScript, readOnly: true });
}

function sizeOfRecording(form: Form, of: Recording): number {
  return of === 'small' ? countOf(form) / 10 : countOf(form);
}

/** Windows by the pages that a view asks for. */
function windowsOf(of: Recording): Contender {
  return async (form) => {
    const store = await reading(form, of);
    return timedWindows(sizeOfRecording(form, of), async (market, from, to) => {
      let count = 0;
      for (let before = to; ;) {
        const page = await store.tradePage(MARKET_IDS[market] ?? '', before, PAGE, from);
        count += page.count;
        if (!page.more) return count;
        before = tradesOf(page.bytes)[0] ?? from;
      }
    });
  };
}

export const window: Row = {
  name: 'window',
  stage: 'a 5-minute window out of many trades',
  unit: 'query',
  prepare: prepareMany,
  contenders: {
    'a plain table with an index': async (form) => {
      const database = new Database(join(form.folder, 'plain.db'), { readonly: true });
      const select = database
        .prepare<[number, number, number]>(
          'SELECT time, price, size, side FROM trades WHERE market = ? AND time >= ? AND time < ? ORDER BY time',
        )
        .raw();
      return timedWindows(countOf(form), (market, from, to) => select.all(market, from, to).length);
    },
    ours: windowsOf('ours'),
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

/** What a second answer of the same process takes, which has in memory what the first had to read. */
const AGAIN = 'asked again, ms';

/** Once, as when a session is opened. */
function bucketsOf(of: Recording): Contender {
  return async (form) => {
    const store = await reading(form, of);
    const [{ id } = { id: 0 }] = await store.sessions();
    const range = { from: START, to: endOf(sizeOfRecording(form, of)), limit: BUCKETS };
    const watch = new Stopwatch();
    const page = await store.buckets({ session: id, market: MARKET_IDS[0] ?? '', ...range });
    const sample = watch.stop(1);
    const again = new Stopwatch();
    await store.buckets({ session: id, market: MARKET_IDS[0] ?? '', ...range });
    const { ms } = again.stop(1);
    const counts = floatsOf(page.bytes).filter((_, at) => at % BUCKET_FIELDS === COUNT_FIELD);
    return { ...sample, notes: { buckets: counts.filter((count) => count > 0).length, [AGAIN]: ms } };
  };
}

const DUCKDB = 'DuckDB on two threads';
const ARRAYS = 'typed arrays in memory';

export const session: Row = {
  name: 'session',
  stage: `a whole session of one market as ${BUCKETS.toLocaleString('en')} OHLC buckets`,
  unit: 'query',
  prepare: prepareOne,
  contenders: {
    [DUCKDB]: async (form) => {
      const { width } = new Buckets(START, endOf(countOf(form)));
      const market = MARKET_IDS[0] ?? '';
      const ask = await duckdbBuckets(join(form.folder, 'duck.db'), { market, from: START, width });
      const watch = new Stopwatch();
      const answer = await ask();
      const sample = watch.stop(1);
      const { buckets, trades } = answer();
      if (trades !== countOf(form)) throw new Error(`DuckDB has ${trades} trades of ${countOf(form)}`);
      const again = new Stopwatch();
      await ask();
      return { ...sample, notes: { buckets, [AGAIN]: again.stop(1).ms } };
    },
    'SQL of SQLite': async (form) => {
      const database = new Database(join(form.folder, 'plain.db'), { readonly: true });
      const { width } = new Buckets(START, endOf(countOf(form)));
      const select = database.prepare<[number, number]>(
        // The rows are in the order of their times, so that the first and the last are those of open and close.
        `SELECT bucket, opening.price, high, low, closing.price, volume, value / volume, count FROM (
           SELECT CAST((time - ?) / CAST(? AS INTEGER) AS INTEGER) AS bucket, max(price) AS high, min(price) AS low,
             sum(size) AS volume, CAST(sum(price * size) AS REAL) AS value, count(*) AS count,
             min(row) AS first, max(row) AS last
           FROM trades GROUP BY bucket
         ) JOIN trades AS opening ON opening.row = first JOIN trades AS closing ON closing.row = last`,
      );
      const watch = new Stopwatch();
      const buckets = select.all(START, width).length;
      return watch.stop(1, { buckets });
    },
    [ARRAYS]: async (form) => {
      const count = countOf(form);
      const [times, prices, sizes] = [
        new Float64Array(count),
        new Float64Array(count),
        new Float64Array(count),
      ];
      const database = new Database(join(form.folder, 'plain.db'), { readonly: true });
      const rows = database
        .prepare<[], [number, number, number]>('SELECT time, price, size FROM trades ORDER BY row')
        .raw()
        .iterate();
      let n = 0;
      for (const [time, price, size] of rows) {
        times[n] = time;
        prices[n] = price;
        sizes[n++] = size;
      }
      const watch = new Stopwatch();
      const buckets = new Buckets(START, endOf(count));
      for (n = 0; n < count; n++) buckets.add(times[n] ?? 0, prices[n] ?? 0, sizes[n] ?? 0);
      return watch.stop(1, { buckets: buckets.filled });
    },
    ours: bucketsOf('ours'),
  },
  limits: [ARRAYS],
  against: DUCKDB,
  must: 1,
  shall: 10,
};

const TENTH = 'of a tenth of the trades';
/** At most 1.5 times the time of a tenth of the trades. */
const GROWTH = { against: TENTH, must: 1 / 1.5, shall: 1 };

/** Commits into a copy of the recording. */
function insertsInto(of: Recording): Contender {
  return async (form) => {
    const folder = mkdtempSync(join(form.folder, 'insert-'));
    cpSync(join(form.folder, of), folder, { recursive: true });
    const count = countOf(form) / 10;
    const commits = commitsOf(count);
    const before = sizeOf(folder);
    const store = await openStore({ folder, workerScript });
    const { id } = await store.beginSession(endOf(sizeOfRecording(form, of)) / 1000);
    const watch = new Stopwatch();
    await commitAll(store, id, commits);
    const sample = watch.stop(count);
    await store.close();
    rmSync(folder, { recursive: true, force: true });
    return { ...sample, notes: { [BYTES]: before / sizeOfRecording(form, of) } };
  };
}

export const growth: readonly Row[] = [
  {
    name: 'growth-window',
    stage: 'growth: a 5-minute window, out of ten times as many trades',
    unit: 'query',
    prepare: prepareMany,
    contenders: { [TENTH]: windowsOf('small'), ours: windowsOf('ours') },
    ...GROWTH,
  },
  {
    name: 'growth-session',
    stage: `growth: a whole session as ${BUCKETS.toLocaleString('en')} buckets, of ten times as many trades`,
    unit: 'query',
    prepare: prepareOne,
    contenders: { [TENTH]: bucketsOf('small'), ours: bucketsOf('ours') },
    ...GROWTH,
  },
  {
    name: 'growth-insert',
    stage: 'growth: commits into a store of ten times as many trades',
    unit: 'trade',
    prepare: prepareMany,
    contenders: { [TENTH]: insertsInto('small'), ours: insertsInto('ours') },
    ...GROWTH,
  },
];
