/**
 * The dictionary as it is kept in the store, so that markets can be found and named without a network.
 *
 * JSON without names, which would be most of it. What is read back is checked as what comes from the
 * server is.
 */
import type { Millis } from '../contract.ts';
import { isFields, type ListedMarket, marketOf } from './item.ts';

/** Another one is read anew from the server. */
const VERSION = 1;
/** In UTF-16 units: 200,000 markets of twice the usual length. */
export const MAX_CACHE = 64 * 1024 * 1024;
/** Markets taken at a time: a few ms. */
const SLICE = 2_000;

export interface CachedDictionary {
  readonly read: Millis;
  readonly markets: readonly ListedMarket[];
}

type Pause = () => Promise<void>;

/** @returns JSON text, or null when it would be too long to keep */
export async function writeCache({ read, markets }: CachedDictionary, pause: Pause): Promise<string | null> {
  const pieces: string[] = [];
  let length = 0;
  for (let from = 0; from < markets.length; from += SLICE) {
    const rows = markets.slice(from, from + SLICE).map(({ market, venueId, pairId }) => {
      const { id, symbol, base, assetType, active, volume1h, price, vwap1h, trades1h } = market;
      const seen = [market.firstSeen ?? null, market.lastSeen ?? null];
      return [
        ...[id, venueId, pairId, symbol, base, assetType, active ? 1 : 0],
        ...[volume1h, price, vwap1h, trades1h, ...seen],
      ];
    });
    const piece = JSON.stringify(rows).slice(1, -1);
    length += piece.length + 1;
    if (length > MAX_CACHE) return null;
    pieces.push(piece);
    await pause();
  }
  return `{"version":${VERSION},"read":${read},"markets":[${pieces.join(',')}]}`;
}

/** @throws {Error} with what is wrong with it */
export async function readCache(json: string, now: Millis, pause: Pause): Promise<CachedDictionary> {
  if (json.length > MAX_CACHE + 200) throw new Error('it is too long');
  const kept: unknown = JSON.parse(json);
  if (!isFields(kept) || kept['version'] !== VERSION) throw new Error('it is of another version');
  const { read, markets: rows } = kept;
  if (typeof read !== 'number' || !Number.isSafeInteger(read) || read < 0 || !Array.isArray(rows)) {
    throw new Error('it is not what was kept');
  }
  await pause();
  const markets: ListedMarket[] = [];
  for (const [at, row] of rows.entries()) {
    if (at % SLICE === SLICE - 1) await pause();
    const market = Array.isArray(row) ? marketOf(itemOf(row)) : null;
    if (market === null) throw new Error(`its market ${at} cannot be read`);
    markets.push(market);
  }
  // A clock that was set back since must not make it younger than nothing.
  return { read: Math.min(read, now), markets };
}

/** The row in the shape in which it came from the server, so that one check serves both. */
function itemOf(row: readonly unknown[]): unknown {
  const [id, marketVenue, pairId, symbol, base, assetType, active, volume, price, vwap, trades, first, last] =
    row;
  return {
    market: { id, marketVenue, pairId, pair: { symbol, base, assetType } },
    active: active !== 0,
    metrics: { '1h': { volume, price, vwap, trades } },
    firstSeen: isoOf(first),
    lastSeen: isoOf(last),
  };
}

function isoOf(ms: unknown): string | null {
  return typeof ms === 'number' ? new Date(ms).toISOString() : null;
}
