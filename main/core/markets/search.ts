/**
 * Finds markets among many as one types. Pure: no socket, no clock, no store.
 *
 * What each market is found by is made ready once, when the dictionary was read. A query is then one
 * pass over it; one that goes on from the one before looks at its hits alone, and the pages of one
 * query are cut from the same list.
 */
import type { BrowsePage, MarketChoice, MarketInfo, MarketQuery, MarketSort, Millis } from '../contract.ts';

/** Choices of one filter that are told. */
const MAX_CHOICES = 300;
/** Answers kept for the next page: a few views, each with a query or two. */
const KEPT_ANSWERS = 8;
/** Markets prepared at a time: a few ms, after which others have their turn. */
const SLICE = 2_000;

/** How well a market's names fit the words; the order of `relevance`. */
const EXACT = 1;
const NAMED = 2;
const BEGINS = 3;
const CONTAINS = 4;
const TIERS = 4;

interface Found {
  readonly words: readonly string[];
  /** 0: not found, else EXACT to CONTAINS. */
  readonly tiers: Uint8Array;
}

interface Answer {
  readonly key: string;
  /** Positions of the hits, in the order asked for. */
  readonly hits: Int32Array;
  readonly venues: readonly MarketChoice[];
  readonly assetTypes: readonly MarketChoice[];
  readonly active: { readonly yes: number; readonly no: number };
}

/** One of few texts that many markets share. */
interface Column {
  readonly values: readonly string[];
  /** Of each market, the place of its text in `values`. */
  readonly places: Int32Array;
  /** Of each value, its place in alphabetical order; those without text come last. */
  readonly ranks: Int32Array;
}

export class MarketIndex {
  readonly markets: readonly MarketInfo[];
  /** Everything that a word may be in, lower case, the parts apart by what no word has: a space. */
  readonly #texts: readonly string[];
  readonly #symbols: readonly string[];
  readonly #bases: readonly string[];
  readonly #venues: Column;
  readonly #types: Column;
  /** Of each market, its place by pair, venue and id: what decides where all else is equal. */
  readonly #names: Int32Array;
  readonly #orders = new Map<string, Int32Array>();
  #found: Found;
  #answers: Answer[] = [];

  private constructor(
    markets: readonly MarketInfo[],
    texts: readonly string[],
    symbols: readonly string[],
    bases: readonly string[],
    names: Int32Array,
  ) {
    this.markets = markets;
    this.#texts = texts;
    this.#symbols = symbols;
    this.#bases = bases;
    this.#names = names;
    this.#venues = columnOf(markets, ({ venue }) => venue);
    this.#types = columnOf(markets, ({ assetType }) => assetType ?? '');
    this.#found = { words: [], tiers: new Uint8Array(markets.length).fill(CONTAINS) };
  }

  /**
   * @param markets each id once
   * @param pause called now and then, so that tens of thousands of markets do not hold up what else there is to do
   */
  static async of(
    markets: readonly MarketInfo[],
    pause: () => Promise<void> = () => Promise.resolve(),
  ): Promise<MarketIndex> {
    const texts: string[] = [];
    const symbols: string[] = [];
    const bases: string[] = [];
    const runs: NamedMarket[][] = [];
    for (let from = 0; from < markets.length; from += SLICE) {
      const run: NamedMarket[] = [];
      for (const market of markets.slice(from, from + SLICE)) {
        const symbol = market.symbol.toLowerCase();
        const base = market.base.toLowerCase();
        const more = `${market.id} ${market.venue} ${market.assetType ?? ''}`.toLowerCase();
        run.push({ name: `${symbol}\0${base}\0${more}`, at: texts.length });
        texts.push(`${symbol}/${base} ${symbol}${base} ${symbol}-${base} ${more}`);
        symbols.push(symbol);
        bases.push(base);
      }
      runs.push(run.sort(byName));
      await pause();
    }
    const names = new Int32Array(markets.length);
    let rank = 0;
    for (const { at } of await merged(runs, pause)) names[at] = rank++;
    const index = new MarketIndex(markets, texts, symbols, bases, names);
    await pause();
    // What is asked for first, and the one order that is not made of numbers that lie ready.
    index.#order('relevance', false);
    return index;
  }

  /** @param revision handed on, as is `read` */
  browse(
    query: MarketQuery & { readonly offset: number; readonly limit: number },
    revision: number,
    read: Millis | null,
  ): BrowsePage {
    const { hits, venues, assetTypes, active } = this.#answer(query);
    const { offset, limit } = query;
    const markets: MarketInfo[] = [];
    for (const at of hits.subarray(offset, offset + limit)) {
      const market = this.markets[at];
      if (market !== undefined) markets.push(market);
    }
    return { revision, total: hits.length, offset, markets, venues, assetTypes, active, read };
  }

  #answer(query: MarketQuery): Answer {
    const words = wordsOf(query.text);
    const { venue, assetType, active, sort, descending } = query;
    const key = JSON.stringify([words, venue, assetType, active, sort, descending]);
    let answer = this.#answers.find((each) => each.key === key);
    answer ??= this.#ask(key, this.#find(words), query);
    this.#answers = [answer, ...this.#answers.filter((each) => each.key !== key)].slice(0, KEPT_ANSWERS);
    return answer;
  }

  #ask(key: string, tiers: Uint8Array, query: MarketQuery): Answer {
    const { venue, assetType, active } = query;
    const venues = this.#venues;
    const types = this.#types;
    // -2: no market has it, where -1 stands for any.
    const wantedVenue = venue === null ? -1 : placeOf(venues, venue);
    const wantedType = assetType === null ? -1 : placeOf(types, assetType);
    const venueCounts = new Int32Array(venues.values.length);
    const typeCounts = new Int32Array(types.values.length);
    const fits = new Uint8Array(tiers.length);
    const inTier = new Int32Array(TIERS + 1);
    let yes = 0;
    let no = 0;
    let total = 0;
    for (let at = 0; at < tiers.length; at++) {
      const tier = tiers[at] ?? 0;
      if (tier === 0) continue;
      const ofVenue = venues.places[at] ?? 0;
      const ofType = types.places[at] ?? 0;
      const isActive = this.markets[at]?.active === true;
      const venueFits = wantedVenue === -1 || wantedVenue === ofVenue;
      const typeFits = wantedType === -1 || wantedType === ofType;
      const activeFits = active === null || active === isActive;
      // Each filter's counts are as if it alone were not set: what choosing another value would give.
      if (typeFits && activeFits) venueCounts[ofVenue] = (venueCounts[ofVenue] ?? 0) + 1;
      if (venueFits && activeFits) typeCounts[ofType] = (typeCounts[ofType] ?? 0) + 1;
      if (venueFits && typeFits) {
        if (isActive) yes++;
        else no++;
      }
      if (!(venueFits && typeFits && activeFits)) continue;
      fits[at] = tier;
      inTier[tier] = (inTier[tier] ?? 0) + 1;
      total++;
    }
    const hits = new Int32Array(total);
    const order = this.#order(query.sort, query.descending && query.sort !== 'relevance');
    if (query.sort === 'relevance') {
      const next = new Int32Array(TIERS + 1);
      for (let tier = 2; tier <= TIERS; tier++) next[tier] = (next[tier - 1] ?? 0) + (inTier[tier - 1] ?? 0);
      for (const at of order) {
        const tier = fits[at] ?? 0;
        if (tier === 0) continue;
        const place = next[tier] ?? 0;
        hits[place] = at;
        next[tier] = place + 1;
      }
    } else {
      let place = 0;
      for (const at of order) if (fits[at] !== 0) hits[place++] = at;
    }
    return {
      key,
      hits,
      venues: choicesOf(venues, venueCounts),
      assetTypes: choicesOf(types, typeCounts),
      active: { yes, no },
    };
  }

  /** How well each market fits all of the words. */
  #find(words: readonly string[]): Uint8Array {
    const before = this.#found;
    // Where each former word is part of a present one, what is found now was found then.
    const goesOn = before.words.every((old) => words.some((word) => word.includes(old)));
    const within = goesOn ? before.tiers : null;
    if (within !== null && words.join(' ') === before.words.join(' ')) return before.tiers;
    const tiers = new Uint8Array(this.#texts.length);
    const joined = words.join('');
    const count = words.length;
    for (let at = 0; at < tiers.length; at++) {
      if (within !== null && within[at] === 0) continue;
      const text = this.#texts[at] ?? '';
      let matched = 0;
      while (matched < count && text.includes(words[matched] ?? '')) matched++;
      if (matched === count) tiers[at] = this.#tier(at, words, joined);
    }
    this.#found = { words, tiers };
    return tiers;
  }

  #tier(at: number, words: readonly string[], joined: string): number {
    if (words.length === 0) return CONTAINS;
    const symbol = this.#symbols[at] ?? '';
    const base = this.#bases[at] ?? '';
    const isName = (word: string): boolean =>
      word.startsWith(symbol) &&
      (word.length === symbol.length ||
        word === `${symbol}${base}` ||
        word === `${symbol}/${base}` ||
        word === `${symbol}-${base}`);
    if (isName(joined) || joined === this.markets[at]?.id.toLowerCase()) return EXACT;
    let tier = CONTAINS;
    for (const word of words) {
      if (isName(word)) return NAMED;
      if (
        symbol.startsWith(word) ||
        (word.startsWith(symbol) &&
          (`${symbol}${base}`.startsWith(word) ||
            `${symbol}/${base}`.startsWith(word) ||
            `${symbol}-${base}`.startsWith(word)))
      ) {
        tier = BEGINS;
      }
    }
    return tier;
  }

  /** Positions of all markets in an order; made when it is first asked for. */
  #order(sort: MarketSort, descending: boolean): Int32Array {
    const key = `${sort} ${descending}`;
    let order = this.#orders.get(key);
    if (order === undefined) {
      order = this.#sorted(sort, descending ? -1 : 1);
      this.#orders.set(key, order);
    }
    return order;
  }

  #sorted(sort: MarketSort, sign: number): Int32Array {
    const names = this.#names;
    const order = new Int32Array(names.length);
    names.forEach((rank, at) => (order[rank] = at));
    switch (sort) {
      case 'pair':
        return sign > 0 ? order : order.reverse();
      case 'venue':
        return byNumbers(order, names, ranksOf(this.#venues, sign));
      case 'type':
        return byNumbers(order, names, ranksOf(this.#types, sign));
      case 'volume':
        return byNumbers(
          order,
          names,
          this.#numbers((market) => numberOf(market.volume1h), sign),
        );
      case 'trades':
        return byNumbers(
          order,
          names,
          this.#numbers((market) => market.trades1h ?? Number.NaN, sign),
        );
      case 'lastSeen':
        return byNumbers(
          order,
          names,
          this.#numbers((market) => market.lastSeen ?? Number.NaN, sign),
        );
      case 'relevance': {
        const volumes = this.#numbers((market) => numberOf(market.volume1h), -1);
        const trades = this.#numbers((market) => market.trades1h ?? Number.NaN, -1);
        byNumbers(order, names, volumes);
        const places = new Int32Array(order.length);
        order.forEach((at, place) => (places[at] = place));
        return byNumbers(order, places, trades);
      }
    }
  }

  /** Smaller comes first; what is not there, last. */
  #numbers(of: (market: MarketInfo) => number, sign: number): Float64Array {
    return Float64Array.from(this.markets, (market) => {
      const value = of(market);
      return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value * sign;
    });
  }
}

/** The words that a text asks for. */
function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

function numberOf(text: string | null): number {
  return text === null ? Number.NaN : Number(text);
}

interface NamedMarket {
  readonly name: string;
  readonly at: number;
}

function byName(a: NamedMarket, b: NamedMarket): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.at - b.at;
}

/** Sorted runs as one. */
async function merged(
  runs: readonly NamedMarket[][],
  pause: () => Promise<void>,
): Promise<readonly NamedMarket[]> {
  let left = runs;
  while (left.length > 1) {
    const next: NamedMarket[][] = [];
    for (let at = 0; at < left.length; at += 2) {
      next.push(mergedPair(left[at] ?? [], left[at + 1] ?? []));
      await pause();
    }
    left = next;
  }
  return left[0] ?? [];
}

function mergedPair(a: NamedMarket[], b: NamedMarket[]): NamedMarket[] {
  if (b.length === 0) return a;
  const all: NamedMarket[] = [];
  let inA = 0;
  let inB = 0;
  for (;;) {
    const ofA = a[inA];
    const ofB = b[inB];
    if (ofA === undefined || ofB === undefined) break;
    if (byName(ofA, ofB) <= 0) {
      all.push(ofA);
      inA++;
    } else {
      all.push(ofB);
      inB++;
    }
  }
  for (; inA < a.length; inA++) all.push(a[inA] as NamedMarket);
  for (; inB < b.length; inB++) all.push(b[inB] as NamedMarket);
  return all;
}

/** `order` sorted in place by `first`, then by `then`. */
function byNumbers(order: Int32Array, then: Int32Array, first: Float64Array): Int32Array {
  return order.sort((a, b) => {
    const one = first[a] ?? 0;
    const other = first[b] ?? 0;
    return one < other ? -1 : one > other ? 1 : (then[a] ?? 0) - (then[b] ?? 0);
  });
}

function columnOf(markets: readonly MarketInfo[], of: (market: MarketInfo) => string): Column {
  const known = new Map<string, number>();
  const places = Int32Array.from(markets, (market) => {
    const value = of(market);
    const place = known.get(value) ?? known.size;
    if (place === known.size) known.set(value, place);
    return place;
  });
  const values = [...known.keys()];
  const sorted = values.map((value, place) => ({ name: value, at: place })).sort(byName);
  const ranks = new Int32Array(values.length);
  sorted.forEach(({ at }, rank) => (ranks[at] = rank));
  return { values, places, ranks };
}

function placeOf(column: Column, value: string): number {
  const place = column.values.indexOf(value);
  return place === -1 ? -2 : place;
}

function ranksOf(column: Column, sign: number): Float64Array {
  return Float64Array.from(column.places, (place) =>
    column.values[place] === '' ? Number.POSITIVE_INFINITY : (column.ranks[place] ?? 0) * sign,
  );
}

function choicesOf(column: Column, counts: Int32Array): MarketChoice[] {
  return column.values
    .map((value, place) => ({ value, count: counts[place] ?? 0 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, MAX_CHOICES);
}
