/** One writer a folder, by a lock that the operating system takes back when its holder dies. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { QuipuError } from '../result.ts';
import { codeOf, storageError } from './errors.ts';
import { LOCK_FILE } from './files.ts';

/** Longer than `isHeld` looks, so that a look does not turn a writer away. */
const PATIENCE_MS = 500;

export interface Lock {
  release(): void;
}

/** @throws {QuipuError} kind `storage` when another process or thread records into the folder */
export function takeLock(folder: string): Lock {
  let database: Database.Database | null = null;
  try {
    database = new Database(join(folder, LOCK_FILE), { timeout: PATIENCE_MS });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (codeOf(error).startsWith('SQLITE_BUSY')) {
      throw new QuipuError(
        'storage',
        'Another Quipu is recording into this folder.',
        'Use that one, or end it and try again.',
      );
    }
    throw storageError(error, folder, LOCK_FILE);
  }
  const held = database;
  return { release: () => void held.close() };
}

/** Whether somebody records into the folder now. */
export function isHeld(folder: string): boolean {
  const path = join(folder, LOCK_FILE);
  if (!existsSync(path)) return false;
  let database: Database.Database | null = null;
  try {
    database = new Database(path, { readonly: true, timeout: 0 });
    database.pragma('schema_version');
    return false;
  } catch (error) {
    if (codeOf(error).startsWith('SQLITE_BUSY')) return true;
    throw storageError(error, folder, LOCK_FILE);
  } finally {
    database?.close();
  }
}
