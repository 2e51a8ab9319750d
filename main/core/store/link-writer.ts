/** Writes what is recorded of the links themselves: journal, health, refusals. */
import type { Database } from 'better-sqlite3';
import type { HealthMinute, JournalEntry, RefusalCount } from '../contract.ts';

/** Entries of the journal that are kept: of links that flap without end, the newest days. */
export const JOURNAL_ROWS = 100_000;

/** To be called within a transaction, but for `lastEntry`. */
export interface LinkWriter {
  /** The newest entry's row; 0 when there is none. */
  lastEntry(): number;
  addEntries(entries: readonly JournalEntry[]): void;
  addHealth(minutes: readonly HealthMinute[], session: number): void;
  addRefusals(refusals: readonly RefusalCount[], session: number): void;
}

type EntryValues = [
  row: number,
  session: number | null,
  endpoint: string,
  at: number,
  type: string,
  what: string,
  words: string,
  fromPhase: string | null,
  toPhase: string | null,
  serverWords: string | null,
  start: number | null,
  end: number | null,
  recovered: number | null,
  duplicates: number | null,
];

/** @param database open for writing and migrated */
export function prepareLinkWriter(database: Database): LinkWriter {
  const lastEntry = database.prepare<[], number>('SELECT coalesce(max(row), 0) FROM journal').pluck();
  // A row that is there already must not cost a commit its trades.
  const insertEntry = database.prepare<EntryValues>(
    `INSERT INTO journal (row, session, endpoint, at, type, what, words, from_phase, to_phase, server_words,
       start, end, recovered, duplicates) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  );
  const forgetEntries = database.prepare<[last: number]>('DELETE FROM journal WHERE row <= ?');
  const insertMinute = database.prepare<
    [
      session: number,
      endpoint: string,
      at: number,
      messages: number,
      bytes: number,
      lagP50: number | null,
      lagP95: number | null,
      lagP99: number | null,
      clockOffset: number | null,
      roundTrip: number | null,
      reconnects: number,
      refused: number,
    ]
  >(
    `INSERT INTO health (session, endpoint, at, messages, bytes, lag_p50, lag_p95, lag_p99, clock_offset,
       round_trip, reconnects, refused) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  );
  const upsertRefusal = database.prepare<
    [
      session: number,
      endpoint: string,
      reason: string,
      count: number,
      first: number,
      last: number,
      samples: string,
    ]
  >(
    `INSERT INTO refusals (session, endpoint, reason, count, first, last, samples) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET
       count = excluded.count, first = excluded.first, last = excluded.last, samples = excluded.samples`,
  );

  return {
    lastEntry: () => lastEntry.get() ?? 0,
    addEntries(entries) {
      for (const entry of entries) insertEntry.run(...valuesOf(entry));
      const newest = Math.max(...entries.map(({ row }) => row));
      forgetEntries.run(newest - JOURNAL_ROWS);
    },
    addHealth(minutes, session) {
      for (const minute of minutes) {
        insertMinute.run(
          session,
          minute.endpoint,
          Math.floor(minute.at),
          minute.messages,
          minute.bytes,
          microsOf(minute.lagP50),
          microsOf(minute.lagP95),
          microsOf(minute.lagP99),
          microsOf(minute.clockOffset),
          microsOf(minute.roundTrip),
          minute.reconnects,
          minute.refused,
        );
      }
    },
    addRefusals(refusals, session) {
      for (const { endpoint, reason, count, first, last, samples } of refusals) {
        const list = JSON.stringify(samples);
        upsertRefusal.run(session, endpoint, reason, count, Math.floor(first), Math.floor(last), list);
      }
    },
  };
}

function valuesOf(entry: JournalEntry): EntryValues {
  const { row, session, endpoint, type } = entry;
  const at = Math.floor(entry.at);
  if (entry.type === 'transition') {
    const { from, to, kind, message, serverWords } = entry;
    const none = [null, null, null, null] as const;
    return [row, session, endpoint, at, type, kind, message, from, to, serverWords, ...none];
  }
  const { state, cause, from, to, recovered, duplicates } = entry;
  // Outwards, as the gap that it tells of.
  const stretch = [Math.floor(from), Math.ceil(to)] as const;
  return [
    ...([row, session, endpoint, at, type, state, cause] as const),
    ...([null, null, null] as const),
    ...stretch,
    recovered,
    duplicates,
  ];
}

/** Milliseconds as whole microseconds. */
function microsOf(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1000);
}
