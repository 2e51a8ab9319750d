/** Changes of the watchlist, and what it takes. */
import { MAX_WATCHED } from '../../main/core/contract.ts';

export function idSet(ids: readonly string[]): ReadonlySet<string> {
  return new Set(ids);
}

export interface Addition {
  readonly ids: readonly string[];
  readonly added: number;
  /** Those that the watchlist has no room for. */
  readonly left: number;
}

/** `ids` and after them those of `markets` that it lacks, as many as it takes, in their order. */
export function withMarkets(ids: readonly string[], markets: readonly string[]): Addition {
  const known = new Set(ids);
  const fresh = [...new Set(markets)].filter((market) => !known.has(market));
  const added = fresh.slice(0, Math.max(0, MAX_WATCHED - ids.length));
  return { ids: [...ids, ...added], added: added.length, left: fresh.length - added.length };
}

export function withoutMarkets(ids: readonly string[], markets: readonly string[]): readonly string[] {
  const gone = new Set(markets);
  return ids.filter((id) => !gone.has(id));
}
