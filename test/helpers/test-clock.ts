import type { Clock, Timer } from '../../main/core/ports.ts';

interface Due {
  at: number;
  readonly every: number | null;
  readonly run: () => void;
}

/** A clock that a test moves. Timers run in the order in which they are due. */
export class TestClock implements Clock {
  #ms = 0;
  readonly #due = new Set<Due>();
  readonly #start: number;

  /** @param start wall-clock milliseconds since the epoch at monotonic zero */
  constructor(start = Date.parse('2024-01-15T18:00:00Z')) {
    this.#start = start;
  }

  now(): number {
    return (this.#start + this.#ms) * 1000;
  }

  monotonic(): number {
    return this.#ms;
  }

  after(ms: number, run: () => void): Timer {
    return this.#add({ at: this.#ms + ms, every: null, run });
  }

  every(ms: number, run: () => void): Timer {
    return this.#add({ at: this.#ms + ms, every: ms, run });
  }

  advance(ms: number): void {
    const end = this.#ms + ms;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#ms = Math.max(this.#ms, next.at);
      if (next.every === null) this.#due.delete(next);
      else next.at += next.every;
      next.run();
    }
    this.#ms = end;
  }

  /** The first due; of two at one time, the one set earlier. */
  #next(): Due | undefined {
    let first: Due | undefined;
    for (const each of this.#due) if (first === undefined || each.at < first.at) first = each;
    return first;
  }

  #add(due: Due): Timer {
    this.#due.add(due);
    return { cancel: () => void this.#due.delete(due) };
  }
}
