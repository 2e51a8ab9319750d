/** What was refused in one session, counted by endpoint and reason, with the newest samples. */
import { type Endpoint, ENDPOINTS, type Millis, type RefusalCount } from '../contract.ts';
import type { Refusal } from '../protocol/decode.ts';

export const MAX_SAMPLES = 5;

interface Entry {
  readonly endpoint: Endpoint;
  readonly reason: string;
  count: number;
  readonly first: Millis;
  last: Millis;
  /** Newest first. */
  samples: RefusalCount['samples'];
  /** Changed since it was taken. */
  changed: boolean;
}

/** Bounded, since the reasons are those of the decoder. */
export class Refusals {
  /** By reason. */
  readonly #entries: Record<Endpoint, Map<string, Entry>> = { trades: new Map(), candles: new Map() };

  /** A session begins. */
  clear(): void {
    for (const endpoint of ENDPOINTS) this.#entries[endpoint].clear();
  }

  add(endpoint: Endpoint, { reason, sample: text }: Refusal, at: Millis): void {
    const entries = this.#entries[endpoint];
    let entry = entries.get(reason);
    if (entry === undefined) {
      entry = { endpoint, reason, count: 0, first: at, last: at, samples: [], changed: true };
      entries.set(reason, entry);
    }
    entry.count++;
    entry.last = at;
    entry.changed = true;
    // Of very many in one frame only the first come with a sample.
    if (text !== '') entry.samples = [{ at, text }, ...entry.samples.slice(0, MAX_SAMPLES - 1)];
  }

  /** Most frequent first. */
  list(): RefusalCount[] {
    return this.#all()
      .map(countOf)
      .sort((a, b) => b.count - a.count || order(a.endpoint, b.endpoint) || order(a.reason, b.reason));
  }

  /** Those that changed since they were taken last. */
  take(): RefusalCount[] {
    const changed = this.#all().filter((entry) => entry.changed);
    for (const entry of changed) entry.changed = false;
    return changed.map(countOf);
  }

  /** What was taken could not be stored: it is taken again. */
  back(counts: readonly RefusalCount[]): void {
    for (const { endpoint, reason } of counts) {
      const entry = this.#entries[endpoint].get(reason);
      if (entry !== undefined) entry.changed = true;
    }
  }

  #all(): Entry[] {
    return ENDPOINTS.flatMap((endpoint) => [...this.#entries[endpoint].values()]);
  }
}

function countOf({ endpoint, reason, count, first, last, samples }: Entry): RefusalCount {
  return { endpoint, reason, count, first, last, samples };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
