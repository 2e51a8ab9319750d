import { afterEach, describe, expect, it } from 'vitest';
import { MARKETS, marketsWith } from '../../main/demo/catalogue.ts';
import type { DemoFeed, DemoTrade } from '../../main/demo/feed.ts';
import type { GeneratedTrade } from '../../main/demo/generator.ts';
import { TradeGenerator } from '../../main/demo/generator.ts';
import { HandClock, startFeed } from './support.ts';

function take(seed: number, rate: number, count: number, markets = MARKETS): GeneratedTrade[] {
  const generator = new TradeGenerator(seed, rate, markets);
  return Array.from({ length: count }, () => ({ ...generator.take() }));
}

function market(id: string): number {
  return MARKETS.findIndex((known) => known.id === id);
}

describe('the sequence of trades', () => {
  it('is the same for the same seed and another for another', () => {
    const one = take(7, 1_000, 20_000);
    expect(take(7, 1_000, 20_000)).toEqual(one);
    expect(take(8, 1_000, 20_000)).not.toEqual(one);
    // Seeds that differ only above 32 bits are different seeds.
    expect(take(7 + 2 ** 32, 1_000, 100)).not.toEqual(one.slice(0, 100));
  });

  it('is in the order of time, and counts each market without a hole', () => {
    const next = new Map<number, number>();
    let last = 0;
    for (const trade of take(3, 5_000, 50_000)) {
      expect(trade.time).toBeGreaterThanOrEqual(last);
      last = trade.time;
      expect(trade.serial).toBe(next.get(trade.market) ?? 0);
      next.set(trade.market, trade.serial + 1);
    }
    expect(next.size).toBe(MARKETS.filter((known) => known.active).length);
  });

  it.each([0.1, 60, 20_000, 100_000])('has the rate that was asked for: %d/s', (rate) => {
    const trades = take(1, rate, rate < 1 ? 20_000 : 60_000);
    const seconds = (trades.at(-1)?.time ?? 0) / 1_000;
    expect(trades.length / seconds / rate).toBeGreaterThan(0.85);
    expect(trades.length / seconds / rate).toBeLessThan(1.15);
  });

  it('does not change in one market because another one plays a file', () => {
    const id = 'okx-sol-usdt';
    const playing = marketsWith('binance-btc-usdt');
    const index = market(id);
    const behaviours = (list: typeof MARKETS): number =>
      list.reduce((sum, known) => sum + (known.behaviour?.weight ?? 0), 0);
    // The rate is shared among the synthetic markets, so the same share needs a smaller sum.
    const rate = (1_000 * behaviours(playing)) / behaviours(MARKETS);
    const sizes = (trades: GeneratedTrade[]): number[] =>
      trades.filter((trade) => trade.market === index).map((trade) => trade.size);
    const alone = sizes(take(1, rate, 10_000, playing));
    expect(alone.length).toBeGreaterThan(500);
    expect(sizes(take(1, 1_000, 20_000)).slice(0, alone.length)).toEqual(alone);
  });
});

describe('the markets are lifelike', () => {
  const trades = take(1, 200, 400_000);

  it('arrivals are clustered: seconds differ more than chance would have them', () => {
    const perSecond = new Map<number, number>();
    for (const trade of trades) {
      if (trade.market !== market('binance-btc-usdt')) continue;
      const second = Math.floor(trade.time / 1_000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    }
    const counts = Array.from({ length: 1_800 }, (_, second) => perSecond.get(second) ?? 0);
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
    // Of independent arrivals it would be 1.
    expect(variance / mean).toBeGreaterThan(3);
  });

  it('sizes have a heavy tail', () => {
    const sizes = trades
      .filter((trade) => trade.market === market('binance-eth-usdt'))
      .map((trade) => trade.size)
      .sort((a, b) => a - b);
    const median = sizes[Math.floor(sizes.length / 2)] ?? 0;
    const rare = sizes[Math.floor(sizes.length * 0.999)] ?? 0;
    expect(median).toBeGreaterThan(1_000);
    expect(rare / median).toBeGreaterThan(50);
  });

  it('volatility is clustered: large moves follow large ones', () => {
    const closes = new Map<number, number>();
    for (const trade of trades) {
      if (trade.market === market('binance-btc-usdt'))
        closes.set(Math.floor(trade.time / 5_000), trade.price);
    }
    const prices = [...closes.values()];
    const moves = prices.slice(1).map((price, index) => Math.abs(Math.log(price / (prices[index] ?? price))));
    const mean = moves.reduce((sum, move) => sum + move, 0) / moves.length;
    let together = 0;
    let alone = 0;
    for (let index = 0; index + 1 < moves.length; index++) {
      together += ((moves[index] ?? 0) - mean) * ((moves[index + 1] ?? 0) - mean);
      alone += ((moves[index] ?? 0) - mean) ** 2;
    }
    expect(together / alone).toBeGreaterThan(0.1);
  });

  it('the same pair on two venues moves together, and crosses agree', () => {
    const last = new Map<string, number>();
    for (const trade of trades) {
      const known = MARKETS[trade.market];
      if (known !== undefined && known.behaviour !== null)
        last.set(known.id, trade.price / 10 ** known.behaviour.priceDigits);
    }
    const of = (id: string): number => last.get(id) ?? NaN;
    expect(of('binance-btc-usdt') / of('okx-btc-usdt')).toBeCloseTo(1, 3);
    expect(of('binance-eth-usdt') / of('binance-btc-usdt') / of('kraken-eth-btc')).toBeCloseTo(1, 2);
  });
});

describe('a feed of a seed', () => {
  let feeds: DemoFeed[] = [];
  afterEach(async () => {
    await Promise.all(feeds.map((feed) => feed.close()));
    feeds = [];
  });

  async function record(wall: number, steps: readonly number[], idOffset?: number): Promise<DemoTrade[]> {
    const clock = new HandClock(wall);
    const trades: DemoTrade[] = [];
    const offset = idOffset === undefined ? {} : { idOffset };
    const feed = await startFeed({
      seed: 5,
      rate: 400,
      clock,
      onTrade: (trade) => trades.push(trade),
      ...offset,
    });
    feeds.push(feed);
    for (const step of steps) clock.advance(step);
    return trades;
  }

  it('repeats market, id, price, size, side and time between trades; only the start differs', async () => {
    const first = 1_700_000_000_123;
    const second = 1_800_000_000_456;
    const one = await record(first, [30_000]);
    const other = await record(second, [30_000]);
    expect(one.length).toBeGreaterThan(8_000);
    expect(other.map((trade) => ({ ...trade, time: trade.time - second + first }))).toEqual(one);
  });

  it('has other ids, and nothing else other, with an offset', async () => {
    const one = await record(1_700_000_000_000, [2_000]);
    const other = await record(1_700_000_000_000, [2_000], 5_000_000_000_000);
    expect(other.map((trade) => ({ ...trade, id: String(Number(trade.id) - 5_000_000_000_000) }))).toEqual(
      one,
    );
  });

  it('catches up after it was held up, without another sequence', async () => {
    const clock = new HandClock(1_700_000_000_000);
    const trades: DemoTrade[] = [];
    const feed = await startFeed({ seed: 5, rate: 100_000, clock, onTrade: (trade) => trades.push(trade) });
    feeds.push(feed);
    clock.stall(10_000);
    expect(trades).toHaveLength(0);
    // One tick makes a limited number; the ticks after it make up for the rest.
    clock.advance(1_000);
    const even = new TradeGenerator(5, 100_000, MARKETS);
    const other = trades.findIndex((trade) => {
      const expected = even.take();
      const same = trade.time - 1_700_000_000_000 === expected.time;
      return !same || trade.market !== MARKETS[expected.market]?.id;
    });
    expect(other).toBe(-1);
    expect(even.peek()).toBeGreaterThan(5_000);
    expect(trades.length).toBeGreaterThan(500_000);
  });

  it('follows the wall clock after the machine slept', async () => {
    const clock = new HandClock(1_700_000_000_000);
    const trades: DemoTrade[] = [];
    feeds.push(await startFeed({ rate: 1_000, clock, onTrade: (trade) => trades.push(trade) }));
    clock.advance(1_000);
    clock.jump(3_600_000);
    clock.advance(1_000);
    const last = trades.at(-1)?.time ?? 0;
    expect(clock.now() / 1_000 - last).toBeLessThan(100);
  });
});
