/** Opens the cache's file, for writing or for reading, or says why not. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { type AppError, QuipuError } from '../result.ts';
import { backUp } from './backup.ts';
import { sizeOf, syncFolder } from './disk.ts';
import { damaged, isDamage, storageError } from './errors.ts';
import type { DatabaseFiles } from './files.ts';
import { COMPACT_FILE, databaseFiles, MARK_FILE, NEW_DATABASE_FILE } from './files.ts';
import { quarantine } from './quarantine.ts';
import { type Mended, mend } from './mend.ts';
import { salvage } from './salvage.ts';
import { APPLICATION_ID, migrate, SCHEMA_VERSION, versionOf } from './schema.ts';
import type { StoreProgress } from './store.ts';

/** How long another program's lock is waited for. */
const BUSY_TIMEOUT_MS = 5_000;
/** Pages of 4 KiB: a checkpoint every 16 MiB of log. */
const CHECKPOINT_PAGES = 4_000;
/** A log that once grew beyond this is cut back. */
const LOG_LIMIT_BYTES = 32 * 1024 * 1024;
const WRITER_CACHE_KIB = 32 * 1024;
const MARK = `This folder holds what Quipu recorded of the markets.

quipu.db (with quipu.db-wal while Quipu runs) is the record. Copy it only while Quipu is closed.
quipu.db.before-v... is a copy made before an update changed the record; the newest two are kept.
damaged-... holds a record that could not be read any more, as it was found.
Do not delete this file: it tells Quipu that a record was here.
`;

export interface OpenedForWriting {
  readonly database: Database.Database;
  /** What the user must be told of the opening, or null: nothing was lost in silence. */
  readonly notice: AppError | null;
}

type Tell = (progress: StoreProgress) => void;

/**
 * Makes the folder and the database when they are lacking, and brings an older one up to date, after a
 * copy. A damaged one is put aside, never deleted; what can be read of it begins the new one. The caller
 * holds the folder's lock.
 *
 * @param now milliseconds since the epoch; names what is put aside or copied
 * @throws {QuipuError} kind `storage`; a database that is foreign or newer was not written to
 */
export function openForWriting(folder: string, now: number, tell: Tell): OpenedForWriting {
  try {
    const notice = prepare(folder, now, tell);
    const { main } = databaseFiles(folder);
    const database = new Database(main, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    try {
      configure(database);
    } catch (error) {
      database.close();
      throw error;
    }
    return { database, notice };
  } catch (error) {
    throw storageError(error, folder);
  }
}

function goneNotice(path: string): AppError {
  return {
    kind: 'storage',
    message: `${path} is gone, with what was recorded in it. A new one was begun.`,
    action: 'If it was moved by mistake, close Quipu and put it back.',
  };
}

function damageNotice(aside: string, taken: Mended | null): AppError {
  const saved =
    taken === null
      ? 'Nothing of it could be read.'
      : `What could be read of it was kept (${taken.trades} trades)${unreadableWords(taken)}.`;
  return {
    kind: 'storage',
    message: `The record was damaged and was put aside in ${aside}, as it was. ${saved} Recording goes on in a new file.`,
    action: 'Check the disk, and keep that folder if you have no other copy.',
  };
}

function unreadableWords({ lost, unreadable }: Mended): string {
  if (unreadable === 0 && lost === 0) return '';
  const places = `${unreadable} ${unreadable === 1 ? 'place' : 'places'} could not`;
  const words = unreadable === 0 ? 'some is missing' : places;
  return lost === 0 ? `, ${words}` : `, ${words}: ${lost} trades are lost`;
}

/** Leaves a database of this version in the folder, that nobody has open. */
function prepare(folder: string, now: number, tell: Tell): AppError | null {
  const files = databaseFiles(folder);
  // Of a compaction that was cut off.
  rmSync(join(folder, COMPACT_FILE), { force: true });
  if (sizeOf(files.main) === null && !hasLog(files)) {
    const gone = existsSync(join(folder, MARK_FILE));
    create(folder, SCHEMA_VERSION);
    return gone ? goneNotice(files.main) : null;
  }
  let version: number;
  try {
    const checked = openChecked(folder);
    version = versionOf(checked);
    checked.close();
  } catch (error) {
    if (!isDamage(error)) throw error;
    return replace(folder, now, tell);
  }
  if (version < SCHEMA_VERSION) {
    settle(folder);
    backUp(folder, SCHEMA_VERSION, now, (share) => tell({ task: 'copying', share }));
    const database = new Database(files.main, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    try {
      migrate(database, SCHEMA_VERSION, (share) => tell({ task: 'updating', share }));
    } finally {
      database.close();
    }
  }
  mark(folder);
  return null;
}

/**
 * Puts the folder's database aside and begins a new one with what can be read of it. The caller holds the
 * folder's lock, and has it open no more.
 *
 * @throws {QuipuError} kind `storage`
 */
export function replace(folder: string, now: number, tell: Tell): AppError {
  try {
    const aside = quarantine(folder, now);
    const taken = salvageInto(folder, aside, tell);
    return damageNotice(aside, taken);
  } catch (error) {
    throw storageError(error, folder);
  }
}

/** Makes the new database with what can be read of the old one; null when nothing of that can be. */
function salvageInto(folder: string, aside: string, tell: Tell): Mended | null {
  const old = openDamaged(databaseFiles(aside).main);
  if (old === null) {
    create(folder, SCHEMA_VERSION);
    return null;
  }
  try {
    const version = versionOf(old);
    let taken: Mended | null = null;
    create(folder, version, (database) => {
      const { unreadable } = salvage(old, database, (share) => tell({ task: 'salvaging', share }));
      const mended = mend(database);
      taken = { ...mended, unreadable: unreadable + mended.unreadable };
    });
    return taken;
  } finally {
    old.close();
  }
}

/** For reading, so far as that goes; null when not even its version can be read. */
function openDamaged(path: string): Database.Database | null {
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { readonly: true, fileMustExist: true });
    // A file shorter than it says is read as far as it goes in this mode alone.
    database.unsafeMode(true);
    database.pragma('writable_schema = ON');
    const version = versionOf(database);
    if (version >= 1 && version <= SCHEMA_VERSION) return database;
  } catch {
    // Not a database any more.
  }
  database?.close();
  return null;
}

/** Plays what a log holds into the database, so that the file alone is all of it. */
function settle(folder: string): void {
  const { main } = databaseFiles(folder);
  const database = new Database(main, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  closeWritten(database);
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
    makeEach(folder);
  } catch (error) {
    throw storageError(error, folder);
  }
}

/** One by one, since Node's own way of making parents never ends where none can be made, as under /proc. */
function makeEach(folder: string): void {
  if (existsSync(folder)) return;
  makeEach(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another Quipu may have been quicker.
    if (!existsSync(folder)) throw error;
  }
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
function create(
  folder: string,
  version: number,
  fill: (database: Database.Database) => void = () => undefined,
): void {
  const files = databaseFiles(folder);
  // SQLite would play what an old log holds into the new file.
  if (hasLog(files)) throw missing(files);
  const fresh = databaseFiles(folder, NEW_DATABASE_FILE);
  for (const path of [fresh.main, fresh.wal, fresh.shm, fresh.journal]) rmSync(path, { force: true });
  const database = new Database(fresh.main, { timeout: BUSY_TIMEOUT_MS });
  try {
    // Only before the first table: else the file could never give back the room of what is deleted.
    database.pragma('auto_vacuum = INCREMENTAL');
    migrate(database, version);
    fill(database);
    migrate(database);
  } finally {
    database.close();
  }
  renameSync(fresh.main, files.main);
  mark(folder);
  syncFolder(folder);
}

/** Says to whoever looks into the folder what it is, and to the next start that there was a database. */
function mark(folder: string): void {
  const path = join(folder, MARK_FILE);
  if (!existsSync(path)) writeFileSync(path, MARK);
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
      throw new QuipuError(
        'storage',
        `${files.main} is not a Quipu cache but a database of something else. Nothing was changed.`,
        'Choose another folder with QUIPU_DATA_DIR.',
      );
    }
    // With a log beside it the file may be shorter than the database that both make.
    const pages = Number(database.pragma('page_count', { simple: true }));
    const pageSize = Number(database.pragma('page_size', { simple: true }));
    if (size < pages * pageSize && !hasLog(files)) throw damaged(files.main, 'is cut short');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
