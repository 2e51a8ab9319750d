/**
 * Asks the core for the coverage that the screen shows: of the charts what is in sight, of the
 * watchlist the last hour, of sessions one cord each. Nothing here is reactive; `changed` tells.
 */
import { ENDPOINTS } from '../../main/core/contract.ts';
import type {
  CoverageStretch,
  Endpoint,
  Micros,
  Millis,
  SessionCord,
  SessionLine,
} from '../../main/core/contract.ts';
import type { AppError } from '../../main/core/result.ts';
import type { CordStretch, MarketCoverage } from '../chart/cord.ts';
import type { Client } from './client.ts';
import { CoverageBook, type CoverageEvent, type LineState } from './coverage.ts';

/** The last hour of a market of the watchlist. */
export interface RowCoverage extends MarketCoverage {
  readonly from: Millis;
  readonly to: Millis;
}

/** A session's markets, as they are asked for. */
export interface SessionMarkets {
  readonly session: number;
  readonly from: Millis;
  readonly to: Millis;
  readonly lines: readonly SessionLine[];
  /** Of the session's markets, how many were asked for: the first. */
  readonly asked: number;
  /** Why they cannot be shown. */
  readonly problem: AppError | null;
}

const HOUR: Millis = 3_600_000;
/** The hour of a row moves this often though nothing changed: at 52 pixels an hour, less than one. */
const ROW_MS: Millis = 30_000;
/** States of a row's line, beyond which they are folded into half as many; and of a chart's, to be asked anew. */
const ROW_STATES = 120;
const CHART_STATES = 8_000;
/** A folded page is asked for anew when one of its buckets is more than this share of what is in sight. */
const COARSE = 1 / 500;
/** A request that failed is tried again after so long. */
const RETRY_MS: Millis = 5_000;
const CORD_BUCKETS = 240;
/** As many sessions, and markets of one, as the core takes at once. */
const SESSIONS_AT_ONCE = 20;
export const MARKETS_AT_ONCE = 50;

interface Range {
  readonly from: Millis;
  readonly to: Millis;
}

interface CachedRow {
  readonly mark: string;
  readonly value: RowCoverage;
}

export class CoverageLoader {
  readonly #changed: () => void;
  readonly #now: () => Millis;
  readonly #charts = new CoverageBook();
  readonly #rows = new CoverageBook();
  #client: Client | null = null;
  /** Goes up when answers that are still due mean nothing any more. */
  #turn = 0;
  #followed: ReadonlySet<string> = new Set();
  #watched: ReadonlySet<string> = new Set();
  /** What each chart shows. */
  readonly #wanted = new Map<string, Range>();
  /** Lines that are being asked for. */
  readonly #asked = new Set<string>();
  /** When to ask again after a failure. */
  #retryAt: Millis = 0;
  #rowsAsked = false;
  readonly #rowCache = new Map<string, CachedRow>();
  readonly #cords = new Map<number, SessionCord>();
  readonly #cordsWanted = new Set<number>();
  #cordsAsked = false;
  #markets: SessionMarkets | null = null;
  /** Goes up with each question for a session's markets: the answer to an older one comes too late. */
  #marketsTurn = 0;

  /** @param now the core's wall clock */
  constructor(changed: () => void, now: () => Millis) {
    this.#changed = changed;
    this.#now = now;
  }

  /** Forgets all, and asks `client` from now on. @param session the one that is recorded now, or null */
  reset(client: Client | null, session: number | null): void {
    this.#client = client;
    this.#cords.clear();
    this.#cordsWanted.clear();
    this.#markets = null;
    this.renew(session);
  }

  /** The record is another, though its sessions that are left are as they were. @param session as in `reset` */
  renew(session: number | null): void {
    this.#turn++;
    this.#charts.reset(session);
    this.#rows.reset(session);
    this.#followed = new Set();
    this.#watched = new Set();
    this.#wanted.clear();
    this.#asked.clear();
    this.#rowCache.clear();
    this.#rowsAsked = false;
    this.#cordsAsked = false;
    this.#retryAt = 0;
    this.#changed();
    if (this.#cordsWanted.size > 0) void this.#askCords();
  }

  /** Some of what was recorded was deleted: all is asked for anew. What is drawn stays until it is here. */
  refresh(): void {
    this.#charts.doubt();
    for (const [market, range] of this.#wanted) this.#ask(market, range);
    void this.#askRows();
    for (const session of this.#cords.keys()) this.#cordsWanted.add(session);
    void this.#askCords();
  }

  /** The markets that are drawn. */
  follow(markets: readonly string[]): void {
    this.#followed = new Set(markets);
    this.#charts.keep(this.#followed);
    for (const market of this.#wanted.keys()) if (!this.#followed.has(market)) this.#wanted.delete(market);
  }

  /** The watchlist. Of new markets the last hour is asked for. */
  watch(markets: readonly string[]): void {
    const isNew = markets.some((market) => !this.#watched.has(market));
    this.#watched = new Set(markets);
    this.#rows.keep(this.#watched);
    for (const market of this.#rowCache.keys()) if (!this.#watched.has(market)) this.#rowCache.delete(market);
    if (isNew) void this.#askRows();
  }

  take(event: CoverageEvent): void {
    this.#charts.take(event);
    this.#rows.take(event);
    this.#rows.trim(this.#hour(), ROW_STATES);
    for (const [market, range] of this.#wanted) this.#ask(market, range);
    this.#changed();
  }

  /** A chart shows this much. */
  want(market: string, from: Millis, to: Millis): void {
    if (!this.#followed.has(market) || !(to > from)) return;
    this.#wanted.set(market, { from, to });
    this.#ask(market, { from, to });
  }

  /** What is known of a chart's market here, in sight and beyond. */
  chart(market: string): MarketCoverage {
    return this.#stretches(this.#charts, market, 0, Number.MAX_SAFE_INTEGER);
  }

  /** The same object while nothing changed that could be seen; null while it is not known. */
  row(market: string): RowCoverage | null {
    const lines = ENDPOINTS.map((endpoint) => this.#rows.line(market, endpoint));
    if (lines.every((line) => line === null)) return null;
    const end = Math.max(this.#rows.until / 1000, this.#isRecording ? 0 : this.#now());
    const to = Math.ceil(end / ROW_MS) * ROW_MS;
    const mark = [to, ...lines.map((line) => line?.revision)].join(' ');
    const cached = this.#rowCache.get(market);
    if (cached?.mark === mark) return cached.value;
    const value = { from: to - HOUR, to, ...this.#stretches(this.#rows, market, 0, to * 1000) };
    this.#rowCache.set(market, { mark, value });
    return value;
  }

  /** null while it is not known; asked for once it is in sight. */
  session(session: number): SessionCord | null {
    return this.#cords.get(session) ?? null;
  }

  /** A session's cord is in sight; `anew`: it may have changed. */
  wantSession(session: number, anew = false): void {
    if (this.#cords.has(session) && !anew) return;
    this.#cordsWanted.add(session);
    void this.#askCords();
  }

  /** The markets of the session that was asked for last. */
  get markets(): SessionMarkets | null {
    return this.#markets;
  }

  /** Asks for the first `most` of a session's markets. They are shown once all of them are known. */
  async wantMarkets(session: number, markets: readonly string[], most: number): Promise<void> {
    const client = this.#client;
    const turn = ++this.#marketsTurn;
    if (client === null) return;
    const asked = Math.min(most, markets.length);
    const lines: SessionLine[] = [];
    let [from, to] = [0, 0];
    let problem: AppError | null = null;
    for (let first = 0; first < asked && problem === null; first += MARKETS_AT_ONCE) {
      const page = markets.slice(first, Math.min(asked, first + MARKETS_AT_ONCE));
      const result = await client.call('coverage.session', { session, markets: page, buckets: CORD_BUCKETS });
      if (client !== this.#client || turn !== this.#marketsTurn) return;
      if (result.ok) {
        ({ from, to } = result.value);
        lines.push(...result.value.lines);
      } else {
        problem = result.error;
      }
    }
    this.#markets = { session, from: from / 1000, to: to / 1000, lines, asked, problem };
    this.#changed();
  }

  get #isRecording(): boolean {
    return this.#rows.recording;
  }

  #hour(): Micros {
    return Math.max(0, (this.#rows.until / 1000 - HOUR - ROW_MS) * 1000);
  }

  #stretches(book: CoverageBook, market: string, from: Micros, to: Micros): MarketCoverage {
    const now = this.#now() * 1000;
    const of = (endpoint: Endpoint): CordStretch[] =>
      book.stretches(market, endpoint, from, to, now).map(inMillis);
    return { trades: of('trades'), candles: of('candles') };
  }

  #ask(market: string, range: Range): void {
    for (const endpoint of ENDPOINTS) {
      const line = this.#charts.line(market, endpoint);
      const name = `${endpoint} ${market}`;
      if (this.#asked.has(name) || this.#now() < this.#retryAt || isEnough(line, range)) continue;
      this.#asked.add(name);
      void this.#askPage(market, endpoint, range).then((isDone) => {
        this.#asked.delete(name);
        const wanted = this.#wanted.get(market);
        if (isDone && wanted !== undefined) this.#ask(market, wanted);
      });
    }
  }

  /** Twice as much as is in sight on either side, so that a pan finds it there. @returns whether to go on */
  async #askPage(market: string, endpoint: Endpoint, { from, to }: Range): Promise<boolean> {
    const client = this.#client;
    const turn = this.#turn;
    if (client === null) return false;
    const span = to - from;
    const isLate = to + span >= this.#now();
    const mark = this.#charts.mark();
    const result = await client.call('coverage.page', {
      market,
      endpoint,
      from: Math.max(0, Math.floor((from - span) * 1000)),
      to: isLate ? Number.MAX_SAFE_INTEGER : Math.ceil((to + span) * 1000),
    });
    if (turn !== this.#turn) return false;
    if (!result.ok || !this.#followed.has(market)) {
      this.#charts.drop();
      if (!result.ok) this.#retryAt = this.#now() + RETRY_MS;
      return false;
    }
    this.#charts.put([{ market, endpoint, told: result.value }], mark);
    this.#changed();
    return true;
  }

  async #askRows(): Promise<void> {
    const client = this.#client;
    const turn = this.#turn;
    if (client === null || this.#rowsAsked) return;
    this.#rowsAsked = true;
    const mark = this.#rows.mark();
    const result = await client.call('coverage.recent', {});
    if (turn !== this.#turn) return;
    this.#rowsAsked = false;
    if (!result.ok) {
      this.#rows.drop();
      return;
    }
    const { from, lines, to } = result.value;
    const wanted = lines.filter(({ market }) => this.#watched.has(market));
    this.#rows.put(
      wanted.map(({ endpoint, market, now, stretches }) => ({
        market,
        endpoint,
        told: { from, to, grain: 0, stretches, now },
      })),
      mark,
    );
    this.#changed();
    // The watchlist may have grown since.
    const known = new Set(lines.map(({ market }) => market));
    if ([...this.#watched].some((market) => !known.has(market))) void this.#askRows();
  }

  async #askCords(): Promise<void> {
    if (this.#cordsAsked) return;
    this.#cordsAsked = true;
    const turn = this.#turn;
    // All that come into sight at once are asked for at once.
    await Promise.resolve();
    const client = this.#client;
    while (client !== null && turn === this.#turn && this.#cordsWanted.size > 0) {
      const sessions = [...this.#cordsWanted].slice(0, SESSIONS_AT_ONCE);
      const result = await client.call('coverage.sessions', { sessions, buckets: CORD_BUCKETS });
      if (turn !== this.#turn) return;
      for (const session of sessions) this.#cordsWanted.delete(session);
      if (!result.ok) break;
      for (const cord of result.value.cords) this.#cords.set(cord.session, cord);
      this.#changed();
    }
    this.#cordsAsked = false;
  }
}

function isEnough(line: LineState | null, { from, to }: Range): boolean {
  if (line === null || line.isStale || line.count > CHART_STATES) return false;
  const start = Math.max(0, from) * 1000;
  if (line.from > start || (line.end !== null && line.end < to * 1000)) return false;
  return line.grain <= (to - from) * 1000 * COARSE;
}

function inMillis({ cause, from, state, to }: CoverageStretch): CordStretch {
  return { from: from / 1000, to: to / 1000, state, cause };
}
