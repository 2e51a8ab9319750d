/** States of the contract for tests outside of the renderer. */
import type { Endpoint, LinkState, WatchRow } from '../../main/core/contract.ts';

export function linkState(endpoint: Endpoint, over: Partial<LinkState> = {}): LinkState {
  return {
    ...{ endpoint, url: `wss://example.org/${endpoint}`, phase: 'live', since: 0, problem: null },
    ...{ retryAt: null, attempt: 0, connections: 1, messagesPerSecond: 1, bytesPerSecond: 1 },
    ...{ lagP50: 5, lagP95: 10, lagP99: 20, clockOffset: null, roundTrip: 5, refused: 0 },
    ...over,
  };
}

export function rowState(id: string, over: Partial<WatchRow> = {}): WatchRow {
  return {
    market: { id, venue: 'binance', symbol: id, base: 'usdt', assetType: null, active: true, volume1h: null },
    ...{ trades: 'confirmed', candles: 'confirmed', refusal: null, last: 10, change: null, rate: 1 },
    ...{ priceDigits: 2, sizeDigits: 0, spark: [] },
    ...over,
  };
}
