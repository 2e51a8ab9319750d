/** Caches as earlier versions left them. Needs no test runner. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { parseDecimal } from '../../../main/core/protocol/decimal.ts';
import { closeWritten, openForReading } from '../../../main/core/store/database.ts';
import { createReader } from '../../../main/core/store/reader.ts';
import type { StoredTrade } from '../../../main/core/store/store.ts';

/** The tables that each version added. */
const ADDED: readonly (readonly string[])[] = [
  [],
  ['coverage'],
  ['journal', 'health', 'refusals'],
  ['segments', 'chunks', 'tapes', 'pyramid'],
];

/** What version 5 added to sessions. */
const MARKS = ['name', 'note', 'pinned', 'removed'];
/** What version 6 added to them. */
const RETENTION = ['trades_deleted', 'trades_until', 'candles_deleted', 'candles_until', 'history_until'];

/** Makes of the folder's cache, which nobody has open, one of an earlier version that holds the same. */
export function makeOld(folder: string, version: 1 | 2 | 3): void {
  const reading = openForReading(folder);
  if (reading === null) throw new Error('no database');
  const reader = createReader(reading, () => false);
  const trades = new Map<number, StoredTrade[]>();
  const firsts = new Map<number, number>();
  for (const { id } of reader.sessions()) {
    const range = reader.sessionRows(id, 'trades') ?? { after: 0, last: 0 };
    const found: StoredTrade[] = [];
    for (let { after } = range; after < range.last;) {
      const filter = { session: id, market: null, since: null };
      const step = reader.trades({ after, last: range.last }, filter);
      found.push(...step.rows);
      after = step.after;
    }
    trades.set(id, found);
    firsts.set(id, range.after + 1);
  }
  reading.close();
  const database = new Database(join(folder, 'quipu.db'));
  for (const tables of ADDED.slice(version)) for (const table of tables) database.exec(`DROP TABLE ${table}`);
  for (const column of RETENTION) database.exec(`ALTER TABLE sessions DROP COLUMN ${column}`);
  if (version < 2) database.exec('ALTER TABLE sessions DROP COLUMN covered');
  database.exec('DROP INDEX sessions_removed');
  for (const column of MARKS) database.exec(`ALTER TABLE sessions DROP COLUMN ${column}`);
  database.exec('DELETE FROM trades');
  database.pragma(`user_version = ${version}`);
  for (const [session, rows] of trades) insertRows(database, session, firsts.get(session) ?? 1, rows);
  closeWritten(database);
}

/** Trades as rows, as they were stored before there were segments. */
function insertRows(
  database: Database.Database,
  session: number,
  first: number,
  trades: readonly StoredTrade[],
): void {
  const insert = database.prepare<unknown[]>(
    `INSERT INTO trades (row, session, market, exchange_time, receipt_time, price_digits, price_scale,
       size_digits, size_scale, side, origin, id)
     VALUES (?, ?, (SELECT id FROM markets WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  database.transaction(() => {
    for (const [index, trade] of trades.entries()) {
      const price = parseDecimal(trade.price);
      const size = parseDecimal(trade.size);
      insert.run(
        first + index,
        session,
        trade.market,
        trade.exchangeTime,
        trade.receiptTime,
        price?.digits,
        price?.scale,
        size?.digits,
        size?.scale,
        ['unknown', 'buy', 'sell'].indexOf(trade.side),
        trade.origin === 'live' ? 0 : 1,
        trade.id === '' ? null : trade.id,
      );
    }
  })();
}
