import { describe, expect, test } from 'vitest';
import Database from 'better-sqlite3';
import type { Candle } from '../../../main/core/flow/batch.ts';
import { makeFolder, openForReading, openForWriting } from '../../../main/core/store/database.ts';
import { storageError } from '../../../main/core/store/errors.ts';
import { databaseFiles } from '../../../main/core/store/files.ts';
import type { Reader } from '../../../main/core/store/reader.ts';
import { createReader } from '../../../main/core/store/reader.ts';
import type { Writer } from '../../../main/core/store/writer.ts';
import { createWriter } from '../../../main/core/store/writer.ts';
import { candle, commitOf, failureOf, temporaryFolder, trade } from './support.ts';

interface Both {
  readonly folder: string;
  readonly database: Database.Database;
  readonly writer: Writer;
  readonly reader: Reader;
}

/** A writer and a reader without threads. */
function openBoth(): Both {
  const folder = temporaryFolder();
  makeFolder(folder);
  const database = openForWriting(folder, 0, () => undefined).database;
  const forReading = openForReading(folder);
  if (forReading === null) throw new Error('no database');
  return { folder, database, writer: createWriter(database), reader: createReader(forReading, () => true) };
}

function tradesOf(reader: Reader, session: number): string[] {
  const range = reader.sessionRows(session, 'trades');
  if (range === null) throw new Error('no session');
  return reader.trades(range, { session, market: null, since: null }).rows.map(({ id }) => id);
}

function candlesOf(reader: Reader, session: number): readonly Candle[] {
  const range = reader.sessionRows(session, 'candles');
  if (range === null) throw new Error('no session');
  return reader.candles(range, { session, market: null, granularity: null }).rows;
}

test('the log is synced at every commit', () => {
  const { database } = openBoth();
  expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
  // 2 is FULL.
  expect(database.pragma('synchronous', { simple: true })).toBe(2);
});

test('numbers are stored as whole numbers, not as floats', () => {
  const { database, writer } = openBoth();
  writer.beginSession(1.25);
  writer.commit(commitOf(1, [trade({ price: '9007199254740991', size: '9223372036854775807' })], [candle()]));
  const types = database
    .prepare(
      `SELECT DISTINCT typeof(value) FROM (
         SELECT first_row AS value FROM segments UNION ALL SELECT first_time FROM segments
         UNION ALL SELECT last_time FROM segments UNION ALL SELECT last_receipt FROM segments
         UNION ALL SELECT start FROM candles UNION ALL SELECT started FROM sessions
         UNION ALL SELECT trades FROM sessions UNION ALL SELECT last_trade FROM sessions)`,
    )
    .pluck()
    .all();
  expect(types).toEqual(['integer']);
});

describe('a commit is stored whole or not at all', () => {
  test('when a row of it is wrong', async () => {
    const { writer, reader } = openBoth();
    writer.beginSession(1);
    writer.commit(commitOf(1, [trade({ id: 'before' })]));
    const bad = commitOf(
      1,
      [trade({ id: 'x', market: 'new' }), trade({ id: 'y', market: 'beyond' })],
      [candle()],
    );
    const failure = await failureOf(() => writer.commit({ ...bad, markets: ['new'] }));
    expect(failure).toMatchObject({ kind: 'internal' });
    expect(tradesOf(reader, 1)).toEqual(['before']);
    expect(candlesOf(reader, 1)).toEqual([]);
    expect(reader.sessions()[0]).toMatchObject({ trades: 1, candles: 0, markets: ['binance-btc-usdt'] });

    // The market that went with it is made anew.
    writer.commit(commitOf(1, [trade({ id: 'after', market: 'new' })]));
    expect(tradesOf(reader, 1)).toEqual(['before', 'after']);
    expect(reader.sessions()[0]?.markets).toEqual(['binance-btc-usdt', 'new']);
  });

  test('when the disk is full, and the next one is stored once there is room', () => {
    const { folder, database, writer, reader } = openBoth();
    writer.beginSession(1);
    writer.commit(commitOf(1, [trade({ id: 'before' })]));
    const many = Array.from({ length: 5_000 }, (_, n) => trade({ id: `trade ${n}` }));
    const pages = Number(database.pragma('page_count', { simple: true }));
    database.pragma(`max_page_count = ${pages + 4}`);
    let thrown: unknown = null;
    try {
      writer.commit(commitOf(1, many));
    } catch (error) {
      thrown = error;
    }
    const { kind, message, action } = storageError(thrown, folder);
    expect({ kind, message }).toEqual({
      kind: 'storage',
      message: `The disk is full: nothing more can be recorded in ${folder}.`,
    });
    expect(action).toMatch(/Free some space/);
    expect(tradesOf(reader, 1)).toEqual(['before']);
    database.pragma('max_page_count = 1000000');
    writer.commit(commitOf(1, many.slice(0, 3)));
    expect(tradesOf(reader, 1)).toEqual(['before', 'trade 0', 'trade 1', 'trade 2']);
  });

  test('when another program holds the file', () => {
    const { folder, database, writer, reader } = openBoth();
    writer.beginSession(1);
    database.pragma('busy_timeout = 20');
    const other = new Database(databaseFiles(folder).main);
    other.exec('BEGIN EXCLUSIVE');
    let thrown: unknown = null;
    try {
      writer.commit(commitOf(1, [trade()]));
    } catch (error) {
      thrown = error;
    }
    expect(storageError(thrown, folder)).toHaveProperty(
      'message',
      `Another program keeps ${databaseFiles(folder).main} locked.`,
    );
    other.exec('ROLLBACK');
    other.close();
    expect(tradesOf(reader, 1)).toEqual([]);
    writer.commit(commitOf(1, [trade()]));
    expect(tradesOf(reader, 1)).toEqual(['1']);
  });
});

describe('candles of one period in one session', () => {
  const cases: readonly [string, Partial<Candle>, Partial<Candle>, 'first' | 'second'][] = [
    ['final beats provisional', { final: true, trades: 1 }, { final: false, trades: 9 }, 'first'],
    ['a late final replaces', { final: false, trades: 9 }, { final: true, trades: 1 }, 'second'],
    ['more trades beat fewer', { trades: 9 }, { trades: 8, receiptTime: 99 }, 'first'],
    ['more trades replace', { trades: 8 }, { trades: 9 }, 'second'],
    ['of two finals, more trades', { final: true, trades: 9 }, { final: true, trades: 8 }, 'first'],
    ['a late revision of a final', { final: true, trades: 9 }, { final: true, trades: 9 }, 'second'],
    ['a tie is the later one', { trades: 9 }, { trades: 9 }, 'second'],
    ['even when the clock went back', { trades: 9, receiptTime: 9 }, { trades: 9, receiptTime: 1 }, 'second'],
  ];
  for (const together of [true, false]) {
    test.each(cases)(
      `%s (${together ? 'one commit' : 'two commits'})`,
      (_, firstValues, secondValues, winner) => {
        const { writer, reader } = openBoth();
        writer.beginSession(1);
        const first = candle({ close: '1', ...firstValues });
        const second = candle({ close: '2', origin: 'redelivered', ...secondValues });
        if (together) writer.commit(commitOf(1, [], [first, second]));
        else for (const one of [first, second]) writer.commit(commitOf(1, [], [one]));
        expect(candlesOf(reader, 1)).toEqual([winner === 'first' ? first : second]);
        expect(reader.sessions()[0]?.candles).toBe(1);
      },
    );
  }
});
