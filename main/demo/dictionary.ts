/** The REST dictionaries: which assets, pairs, venues and markets there are. No key is needed. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DemoMarket } from './catalogue.ts';
import { ASSETS, venueName } from './catalogue.ts';

export const DICTIONARY_PATH = '/dictionaries/v2/trades';

const DEFAULT_SIZE = 1_000;
const MAX_SIZE = 5_000;
const FIRST_SEEN = '2019-01-01T00:00:00.000Z';

/** A market's last hour, as decimal text. */
export interface HourMetrics {
  readonly price: string;
  readonly volume: string;
  readonly trades: number;
  readonly vwap: string | null;
}

export interface MarketFacts {
  readonly market: DemoMarket;
  /** Exchange time of the newest trade in ms, or null. */
  readonly lastSeen: () => number | null;
  readonly lastHour: () => HourMetrics | null;
}

interface Query {
  readonly active: boolean | null;
  readonly symbol: string | null;
  readonly base: string | null;
  readonly assetType: string | null;
  readonly venue: string | null;
  readonly pairId: string | null;
  readonly verbose: boolean;
  readonly page: number;
  readonly size: number;
}

/** Answers one request. Anything but a dictionary is 404, a wrong query 400. */
export function answerDictionary(
  request: IncomingMessage,
  response: ServerResponse,
  facts: readonly MarketFacts[],
): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    sendError(response, 405, 'only GET is allowed');
    return;
  }
  const url = parseUrl(request.url);
  const name = url?.pathname.startsWith(`${DICTIONARY_PATH}/`)
    ? url.pathname.slice(DICTIONARY_PATH.length + 1)
    : null;
  const list = name !== null && Object.hasOwn(LISTS, name) ? LISTS[name] : undefined;
  if (url === null || list === undefined) {
    sendError(response, 404, 'there is no such dictionary');
    return;
  }
  const query = parseQuery(url.searchParams);
  if (typeof query === 'string') {
    sendError(response, 400, query);
    return;
  }
  send(response, 200, pageOf(list(facts, query), query));
}

/** What matches, each shown only when it is on the page: the markets are many. */
type List = (facts: readonly MarketFacts[], query: Query) => readonly (() => object)[];

const LISTS: Readonly<Record<string, List>> = {
  assets: (facts, query) => {
    const active = new Set(
      facts.flatMap(({ market }) => (market.active ? [market.symbol, market.base] : [])),
    );
    const named = new Map(ASSETS.map(({ id, name }) => [id, name]));
    const ids = new Set([...named.keys(), ...facts.flatMap(({ market }) => [market.symbol, market.base])]);
    return Array.from(ids, (id) => ({ id, name: named.get(id) ?? id, active: active.has(id) }))
      .filter(({ id, active }) => same(query.active, active) && same(query.symbol, id))
      .map(({ id, name, active }) => () => ({
        asset: query.verbose ? { id, symbol: id, name } : { id, symbol: id },
        active,
      }));
  },

  pairs: (facts, query) =>
    grouped(facts, (market) => market.pairId)
      .filter(({ market, active }) => same(query.active, active) && ofPair(market, query))
      .map(({ market, active }) => () => ({ pair: pairOf(market), active })),

  markets: (facts, query) =>
    facts
      .filter(
        ({ market }) =>
          same(query.active, market.active) && same(query.venue, market.venue) && ofPair(market, query),
      )
      .map((fact) => () => (query.verbose ? verboseMarket(fact) : plainMarket(fact))),

  'market-venues': (facts, query) =>
    grouped(facts, (market) => market.venue)
      .filter(({ market, active }) => same(query.active, active) && same(query.venue, market.venue))
      .map(({ market, active }) => () => ({
        marketVenue: { id: market.venue, name: venueName(market.venue) },
        active,
      })),
};

function plainMarket({ market }: MarketFacts): object {
  return {
    market: { id: market.id, marketVenue: market.venue, pairId: market.pairId },
    active: market.active,
  };
}

function verboseMarket({ market, lastSeen, lastHour }: MarketFacts): object {
  const seen = lastSeen();
  const hour = lastHour();
  return {
    market: { id: market.id, marketVenue: market.venue, pairId: market.pairId, pair: pairOf(market) },
    active: market.active,
    firstSeen: FIRST_SEEN,
    ...(seen === null ? {} : { lastSeen: new Date(seen).toISOString() }),
    ...(hour === null ? {} : { metrics: { '1h': hour } }),
  };
}

function pairOf(market: DemoMarket): object {
  return { id: market.pairId, assetType: market.assetType, symbol: market.symbol, base: market.base };
}

/** The first market of each group; a group is active when one of its markets is. */
function grouped(
  facts: readonly MarketFacts[],
  keyOf: (market: DemoMarket) => string,
): { market: DemoMarket; active: boolean }[] {
  const groups = new Map<string, { market: DemoMarket; active: boolean }>();
  for (const { market } of facts) {
    const group = groups.get(keyOf(market));
    if (group === undefined) groups.set(keyOf(market), { market, active: market.active });
    else group.active ||= market.active;
  }
  return [...groups.values()];
}

function ofPair(market: DemoMarket, query: Query): boolean {
  return (
    same(query.symbol, market.symbol) &&
    same(query.base, market.base) &&
    same(query.assetType, market.assetType) &&
    same(query.pairId, market.pairId)
  );
}

function same<T>(asked: T | null, found: T): boolean {
  return asked === null || asked === found;
}

function parseUrl(text: string | undefined): URL | null {
  try {
    return new URL(text ?? '/', 'http://localhost');
  } catch {
    return null;
  }
}

/** The query, or what is wrong with it. */
function parseQuery(given: URLSearchParams): Query | string {
  const active = given.get('active');
  const verbose = given.get('verbose');
  if (active !== null && active !== 'true' && active !== 'false') return 'active must be true or false';
  if (verbose !== null && verbose !== 'true' && verbose !== 'false') return 'verbose must be true or false';
  const page = wholeNumber(given.get('page') ?? '0');
  if (page === null) return 'page must be a whole number from 0';
  const size = wholeNumber(given.get('size') ?? String(DEFAULT_SIZE));
  if (size === null || size < 1 || size > MAX_SIZE)
    return `size must be a whole number from 1 to ${MAX_SIZE}`;
  return {
    active: active === null ? null : active === 'true',
    symbol: lower(given.get('symbol')),
    base: lower(given.get('base')),
    assetType: lower(given.get('asset-type')),
    venue: lower(given.get('market-venue')),
    pairId: lower(given.get('pair-id')),
    verbose: verbose === 'true',
    page,
    size,
  };
}

function lower(text: string | null): string | null {
  return text === null ? null : text.toLowerCase();
}

function wholeNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function pageOf(all: readonly (() => object)[], { page, size }: Query): object {
  const content = all.slice(page * size, (page + 1) * size).map((show) => show());
  const totalPages = Math.ceil(all.length / size);
  return {
    content,
    size,
    totalPages,
    totalElements: all.length,
    numberOfElements: content.length,
    page,
    hasNext: page + 1 < totalPages,
  };
}

/** The vendor puts its words into a header here too. */
function sendError(response: ServerResponse, status: number, words: string): void {
  response.setHeader('x-inca-error-message', words);
  send(response, status, { code: status, message: words });
}

function send(response: ServerResponse, status: number, value: object): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
