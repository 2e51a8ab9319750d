/**
 * Which markets are wanted on one link, which of them were asked for on its present connection, and how
 * the server took each. Candles are asked for by granularity: a market has a part for each.
 */
import type { Granularity, Subscription } from '../contract.ts';

type PartState = Exclude<Subscription, 'off'>;

interface Part {
  readonly state: PartState;
  /** The server's, when it refused. */
  readonly words: string | null;
}

export interface Told {
  readonly state: Subscription;
  readonly words: string | null;
}

const OFF: Told = { state: 'off', words: null };

export class Subscriptions {
  readonly #desired = new Set<string>();
  readonly #asked = new Map<string, Map<Granularity | null, Part>>();
  /** Markets with a part that is open: asked of every message, and soon empty. */
  readonly #open = new Set<string>();

  /** In the order in which they were first wanted. */
  get desired(): string[] {
    return [...this.#desired];
  }

  wants(market: string): boolean {
    return this.#desired.has(market);
  }

  /** Replaces what is wanted. What was asked for stays asked for until `took`. */
  want(markets: readonly string[]): { added: string[]; removed: string[] } {
    const wanted = new Set(markets);
    const added = [...wanted].filter((market) => !this.#desired.has(market));
    const removed = [...this.#desired].filter((market) => !wanted.has(market));
    for (const market of added) this.#desired.add(market);
    for (const market of removed) this.#desired.delete(market);
    return { added, removed };
  }

  /** What must be asked for, so that what was asked for is what is wanted. */
  changes(): { subscribe: string[]; unsubscribe: string[] } {
    return {
      subscribe: [...this.#desired].filter((market) => !this.#asked.has(market)),
      unsubscribe: [...this.#asked.keys()].filter((market) => !this.#desired.has(market)),
    };
  }

  ask(market: string, granularities: readonly (Granularity | null)[]): void {
    const parts = this.#asked.get(market) ?? new Map<Granularity | null, Part>();
    for (const granularity of granularities) parts.set(granularity, { state: 'requested', words: null });
    this.#asked.set(market, parts);
    this.#open.add(market);
  }

  /** Those of which the server was told that they are wanted no more. */
  leave(markets: readonly string[]): void {
    for (const market of markets) {
      this.#asked.delete(market);
      this.#open.delete(market);
    }
  }

  /** The connection is over, and all that was asked for on it. */
  clear(): void {
    this.#asked.clear();
    this.#open.clear();
  }

  /**
   * How the server took a part.
   *
   * @returns what is to be told of the market, when that is another thing than before
   */
  took(market: string, granularity: Granularity | null, state: PartState, words: string | null): Told | null {
    const parts = this.#asked.get(market);
    const part = parts?.get(granularity);
    if (parts === undefined || part === undefined) return null;
    const before = this.told(market);
    parts.set(granularity, { state, words });
    if (![...parts.values()].some(isOpen)) this.#open.delete(market);
    const after = this.told(market);
    const isNew = after.state !== before.state || after.words !== before.words;
    return isNew && this.#desired.has(market) ? after : null;
  }

  /** Whether the server said nothing of this part yet, and sent nothing. */
  isOpen(market: string, granularity: Granularity | null): boolean {
    if (this.#open.size === 0 || !this.#open.has(market)) return false;
    const part = this.#asked.get(market)?.get(granularity);
    return part !== undefined && isOpen(part);
  }

  /** Whether this part was asked for in vain so far. */
  isTroubled(market: string, granularity: Granularity | null): boolean {
    const state = this.#asked.get(market)?.get(granularity)?.state;
    return state === 'refused' || state === 'unconfirmed';
  }

  /**
   * What a market is to be shown as. One part refused is a refusal, or a hole in the candles would look
   * like quiet; of the others any that is confirmed shows that the market is served.
   */
  told(market: string): Told {
    const parts = this.#asked.get(market);
    if (parts === undefined) return OFF;
    const all = [...parts];
    const refused = all.filter(([, { state }]) => state === 'refused');
    if (refused.length > 0) return { state: 'refused', words: wordsOf(refused, all.length) };
    const states = all.map(([, { state }]) => state);
    const state = (['confirmed', 'unconfirmed'] as const).find((each) => states.includes(each));
    return { state: state ?? 'requested', words: null };
  }
}

function isOpen({ state }: Part): boolean {
  return state === 'requested' || state === 'unconfirmed';
}

/** The server's words; with the granularities that they are about, when those are not all. */
function wordsOf(refused: readonly (readonly [Granularity | null, Part])[], parts: number): string | null {
  const words = refused.find(([, part]) => part.words !== null)?.[1].words ?? null;
  if (refused.length === parts) return words;
  const which = refused.map(([granularity]) => granularity).join(', ');
  return words === null ? which : `${which}: ${words}`;
}
