/**
 * The markets of the dictionary as a list to scroll: what matches a query, of which only the stretches
 * that are looked at are here. What is shown stays until what replaces it has come, so nothing flickers
 * while one types.
 */
import { MAX_BROWSE } from '../../main/core/contract.ts';
import type {
  BrowsePage,
  CommandArgs,
  MarketChoice,
  MarketInfo,
  MarketQuery,
  MarketSort,
  Millis,
} from '../../main/core/contract.ts';
import { type AppError, fail, type Result } from '../../main/core/result.ts';

/** Markets asked for at a time while scrolling. */
const PAGE = 100;
/** A scroll across the whole list must not ask for all of it. */
const MOST_ASKED = 2;

export const NO_QUERY: MarketQuery = {
  text: '',
  venue: null,
  assetType: null,
  active: null,
  sort: 'relevance',
  descending: false,
};

/** By numbers one looks for the largest, by words from the start of the alphabet. */
const DESCENDS_FIRST: readonly MarketSort[] = ['volume', 'trades', 'lastSeen'];

export type Browse = (args: CommandArgs<'markets.browse'>) => Promise<Result<BrowsePage>>;

/** Pages by their number; those that are not here are holes. */
type Pages = (readonly MarketInfo[] | undefined)[];

/** What is told of the list beside its rows. */
export interface Found {
  readonly total: number;
  readonly venues: readonly MarketChoice[];
  readonly assetTypes: readonly MarketChoice[];
  readonly active: { readonly yes: number; readonly no: number };
  readonly read: Millis | null;
}

export class MarketList {
  query = $state.raw<MarketQuery>(NO_QUERY);
  /** null until the first answer. */
  found = $state.raw<Found | null>(null);
  problem = $state.raw<AppError | null>(null);
  /** Goes up when rows came or changed. */
  revision = $state(0);
  /** Other markets are known than those shown, which stand still while the pointer is over them. */
  isOutdated = $state(false);
  /** The row that keys act on, and where a selection of several began. */
  cursor = $state(0);
  anchor = $state(0);
  /** How far it is scrolled, px; kept for the next time that the list is shown. */
  scrollTop = 0;
  /** Goes up when another list begins at its top. A scroll of the user's is never taken back. */
  begun = $state(0);

  readonly #browse: Browse;
  #pages: Pages = [];
  #asked: readonly number[] = [];
  /** Counts queries and renewals: answers to former ones are dropped. */
  #generation = 0;
  /** The core's revision of what is shown. */
  #shown = -1;
  #first = 0;
  #last = 1;
  #isHeld = false;
  /** What is in sight is asked for anew, so single pages wait. */
  #isRenewing = false;

  constructor(browse: Browse) {
    this.#browse = browse;
  }

  get total(): number {
    return this.found?.total ?? 0;
  }

  /** null while it has not come. */
  row(index: number): MarketInfo | null {
    return this.#pages[Math.floor(index / PAGE)]?.[index % PAGE] ?? null;
  }

  /** Asks for another list, which starts at its beginning. */
  ask(change: Partial<MarketQuery>): void {
    this.query = { ...this.query, ...change };
    this.#first = 0;
    this.#last = 1;
    void this.#renew(true);
  }

  /** By this column; then the other way round; then by relevance again. */
  sortBy(sort: MarketSort): void {
    const { query } = this;
    const first = DESCENDS_FIRST.includes(sort);
    if (query.sort !== sort) this.ask({ sort, descending: first });
    else if (query.descending === first) this.ask({ descending: !first });
    else this.ask({ sort: 'relevance', descending: false });
  }

  /** Rows `first` to `last` are in sight. */
  show(first: number, last: number): void {
    this.#first = first;
    this.#last = Math.max(first + 1, last);
    this.#fill();
  }

  /** The core knows other markets now. */
  renewed(): void {
    if (this.#isHeld && this.total > 0) this.isOutdated = true;
    else void this.#renew(false);
  }

  /** Rows stay as they are, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.update();
  }

  /** Shows what the core knows now. */
  update(): void {
    if (this.isOutdated) void this.#renew(false);
  }

  /** Another source: nothing of this one holds. The query stays. */
  reset(): void {
    this.#generation++;
    this.#asked = [];
    this.#isRenewing = false;
    this.#pages = [];
    this.#shown = -1;
    this.found = null;
    this.problem = null;
    this.isOutdated = false;
    this.cursor = 0;
    this.anchor = 0;
    this.revision++;
  }

  /** Moves the row that keys act on; with `extend` the selection reaches from where it began to there. */
  move(to: number, extend: boolean): void {
    this.cursor = Math.min(Math.max(0, this.total - 1), Math.max(0, to));
    if (!extend) this.anchor = this.cursor;
  }

  /** [from, to) of the selection. */
  get selection(): { readonly from: number; readonly to: number } {
    const { cursor, anchor } = this;
    return { from: Math.min(cursor, anchor), to: Math.min(this.total, Math.max(cursor, anchor) + 1) };
  }

  /**
   * Ids of rows `from` to `to` that `wanted` takes, at most `limit` of them, in their order. Rows that
   * are not here are asked for.
   */
  async ids(
    from: number,
    to: number,
    limit: number,
    wanted: (id: string) => boolean,
  ): Promise<Result<readonly string[]>> {
    const { query } = this;
    const ids: string[] = [];
    for (let offset = from; offset < to && ids.length < limit; offset += MAX_BROWSE) {
      const result = await this.#browse({ ...query, offset, limit: Math.min(MAX_BROWSE, to - offset) });
      if (!result.ok) return result;
      const { markets, revision } = result.value;
      // Rows have other numbers than those that were chosen.
      if (revision !== this.#shown) {
        void this.#renew(false);
        return fail('busy', 'The list of markets was renewed meanwhile.', 'Choose the markets again.');
      }
      if (markets.length === 0) break;
      ids.push(...markets.map(({ id }) => id).filter(wanted));
    }
    return { ok: true, value: ids.slice(0, limit) };
  }

  /** Asks anew for what is in sight, and shows it once all of it is here. */
  async #renew(fromTop: boolean): Promise<void> {
    const mine = ++this.#generation;
    this.#asked = [];
    this.#isRenewing = true;
    this.isOutdated = false;
    const { query } = this;
    const numbers = this.#inSight();
    const results = await Promise.all(
      numbers.map((page) => this.#browse({ ...query, offset: page * PAGE, limit: PAGE })),
    );
    if (mine !== this.#generation) return;
    this.#isRenewing = false;
    const pages: Pages = [];
    let newest: BrowsePage | null = null;
    for (const [at, result] of results.entries()) {
      if (!result.ok) {
        this.problem = result.error;
        return;
      }
      newest = result.value;
      pages[numbers[at] ?? 0] = result.value.markets;
    }
    if (newest === null) return;
    const { revision, total, venues, assetTypes, active, read } = newest;
    // The dictionary changed between two of them: they do not belong together.
    if (results.some((result) => result.ok && result.value.revision !== revision))
      return this.#renew(fromTop);
    this.#pages = pages;
    this.#shown = revision;
    this.problem = null;
    this.found = { total, venues, assetTypes, active, read };
    this.move(fromTop ? 0 : this.cursor, false);
    if (fromTop) {
      this.scrollTop = 0;
      this.begun++;
    }
    this.revision++;
    this.#fill();
  }

  #inSight(): number[] {
    const first = Math.floor(this.#first / PAGE);
    const last = Math.floor((this.#last - 1) / PAGE);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  }

  /** Asks for what is in sight and not here. */
  #fill(): void {
    if (this.found === null || this.#isRenewing) return;
    for (const page of this.#inSight()) {
      if (page * PAGE >= this.total || this.#pages[page] !== undefined || this.#asked.includes(page))
        continue;
      if (this.#asked.length >= MOST_ASKED) return;
      void this.#page(page);
    }
  }

  async #page(page: number): Promise<void> {
    const mine = this.#generation;
    this.#asked = [...this.#asked, page];
    const result = await this.#browse({ ...this.query, offset: page * PAGE, limit: PAGE });
    if (mine !== this.#generation) return;
    this.#asked = this.#asked.filter((each) => each !== page);
    if (!result.ok) {
      this.problem = result.error;
      return;
    }
    if (result.value.revision !== this.#shown) {
      void this.#renew(false);
      return;
    }
    this.#pages[page] = result.value.markets;
    this.revision++;
    // What is in sight by now may be elsewhere.
    this.#fill();
  }
}
