/** Trades as the recorder hands them to the store, and the plain table that they are measured against. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { TradeBatch, type TradeColumns } from '../../main/core/flow/batch.ts';
import { chance, MARKETS } from './frames.ts';

export const MARKET_IDS: readonly string[] = MARKETS.map(({ id }) => id);
/** 2026-01-15T00:00:00Z, microseconds. */
export const START = 1_768_435_200_000_000;
/** Mean time between two trades: 10,000,000 are a day. */
const STEP = 8_640;

/** Four hexadecimal figures. */
const FIGURES = Array.from({ length: 65_536 }, (_, value) => value.toString(16).padStart(4, '0'));

export interface PlainTrade {
  readonly market: number;
  readonly time: number;
  readonly receipt: number;
  /** Cents. */
  readonly price: number;
  /** Millionths. */
  readonly size: number;
  readonly side: number;
  readonly id: string;
}

/** The same trades each time, of so many markets. */
export function* recordedTrades(markets = MARKETS.length, seed = 5): Generator<PlainTrade> {
  const random = chance(seed);
  const prices = MARKETS.map(() => 1_000_000 + Math.floor(random() * 5_000_000));
  const hex = (): string => FIGURES[Math.floor(random() * 65_536)] ?? '';
  for (let time = START; ; time += Math.floor(random() * 2 * STEP)) {
    const market = Math.floor(random() * markets);
    const price = (prices[market] ?? 0) + Math.floor(random() * 201) - 100;
    prices[market] = price;
    yield {
      market,
      time,
      receipt: time + 40_000 + Math.floor(random() * 1_000),
      price,
      size: 1 + Math.floor(random() * 3_000_000),
      side: random() < 0.5 ? 1 : 2,
      id: `${hex()}${hex()}-${hex()}-4${hex().slice(1)}-a${hex().slice(1)}-${hex()}${hex()}${hex()}`,
    };
  }
}

/** The end of the time that so many trades take, roughly. */
export function endOf(count: number): number {
  return START + count * STEP;
}

export function columnsOf(trades: Iterator<PlainTrade>, count: number): TradeColumns {
  const batch = new TradeBatch(count);
  for (let n = 0; n < count; n++) {
    const { market, time, receipt, price, size, side, id } = trades.next().value as PlainTrade;
    batch.push({
      market,
      exchangeTime: time,
      receiptTime: receipt,
      // Canonical decimals end with no zero; it matters to none of the measurements.
      priceDigits: price,
      priceScale: 2,
      sizeDigits: size,
      sizeScale: 6,
      side,
      origin: 0,
      id,
    });
  }
  return batch.take();
}

/** A plain table of trades, as one would write it in an hour. */
export function plainTable(
  path: string,
  indexed: boolean,
): { database: Database.Database; insert: (trades: readonly PlainTrade[]) => void } {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(`CREATE TABLE trades (row INTEGER PRIMARY KEY, market INTEGER NOT NULL, time INTEGER NOT NULL,
    receipt INTEGER NOT NULL, price INTEGER NOT NULL, size INTEGER NOT NULL, side INTEGER NOT NULL, id TEXT NOT NULL)`);
  if (indexed) database.exec('CREATE INDEX by_time ON trades (market, time)');
  const statement = database.prepare<[number, number, number, number, number, number, string]>(
    'INSERT INTO trades (market, time, receipt, price, size, side, id) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const insert = database.transaction((trades: readonly PlainTrade[]) => {
    for (const { market, time, receipt, price, size, side, id } of trades) {
      statement.run(market, time, receipt, price, size, side, id);
    }
  });
  return { database, insert };
}

/** Bytes of all files. */
export function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0);
}
