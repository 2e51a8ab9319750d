/**
 * The last moments of a session whose recorder died. What the ledger tells as known until now is undone
 * when the link turns out to be dead; a crash before that leaves it standing, and here it is taken back.
 */
import type { Database } from 'better-sqlite3';
import type { CoverageState, Endpoint, Micros } from '../contract.ts';
import { SETTLE_MS } from '../flow/outage.ts';
import { hasChunks } from './schema.ts';

export const UNPROVEN: CoverageState = 'unverified';
export const UNPROVEN_CAUSE = 'Quipu ended unexpectedly; what was sent last may not have come';

/** A link that was silent for longer was given up, and that was told (faults.md, row 17). */
const NOTICED_MICROS = 15_000_000;
/** A sign of life after redelivery is told, and then judged, once a second each. */
const JUDGED_MICROS = (SETTLE_MS + 2_000) * 1000;

export interface LastState {
  readonly endpoint: Endpoint;
  readonly state: CoverageState;
  readonly start: Micros;
}

/**
 * @param covered how far the session's coverage reaches
 * @returns a test for the last state of a line: from when on it is not proven, or null when all of it is
 */
export function unprovenOf(
  database: Database,
  session: number,
  covered: Micros,
): (last: LastState) => Micros | null {
  // The last trade is in one of them; of a run what was received last will do.
  const places = ['SELECT receipt_time AS receipt FROM trades, newest WHERE row = last_trade'];
  if (hasChunks(database)) {
    places.push('SELECT last_receipt FROM segments, newest WHERE last_row = last_trade');
    places.push('SELECT last_receipt FROM chunks, newest WHERE last_row = last_trade');
  }
  const trades = database
    .prepare<[number], number | null>(
      `WITH newest AS MATERIALIZED (SELECT last_trade FROM sessions WHERE id = ?)
       SELECT max(receipt) FROM (${places.join(' UNION ALL ')})`,
    )
    .pluck();
  const candles = database
    .prepare<[number], number | null>(
      `SELECT max(receipt_time) FROM sessions CROSS JOIN candles NOT INDEXED
       WHERE sessions.id = ? AND row BETWEEN first_candle AND last_candle AND session = sessions.id`,
    )
    .pluck();
  const receipts = { trades: trades.get(session) ?? 0, candles: candles.get(session) ?? 0 };
  return ({ endpoint, start, state }) => {
    if (state !== 'live' && state !== 'quiet') return null;
    const heard = Math.max(receipts[endpoint], covered - NOTICED_MICROS);
    // Of a new connection, new trades may have waited behind those redelivered.
    const from = covered - start < JUDGED_MICROS ? start : Math.max(start, heard);
    return from < covered ? from : null;
  };
}
