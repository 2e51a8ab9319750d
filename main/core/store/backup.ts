/** A copy of the database as it was, before its tables are changed. */
import { readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { QuipuError } from '../result.ts';
import { copyDurably, sizeOf, syncFolder } from './disk.ts';
import { DATABASE_FILE, databaseFiles } from './files.ts';

/** Older ones are taken away once a newer one is whole. */
const KEPT = 2;
const NAME = new RegExp(`^${DATABASE_FILE.replace('.', '\\.')}\\.before-v\\d+\\.(\\d+)$`);
const PART = `${DATABASE_FILE}.backup-part`;

/**
 * Copies the folder's database, which nobody has open and which has no log, to
 * `quipu.db.before-v<version>.<time>`. It is whole or it is not there.
 *
 * @param version that the tables are about to be changed to
 * @param now milliseconds since the epoch
 * @param tell called with the share that is done, 0 to 1
 * @returns its path
 * @throws {QuipuError} kind `storage` when the disk has no room for it; else what the file system throws
 */
export function backUp(folder: string, version: number, now: number, tell: (share: number) => void): string {
  const { main } = databaseFiles(folder);
  const part = join(folder, PART);
  rmSync(part, { force: true });
  const { bavail, bsize } = statfsSync(folder);
  const bytes = sizeOf(main) ?? 0;
  if (bavail * bsize < bytes) {
    throw new QuipuError(
      'storage',
      `This Quipu keeps its recordings in another form. Before it changes them it makes a copy, for which the disk lacks the room (${megabytes(bytes)} MB).`,
      `Free that much on the disk of ${folder}, then start Quipu again. Nothing was changed.`,
    );
  }
  const path = join(folder, `${DATABASE_FILE}.before-v${version}.${now}`);
  try {
    copyDurably(main, part, tell);
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  syncFolder(folder);
  for (const old of backups(folder).slice(KEPT)) rmSync(join(folder, old), { force: true });
  return path;
}

export function isBackup(name: string): boolean {
  return NAME.test(name);
}

/** Newest first. */
function backups(folder: string): string[] {
  return readdirSync(folder)
    .filter(isBackup)
    .sort((a, b) => timeOf(b) - timeOf(a));
}

function timeOf(name: string): number {
  return Number(NAME.exec(name)?.[1] ?? 0);
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1_000_000);
}
