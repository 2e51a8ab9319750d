/** Reads what is recorded of the links themselves: journal, health, refusals. */
import type { Database } from 'better-sqlite3';
import type {
  Endpoint,
  GapState,
  HealthMinute,
  HealthPage,
  JournalEntry,
  JournalPage,
  LinkPhase,
  Millis,
  RefusalCount,
} from '../contract.ts';
import { visibleIn } from './marks.ts';
import type { ExportStep, RowRange } from './reader.ts';
import type { JournalFilter } from './store.ts';

/** Rows of an export that cross to the main thread at once. */
const EXPORT_ROWS = 1_000;

export interface LinkReader {
  journalPage(filter: JournalFilter, before: number | null, limit: number): JournalPage;
  healthPage(endpoint: Endpoint, before: Millis | null, limit: number): HealthPage;
  refusals(session: number): RefusalCount[];
  /** All rows that there are now. */
  rows(of: 'journal' | 'health'): RowRange;
  /** @throws what `checkSession` does */
  journal(range: RowRange, filter: JournalFilter): ExportStep<JournalEntry>;
  /** @throws what `checkSession` does */
  health(range: RowRange, session: number | null): ExportStep<HealthMinute>;
}

interface EntryRow {
  readonly row: number;
  readonly session: number | null;
  readonly endpoint: Endpoint;
  readonly at: number;
  readonly type: JournalEntry['type'];
  readonly what: string;
  readonly words: string;
  readonly from_phase: LinkPhase | null;
  readonly to_phase: LinkPhase | null;
  readonly server_words: string | null;
  readonly start: number | null;
  readonly end: number | null;
  readonly recovered: number | null;
  readonly duplicates: number | null;
}

interface MinuteRow {
  readonly row: number;
  readonly session: number;
  readonly endpoint: Endpoint;
  readonly at: number;
  readonly messages: number;
  readonly bytes: number;
  readonly lag_p50: number | null;
  readonly lag_p95: number | null;
  readonly lag_p99: number | null;
  readonly clock_offset: number | null;
  readonly round_trip: number | null;
  readonly reconnects: number;
  readonly refused: number;
}

type RefusalRow = Omit<RefusalCount, 'samples'> & { readonly samples: string };

/**
 * @param database open for reading, and not older than its journal
 * @param checkSession throws for a session that there is not
 */
export function prepareLinkReader(
  database: Database,
  checkSession: (session: number | null) => void,
): LinkReader {
  const visible = visibleIn(database).of('session');
  const rows = {
    journal: database.prepare<[], number>('SELECT coalesce(max(row), 0) FROM journal').pluck(),
    health: database.prepare<[], number>('SELECT coalesce(max(row), 0) FROM health').pluck(),
  };
  // Between sessions an entry has none.
  const anySession = visibleIn(database).of('ifnull(session, 0)');
  // A statement for each choice, so that each goes by an index and stops at its limit.
  const entries = (where: string, order: 'ASC' | 'DESC') =>
    database.prepare<[...(number | string)[], limit: number], EntryRow>(
      `SELECT * FROM journal
       WHERE ${where}row > ? AND row < ?${anySession} ORDER BY row ${order} LIMIT ?`,
    );
  const choices = (order: 'ASC' | 'DESC') => ({
    all: entries('', order),
    session: entries('session = ? AND ', order),
    endpoint: entries('endpoint = ? AND ', order),
    both: entries('session = ? AND endpoint = ? AND ', order),
  });
  const newestEntries = choices('DESC');
  const oldestEntries = choices('ASC');
  const minutesBefore = database.prepare<[endpoint: string, before: number, limit: number], MinuteRow>(
    `SELECT * FROM health WHERE endpoint = ? AND at < ?${visible} ORDER BY at DESC, session DESC LIMIT ?`,
  );
  const minutes = database.prepare<[after: number, last: number, limit: number], MinuteRow>(
    `SELECT * FROM health WHERE row > ? AND row <= ?${visible} ORDER BY row LIMIT ?`,
  );
  const sessionMinutes = database.prepare<
    [session: number, after: number, last: number, limit: number],
    MinuteRow
  >(`SELECT * FROM health WHERE session = ? AND row > ? AND row <= ?${visible} ORDER BY row LIMIT ?`);
  const refusals = database.prepare<[session: number], RefusalRow>(
    `SELECT endpoint, reason, count, first, last, samples FROM refusals
     WHERE session = ?${visible} ORDER BY count DESC, endpoint, reason`,
  );

  function find(
    { all, both, endpoint: ofEndpoint, session: ofSession }: ReturnType<typeof choices>,
    { session, endpoint }: JournalFilter,
    after: number,
    before: number,
    limit: number,
  ): EntryRow[] {
    if (session === null && endpoint === null) return all.all(after, before, limit);
    if (session === null) return ofEndpoint.all(endpoint ?? '', after, before, limit);
    if (endpoint === null) return ofSession.all(session, after, before, limit);
    return both.all(session, endpoint, after, before, limit);
  }

  return {
    journalPage(filter, before, limit) {
      const found = find(newestEntries, filter, 0, before ?? Number.MAX_SAFE_INTEGER, limit + 1);
      return { more: found.length > limit, entries: found.slice(0, limit).reverse().map(entryOf) };
    },
    healthPage(endpoint, before, limit) {
      const found = minutesBefore.all(endpoint, before ?? Number.MAX_SAFE_INTEGER, limit + 1);
      return { more: found.length > limit, minutes: withoutTornMinute(found, limit).reverse().map(minuteOf) };
    },
    refusals: (session) =>
      refusals.all(session).map((row) => ({
        ...row,
        samples: JSON.parse(row.samples) as RefusalCount['samples'],
      })),
    rows: (of) => ({ after: 0, last: rows[of].get() ?? 0 }),
    journal(range, filter) {
      checkSession(filter.session);
      return stepOf(range, find(oldestEntries, filter, range.after, range.last + 1, EXPORT_ROWS), entryOf);
    },
    health({ after, last }, session) {
      checkSession(session);
      return stepOf(
        { after, last },
        session === null
          ? minutes.all(after, last, EXPORT_ROWS)
          : sessionMinutes.all(session, after, last, EXPORT_ROWS),
        minuteOf,
      );
    },
  };
}

function stepOf<Row extends { readonly row: number }, T>(
  range: RowRange,
  found: readonly Row[],
  build: (row: Row) => T,
): ExportStep<T> {
  const newest = found.at(-1);
  const after = found.length === EXPORT_ROWS && newest !== undefined ? newest.row : range.last;
  return { rows: found.map(build), after };
}

/**
 * At most `limit` of the newest. Two recordings may share a minute, which is not torn apart, or paging by
 * time would lose a part of it; unless such parts alone fill the page.
 */
function withoutTornMinute(newestFirst: readonly MinuteRow[], limit: number): MinuteRow[] {
  const beyond = newestFirst[limit]?.at;
  const torn = newestFirst.findIndex(({ at }) => at === beyond);
  return newestFirst.slice(0, torn > 0 ? Math.min(torn, limit) : limit);
}

function entryOf(row: EntryRow): JournalEntry {
  const shared = { row: row.row, session: row.session, endpoint: row.endpoint, at: row.at };
  if (row.type === 'transition') {
    return {
      ...shared,
      type: row.type,
      from: row.from_phase ?? 'idle',
      to: row.to_phase ?? 'idle',
      kind: row.what,
      message: row.words,
      serverWords: row.server_words,
    };
  }
  const duplicates = row.duplicates ?? 0;
  return {
    ...shared,
    type: row.type,
    from: row.start ?? row.at,
    to: row.end ?? row.at,
    state: row.what as GapState,
    cause: row.words,
    recovered: row.recovered ?? 0,
    duplicates,
    overlap: duplicates > 0,
  };
}

function minuteOf(row: MinuteRow): HealthMinute {
  return {
    session: row.session,
    endpoint: row.endpoint,
    at: row.at,
    messages: row.messages,
    bytes: row.bytes,
    lagP50: millisOf(row.lag_p50),
    lagP95: millisOf(row.lag_p95),
    lagP99: millisOf(row.lag_p99),
    clockOffset: millisOf(row.clock_offset),
    roundTrip: millisOf(row.round_trip),
    reconnects: row.reconnects,
    refused: row.refused,
  };
}

function millisOf(micros: number | null): number | null {
  return micros === null ? null : micros / 1000;
}
