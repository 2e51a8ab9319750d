/** The markets that exist, out of the REST dictionaries, which need no key. */
import type { MarketInfo, MarketPage, Millis } from './contract.ts';
import type { Logger } from './ports.ts';
import { cleanWords } from './protocol/words.ts';

/** The API's largest page. */
const PAGE_SIZE = 5_000;
/** Far beyond what the vendor lists; an answer that never ends must not fill the memory. */
const MAX_PAGES = 40;
const TIME_LIMIT_MS = 20_000;

export interface DictionaryOptions {
  readonly address: string;
  readonly fetch: typeof globalThis.fetch;
  readonly logger: Logger;
  readonly now: () => Millis;
}

interface Found {
  readonly market: MarketInfo;
  readonly trades1h: number;
}

export class Dictionary {
  readonly #options: DictionaryOptions;
  #markets = new Map<string, MarketInfo>();
  #haystack: { readonly text: string; readonly market: MarketInfo }[] = [];
  #read: Millis | null = null;

  constructor(options: DictionaryOptions) {
    this.#options = options;
  }

  /** Reads all pages of active markets. A failure is logged and leaves what was known. */
  async load(): Promise<void> {
    const found: Found[] = [];
    try {
      for (let page = 0; page < MAX_PAGES; page++) {
        const answer = await this.#page(page);
        const content: unknown = answer['content'];
        if (!Array.isArray(content)) throw new Error('The dictionary answered without `content`.');
        for (const item of content) {
          const market = marketOf(item);
          if (market !== null) found.push(market);
        }
        if (answer['hasNext'] !== true) break;
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#options.logger.log('warn', 'the dictionary of markets could not be read', { message });
      return;
    }
    this.#markets = new Map(found.map(({ market }) => [market.id, market]));
    // The busiest first, as someone who looks for a market most likely means that one.
    const byVolume = [...this.#markets.values()].sort(
      (a, b) => Number(b.volume1h ?? 0) - Number(a.volume1h ?? 0),
    );
    this.#haystack = byVolume.map((market) => ({ text: textOf(market), market }));
    this.#read = this.#options.now();
  }

  /** What is known of a market; of one that the dictionary lacks, its id. */
  market(id: string): MarketInfo {
    return (
      this.#markets.get(id) ?? {
        id,
        venue: '',
        symbol: word(id),
        base: '',
        assetType: null,
        active: true,
        volume1h: null,
      }
    );
  }

  /** Ids of all markets, in the dictionary's order. */
  get ids(): string[] {
    return [...this.#markets.keys()];
  }

  search(text: string, limit: number): MarketPage {
    const words = text
      .toLowerCase()
      .split(/[\s/]+/)
      .filter((word) => word !== '');
    const hits = this.#haystack.filter((each) => words.every((word) => each.text.includes(word)));
    return {
      total: hits.length,
      markets: hits.slice(0, limit).map(({ market }) => market),
      read: this.#read,
    };
  }

  async #page(page: number): Promise<Readonly<Record<string, unknown>>> {
    const url = `${this.#options.address}/markets?active=true&verbose=true&page=${page}&size=${PAGE_SIZE}`;
    const response = await this.#options.fetch(url, {
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
      redirect: 'error',
    });
    if (!response.ok) throw new Error(`The dictionary answered with status ${response.status}.`);
    const body: unknown = await response.json();
    if (!isObject(body)) throw new Error('The dictionary’s answer is no object.');
    return body;
  }
}

function textOf({ id, venue, symbol, base }: MarketInfo): string {
  return `${id} ${venue} ${symbol} ${base} ${symbol}${base}`.toLowerCase();
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One item of `content`; null when it has no market id. */
function marketOf(item: unknown): Found | null {
  if (!isObject(item) || !isObject(item['market'])) return null;
  const { market, active, metrics } = item;
  const id = market['id'];
  if (typeof id !== 'string' || id === '') return null;
  const pair = isObject(market['pair']) ? market['pair'] : {};
  const hour = isObject(metrics) && isObject(metrics['1h']) ? metrics['1h'] : {};
  const volume = hour['volume'];
  return {
    trades1h: typeof hour['trades'] === 'number' ? hour['trades'] : 0,
    market: {
      id,
      venue: word(market['marketVenue']),
      symbol: word(pair['symbol']) || word(market['pairId']) || word(id),
      base: word(pair['base']),
      assetType: word(pair['assetType']) || null,
      active: active !== false,
      volume1h: typeof volume === 'string' || typeof volume === 'number' ? String(volume) : null,
    },
  };
}

function word(value: unknown): string {
  return typeof value === 'string' ? cleanWords(value, 60) : '';
}
