/**
 * The markets that exist, out of the REST dictionaries, which need no key.
 *
 * What is known is replaced as a whole, by a reading that came to its end; until then, and when none
 * does, what was known stays. A reading that broke off goes on at the page where it did.
 */
import type {
  BrowsePage,
  DictionaryState,
  LinkProblem,
  MarketInfo,
  MarketPage,
  MarketQuery,
  Millis,
} from './contract.ts';
import { type CachedDictionary, readCache, writeCache } from './markets/cache.ts';
import { type ListedMarket, marketOf, word } from './markets/item.ts';
import { malformed, PageError, readPage } from './markets/page.ts';
import { MarketIndex } from './markets/search.ts';
import type { Clock, Logger, Timer } from './ports.ts';
import type { MarketNames } from './protocol/dialect.ts';

/** Of the API's 1 to 5,000: some 400 kB and a few ms of work, so that progress is seen. */
const PAGE_SIZE = 1_000;
/** Far beyond what the vendor lists; an answer that never ends must not fill the memory. */
const MAX_PAGES = 400;
export const MAX_LISTED = 200_000;
const REFRESH_MS = 86_400_000;
/** A client that is started by many at one hour must not have them all ask in the same second a day later. */
const REFRESH_SPREAD_MS = 600_000;
/** A reading that broke off longer ago begins anew: its first pages are of another time than its last. */
const RESUMED_MS = 900_000;
const RETRY_FIRST_MS = 2_000;
const RETRY_FLOOR_MS = 1_000;
const RETRY_CAP_MS = 600_000;
const SETTING = 'dictionary';

/** Where it is kept between starts: the store of its source. */
export interface DictionaryCache {
  readSetting(name: string): Promise<string | null>;
  writeSetting(name: string, json: string): Promise<void>;
}

export interface DictionaryOptions {
  readonly address: string;
  readonly fetch: typeof globalThis.fetch;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly cache: DictionaryCache;
  /** In [0, 1). */
  readonly random: () => number;
  /** Its state changed: once for each page that was read. */
  readonly changed: () => void;
  /** Other markets are known, or the same ones by other names. */
  readonly renewed: () => void;
}

/** Without a feed. */
export const NO_DICTIONARY: DictionaryState = {
  loading: false,
  pages: 0,
  totalPages: null,
  markets: 0,
  totalMarkets: null,
  known: 0,
  skipped: 0,
  read: null,
  from: 'none',
  problem: null,
  retryAt: null,
};

/** The answer where nothing is known. */
export function nothingFound(offset: number): BrowsePage {
  const active = { yes: 0, no: 0 };
  return { revision: 0, total: 0, offset, markets: [], venues: [], assetTypes: [], active, read: null };
}

/** A reading that goes on, or broke off. */
interface Reading {
  readonly begun: Millis;
  readonly found: Map<string, ListedMarket>;
  /** Pages that are in `found`. */
  pages: number;
  totalPages: number | null;
  totalMarkets: number | null;
  skipped: number;
}

/** Lets timers, sockets and views have their turn. */
const pause = (): Promise<void> => new Promise((resume) => setImmediate(resume));

export class Dictionary {
  readonly #options: DictionaryOptions;
  readonly #ended = new AbortController();
  #state: DictionaryState = NO_DICTIONARY;
  #markets: ReadonlyMap<string, ListedMarket> = new Map();
  /** By venue, then pair. Made when it is first needed: most feeds give a market's id. */
  #pairs: ReadonlyMap<string, ReadonlyMap<string, Named>> | null = null;
  #index: MarketIndex | null = null;
  #revision = 0;
  #reading: Reading | null = null;
  #loading: Promise<void> | null = null;
  #timer: Timer | null = null;
  #attempt = 0;

  constructor(options: DictionaryOptions) {
    this.#options = options;
  }

  get state(): DictionaryState {
    return this.#state;
  }

  /** Takes what an earlier run kept. Without it, or when it is damaged, nothing is known yet. */
  async restore(): Promise<void> {
    const { cache, logger } = this.#options;
    try {
      const json = await cache.readSetting(SETTING);
      if (json === null) return;
      await this.#take(await readCache(json, this.#now(), pause), 'cache', 0);
    } catch (error) {
      logger.log('warn', 'the kept dictionary of markets is ignored', { message: wordsOf(error) });
    }
  }

  /**
   * Reads all pages, unless that goes on already. Never rejects: a failure is told in the state, leaves
   * what was known, and is tried again until `close`.
   */
  load(): Promise<void> {
    if (this.#ended.signal.aborted) return Promise.resolve();
    this.#timer?.cancel();
    this.#timer = null;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** The network may be back: what waits to be tried again is tried now. */
  wake(): void {
    if (this.#state.retryAt !== null) void this.load();
  }

  close(): void {
    this.#ended.abort();
    this.#timer?.cancel();
  }

  /** What is known of a market; of one that the dictionary lacks, its id. */
  market(id: string): MarketInfo {
    return (
      this.#markets.get(id)?.market ?? {
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

  /** The id of the market that the feed names by venue and pair; null when there is none, or more than one. */
  marketLookup(venue: string, pairId: string): string | null {
    this.#pairs ??= pairsOf(this.#markets.values());
    return this.#pairs.get(venue)?.get(pairId)?.id ?? null;
  }

  /**
   * Venue and pair of a market as the dictionary has them, for a dialect that asks by them; null where they
   * would not lead back to this market.
   */
  marketNames(id: string): MarketNames | null {
    const listed = this.#markets.get(id);
    if (listed === undefined || this.marketLookup(listed.venueId, listed.pairId) !== id) return null;
    return { venue: listed.venueId, pair: listed.pairId };
  }

  /** Ids of the active markets, in the dictionary's order. */
  get activeIds(): string[] {
    return Array.from(this.#markets.values(), ({ market }) => market)
      .filter(({ active }) => active)
      .map(({ id }) => id);
  }

  /** The active markets that match, the likeliest first. */
  search(text: string, limit: number): MarketPage {
    const { total, markets, read } = this.browse({
      ...{ text, venue: null, assetType: null, active: true, sort: 'relevance', descending: false },
      ...{ offset: 0, limit },
    });
    return { total, markets, read };
  }

  browse(query: MarketQuery & { readonly offset: number; readonly limit: number }): BrowsePage {
    const { read } = this.#state;
    return this.#index?.browse(query, this.#revision, read) ?? { ...nothingFound(query.offset), read };
  }

  async #load(): Promise<void> {
    const now = this.#now();
    const kept = this.#reading;
    const reading =
      kept !== null && now >= kept.begun && now - kept.begun < RESUMED_MS ? kept : newReading(now);
    this.#reading = reading;
    try {
      this.#tell({ loading: true, problem: null, retryAt: null, ...progressOf(reading) });
      while (await this.#page(reading)) this.#tell(progressOf(reading));
      this.#reading = null;
      await this.#whole(reading);
      this.#attempt = 0;
      this.#again(REFRESH_MS + this.#options.random() * REFRESH_SPREAD_MS);
      this.#tell({ loading: false, ...progressOf(reading) });
    } catch (error) {
      // Nobody waits for it any more.
      if (this.#ended.signal.aborted) return;
      this.#failed(error);
    }
  }

  /** @returns whether another page follows. @throws {PageError} */
  async #page(reading: Reading): Promise<boolean> {
    const { address, fetch, clock } = this.#options;
    const page = reading.pages;
    const url = `${address}/markets?verbose=true&page=${page}&size=${PAGE_SIZE}`;
    const answer = await readPage({ url, page, fetch, clock, ended: this.#ended.signal });
    this.#ended.signal.throwIfAborted();
    const before = reading.found.size;
    for (const item of answer.content) {
      const listed = marketOf(item);
      if (listed === null) reading.skipped++;
      else reading.found.set(listed.market.id, listed);
      if (reading.found.size > MAX_LISTED) throw endless();
    }
    reading.pages = page + 1;
    reading.totalPages = answer.totalPages;
    reading.totalMarkets = answer.totalElements;
    if (!answer.hasNext) return false;
    // Else a server that ignores the page's number would be asked until the limit.
    if (reading.found.size === before)
      throw malformed('a page that others are said to follow has nothing new');
    if (reading.pages >= MAX_PAGES) throw endless();
    return true;
  }

  async #whole(reading: Reading): Promise<void> {
    const { cache, logger } = this.#options;
    const { found, skipped, totalMarkets } = reading;
    // What was known is worth more than that.
    if (found.size === 0) throw malformed('it has no market that can be read');
    const dictionary = { read: this.#now(), markets: [...found.values()] };
    await this.#take(dictionary, 'server', skipped);
    const missing = (totalMarkets ?? 0) - found.size - skipped;
    if (missing > 0) {
      // Markets that came and went between two pages are no news; a list that was cut is.
      logger.log('warn', 'the dictionary lists fewer markets than it says', { missing });
    }
    if (skipped > 0) logger.log('warn', 'markets of the dictionary could not be read', { skipped });
    try {
      const json = await writeCache(dictionary, pause);
      if (json !== null) await cache.writeSetting(SETTING, json);
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      logger.log('warn', 'the dictionary of markets could not be kept', { message: wordsOf(error) });
    }
  }

  async #take(dictionary: CachedDictionary, from: 'server' | 'cache', skipped: number): Promise<void> {
    const { markets, read } = dictionary;
    const index = await MarketIndex.of(
      markets.map(({ market }) => market),
      pause,
    );
    this.#ended.signal.throwIfAborted();
    this.#markets = new Map(markets.map((listed) => [listed.market.id, listed]));
    this.#pairs = null;
    this.#index = index;
    this.#revision++;
    this.#tell({ known: markets.length, skipped, read, from });
    this.#options.renewed();
  }

  #failed(error: unknown): void {
    const { logger, random } = this.#options;
    const failure = error instanceof PageError ? error : new PageError(unexpected(error));
    const { problem } = failure;
    // What was read of a server that cannot be understood is not worth keeping.
    if (MISUNDERSTOOD.has(problem.kind)) this.#reading = null;
    logger.log('warn', 'the dictionary of markets could not be read', { ...problem });
    const room = Math.min(RETRY_CAP_MS, RETRY_FIRST_MS * 2 ** Math.min(this.#attempt, 20));
    const wait = failure.wait ?? Math.round(RETRY_FLOOR_MS + random() * room);
    this.#attempt++;
    this.#again(wait);
    this.#tell({ loading: false, problem, retryAt: this.#now() + wait });
  }

  #again(ms: number): void {
    this.#timer = this.#options.clock.after(ms, () => void this.load());
  }

  #tell(change: Partial<DictionaryState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.changed();
  }

  #now(): Millis {
    return Math.floor(this.#options.clock.now() / 1000);
  }
}

const MISUNDERSTOOD: ReadonlySet<string> = new Set(['malformed', 'oversized', 'internal']);

function newReading(begun: Millis): Reading {
  return { begun, found: new Map(), pages: 0, totalPages: null, totalMarkets: null, skipped: 0 };
}

function progressOf({ pages, totalPages, found, totalMarkets }: Reading): Partial<DictionaryState> {
  return { pages, totalPages, markets: found.size, totalMarkets };
}

interface Named {
  /** null where several markets have the venue and the pair. */
  id: string | null;
  active: boolean;
}

/** Of several markets with the same venue and pair, the active one, when there is but one such. */
function pairsOf(markets: Iterable<ListedMarket>): Map<string, Map<string, Named>> {
  const venues = new Map<string, Map<string, Named>>();
  for (const { market, venueId, pairId } of markets) {
    if (venueId === '' || pairId === '') continue;
    let pairs = venues.get(venueId);
    if (pairs === undefined) venues.set(venueId, (pairs = new Map<string, Named>()));
    const rival = pairs.get(pairId);
    const { id, active } = market;
    if (rival === undefined || (active && !rival.active)) pairs.set(pairId, { id, active });
    else if (rival.active === active) rival.id = null;
  }
  return venues;
}

function endless(): PageError {
  return malformed(`it goes on beyond ${MAX_LISTED.toLocaleString('en')} markets or ${MAX_PAGES} pages`);
}

function unexpected(error: unknown): LinkProblem {
  return {
    kind: 'internal',
    status: null,
    serverWords: null,
    message: `The list of markets could not be taken: ${wordsOf(error)}`,
    action: 'Quipu tries again by itself.',
  };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
