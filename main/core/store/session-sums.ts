/** What each session has, counted from the rows and pieces themselves. */
import type { Database } from 'better-sqlite3';
import { hasChunks } from './schema.ts';

export interface Sums {
  readonly session: number;
  readonly count: number;
  /** Rows. */
  readonly first: number;
  readonly last: number;
  /** The latest receipt, microseconds. */
  readonly receipt: number;
}

export interface SessionSums {
  readonly trades: ReadonlyMap<number, Sums>;
  readonly candles: ReadonlyMap<number, Sums>;
  /** Counts. */
  readonly gaps: ReadonlyMap<number, number>;
}

/** Inside a transaction. Of trades in pieces, what is noted beside them is believed. */
export function readSessionSums(database: Database): SessionSums {
  const places = [
    `SELECT session, count(*) AS count, min(row) AS first, max(row) AS last, max(receipt_time) AS receipt
     FROM trades GROUP BY session`,
  ];
  if (hasChunks(database)) {
    for (const table of ['chunks', 'segments']) {
      places.push(`SELECT session, sum(count), min(first_row), max(last_row), max(last_receipt)
        FROM ${table} GROUP BY session`);
    }
  }
  const sums = (query: string): Map<number, Sums> =>
    new Map(
      database
        .prepare<[], Sums>(query)
        .all()
        .map((each) => [each.session, each]),
    );
  return {
    trades: sums(
      `SELECT session, sum(count) AS count, min(first) AS first, max(last) AS last, max(receipt) AS receipt
       FROM (${places.join(' UNION ALL ')}) GROUP BY session`,
    ),
    candles: sums(
      `SELECT session, count(*) AS count, min(row) AS first, max(row) AS last, max(receipt_time) AS receipt
       FROM candles GROUP BY session`,
    ),
    gaps: new Map(
      database
        .prepare<[], [session: number, count: number]>('SELECT session, count(*) FROM gaps GROUP BY session')
        .raw()
        .all(),
    ),
  };
}
