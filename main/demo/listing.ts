/**
 * Markets that the dictionary lists and that never trade here, so that a list as long as the vendor's
 * can be browsed. What is said of their last hour is made up when they are asked for.
 */
import { ASSETS, type DemoMarket, MARKETS } from './catalogue.ts';
import type { HourMetrics, MarketFacts } from './dictionary.ts';
import { Rng } from './rng.ts';

export const MAX_LISTED = 100_000;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Shares of the listed that do not trade any more, and that have not for hours. */
const INACTIVE = 0.12;
const QUIET = 0.18;
const TYPES = ['spot', 'perpetual'] as const;

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The best known first: those are listed at most venues. */
const SYMBOLS = words(`
  btc eth sol xrp bnb ada doge trx ton avax link dot matic shib ltc bch uni atom xlm xmr etc fil apt arb op
  near inj sui sei tia imx stx ldo mkr aave snx crv comp grt rune egld axs sand mana gala ape chz enj flow ftm
  algo vet hbar icp qnt theta xtz eos neo iota zec dash kava ksm waves zil one celo rose skl ankr bat zrx omg
  lrc storj ocean fet agix rndr ar hnt lpt mask ens gmx dydx perp 1inch sushi bal yfi uma band cvx fxs rpl ssv
  pendle jup pyth jto bonk wif pepe floki meme ordi sats blur magic high gal id edu cyber arkm wld strk zk zro
  ena etha omni saga tnsr w alt manta dym pixel portal axl mav joe radar ctsi cotx nkn celr dusk coti iotx rvn
  dgb sc xem lsk ardr steem hive kmd pivx firo mina glm powr req mtl snt cvc stmx dent hot win btt jst sun
`);
/** The most common first, with their worth in US dollars. */
const BASE_PRICES: Readonly<Record<string, number>> = {
  ...{ usdt: 1, usd: 1, usdc: 1, btc: 42_519.59, eth: 2_533.41, eur: 1.09 },
  ...{ fdusd: 1, try: 0.0332, krw: 0.00075, gbp: 1.27, jpy: 0.0069, brl: 0.205 },
};
const BASES = Object.keys(BASE_PRICES);
const VENUES = words(`
  binance okx bybit coinbase kraken kucoin gateio bitget mexc htx bitfinex bitstamp gemini cryptocom upbit
  bithumb bitmex deribit poloniex bitflyer bitmart lbank whitebit bingx phemex ascendex coinex probit exmo
  luno bitso mercadobitcoin btcturk paribu indodax bitvavo bitpanda coincheck zaif digifinex
`);

/**
 * `count` markets that are not in the catalogue; the same for the same seed and count.
 *
 * @param now ms since the epoch, which what was last seen lies before
 */
export function listedMarkets(count: number, seed: number, now: number): MarketFacts[] {
  const known = new Set(MARKETS.map(({ id }) => id));
  const rng = new Rng(seed, 5_000);
  const found: { readonly market: DemoMarket; readonly order: number; readonly busy: number }[] = [];
  SYMBOLS.forEach((symbol, s) => {
    BASES.forEach((base, b) => {
      if (symbol === base) return;
      VENUES.forEach((venue, v) => {
        for (const assetType of TYPES) {
          // Perpetual futures are of few base currencies.
          const isSpot = assetType === 'spot';
          const rarity = (1 + s / 12) * (1 + v / 8) * (1 + b * (isSpot ? 0.8 : 3));
          const order = rng.uniform() * rarity;
          const pairId = isSpot ? `${symbol}-${base}` : `${symbol}-${base}-perp`;
          const id = `${venue}-${pairId}`;
          if (known.has(id)) continue;
          const active = rng.uniform() >= INACTIVE;
          const market = { id, venue, pairId, symbol, base, assetType, active, behaviour: null };
          found.push({ market, order, busy: 1 / rarity });
        }
      });
    });
  });
  return found
    .sort((a, b) => a.order - b.order)
    .slice(0, count)
    .sort((a, b) => (a.market.id < b.market.id ? -1 : 1))
    .map(({ market, busy }, at) => factsOf(market, busy, new Rng(seed, 6_000 + at), now));
}

/** About what an asset is worth in US dollars; made up where the catalogue does not know it. */
function worthOf(symbol: string): number {
  const known = ASSETS.find(({ id }) => id === symbol)?.price ?? BASE_PRICES[symbol];
  return known ?? Math.exp(new Rng(SYMBOLS.indexOf(symbol), 4_000).normal() * 2.5 - 0.5);
}

function factsOf(market: DemoMarket, busy: number, rng: Rng, now: number): MarketFacts {
  const isQuiet = !market.active || rng.uniform() < QUIET;
  const away = market.active ? (isQuiet ? 2 * HOUR_MS + rng.uniform() * 20 * HOUR_MS : 60_000) : 400 * DAY_MS;
  const seen = Math.floor(now - 500 - rng.uniform() * away);
  const hour = isQuiet ? null : hourOf(market, rng, busy);
  return { market, lastSeen: () => seen, lastHour: () => hour };
}

function hourOf({ symbol, base }: DemoMarket, rng: Rng, busy: number): HourMetrics {
  const price = (worthOf(symbol) / (BASE_PRICES[base] ?? 1)) * (1 + rng.normal() * 2e-3);
  const trades = 1 + Math.floor(60_000 * busy * Math.exp(rng.normal()));
  const volume = (trades * 40 * Math.exp(rng.normal())) / worthOf(symbol);
  const digits = Math.max(0, Math.min(14, 4 - Math.floor(Math.log10(price))));
  const sizeDigits = Math.max(0, Math.min(8, 2 + Math.floor(Math.log10(worthOf(symbol)))));
  return {
    price: price.toFixed(digits),
    volume: volume.toFixed(sizeDigits),
    trades,
    vwap: (price * (1 + rng.normal() * 1e-3)).toFixed(digits),
  };
}
