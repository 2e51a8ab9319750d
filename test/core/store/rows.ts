/** Rows to commit. Needs no test runner, so that child processes can use it. */
import type { Candle, TradeColumns } from '../../../main/core/flow/batch.ts';
import { SIDES, TradeBatch } from '../../../main/core/flow/batch.ts';
import { parseDecimal } from '../../../main/core/protocol/decimal.ts';
import type { Commit, StoredTrade } from '../../../main/core/store/store.ts';

export const NOW = 1_705_342_207_123_456;

export function trade(values: Partial<StoredTrade> = {}): StoredTrade {
  return {
    market: 'binance-btc-usdt',
    id: '1',
    exchangeTime: NOW,
    receiptTime: NOW + 40_000,
    price: '42519.59',
    size: '0.0125',
    side: 'buy',
    origin: 'live',
    ...values,
  };
}

/** As different from each other as real ones, so that they take their room; ids are their numbers. */
export function variedTrades(count: number, first = 0): StoredTrade[] {
  return Array.from({ length: count }, (_, index) => {
    const n = first + index;
    return trade({
      id: `${n}`,
      exchangeTime: NOW + n * 1_000 + ((n * 7_919) % 997),
      price: `${42_000 + ((n * 104_729) % 1_009)}.${1 + (n % 9)}`,
      size: `0.${String((n * 2_654_435_761) % 999_999_937).padStart(9, '0')}1`,
    });
  });
}

export function candle(values: Partial<Candle> = {}): Candle {
  return {
    market: 'binance-btc-usdt',
    granularity: '1m',
    start: 1_705_342_200_000_000,
    open: '42510.1',
    high: '42522',
    low: '42509',
    close: '42519.59',
    volume: '12.5',
    vwap: '42515.2',
    trades: 606,
    final: false,
    receiptTime: NOW,
    origin: 'live',
    ...values,
  };
}

/** A commit of these rows as the pipeline would send it. */
export function commitOf(
  session: number,
  trades: readonly StoredTrade[],
  candles: readonly Candle[] = [],
  others: Partial<Commit> = {},
): Commit {
  const markets = [...new Set(trades.map(({ market }) => market))];
  return {
    session,
    markets,
    trades: trades.length === 0 ? null : columnsOf(trades, markets),
    candles,
    gaps: [],
    ...others,
  };
}

export function columnsOf(trades: readonly StoredTrade[], markets: readonly string[]): TradeColumns {
  const batch = new TradeBatch(4);
  for (const { market, id, exchangeTime, receiptTime, price, size, side, origin } of trades) {
    const priceParts = parseDecimal(price);
    const sizeParts = parseDecimal(size);
    if (priceParts === null || sizeParts === null) throw new Error(`not a decimal: ${price} or ${size}`);
    batch.push({
      market: markets.indexOf(market),
      exchangeTime,
      receiptTime,
      priceDigits: priceParts.digits,
      priceScale: priceParts.scale,
      sizeDigits: sizeParts.digits,
      sizeScale: sizeParts.scale,
      side: SIDES.indexOf(side),
      origin: origin === 'live' ? 0 : 1,
      id,
    });
  }
  return batch.take();
}
