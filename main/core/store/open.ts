/** The main thread's handle on the cache: a writer's thread, a reader's thread, and no disk here. */
import { resolve } from 'node:path';
import type { CoverageInterval, HealthMinute, JournalEntry, Micros, SessionLine } from '../contract.ts';
import { ENDPOINTS } from '../contract.ts';
import { Together } from '../coverage/fold.ts';
import { type DayPart, emptyDay, union } from '../coverage/today.ts';
import type { Candle } from '../flow/batch.ts';
import { memoryOf } from '../flow/batch.ts';
import { QuipuError, toAppError } from '../result.ts';
import { storageError, unknownSession } from './errors.ts';
import type { ExportStep, RowRange } from './reader.ts';
import type { ReaderRequests, StoreEvent, WriterRequests } from './requests.ts';
import { SLOW_MS } from './slow-queries.ts';
import type { Store, StoredTrade, StoreOptions } from './store.ts';
import { Thread } from './thread.ts';

/** Markets whose coverage is looked at in one request, so that those of others come in between. */
const MARKETS_AT_ONCE = 25;
/** How often a store that stands by looks whether the folder is free. */
const STANDBY_MS = 1_000;

/**
 * Opens the cache of a folder. One writer a folder: with `readOnly`, any number beside it.
 *
 * @throws {QuipuError} kind `in-use`: another Quipu records into the folder, and `standby` is not given;
 *   kind `storage`: the folder cannot be written to, or its database is damaged, locked or newer than this
 *   program
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const folder = resolve(options.folder);
  const alone = options.readOnly === true;
  const { slowMs = SLOW_MS } = options;
  // Threads of Electron do not know that they are.
  const who = process.versions['electron'] === undefined ? 'the command line' : 'the desktop app';
  const told = (event: StoreEvent): void => {
    if (event.event === 'progress') options.progress?.(event.progress);
    else if (event.event === 'deleted') options.deleted?.();
    else if (event.event === 'slow') options.slow?.(event.query);
    else options.notice?.(event.notice);
    if (event.event === 'replaced') void reading.call('reopen', null).catch(() => null);
  };
  const writing = alone ? null : new Thread<WriterRequests>('writer', options.workerScript('writer'), told);
  const reading = new Thread<ReaderRequests>('reader', options.workerScript('reader'), told);
  let lastEntry = 0;
  /** Why nothing can be written while another records. */
  let inUse: QuipuError | null = null;
  let watch: NodeJS.Timeout | undefined;
  try {
    try {
      lastEntry = (await writing?.call('open', { folder, who, slowMs }))?.lastEntry ?? 0;
    } catch (error) {
      if (options.standby === undefined || !isInUse(error)) throw error;
      inUse = error;
    }
    await reading.call('open', { folder, alone: alone || inUse !== null, slowMs });
  } catch (error) {
    await Promise.all([writing?.stop(), reading.stop()]);
    throw error;
  }
  let closing: Promise<void> | null = null;
  if (inUse !== null) standBy(inUse);

  function standBy(problem: QuipuError): void {
    if (closing !== null) return;
    inUse = problem;
    options.standby?.waits(toAppError(problem));
    watch = setTimeout(() => void takeOver(), STANDBY_MS);
  }

  async function takeOver(): Promise<void> {
    try {
      lastEntry = (await writing?.call('open', { folder, who, slowMs }))?.lastEntry ?? 0;
      await reading.call('open', { folder, alone: false, slowMs });
    } catch (error) {
      standBy(error instanceof QuipuError ? error : storageError(error, folder));
      return;
    }
    if (closing !== null) return;
    inUse = null;
    options.standby?.tookOver();
  }

  function writer(): Thread<WriterRequests> {
    if (closing !== null) throw closed();
    if (inUse !== null) throw inUse;
    if (writing === null) {
      throw new QuipuError('storage', 'This cache was opened for reading only.', 'Open it for recording.');
    }
    return writing;
  }

  function reader(): Thread<ReaderRequests> {
    if (closing !== null) throw closed();
    return reading;
  }

  async function* pages<T>(
    range: RowRange,
    step: (range: RowRange) => Promise<ExportStep<T>>,
  ): AsyncGenerator<readonly T[], void, undefined> {
    let after = range.after;
    while (after < range.last) {
      const found = await step({ after, last: range.last });
      after = found.after;
      if (found.rows.length > 0) yield found.rows;
    }
  }

  async function rowsOf(session: number, of: 'trades' | 'candles'): Promise<RowRange> {
    const range = await reader().call('sessionRows', { session, of });
    if (range === null) throw unknownSession(session);
    return range;
  }

  async function received(range: RowRange, since: Micros | null): Promise<StoredTrade[]> {
    const filter = { session: null, market: null, since };
    const found: StoredTrade[] = [];
    for await (const page of pages(range, (rest) => reader().call('trades', { range: rest, filter }))) {
      for (const trade of page) found.push(trade);
    }
    return found;
  }

  return {
    beginSession: async (started) => writer().call('beginSession', { started }),
    commit: async (commit) =>
      writer().call('commit', commit, commit.trades === null ? [] : [memoryOf(commit.trades)]),
    nextEntry() {
      writer();
      return ++lastEntry;
    },
    async note(entries) {
      await writer().call('note', { entries });
    },
    endSession: async (session, ended) => writer().call('endSession', { session, ended }),
    editSession: async (session, edit) => writer().call('editSession', { session, edit }),
    removeSession: async (session, now) => writer().call('removeSession', { session, now }),
    restoreSession: async (session, now) => writer().call('restoreSession', { session, now }),
    sessions: async () => reader().call('sessions', null),
    removedSessions: async (now) => reader().call('removedSessions', { now }),
    async receivedSince(since, most = Infinity) {
      const { after, last } = await reader().call('rowsSince', { since });
      return received({ after: Math.max(after, last - most), last }, since);
    },
    async newestReceived(most) {
      const { last } = await reader().call('rowsSince', { since: Number.MAX_SAFE_INTEGER });
      return received({ after: Math.max(0, last - most), last }, null);
    },
    candlePage: async (chart, before, limit) => reader().call('candlePage', { chart, before, limit }),
    tradePage: async (market, before, limit, from = 0) =>
      reader().call('tradePage', { market, from, before, limit }),
    buckets: async (query) => reader().call('buckets', query),
    async *exportTrades({ session, market }): AsyncGenerator<readonly StoredTrade[], void, undefined> {
      const filter = { session, market, since: null };
      const range = await rowsOf(session, 'trades');
      yield* pages(range, (rest) => reader().call('trades', { range: rest, filter }));
    },
    async *exportCandles({
      session,
      market,
      granularity,
    }): AsyncGenerator<readonly Candle[], void, undefined> {
      const filter = { session, market, granularity };
      const range = await rowsOf(session, 'candles');
      yield* pages(range, (rest) => reader().call('candles', { range: rest, filter }));
    },
    async *coverage({ session, market }): AsyncGenerator<readonly CoverageInterval[], void, undefined> {
      const markets = await reader().call('coveredMarkets', { session });
      if (markets === null) throw unknownSession(session);
      for (const each of markets) {
        if (market !== null && market !== each) continue;
        yield await reader().call('coverage', { session, market: each });
      }
    },
    journalPage: async (filter, before, limit) => reader().call('journalPage', { filter, before, limit }),
    healthPage: async (endpoint, before, limit) => reader().call('healthPage', { endpoint, before, limit }),
    async refusals(session) {
      const found = await reader().call('refusals', { session });
      if (found === null) throw unknownSession(session);
      return found;
    },
    async *journal(filter): AsyncGenerator<readonly JournalEntry[], void, undefined> {
      if (filter.session !== null) await rowsOf(filter.session, 'trades');
      const range = await reader().call('linkRows', { of: 'journal' });
      yield* pages(range, (rest) => reader().call('journal', { range: rest, filter }));
    },
    async *health(session): AsyncGenerator<readonly HealthMinute[], void, undefined> {
      if (session !== null) await rowsOf(session, 'trades');
      const range = await reader().call('linkRows', { of: 'health' });
      yield* pages(range, (rest) => reader().call('health', { range: rest, session }));
    },
    coveragePage: async (market, endpoint, from, to, now) =>
      reader().call('coveragePage', { market, endpoint, from, to, now }),
    coverageRecent: async (markets, from, now) => reader().call('coverageRecent', { markets, from, now }),
    async coverageDay(markets, now) {
      const read: DayPart[] = [];
      for (const some of parts(markets))
        read.push(await reader().call('coverageDay', { markets: some, now }));
      const { day, until } = read[0] ?? emptyDay(now);
      const lost = union(read.flatMap((part) => part.lost));
      return { day, until, lines: read.flatMap(({ lines }) => lines), lost };
    },
    async sessionCord(session, buckets) {
      const reach = await reader().call('sessionReach', { session });
      if (reach === null) {
        const known = await reader().call('sessionRows', { session, of: 'trades' });
        return known === null ? null : { session, from: 0, to: 0, runs: [] };
      }
      const { from, to, markets } = reach;
      const all = new Together(from, to, buckets);
      for (const some of parts(markets)) {
        const reached = { session, markets: some, reach: { from, to }, buckets };
        const together = await reader().call('sessionTogether', reached);
        if (together === null) return null;
        all.join(together);
      }
      return { session, from, to, runs: all.runs };
    },
    async sessionLines(session, markets, buckets) {
      const reach = await reader().call('sessionReach', { session });
      if (reach === null) {
        const known = await reader().call('sessionRows', { session, of: 'trades' });
        if (known === null) throw unknownSession(session);
        const lines = markets.flatMap((market) =>
          ENDPOINTS.map((endpoint): SessionLine => ({ market, endpoint, runs: [] })),
        );
        return { from: 0, to: 0, lines };
      }
      const { from, to } = reach;
      const lines = await reader().call('sessionLines', { session, markets, reach: { from, to }, buckets });
      return { from, to, lines };
    },
    readSetting: async (name) => reader().call('readSetting', { name }),
    async writeSetting(name, json) {
      await writer().call('writeSetting', { name, json });
    },
    state: async () => reader().call('state', null),
    retention: async () => reader().call('retention', null),
    retentionPreview: async (policy, now) => reader().call('retentionPreview', { policy, now }),
    async setRetention(policy) {
      await writer().call('retain', { policy });
    },
    isRetaining: async () => writer().call('retaining', null),
    close() {
      clearTimeout(watch);
      closing ??= closeBoth(writing, reading);
      return closing;
    },
  };
}

/** In runs of at most MARKETS_AT_ONCE. */
function parts<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / MARKETS_AT_ONCE);
  return Array.from({ length: count }, (_, at) =>
    all.slice(at * MARKETS_AT_ONCE, (at + 1) * MARKETS_AT_ONCE),
  );
}

/**
 * The reader first: only the last to close a database can put it to rest, and a reader may not. A thread
 * that died told so to whoever waited for it, and the other is closed all the same.
 */
async function closeBoth(
  writing: Thread<WriterRequests> | null,
  reading: Thread<ReaderRequests>,
): Promise<void> {
  await reading.call('close', null).catch(() => null);
  await writing?.call('close', null).catch(() => null);
  await Promise.all([writing?.stop(), reading.stop()]);
}

function isInUse(error: unknown): error is QuipuError {
  return error instanceof QuipuError && error.kind === 'in-use';
}

function closed(): QuipuError {
  return new QuipuError('closed', 'The store is closed.');
}
