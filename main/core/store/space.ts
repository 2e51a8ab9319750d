/** The room that the database takes in its file, and how what is free of it goes back to the disk. */
import type { Database } from 'better-sqlite3';

/** Moved or cut off in one portion: a commit waits for some thousandths of a second. */
const PORTION_PAGES = 256;
const INCREMENTAL = 2;

export interface Space {
  /** Bytes in use: what is free in the file is not counted. */
  used(): number;
  /** Free pages that can be given back. */
  free(): number;
  /** Gives a portion of them back, down to `spare`. On the disk after the next whole checkpoint. */
  giveBack(spare: number): void;
  /** @returns whether all that was committed is in the file itself, which then is as short as it can be */
  checkpoint(): boolean;
}

/**
 * @param database open for writing; one that was made before files could shrink keeps its length until it
 *   is compacted, and what is recorded next takes its free pages
 */
export function prepareSpace(database: Database): Space {
  const ask = (name: string): number => Number(database.pragma(name, { simple: true }));
  const pageSize = ask('page_size');
  const shrinks = ask('auto_vacuum') === INCREMENTAL;
  return {
    used: () => (ask('page_count') - ask('freelist_count')) * pageSize,
    free: () => (shrinks ? ask('freelist_count') : 0),
    giveBack(spare) {
      const pages = Math.min(PORTION_PAGES, ask('freelist_count') - spare);
      // Not "simple", which would take one step of it: one page.
      if (pages > 0) database.pragma(`incremental_vacuum(${pages})`);
    },
    checkpoint() {
      const [result] = database.pragma('wal_checkpoint(PASSIVE)') as readonly Readonly<
        Record<'busy' | 'log' | 'checkpointed', number>
      >[];
      return result?.busy === 0 && result.log === result.checkpointed;
    },
  };
}
