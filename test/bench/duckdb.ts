/**
 * DuckDB, the alternative for the review of a long session: a development dependency, and never shipped. It is
 * loaded by the contender that needs it alone, since its library would slow the start of all others.
 */
import { existsSync } from 'node:fs';
import type { PlainTrade } from './recorded.ts';
import { Unavailable } from './harness.ts';

type Duckdb = typeof import('@duckdb/node-api');

/** @throws {Unavailable} where there is no build of it for the platform */
async function loadDuckdb(): Promise<Duckdb> {
  try {
    return await import('@duckdb/node-api');
  } catch {
    throw new Unavailable('there is no build of DuckDB for this platform');
  }
}

/** Writes trades of one market into a file of DuckDB's own; null where there is no DuckDB. */
export async function duckdbTable(
  path: string,
  market: string,
): Promise<{ insert(trades: readonly PlainTrade[]): void; close(): void } | null> {
  const duckdb = await loadDuckdb().catch(() => null);
  if (duckdb === null) return null;
  const { DuckDBDataChunkWriter, DuckDBDecimalValue, DuckDBInstance, DuckDBTimestampValue } = duckdb;
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(
    'CREATE TABLE trades (market VARCHAR, time TIMESTAMP, price DECIMAL(18, 2), size DECIMAL(18, 6))',
  );
  const appender = await connection.createAppender('trades');
  const writer = DuckDBDataChunkWriter.forAppender(appender);
  return {
    insert(trades) {
      for (const { time, price, size } of trades) {
        writer.appendRow([
          market,
          new DuckDBTimestampValue(BigInt(time)),
          new DuckDBDecimalValue(BigInt(price), 18, 2),
          new DuckDBDecimalValue(BigInt(size), 18, 6),
        ]);
      }
    },
    close() {
      writer.flush();
      appender.closeSync();
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** What is asked of DuckDB: the buckets of one market, each of `width` microseconds from `from` on. */
export interface BucketsAsked {
  readonly market: string;
  readonly from: number;
  readonly width: number;
}

/**
 * A query made ready, on two threads. It ends when DuckDB has all of its columns; `trades` and `buckets`, of
 * the first answer, are read from them afterwards.
 *
 * @throws {Unavailable}
 */
export async function duckdbBuckets(
  path: string,
  { market, from, width }: BucketsAsked,
): Promise<() => Promise<() => { buckets: number; trades: number }>> {
  const { DuckDBInstance } = await loadDuckdb();
  if (!existsSync(path)) throw new Unavailable('there was no DuckDB to record with');
  const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  await connection.run('SET threads=2');
  // Of decimals, which it keeps as integers, this takes half the time that it takes of doubles.
  const query = await connection.prepare(
    `SELECT (epoch_us(time) - $1::BIGINT) // $2::BIGINT AS bucket,
       arg_min(price, time) AS open, max(price) AS high, min(price) AS low, arg_max(price, time) AS close,
       sum(size) AS volume, sum(price * size) / sum(size) AS vwap, count(*) AS count
     FROM trades WHERE market = $3 GROUP BY bucket ORDER BY bucket`,
  );
  query.bind([BigInt(from), BigInt(width), market]);
  return async () => {
    const answer = await query.runAndReadAll();
    return () => {
      const counts = answer.getColumns()[7] ?? [];
      return {
        buckets: counts.length,
        trades: counts.reduce<number>((sum, count) => sum + Number(count), 0),
      };
    };
  };
}
