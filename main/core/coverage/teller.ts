/**
 * Tells views what was committed of the ledger: each change once, coalesced, in the order of the
 * commits; and how much of today is known.
 */
import type { CoverageChange, CoverageStart, CoreEvent, KnownToday, Micros } from '../contract.ts';
import type { Clock, Logger } from '../ports.ts';
import { toAppError } from '../result.ts';
import type { Store } from '../store/store.ts';
import { type CoverageTold, Today } from './today.ts';

export type CoverageEvent = Extract<CoreEvent, { type: 'coverage' }>;

/** Though nothing changed, views learn this often how far the present states reach. */
const REACH_MS = 1_000;
/** Today is not read anew more often than this. */
const RELOAD_MS = 10_000;

export interface TellerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Pick<Store, 'coverageDay'>;
}

export class Teller {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #store: Pick<Store, 'coverageDay'>;
  readonly #today = new Today();
  #markets: readonly string[] = [];
  /** Not told yet, oldest first; of one session the changes are in one. */
  #waiting: CoverageTold[] = [];
  #sentAt = -Infinity;
  #reach: CoverageTold | null = null;
  #known: KnownToday | null = null;
  /** What came while today is being read, since it may lack it; null while it is not. */
  #meanwhile: CoverageTold[] | null = null;
  #isStale = false;
  #readAt = -Infinity;

  constructor({ clock, logger, store }: TellerOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#store = store;
  }

  /** As last counted. */
  get known(): KnownToday | null {
    return this.#known;
  }

  /** The watchlist, whose today counts. */
  watch(markets: readonly string[]): void {
    this.#markets = markets;
    this.reread();
  }

  /** What is recorded of today is another: a session was deleted or restored. */
  reread(): void {
    this.#readAt = -Infinity;
    this.#isStale = true;
  }

  /** What the recorder committed. */
  take(told: CoverageTold): void {
    this.#meanwhile?.push(told);
    if (!this.#today.take(told)) this.#isStale = true;
    this.#reach = told;
    const last = this.#waiting.at(-1);
    if (last === undefined || last.session !== told.session || last.ended) {
      this.#waiting.push(told);
      return;
    }
    const changes = joined(last.changes, told.changes);
    this.#waiting[this.#waiting.length - 1] = { ...told, changes };
  }

  /** What views are to be told now. To be called a few times a second. */
  events(): CoverageEvent[] {
    const now = this.#clock.monotonic();
    if (this.#isStale && this.#meanwhile === null && now - this.#readAt >= RELOAD_MS) void this.#read();
    const isDue = now - this.#sentAt >= REACH_MS;
    const isNews = this.#waiting.some(({ changes, ended }) => ended || changes.length > 0);
    if (!isNews && !isDue) return [];
    if (this.#waiting.length === 0 && this.#reach !== null) this.#waiting = [{ ...this.#reach, changes: [] }];
    if (isDue || this.#waiting.some(({ ended }) => ended)) this.#count();
    this.#sentAt = now;
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting.map((told) => ({ type: 'coverage', ...told, known: this.#known }));
  }

  #count(): void {
    this.#known = this.#today.figure(Math.floor(this.#clock.now()));
  }

  async #read(): Promise<void> {
    this.#isStale = false;
    this.#readAt = this.#clock.monotonic();
    const meanwhile: CoverageTold[] = [];
    this.#meanwhile = meanwhile;
    try {
      this.#today.load(await this.#store.coverageDay(this.#markets, Math.floor(this.#clock.now())));
      for (const told of meanwhile) if (!this.#today.take(told)) this.#isStale = true;
      this.#count();
    } catch (error) {
      const { kind, message } = toAppError(error);
      if (kind === 'closed') return;
      this.#isStale = true;
      this.#logger.log('warn', 'what is known of today cannot be read', { message });
    } finally {
      this.#meanwhile = null;
    }
  }
}

/** `later` on top of `earlier`, one change for each line. */
function joined(
  earlier: readonly CoverageChange[],
  later: readonly CoverageChange[],
): readonly CoverageChange[] {
  if (later.length === 0) return earlier;
  if (earlier.length === 0) return later;
  const lines = new Map(earlier.map((change) => [nameOf(change), change]));
  for (const change of later) {
    const before = lines.get(nameOf(change));
    lines.set(nameOf(change), before === undefined ? change : over(before, change));
  }
  return [...lines.values()];
}

function over(before: CoverageChange, after: CoverageChange): CoverageChange {
  if (after.from <= before.from) return after;
  const kept: readonly CoverageStart[] = before.starts.filter(
    ({ from }: { from: Micros }) => from < after.from,
  );
  return { ...before, starts: [...kept, ...after.starts] };
}

function nameOf({ endpoint, market }: CoverageChange): string {
  return `${endpoint} ${market}`;
}
