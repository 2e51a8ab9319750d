import { describe, expect, it } from 'vitest';
import { asksByNames, DEFAULT_DIALECT, subscribeMessage } from '../../../main/core/protocol/dialect.ts';
import type { Dialect } from '../../../main/core/protocol/dialect.ts';

const trades = {
  endpoint: 'trades',
  action: 'subscribe',
  traceId: 'k3f9-1',
  markets: ['binance-btc-usdt'],
  granularity: null,
} as const;

describe('the default dialect', () => {
  it('writes the messages of the protocol page, character by character', () => {
    expect(subscribeMessage(DEFAULT_DIALECT, trades)).toBe(
      '{"traceId":"k3f9-1","type":"subscribe","payload":{"marketIds":["binance-btc-usdt"]}}',
    );
    expect(
      subscribeMessage(DEFAULT_DIALECT, {
        ...trades,
        endpoint: 'candles',
        traceId: 'k3f9-2',
        granularity: '1m',
      }),
    ).toBe(
      '{"traceId":"k3f9-2","type":"subscribe","payload":{"marketIds":["binance-btc-usdt"],"granularity":"1m"}}',
    );
    expect(subscribeMessage(DEFAULT_DIALECT, { ...trades, action: 'unsubscribe', traceId: 'k3f9-3' })).toBe(
      '{"traceId":"k3f9-3","type":"unsubscribe","payload":{"marketIds":["binance-btc-usdt"]}}',
    );
  });

  it('sends the key without a scheme word', () => {
    expect(DEFAULT_DIALECT.header).toEqual({ name: 'Authorization', prefix: '' });
  });
});

describe('another dialect', () => {
  const single: Dialect = {
    ...DEFAULT_DIALECT,
    batched: false,
    granularityField: 'interval',
    subscribe: { type: 'sub', payload: { channel: { market: '{marketId}', depth: 1 }, tags: ['a', null] } },
  };

  it('fills its own template', () => {
    expect(
      JSON.parse(
        subscribeMessage(single, { ...trades, endpoint: 'candles', markets: ['x"y'], granularity: '1h' }),
      ),
    ).toEqual({
      traceId: 'k3f9-1',
      type: 'sub',
      payload: { channel: { market: 'x"y', depth: 1 }, tags: ['a', null], interval: '1h' },
    });
  });

  it('names a market within a text, by id or by venue and pair, character by character', () => {
    const byNames: Dialect = {
      ...single,
      unsubscribe: {
        type: 'unsub',
        payload: { topic: 't:{venue}/{pair}', ids: '{marketIds}', own: ['{marketId}', '{other}', '{venue}'] },
      },
    };
    const names = { venue: '$&{pair}', pair: 'a$1' };
    const request = { ...trades, action: 'unsubscribe', markets: ['m{venue}'], names } as const;
    expect(JSON.parse(subscribeMessage(byNames, request))).toEqual({
      traceId: 'k3f9-1',
      type: 'unsub',
      payload: { topic: 't:$&{pair}/a$1', ids: ['m{venue}'], own: ['m{venue}', '{other}', '$&{pair}'] },
    });
    expect([DEFAULT_DIALECT, single, byNames].map(asksByNames)).toEqual([false, false, true]);
  });
});
