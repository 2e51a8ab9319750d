/** Reads of the coverage table: each line by its key, sessions from the newest back. */
import type { Database } from 'better-sqlite3';
import type {
  CoverageInterval,
  CoverageLine,
  CoverageNow,
  CoveragePage,
  CoverageStart,
  CoverageState,
  CoverageStretch,
  Endpoint,
  Micros,
  SessionLine,
} from '../contract.ts';
import { ENDPOINTS, NOT_RECORDING, NOT_WATCHED } from '../contract.ts';
import { Deleted, withoutDeleted } from '../coverage/deleted.ts';
import { Fold, Gathered, Together } from '../coverage/fold.ts';
import {
  type DayLine,
  type DayPart,
  foldAt,
  midnightOf,
  type Span,
  Tally,
  union,
} from '../coverage/today.ts';
import { visibleIn } from './marks.ts';
import { hasRetention } from './schema.ts';
import { type SessionRow, unexpectedEnd } from './summaries.ts';
import { unknownSession } from './errors.ts';
import { type LastState, UNPROVEN, UNPROVEN_CAUSE, unprovenOf } from './unproven.ts';

/** Stretches of a page, and of a line of the last hour, before they are folded into half as many. */
const PAGE_STRETCHES = 4_000;
const RECENT_STRETCHES = 60;
const NOT_KEPT = 'recorded before coverage was kept';

/** How far a session's coverage reaches: microseconds. */
export interface SessionReach {
  readonly from: Micros;
  readonly to: Micros;
}

export interface CoverageReader {
  /** The markets of a session with coverage, by name. */
  markets(session: number): string[];
  /** By endpoint, oldest first. */
  intervals(session: number, market: string): CoverageInterval[];
  /** @param now the wall clock's: between sessions it is known that nothing was recorded, but not of the future */
  page(market: string, endpoint: Endpoint, from: Micros, to: Micros, now: Micros): CoveragePage;
  recent(markets: readonly string[], from: Micros, now: Micros): RecentCoverage;
  day(markets: readonly string[], now: Micros): DayPart;
  /** null for a session that does not exist or has no coverage. */
  reach(session: number): SessionReach | null;
  /** The numbers of a session's markets. */
  numbers(session: number): number[];
  /** These markets of a session in one: for `Together.join`. null for a session that does not exist. */
  together(
    session: number,
    markets: readonly number[],
    reach: SessionReach,
    buckets: number,
  ): Int8Array | null;
  /** @throws {QuipuError} kind `not-found` */
  lines(session: number, markets: readonly string[], reach: SessionReach, buckets: number): SessionLine[];
}

export interface RecentCoverage {
  readonly from: Micros;
  readonly to: Micros;
  readonly lines: readonly CoverageLine[];
}

/** Nothing is told. */
export function noPage(from: Micros): CoveragePage {
  return { from, to: from, grain: 0, stretches: [], now: null };
}

/** A stretch of time in one session, or in none. */
interface Piece {
  readonly from: Micros;
  readonly to: Micros;
  readonly session: number | null;
  /** The session kept a ledger. */
  readonly kept: boolean;
}

/** How far anything is known, and the session that goes on there. */
interface Edge {
  readonly at: Micros;
  readonly session: number | null;
}

type StateRow = [start: number, state: CoverageState, cause: string];

/** @param alive whether a session in state `recording` may be one */
export function prepareCoverage(database: Database, alive: () => boolean): CoverageReader {
  const visible = visibleIn(database).row;
  const marketId = database.prepare<[name: string], number>('SELECT id FROM markets WHERE name = ?').pluck();
  const markets = database
    .prepare<[session: number], string>(
      `SELECT DISTINCT name FROM coverage JOIN markets ON markets.id = coverage.market
       WHERE session = ? ORDER BY name`,
    )
    .pluck();
  // One statement, so that the states and how far they reach are of one moment.
  const intervals = database.prepare<
    [session: number, market: number],
    { endpoint: Endpoint; start: number; stop: number; state: CoverageState; cause: string }
  >(
    `SELECT endpoint, start, coverage.state, cause,
       lead(start, 1, covered) OVER (PARTITION BY endpoint ORDER BY start) AS stop
     FROM coverage JOIN sessions ON sessions.id = coverage.session
     WHERE session = ? AND market = ?${visible} ORDER BY endpoint, start`,
  );
  const sessionBefore = database.prepare<
    [id: number],
    Pick<SessionRow, 'id' | 'started' | 'ended' | 'state' | 'last_receipt' | 'covered'>
  >(
    `SELECT id, started, ended, state, last_receipt, covered FROM sessions
     WHERE id < ?${visible} ORDER BY id DESC LIMIT 1`,
  );
  const reachOf = database.prepare<[id: number], { started: number; covered: number | null }>(
    `SELECT started, covered FROM sessions WHERE id = ?${visible}`,
  );
  const isNoted = database
    .prepare<[session: number, market: number], number>(
      'SELECT 1 FROM session_markets WHERE session = ? AND market = ?',
    )
    .pluck();
  const numbers = database
    .prepare<[session: number], number>('SELECT market FROM session_markets WHERE session = ?')
    .pluck();
  const startAt = database
    .prepare<[session: number, market: number, endpoint: string, at: number], number>(
      `SELECT start FROM coverage WHERE session = ? AND market = ? AND endpoint = ? AND start <= ?
       ORDER BY start DESC LIMIT 1`,
    )
    .pluck();
  const states = database
    .prepare<[session: number, market: number, endpoint: string, from: number, before: number], StateRow>(
      `SELECT start, state, cause FROM coverage
       WHERE session = ? AND market = ? AND endpoint = ? AND start >= ? AND start < ? ORDER BY start`,
    )
    .raw();

  const cuts = hasRetention(database)
    ? database.prepare<[session: number], Record<Endpoint, number | null>>(
        'SELECT trades_until AS trades, candles_until AS candles FROM sessions WHERE id = ?',
      )
    : null;
  /** Up to when retention deleted what a session has of an endpoint; null: it did not. */
  const cutOf = (session: number, endpoint: Endpoint): Micros | null =>
    cuts?.get(session)?.[endpoint] ?? null;

  const left = database
    .prepare<[session: number], number | null>(
      `SELECT covered FROM sessions WHERE id = ? AND state = 'recording'`,
    )
    .pluck();
  /** Of the session that was asked for last: its markets are read one after the other. */
  let known: { session: number; covered: number; unproven: (last: LastState) => Micros | null } | null = null;
  function unprovenIn(session: number, covered: number): (last: LastState) => Micros | null {
    if (known?.session !== session || known.covered !== covered) {
      known = { session, covered, unproven: unprovenOf(database, session, covered) };
    }
    return known.unproven;
  }

  /** What a session that still records has not committed, and the future, are not known. */
  function edgeOf(now: Micros): Edge {
    const newest = sessionBefore.get(Number.MAX_SAFE_INTEGER);
    if (newest === undefined || newest.state !== 'recording' || !alive()) return { at: now, session: null };
    return { at: newest.covered ?? newest.started * 1000, session: newest.id };
  }

  /** What a line is in at the edge. */
  function stateAt(market: number | undefined, endpoint: Endpoint, { at, session }: Edge): CoverageNow {
    if (session === null) return { state: 'off', cause: NOT_RECORDING };
    const start = market === undefined ? undefined : startAt.get(session, market, endpoint, at);
    if (market === undefined || start === undefined) return { state: 'off', cause: NOT_WATCHED };
    const [row] = states.all(session, market, endpoint, start, start + 1);
    return row === undefined ? { state: 'off', cause: NOT_WATCHED } : { state: row[1], cause: row[2] };
  }

  /** Oldest first, without overlap or hole. Where the clock was set back, the later session has the time. */
  function piecesOf(from: Micros, to: Micros): Piece[] {
    const pieces: Piece[] = [];
    let limit = to;
    let row = sessionBefore.get(Number.MAX_SAFE_INTEGER);
    while (row !== undefined && limit > from) {
      const kept = row.covered !== null;
      const end = row.covered ?? (row.ended ?? unexpectedEnd(row)) * 1000;
      const start = Math.max(from, row.started * 1000);
      if (start < limit) {
        const stop = Math.min(Math.max(end, start), limit);
        if (stop < limit) pieces.push({ from: stop, to: limit, session: null, kept });
        if (stop > start) pieces.push({ from: start, to: stop, session: row.id, kept });
        limit = start;
      }
      row = sessionBefore.get(row.id);
    }
    if (limit > from) pieces.push({ from, to: limit, session: null, kept: true });
    return pieces.reverse();
  }

  /** A line's stretches within the pieces, oldest first. */
  function walk(
    market: number | undefined,
    endpoint: Endpoint,
    pieces: readonly Piece[],
    visit: (stretch: CoverageStretch) => void,
  ): void {
    for (const { from, kept, session, to } of pieces) {
      if (session === null) visit({ from, to, state: 'off', cause: NOT_RECORDING });
      else if (market === undefined) visit({ from, to, state: 'off', cause: NOT_WATCHED });
      else if (kept) walkSession(session, market, endpoint, from, to, visit);
      else if (isNoted.get(session, market) === undefined)
        visit({ from, to, state: 'off', cause: NOT_WATCHED });
      else {
        const stretch = { from, to, state: 'unverified', cause: NOT_KEPT } as const;
        withoutDeleted([stretch], cutOf(session, endpoint)).forEach(visit);
      }
    }
  }

  function walkSession(
    session: number,
    market: number,
    endpoint: Endpoint,
    from: Micros,
    to: Micros,
    visitKept: (stretch: CoverageStretch) => void,
  ): void {
    const deleted = new Deleted(cutOf(session, endpoint), visitKept);
    const visit = (stretch: CoverageStretch): void => deleted.add(stretch);
    let at = from;
    let state: CoverageState = 'off';
    let cause = NOT_WATCHED;
    const first = startAt.get(session, market, endpoint, from) ?? from;
    for (const row of states.iterate(session, market, endpoint, first, to)) {
      const start = Math.max(row[0], from);
      if (start > at) visit({ from: at, to: start, state, cause });
      at = start;
      state = row[1];
      cause = row[2];
    }
    if (to > at) visit({ from: at, to, state, cause });
    deleted.end();
  }

  return {
    markets: (session) => markets.all(session),
    intervals(session, name) {
      const market = marketId.get(name);
      if (market === undefined) return [];
      const told = intervals
        .all(session, market)
        .filter(({ start, stop }) => stop > start)
        .map(({ endpoint, start, stop, state, cause }) => ({
          market: name,
          endpoint,
          from: start,
          to: stop,
          state,
          cause,
        }));
      const covered = left.get(session) ?? null;
      const unproven = covered === null || alive() ? null : unprovenIn(session, covered);
      const claimed =
        unproven === null
          ? told
          : told.flatMap((one) => (one.to === covered ? withoutClaim(one, unproven) : one));
      return ENDPOINTS.toSorted().flatMap((endpoint) =>
        withoutDeleted(
          claimed.filter((one) => one.endpoint === endpoint),
          cutOf(session, endpoint),
        ).map((stretch) => ({ market: name, endpoint, ...stretch })),
      );
    },
    page: database.transaction((name: string, endpoint: Endpoint, from: Micros, to: Micros, now: Micros) => {
      const market = marketId.get(name);
      const edge = edgeOf(now);
      const end = Math.max(from, Math.min(to, edge.at));
      const gathered = new Gathered(from, end, PAGE_STRETCHES);
      walk(market, endpoint, piecesOf(from, end), (stretch) => gathered.add(stretch));
      return {
        from,
        to: end,
        grain: gathered.grain,
        stretches: gathered.stretches,
        now: to < edge.at ? null : stateAt(market, endpoint, edge),
      };
    }),
    recent: database.transaction((names: readonly string[], from: Micros, now: Micros) => {
      const edge = edgeOf(now);
      const to = Math.max(from, edge.at);
      const pieces = piecesOf(from, to);
      const lines = names.flatMap((name) => {
        const market = marketId.get(name);
        return ENDPOINTS.map((endpoint): CoverageLine => {
          const gathered = new Gathered(from, to, RECENT_STRETCHES);
          walk(market, endpoint, pieces, (stretch) => gathered.add(stretch));
          const { stretches } = gathered;
          return { market: name, endpoint, stretches, now: stateAt(market, endpoint, edge) };
        });
      });
      return { from, to, lines };
    }),
    day: database.transaction((names: readonly string[], now: Micros): DayPart => {
      const day = midnightOf(now);
      const fold = foldAt(now);
      const edge = edgeOf(now);
      const until = Math.max(day, edge.at);
      const pieces = piecesOf(day, until);
      const lost: Span[] = [];
      const lines = names.flatMap((name) => {
        const market = marketId.get(name);
        return ENDPOINTS.map((endpoint): DayLine => {
          const tally = new Tally();
          const starts: CoverageStart[] = [];
          walk(market, endpoint, pieces, ({ from, to, state, cause }) => {
            const end = Math.min(to, fold);
            tally.add(from, end, state, cause);
            if (state === 'lost' && end > from) lost.push([from, end]);
            if (to > fold) starts.push({ from: Math.max(from, fold), state, cause });
          });
          const present = stateAt(market, endpoint, edge);
          const last = starts.at(-1);
          if (last?.state !== present.state || last.cause !== present.cause)
            starts.push({ from: until, ...present });
          return { market: name, endpoint, sums: tally.sums, starts };
        });
      });
      return { day, until, lines, lost: union(lost) };
    }),
    reach(session) {
      const row = reachOf.get(session);
      if (row === undefined || row.covered === null) return null;
      const from = row.started * 1000;
      return row.covered > from ? { from, to: row.covered } : null;
    },
    numbers: (session) => numbers.all(session),
    together(session, chosen, { from, to }, buckets) {
      // It may have been removed since its reach was asked for.
      if (reachOf.get(session) === undefined) return null;
      const all = new Together(from, to, buckets);
      for (const market of chosen) {
        for (const endpoint of ENDPOINTS) {
          const fold = new Fold(from, to, buckets);
          walkSession(session, market, endpoint, from, to, (stretch) => fold.add(stretch));
          all.add(fold);
        }
      }
      return all.states;
    },
    lines(session, chosen, { from, to }, buckets) {
      if (reachOf.get(session) === undefined) throw unknownSession(session);
      return chosen.flatMap((market) =>
        ENDPOINTS.map((endpoint): SessionLine => {
          const fold = new Fold(from, to, buckets);
          const piece = { from, to, session, kept: true };
          walk(marketId.get(market), endpoint, [piece], (stretch) => fold.add(stretch));
          return { market, endpoint, runs: fold.runs };
        }),
      );
    },
  };
}

/** The last stretch of a line as the writer will leave it when it next opens the cache. */
function withoutClaim(
  last: CoverageInterval,
  unproven: (last: LastState) => Micros | null,
): CoverageInterval[] {
  const from = unproven({ ...last, start: last.from });
  if (from === null) return [last];
  const rest: CoverageInterval = { ...last, from, state: UNPROVEN, cause: UNPROVEN_CAUSE };
  return from > last.from ? [{ ...last, to: from }, rest] : [rest];
}
