/**
 * Looks through a store for what is damaged or does not fit together: SQLite's own check, then each run of
 * trades against its checksum and what is noted of it, then the tables against each other. It changes nothing.
 *
 * What has no checksum and stands nowhere twice (a candle's price, a session's start, a cause in words) is
 * only looked at for values that cannot be.
 */
import type { Database } from 'better-sqlite3';
import { toAppError } from '../result.ts';
import {
  checkCandles,
  checkFile,
  checkOthers,
  checkSessions,
  checkShape,
  readKnown,
} from './check-tables.ts';
import { checkTrades, type TradeCounts } from './check-trades.ts';
import { openForReading } from './database.ts';
import { storageError } from './errors.ts';
import { type Fault, Faults } from './faults.ts';
import { isHeld } from './lock.ts';
import { versionOf } from './schema.ts';

export interface CheckReport {
  /** Version of its tables; null when not even that can be read. */
  readonly version: number | null;
  /** What was looked at. */
  readonly checked: Readonly<TradeCounts> & { readonly sessions: number; readonly candles: number };
  /** The first thousand. */
  readonly faults: readonly Fault[];
  /** Those beyond. */
  readonly more: number;
}

export interface CheckOptions {
  /** Somebody records into it meanwhile: only short transactions, so that its log does not grow. */
  readonly beside?: boolean;
  /** Trades of a chunk; fewer than usual in tests. */
  readonly chunkTrades?: number;
}

/**
 * Checks the store of a folder, beside a running Quipu too. Whatever is wrong with it is a fault of the
 * report; nothing is thrown.
 *
 * @param tell called with the share that is done, 0 to 1
 * @returns null when the folder has none
 */
export function checkStore(folder: string, tell: (share: number) => void): CheckReport | null {
  let database: Database | null = null;
  try {
    database = openForReading(folder);
    if (database === null) return null;
    const steps = checkDatabase(database, { beside: isHeld(folder) });
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      tell(step.value);
    }
  } catch (error) {
    const { action = 'Choose another folder.', message } = toAppError(storageError(error, folder));
    const fault: Fault = { kind: 'file', where: 'quipu.db', what: message, action };
    return { version: null, checked: NOTHING, faults: [fault], more: 0 };
  } finally {
    database?.close();
  }
}

const NO_TRADES: TradeCounts = { trades: 0, rows: 0, segments: 0, chunks: 0, bars: 0 };
const NOTHING = { ...NO_TRADES, sessions: 0, candles: 0 };

/**
 * The same of an open database, a portion at a step: each is a transaction of its own, and gives the share
 * that is done.
 */
export function* checkDatabase(
  database: Database,
  { beside = false, chunkTrades }: CheckOptions = {},
): Generator<number, CheckReport, void> {
  const faults = new Faults();
  const trades = { ...NO_TRADES };
  const candles = { candles: 0 };
  for (const share of checkFile(database, faults, !beside)) yield share * 0.3;
  const version = faults.attempt('file', 'quipu.db', () => versionOf(database));
  let sessions = 0;
  if (version !== null) {
    checkShape(database, version, faults);
    const known = readKnown(database, faults);
    sessions = known.sessions.size;
    const steps = checkTrades(database, known, faults, trades, chunkTrades);
    yield* scaled(attempted(steps, faults), 0.3, 0.9);
    yield* scaled(attempted(checkCandles(database, known, faults, candles), faults), 0.9, 0.95);
    checkSessions(database, faults);
    yield* scaled(attempted(checkOthers(database, faults), faults), 0.96, 1);
  }
  return { version, checked: { ...trades, ...candles, sessions }, faults: faults.list, more: faults.more };
}

/** Ends with a fault where the steps throw. */
function* attempted(steps: Iterator<number, void>, faults: Faults): Generator<number, void, void> {
  for (;;) {
    const step = faults.attempt('file', 'quipu.db', () => steps.next());
    if (step === null || step.done === true) return;
    yield step.value;
  }
}

function* scaled(shares: Iterable<number>, from: number, to: number): Generator<number, void, void> {
  for (const share of shares) yield from + share * (to - from);
}
