/**
 * What is known of each market, as the screen holds it: the core's pages, kept up to date by its
 * events. Pure, and not reactive. Times are microseconds, as the core tells them.
 */
import { COVERAGE_RANK, NOT_RECORDING, NOT_WATCHED } from '../../main/core/contract.ts';
import type {
  CoreEvent,
  CoverageNow,
  CoverageStart,
  CoverageState,
  CoverageStretch,
  Endpoint,
  Micros,
} from '../../main/core/contract.ts';

export type CoverageEvent = Extract<CoreEvent, { type: 'coverage' }>;

/** Events that are kept for pages on their way; when more come, those pages are of no use. */
const MOST_EVENTS = 2_000;

/** A page, or a line of the last hour. */
export interface Told {
  readonly from: Micros;
  readonly to: Micros;
  readonly grain: Micros;
  readonly stretches: readonly CoverageStretch[];
  /** null: it ends where it was to end. */
  readonly now: CoverageNow | null;
}

/** A line as it is held: what it was asked for, and its states. */
interface Line {
  from: Micros;
  /** null: it goes on with what the core tells. */
  end: Micros | null;
  grain: Micros;
  starts: CoverageStart[];
  /** To be read anew: of what goes on the beginning is not held. */
  isStale: boolean;
  revision: number;
}

interface Logged {
  readonly event: CoverageEvent;
  /** It was the first of its session. */
  readonly isFirst: boolean;
}

/** What a holder may ask about a line before it asks the core. */
export interface LineState {
  readonly from: Micros;
  readonly end: Micros | null;
  readonly grain: Micros;
  readonly count: number;
  readonly isStale: boolean;
  /** Another one when its states changed. */
  readonly revision: number;
}

export class CoverageBook {
  readonly #lines = new Map<string, Line>();
  #session = 0;
  #recording = false;
  #until: Micros = 0;
  /** Events since the oldest mark, and the number of the first of them. */
  #log: Logged[] = [];
  #logged = 0;
  #marks = 0;
  #revision = 0;

  /** Forgets everything. @param session the one that is recorded now, or null */
  reset(session: number | null): void {
    this.#lines.clear();
    this.#session = session ?? 0;
    this.#recording = session !== null;
    this.#until = 0;
    this.#logged += this.#log.length;
    this.#log = [];
    this.#marks = 0;
  }

  /** What is held may be of before: it is to be read anew, and is told until then. */
  doubt(): void {
    for (const line of this.#lines.values()) line.isStale = true;
  }

  get recording(): boolean {
    return this.#recording;
  }

  /** How far the running session's states reach; 0 while that is not known. */
  get until(): Micros {
    return this.#until;
  }

  /**
   * A page is about to be asked for. What comes until it is here is put on top of it, since it may have
   * been read before. To be given to `put` or `drop`, once.
   */
  mark(): number {
    this.#marks++;
    return this.#logged + this.#log.length;
  }

  /** The page of a mark will not come. */
  drop(): void {
    this.#marks = Math.max(0, this.#marks - 1);
    if (this.#marks === 0) this.#clearLog();
  }

  /**
   * Lines of one answer take the place of what was held of them.
   *
   * @returns false when it came too late to be brought up to date
   */
  put(
    lines: readonly { readonly market: string; readonly endpoint: Endpoint; readonly told: Told }[],
    mark: number,
  ): boolean {
    const isUsable = mark >= this.#logged;
    if (isUsable) {
      const since = this.#log.slice(mark - this.#logged);
      for (const { endpoint, market, told } of lines) {
        const line: Line = {
          from: told.from,
          end: told.now === null ? told.to : null,
          grain: told.grain,
          starts: startsOf(told),
          isStale: false,
          revision: ++this.#revision,
        };
        this.#lines.set(nameOf(market, endpoint), line);
        if (told.now !== null && this.#recording) this.#until = Math.max(this.#until, told.to);
        for (const each of since) takeInto(line, market, endpoint, each);
      }
    }
    this.drop();
    return isUsable;
  }

  /** Takes an event, in the order in which the core tells them. */
  take(event: CoverageEvent): void {
    const isFirst = event.session !== this.#session;
    this.#until = isFirst ? event.until : Math.max(this.#until, event.until);
    this.#session = event.session;
    this.#recording = !event.ended;
    if (this.#marks > 0) {
      this.#log.push({ event, isFirst });
      if (this.#log.length > MOST_EVENTS) this.#clearLog();
    }
    if (isFirst) this.#allOff(event.started, NOT_WATCHED);
    for (const { endpoint, from, market, starts } of event.changes) {
      const line = this.#lines.get(nameOf(market, endpoint));
      if (line === undefined || (line.end !== null && from >= line.end)) continue;
      change(line, from, starts);
      line.revision = ++this.#revision;
    }
    if (event.ended) this.#allOff(event.until, NOT_RECORDING);
  }

  line(market: string, endpoint: Endpoint): LineState | null {
    const line = this.#lines.get(nameOf(market, endpoint));
    if (line === undefined) return null;
    const { end, from, grain, isStale, revision, starts } = line;
    return { from, end, grain, isStale, revision, count: starts.length };
  }

  /**
   * What is held of a line within [from, to), oldest first, without overlap or hole; nothing is told of
   * what is not known yet.
   *
   * @param now the core's wall clock: while nothing is recorded, that is known up to now
   */
  stretches(market: string, endpoint: Endpoint, from: Micros, to: Micros, now: Micros): CoverageStretch[] {
    const line = this.#lines.get(nameOf(market, endpoint));
    if (line === undefined) return [];
    const reach = line.end ?? (this.#recording ? this.#until : Math.max(this.#until, now));
    return stretchesOf(line.starts, Math.max(from, line.from), Math.min(to, reach));
  }

  /** Keeps these markets alone. */
  keep(markets: ReadonlySet<string>): void {
    for (const name of this.#lines.keys()) if (!markets.has(marketOf(name))) this.#lines.delete(name);
  }

  /** Lets go of what ended before then, and folds what is left of a line with more than `most` states. */
  trim(before: Micros, most: number): void {
    for (const line of this.#lines.values()) {
      const first = line.starts.findLastIndex((start) => start.from <= before);
      if (first > 0) line.starts = line.starts.slice(first);
      line.from = Math.max(line.from, before);
      if (line.starts.length > most) line.starts = coarser(line.starts, line.from, this.#until, most / 2);
    }
  }

  #clearLog(): void {
    this.#logged += this.#log.length;
    this.#log = [];
  }

  #allOff(from: Micros, cause: string): void {
    for (const line of this.#lines.values()) {
      if (line.end !== null && from >= line.end) continue;
      startOff(line, from, cause);
      line.revision = ++this.#revision;
    }
  }
}

function nameOf(market: string, endpoint: Endpoint): string {
  // A market id is opaque, but an endpoint has no space in it.
  return `${endpoint} ${market}`;
}

function marketOf(name: string): string {
  return name.slice(name.indexOf(' ') + 1);
}

function startsOf({ now, stretches, to }: Told): CoverageStart[] {
  const starts = stretches.map(({ from, state, cause }) => ({ from, state, cause }));
  const last = starts.at(-1);
  if (now !== null && (last?.state !== now.state || last.cause !== now.cause)) {
    starts.push({ from: to, state: now.state, cause: now.cause });
  }
  return starts;
}

/** The past changes too: what an outage was is judged when it is over. */
function change(line: Line, from: Micros, told: readonly CoverageStart[]): void {
  const { end } = line;
  if (end !== null && from >= end) return;
  const starts = end === null ? told : told.filter((start) => start.from < end);
  if (from > line.from) {
    line.starts = [...line.starts.filter((start) => start.from < from), ...starts];
    return;
  }
  // Without a state at its beginning, what it is there lies before what is held.
  const first = starts.findLastIndex((start) => start.from <= line.from);
  if (first === -1) line.isStale = true;
  line.starts = starts.slice(Math.max(0, first));
}

function startOff(line: Line, from: Micros, cause: string): void {
  change(line, from, [{ from, state: 'off', cause }]);
}

/** An event into one line. */
function takeInto(line: Line, market: string, endpoint: Endpoint, { event, isFirst }: Logged): void {
  if (isFirst) startOff(line, event.started, NOT_WATCHED);
  for (const each of event.changes) {
    if (each.market === market && each.endpoint === endpoint) change(line, each.from, each.starts);
  }
  if (event.ended) startOff(line, event.until, NOT_RECORDING);
}

function stretchesOf(starts: readonly CoverageStart[], from: Micros, to: Micros): CoverageStretch[] {
  const out: CoverageStretch[] = [];
  starts.forEach((start, index) => {
    const low = Math.max(start.from, from);
    const high = Math.min(starts[index + 1]?.from ?? Infinity, to);
    if (high > low) out.push({ from: low, to: high, state: start.state, cause: start.cause });
  });
  return out;
}

/** The same in at most `buckets` buckets, each in its worst state. */
function coarser(
  starts: readonly CoverageStart[],
  from: Micros,
  until: Micros,
  buckets: number,
): CoverageStart[] {
  const rank = (state: CoverageState): number => COVERAGE_RANK.indexOf(state);
  const grain = Math.max(1, Math.ceil((until - from) / buckets));
  const out: CoverageStart[] = [];
  for (const { cause, from: start, state, to } of stretchesOf(starts, from, until)) {
    const first = from + Math.floor((start - from) / grain) * grain;
    for (let at = first; at < to; at += grain) {
      const last = out.at(-1);
      if (last?.from !== at) out.push({ from: at, state, cause });
      else if (rank(state) > rank(last.state)) out[out.length - 1] = { from: at, state, cause };
    }
  }
  return out.filter((each, index) => {
    const before = out[index - 1];
    return before === undefined || before.state !== each.state || before.cause !== each.cause;
  });
}
