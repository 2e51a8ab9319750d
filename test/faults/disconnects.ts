/**
 * Disconnects at random, in worlds of some hundred each: the real link, recorder, ledger and SQLite file
 * against a simulated feed whose account of what it said is the truth. A world follows from its seed.
 *
 * What must hold of each:
 * - every disconnect and every failed attempt is told, once, in order, with its cause, and in time;
 * - of every trade that the server got across, first or again, one is stored, and no other;
 * - nothing that is not stored lies in a time that the ledger tells as known;
 * - what the ledger tells as lost is what no redelivery reached, to the second.
 *
 * Not among the faults, since nothing could tell: a server that delivers trades without ids twice on one
 * connection. They are taken for identical fills, which are legitimate.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import type {
  CoverageInterval,
  JournalEntry,
  JournalPage,
  LinkPhase,
  LinkProblem,
  RefusalCount,
  SessionSummary,
} from '../../main/core/contract.ts';
import { Recorder, type RecorderStore } from '../../main/core/flow/recorder.ts';
import { DEFAULT_DIALECT } from '../../main/core/protocol/dialect.ts';
import { FeedSession } from '../../main/core/session/feed-session.ts';
import { isOpen } from '../../main/core/session/machine.ts';
import { openForReading, openForWriting } from '../../main/core/store/database.ts';
import { createReader, type Reader } from '../../main/core/store/reader.ts';
import type { Commit, Committed, JournalFilter, StoredTrade } from '../../main/core/store/store.ts';
import { createWriter, type Writer } from '../../main/core/store/writer.ts';
import { between, type Chance, chance, pick } from './chance.ts';
import type { Harness } from './harness.ts';
import {
  type Attempt,
  type Break,
  type Fate,
  type FeedForm,
  type Ids,
  QUEUE_MS,
  type RedeliveryForm,
  rowOf,
  type Said,
  SimulatedFeed,
  type SimulatedProcess,
} from './simulated-feed.ts';
import { BEGINNING, ProcessClock, Timeline } from './timeline.ts';

/** One disconnect: what becomes of the next connection, and what follows. */
interface Disconnect {
  readonly happens: Happening;
  /** How redelivery is sent on the connection. */
  readonly redelivery: RedeliveryForm;
  /** From the disconnect until the server takes connections again, ms. */
  readonly outage: number;
  /** What attempts meet meanwhile. */
  readonly meanwhile: Fate;
  /** The client comes back by itself, or its user asks for it as soon as the server can be had. */
  readonly back: 'itself' | 'user';
}

type Happening =
  | { readonly kind: 'handshake'; readonly fate: Fate }
  | { readonly kind: 'opened' | 'idle' | 'burst'; readonly after: number; readonly by: Break }
  | { readonly kind: 'redelivery'; readonly share: number; readonly by: Break }
  | { readonly kind: 'sleep'; readonly after: number; readonly sleep: Sleep }
  | { readonly kind: 'crash'; readonly after: number };

interface Sleep {
  /** Whether the link is told before, and after: before it reads what waits in its socket, or then. */
  readonly told: 'before and after' | 'after, first' | 'after, then' | 'never';
  /** What the server does meanwhile; `late` ms after the sleep began. */
  readonly server: Break;
  readonly late: number;
  readonly clockStood: boolean;
}

interface Plan {
  readonly seed: number;
  readonly form: FeedForm;
  readonly disconnects: readonly Disconnect[];
}

const CODES: readonly [number, ...number[]] = [1000, 1001, 1008, 1009, 1011, 1012, 1013, 4000];
const MARKETS: readonly [string, ...string[]] = [
  'binance-btc-usdt',
  'okx-eth-usdt',
  'kraken-sol-usd',
  'm',
  '1',
];
const IDS: readonly [Ids, ...Ids[]] = ['ids', 'none', 'mixed', 'numbers'];
const SILENT = 'silent';

function breakAt(random: Chance): Break {
  const chosen = random();
  if (chosen < 0.35) return 'reset';
  if (chosen < 0.5) return 'vanish';
  return chosen < 0.7 ? 'silence' : pick(random, CODES);
}

/** Milliseconds from 1 to 5 minutes: as many of each order of magnitude, and more about two minutes. */
function outageOf(random: Chance): number {
  if (random() < 0.15) return between(random, QUEUE_MS - 3_000, QUEUE_MS + 3_000);
  return Math.round(10 ** (random() * Math.log10(300_000)));
}

function redeliveryOf(random: Chance): RedeliveryForm {
  return {
    order: random() < 0.7 ? 'as said' : 'shuffled',
    live: random() < 0.7 ? 'between' : 'after',
    twice: random() < 0.2,
    frame: pick(random, [1, 1, 7, 1_000]),
    span: pick(random, [0, 0, 100, 2_000]),
    answer: pick(random, ['before', 'before', 'after', 'never']),
  };
}

function happeningOf(random: Chance): Happening {
  const chosen = random();
  const by = breakAt(random);
  const after = Math.round(10 ** (1 + random() * 3.8));
  if (chosen < 0.12) {
    const fates: [Fate, ...Fate[]] = [
      { kind: 'unreachable' },
      { kind: 'reset' },
      { kind: 'hang' },
      { kind: 'status', status: pick(random, [401, 403, 429, 500, 503]) },
    ];
    return { kind: 'handshake', fate: pick(random, fates) };
  }
  if (chosen < 0.24) return { kind: 'opened', after: between(random, 0, 20), by };
  if (chosen < 0.46) return { kind: 'redelivery', share: random(), by };
  if (chosen < 0.68) return { kind: 'burst', after, by };
  if (chosen < 0.88) return { kind: 'idle', after, by };
  if (chosen < 0.97) {
    const sleep: Sleep = {
      told: pick(random, ['before and after', 'after, first', 'after, then', 'never']),
      server: pick(random, ['reset', 'vanish', 'silence']),
      late: pick(random, [0, 0, 500, 20_000]),
      clockStood: random() < 0.7,
    };
    return { kind: 'sleep', after, sleep };
  }
  return { kind: 'crash', after };
}

/** @param count disconnects */
export function planOf(seed: number, count: number): Plan {
  const random = chance(seed);
  const disconnects = Array.from({ length: count }, (): Disconnect => {
    const refusing: [Fate, ...Fate[]] = [
      { kind: 'unreachable' },
      { kind: 'reset' },
      { kind: 'hang' },
      { kind: 'status', status: 503 },
    ];
    return {
      happens: happeningOf(random),
      redelivery: redeliveryOf(random),
      outage: outageOf(random),
      meanwhile: pick(random, refusing),
      back: random() < 0.7 ? 'user' : 'itself',
    };
  });
  const markets = MARKETS.slice(0, between(random, 2, MARKETS.length)).map((id) => ({
    id,
    ids: pick(random, IDS),
    weight: random(),
  }));
  return {
    seed,
    form: {
      markets: [...markets, { id: SILENT, ids: 'ids', weight: 0 }],
      pause: pick(random, [500, 2_000, 8_000]),
    },
    disconnects,
  };
}

/** What the link told of an end. */
interface Told {
  readonly at: number;
  readonly wasOpen: boolean;
  readonly kind: string;
  readonly closeCode: number | null;
}

/** The store without its threads, so that a commit takes as long as the world says and a crash cuts it off. */
class ShortStore implements RecorderStore {
  readonly #database: Database;
  readonly #writer: Writer;
  readonly #reading: Database;
  readonly #reader: Reader;
  readonly #timeline: Timeline;
  readonly #random: Chance;
  #lastEntry: number;
  #lastDue = 0;
  #isDead = false;

  constructor(folder: string, timeline: Timeline, random: Chance) {
    this.#database = openForWriting(folder, 0, () => undefined).database;
    // It is the process that dies here, not the machine.
    this.#database.pragma('synchronous = OFF');
    this.#writer = createWriter(this.#database);
    this.#writer.recover();
    this.#lastEntry = this.#writer.lastEntry();
    const reading = openForReading(folder);
    if (reading === null) throw new Error('the database is gone');
    this.#reading = reading;
    this.#reader = createReader(reading, () => true);
    this.#timeline = timeline;
    this.#random = random;
  }

  async beginSession(started: number): Promise<SessionSummary> {
    return this.#writer.beginSession(started);
  }

  commit(commit: Commit): Promise<Committed> {
    return this.#later(() => ({ ...this.#writer.commit(commit), bytes: null, log: 0 }));
  }

  nextEntry(): number {
    return ++this.#lastEntry;
  }

  note(entries: readonly JournalEntry[]): Promise<void> {
    return this.#later(() => this.#writer.note(entries));
  }

  async endSession(session: number, ended: number): Promise<SessionSummary> {
    return this.#writer.endSession(session, ended);
  }

  async journalPage(filter: JournalFilter, before: number | null, limit: number): Promise<JournalPage> {
    return this.#reader.links?.journalPage(filter, before, limit) ?? { more: false, entries: [] };
  }

  async refusals(session: number): Promise<readonly RefusalCount[]> {
    return this.#reader.links?.refusals(session) ?? [];
  }

  async receivedSince(since: number, most = Infinity): Promise<readonly StoredTrade[]> {
    const { after, last } = this.#reader.rowsSince(since);
    return this.#received(Math.max(after, last - most), last, since);
  }

  async newestReceived(most: number): Promise<readonly StoredTrade[]> {
    const { last } = this.#reader.rowsSince(Number.MAX_SAFE_INTEGER);
    return this.#received(Math.max(0, last - most), last, null);
  }

  #received(first: number, last: number, since: number | null): StoredTrade[] {
    const found: StoredTrade[] = [];
    for (let after = first; after < last;) {
      const step = this.#reader.trades({ after, last }, { session: null, market: null, since });
      found.push(...step.rows);
      after = step.after;
    }
    return found;
  }

  /** What is not committed never will be. */
  die(): void {
    this.#isDead = true;
    this.close();
  }

  close(): void {
    this.#reading.close();
    this.#database.close();
  }

  #later<T>(change: () => T): Promise<T> {
    const due = Math.max(this.#lastDue, this.#timeline.now + between(this.#random, 1, 40));
    this.#lastDue = due;
    return new Promise((resolve) => {
      this.#timeline.after(due - this.#timeline.now, () => {
        if (this.#isDead) return;
        resolve(change());
        // Whoever waited for it goes on before anything else happens.
        return new Promise(setImmediate);
      });
    });
  }
}

/** One run of the recorder, from its start to its end or its crash. */
interface Run extends SimulatedProcess {
  readonly store: ShortStore;
  readonly recorder: Recorder;
  readonly link: FeedSession;
  readonly told: Told[];
  session: number;
  readonly startedAt: number;
  endedAt: number;
  crashed: boolean;
}

/** Longer than any wait of the link: 60 s of back-off or for want of allowance, and a handshake. */
const PATIENCE_MS = 20 * 60_000;
/** What was received so long before a crash is on disk. */
const DURABLE_MS = 100;
/** A broken link is noticed and told within so long (faults.md, C). */
const NOTICED_MS = 15_000;

class World {
  readonly timeline = new Timeline();
  readonly feed: SimulatedFeed;
  readonly runs: Run[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'quipu-disconnects-'));
  readonly #plan: Plan;
  readonly #random: Chance;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#random = chance(plan.seed ^ 0x5eed);
    this.feed = new SimulatedFeed(this.timeline, plan.form, plan.seed);
  }

  get markets(): string[] {
    return this.#plan.form.markets.map(({ id }) => id);
  }

  async live(): Promise<void> {
    // The queue is full before anybody connects.
    await this.timeline.until(between(this.#random, 0, QUEUE_MS + 10_000));
    let run = await this.#start();
    for (const disconnect of this.#plan.disconnects) run = await this.#suffer(run, disconnect);
    this.feed.fate = () => ({ kind: 'accept', redelivery: CALM, breaks: { at: 'never' } });
    const { length } = this.feed.attempts;
    await this.#comeBack(run, 'itself', () => this.feed.attempts.length > length);
    await this.timeline.until(this.timeline.now + 10_000);
    await this.#stop(run);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #start(): Promise<Run> {
    const { feed, timeline } = this;
    const number = this.runs.length;
    const clock = new ProcessClock(timeline);
    const process: SimulatedProcess = { number, clock, alive: true };
    const store = new ShortStore(this.folder, timeline, chance(this.#plan.seed + number));
    const told: Told[] = [];
    const recorder = new Recorder({
      clock,
      logger: { log: () => undefined },
      store,
      listener: {
        trade: () => undefined,
        candle: () => undefined,
        gap: () => undefined,
        journal: () => undefined,
        coverage: () => undefined,
        changed: () => undefined,
      },
    });
    let lost: LinkProblem | null = null;
    const link = new FeedSession({
      endpoint: 'trades',
      url: 'ws://simulated/ws/trades',
      key: 'key',
      dialect: DEFAULT_DIALECT,
      granularities: [],
      clock,
      logger: { log: () => undefined },
      sockets: feed.sockets(process),
      random: chance(this.#plan.seed * 31 + number),
      // As feed.ts has it.
      listener: {
        connected: () => recorder.connected('trades'),
        alive: (silence) => recorder.alive('trades', silence),
        disconnected: (problem, silence) => {
          if (lost !== null) throw new Error('a disconnect was told twice');
          lost = problem;
          recorder.disconnected('trades', problem.message, silence);
        },
        trade: (trade) => recorder.trade(trade),
        candle: (candle) => recorder.candle(candle),
        refused: ({ reason, sample }) => {
          throw new Error(`a message was refused: ${reason} ${sample}`);
        },
        subscription: (market, state, words) => recorder.subscription('trades', market, state, words),
        changed: ({ problem }) => {
          if (problem !== null) recorder.unreachable('trades', problem.message);
        },
        transition: (from, to, cause) => {
          recorder.transition('trades', from, to, cause);
          if (!endsSomething(from, to)) return;
          if ((lost !== null) !== isOpen(from)) throw new Error(`${from} > ${to} and a disconnect disagree`);
          const { closeCode = null, kind } = lost ?? link.state.problem ?? { kind: cause.kind };
          told.push({ at: timeline.now, wasOpen: lost !== null, kind, closeCode });
          lost = null;
        },
      },
    });
    const run: Run = Object.assign(process, {
      store,
      recorder,
      link,
      told,
      session: 0,
      startedAt: timeline.now,
      endedAt: Infinity,
      crashed: false,
    });
    this.runs.push(run);
    await recorder.restore();
    recorder.watch(this.markets);
    link.setMarkets(this.markets);
    await recorder.begin();
    run.session = recorder.report.session ?? 0;
    return run;
  }

  async #stop(run: Run): Promise<void> {
    run.endedAt = this.timeline.now;
    run.link.stop();
    let closed = false;
    void run.recorder.close().then(() => {
      closed = true;
    });
    await this.timeline.untilTrue(() => closed, 'the end of the recording', 60_000);
    run.alive = false;
    run.clock.die();
    run.store.close();
  }

  /** One disconnect, up to the moment when the server takes connections again. */
  async #suffer(run: Run, disconnect: Disconnect): Promise<Run> {
    const { feed, timeline } = this;
    const { back, happens, meanwhile, outage, redelivery } = disconnect;
    const { length } = feed.attempts;
    const fate = fateOf(happens, redelivery);
    let isTaken = false;
    feed.fate = () => {
      if (isTaken) return meanwhile;
      isTaken = true;
      return fate;
    };
    await this.#comeBack(run, back, () => isTaken);
    const attempt = feed.attempts[length];
    if (attempt === undefined) throw new Error('no attempt was made');
    if (happens.kind === 'sleep' || happens.kind === 'crash') {
      await timeline.untilTrue(() => attempt.openedAt !== null, 'the opening', PATIENCE_MS);
      await timeline.until(timeline.now + happens.after);
      if (happens.kind === 'crash') return this.#crash(run, outage);
      return this.#sleep(run, attempt, happens.sleep, outage);
    }
    const isOver = (): boolean => attempt.endedAt !== null || attempt.fate === 'hang';
    await timeline.untilTrue(isOver, `the end: ${JSON.stringify(disconnect)}`, PATIENCE_MS);
    await timeline.until(timeline.now + outage);
    return run;
  }

  async #comeBack(run: Run, back: Disconnect['back'], isBack: () => boolean): Promise<void> {
    if (run.link.state.phase === 'idle') run.link.start();
    const isWaiting = (): boolean => {
      const { phase } = run.link.state;
      if (phase === 'refused' || (back === 'user' && phase === 'waiting')) run.link.retry();
      return isBack();
    };
    await this.timeline.untilTrue(isWaiting, 'the next attempt', PATIENCE_MS);
  }

  async #crash(run: Run, outage: number): Promise<Run> {
    run.alive = false;
    run.crashed = true;
    run.endedAt = this.timeline.now;
    run.clock.die();
    run.store.die();
    this.feed.died(run);
    await this.timeline.until(this.timeline.now + outage);
    return this.#start();
  }

  async #sleep(run: Run, attempt: Attempt, sleep: Sleep, outage: number): Promise<Run> {
    const { clockStood, late, server, told } = sleep;
    const { feed, timeline } = this;
    attempt.sleptAt = timeline.now;
    attempt.heardBefore = attempt.lastHanded;
    if (told === 'before and after') run.link.suspend();
    run.clock.sleep();
    timeline.after(Math.min(late, outage), () => feed.breakOff(run, server));
    await timeline.until(timeline.now + outage);
    run.clock.wake(clockStood);
    attempt.wokeAt = timeline.now;
    const isAsked = told === 'before and after' || told === 'after, first';
    if (isAsked || (told === 'after, then' && server === 'silence')) {
      attempt.told = { kind: 'suspended', closeCode: null };
    }
    if (isAsked) run.link.resume();
    feed.woke(run);
    if (told === 'after, then') run.link.resume();
    return run;
  }
}

const CALM: RedeliveryForm = {
  order: 'as said',
  live: 'between',
  twice: false,
  frame: 1,
  span: 0,
  answer: 'before',
};

function fateOf(happens: Happening, redelivery: RedeliveryForm): Fate {
  switch (happens.kind) {
    case 'handshake':
      return happens.fate;
    case 'opened':
    case 'idle':
      return { kind: 'accept', redelivery, breaks: { at: 'time', after: happens.after, by: happens.by } };
    case 'burst':
      return { kind: 'accept', redelivery, breaks: { at: 'burst', after: happens.after, by: happens.by } };
    case 'redelivery':
      return {
        kind: 'accept',
        redelivery,
        breaks: { at: 'redelivery', share: happens.share, by: happens.by },
      };
    default:
      return { kind: 'accept', redelivery, breaks: { at: 'never' } };
  }
}

/** Whether a connection, or an attempt at one, was over with this transition. */
function endsSomething(from: LinkPhase, to: LinkPhase): boolean {
  const was = isOpen(from) || from === 'connecting' || from === 'handshaking';
  return was && (to === 'waiting' || to === 'refused' || to === 'suspended' || to === 'connecting');
}

export interface Findings {
  /** Connections and attempts that the world broke off as planned, and those of them that were told. */
  readonly injected: number;
  readonly reported: number;
  /** Attempts that failed beside them, while the server was away; all told. */
  readonly refused: number;
  readonly crashes: number;
  /** Hours of the world's clock. */
  readonly hours: number;
  /** Trades that the server said; that it got across at least once; that were stored. */
  readonly said: number;
  readonly across: number;
  readonly stored: number;
  /** Times that it sent one that was sent before. */
  readonly repeats: number;
  /** Stored trades without an id that look like another one. */
  readonly identical: number;
  readonly lostStretches: number;
  /** What did not hold, in words. */
  readonly faults: readonly string[];
}

const NOTHING: Findings = {
  ...{ injected: 0, reported: 0, refused: 0, crashes: 0, hours: 0, said: 0, across: 0, stored: 0 },
  ...{ repeats: 0, identical: 0, lostStretches: 0, faults: [] },
};

export function sum(a: Findings, b: Findings): Findings {
  return {
    injected: a.injected + b.injected,
    reported: a.reported + b.reported,
    refused: a.refused + b.refused,
    crashes: a.crashes + b.crashes,
    hours: a.hours + b.hours,
    said: a.said + b.said,
    across: a.across + b.across,
    stored: a.stored + b.stored,
    repeats: a.repeats + b.repeats,
    identical: a.identical + b.identical,
    lostStretches: a.lostStretches + b.lostStretches,
    faults: [...a.faults, ...b.faults],
  };
}

/** Lives through a plan and judges it. What stops the world in its course is a fault too. */
export async function live(plan: Plan): Promise<Findings> {
  const world = new World(plan);
  try {
    await world.live();
    return judged(world, plan);
  } catch (error) {
    return { ...NOTHING, faults: [error instanceof Error ? (error.stack ?? error.message) : String(error)] };
  } finally {
    world.remove();
  }
}

function judged(world: World, plan: Plan): Findings {
  const { feed, runs, timeline } = world;
  const database = openForReading(world.folder);
  if (database === null) throw new Error('the database is gone');
  const reader = createReader(database, () => false);
  const faults: string[] = [];
  try {
    const sessions = new Map(reader.sessions().map((session) => [session.id, session]));
    const reports = runs.map((run) => {
      const entries = reader.links?.journalPage({ session: run.session, endpoint: null }, null, ALL).entries;
      judgeJournal(run, entries ?? [], faults);
      return judgeReports(run, feed.attempts, faults);
    });
    const { last } = reader.rowsSince(0);
    const stored: StoredTrade[] = [];
    for (let after = 0; after < last;) {
      const step = reader.trades({ after, last }, { session: null, market: null, since: null });
      stored.push(...step.rows);
      after = step.after;
    }
    const { identical, unkept } = judgeTrades(runs, feed.said, stored, faults);
    let lostStretches = 0;
    for (const run of runs) {
      const session = sessions.get(run.session);
      if (session === undefined) throw new Error(`session ${run.session} is not in the store`);
      judgeSession(run, session, faults);
      for (const market of world.markets) {
        const told = reader.coverage(run.session, market).filter(({ endpoint }) => endpoint === 'trades');
        lostStretches += judgeCoverage({
          run,
          session,
          market,
          told,
          attempts: feed.attempts,
          unkept,
          faults,
        });
      }
    }
    const crashes = runs.filter(({ crashed }) => crashed).length;
    return {
      injected: plan.disconnects.length,
      reported: plan.disconnects.length - reports.reduce((total, { missing }) => total + missing, 0),
      refused: feed.attempts.length - plan.disconnects.length - 1,
      crashes,
      hours: timeline.now / 3_600_000,
      said: feed.said.length,
      across: feed.said.filter(({ handed }) => handed.length > 0).length,
      stored: stored.length,
      repeats: feed.said.reduce((total, { handed }) => total + Math.max(0, handed.length - 1), 0),
      identical,
      lostStretches,
      faults,
    };
  } finally {
    database.close();
  }
}

const textOf = ({ wasOpen, kind, closeCode }: Omit<Told, 'at'>): string =>
  `${wasOpen ? 'connection' : 'attempt'} ${kind}${closeCode === null ? '' : ` ${closeCode}`}`;

/** Every end is told once, in order, with its cause and in time. */
function judgeReports(run: Run, attempts: readonly Attempt[], faults: string[]): { missing: number } {
  const due = attempts.filter(({ process, told }) => process === run.number && told !== null);
  const expected = due.map(({ openedAt, told }) =>
    textOf({ wasOpen: openedAt !== null, kind: told?.kind ?? '', closeCode: told?.closeCode ?? null }),
  );
  const given = run.told.map(textOf);
  const differs = expected.findIndex((text, nth) => given[nth] !== text);
  if (given.length !== expected.length || differs !== -1) {
    const at = differs === -1 ? expected.length : differs;
    faults.push(
      `run ${run.number}: ${expected.length} ends, ${given.length} told; the ${at + 1}th was "${expected[at] ?? 'none'}" (${JSON.stringify(due[at]?.endedAt)}), told as "${given[at] ?? 'none'}" (${JSON.stringify(run.told[at]?.at)})`,
    );
    return { missing: Math.max(1, expected.length - given.length) };
  }
  due.forEach((attempt, nth) => {
    const since = attempt.fate === 'hang' ? attempt.at : (attempt.sleptAt ?? attempt.endedAt ?? 0);
    const at = run.told[nth]?.at ?? Infinity;
    attempt.toldAt = at;
    const isSilent = attempt.told?.kind === 'stale' || attempt.told?.kind === 'timeout';
    if (at < since || at > (attempt.wokeAt ?? since) + (isSilent ? NOTICED_MS : 0)) {
      faults.push(`run ${run.number}: "${expected[nth]}" of ${since} was told at ${at}`);
    }
  });
  return { missing: 0 };
}

const ALL = 1_000_000;

/** What was told is in the record's journal too. */
function judgeJournal(run: Run, entries: readonly JournalEntry[], faults: string[]): void {
  const kept = entries.flatMap((entry) =>
    entry.type === 'transition' && endsSomething(entry.from, entry.to) ? [entry.at - BEGINNING] : [],
  );
  const told = run.told.map(({ at }) => at);
  const isRight = (at: number, nth: number): boolean =>
    kept[nth] === at || (run.crashed && kept[nth] === undefined && at > run.endedAt - DURABLE_MS);
  if (kept.length > told.length || !told.every(isRight)) {
    faults.push(`run ${run.number}: ${told.length} ends were told, ${kept.length} are in the journal`);
  }
}

/** What a client can know of the trades that look alike: those with one id, or those without. */
interface Alike {
  readonly said: Said[];
  found: number;
}

/** Stored is what was got across, as often as it was said. */
function judgeTrades(
  runs: readonly Run[],
  said: readonly Said[],
  stored: readonly StoredTrade[],
  faults: string[],
): { identical: number; unkept: Said[] } {
  const all = new Map<string, Alike>();
  const alikeOf = (row: string): Alike => {
    let alike = all.get(row);
    if (alike === undefined) all.set(row, (alike = { said: [], found: 0 }));
    return alike;
  };
  for (const one of said) alikeOf(one.row).said.push(one);
  for (const trade of stored) alikeOf(rowOf(trade)).found++;
  let identical = 0;
  for (const [row, { found, said: copies }] of all) {
    // Of identical fills, those that came on two connections may be the same ones.
    const safe = new Map<Attempt, number>();
    for (const { at, attempt, process } of copies.flatMap(({ handed }) => handed)) {
      const run = runs[process];
      if (run === undefined || (run.crashed && at > run.endedAt - DURABLE_MS)) continue;
      safe.set(attempt, (safe.get(attempt) ?? 0) + 1);
    }
    const across = copies.filter(({ handed }) => handed.length > 0).length;
    const fewest = Math.min(across, Math.max(0, ...safe.values()));
    if (found > 1) identical += found;
    if (found < fewest) faults.push(`lost: of ${fewest} trades "${row}" ${found} are stored`);
    if (found > across) faults.push(`doubled: of ${across} trades "${row}" ${found} are stored`);
  }
  return { identical, unkept: said.filter(({ handed }) => handed.length === 0) };
}

function judgeSession(run: Run, session: SessionSummary, faults: string[]): void {
  const state = run.crashed ? 'ended unexpectedly' : 'ended';
  const end = (session.ended ?? NaN) - BEGINNING;
  // How far coverage reaches is said once a second.
  const isNear = run.crashed
    ? end <= run.endedAt && end >= Math.max(run.startedAt, run.endedAt - NEAR_MS - DURABLE_MS * 2)
    : end === run.endedAt;
  if (session.state !== state || !isNear) {
    faults.push(
      `session ${session.id} ${session.state} at ${end}; its recorder ${run.crashed ? 'crashed' : 'stopped'} at ${run.endedAt}`,
    );
  }
}

type Stretch = readonly [from: number, to: number];

/** What of `all` is in none of `others`. */
function less(all: readonly Stretch[], others: readonly Stretch[]): Stretch[] {
  return others.reduce<readonly Stretch[]>(
    (rest, [low, high]) =>
      rest
        .flatMap(([from, to]): Stretch[] => [
          [from, Math.min(to, low)],
          [Math.max(from, high), to],
        ])
        .filter(([from, to]) => to > from),
    all,
  ) as Stretch[];
}

/** The feed's 3 s for redelivery, after which it is judged; and how near a stretch must be to the truth. */
const SETTLE_MS = 3_000;
const NEAR_MS = 1_000;
const KNOWN: readonly string[] = ['live', 'recovered', 'quiet'];

interface CoverageCase {
  readonly run: Run;
  readonly session: SessionSummary;
  readonly market: string;
  readonly told: readonly CoverageInterval[];
  readonly attempts: readonly Attempt[];
  /** What was never got across. */
  readonly unkept: readonly Said[];
  readonly faults: string[];
}

/** @returns how many stretches are told as lost */
function judgeCoverage({ run, session, market, told, attempts, unkept, faults }: CoverageCase): number {
  const line = told.map(({ from, state, to }) => ({
    from: from / 1000 - BEGINNING,
    to: to / 1000 - BEGINNING,
    state,
  }));
  const words = (stretch: Stretch): string => `${stretch[0]} to ${stretch[1]}`;
  const where = `session ${session.id}, ${market}`;
  const start = session.started - BEGINNING;
  const end = (session.ended ?? NaN) - BEGINNING;
  line.forEach(({ from }, nth) => {
    if (from !== (line[nth - 1]?.to ?? start)) faults.push(`${where}: not whole at ${from}`);
  });
  if (line.length > 0 && Math.abs((line.at(-1)?.to ?? NaN) - end) >= 1)
    faults.push(`${where}: not up to its end`);

  const open = attempts.filter(({ openedAt, process }) => process === run.number && openedAt !== null);
  const asleep = open.flatMap(({ sleptAt, wokeAt }): Stretch[] =>
    sleptAt === null ? [] : [[sleptAt, wokeAt ?? end]],
  );
  for (const one of unkept) {
    if (one.market !== market) continue;
    const { state = '', to = 0 } = line.find(({ from, to: until }) => one.at >= from && one.at < until) ?? {};
    // A process does not notice that it was held for less than a second.
    const near = asleep.some((each) => one.at >= each[0] && one.at <= each[1]) ? NEAR_MS : 0;
    if (KNOWN.includes(state) && one.at < to - near) {
      faults.push(`${where}: ${state} at ${one.at}, where "${one.row}" was never got across`);
    }
  }

  const { maybe, surely } = lostOf(run, open, market, end);
  const lost = line.filter(({ state }) => state === 'lost').map(({ from, to }): Stretch => [from, to]);
  for (const stretch of less(surely, lost)) {
    if (stretch[1] - stretch[0] > NEAR_MS) faults.push(`${where}: not told as lost: ${words(stretch)}`);
  }
  for (const stretch of less(lost, maybe)) {
    if (stretch[1] - stretch[0] > NEAR_MS)
      faults.push(`${where}: told as lost, but is not: ${words(stretch)}`);
  }
  return lost.length;
}

/**
 * What no redelivery reached of a market's outages. Of one that was broken off, what it reached of is not
 * known: in `maybe` it counts as nothing, in `surely` as all.
 */
function lostOf(
  run: Run,
  open: readonly Attempt[],
  market: string,
  end: number,
): { surely: Stretch[]; maybe: Stretch[] } {
  const surely: Stretch[] = [];
  const maybe: Stretch[] = [];
  open.forEach((attempt, nth) => {
    if (attempt.told === null) return;
    const later = open.slice(nth + 1);
    const openedAt = ({ openedAt: at }: Attempt): number => at ?? Infinity;
    const livedFor = (one: Attempt): number => one.lastHanded - openedAt(one);
    // A sign of life is told, and then judged, once a second each, of which a crash leaves nothing.
    const judgedIn = (one: Attempt): number => (one.told === null ? NEAR_MS * 2 + DURABLE_MS : NEAR_MS);
    /** When it is over: the market is served again, or a connection lived so long without that. */
    const endOf = (isJudged: (one: Attempt) => boolean): number => {
      const back = later.find((one) => one.served.has(market) || isJudged(one));
      return back === undefined ? end : (back.served.get(market) ?? openedAt(back));
    };
    const reachedBy = (isSo: (one: Attempt) => boolean): Stretch[] =>
      later
        .filter(isSo)
        .map((one) => [openedAt(one) - QUEUE_MS, Math.max(openedAt(one), one.served.get(market) ?? 0)]);
    const isWhole = (one: Attempt): boolean =>
      one.redeliveredAt !== null &&
      (one.heardBefore ?? one.lastSent) >= openedAt(one) + SETTLE_MS + judgedIn(one);
    const begun = reachedBy(
      (one) => (one.brought.get(market) ?? 0) > 0 || livedFor(one) >= SETTLE_MS - NEAR_MS,
    );
    // Where nothing confirmed the subscription, it was perhaps none.
    // What the client saw right before a crash is not on disk.
    const isOnDisk = !run.crashed || attempt.toldAt <= run.endedAt - DURABLE_MS;
    const served = attempt.served.get(market);
    const lostFrom = Math.max(attempt.lastSent, served ?? 0);
    if (served !== undefined && isOnDisk)
      surely.push(...less([[lostFrom, endOf((one) => livedFor(one) >= SETTLE_MS)]], begun));
    const heardOf = (one: Attempt): number => one.heardBefore ?? one.lastHanded;
    const until = endOf((one) => heardOf(one) - openedAt(one) >= SETTLE_MS + judgedIn(one));
    maybe.push(...less([[attempt.heardBefore ?? attempt.lastSent, until]], reachedBy(isWhole)));
  });
  return { surely, maybe };
}

/** Disconnects of one world. */
const WORLD = 100;

/** Worlds from `seed` on, with `count` disconnects in all. */
export function plansOf(seed: number, count: number): Plan[] {
  return Array.from({ length: Math.ceil(count / WORLD) }, (_, nth) =>
    planOf(seed + nth, Math.min(WORLD, count - nth * WORLD)),
  );
}

/** What is wrong, without where and when: leaving out a disconnect moves all that follows. */
function kindOf(fault: string): string {
  return fault
    .replace(/^.*?: /, '')
    .replace(/".*?"/g, '')
    .replace(/-?[\d.]+|\b(live|recovered|quiet)\b/g, '');
}

/** Of smaller plans that are tried, a minute or two. */
const MOST_TRIES = 100;

/** Few disconnects of a plan that still fail, and what then fails; by leaving out ever smaller parts. */
export async function least(
  plan: Plan,
): Promise<{ plan: Plan; kept: readonly number[]; findings: Findings }> {
  let kept = plan.disconnects.map((_, nth) => nth);
  const only = (numbers: readonly number[]): Plan => ({
    ...plan,
    disconnects: numbers.flatMap((nth) => plan.disconnects[nth] ?? []),
  });
  let findings = await live(plan);
  const kind = kindOf(findings.faults[0] ?? '');
  let tries = MOST_TRIES;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length && tries > 0; tries--) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)];
      const found = await live(only(fewer));
      if (found.faults.some((fault) => kindOf(fault) === kind)) {
        kept = fewer;
        findings = found;
      } else at += size;
    }
  }
  return { plan: only(kept), kept, findings };
}

const MOST_FAULTS = 10;

export const disconnects: Harness = {
  name: 'disconnects',
  about: '10,000 disconnects at random; --only takes some of those of one world',
  async whole(options, print) {
    const count = Number(options.get('count') ?? 10_000);
    const seed = Number(options.get('seed') ?? 1);
    const only = options.get('only')?.split(',').map(Number);
    if (only !== undefined) {
      const plan = planOf(seed, WORLD);
      const { faults } = await live({
        ...plan,
        disconnects: only.flatMap((nth) => plan.disconnects[nth] ?? []),
      });
      for (const fault of faults) print(fault);
      return faults.length === 0;
    }
    let total = NOTHING;
    const started = performance.now();
    for (const plan of plansOf(seed, count)) {
      const findings = await live(plan);
      if (findings.faults.length > 0) {
        for (const fault of findings.faults.slice(0, MOST_FAULTS)) print(fault);
        print(
          `Seed ${plan.seed} failed (${findings.faults.length} faults). Looking for the least that fails…`,
        );
        await tellLeast(plan, print);
        return false;
      }
      total = sum(total, findings);
    }
    tell(total, (performance.now() - started) / 1_000, print);
    return total.injected === total.reported;
  },
};

async function tellLeast(plan: Plan, print: (line: string) => void): Promise<void> {
  const { findings, kept, plan: smallest } = await least(plan);
  for (const fault of findings.faults.slice(0, MOST_FAULTS)) print(fault);
  for (const disconnect of smallest.disconnects.slice(-MOST_FAULTS)) print(JSON.stringify(disconnect));
  print(`Again: npm run faults -- disconnects --seed ${plan.seed} --only ${kept.join(',')}`);
}

function tell(total: Findings, seconds: number, print: (line: string) => void): void {
  const n = (value: number): string => Math.round(value).toLocaleString('en-US');
  print(
    `${n(total.injected)} disconnects injected, ${n(total.reported)} reported (${n(total.crashes)} of them crashes)`,
  );
  print(`${n(total.refused)} more attempts failed while the server was away, all reported`);
  print(
    `${n(total.said)} trades said in ${n(total.hours)} h, ${n(total.across)} got across, ${n(total.stored)} stored`,
  );
  print(
    `0 of them lost, 0 doubled, though ${n(total.repeats)} were repeated; ${n(total.identical)} identical fills kept`,
  );
  print(`${n(total.lostStretches)} stretches told as lost, none other than the truth by a second`);
  print(`${n(seconds)} s`);
}
