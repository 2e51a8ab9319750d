/** The markets that the demo feed knows: what the dictionary says of them and how they behave. */

export interface DemoMarket {
  readonly id: string;
  readonly venue: string;
  readonly pairId: string;
  /** First listed asset, lower case. */
  readonly symbol: string;
  /** Second asset: the quote currency. */
  readonly base: string;
  readonly assetType: string;
  /** An inactive market may be subscribed, but never trades. */
  readonly active: boolean;
  /** null: it is not synthetic (or not active). */
  readonly behaviour: Behaviour | null;
}

export interface Behaviour {
  /** Decimal places of a price; its tick is one unit of the last. */
  readonly priceDigits: number;
  /** Decimal places of a size; its lot is one unit of the last. */
  readonly sizeDigits: number;
  /** Half of the trades are smaller, in the first asset. */
  readonly medianSize: number;
  /** Half the distance between bid and ask, as a fraction of the price. */
  readonly halfSpread: number;
  /** Share of the feed's trades, relative to the other markets. */
  readonly weight: number;
}

/** What an asset is worth when the feed starts, in US dollars, and how much it moves. */
export interface DemoAsset {
  readonly id: string;
  readonly name: string;
  readonly price: number;
  /** Deviation of a year's return; 0 for money. */
  readonly volatility: number;
  /** Share of its movement that it has in common with the other assets. */
  readonly common: number;
}

export const ASSETS: readonly DemoAsset[] = [
  { id: 'btc', name: 'Bitcoin', price: 42_519.59, volatility: 0.9, common: 0.85 },
  { id: 'eth', name: 'Ether', price: 2_533.41, volatility: 1.1, common: 0.8 },
  { id: 'xrp', name: 'XRP', price: 3.5818, volatility: 1.4, common: 0.5 },
  { id: 'sol', name: 'Solana', price: 96.122, volatility: 1.8, common: 0.6 },
  { id: 'ada', name: 'Cardano', price: 0.5211, volatility: 1.5, common: 0.65 },
  { id: 'ltc', name: 'Litecoin', price: 71.84, volatility: 1.2, common: 0.6 },
  { id: 'doge', name: 'Dogecoin', price: 0.08151, volatility: 1.7, common: 0.5 },
  { id: 'link', name: 'Chainlink', price: 14.662, volatility: 1.5, common: 0.55 },
  { id: 'dot', name: 'Polkadot', price: 7.204, volatility: 1.4, common: 0.65 },
  { id: 'avax', name: 'Avalanche', price: 36.71, volatility: 1.8, common: 0.6 },
  { id: 'shib', name: 'Shiba Inu', price: 0.00000921, volatility: 2, common: 0.4 },
  { id: 'xmr', name: 'Monero', price: 158.2, volatility: 1.1, common: 0.4 },
  { id: 'usdt', name: 'Tether', price: 1, volatility: 0, common: 0 },
  { id: 'usd', name: 'US dollar', price: 1, volatility: 0, common: 0 },
];

export const MARKETS: readonly DemoMarket[] = [
  market('binance', 'xrp', 'eth', [8, 0, 64, 6e-5, 3.1]),
  market('binance', 'btc', 'usdt', [2, 5, 0.0125, 4e-6, 46]),
  market('okx', 'btc', 'usdt', [1, 8, 0.009, 8e-6, 31]),
  market('binance', 'eth', 'usdt', [2, 4, 0.24, 8e-6, 38]),
  market('kraken', 'eth', 'btc', [6, 8, 0.31, 3e-5, 1.2]),
  market('okx', 'sol', 'usdt', [3, 6, 3.2, 3e-5, 17]),
  market('binance', 'ada', 'usdt', [4, 1, 420, 9e-5, 6.4]),
  market('kraken', 'ltc', 'usd', [2, 8, 1.8, 9e-5, 0.9]),
  market('okx', 'doge', 'usdt', [5, 6, 1_900, 7e-5, 9.8]),
  market('binance', 'link', 'usdt', [3, 2, 14, 5e-5, 4]),
  market('kraken', 'dot', 'usdt', [4, 8, 22, 1e-4, 0.4]),
  market('okx', 'avax', 'usdt', [2, 4, 5.5, 1e-4, 8.8]),
  market('kraken', 'btc', 'usd', [1, 8, 0.011, 5e-6, 7.5]),
  market('binance', 'shib', 'usdt', [8, 0, 4_200_000, 6e-4, 2.2]),
  market('kraken', 'xmr', 'usd', null),
];

const VENUE_NAMES: Readonly<Record<string, string>> = { binance: 'Binance', okx: 'OKX', kraken: 'Kraken' };

/** The name of a venue for people; the id where there is none. */
export function venueName(venue: string): string {
  return VENUE_NAMES[venue] ?? venue;
}

/**
 * The markets of one feed: the catalogue, where the market `playback` is no longer synthetic. One
 * that the catalogue lacks is added; its venue and assets are read off an id of the catalogue's
 * form (venue-symbol-base), and are otherwise the id itself.
 */
export function marketsWith(playback: string | null): readonly DemoMarket[] {
  if (playback === null) return MARKETS;
  if (MARKETS.some((known) => known.id === playback)) {
    return MARKETS.map((known) =>
      known.id === playback ? { ...known, active: true, behaviour: null } : known,
    );
  }
  const [venue, symbol, base, more] = playback.split('-');
  const shaped = venue !== undefined && symbol !== undefined && base !== undefined && more === undefined;
  const added = shaped
    ? { venue, symbol, base, pairId: `${symbol}-${base}` }
    : { venue: 'playback', symbol: playback, base: 'unknown', pairId: playback };
  return [{ id: playback, ...added, assetType: 'spot', active: true, behaviour: null }, ...MARKETS];
}

function market(
  venue: string,
  symbol: string,
  base: string,
  behaviour:
    | readonly [
        priceDigits: number,
        sizeDigits: number,
        medianSize: number,
        halfSpread: number,
        weight: number,
      ]
    | null,
): DemoMarket {
  const pairId = `${symbol}-${base}`;
  const head = { id: `${venue}-${pairId}`, venue, pairId, symbol, base, assetType: 'spot' };
  if (behaviour === null) return { ...head, active: false, behaviour: null };
  const [priceDigits, sizeDigits, medianSize, halfSpread, weight] = behaviour;
  return { ...head, active: true, behaviour: { priceDigits, sizeDigits, medianSize, halfSpread, weight } };
}
