/**
 * Makes a store as small as it can be: all trades sealed, and the file without room that nothing takes. The
 * small file is made beside the old one and takes its name once it is whole and on disk, so that whatever ends
 * this in the middle leaves the store as it was.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite, { type Database } from 'better-sqlite3';
import { QuipuError } from '../result.ts';
import { closeWritten, openForReading, openForWriting } from './database.ts';
import { sizeOf, syncFolder } from './disk.ts';
import { codeOf, storageError } from './errors.ts';
import { COMPACT_FILE, databaseFiles } from './files.ts';
import { isHeld, type Lock, takeLock } from './lock.ts';
import type { StoreProgress } from './store.ts';
import { createWriter } from './writer.ts';

export interface Compacted {
  /** Bytes of the file. */
  readonly before: number;
  readonly after: number;
}

/** What sealing and SQLite need beside the new file. */
const SPARE_BYTES = 32 * 1024 * 1024;

/**
 * Needs to be the only one that has the store open. An older one is brought up to date first, after a copy.
 *
 * @param free bytes that the disk of a folder has left
 * @throws {QuipuError} kind `not-found` when the folder has none; kind `storage` when Quipu runs, another
 *   program has it open, the disk lacks the room, or it is damaged. It is as it was then.
 */
export function compact(
  folder: string,
  tell: (progress: StoreProgress) => void,
  free: (folder: string) => number = freeBytes,
): Compacted {
  try {
    // Opened for writing, a damaged one would be replaced: that is another command.
    const reading = openForReading(folder);
    if (reading === null) throw noStore(folder);
    reading.close();
    const lock = takeAlone(folder);
    try {
      return compactAlone(folder, tell, free);
    } finally {
      lock.release();
    }
  } catch (error) {
    throw storageError(error, folder);
  }
}

export function noStore(folder: string): QuipuError {
  return new QuipuError('not-found', `There is no record in ${folder}.`, 'Name its folder with --data-dir.');
}

/** The lock of a folder for what Quipu must not run beside. @throws {QuipuError} kind `storage` */
export function takeAlone(folder: string): Lock {
  if (isHeld(folder)) {
    throw new QuipuError(
      'storage',
      `Quipu is recording into ${folder}.`,
      'Close it, then run this again. Nothing was changed.',
    );
  }
  return takeLock(folder, 'the command line');
}

function compactAlone(
  folder: string,
  tell: (progress: StoreProgress) => void,
  free: (folder: string) => number,
): Compacted {
  const { main } = databaseFiles(folder);
  const before = sizeOf(main) ?? 0;
  const part = join(folder, COMPACT_FILE);
  rmSync(part, { force: true });
  const { database } = openForWriting(folder, Date.now(), tell);
  try {
    sealAll(database, (share) => tell({ task: 'sealing', share }));
    beAlone(database, folder);
    needRoom(database, folder, free);
    tell({ task: 'compacting', share: 0 });
    database.pragma('auto_vacuum = INCREMENTAL');
    database.prepare<[path: string]>('VACUUM INTO ?').run(part);
    compare(database, part);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  } finally {
    closeWritten(database);
  }
  syncFile(part);
  renameSync(part, main);
  syncFolder(folder);
  tell({ task: 'compacting', share: 1 });
  return { before, after: sizeOf(main) ?? 0 };
}

function sealAll(database: Database, tell: (share: number) => void): void {
  const { sealer } = createWriter(database);
  const left = database
    .prepare<[], number>(
      'SELECT (SELECT count(*) FROM trades) + (SELECT coalesce(sum(count), 0) FROM segments)',
    )
    .pluck();
  const all = left.get() ?? 0;
  sealer.finish();
  while (sealer.due !== 'no') {
    sealer.seal();
    tell(all === 0 ? 1 : 1 - (left.get() ?? 0) / all);
  }
}

/**
 * Out of the mode with a log, which SQLite leaves only when nobody else has the file open: a log or an open
 * reader of the old file must not meet the new one.
 */
function beAlone(database: Database, folder: string): void {
  let mode: unknown = null;
  try {
    database.pragma('wal_checkpoint(TRUNCATE)');
    mode = database.pragma('journal_mode = DELETE', { simple: true });
  } catch (error) {
    if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
  }
  if (mode === 'delete') return;
  throw new QuipuError(
    'storage',
    `Another program has ${databaseFiles(folder).main} open.`,
    'Close it, then run this again. Nothing was lost.',
  );
}

function needRoom(database: Database, folder: string, free: (folder: string) => number): void {
  const pragma = (name: string): number => Number(database.pragma(name, { simple: true }));
  const live = (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  const needed = live + SPARE_BYTES;
  const there = free(folder);
  if (there >= needed) return;
  throw new QuipuError(
    'storage',
    `The small file is made beside the old one, which takes ${megabytes(needed)} MB of room for a while; the disk has ${megabytes(there)} MB.`,
    `Free ${megabytes(needed - there)} MB on the disk of ${folder}, then run this again. Nothing was lost.`,
  );
}

/** The new file must hold what the old one does. */
function compare(database: Database, path: string): void {
  const copy = new BetterSqlite(path, { readonly: true, fileMustExist: true });
  try {
    const tables = database
      .prepare<[], string>(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
      .pluck()
      .all();
    const counts = (of: Database): string =>
      tables.map((name) => of.prepare(`SELECT count(*) FROM "${name}"`).pluck().get()).join();
    if (copy.pragma('quick_check(1)', { simple: true }) !== 'ok' || counts(copy) !== counts(database)) {
      throw new QuipuError(
        'storage',
        'The small file did not become what it should be, and was deleted. Nothing was lost.',
        'Run `quipu store check`, and check the disk.',
      );
    }
  } finally {
    copy.close();
  }
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1_000_000);
}
