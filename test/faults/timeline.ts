/** Time that a simulation moves: of the world, and of the processes in it, which sleep and die. */
import type { Clock, Timer } from '../../main/core/ports.ts';

/** The wall clock, ms since the epoch, when the world begins. */
export const BEGINNING = Date.parse('2024-01-15T18:00:00Z');

/** What is done may return a promise, which is waited for before anything else happens. */
type Deed = () => void | Promise<void>;

interface Entry {
  readonly at: number;
  readonly order: number;
  run: Deed | null;
}

/** Everything that happens, in its order; of what happens at one time, the first that was planned first. */
export class Timeline {
  #now = 0;
  #planned = 0;
  /** A heap: each entry is no later than the two below it. */
  readonly #heap: Entry[] = [];

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  after(ms: number, run: Deed): Timer {
    const entry: Entry = { at: this.#now + Math.max(0, ms), order: this.#planned++, run };
    this.#add(entry);
    return {
      cancel: () => {
        entry.run = null;
      },
    };
  }

  /** Lets time pass until then. */
  async until(time: number): Promise<void> {
    for (let first = this.#heap[0]; first !== undefined && first.at <= time; first = this.#heap[0]) {
      await this.#next();
    }
    this.#now = Math.max(this.#now, time);
  }

  /** Lets time pass until it is so. @throws {Error} when it is not, after `limit` ms */
  async untilTrue(isSo: () => boolean, what: string, limit: number): Promise<void> {
    const end = this.#now + limit;
    while (!isSo()) {
      if (this.#heap.length === 0 || this.#now > end) throw new Error(`Not within ${limit} ms: ${what}`);
      await this.#next();
    }
  }

  /** Not `async`, so that the many things that need no waiting cost none. */
  #next(): void | Promise<void> {
    const entry = this.#take();
    if (entry === undefined) return;
    this.#now = entry.at;
    return entry.run?.();
  }

  #add(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const above = (at - 1) >>> 1;
      const other = heap[above];
      if (other === undefined || isBefore(other, entry)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = entry;
  }

  #take(): Entry | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      const left = heap[below];
      if (left === undefined) break;
      const right = heap[below + 1];
      let other = left;
      if (right !== undefined && isBefore(right, left)) {
        other = right;
        below++;
      }
      if (isBefore(last, other)) break;
      heap[at] = other;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

interface Alarm {
  /** Of the process's monotonic clock. */
  due: number;
  readonly every: number | null;
  readonly run: () => void;
  entry: Timer | null;
  cancelled: boolean;
}

/** The clock of one process. Asleep, none of its timers fires; dead, none ever does. */
export class ProcessClock implements Clock {
  readonly #timeline: Timeline;
  #asleepSince: number | null = null;
  /** Ms in which the monotonic clock stood still. */
  #stood = 0;
  #dead = false;
  #overdue: Alarm[] = [];

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get asleep(): boolean {
    return this.#asleepSince !== null;
  }

  now(): number {
    return (BEGINNING + this.#timeline.now) * 1000;
  }

  monotonic(): number {
    return (this.#asleepSince ?? this.#timeline.now) - this.#stood;
  }

  after(ms: number, run: () => void): Timer {
    return this.#set(ms, null, run);
  }

  every(ms: number, run: () => void): Timer {
    return this.#set(ms, ms, run);
  }

  sleep(): void {
    this.#asleepSince = this.#timeline.now;
  }

  /** @param stood whether the monotonic clock stood still, as Linux's does in a sleep and not in a SIGSTOP */
  wake(stood: boolean): void {
    if (this.#asleepSince === null) return;
    if (stood) this.#stood += this.#timeline.now - this.#asleepSince;
    this.#asleepSince = null;
    for (const alarm of this.#overdue.splice(0)) this.#plan(alarm);
  }

  die(): void {
    this.#dead = true;
  }

  #set(ms: number, every: number | null, run: () => void): Timer {
    const alarm: Alarm = { due: this.monotonic() + ms, every, run, entry: null, cancelled: false };
    this.#plan(alarm);
    return {
      cancel: () => {
        alarm.cancelled = true;
        alarm.entry?.cancel();
      },
    };
  }

  #plan(alarm: Alarm): void {
    alarm.entry = this.#timeline.after(alarm.due - this.monotonic(), () => this.#fire(alarm));
  }

  #fire(alarm: Alarm): void {
    if (this.#dead || alarm.cancelled) return;
    if (this.asleep) {
      this.#overdue.push(alarm);
      return;
    }
    if (this.monotonic() < alarm.due) {
      this.#plan(alarm);
      return;
    }
    if (alarm.every !== null) {
      alarm.due = this.monotonic() + alarm.every;
      this.#plan(alarm);
    }
    alarm.run();
  }
}
