/** What a store holds and what it costs, for the command line. Reads beside a running Quipu. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { Micros } from '../contract.ts';
import { isBackup } from './backup.ts';
import { openForReading } from './database.ts';
import { sizeOf } from './disk.ts';
import { storageError } from './errors.ts';
import { databaseFiles } from './files.ts';
import { isDamagedFolder } from './quarantine.ts';
import { hasChunks, hasCoverage, hasJournal, versionOf } from './schema.ts';

/** What lies beside the record, in bytes. */
export interface Aside {
  readonly name: string;
  readonly bytes: number;
}

export interface StoreStats {
  readonly folder: string;
  /** Version of its tables. */
  readonly version: number;
  /** Bytes. */
  readonly files: { readonly database: number; readonly log: number };
  readonly pages: { readonly size: number; readonly count: number; readonly free: number };
  readonly sessions: number;
  readonly markets: number;
  /** By place; see docs/store.md. */
  readonly trades: {
    readonly total: number;
    readonly rows: number;
    readonly segments: { readonly count: number; readonly trades: number };
    readonly chunks: { readonly count: number; readonly trades: number };
  };
  /** Of a trade in segments and chunks, without what SQLite adds; null when there is none. */
  readonly bytesPerTrade: { readonly body: number; readonly ids: number; readonly bars: number } | null;
  readonly candles: number;
  readonly gaps: number;
  /** Starts of states. */
  readonly coverage: number;
  readonly journal: number;
  readonly health: number;
  readonly refusals: number;
  /** By the exchanges' clocks; null without trades. */
  readonly oldest: Micros | null;
  readonly newest: Micros | null;
  /** Copies from before an update. */
  readonly copies: readonly Aside[];
  /** Folders with what was put aside. */
  readonly damaged: readonly Aside[];
}

/** @returns null when the folder has no store. @throws {QuipuError} kind `storage` */
export function readStats(folder: string): StoreStats | null {
  let database: Database | null = null;
  try {
    database = openForReading(folder);
    if (database === null) return null;
    const files = databaseFiles(folder);
    const sizes = { database: sizeOf(files.main) ?? 0, log: sizeOf(files.wal) ?? 0 };
    return { folder, files: sizes, ...readTables(database), ...readAside(folder) };
  } catch (error) {
    throw storageError(error, folder);
  } finally {
    database?.close();
  }
}

/** Of one moment. */
function readTables(database: Database) {
  return database.transaction(() => {
    const count = (table: string): number =>
      database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
    const pragma = (name: string): number => Number(database.pragma(name, { simple: true }));
    const rows = count('trades');
    const sealed = hasChunks(database) ? readSealed(database) : NOTHING_SEALED;
    const { bodies, ids, bars, segments, chunks, times } = sealed;
    const coded = segments.trades + chunks.trades;
    const rowTimes = database
      .prepare<[], Times>(
        `SELECT (SELECT min(exchange_time) FROM trades WHERE market = markets.id) AS oldest,
           (SELECT max(exchange_time) FROM trades WHERE market = markets.id) AS newest FROM markets`,
      )
      .all();
    const all = [times, ...rowTimes].filter(({ oldest }) => oldest !== null);
    return {
      version: versionOf(database),
      pages: { size: pragma('page_size'), count: pragma('page_count'), free: pragma('freelist_count') },
      sessions: count('sessions'),
      markets: count('markets'),
      trades: { total: rows + coded, rows, segments, chunks },
      bytesPerTrade: coded === 0 ? null : { body: bodies / coded, ids: ids / coded, bars: bars / coded },
      candles: count('candles'),
      gaps: count('gaps'),
      coverage: hasCoverage(database) ? count('coverage') : 0,
      journal: hasJournal(database) ? count('journal') : 0,
      health: hasJournal(database) ? count('health') : 0,
      refusals: hasJournal(database) ? count('refusals') : 0,
      oldest: all.length === 0 ? null : Math.min(...all.map(({ oldest }) => oldest ?? Infinity)),
      newest: all.length === 0 ? null : Math.max(...all.map(({ newest }) => newest ?? -Infinity)),
    };
  })();
}

interface Times {
  readonly oldest: Micros | null;
  readonly newest: Micros | null;
}

interface Runs {
  readonly count: number;
  readonly trades: number;
}

interface Sealed {
  readonly segments: Runs;
  readonly chunks: Runs;
  readonly bodies: number;
  readonly ids: number;
  readonly bars: number;
  readonly times: Times;
}

const NO_RUNS: Runs = { count: 0, trades: 0 };
const NOTHING_SEALED: Sealed = {
  ...{ segments: NO_RUNS, chunks: NO_RUNS, bodies: 0, ids: 0, bars: 0 },
  times: { oldest: null, newest: null },
};

function readSealed(database: Database): Sealed {
  // SQLite tells a length without reading what is so long.
  const runs = (table: string) =>
    database
      .prepare<[], Runs & Times & { readonly bodies: number; readonly ids: number }>(
        `SELECT count(*) AS count, coalesce(sum(count), 0) AS trades, min(first_time) AS oldest,
           max(last_time) AS newest, coalesce(sum(length(body)), 0) AS bodies,
           coalesce(sum(length(ids)), 0) AS ids FROM ${table}`,
      )
      .get() ?? { ...NO_RUNS, bodies: 0, ids: 0, oldest: null, newest: null };
  const bars = database
    .prepare<[], number>(
      `SELECT coalesce((SELECT sum(length(bars)) FROM chunks), 0)
         + coalesce((SELECT sum(length(bars)) FROM pyramid), 0)`,
    )
    .pluck();
  const segments = runs('segments');
  const chunks = runs('chunks');
  const both = [segments, chunks].filter(({ count }) => count > 0);
  return {
    segments: { count: segments.count, trades: segments.trades },
    chunks: { count: chunks.count, trades: chunks.trades },
    bodies: segments.bodies + chunks.bodies,
    ids: segments.ids + chunks.ids,
    bars: bars.get() ?? 0,
    times:
      both.length === 0
        ? NOTHING_SEALED.times
        : {
            oldest: Math.min(...both.map(({ oldest }) => oldest ?? Infinity)),
            newest: Math.max(...both.map(({ newest }) => newest ?? -Infinity)),
          },
  };
}

function readAside(folder: string): Pick<StoreStats, 'copies' | 'damaged'> {
  const names = readdirSync(folder).sort();
  const sized = (name: string): Aside => ({ name, bytes: bytesOf(join(folder, name)) });
  return { copies: names.filter(isBackup).map(sized), damaged: names.filter(isDamagedFolder).map(sized) };
}

/** Of a file, or of all that is in a folder. What goes away meanwhile is nothing. */
function bytesOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
