/** Puts a database that cannot be used aside, whole and unchanged, so that recording can go on beside it. */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf, syncFolder } from './disk.ts';
import { databaseFiles } from './files.ts';

/** Of the folder's name: a user must see at once what it is. */
const PREFIX = 'damaged-';

export function isDamagedFolder(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * Moves the database and its logs into a new subfolder. Nothing is deleted or written to: a log may hold
 * what the database lacks.
 *
 * @param now milliseconds since the epoch; names the subfolder
 * @returns the subfolder's path
 * @throws what the file system throws; then nothing or a part was moved, and each file is in one place
 */
export function quarantine(folder: string, now: number): string {
  const aside = freshFolder(folder, now);
  const from = databaseFiles(folder);
  const to = databaseFiles(aside);
  // The database last: as long as it stands, what was moved before it is not taken for all there was.
  for (const part of ['shm', 'wal', 'journal', 'main'] as const) {
    if (sizeOf(from[part]) !== null) renameSync(from[part], to[part]);
  }
  syncFolder(aside);
  syncFolder(folder);
  return aside;
}

function freshFolder(folder: string, now: number): string {
  const stamp = new Date(now).toISOString().slice(0, 19).replaceAll(':', '-');
  for (let again = 1; ; again++) {
    const path = join(folder, `${PREFIX}${stamp}Z${again === 1 ? '' : `-${again}`}`);
    try {
      mkdirSync(path);
      return path;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
  }
}
