/**
 * The coverage of one market and endpoint through a session: states, each from its start until the
 * start of the next, the last one still going on. Ends are not kept, so that nothing can overlap and
 * no hole can be.
 */
import type { CoverageStart, CoverageState, Micros } from '../contract.ts';

/** What is to be written: these states are the line's from `from` on, and what was held there is not. */
export interface StrandChange {
  readonly from: Micros;
  readonly starts: readonly CoverageStart[];
}

export class Strand {
  #starts: CoverageStart[] = [];
  /** From here on it differs from what was taken last. */
  #dirty = Infinity;

  /** Begins anew, in this state. */
  begin(start: CoverageStart): void {
    this.#starts = [start];
    this.#dirty = start.from;
  }

  /** Nothing more is kept until it begins anew. */
  end(): void {
    this.#starts = [];
    this.#dirty = Infinity;
  }

  /** Oldest first. */
  get starts(): readonly CoverageStart[] {
    return this.#starts;
  }

  /** From `at` on (at the earliest, where the present state began) it is in this state. */
  append(at: Micros, state: CoverageState, cause: string): void {
    const last = this.#starts.at(-1);
    if (last === undefined || (last.state === state && last.cause === cause)) return;
    this.paint(Math.max(at, last.from), null, state, cause);
  }

  /**
   * Between `from` and `to` (null: from then on) it is in this state, whatever was held before. What
   * lies before the oldest start that is kept stays as it is.
   *
   * @param over only where it is in one of these states
   */
  paint(
    from: Micros,
    to: Micros | null,
    state: CoverageState,
    cause: string,
    over: readonly CoverageState[] | null = null,
  ): void {
    const [first] = this.#starts;
    if (first === undefined) return;
    const start = Math.max(from, first.from);
    const end = to ?? Infinity;
    if (!(end > start)) return;
    const next: CoverageStart[] = [];
    const put = (one: CoverageStart): void => {
      const last = next.at(-1);
      if (last?.state !== one.state || last.cause !== one.cause) next.push(one);
    };
    this.#starts.forEach((held, index) => {
      const until = this.#starts[index + 1]?.from ?? Infinity;
      const low = Math.max(held.from, start);
      const high = Math.min(until, end);
      if (!(high > low) || (over !== null && !over.includes(held.state))) {
        put(held);
        return;
      }
      if (held.from < low) put(held);
      put({ from: low, state, cause });
      if (high < until) put({ ...held, from: high });
    });
    this.#starts = next;
    this.#dirty = Math.min(this.#dirty, start);
  }

  /** What changed since it was last taken, or null. */
  take(): StrandChange | null {
    const from = this.#dirty;
    if (from === Infinity) return null;
    this.#dirty = Infinity;
    return { from, starts: this.#starts.filter((start) => start.from >= from) };
  }

  /** What was taken from there on could not be written. */
  untake(from: Micros): void {
    this.#dirty = Math.min(this.#dirty, from);
  }

  /** Forgets what ended at or before then, as far as it was taken. */
  forget(before: Micros): void {
    const bound = Math.min(before, this.#dirty);
    const kept = this.#starts.findLastIndex((start) => start.from <= bound);
    if (kept > 0) this.#starts = this.#starts.slice(kept);
  }
}
