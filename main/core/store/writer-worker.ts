/** The writer's thread: it alone changes the cache of its folder. */
import type { Database } from 'better-sqlite3';
import { QuipuError } from '../result.ts';
import { closeWritten, makeFolder, openForWriting, replace } from './database.ts';
import { sizeOf } from './disk.ts';
import { isDamage, storageError } from './errors.ts';
import { databaseFiles } from './files.ts';
import type { Lock } from './lock.ts';
import { takeLock } from './lock.ts';
import type { WriterRequests } from './requests.ts';
import { serve, tell } from './serve.ts';
import type { StoreProgress } from './store.ts';
import type { Writer } from './writer.ts';
import { createWriter } from './writer.ts';

let folder = '';
let lock: Lock | null = null;
let open: { database: Database; writer: Writer } | null = null;

/** @throws {QuipuError} kind `closed`; kind `storage` when a database that was let go of cannot be opened again */
function writer(): Writer {
  if (lock === null) throw new QuipuError('closed', 'The store is closed.');
  open ??= openDatabase();
  return open.writer;
}

function openDatabase(): { database: Database; writer: Writer } {
  const { database, notice } = openForWriting(folder, Date.now(), progress);
  if (notice !== null) tell({ event: 'replaced', notice });
  return { database, writer: createWriter(database) };
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

/** What is sealed later takes at most this part of the thread's time. */
const SEALING_SHARE = 0.2;
/** After a failure, such as a full disk, which the commits tell. */
const SEALING_RETRY_MS = 60_000;
/**
 * A log this long has a reader that holds on to an old state, and then grows by all that is written.
 * Sealing writes again what is safe already, so it waits.
 */
const LONG_LOG_BYTES = 48 * 1024 * 1024;
/** Commits that follow each other faster are a burst, of which the sealing waits for the end. */
const BURST_PAUSE_MS = 25;
let sealing: NodeJS.Timeout | NodeJS.Immediate | null = null;
/** On the monotonic clock; until then nothing is sealed. */
let restUntil = 0;
/** Of the last commit, likewise. */
let committedAt = -Infinity;

/** How long nothing is to be sealed yet; not above zero when it is time. */
function restLeft(): number {
  return Math.max(restUntil, committedAt + BURST_PAUSE_MS) - performance.now();
}

/** Between requests, so that a commit waits for one portion at most. */
function sealSoon(): void {
  if (sealing !== null || open === null || open.writer.sealer.due === 'no') return;
  const pause = restLeft();
  sealing = pause > 0 ? setTimeout(sealAtRest, pause) : setImmediate(sealAtRest);
}

function sealAtRest(): void {
  sealing = null;
  // Commits may have come meanwhile.
  if (restLeft() > 0) sealSoon();
  else seal();
}

/** As long as requests come without a pause, nothing is done between them, but for what is overdue. */
function sealOverdue(): void {
  if (open?.writer.sealer.due === 'overdue' && performance.now() >= restUntil) seal();
  else sealSoon();
}

function seal(): void {
  if (open === null) return;
  const began = performance.now();
  let rest = SEALING_RETRY_MS;
  try {
    if ((sizeOf(databaseFiles(folder).wal) ?? 0) <= LONG_LOG_BYTES) {
      change(null, ({ sealer }) => sealer.seal());
      const quiet = open?.writer.sealer.due === 'later';
      rest = quiet ? (performance.now() - began) / SEALING_SHARE : 0;
    }
  } catch {
    // Nothing of the portion was changed: it is read as it is until the next attempt.
  }
  restUntil = performance.now() + rest;
  sealSoon();
}

/** How often it is looked whether a removed session can be purged, at the least: clocks are set. */
const PURGE_LOOK_MS = 60_000;
let purging: NodeJS.Timeout | null = null;

/** Between requests, as sealing in quiet moments is, and after what is recorded now. */
function purgeSoon(pause = 0): void {
  if (purging !== null) clearTimeout(purging);
  purging = null;
  const due = open?.writer.purge.dueIn(Date.now()) ?? null;
  if (due !== null) purging = setTimeout(purge, Math.max(pause, Math.min(due, PURGE_LOOK_MS)));
}

function purge(): void {
  purging = null;
  if (open === null) return;
  const began = performance.now();
  let rest = SEALING_RETRY_MS;
  try {
    const isBusy = ['now', 'overdue'].includes(open.writer.sealer.due);
    if (!isBusy && (sizeOf(databaseFiles(folder).wal) ?? 0) <= LONG_LOG_BYTES) {
      change(null, (writer) => writer.purge.purge(Date.now()));
      rest = (performance.now() - began) / SEALING_SHARE;
    } else if (isBusy) {
      rest = 1_000;
    }
  } catch {
    // Nothing of the portion was changed: the session is out of all reading as it is.
  }
  purgeSoon(rest);
}

serve<WriterRequests>(
  {
    open(args) {
      folder = args.folder;
      makeFolder(folder);
      lock = takeLock(folder);
      try {
        change(null, (writer) => writer.recover());
        sealSoon();
        purgeSoon();
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
      sealSoon();
      return summary;
    },
    commit(commit) {
      const committed = change(commit.session, (writer) => writer.commit(commit));
      committedAt = performance.now();
      sealOverdue();
      return { ...committed, log: sizeOf(databaseFiles(folder).wal) ?? 0 };
    },
    note({ entries }) {
      change(null, (writer) => writer.note(entries));
      return null;
    },
    endSession({ session, ended }) {
      const summary = change(session, (writer) => writer.endSession(session, ended));
      sealSoon();
      return summary;
    },
    editSession: ({ session, edit }) => change(null, (writer) => writer.editSession(session, edit)),
    removeSession({ session, now }) {
      const removed = change(null, (writer) => writer.removeSession(session, now));
      purgeSoon();
      return removed;
    },
    restoreSession: ({ session, now }) => change(null, (writer) => writer.restoreSession(session, now)),
    writeSetting({ name, json }) {
      change(null, (writer) => writer.writeSetting(name, json));
      return null;
    },
    close() {
      if (open !== null) closeWritten(open.database);
      open = null;
      lock?.release();
      lock = null;
      return null;
    },
  },
  (thrown) => storageError(thrown, folder),
);
