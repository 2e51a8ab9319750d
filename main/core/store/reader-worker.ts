/** The reader's thread: pages, exports and lists, beside the writer and never in its way. */
import { statfsSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { KEEP_ALL } from '../contract.ts';
import { emptyDay } from '../coverage/today.ts';
import { noPage } from './coverage.ts';
import { openForReading } from './database.ts';
import { sizeOf } from './disk.ts';
import { storageError } from './errors.ts';
import { databaseFiles } from './files.ts';
import { isHeld } from './lock.ts';
import type { Reader } from './reader.ts';
import { createReader, noBuckets } from './reader.ts';
import type { ReaderRequests } from './requests.ts';
import { emptyPreview } from './retention-reader.ts';
import { prepareVersion } from './schema.ts';
import { serve } from './serve.ts';
import { SlowQueries } from './slow-queries.ts';

let folder = '';
let alone = false;
let queries = new SlowQueries();
let open: { database: Database; reader: Reader; version: number; versionNow: () => number } | null = null;

/** null while the folder has no cache; another process may make one, or a newer one of it, at any time. */
function reader(): Reader | null {
  if (open !== null && open.version !== open.versionNow()) {
    open.database.close();
    open = null;
  }
  if (open === null) {
    const database = openForReading(folder);
    if (database === null) return null;
    queries.watch(database);
    const created = createReader(database, () => !alone || isHeld(folder));
    const versionNow = prepareVersion(database);
    open = { database, reader: created, version: versionNow(), versionNow };
  }
  return open.reader;
}

function diskRoom(): { readonly free: number | null; readonly disk: number | null } {
  try {
    const { bavail, blocks, bsize } = statfsSync(folder);
    return { free: bavail * bsize, disk: blocks * bsize };
  } catch {
    return { free: null, disk: null };
  }
}

const NOTHING = { after: 0, last: 0 };
const NO_PAGE = { count: 0, more: false };

serve<ReaderRequests>(
  {
    open(args) {
      ({ folder, alone } = args);
      queries = new SlowQueries(args.slowMs);
      reader();
      return null;
    },
    reopen() {
      open?.database.close();
      open = null;
      return null;
    },
    sessions: () => reader()?.sessions() ?? [],
    removedSessions: ({ now }) => reader()?.removedSessions(now) ?? [],
    state() {
      const files = databaseFiles(folder);
      const totals = reader()?.totals() ?? { trades: 0, candles: 0 };
      const bytes = (sizeOf(files.main) ?? 0) + (sizeOf(files.wal) ?? 0);
      return { folder, bytes, ...diskRoom(), ...totals };
    },
    sessionRows: ({ session, of }) => reader()?.sessionRows(session, of) ?? null,
    rowsSince: ({ since }) => reader()?.rowsSince(since) ?? NOTHING,
    trades: ({ range, filter }) => reader()?.trades(range, filter) ?? { rows: [], after: range.last },
    candles: ({ range, filter }) => reader()?.candles(range, filter) ?? { rows: [], after: range.last },
    candlePage: ({ chart, before, limit }) =>
      reader()?.candlePage(chart, before, limit) ?? { ...NO_PAGE, gaps: [], bytes: new Uint8Array(0) },
    tradePage: ({ market, from, before, limit }) =>
      reader()?.tradePage(market, before, limit, from) ?? { ...NO_PAGE, bytes: new Uint8Array(0) },
    buckets: (query) => reader()?.buckets(query) ?? noBuckets(query),
    coveredMarkets: ({ session }) => reader()?.coveredMarkets(session) ?? null,
    coverage: ({ session, market }) => reader()?.coverage(session, market) ?? [],
    journalPage: ({ filter, before, limit }) =>
      reader()?.links?.journalPage(filter, before, limit) ?? { more: false, entries: [] },
    healthPage: ({ endpoint, before, limit }) =>
      reader()?.links?.healthPage(endpoint, before, limit) ?? { more: false, minutes: [] },
    refusals({ session }) {
      const found = reader();
      if (found === null || found.sessionRows(session, 'trades') === null) return null;
      return found.links?.refusals(session) ?? [];
    },
    linkRows: ({ of }) => reader()?.links?.rows(of) ?? NOTHING,
    journal: ({ range, filter }) =>
      reader()?.links?.journal(range, filter) ?? { rows: [], after: range.last },
    health: ({ range, session }) =>
      reader()?.links?.health(range, session) ?? { rows: [], after: range.last },
    coveragePage: ({ market, endpoint, from, to, now }) =>
      reader()?.coveragePage(market, endpoint, from, to, now) ?? noPage(from),
    coverageRecent: ({ markets, from, now }) =>
      reader()?.coverageRecent(markets, from, now) ?? { from, to: from, lines: [] },
    coverageDay: ({ markets, now }) => reader()?.coverageDay(markets, now) ?? emptyDay(now),
    sessionReach: ({ session }) => reader()?.sessionReach(session) ?? null,
    sessionTogether: ({ session, markets, reach, buckets }) =>
      reader()?.sessionTogether(session, markets, reach, buckets) ?? null,
    sessionLines: ({ session, markets, reach, buckets }) =>
      reader()?.sessionLines(session, markets, reach, buckets) ?? [],
    retention: () =>
      reader()?.retention().kept() ?? { policy: KEEP_ALL, kinds: emptyPreview(KEEP_ALL).kinds },
    retentionPreview: ({ policy, now }) => reader()?.retention().preview(policy, now) ?? emptyPreview(policy),
    readSetting: ({ name }) => reader()?.readSetting(name) ?? null,
    close() {
      open?.database.close();
      open = null;
      return null;
    },
  },
  (thrown) => storageError(thrown, folder),
  () => queries,
);
