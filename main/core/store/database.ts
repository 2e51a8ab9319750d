/** Opens the cache's file, for writing or for reading, or says why not. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { QuipuError } from '../result.ts';
import { damaged, storageError } from './errors.ts';
import type { DatabaseFiles } from './files.ts';
import { databaseFiles, NEW_DATABASE_FILE } from './files.ts';
import { APPLICATION_ID, migrate, SCHEMA_VERSION, versionOf } from './schema.ts';

/** How long another program's lock is waited for. */
const BUSY_TIMEOUT_MS = 5_000;
/** Pages of 4 KiB: a checkpoint every 16 MiB of log. */
const CHECKPOINT_PAGES = 4_000;
/** A log that once grew beyond this is cut back. */
const LOG_LIMIT_BYTES = 64 * 1024 * 1024;
const WRITER_CACHE_KIB = 32 * 1024;

/**
 * Makes the folder and the database when they are lacking. The caller holds the folder's lock.
 *
 * @throws {QuipuError} kind `storage`; a database that is damaged, foreign or newer was not written to
 */
export function openForWriting(folder: string): Database.Database {
  try {
    const files = databaseFiles(folder);
    if (sizeOf(files.main) === null) create(folder);
    else openChecked(folder).close();
    const database = new Database(files.main, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    try {
      configure(database);
      migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  } catch (error) {
    throw storageError(error, folder);
  }
}

/**
 * @returns null when the folder has no database
 * @throws {QuipuError} kind `storage`
 */
export function openForReading(folder: string): Database.Database | null {
  try {
    const files = databaseFiles(folder);
    if (sizeOf(files.main) === null && !hasLog(files)) return null;
    return openChecked(folder);
  } catch (error) {
    throw storageError(error, folder);
  }
}

/**
 * Closes what `openForWriting` opened. A database at rest keeps no log and asks for none: in WAL mode
 * SQLite makes files beside it even to read, which a folder that may only be read does not allow.
 */
export function closeWritten(database: Database.Database): void {
  try {
    database.pragma('wal_checkpoint(TRUNCATE)');
    database.pragma('journal_mode = DELETE');
  } catch {
    // A reader is there still, or the disk is full. What the log holds is safe in it.
  }
  database.close();
}

/** Makes the folder with its parents. @throws {QuipuError} kind `storage` */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw storageError(error, folder);
  }
}

/** In bytes; null when there is no such file. Never opens it: closing a file drops SQLite's locks on it. */
export function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

function hasLog(files: DatabaseFiles): boolean {
  return Boolean(sizeOf(files.wal)) || Boolean(sizeOf(files.journal));
}

function missing(files: DatabaseFiles): QuipuError {
  return damaged(files.main, 'is missing, but its log (-wal or -journal) is there');
}

function configure(database: Database.Database): void {
  if (database.pragma('journal_mode = WAL', { simple: true }) !== 'wal') {
    throw new QuipuError(
      'storage',
      'The disk of this folder does not allow a write-ahead log (a network folder?).',
      'Choose a folder on a local disk with QUIPU_DATA_DIR.',
    );
  }
  // After journal_mode, since entering WAL sets `synchronous` back to NORMAL.
  database.pragma('synchronous = FULL');
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma(`journal_size_limit = ${LOG_LIMIT_BYTES}`);
  database.pragma(`cache_size = -${WRITER_CACHE_KIB}`);
}

/**
 * A database is made under another name and renamed once it is whole, so that an empty quipu.db always
 * means that something was lost, and is not taken for a fresh start.
 */
function create(folder: string): void {
  const files = databaseFiles(folder);
  // SQLite would play what an old log holds into the new file.
  if (hasLog(files)) throw missing(files);
  const fresh = databaseFiles(folder, NEW_DATABASE_FILE);
  for (const path of [fresh.main, fresh.wal, fresh.shm, fresh.journal]) rmSync(path, { force: true });
  const database = new Database(fresh.main, { timeout: BUSY_TIMEOUT_MS });
  try {
    migrate(database);
  } finally {
    database.close();
  }
  renameSync(fresh.main, files.main);
  syncFolder(folder);
}

/** Without it a power loss could take back the renaming, and with it every commit since. */
function syncFolder(folder: string): void {
  // Windows opens no folders, and keeps renamings in its own log.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The database, open for reading, after a look at what it is. The look changes nothing in it. */
function openChecked(folder: string): Database.Database {
  const files = databaseFiles(folder);
  const size = sizeOf(files.main);
  if (size === null) throw missing(files);
  if (size === 0) throw damaged(files.main, 'is empty (0 bytes)');
  // Of a change that was cut off the rest must be taken back first, which is writing.
  const readonly = !sizeOf(files.journal);
  const database = new Database(files.main, { readonly, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    const version = versionOf(database);
    if (version > SCHEMA_VERSION) {
      throw new QuipuError(
        'storage',
        `${files.main} was made by a newer Quipu (version ${version} of its tables; this one knows ${SCHEMA_VERSION}).`,
        'Start the newer Quipu, or choose another folder with QUIPU_DATA_DIR.',
      );
    }
    if (version === 0 || database.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
      throw damaged(files.main, 'is not a Quipu cache');
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
