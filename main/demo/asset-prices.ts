/**
 * What every asset is worth, as one random walk for all markets, so that the same pair moves
 * together on every venue and ETH/BTC agrees with ETH/USDT and BTC/USDT.
 *
 * It is stepped on a grid of virtual time, so it does not depend on the rate of trades.
 * Volatility is itself a slow random walk (it clusters), and part of every move is shared.
 */
import type { DemoAsset } from './catalogue.ts';
import { Rng } from './rng.ts';

const STEP_MS = 100;
const STEPS_A_YEAR = (365 * 24 * 3_600_000) / STEP_MS;
/** Memory of the volatility, and how far it wanders (deviation of its logarithm). */
const VOLATILITY_MEMORY_MS = 4 * 60_000;
const VOLATILITY_SPREAD = 0.65;
/** A price drifts back to where it started over this time, so that a feed left on stays plausible. */
const HOME_MS = 12 * 3_600_000;

const KEEP = Math.exp(-STEP_MS / VOLATILITY_MEMORY_MS);
const RENEW = VOLATILITY_SPREAD * Math.sqrt(1 - KEEP * KEEP);

interface Walk {
  readonly home: number;
  readonly deviation: number;
  readonly common: number;
  readonly own: number;
  readonly rng: Rng;
  /** Natural logarithm of the price. */
  level: number;
  heat: number;
}

export class AssetPrices {
  readonly #walks: readonly Walk[];
  readonly #index: ReadonlyMap<string, number>;
  readonly #shared: Rng;
  #steps = 0;
  #sharedHeat = 0;

  constructor(seed: number, assets: readonly DemoAsset[]) {
    this.#shared = new Rng(seed, 1_000);
    this.#index = new Map(assets.map((asset, index) => [asset.id, index]));
    this.#walks = assets.map((asset, index) => ({
      home: Math.log(asset.price),
      deviation: asset.volatility / Math.sqrt(STEPS_A_YEAR),
      common: asset.common,
      own: Math.sqrt(1 - asset.common * asset.common),
      rng: new Rng(seed, 1_001 + index),
      level: Math.log(asset.price),
      heat: 0,
    }));
  }

  /** Moves every price to virtual time `ms`; never back. */
  advance(ms: number): void {
    const target = Math.floor(ms / STEP_MS);
    for (; this.#steps < target; this.#steps++) this.#step();
  }

  /** Index of an asset for `ratio`; unknown assets are worth one. */
  indexOf(asset: string): number {
    return this.#index.get(asset) ?? -1;
  }

  /** The price of asset `symbol` in asset `base`, both by index. */
  ratio(symbol: number, base: number): number {
    return Math.exp((this.#walks[symbol]?.level ?? 0) - (this.#walks[base]?.level ?? 0));
  }

  #step(): void {
    this.#sharedHeat = KEEP * this.#sharedHeat + RENEW * this.#shared.normal();
    const shared = Math.exp(this.#sharedHeat) * this.#shared.normal();
    for (const walk of this.#walks) {
      if (walk.deviation === 0) continue;
      walk.heat = KEEP * walk.heat + RENEW * walk.rng.normal();
      const own = Math.exp(walk.heat) * walk.rng.normal();
      walk.level +=
        walk.deviation * (walk.common * shared + walk.own * own) -
        (walk.level - walk.home) * (STEP_MS / HOME_MS);
    }
  }
}
