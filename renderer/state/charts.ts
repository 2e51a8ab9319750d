/**
 * The candles of the charts that are drawn now: history by pages, then events. Coarser steps are
 * merged on the screen from what the feed publishes. Nothing here is reactive; `changed` tells.
 */
import { GRANULARITY_MS } from '../../main/core/contract.ts';
import type { CandlePoint, ChartKey, Gap, Granularity, Millis } from '../../main/core/contract.ts';
import type { AppError } from '../../main/core/result.ts';
import { CandleSeries } from '../chart/series.ts';
import type { Client } from './client.ts';

/** What a chart can be set to. */
export type Step = '1m' | '5m' | '15m' | '1h';
export const STEPS: readonly Step[] = ['1m', '5m', '15m', '1h'];
export const STEP_MS: Readonly<Record<Step, Millis>> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
};

/** The published granularity that a step is made of. */
export function baseOf(step: Step): Granularity {
  return step === '1h' ? '1h' : '1m';
}

/** Candles asked for at a time: at 1 m, three weeks of a day's session in twenty pages. */
const PAGE = 1500;

/** One followed chart. */
export interface Feed {
  readonly key: ChartKey;
  readonly series: CandleSeries;
  /** There may be more before the first candle. */
  readonly more: boolean;
  readonly loading: boolean;
  /** The first page has come. */
  readonly loaded: boolean;
  readonly error: AppError | null;
  /** Goes up with every change of what is here. */
  readonly revision: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function nameOf(key: ChartKey): string {
  // A market id is opaque, but a granularity has no space in it.
  return `${key.granularity} ${key.market}`;
}

export class Charts {
  readonly #feeds = new Map<string, Writable<Feed>>();
  readonly #changed: () => void;
  readonly #foundGap: (gap: Gap) => void;
  #client: Client | null = null;

  /** `foundGap` is told of the gaps that pages of history bring. */
  constructor(changed: () => void, foundGap: (gap: Gap) => void) {
    this.#changed = changed;
    this.#foundGap = foundGap;
  }

  get keys(): readonly ChartKey[] {
    return [...this.#feeds.values()].map((feed) => feed.key);
  }

  find(market: string, granularity: Granularity): Feed | null {
    return this.#feeds.get(nameOf({ market, granularity })) ?? null;
  }

  /**
   * Follows exactly `keys`: new ones are loaded, others let go. Call it after the core was told,
   * so that no candle falls between the page and the first event.
   */
  follow(keys: readonly ChartKey[]): void {
    const wanted = new Set(keys.map(nameOf));
    for (const name of this.#feeds.keys()) if (!wanted.has(name)) this.#feeds.delete(name);
    for (const key of keys) {
      const name = nameOf(key);
      if (this.#feeds.has(name)) continue;
      const feed: Writable<Feed> = {
        key,
        series: new CandleSeries(GRANULARITY_MS[key.granularity]),
        more: false,
        loading: false,
        loaded: false,
        error: null,
        revision: 0,
      };
      this.#feeds.set(name, feed);
      void this.#load(feed, null);
    }
    this.#changed();
  }

  /** Forgets all charts, and asks `client` from now on. */
  reset(client: Client | null): void {
    this.#client = client;
    this.#feeds.clear();
    this.#changed();
  }

  /** Loads the page before the first candle, when there is one and none is under way. */
  loadMore(market: string, granularity: Granularity): void {
    const feed = this.#feeds.get(nameOf({ market, granularity }));
    if (feed === undefined || feed.loading || !feed.more) return;
    void this.#load(feed, feed.series.firstStart);
  }

  apply(chart: ChartKey, candles: readonly CandlePoint[]): void {
    const feed = this.#feeds.get(nameOf(chart));
    if (feed === undefined) return;
    feed.series.apply(candles);
    this.#touch(feed);
  }

  async #load(feed: Writable<Feed>, before: Millis | null): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    feed.loading = true;
    feed.error = null;
    this.#touch(feed);
    const result = await client.call('candles.page', { chart: feed.key, before, limit: PAGE });
    if (this.#feeds.get(nameOf(feed.key)) !== feed) return;
    feed.loading = false;
    if (result.ok) {
      const { bytes, more, gaps } = result.value;
      feed.series.prepend(bytes);
      feed.more = more;
      for (const gap of gaps) this.#foundGap(gap);
    } else {
      feed.error = result.error;
      feed.more = false;
    }
    feed.loaded = true;
    this.#touch(feed);
  }

  #touch(feed: Writable<Feed>): void {
    feed.revision++;
    this.#changed();
  }
}
