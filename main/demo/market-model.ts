/**
 * How one synthetic market trades: when orders arrive, which side they take, how many fills they
 * have, at which price and of which size. All in whole ticks and lots.
 */
import type { AssetPrices } from './asset-prices.ts';
import type { DemoMarket } from './catalogue.ts';
import { Rng } from './rng.ts';

/** Orders come in crowds: the logarithm of their rate is a slow walk with this spread and memory (in orders). */
const CROWD_SPREAD = 0.8;
const CROWD_KEEP = 0.97;
const CROWD_RENEW = CROWD_SPREAD * Math.sqrt(1 - CROWD_KEEP * CROWD_KEEP);
/** Makes the mean time between orders come out right in spite of the walk (mean of a lognormal). */
const CROWD_MEAN = (CROWD_SPREAD * CROWD_SPREAD) / 2;

/** An order has one fill or more, each another one with this probability. */
const NEXT_FILL = 0.42;
const MAX_FILLS = 40;
const MEAN_FILLS = 1 / (1 - NEXT_FILL);
/** A further fill of an order is one tick worse with this probability. */
const NEXT_LEVEL = 0.45;

/** The next order takes the same side as the last one with this probability. */
const SAME_SIDE = 0.66;

/** Sizes: lognormal, and now and then a large one out of a Pareto tail (its exponent). */
const SIZE_SPREAD = 1.25;
const LARGE = 0.03;
const TAIL = 1.4;
const MAX_LOTS = 1e12;

/** The venue's own price swings about the common one by half spreads. */
const BASIS_KEEP = 0.92;
const BASIS_RENEW = 0.7;

export interface Fill {
  /** Ticks. */
  price: number;
  /** Lots. */
  size: number;
  buy: boolean;
}

export class MarketModel {
  /** Virtual time of the next order in ms. */
  nextOrder = 0;
  readonly #rng: Rng;
  readonly #assets: AssetPrices;
  readonly #symbol: number;
  readonly #base: number;
  readonly #ticks: number;
  readonly #medianLots: number;
  readonly #halfSpread: number;
  /** Mean virtual time between orders in ms. */
  readonly #meanGap: number;
  #crowd: number;
  #basis = 0;
  #buy = true;
  #price = 0;
  #fillsLeft = 0;

  /** @param rate trades a second of this market  @param stream of the seed, another one for each market */
  constructor(market: DemoMarket, rate: number, assets: AssetPrices, seed: number, stream: number) {
    const behaviour = market.behaviour;
    if (behaviour === null) throw new Error(`${market.id} is not a synthetic market`);
    this.#rng = new Rng(seed, stream);
    this.#assets = assets;
    this.#symbol = assets.indexOf(market.symbol);
    this.#base = assets.indexOf(market.base);
    this.#ticks = 10 ** behaviour.priceDigits;
    this.#medianLots = behaviour.medianSize * 10 ** behaviour.sizeDigits;
    this.#halfSpread = behaviour.halfSpread;
    this.#meanGap = (1_000 * MEAN_FILLS) / rate;
    this.#crowd = CROWD_SPREAD * this.#rng.normal();
    this.#schedule();
  }

  /** Fills that are left of the current order. */
  get fillsLeft(): number {
    return this.#fillsLeft;
  }

  /** The order of time `nextOrder` arrives: settles its side, price and number of fills, and when the next comes. */
  arrive(): void {
    const rng = this.#rng;
    if (rng.uniform() > SAME_SIDE) this.#buy = !this.#buy;
    this.#basis = BASIS_KEEP * this.#basis + BASIS_RENEW * (1 - BASIS_KEEP) * rng.normal();
    const side = this.#buy ? 1 : -1;
    const middle = this.#assets.ratio(this.#symbol, this.#base) * this.#ticks;
    const exact = middle * (1 + (this.#basis + side) * this.#halfSpread);
    this.#price = Math.max(1, this.#buy ? Math.ceil(exact) : Math.floor(exact));
    this.#fillsLeft = Math.min(MAX_FILLS, 1 + Math.floor(Math.log(rng.uniform()) / Math.log(NEXT_FILL)));
    this.#schedule();
  }

  /** The next fill of the current order. */
  fill(into: Fill): void {
    const rng = this.#rng;
    let lots = this.#medianLots * Math.exp(SIZE_SPREAD * rng.normal());
    if (rng.uniform() < LARGE) lots *= 3 * rng.uniform() ** (-1 / TAIL);
    into.price = this.#price;
    into.size = Math.min(MAX_LOTS, Math.max(1, Math.round(lots)));
    into.buy = this.#buy;
    this.#fillsLeft--;
    if (this.#fillsLeft > 0 && rng.uniform() < NEXT_LEVEL) {
      this.#price = Math.max(1, this.#price + (this.#buy ? 1 : -1));
    }
  }

  #schedule(): void {
    this.#crowd = CROWD_KEEP * this.#crowd + CROWD_RENEW * this.#rng.normal();
    this.nextOrder += (this.#meanGap * this.#rng.exponential()) / Math.exp(this.#crowd + CROWD_MEAN);
  }
}
