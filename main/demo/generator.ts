/** The trades of all synthetic markets in one sequence, the same for the same seed, rate and markets. */
import { AssetPrices } from './asset-prices.ts';
import type { DemoMarket } from './catalogue.ts';
import { ASSETS } from './catalogue.ts';
import type { Fill } from './market-model.ts';
import { MarketModel } from './market-model.ts';

export interface GeneratedTrade extends Fill {
  /** Index in the list of markets that the generator was given. */
  market: number;
  /** Counts the market's trades from 0. */
  serial: number;
  /** Whole ms of virtual time; 0 is the start of the feed. */
  time: number;
}

interface Lane {
  readonly market: number;
  readonly model: MarketModel;
  serial: number;
}

export class TradeGenerator {
  readonly #assets: AssetPrices;
  readonly #lanes: readonly Lane[];
  readonly #trade: GeneratedTrade = { market: 0, serial: 0, time: 0, price: 0, size: 0, buy: true };
  #current: Lane | null = null;
  #currentTime = 0;

  /** @param rate trades a second over all markets that have a behaviour; the others stay silent */
  constructor(seed: number, rate: number, markets: readonly DemoMarket[]) {
    this.#assets = new AssetPrices(seed, ASSETS);
    const total = markets.reduce((sum, market) => sum + (market.behaviour?.weight ?? 0), 0);
    this.#lanes = markets.flatMap((market, index) => {
      if (market.behaviour === null) return [];
      const share = (rate * market.behaviour.weight) / total;
      const model = new MarketModel(market, share, this.#assets, seed, streamOf(market.id));
      return [{ market: index, model, serial: 0 }];
    });
  }

  /** Virtual time of the next trade in ms. */
  peek(): number {
    return this.#settle() === null ? Infinity : this.#currentTime;
  }

  /** The next trade. The same object is returned each time. */
  take(): GeneratedTrade {
    const lane = this.#settle();
    if (lane === null) throw new Error('there is no synthetic market');
    const trade = this.#trade;
    lane.model.fill(trade);
    trade.market = lane.market;
    trade.serial = lane.serial++;
    trade.time = this.#currentTime;
    if (lane.model.fillsLeft === 0) this.#current = null;
    return trade;
  }

  /** Makes the earliest order the current one. A tie goes to the market listed first. */
  #settle(): Lane | null {
    if (this.#current !== null) return this.#current;
    let first: Lane | null = null;
    for (const lane of this.#lanes) {
      if (first === null || lane.model.nextOrder < first.model.nextOrder) first = lane;
    }
    if (first === null) return null;
    this.#assets.advance(first.model.nextOrder);
    this.#currentTime = Math.floor(first.model.nextOrder);
    first.model.arrive();
    this.#current = first;
    return first;
  }
}

/** By name and not by place, so that a market's numbers do not depend on which others there are (FNV-1a). */
function streamOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
