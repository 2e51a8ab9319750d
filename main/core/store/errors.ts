/** What SQLite and the file system throw, told apart for the user. */
import { join } from 'node:path';
import { QuipuError } from '../result.ts';
import { DATABASE_FILE } from './files.ts';
import { DamagedPiece } from './piece.ts';

const OTHER_FOLDER = 'Allow writing into it, or choose another folder with QUIPU_DATA_DIR.';

/** SQLite's (`SQLITE_FULL`) or the system's (`ENOSPC`) name of an error; empty when it has none. */
export function codeOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

/**
 * @param thrown what was thrown while `file` of `folder` was used
 * @returns of kind `storage`, with the one thing to do; a QuipuError comes back as it is
 */
export function storageError(thrown: unknown, folder: string, file: string = DATABASE_FILE): QuipuError {
  if (thrown instanceof QuipuError) return thrown;
  const code = codeOf(thrown);
  const path = join(folder, file);
  if (thrown instanceof DamagedPiece) return damaged(path, `is damaged (${thrown.message})`);
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') {
    return new QuipuError(
      'storage',
      `The disk is full: nothing more can be recorded in ${folder}.`,
      'Free some space on that disk, then record again.',
    );
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return damaged(path);
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new QuipuError(
      'storage',
      `Another program keeps ${path} locked.`,
      'Close the program that has it open, then try again.',
    );
  }
  if (
    code.startsWith('SQLITE_READONLY') ||
    code.startsWith('SQLITE_CANTOPEN') ||
    code === 'SQLITE_PERM' ||
    code === 'SQLITE_AUTH'
  ) {
    return new QuipuError(
      'storage',
      `${path} cannot be opened, or its folder cannot be written to.`,
      OTHER_FOLDER,
    );
  }
  if (['EACCES', 'EPERM', 'EROFS'].includes(code)) {
    return new QuipuError('storage', `Quipu may not write into the folder ${folder}.`, OTHER_FOLDER);
  }
  if (['ENOTDIR', 'EEXIST', 'ENOENT', 'ENAMETOOLONG'].includes(code)) {
    return new QuipuError(
      'storage',
      `The folder ${folder} cannot be made.`,
      'Choose another folder with QUIPU_DATA_DIR.',
    );
  }
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  if (code.startsWith('SQLITE_IOERR') || code === 'EIO') {
    return new QuipuError(
      'storage',
      `The disk failed while ${path} was used (${code}: ${detail}).`,
      'Check the disk, then start Quipu again.',
    );
  }
  return new QuipuError(
    'storage',
    `${path} could not be used (${detail}).`,
    'Start Quipu again; if it stays so, choose another folder with QUIPU_DATA_DIR.',
  );
}

/** Told apart from what a user can put right with the database in its place. */
export class DamageError extends QuipuError {}

export function damaged(path: string, why = 'is damaged or is not a Quipu cache'): QuipuError {
  return new DamageError(
    'storage',
    `${path} ${why}. Nothing was changed or deleted.`,
    'Record into this folder again: Quipu then puts the file aside and keeps what can be read of it.',
  );
}

/** Whether the database's content is to blame, and not the disk, a lock or a right. */
export function isDamage(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return thrown instanceof DamageError || code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}

export function unknownSession(session: number): QuipuError {
  return new QuipuError('not-found', `There is no session ${session}.`, 'List the sessions and choose one.');
}
