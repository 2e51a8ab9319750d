/**
 * The coverage ledger: what is known of every market and endpoint through a session. A pure state
 * machine: told what happens and when, it says what to write. Times are microseconds since the epoch
 * and must not go back (see record-time.ts).
 *
 * Whatever is not certain yet is told as the worse: an outage is `lost` until redelivery has brought
 * it back, so that a crash at any moment leaves no claim on disk that the rows beside it do not bear
 * out.
 */
import {
  type CoverageChange,
  type CoverageState,
  type Endpoint,
  ENDPOINTS,
  type GapState,
  type Micros,
  NOT_WATCHED,
} from '../contract.ts';
import { judge, REDELIVERED_MS, SETTLE_MS } from '../flow/outage.ts';
import { Strand } from './strand.ts';

/** A market of which nothing came for so long, though it could, is quiet. */
const QUIET_MICROS = 60_000_000;
/** What ended so long ago is changed no more, but for an outage that still goes on. */
const KEPT_MICROS = 600_000_000;
/** Starts of a strand before forgetting is worth its cost. */
const KEPT_STARTS = 64;

const NOT_YET_RECORDING = 'not recording yet';
const NOT_YET_WATCHED = 'not watched yet';
const QUIET: [state: CoverageState, cause: string] = ['quiet', 'nothing came for a minute or more'];
const RECORDED: readonly CoverageState[] = ['live', 'recovered', 'unverified'];

/** Whether a line that is `off` for this cause was not to be recorded at all: nobody waited for it. */
export function isUnwatched(cause: string): boolean {
  return cause === NOT_WATCHED || cause === NOT_YET_WATCHED || cause === NOT_YET_RECORDING;
}

/** The verdict on one stretch of a link's outage. */
export interface Verdict {
  readonly endpoint: Endpoint;
  readonly from: Micros;
  readonly to: Micros;
  readonly state: GapState;
  readonly cause: string;
  /** What redelivery brought of all markets. */
  readonly recovered: number;
  readonly duplicates: number;
}

/** For one commit: with its rows it becomes true, and without them it would be a lie. */
export interface CoverageCommit {
  /** How far the present state of every line reaches. */
  readonly until: Micros;
  readonly lines: readonly CoverageChange[];
}

type LineSubscription = 'none' | 'requested' | 'confirmed' | 'unconfirmed' | 'refused';

interface Counts {
  readonly recovered: number;
  readonly duplicates: number;
  /** Of the recovered, those that may have come live. */
  readonly uncertain: number;
}

interface Outage {
  readonly from: Micros;
  readonly cause: string;
  recovered: number;
  duplicates: number;
  uncertain: number;
  /** What of these redelivery brought that was broken off: it says nothing of what came of the rest. */
  before: Counts;
}

interface LinkOutage extends Outage {
  /** Of which redelivery that was broken off brought some. */
  readonly parts: Stretch[];
}

interface Stretch {
  readonly from: Micros;
  readonly to: Micros;
}

interface LineOutage extends Outage {
  /** When the market was served again, after the reconnect. */
  resumed: Micros | null;
  /** Why what redelivery brought could not be kept. */
  unkept: string | null;
}

interface Line {
  readonly market: string;
  readonly endpoint: Endpoint;
  readonly strand: Strand;
  watched: boolean;
  subscription: LineSubscription;
  /** The server's, when it refused. */
  words: string;
  /** Served since then. */
  since: Micros;
  /** The last message. */
  last: Micros;
  quiet: boolean;
  outage: LineOutage | null;
}

interface Link {
  readonly endpoint: Endpoint;
  readonly lines: Map<string, Line>;
  up: boolean;
  connectedAt: Micros;
  /** The last sign of life that was told. */
  heardAt: Micros;
  /** Why it is not up. */
  why: string;
  /** When the link is up again, what redelivery brings is being counted. */
  outage: LinkOutage | null;
}

export class Ledger {
  readonly #links: Record<Endpoint, Link> = { trades: newLink('trades'), candles: newLink('candles') };
  /** The session's start; null while nothing is recorded. */
  #origin: Micros | null = null;
  #ended: Micros | null = null;
  /** Changes taken and not yet known to be written. */
  #outstanding = 0;

  /** A session that started at `started` records from `now` on. */
  begin(started: Micros, now: Micros): void {
    this.#origin = started;
    this.#ended = null;
    this.#each((link, line) => {
      if (!line.watched) {
        link.lines.delete(line.market);
        return;
      }
      line.strand.begin({ from: started, state: 'off', cause: NOT_YET_RECORDING });
      this.#append(link, line, now);
    });
  }

  /** The session ends; what is taken next is its last. Outages that go on are lost to it. */
  end(at: Micros): Verdict[] {
    const verdicts = ENDPOINTS.flatMap((endpoint) => {
      const link = this.#links[endpoint];
      const { connectedAt, outage, up } = link;
      if (outage === null) return [];
      if (!up) return withCounts(this.#leftOf(link, outage, at), outage);
      if (isSettled(link)) return this.#settle(endpoint);
      this.#interrupt(link);
      return withCounts(this.#leftOf(link, outage, connectedAt), outage);
    });
    this.#origin = null;
    this.#ended = at;
    return verdicts;
  }

  /** The markets that are subscribed to from now on. */
  watch(markets: readonly string[], now: Micros): void {
    const wanted = new Set(markets);
    for (const endpoint of ENDPOINTS) {
      const link = this.#links[endpoint];
      for (const market of wanted) {
        const line = link.lines.get(market) ?? this.#newLine(link, market);
        if (line.watched) continue;
        line.watched = true;
        this.#append(link, line, now);
      }
      for (const line of link.lines.values()) {
        if (!line.watched || wanted.has(line.market)) continue;
        if (line.outage !== null && link.up) this.#tellPart(link, line.outage, line);
        line.watched = false;
        line.subscription = 'none';
        line.outage = null;
        this.#append(link, line, now);
      }
    }
  }

  connected(endpoint: Endpoint, now: Micros): void {
    const link = this.#links[endpoint];
    link.up = true;
    link.connectedAt = now;
    link.heardAt = now;
    for (const line of link.lines.values()) this.#append(link, line, now);
  }

  /** Why a link that is not up could not come up. */
  unreachable(endpoint: Endpoint, cause: string, now: Micros): void {
    const link = this.#links[endpoint];
    if (link.up) return;
    link.why = cause;
    for (const line of link.lines.values()) this.#append(link, line, now);
  }

  /** The last sign of life, of whatever kind. Without one, what redelivery brought is not judged. */
  heard(endpoint: Endpoint, at: Micros): void {
    const link = this.#links[endpoint];
    link.heardAt = Math.max(link.heardAt, at);
  }

  /**
   * @param from the last sign of life: all that was sent before has come
   * @returns verdicts on the outage before this one, when it was not judged yet
   */
  disconnected(endpoint: Endpoint, cause: string, from: Micros, now: Micros): Verdict[] {
    const link = this.#links[endpoint];
    this.heard(endpoint, from);
    const settled = isSettled(link);
    const verdicts = this.settling(endpoint) && settled ? this.#settle(endpoint) : [];
    // An outage of which redelivery was broken off goes on.
    if (this.settling(endpoint)) this.#interrupt(link);
    for (const line of link.lines.values()) {
      if (line.subscription === 'confirmed' || line.subscription === 'unconfirmed') {
        const end = Math.max(from, line.since);
        line.outage ??= newLineOutage(settled ? end : line.since, cause);
        line.outage.resumed = null;
        // What is new may wait behind what is redelivered, so that not all of it need have come.
        if (!settled) line.strand.paint(line.since, end, 'unverified', line.outage.cause, ['live']);
        line.strand.paint(end, null, 'lost', line.outage.cause);
      }
      line.subscription = 'none';
      line.quiet = false;
    }
    link.outage ??= { ...newOutage(from, cause), parts: [] };
    link.up = false;
    link.why = cause;
    for (const line of link.lines.values()) this.#append(link, line, now);
    return verdicts;
  }

  /** A subscription was sent (`requested`), answered, or waited for in vain (`unconfirmed`). */
  subscription(
    endpoint: Endpoint,
    market: string,
    state: Exclude<LineSubscription, 'none'>,
    words: string | null,
    now: Micros,
  ): void {
    const link = this.#links[endpoint];
    const line = link.lines.get(market);
    if (line === undefined || !line.watched || !link.up) return;
    if (state === 'confirmed') {
      this.#served(link, line, now);
      return;
    }
    line.subscription = state;
    line.words = words ?? '';
    line.quiet = false;
    if (state === 'unconfirmed') line.since = now;
    this.#append(link, line, now);
  }

  /** A message of the market came, new or repeated. */
  message(endpoint: Endpoint, market: string, at: Micros): void {
    const link = this.#links[endpoint];
    const line = link.lines.get(market);
    if (line === undefined) return;
    if (line.subscription !== 'confirmed' || line.quiet) this.#served(link, line, at);
    line.last = at;
  }

  /** Whether a link came back, and what it brings is counted with `redelivered`. */
  settling(endpoint: Endpoint): boolean {
    const { outage, up } = this.#links[endpoint];
    return up && outage !== null;
  }

  /** A message older than the reconnect came: one that was lacking, perhaps only by its time, or one that was held already. */
  redelivered(endpoint: Endpoint, market: string, which: 'recovered' | 'uncertain' | 'duplicates'): void {
    const { lines, outage, up } = this.#links[endpoint];
    if (!up || outage === null) return;
    count(outage, which);
    const own = lines.get(market)?.outage ?? null;
    if (own !== null) count(own, which);
  }

  /** What was received between `from` and `to` could not be kept. */
  unkept(endpoint: Endpoint, from: Micros, to: Micros, cause: string): void {
    const link = this.#links[endpoint];
    for (const { outage, strand } of link.lines.values()) {
      if (outage !== null && link.up) outage.unkept = cause;
      strand.paint(from, to, 'lost', cause, RECORDED);
    }
  }

  /** Time passed: judges redelivery that had its time, and sees which markets fell quiet. */
  tick(now: Micros): Verdict[] {
    this.#each((link, line) => {
      if (!link.up || line.subscription !== 'confirmed' || line.quiet) return;
      const last = Math.max(line.last, line.since);
      if (now - last < QUIET_MICROS) return;
      line.quiet = true;
      line.strand.paint(last, null, ...QUIET);
    });
    return ENDPOINTS.flatMap((endpoint) =>
      this.settling(endpoint) && isSettled(this.#links[endpoint]) ? this.#settle(endpoint) : [],
    );
  }

  /** What is to be written with the rows received up to now. Then `written` or `unwritten` is to be told. */
  take(now: Micros): CoverageCommit {
    const lines: CoverageChange[] = [];
    this.#each((_link, { endpoint, market, outage, strand }) => {
      const change = strand.take();
      if (change !== null) lines.push({ market, endpoint, ...change });
      if (this.#ended !== null) strand.end();
      else if (this.#outstanding === 0 && strand.starts.length > KEPT_STARTS) {
        strand.forget(Math.min(now - KEPT_MICROS, outage?.from ?? Infinity));
      }
    });
    const until = this.#ended ?? now;
    this.#ended = null;
    this.#outstanding++;
    return { until, lines };
  }

  /** What was taken is on disk. */
  written(): void {
    this.#outstanding--;
  }

  /** What was taken is not on disk: it is written with what is taken next. */
  unwritten(commit: CoverageCommit): void {
    this.#outstanding--;
    for (const { endpoint, from, market } of commit.lines) {
      this.#links[endpoint].lines.get(market)?.strand.untake(from);
    }
  }

  #each(run: (link: Link, line: Line) => void): void {
    for (const endpoint of ENDPOINTS) {
      const link = this.#links[endpoint];
      for (const line of link.lines.values()) run(link, line);
    }
  }

  #newLine(link: Link, market: string): Line {
    const line: Line = {
      market,
      endpoint: link.endpoint,
      strand: new Strand(),
      watched: false,
      subscription: 'none',
      words: '',
      since: 0,
      last: 0,
      quiet: false,
      outage: null,
    };
    link.lines.set(market, line);
    if (this.#origin !== null)
      line.strand.begin({ from: this.#origin, state: 'off', cause: NOT_YET_WATCHED });
    return line;
  }

  /** From now on the line is in the state that follows from what is known of it. */
  #append(link: Link, line: Line, now: Micros): void {
    line.strand.append(now, ...conditionOf(link, line));
  }

  /** The server answered for this market, or sent something of it. */
  #served(link: Link, line: Line, at: Micros): void {
    if (!line.watched || !link.up) return;
    if (line.subscription !== 'confirmed') {
      line.subscription = 'confirmed';
      line.since = at;
      line.last = at;
      if (line.outage !== null) line.outage.resumed ??= at;
    }
    line.quiet = false;
    this.#append(link, line, at);
  }

  /** Judges the outage that a reconnect ended, of the link and of every market. */
  #settle(endpoint: Endpoint): Verdict[] {
    const link = this.#links[endpoint];
    const { connectedAt, outage } = link;
    if (outage === null) return [];
    for (const line of link.lines.values()) if (line.outage !== null) this.#judge(link, line);
    link.outage = null;
    const reach = reachOf(link);
    const judged = judge({ ...broughtLast(outage), from: outage.from, to: connectedAt, reach });
    const last = judged.at(-1);
    const { cause, duplicates, recovered } = outage;
    return [
      ...this.#leftOf(link, outage, judged.length > 1 ? reach : outage.from),
      ...this.#within(last === undefined ? [] : [{ ...last, endpoint, cause, recovered, duplicates }]),
    ];
  }

  /** Verdicts on an outage up to `to` of which nothing more will come: it is lost but for parts. */
  #leftOf({ endpoint }: Link, { cause, from, parts }: LinkOutage, to: Micros): Verdict[] {
    const whole = new Strand();
    whole.begin({ from, state: 'lost', cause });
    for (const part of parts) whole.paint(part.from, part.to, 'unverified', cause);
    const { starts } = whole;
    return this.#within(
      starts.map(({ from: start, state }, index) => ({
        endpoint,
        from: start,
        to: Math.min(to, starts[index + 1]?.from ?? to),
        state: state === 'lost' ? state : 'unverified',
        cause,
        recovered: 0,
        duplicates: 0,
      })),
    );
  }

  /** The connection ends before redelivery had its time: what it brought was perhaps not all. */
  #interrupt(link: Link): void {
    const { connectedAt, lines, outage } = link;
    for (const line of lines.values()) if (line.outage !== null) this.#tellPart(link, line.outage, line);
    if (outage === null) return;
    const { duplicates, recovered } = broughtLast(outage);
    if (duplicates + recovered === 0) return;
    outage.parts.push({ from: Math.max(outage.from, reachOf(link)), to: connectedAt });
    outage.before = countsOf(outage);
  }

  #tellPart(link: Link, outage: LineOutage, { strand }: Line): void {
    const { duplicates, recovered } = broughtLast(outage);
    outage.before = countsOf(outage);
    if (duplicates + recovered === 0 || outage.unkept !== null) return;
    const from = Math.max(outage.from, reachOf(link));
    strand.paint(from, outage.resumed ?? link.connectedAt, 'unverified', outage.cause, ['lost']);
  }

  /** What of these is the session's. */
  #within(verdicts: readonly Verdict[]): Verdict[] {
    const origin = this.#origin;
    if (origin === null) return [];
    return verdicts
      .map((verdict) => ({ ...verdict, from: Math.max(verdict.from, origin) }))
      .filter(({ from, to }) => to > from);
  }

  #judge(link: Link, line: Line): void {
    const { outage, strand } = line;
    if (outage === null) return;
    line.outage = null;
    const to = outage.resumed ?? link.connectedAt;
    if (outage.unkept === null) {
      for (const stretch of judge({ ...broughtLast(outage), from: outage.from, to, reach: reachOf(link) })) {
        // A part that was brought before is not lost again, and may be more now.
        const over: CoverageState[] = stretch.state === 'recovered' ? ['lost', 'unverified'] : ['lost'];
        strand.paint(stretch.from, stretch.to, stretch.state, outage.cause, over);
      }
    } else {
      strand.paint(outage.from, to, 'lost', outage.unkept);
    }
    // Not served again so far: what follows the reconnect is no part of the outage.
    if (outage.resumed === null) strand.paint(to, null, ...conditionOf(link, line));
  }
}

/** Verdicts that are the last on an outage, told with what redelivery brought of it though it was broken off. */
function withCounts(verdicts: readonly Verdict[], { duplicates, recovered }: Counts): Verdict[] {
  const last = verdicts.findLastIndex(({ state }) => state !== 'lost');
  return verdicts.map((verdict, index) => (index === last ? { ...verdict, duplicates, recovered } : verdict));
}

/** Redelivery had its time, and the link outlived it. */
function isSettled({ connectedAt, heardAt }: Link): boolean {
  return heardAt >= connectedAt + SETTLE_MS * 1000;
}

/** The oldest time of which the present connection brings something. */
function reachOf({ connectedAt }: Link): Micros {
  return connectedAt - REDELIVERED_MS * 1000;
}

function count(outage: Outage, which: 'recovered' | 'uncertain' | 'duplicates'): void {
  outage[which]++;
  if (which === 'uncertain') outage.recovered++;
}

function countsOf({ duplicates, recovered, uncertain }: Outage): Counts {
  return { duplicates, recovered, uncertain };
}

/** What the present connection brought of an outage, for certain. */
function broughtLast(outage: Outage): Pick<Counts, 'recovered' | 'duplicates'> {
  const { before, duplicates, recovered, uncertain } = outage;
  return {
    recovered: recovered - uncertain - (before.recovered - before.uncertain),
    duplicates: duplicates - before.duplicates,
  };
}

function conditionOf(link: Link, line: Line): [state: CoverageState, cause: string] {
  if (!line.watched) return ['off', NOT_WATCHED];
  if (line.outage !== null && line.outage.resumed === null) return ['lost', line.outage.cause];
  if (!link.up) return ['off', link.why];
  switch (line.subscription) {
    case 'confirmed':
      return line.quiet ? QUIET : ['live', ''];
    case 'unconfirmed':
      return ['unverified', 'the subscription was not confirmed'];
    case 'refused':
      return ['off', line.words === '' ? 'the subscription was refused' : `refused: ${line.words}`];
    default:
      return ['off', 'the subscription is not confirmed yet'];
  }
}

function newLink(endpoint: Endpoint): Link {
  const why = 'not connected yet';
  return { endpoint, lines: new Map(), up: false, connectedAt: 0, heardAt: 0, why, outage: null };
}

function newOutage(from: Micros, cause: string): Outage {
  const none = { recovered: 0, duplicates: 0, uncertain: 0 };
  return { from, cause, ...none, before: none };
}

function newLineOutage(from: Micros, cause: string): LineOutage {
  return { ...newOutage(from, cause), resumed: null, unkept: null };
}
