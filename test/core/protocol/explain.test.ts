import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PreviewItem } from '../../../main/core/contract.ts';
import { DEFAULT_DIALECT, type Dialect } from '../../../main/core/protocol/dialect.ts';
import type { MarketLookup } from '../../../main/core/protocol/decode.ts';
import { formatDecimal } from '../../../main/core/protocol/decimal.ts';
import { explainFrame } from '../../../main/core/protocol/explain.ts';
import { formatMicros } from '../../../main/core/protocol/time.ts';
import { CANDLE, decode, TRADE } from './frames.ts';

const lookup: MarketLookup = (venue, pair) => (venue === 'kraken' && pair === 'eth-btc' ? 'm-7' : null);

function explained(
  frame: unknown,
  dialect: Dialect = DEFAULT_DIALECT,
): (Omit<PreviewItem, 'fields'> & { readonly fields: Readonly<Record<string, string>> })[] {
  const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
  return explainFrame(dialect, lookup, text).items.map((item) => ({
    ...item,
    fields: Object.fromEntries(
      item.fields
        .filter(({ value }) => value !== '')
        .map(({ name, value, from }) => [name, from === '' ? value : `${value} < ${from}`]),
    ),
  }));
}

describe('a trade', () => {
  it('by its type, field for field', () => {
    expect(explained({ type: 'trade', payload: TRADE })).toEqual([
      {
        kind: 'trade',
        why: 'Its type “trade” means a trade in this dialect.',
        fields: {
          market: 'binance-btc-usdt < marketId',
          time: '2024-01-15T18:10:07.123000Z < timestamp',
          price: '42519.59 < price',
          size: '0.0125 < size',
          side: 'buy < side',
          id: '3401927715 < id',
        },
      },
    ]);
  });

  it('by its shape, with names and values as they were written', () => {
    const payload = {
      Trade_ID: 12345678901234567890n.toString(),
      exchange: 'kraken',
      pair: 'eth-btc',
      time_exchange: 1_705_342_207.5,
      price: '1e-7',
      QTY: '123456.000000000001',
      isBuyerMaker: true,
    };
    const [item] = explained({ type: 'tick', payload });
    expect(item).toEqual({
      kind: 'trade',
      why: 'Its type “tick” is not in the dialect’s types, but it has a price and a size.',
      fields: {
        market: 'm-7 < exchange and pair, by the dictionary',
        time: '2024-01-15T18:10:07.500000Z < time_exchange',
        price: '0.0000001 < price',
        size: '123456.000000000001 < QTY',
        side: 'sell < isBuyerMaker, inverted',
        id: '12345678901234567890 < Trade_ID',
      },
    });
  });

  it('each item of many has its own fields, and those around it', () => {
    const items = [
      { id: 'a', price: '1', volume: '2', side: 'sell' },
      { price: '3', size: '4', time: TRADE.timestamp, market: { id: 'n' } },
    ];
    const [first, second] = explained({ payload: { market: 'm', timestamp: TRADE.timestamp, data: items } });
    expect(first?.why).toBe('It has no type, but a price and a size.');
    expect(first?.fields).toEqual({
      market: 'm < market',
      time: '2024-01-15T18:10:07.123000Z < timestamp',
      price: '1 < price',
      size: '2 < volume',
      side: 'sell < side',
      id: 'a < id',
    });
    expect(second?.fields).toEqual({
      market: 'n < market.id',
      time: '2024-01-15T18:10:07.123000Z < time',
      price: '3 < price',
      size: '4 < size',
    });
  });
});

describe('a candle', () => {
  const fields = {
    market: 'binance-btc-usdt < marketId',
    granularity: '1m < granularity',
    start: '2024-01-15T18:10:00.000000Z < timestamp',
    open: '42510.1 < open',
    high: '42522 < high',
    low: '42509 < low',
    close: '42519.59 < close',
    volume: '12.5 < volume',
    VWAP: '42515.2 < vwap',
    trades: '606 < trades',
    final: 'not said',
  };

  it('by its type', () => {
    expect(explained({ type: 'trade-metrics', payload: CANDLE })).toEqual([
      { kind: 'candle', why: 'Its type “trade-metrics” means a candle in this dialect.', fields },
    ]);
  });

  it('told by its end, of a dialect with another name for the granularity', () => {
    const dialect: Dialect = { ...DEFAULT_DIALECT, candleTime: 'end', granularityField: 'bar_size' };
    const { granularity, ...rest } = CANDLE;
    const [item] = explained(
      { type: 'bar', payload: { ...rest, bar_size: granularity, isFinal: 1 } },
      dialect,
    );
    expect(item?.why).toContain('“bar” is not in the dialect’s types, but it has an open');
    expect(item?.fields).toEqual({
      ...fields,
      granularity: '1m < bar_size',
      start: '2024-01-15T18:09:00.000000Z < timestamp, less 1 min',
      final: 'yes < isFinal',
    });
    const [named] = explained({ payload: { ...rest, bar_size: '1h', startTime: CANDLE.timestamp } }, dialect);
    expect(named?.fields['start']).toBe('2024-01-15T18:10:00.000000Z < startTime');
  });

  it('out of metrics, with `price` as the close', () => {
    const metrics = { '1h': { price: '5', volume: '1', count: 3, vwap: null } };
    const [item] = explained({ type: 'x', payload: { marketId: 'm', timestamp: CANDLE.timestamp, metrics } });
    expect(item?.fields).toMatchObject({
      granularity: '1h < metrics["1h"]',
      close: '5 < price',
      trades: '3 < count',
    });
    expect(item?.fields).not.toHaveProperty('VWAP');
  });
});

describe('anything else', () => {
  it.each<[what: string, frame: unknown, kind: PreviewItem['kind'], why: RegExp, fields: object]>([
    [
      'an acknowledgement by type, of a market by venue and pair',
      { type: 'success', traceId: 'a', payload: { venue: 'kraken', pair: 'eth-btc' } },
      ...([
        'acknowledgement',
        /“success” means an acknowledgement/,
        { traceId: 'a', markets: 'm-7' },
      ] as const),
    ],
    [
      'an acknowledgement by traceId',
      { type: 'subscribed', traceId: 'a-1', payload: {} },
      ...(['acknowledgement', /traceId: it answers the request/, { traceId: 'a-1' }] as const),
    ],
    [
      'an error by type',
      { type: 'error', payload: { code: 'BAD', message: 'no such market' } },
      ...(['error', /“error” means an error/, { words: 'BAD: no such market' }] as const),
    ],
    [
      'an error by its words',
      { message: 'slow down' },
      'error',
      /has a code, a message/,
      { words: 'slow down' },
    ],
    ['an unknown type', { type: 'hello\u202e', payload: {} }, 'unknown', /^Its type “hello” is not in/, {}],
    ['no type', { a: 1 }, 'refused', /neither those of a trade/, { text: '{"a":1}' }],
    ['no JSON', '{"type":', 'refused', /no JSON/, { text: '{"type":' }],
    [
      'a price that is none',
      { type: 'trade', payload: { ...TRADE, price: 'free' } },
      ...(['refused', /A price is missing/, {}] as const),
    ],
    [
      'a market that the dictionary lacks',
      { type: 'trade', payload: { ...TRADE, marketId: undefined, marketVenue: 'nowhere' } },
      ...(['refused', /neither a market id, nor a venue and a pair that the dictionary knows/, {}] as const),
    ],
  ])('%s', (_what, frame, kind, why, fields) => {
    const [item, ...more] = explained(frame);
    expect(more).toEqual([]);
    expect(item?.kind).toBe(kind);
    expect(item?.why).toMatch(why);
    expect(item?.fields).toMatchObject(fields);
  });

  it('lists the first 200 and counts the rest', () => {
    const frame = JSON.stringify({ type: 'trade', payload: Array.from({ length: 250 }, () => TRADE) });
    const { items, total } = explainFrame(DEFAULT_DIALECT, null, frame);
    expect([items.length, total]).toEqual([200, 250]);
  });
});

describe('what is explained is what is decoded', () => {
  const value = fc.constantFrom<unknown>(
    '1',
    '0.5',
    -1,
    'x',
    null,
    '2024-01-15T18:10:07Z',
    '1m',
    true,
    'buy',
    [],
  );
  const names = fc.constantFrom(
    ...['id', 'tradeId', 'marketId', 'market', 'exchange', 'venue', 'pair', 'timestamp', 'time', 'startTime'],
    ...['price', 'size', 'volume', 'qty', 'side', 'isBuySide', 'open', 'close', 'vwap', 'count', 'interval'],
    ...['granularity', 'final', 'code', 'message'],
  );
  const item = fc.dictionary(names, value, { noNullPrototype: true });
  const message = fc.record(
    {
      traceId: fc.constantFrom('a', 'b'),
      type: fc.constantFrom('trade', 'bar', 'success', 'error', 'what'),
      payload: fc.oneof(item, fc.array(item, { maxLength: 3 }), fc.record({ data: fc.array(item) })),
    },
    { requiredKeys: [] },
  );
  const dialects = fc.constantFrom<Dialect[]>(DEFAULT_DIALECT, {
    ...DEFAULT_DIALECT,
    types: { bar: 'candle', what: 'ack' },
    candleTime: 'end',
    granularityField: 'interval',
  });

  it('whatever the message and the dialect', () => {
    fc.assert(
      fc.property(fc.oneof(message, item), dialects, (given, dialect) => {
        const frame = JSON.stringify(given);
        const seen = decode(frame, { dialect, lookup, pending: ['a', 'b'] });
        const told = explainFrame(dialect, lookup, frame).items;
        const of = (kind: PreviewItem['kind']): Record<string, string>[] =>
          told
            .filter((each) => each.kind === kind)
            .map(({ fields }) => Object.fromEntries(fields.map((field) => [field.name, field.value])));
        expect(of('trade')).toMatchObject(
          seen.trades.map(({ market, exchangeTime, priceDigits, priceScale, id }) => ({
            market,
            time: formatMicros(exchangeTime),
            price: formatDecimal(priceDigits, priceScale),
            id,
          })),
        );
        expect(of('candle')).toMatchObject(
          seen.candles.map(({ market, granularity, start, volume, trades }) => ({
            market,
            granularity,
            start: formatMicros(start),
            volume,
            trades: String(trades),
          })),
        );
        expect(of('acknowledgement')).toHaveLength(seen.answers.filter(({ ok }) => ok).length);
        expect(of('error')).toHaveLength(seen.answers.filter(({ ok }) => !ok).length);
        expect(of('unknown')).toHaveLength(seen.unknown.length);
        expect(of('refused')).toHaveLength(seen.refused.length);
        // What has a value that the message must have told says which field told it.
        for (const { kind, fields } of told) {
          if (kind !== 'trade' && kind !== 'candle') continue;
          const silent = fields.filter(
            ({ name, value: told, from }) => told !== '' && from === '' && name !== 'final',
          );
          expect(
            silent.filter(
              ({ name, value: told }) => !(name === 'trades' || name === 'volume') || told !== '0',
            ),
          ).toEqual([]);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
