/** The writer's thread: it alone changes the cache of its folder. */
import type { Database } from 'better-sqlite3';
import { QuipuError } from '../result.ts';
import { closeWritten, makeFolder, openForWriting } from './database.ts';
import { storageError } from './errors.ts';
import type { Lock } from './lock.ts';
import { takeLock } from './lock.ts';
import type { WriterRequests } from './requests.ts';
import { serve } from './serve.ts';
import type { Writer } from './writer.ts';
import { createWriter } from './writer.ts';

let folder = '';
let open: { lock: Lock; database: Database; writer: Writer } | null = null;

function writer(): Writer {
  if (open === null) throw new QuipuError('closed', 'The store is closed.');
  return open.writer;
}

serve<WriterRequests>(
  {
    open(args) {
      folder = args.folder;
      makeFolder(folder);
      const lock = takeLock(folder);
      try {
        const database = openForWriting(folder);
        const created = createWriter(database);
        created.recover();
        open = { lock, database, writer: created };
      } catch (error) {
        lock.release();
        throw error;
      }
      return { lastEntry: writer().lastEntry() };
    },
    beginSession: ({ started }) => writer().beginSession(started),
    commit: (commit) => writer().commit(commit),
    note({ entries }) {
      writer().note(entries);
      return null;
    },
    endSession: ({ session, ended }) => writer().endSession(session, ended),
    writeSetting({ name, json }) {
      writer().writeSetting(name, json);
      return null;
    },
    close() {
      if (open === null) return null;
      const { database, lock } = open;
      open = null;
      closeWritten(database);
      lock.release();
      return null;
    },
  },
  (thrown) => storageError(thrown, folder),
);
