/** Trades that were stored as rows, before there were segments: read as runs until they are sealed. */
import type { Database } from 'better-sqlite3';
import { newIds, readId } from './ids.ts';
import { newDecimals, setDigits, type TradeRun } from './run.ts';
import { hasChunks } from './schema.ts';

type TradeRow = [
  row: number,
  market: number,
  exchangeTime: number,
  receiptTime: number,
  priceDigits: number | string,
  priceScale: number,
  sizeDigits: number | string,
  sizeScale: number,
  side: number,
  origin: number,
  id: string | null,
];

export interface LegacyRows {
  /** The first rows of a session after `after` up to `last`, at most `limit`; null when there are none. */
  run(session: number | null, after: number, last: number, limit: number): TradeRun | null;
  /** The newest `limit` of a market in [from, before), oldest first; null when there are none. */
  newest(market: number, from: number, before: number, limit: number): TradeRun | null;
}

// Digits that no double holds come as text.
const EXACT = (column: string): string =>
  `iif(${column} BETWEEN -9007199254740991 AND 9007199254740991, ${column}, CAST(${column} AS TEXT))`;
const encoder = new TextEncoder();

/** @param visible the end of a WHERE clause that leaves sessions out; without it, none is */
export function prepareLegacyRows(database: Database, visible = ''): LegacyRows {
  const columns = `row, market, exchange_time, receipt_time, ${EXACT('price_digits')}, price_scale,
    ${EXACT('size_digits')}, size_scale, side, origin, id`;
  // NOT INDEXED: an index would find them in another order than that of receipt.
  const select = database
    .prepare<[session: number | null, after: number, last: number, limit: number], TradeRow>(
      `SELECT ${columns} FROM trades NOT INDEXED WHERE session = ifnull(?, session) AND row > ? AND row <= ?
       ORDER BY row LIMIT ?`,
    )
    .raw();
  const newest = database
    .prepare<[market: number, from: number, before: number, limit: number], TradeRow>(
      `SELECT ${columns} FROM trades WHERE market = ? AND exchange_time >= ? AND exchange_time < ?${visible}
       ORDER BY exchange_time DESC, row DESC LIMIT ?`,
    )
    .raw();
  const any = database.prepare<[], number>('SELECT 1 FROM trades LIMIT 1').pluck();
  // Once all are sealed nobody adds any.
  let gone = false;
  function isGone(): boolean {
    gone ||= hasChunks(database) && any.get() === undefined;
    return gone;
  }
  return {
    run(session, after, last, limit) {
      if (isGone()) return null;
      const rows = select.all(session, after, last, limit);
      return rows.length === 0 ? null : runOfRows(rows);
    },
    newest(market, from, before, limit) {
      if (isGone()) return null;
      const rows = newest.all(market, from, before, limit);
      return rows.length === 0 ? null : runOfRows(rows.reverse());
    },
  };
}

function runOfRows(rows: readonly TradeRow[]): TradeRun {
  const count = rows.length;
  const markets: number[] = [];
  const places = new Map<number, number>();
  const run = {
    count,
    row: new Float64Array(count),
    markets,
    market: new Uint32Array(count),
    exchangeTime: new Float64Array(count),
    receiptTime: new Float64Array(count),
    price: newDecimals(count),
    size: newDecimals(count),
    side: new Uint8Array(count),
    origin: new Uint8Array(count),
    ids: newIds(count),
  };
  for (const [index, values] of rows.entries()) {
    const [row, market, exchangeTime, receiptTime, price, priceScale, size, sizeScale, side, origin, id] =
      values;
    let place = places.get(market);
    if (place === undefined) places.set(market, (place = markets.push(market) - 1));
    run.row[index] = row;
    run.market[index] = place;
    run.exchangeTime[index] = exchangeTime;
    run.receiptTime[index] = receiptTime;
    setDigits(run.price, index, price, priceScale);
    setDigits(run.size, index, size, sizeScale);
    run.side[index] = side;
    run.origin[index] = origin;
    const bytes = encoder.encode(id ?? '');
    readId(run.ids, index, bytes, 0, bytes.length);
  }
  return run;
}
