/** The writer's thread: it alone changes the cache of its folder. */
import type { Database } from 'better-sqlite3';
import { memoryOf } from '../flow/batch.ts';
import { QuipuError } from '../result.ts';
import { closeWritten, makeFolder, openForWriting, replace } from './database.ts';
import { sizeOf } from './disk.ts';
import { isDamage, storageError } from './errors.ts';
import { databaseFiles } from './files.ts';
import { createKeeper, type Keeper } from './keeper.ts';
import type { Lock } from './lock.ts';
import { takeLock } from './lock.ts';
import { QuietWork } from './quiet-work.ts';
import type { WriterRequests } from './requests.ts';
import { serve, tell, tellSlow } from './serve.ts';
import { SlowQueries } from './slow-queries.ts';
import type { StoreProgress } from './store.ts';
import type { Writer } from './writer.ts';
import { createWriter } from './writer.ts';

let folder = '';
let lock: Lock | null = null;
let queries = new SlowQueries();
let open: { database: Database; writer: Writer; keeper: Keeper } | null = null;

/** @throws {QuipuError} kind `closed`; kind `storage` when a database that was let go of cannot be opened again */
function writer(): Writer {
  if (lock === null) throw new QuipuError('closed', 'The store is closed.');
  open ??= openDatabase();
  return open.writer;
}

function keeper(): Keeper {
  writer();
  if (open === null) throw new QuipuError('closed', 'The store is closed.');
  return open.keeper;
}

function openDatabase(): NonNullable<typeof open> {
  const { database, notice } = openForWriting(folder, Date.now(), progress);
  if (notice !== null) tell({ event: 'replaced', notice });
  queries.watch(database);
  const writer = createWriter(database);
  return { database, writer, keeper: createKeeper(database, writer.sealer) };
}

function progress(progress: StoreProgress): void {
  tell({ event: 'progress', progress });
}

/**
 * Runs a change. When the database proves damaged, it is put aside and the change is made in the one that
 * takes its place, so that the damage costs nothing that is only now being recorded.
 *
 * @param session that the change speaks of; the new database has it, whatever could be salvaged
 */
function change<T>(session: number | null, run: (writer: Writer) => T): T {
  try {
    return run(writer());
  } catch (error) {
    if (!isDamage(error) || open === null) throw error;
    open.database.close();
    open = null;
    tell({ event: 'replaced', notice: replace(folder, Date.now(), progress) });
    const fresh = writer();
    if (session !== null) fresh.adoptSession(session, Date.now());
    return run(fresh);
  }
}

const work = new QuietWork({
  open: () => open,
  change: (run) => change(null, (writer) => run({ writer, keeper: keeper() })),
  log: () => sizeOf(databaseFiles(folder).wal) ?? 0,
  watched: (run) => tellSlow(queries.run('quiet work', run).slow),
  deleted: () => tell({ event: 'deleted' }),
});

serve<WriterRequests>(
  {
    open(args) {
      folder = args.folder;
      queries = new SlowQueries(args.slowMs);
      makeFolder(folder);
      lock = takeLock(folder, args.who);
      try {
        change(null, (writer) => writer.recover());
        work.start();
      } catch (error) {
        open?.database.close();
        open = null;
        lock.release();
        lock = null;
        throw error;
      }
      return { lastEntry: writer().lastEntry() };
    },
    beginSession({ started }) {
      const summary = change(null, (writer) => writer.beginSession(started));
      work.soon();
      return summary;
    },
    commit(commit) {
      const committed = change(commit.session, (writer) => {
        keeper().admit(Date.now() * 1000);
        return writer.commit(commit);
      });
      work.committed();
      const bytes = commit.trades === null ? null : new Uint8Array(memoryOf(commit.trades));
      return { ...committed, bytes, log: sizeOf(databaseFiles(folder).wal) ?? 0 };
    },
    note({ entries }) {
      change(null, (writer) => writer.note(entries));
      return null;
    },
    endSession({ session, ended }) {
      const summary = change(session, (writer) => writer.endSession(session, ended));
      work.soon();
      return summary;
    },
    editSession: ({ session, edit }) => change(null, (writer) => writer.editSession(session, edit)),
    removeSession({ session, now }) {
      const removed = change(null, (writer) => writer.removeSession(session, now));
      work.soon();
      return removed;
    },
    restoreSession: ({ session, now }) => change(null, (writer) => writer.restoreSession(session, now)),
    writeSetting({ name, json }) {
      change(null, (writer) => writer.writeSetting(name, json));
      return null;
    },
    retain({ policy }) {
      change(null, () => keeper().setPolicy(policy));
      work.look();
      return null;
    },
    retaining: () => keeper().due || writer().sealer.due !== 'no',
    close() {
      work.stop();
      if (open !== null) closeWritten(open.database);
      open = null;
      lock?.release();
      lock = null;
      return null;
    },
  },
  (thrown) => storageError(thrown, folder),
  () => queries,
);
