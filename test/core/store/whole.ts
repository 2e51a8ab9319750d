/** A small store that has something in every table. Needs no test runner. */
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { HealthMinute, JournalEntry } from '../../../main/core/contract.ts';
import { closeWritten, openForReading, openForWriting } from '../../../main/core/store/database.ts';
import { createReader } from '../../../main/core/store/reader.ts';
import { createWriter } from '../../../main/core/store/writer.ts';
import { candle, commitOf, NOW, trade, variedTrades } from './rows.ts';

/** Trades of a chunk in it, so that few make a pyramid. */
export const FEW = 32;
export const WHOLE_MARKETS = ['binance-btc-usdt', 'kraken-eth-eur', 'a venue of “its own”'];
const SIZES = { chunkTrades: FEW, portionTrades: 262_144, portionRows: 512 };
const START = Math.floor(NOW / 1000) - 5_000;

/** Two sessions: the first is sealed, of the second half is. */
export function writeWhole(folder: string): void {
  const { database } = openForWriting(folder, 0, () => undefined);
  database.pragma('synchronous = OFF');
  fill(database);
  // So that a byte at random is one of what it holds.
  database.exec('VACUUM');
  closeWritten(database);
}

function fill(database: Database): void {
  const writer = createWriter(database, SIZES);
  const { sealer } = writer;
  for (let session = 1; session <= 2; session++) {
    writer.beginSession(START + session);
    for (let n = 0; n < 12; n++) {
      const rows = variedTrades(60, (session * 12 + n) * 60).map((each, at) => ({
        ...each,
        market: WHOLE_MARKETS[at % 7 < 4 ? 0 : at % 7 < 6 ? 1 : 2] ?? '',
        // As numbers, as UUIDs and as whatever else.
        id: [each.id, `8c3e2d1a-0000-4000-8000-${each.id.padStart(12, '0')}`, `x-${each.id}`][n % 3] ?? '',
        side: (['buy', 'sell', 'unknown'] as const)[at % 3] ?? 'buy',
        origin: at % 5 === 0 ? ('redelivered' as const) : ('live' as const),
      }));
      const start = 1_705_342_200_000_000 + n * 60_000_000;
      const lines = WHOLE_MARKETS.map((market) => ({
        market,
        endpoint: 'trades' as const,
        from: (START + 3 + n) * 1000,
        starts: [{ from: (START + 3 + n) * 1000, state: 'live' as const, cause: `served ${n}` }],
      }));
      writer.commit(
        commitOf(session, rows, [candle({ start, final: n % 2 === 0, market: WHOLE_MARKETS[n % 2] ?? '' })], {
          gaps: [
            ...(n % 4 === 0
              ? [
                  {
                    session,
                    endpoint: 'trades',
                    from: START + n,
                    to: START + n + 9,
                    state: 'lost',
                    cause: 'cut',
                    recovered: 1,
                    duplicates: 0,
                  } as const,
                ]
              : []),
          ],
          coverage: { until: (START + 3 + n) * 1000 + 500, lines },
          journal: [entry(session * 100 + n, session)],
          health: [minute(session, n)],
          refusals: [
            {
              endpoint: 'trades',
              reason: 'price',
              count: n + 1,
              first: START,
              last: START + n,
              samples: [{ at: START, text: '{}' }],
            },
          ],
        }),
      );
      if (session === 1 ? n % 3 === 2 : n === 5) {
        sealer.finish();
        while (sealer.due !== 'no') sealer.seal();
      }
    }
    if (session === 1) writer.endSession(session, START + 9_000);
  }
  writer.writeSetting('watchlist', JSON.stringify(WHOLE_MARKETS));
  // Of a time and a decimal that no difference fits.
  writer.commit(
    commitOf(2, [
      trade({ id: '', exchangeTime: NOW + 7, price: '0.00000000000000000000000000000000000001' }),
    ]),
  );
  writer.endSession(2, START + 10_000);
}

function entry(row: number, session: number): JournalEntry {
  return {
    ...{
      row,
      session,
      endpoint: 'candles',
      at: START + row,
      type: 'transition',
      from: 'live',
      to: 'waiting',
    },
    ...{ kind: 'closed', message: 'The server closed the connection.', serverWords: 'bye' },
  };
}

function minute(session: number, n: number): HealthMinute {
  return {
    ...{ session, endpoint: 'trades', at: (n + session * 60) * 60_000, messages: n, bytes: n * 100 },
    ...{ lagP50: 1, lagP95: 2.5, lagP99: null, clockOffset: -3, roundTrip: 9, reconnects: 0, refused: 0 },
  };
}

export interface Given {
  /** All that a reader gives of trades. */
  readonly trades: string;
  readonly others: string;
}

/** What a reader gives of a store; what it cannot give is its error. */
export function givenOf(folder: string): Given {
  const reading = attempt(() => openForReading(folder));
  if (!('value' in reading) || reading.value === null)
    return { trades: text(reading), others: text(reading) };
  const database = reading.value;
  try {
    const made = attempt(() => createReader(database, () => false));
    if (!('value' in made)) return { trades: text(made), others: text(made) };
    const reader = made.value;
    const trades = [1, 2].map((session) =>
      attempt(() => {
        const range = reader.sessionRows(session, 'trades') ?? { after: 0, last: 0 };
        const found: unknown[] = [];
        for (let { after } = range; after < range.last;) {
          const step = reader.trades(
            { after, last: Math.min(range.last, after + 10_000) },
            { session, market: null, since: null },
          );
          found.push(...step.rows);
          if (step.after <= after || found.length > 1e5) break;
          ({ after } = step);
        }
        return found;
      }),
    );
    const drawn = WHOLE_MARKETS.flatMap((market) => [
      ...[1, 40, 300].flatMap((limit) =>
        [1, null].map((session) =>
          attempt(() => {
            const { bytes, span } = reader.buckets({
              market,
              session,
              from: NOW,
              to: NOW + 3_000_000,
              limit,
            });
            return [span, Buffer.from(bytes).toString('base64')];
          }),
        ),
      ),
      ...[null, NOW + 500_000].map((before) =>
        attempt(() => Buffer.from(reader.tradePage(market, before, 5_000).bytes).toString('base64')),
      ),
    ]);
    const counted = attempt(() =>
      reader
        .sessions()
        .map(({ id, trades: count, candles, gaps, markets }) => [id, count, candles, gaps, markets]),
    );
    const others = [
      attempt(() => reader.sessions()),
      attempt(() =>
        reader.candles({ after: 0, last: 100 }, { session: null, market: null, granularity: null }),
      ),
      ...WHOLE_MARKETS.map((market) => attempt(() => reader.coverage(1, market))),
      attempt(() => reader.links?.journalPage({ session: null, endpoint: null }, null, 100)),
      attempt(() => reader.links?.healthPage('trades', null, 100)),
      attempt(() => reader.links?.refusals(1)),
      attempt(() => reader.readSetting('watchlist')),
    ];
    return { trades: text([trades, drawn, counted]), others: text(others) };
  } finally {
    database.close();
  }
}

function attempt<T>(run: () => T): { readonly value: T } | { readonly error: string } {
  try {
    return { value: run() };
  } catch (error) {
    return { error: String(error) };
  }
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

export function databaseIn(folder: string): string {
  return join(folder, 'quipu.db');
}
