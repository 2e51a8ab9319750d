/** One writer a folder, by a lock that the operating system takes back when its holder dies. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { QuipuError } from '../result.ts';
import { codeOf, storageError } from './errors.ts';
import { HOLDER_FILE, LOCK_FILE } from './files.ts';

/** Longer than `isHeld` looks, so that a look does not turn a writer away. */
const PATIENCE_MS = 500;
/** Of the holder's words, which another program may have written. */
const MOST_WORDS = 80;

export interface Lock {
  release(): void;
}

/**
 * @param who in words for whoever is turned away
 * @throws {QuipuError} kind `in-use` when another process or thread records into the folder, `storage` when
 *   the folder cannot be used
 */
export function takeLock(folder: string, who: string): Lock {
  let database: Database.Database | null = null;
  try {
    database = new Database(join(folder, LOCK_FILE), { timeout: PATIENCE_MS });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (codeOf(error).startsWith('SQLITE_BUSY')) {
      throw new QuipuError(
        'in-use',
        `Another Quipu is recording into this folder.${holder(folder)}`,
        'Use that one, or end it and try again.',
      );
    }
    throw storageError(error, folder, LOCK_FILE);
  }
  const held = database;
  sign(folder, who);
  return {
    release: () => {
      try {
        rmSync(join(folder, HOLDER_FILE), { force: true });
      } catch {
        // It says nothing once the lock is free.
      }
      held.close();
    },
  };
}

/** Of help to people alone, so a disk that refuses it is no reason not to record. */
function sign(folder: string, who: string): void {
  try {
    writeFileSync(join(folder, HOLDER_FILE), `${who}, process ${process.pid}`);
  } catch {
    // Whoever is turned away is told that somebody records, and not who.
  }
}

function holder(folder: string): string {
  try {
    const words = readFileSync(join(folder, HOLDER_FILE), 'utf8').slice(0, MOST_WORDS);
    return /^[\w ,]+$/.test(words) ? ` It is ${words}.` : '';
  } catch {
    return '';
  }
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
