/** One item of the dictionary's `content`, as it came: nothing in it is trusted. */
import type { MarketInfo, Millis } from '../contract.ts';
import { canonicalDecimal } from '../protocol/decimal.ts';
import { cleanWords } from '../protocol/words.ts';

/** A market with what the feed names it by where it does not give the id. */
export interface ListedMarket {
  readonly market: MarketInfo;
  /** As the dictionary has it; empty when it has none. */
  readonly venueId: string;
  readonly pairId: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The longest id that a watchlist takes. */
const MAX_ID = 200;
const MAX_WORD = 60;
/** 1 January 2100: beyond it is no time at which a market was seen. */
const LATEST = 4_102_444_800_000;

/** @returns null when it has no market id that could be subscribed */
export function marketOf(item: unknown): ListedMarket | null {
  if (!isFields(item) || !isFields(item['market'])) return null;
  const { market, active, metrics, firstSeen, lastSeen } = item;
  const id = idOf(market['id']);
  if (id === '') return null;
  const venueId = idOf(market['marketVenue']);
  const pairId = idOf(market['pairId']);
  const pair = isFields(market['pair']) ? market['pair'] : {};
  const hour = isFields(metrics) && isFields(metrics['1h']) ? metrics['1h'] : {};
  return {
    venueId,
    pairId,
    market: {
      id,
      venue: word(venueId),
      symbol: word(pair['symbol']) || word(pairId) || word(id),
      base: word(pair['base']),
      assetType: word(pair['assetType']) || null,
      active: active !== false,
      volume1h: decimal(hour['volume']),
      price: decimal(hour['price']),
      vwap1h: decimal(hour['vwap']),
      trades1h: count(hour['trades']),
      firstSeen: time(firstSeen),
      lastSeen: time(lastSeen),
    },
  };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text for the screen. */
export function word(value: unknown): string {
  if (typeof value !== 'string') return '';
  // Nearly all of them, and without the work that the others need.
  return value.length <= MAX_WORD && /^[\x21-\x7e]*$/.test(value) ? value : cleanWords(value, MAX_WORD);
}

/** An id exactly as it came; a number beyond 2^53 lost digits when it was read, so it is none. */
function idOf(value: unknown): string {
  if (typeof value === 'string') return value.length <= MAX_ID ? value : '';
  return Number.isSafeInteger(value) ? String(value) : '';
}

/** Plain decimal text as it was given, with the digits that the market has; null when it is none. */
function decimal(value: unknown): string | null {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return null;
  if (/^\d{1,20}(\.\d{1,20})?$/.test(text)) return text;
  const exact = canonicalDecimal(text);
  return exact === null || exact.startsWith('-') ? null : exact;
}

function count(value: unknown): number | null {
  const given = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 ? given : null;
}

function time(value: unknown): Millis | null {
  if (typeof value !== 'string' || value.length > 40 || !/^\d{4}-\d\d-\d\dT/.test(value)) return null;
  const ms = Date.parse(value);
  return ms >= 0 && ms <= LATEST ? ms : null;
}
