/** What a line tells once retention took away a part of what was recorded of it. */
import { type CoverageStretch, DELETED_BY_RETENTION, type Micros } from '../contract.ts';

/**
 * Passes on a line's stretches, of which what was known before `cut` is known no more. What was off all
 * the same keeps its cause. Times without any record at all are not touched: nothing is added.
 */
export class Deleted {
  readonly #cut: Micros;
  readonly #visit: (stretch: CoverageStretch) => void;
  /** The deleted stretch that may go on. */
  #held: CoverageStretch | null = null;

  /** @param cut null: nothing was deleted */
  constructor(cut: Micros | null, visit: (stretch: CoverageStretch) => void) {
    this.#cut = cut ?? -Infinity;
    this.#visit = visit;
  }

  /** Oldest first, without overlap. */
  add(stretch: CoverageStretch): void {
    const { from, state, to } = stretch;
    if (from >= this.#cut || state === 'off') {
      this.end();
      this.#visit(stretch);
      return;
    }
    const until = Math.min(to, this.#cut);
    const held = this.#held;
    if (held?.to !== from) this.end();
    this.#held = {
      from: held?.to === from ? held.from : from,
      to: until,
      state: 'off',
      cause: DELETED_BY_RETENTION,
    };
    if (to > until) {
      this.end();
      this.#visit({ ...stretch, from: until });
    }
  }

  /** After the last stretch. */
  end(): void {
    if (this.#held !== null) this.#visit(this.#held);
    this.#held = null;
  }
}

/** The same of stretches that are all there. */
export function withoutDeleted(stretches: readonly CoverageStretch[], cut: Micros | null): CoverageStretch[] {
  const out: CoverageStretch[] = [];
  const deleted = new Deleted(cut, ({ from, to, state, cause }) => out.push({ from, to, state, cause }));
  for (const stretch of stretches) deleted.add(stretch);
  deleted.end();
  return out;
}
