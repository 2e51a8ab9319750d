/** Names of what the cache keeps in its folder. */
import { join } from 'node:path';

export const DATABASE_FILE = 'quipu.db';
/** Never written: the operating system's lock on it says that somebody records into the folder. */
export const LOCK_FILE = 'quipu.lock';
/** Who holds the lock, in words for people; what it says counts only while the lock is held. */
export const HOLDER_FILE = 'quipu.lock.txt';
/** A database that is being made; it takes its name once it is whole. */
export const NEW_DATABASE_FILE = 'quipu.db.new';

/** A smaller one that is being made of it; the same. */
export const COMPACT_FILE = 'quipu.db.compact';

/** For people to read, and the sign that the folder had a database. */
export const MARK_FILE = 'About this folder.txt';

export interface DatabaseFiles {
  readonly main: string;
  /** Of WAL mode, the mode while somebody records. */
  readonly wal: string;
  readonly shm: string;
  /** Of the switch into and out of WAL mode; one that stays tells of a switch cut off. */
  readonly journal: string;
}

export function databaseFiles(folder: string, name: string = DATABASE_FILE): DatabaseFiles {
  const main = join(folder, name);
  return { main, wal: `${main}-wal`, shm: `${main}-shm`, journal: `${main}-journal` };
}
