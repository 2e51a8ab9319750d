/**
 * Finds the requests that keep SQLite busy for long, and says with which statement and by which plan.
 *
 * The clock costs a tenth of what a small statement does, so not every call is timed: of each statement of a
 * request the first calls are, and of the many that follow each 16th, which speaks for those before it. A
 * commit's statements a row then cost some nanoseconds more; a page's few are timed one by one. What a request
 * took in all is measured with two looks at the clock, and only when that was long are its statements looked
 * through.
 */
import type { Database, Statement, Transaction } from 'better-sqlite3';
import type { Logger } from '../ports.ts';

/** A request that keeps SQLite busy for longer is told. */
export const SLOW_MS = 40;
/** A statement of a request is told once in this time; the others are counted. */
const TOLD_EVERY_MS = 60_000;
/** Calls of a statement in one request that are timed one by one. */
const TIMED_CALLS = 8;
/** Of those after them one of so many is timed; a power of two. */
const TIMED_OF = 16;
/** Statements whose last telling is remembered; there are some hundreds. */
const MOST_STATEMENTS = 1_000;
/** Lines of a plan: a longer one is cut. */
const MOST_PLAN_LINES = 40;

export interface SlowQuery {
  /** What was asked of the store, such as `commit`. */
  readonly request: string;
  /** The text with its placeholders: what was bound to them is not told. */
  readonly statement: string;
  /** Milliseconds in SQLite that the statement took in this request; a good guess when it was called often. */
  readonly ms: number;
  /** Milliseconds of the whole request. */
  readonly requestMs: number;
  readonly calls: number;
  /** Rows that it read or changed. */
  readonly rows: number;
  /** EXPLAIN QUERY PLAN, a step a line, inner steps indented. Empty for statements without one. */
  readonly plan: readonly string[];
  /** Such slow requests with this statement that were not told since the last one that was. */
  readonly leftOut: number;
}

export function logSlow(logger: Logger, query: SlowQuery): void {
  logger.log('warn', `the store took ${query.ms} ms for a statement of “${query.request}”`, { ...query });
}

type Prepare = (text: string) => Statement<unknown[]>;

/** A statement of a database, and what it did in the present request. */
interface Watched {
  /** Past the watch. */
  readonly prepare: Prepare;
  readonly statement: string;
  request: number;
  calls: number;
  /** The last call that was timed, and how long it took. */
  timedCall: number;
  lastMs: number;
  ms: number;
  rows: number;
  /** Of the longest call. */
  longestMs: number;
  values: readonly unknown[];
}

type Call = (...values: unknown[]) => unknown;

export class SlowQueries {
  readonly #slowMs: number;
  readonly #now: () => number;
  readonly #told = new Map<string, { at: number; leftOut: number }>();
  #request = 0;
  /** Those called in the present request. */
  #called: Watched[] = [];

  /** @param now milliseconds that never jump */
  constructor(slowMs: number = SLOW_MS, now: () => number = () => performance.now()) {
    this.#slowMs = slowMs;
    this.#now = now;
  }

  /** Watches all statements that are prepared from now on, and the ends of transactions. */
  watch(database: Database): void {
    const prepare: Prepare = database.prepare.bind(database);
    const transaction = database.transaction.bind(database) as (run: Call) => Transaction<Call>;
    Object.assign(database, {
      prepare: (text: string) => this.#watchStatement(prepare, text),
      transaction: (run: Call) => this.#watchTransaction(prepare, transaction, run),
    });
  }

  /**
   * Runs a request.
   *
   * @returns its value, and what made it slow, if it was and that is to be told now. That asks SQLite for a
   *   plan, so it is for when nobody waits.
   */
  run<T>(request: string, run: () => T): { readonly value: T; readonly slow: (() => SlowQuery) | null } {
    this.#request++;
    this.#called = [];
    const began = this.#now();
    const value = run();
    const requestMs = this.#now() - began;
    return { value, slow: requestMs > this.#slowMs ? this.#look(request, requestMs) : null };
  }

  #look(request: string, requestMs: number): (() => SlowQuery) | null {
    let total = 0;
    let longest: Watched | undefined;
    for (const watched of this.#called) {
      // Those after the last that was timed took as long as it, more or less.
      watched.ms += (watched.calls - watched.timedCall) * watched.lastMs;
      total += watched.ms;
      if (watched.ms > (longest?.ms ?? 0)) longest = watched;
    }
    this.#called = [];
    if (longest === undefined || total <= this.#slowMs) return null;
    const { calls, rows } = longest;
    const statement = longest.statement.replace(/\s+/g, ' ').trim();
    const leftOut = this.#leftOut(`${request}: ${statement}`);
    if (leftOut === null) return null;
    const { prepare, statement: text, values } = longest;
    const ms = rounded(Math.min(longest.ms, requestMs));
    const found = { request, statement, ms, requestMs: rounded(requestMs), calls, rows, leftOut };
    return () => ({ ...found, plan: planOf(prepare, text, values) });
  }

  /** null when it was told a moment ago. */
  #leftOut(what: string): number | null {
    const now = this.#now();
    const told = this.#told.get(what);
    if (told !== undefined && now - told.at < TOLD_EVERY_MS) {
      told.leftOut++;
      return null;
    }
    if (this.#told.size >= MOST_STATEMENTS) this.#told.clear();
    this.#told.set(what, { at: now, leftOut: 0 });
    return told?.leftOut ?? 0;
  }

  #watchStatement(prepare: Prepare, text: string): Statement<unknown[]> {
    const statement = prepare(text);
    const watched = newWatched(prepare, text);
    const run = statement.run.bind(statement);
    const get = statement.get.bind(statement);
    const all = statement.all.bind(statement);
    const iterate = statement.iterate.bind(statement);
    Object.assign(statement, {
      run: (...values: unknown[]) => {
        if (!this.#isTimed(watched)) return run(...values);
        const began = this.#now();
        const done = run(...values);
        this.#took(watched, began, done.changes, values);
        return done;
      },
      get: (...values: unknown[]) => {
        if (!this.#isTimed(watched)) return get(...values);
        const began = this.#now();
        const row = get(...values);
        this.#took(watched, began, row === undefined ? 0 : 1, values);
        return row;
      },
      // Of these a request has few, and each may read a lot.
      all: (...values: unknown[]) => {
        this.#isTimed(watched);
        const began = this.#now();
        const rows = all(...values);
        this.#took(watched, began, rows.length, values);
        return rows;
      },
      iterate: (...values: unknown[]) => this.#watchIterator(watched, values, () => iterate(...values)),
    });
    return statement;
  }

  /** Each step is a call, so that what is done between them does not count. */
  #watchIterator(
    watched: Watched,
    values: readonly unknown[],
    start: () => IterableIterator<unknown>,
  ): IterableIterator<unknown> {
    this.#isTimed(watched);
    const began = this.#now();
    const iterator = start();
    this.#took(watched, began, 0, values);
    return {
      next: () => {
        if (!this.#isTimed(watched)) return iterator.next();
        const started = this.#now();
        const step = iterator.next();
        this.#took(watched, started, step.done === true ? 0 : 1, values);
        return step;
      },
      return: () => iterator.return?.() ?? { done: true, value: undefined },
      [Symbol.iterator]() {
        return this;
      },
    };
  }

  /** Its end is where the disk is waited for. better-sqlite3 runs that by itself. */
  #watchTransaction(prepare: Prepare, make: (run: Call) => Transaction<Call>, run: Call): Transaction<Call> {
    const watched = newWatched(prepare, 'COMMIT');
    let left = 0;
    const made = make((...values) => {
      const value = run(...values);
      left = this.#now();
      return value;
    });
    const timed =
      (transaction: Call): Call =>
      (...values) => {
        const value = transaction(...values);
        this.#isTimed(watched);
        this.#took(watched, left, 0, []);
        return value;
      };
    const ways = {
      default: timed((...values) => made.default(...values)),
      deferred: timed((...values) => made.deferred(...values)),
      immediate: timed((...values) => made.immediate(...values)),
      exclusive: timed((...values) => made.exclusive(...values)),
    };
    return Object.assign(timed(made), ways);
  }

  /** Counts a call. */
  #isTimed(watched: Watched): boolean {
    if (watched.request !== this.#request) this.#begin(watched);
    const call = ++watched.calls;
    return call <= TIMED_CALLS || (call & (TIMED_OF - 1)) === 0;
  }

  #begin(watched: Watched): void {
    Object.assign(watched, { request: this.#request, ...NOTHING_YET });
    this.#called.push(watched);
  }

  #took(watched: Watched, began: number, rows: number, values: readonly unknown[]): void {
    const ms = this.#now() - began;
    const calls = watched.calls - watched.timedCall;
    watched.timedCall = watched.calls;
    watched.lastMs = ms;
    watched.ms += ms * calls;
    watched.rows += rows * calls;
    if (ms <= watched.longestMs) return;
    watched.longestMs = ms;
    watched.values = values;
  }
}

const NOTHING_YET = { calls: 0, timedCall: 0, lastMs: 0, ms: 0, rows: 0, longestMs: 0, values: [] };

function newWatched(prepare: Prepare, statement: string): Watched {
  return { prepare, statement, request: 0, ...NOTHING_YET };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

interface Step {
  readonly id: number;
  readonly parent: number;
  readonly detail: string;
}

/**
 * How SQLite goes about the statement with the values of its longest call, which it does not tell. Not what
 * made it slow: without a plan it is told all the same.
 */
function planOf(prepare: Prepare, statement: string, values: readonly unknown[]): string[] {
  try {
    const steps = prepare(`EXPLAIN QUERY PLAN ${statement}`).all(...values) as Step[];
    const depths = new Map([[0, -1]]);
    return steps.slice(0, MOST_PLAN_LINES).map(({ id, parent, detail }) => {
      const depth = (depths.get(parent) ?? -1) + 1;
      depths.set(id, depth);
      return '  '.repeat(depth) + detail;
    });
  } catch {
    return [];
  }
}
