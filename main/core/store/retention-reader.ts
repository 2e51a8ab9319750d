/** What a policy would delete, out of what is counted of sessions and chunks: no trade is read for it. */
import type { Database } from 'better-sqlite3';
import {
  type DoomedKind,
  type Micros,
  RETENTION_KINDS,
  type RetentionKind,
  type RetentionPolicy,
  type RetentionPreview,
  type StoredKind,
} from '../contract.ts';
import {
  bytesOf,
  CANDLE_BYTES,
  type Candidate,
  cutsOf,
  KEPT_LIVE,
  OLD_HEALTH,
  OLD_JOURNAL,
  OLD_REFUSALS,
  type OldChunk,
  POLICY_SETTING,
  prepareOldest,
  storedPolicy,
} from './retention.ts';
import { prepareSpace } from './space.ts';

/** Of a session so many chunks are counted one by one; beyond, the rest is told from them. */
const MOST_COUNTED = 20_000;
/** Chunks of a session out of which the size of the others is told. */
const SAMPLE = 32;
/** Of a trade that is not sealed yet, which it is before it can be deleted. */
const UNSEALED_BYTES = 40;
/** A row with its part of the indexes. */
const HISTORY_BYTES = 130;

export interface RetentionReader {
  /** Inside a transaction. */
  kept(): { readonly policy: RetentionPolicy; readonly kinds: readonly StoredKind[] };
  /** Inside a transaction. */
  preview(policy: RetentionPolicy, now: Micros): RetentionPreview;
}

/** Some of one session. */
interface Doomed {
  rows: number;
  bytes: number;
  /** Micros. */
  from: number;
  to: number;
  /** Of the last that is counted. */
  lastRow: number;
}

const nothing = (): Doomed => ({ rows: 0, bytes: 0, from: Infinity, to: -Infinity, lastRow: 0 });

/** Where nothing was recorded, and nothing is to go. */
export function emptyPreview(policy: RetentionPolicy): RetentionPreview {
  const kinds = RETENTION_KINDS.map((kind) => told(kind, nothing(), 0));
  return { policy, kinds, bytes: 0, beyond: 0 };
}

/** @param database of this version */
export function prepareRetentionReader(database: Database): RetentionReader {
  const oldest = prepareOldest(database);
  const space = prepareSpace(database);
  const policy = database.prepare<[name: string], string>('SELECT json FROM settings WHERE name = ?').pluck();
  const kept = database.prepare<[], Record<RetentionKind, number>>(
    `SELECT (SELECT coalesce(sum(trades - trades_deleted), 0) FROM sessions) AS trades,
       (SELECT coalesce(sum(candles - candles_deleted), 0) FROM sessions) AS candles,
       (SELECT coalesce(max(row) - min(row) + 1, 0) FROM journal)
         + (SELECT coalesce(max(row) - min(row) + 1, 0) FROM health)
         + (SELECT count(*) FROM refusals) AS history`,
  );
  const candleReceipt = database
    .prepare<[row: number], number>('SELECT receipt_time FROM candles WHERE row >= ? ORDER BY row LIMIT 1')
    .pluck();
  const histories = [
    `SELECT count(*) AS rows, min(at) AS first, max(at) AS last FROM journal WHERE ${OLD_JOURNAL}`,
    `SELECT count(*) AS rows, min(at) AS first, max(at) AS last FROM health WHERE ${OLD_HEALTH}`,
    `SELECT count(*) AS rows, min(first) AS first, max(last) AS last FROM refusals WHERE ${OLD_REFUSALS}`,
  ].map((sql) =>
    database.prepare<[cut: number], { rows: number; first: number | null; last: number | null }>(sql),
  );
  const historySessions = database
    .prepare<[number, number, number], number>(
      `SELECT count(*) FROM (SELECT session FROM journal WHERE ${OLD_JOURNAL} AND session IS NOT NULL
         UNION SELECT session FROM health WHERE ${OLD_HEALTH}
         UNION SELECT session FROM refusals WHERE ${OLD_REFUSALS})`,
    )
    .pluck();

  /** Trades of a session from behind row `after` that were received before `cut`, up to so many bytes. */
  function tradesOf(session: Candidate, cut: Micros, most: number, after: number): Doomed {
    const doomed = nothing();
    let sampled = 0;
    let counted = 0;
    const add = (chunk: OldChunk): void => {
      doomed.rows += chunk.count;
      doomed.bytes += bytesOf(chunk);
      doomed.from = Math.min(doomed.from, chunk.first_time);
      doomed.to = Math.max(doomed.to, chunk.last_receipt);
      doomed.lastRow = chunk.last_row;
    };
    const isWhole = !session.isRecording && after === 0 && (session.last_receipt ?? 0) < cut;
    for (const chunk of oldest.chunks(session, after)) {
      if (chunk.last_receipt >= cut || doomed.bytes >= most) return doomed;
      if (isWhole && sampled === SAMPLE) {
        const bytes = (doomed.bytes / doomed.rows) * session.trades;
        if (bytes <= most) return { ...wholeOf(session, doomed), bytes };
      }
      if (counted === MOST_COUNTED) return beyond(session, doomed, cut, most);
      sampled++;
      counted++;
      add(chunk);
    }
    const unsealed = isWhole && doomed.bytes < most ? session.trades - doomed.rows : 0;
    if (unsealed <= 0) return doomed;
    const from = Math.min(doomed.from, session.started * 1000);
    return { ...wholeOf(session, { ...doomed, from }), bytes: doomed.bytes + unsealed * UNSEALED_BYTES };
  }

  function wholeOf(session: Candidate, { from }: Doomed): Doomed {
    const { last_receipt, last_trade, trades } = session;
    return { rows: trades, bytes: 0, from, to: last_receipt ?? 0, lastRow: last_trade ?? 0 };
  }

  /** Receipts follow the rows: the rest is searched for its end, and taken to be as what was counted. */
  function beyond(session: Candidate, counted: Doomed, cut: Micros, most: number): Doomed {
    let low = counted.lastRow;
    let high = session.last_trade ?? low;
    let to = counted.to;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      const [chunk] = firstOf(oldest.chunks(session, middle));
      if (chunk !== undefined && chunk.last_receipt < cut) {
        low = Math.max(middle + 1, chunk.last_row);
        to = chunk.last_receipt;
      } else {
        high = middle;
      }
    }
    const rows = counted.rows + Math.max(0, low - counted.lastRow);
    const share = Math.min(1, most / ((counted.bytes / counted.rows) * rows));
    return {
      ...counted,
      rows: Math.round(rows * share),
      bytes: (counted.bytes / counted.rows) * rows * share,
      to,
      lastRow: low,
    };
  }

  function candlesOf(session: Candidate, cut: Micros, most: number, after: number): Doomed {
    const first = Math.max(session.first_candle ?? Infinity, after + 1);
    const last = session.last_candle ?? 0;
    let low = first;
    let high = last + 1;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      if ((candleReceipt.get(middle) ?? Infinity) < cut) low = middle + 1;
      else high = middle;
    }
    const rows = Math.min(low - first, Math.ceil(most / CANDLE_BYTES));
    if (!(rows > 0)) return nothing();
    return {
      rows,
      bytes: rows * CANDLE_BYTES,
      from: candleReceipt.get(first) ?? Infinity,
      to: candleReceipt.get(first + rows - 1) ?? -Infinity,
      lastRow: first + rows - 1,
    };
  }

  function historyOf(cut: number | null): DoomedKind {
    const sum = nothing();
    if (cut === null) return told('history', sum, 0);
    for (const count of histories) {
      const { rows = 0, first = null, last = null } = count.get(cut) ?? {};
      sum.rows += rows;
      sum.from = Math.min(sum.from, (first ?? Infinity) * 1000);
      sum.to = Math.max(sum.to, (last ?? -Infinity) * 1000);
    }
    sum.bytes = sum.rows * HISTORY_BYTES;
    return told('history', sum, historySessions.get(cut, cut, cut) ?? 0);
  }

  return {
    kept() {
      const { trades, candles, history } = kept.get() ?? { trades: 0, candles: 0, history: 0 };
      const others = candles * CANDLE_BYTES + history * HISTORY_BYTES;
      return {
        policy: storedPolicy(policy.get(POLICY_SETTING) ?? null),
        kinds: [
          { kind: 'trades', rows: trades, bytes: trades === 0 ? 0 : Math.max(0, space.used() - others) },
          { kind: 'candles', rows: candles, bytes: candles * CANDLE_BYTES },
          { kind: 'history', rows: history, bytes: history * HISTORY_BYTES },
        ],
      };
    },
    preview(given, now) {
      const cuts = cutsOf(given, now);
      const candidates = oldest.candidates();
      const count = { trades: tradesOf, candles: candlesOf };
      const of = { trades: new Map<number, Doomed>(), candles: new Map<number, Doomed>() };
      const history = historyOf(cuts.history);
      let freed = history.bytes;
      for (const kind of ['trades', 'candles'] as const) {
        const cut = cuts[kind];
        if (cut === null) continue;
        for (const session of candidates) {
          if (session.started * 1000 >= cut && (session.last_receipt ?? 0) >= cut) continue;
          const doomed = count[kind](session, cut, Infinity, 0);
          if (doomed.rows === 0) continue;
          of[kind].set(session.id, doomed);
          freed += doomed.bytes;
        }
      }
      const bytes = space.used();
      const wanted = given.maxBytes === null ? 0 : Math.max(0, bytes - given.maxBytes);
      for (const kind of ['trades', 'candles'] as const) {
        for (const session of candidates) {
          if (freed >= wanted) break;
          const held = of[kind].get(session.id) ?? nothing();
          const cut = session.isRecording ? now - KEPT_LIVE : Infinity;
          const more = count[kind](session, cut, wanted - freed, held.lastRow);
          if (more.rows === 0) continue;
          freed += more.bytes;
          of[kind].set(session.id, together([held, more]));
        }
      }
      const kinds = [
        ...(['trades', 'candles'] as const).map((kind) =>
          told(kind, together([...of[kind].values()]), of[kind].size),
        ),
        history,
      ];
      return { policy: given, kinds, bytes, beyond: Math.max(0, Math.round(wanted - freed)) };
    },
  };
}

function together(all: readonly Doomed[]): Doomed {
  const sum = nothing();
  for (const { rows, bytes, from, to, lastRow } of all) {
    sum.rows += rows;
    sum.bytes += bytes;
    sum.from = Math.min(sum.from, from);
    sum.to = Math.max(sum.to, to);
    sum.lastRow = Math.max(sum.lastRow, lastRow);
  }
  return sum;
}

function told(kind: RetentionKind, { rows, bytes, from, to }: Doomed, sessions: number): DoomedKind {
  return {
    kind,
    rows,
    bytes: Math.round(bytes),
    from: rows === 0 ? null : Math.floor(from / 1000),
    to: rows === 0 ? null : Math.ceil(to / 1000),
    sessions,
  };
}

function firstOf<T>(items: Iterable<T>): T[] {
  for (const item of items) return [item];
  return [];
}
