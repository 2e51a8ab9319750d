/**
 * How much of today is known (the rule is `KnownToday`'s in the contract). What cannot change any more
 * is kept as sums, so that a day of many markets takes little memory.
 */
import {
  type CoverageChange,
  type CoverageStart,
  type CoverageState,
  type Endpoint,
  type KnownToday,
  type Micros,
  NOT_RECORDING,
  NOT_WATCHED,
} from '../contract.ts';
import { isUnwatched } from './ledger.ts';

const DAY_MICROS = 86_400_000_000;
/** States newer than this are kept as they are: the ledger may still change them. */
const KEPT_MICROS = 600_000_000;
const KNOWN: readonly CoverageState[] = ['live', 'quiet', 'recovered'];

export type Span = readonly [from: Micros, to: Micros];

/** What was committed of the ledger; as in the contract's event of that name. */
export interface CoverageTold {
  readonly session: number;
  readonly started: Micros;
  readonly until: Micros;
  readonly ended: boolean;
  readonly changes: readonly CoverageChange[];
}

/** The sums of one line's stretches, which are added oldest first. */
export class Tally {
  /** It was in another state than off. */
  #recorded = false;
  #counted: Micros = 0;
  #known: Micros = 0;
  /** Off, though it was waited for, before anything was recorded. */
  #waited: Micros = 0;
  #since: Micros | null = null;

  add(from: Micros, to: Micros, state: CoverageState, cause: string): void {
    const length = to - from;
    if (!(length > 0)) return;
    if (state !== 'off') {
      if (!this.#recorded) this.#since = from;
      this.#recorded = true;
      this.#counted += length;
      if (KNOWN.includes(state)) this.#known += length;
    } else if (isUnwatched(cause)) {
      return;
    } else if (this.#recorded) {
      this.#counted += length;
    } else if (cause !== NOT_RECORDING) {
      this.#waited += length;
      this.#since ??= from;
    }
  }

  get sums(): TallySums {
    return {
      recorded: this.#recorded,
      counted: this.#counted,
      known: this.#known,
      waited: this.#waited,
      since: this.#since,
    };
  }

  static of(sums: TallySums): Tally {
    const tally = new Tally();
    tally.#recorded = sums.recorded;
    tally.#counted = sums.counted;
    tally.#known = sums.known;
    tally.#waited = sums.waited;
    tally.#since = sums.since;
    return tally;
  }
}

export interface TallySums {
  readonly recorded: boolean;
  readonly counted: Micros;
  readonly known: Micros;
  readonly waited: Micros;
  readonly since: Micros | null;
}

/** One line's day: the sums up to its first start, and its states from there on. */
export interface DayLine {
  readonly market: string;
  readonly endpoint: Endpoint;
  readonly sums: TallySums;
  readonly starts: readonly CoverageStart[];
}

export interface DayPart {
  /** The midnight since which it is. */
  readonly day: Micros;
  readonly until: Micros;
  readonly lines: readonly DayLine[];
  /** When any of the lines was lost, up to its first start; sorted, without overlap. */
  readonly lost: readonly Span[];
}

/** The last midnight (UTC) at or before then. */
export function midnightOf(now: Micros): Micros {
  return Math.floor(now / DAY_MICROS) * DAY_MICROS;
}

/** The day of `now` without a line. */
export function emptyDay(now: Micros): DayPart {
  return { day: midnightOf(now), until: now, lines: [], lost: [] };
}

/** Where sums end and states begin for what is read at `now`. */
export function foldAt(now: Micros): Micros {
  return Math.max(midnightOf(now), now - KEPT_MICROS);
}

/** The union of spans: sorted, without overlap. */
export function union(spans: readonly Span[]): Span[] {
  const out: [from: Micros, to: Micros][] = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else if (to > from) out.push([from, to]);
  }
  return out;
}

interface Line {
  tally: Tally;
  starts: CoverageStart[];
}

export class Today {
  readonly #lines = new Map<string, Line>();
  #day: Micros = 0;
  #until: Micros = 0;
  #session = 0;
  #recording = false;
  /** Of what is kept as sums. */
  #lost: Span[] = [];

  /** Begins anew with what is on disk of all lines that count. */
  load({ day, lines, lost, until }: DayPart): void {
    this.#day = day;
    this.#until = until;
    this.#lost = [...lost];
    this.#lines.clear();
    for (const { endpoint, market, starts, sums } of lines) {
      this.#lines.set(nameOf(market, endpoint), { tally: Tally.of(sums), starts: [...starts] });
    }
  }

  /**
   * Takes what was committed, in the order of the commits; what was loaded already does no harm.
   *
   * @returns false when it changes what is kept as sums: load anew
   */
  take({ changes, ended, session, started, until }: CoverageTold): boolean {
    let isWhole = true;
    if (session !== this.#session) {
      this.#session = session;
      for (const line of this.#lines.values()) put(line, started, [offFrom(started, NOT_WATCHED)]);
    }
    for (const { endpoint, from, market, starts } of changes) {
      const line = this.#lines.get(nameOf(market, endpoint));
      if (line === undefined) continue;
      const oldest = line.starts[0]?.from ?? from;
      const isSummed = from < oldest && oldest > this.#day;
      const isKnown = from > oldest || (starts[0]?.from ?? Infinity) <= oldest;
      if (isSummed || !isKnown) isWhole = false;
      put(line, from, starts);
    }
    this.#until = until;
    this.#recording = !ended;
    if (ended) for (const line of this.#lines.values()) put(line, until, [offFrom(until, NOT_RECORDING)]);
    return isWhole;
  }

  /** null when nothing counts. @param now the wall clock's */
  figure(now: Micros): KnownToday | null {
    const until = this.#recording ? this.#until : Math.max(this.#until, now);
    if (midnightOf(until) > this.#day) this.#roll(midnightOf(until));
    this.#fold();
    const lost: Span[] = [...this.#lost];
    let since: Micros | null = null;
    let counted = 0;
    let known = 0;
    for (const { starts, tally } of this.#lines.values()) {
      const whole = Tally.of(tally.sums);
      starts.forEach((start, index) => {
        const from = Math.max(start.from, this.#day);
        const to = Math.min(starts[index + 1]?.from ?? until, until);
        whole.add(from, to, start.state, start.cause);
        if (start.state === 'lost' && to > from) lost.push([from, to]);
      });
      const { sums } = whole;
      counted += sums.recorded ? sums.counted : sums.waited;
      known += sums.known;
      if (sums.since !== null) since = Math.min(since ?? sums.since, sums.since);
    }
    if (since === null || counted === 0) return null;
    const total = union(lost).reduce((sum, [from, to]) => sum + to - from, 0);
    return { since: Math.floor(since / 1000), counted, known, lost: total };
  }

  /** A new day began: what was before it counts no more. */
  #roll(day: Micros): void {
    this.#day = day;
    this.#lost = [];
    for (const line of this.#lines.values()) line.tally = new Tally();
  }

  #fold(): void {
    const bound = this.#until - KEPT_MICROS;
    const lost: Span[] = [];
    for (const { starts, tally } of this.#lines.values()) {
      let done = 0;
      for (; done < starts.length - 1; done++) {
        const start = starts[done];
        const next = starts[done + 1];
        if (start === undefined || next === undefined || next.from > bound) break;
        const from = Math.max(start.from, this.#day);
        tally.add(from, next.from, start.state, start.cause);
        if (start.state === 'lost' && next.from > from) lost.push([from, next.from]);
      }
      starts.splice(0, done);
    }
    if (lost.length > 0) this.#lost = union([...this.#lost, ...lost]);
  }
}

/** From `from` on its states are these, as far as it is not kept as sums. */
function put(line: Line, from: Micros, starts: readonly CoverageStart[]): void {
  const oldest = line.starts[0]?.from ?? from;
  if (from > oldest) {
    line.starts = [...line.starts.filter((start) => start.from < from), ...starts];
    return;
  }
  const first = Math.max(
    0,
    starts.findLastIndex((start) => start.from <= oldest),
  );
  line.starts = starts.slice(first).map((start) => ({ ...start, from: Math.max(start.from, oldest) }));
}

function offFrom(from: Micros, cause: string): CoverageStart {
  return { from, state: 'off', cause };
}

function nameOf(market: string, endpoint: Endpoint): string {
  return `${endpoint} ${market}`;
}
