/**
 * What the writer's thread does between requests, a portion at a time, so that a commit waits for one of
 * them at most: sealing what has gathered, purging sessions that were deleted, and retention.
 */
import type { Keeper } from './keeper.ts';
import type { Writer } from './writer.ts';

export interface QuietWorkOptions {
  /** The open database's; null while there is none. */
  readonly open: () => { readonly writer: Writer; readonly keeper: Keeper } | null;
  /** Runs a portion, and replaces the database when it proves damaged. */
  readonly change: (run: (open: { readonly writer: Writer; readonly keeper: Keeper }) => void) => void;
  /** Bytes of the log. */
  readonly log: () => number;
  /** Runs a portion as a request of its own, of which it is told when it is slow. */
  readonly watched: (run: () => void) => void;
  /** Retention deleted something: what views have read of sessions and coverage is of before. */
  readonly deleted: () => void;
}

/** What can wait takes at most this part of the thread's time. */
const QUIET_SHARE = 0.2;
/** After a failure, such as a full disk, which the commits tell. */
const RETRY_MS = 60_000;
/** How often it is looked for what has become too old, or too much. */
const LOOK_MS = 30_000;
/** While much is deleted, it is told this often. */
const NEWS_MS = 10_000;
/** Commits that follow each other faster are a burst, of which everything waits for the end. */
const BURST_PAUSE_MS = 25;
/**
 * A log this long has a reader that holds on to an old state, and then grows by all that is written.
 * Sealing writes again what is safe already, and deleting can wait as well.
 */
const LONG_LOG_BYTES = 48 * 1024 * 1024;

export class QuietWork {
  readonly #options: QuietWorkOptions;
  #next: NodeJS.Timeout | NodeJS.Immediate | null = null;
  #looking: NodeJS.Timeout | null = null;
  /** On the monotonic clock; until then nothing is done. */
  #restUntil = 0;
  /** Of the last commit, likewise. */
  #committedAt = -Infinity;
  #toldAt = -Infinity;

  constructor(options: QuietWorkOptions) {
    this.#options = options;
  }

  start(): void {
    this.look();
    this.#looking = setInterval(() => this.look(), LOOK_MS);
  }

  stop(): void {
    if (this.#looking !== null) clearInterval(this.#looking);
    this.#looking = null;
  }

  /** After each commit. As long as they come without a pause, only what is overdue is done between them. */
  committed(): void {
    this.#committedAt = performance.now();
    if (this.#options.open()?.writer.sealer.due === 'overdue' && performance.now() >= this.#restUntil) {
      this.#portion();
    } else {
      this.soon();
    }
  }

  /** There may be something to do. */
  soon(): void {
    if (this.#next !== null || !this.#isDue()) return;
    const pause = this.#restLeft();
    const run = (): void => this.#atRest();
    this.#next = pause > 0 ? setTimeout(run, pause) : setImmediate(run);
  }

  /** What has become too old, or too much. */
  look(): void {
    try {
      this.#options.open()?.keeper.look(Date.now() * 1000);
    } catch {
      // A database that cannot be read is told by the commits.
    }
    this.soon();
  }

  /** How long nothing is to be done yet; not above zero when it is time. */
  #restLeft(): number {
    return Math.max(this.#restUntil, this.#committedAt + BURST_PAUSE_MS) - performance.now();
  }

  #isDue(): boolean {
    const open = this.#options.open();
    if (open === null) return false;
    const { keeper, writer } = open;
    try {
      return writer.sealer.due !== 'no' || keeper.due || writer.purge.dueIn(Date.now()) === 0;
    } catch {
      // The commit before this one is safe all the same; what is wrong is told by the next.
      return false;
    }
  }

  #atRest(): void {
    this.#next = null;
    // Commits may have come meanwhile.
    if (this.#restLeft() > 0) this.soon();
    else this.#options.watched(() => this.#portion());
  }

  /** First what has gathered is sealed, then deleted sessions go, then what is too old. */
  #portion(): void {
    const { change, log, open } = this.#options;
    const began = performance.now();
    let rest = RETRY_MS;
    try {
      if (log() <= LONG_LOG_BYTES) {
        let isQuiet = true;
        change(({ keeper, writer }) => {
          if (writer.sealer.due !== 'no') {
            writer.sealer.seal();
            const left = open()?.writer.sealer.due;
            // What is sealed at last can be deleted.
            if (left === 'no') keeper.look(Date.now() * 1000);
            isQuiet = left === 'later';
          } else if (writer.purge.dueIn(Date.now()) === 0) {
            writer.purge.purge(Date.now());
          } else {
            keeper.keep();
          }
        });
        rest = isQuiet ? (performance.now() - began) / QUIET_SHARE : 0;
      }
    } catch {
      // Nothing of the portion was changed: all is read as it is until the next attempt.
    }
    this.#restUntil = performance.now() + rest;
    this.#tell();
    this.soon();
  }

  #tell(): void {
    const keeper = this.#options.open()?.keeper;
    if (keeper === undefined || (keeper.due && performance.now() - this.#toldAt < NEWS_MS)) return;
    if (!keeper.takeNews()) return;
    this.#toldAt = performance.now();
    this.#options.deleted();
  }
}
