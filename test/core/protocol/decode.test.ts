/** Every row of "Tolerant decoding" on the protocol page, and rows 32, 33 and 35 of the faults. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_DIALECT } from '../../../main/core/protocol/dialect.ts';
import { MAX_FRAME } from '../../../main/core/protocol/json.ts';
import { CANDLE, DECODED_CANDLE, DECODED_TRADE, TIME, TRADE, decode, priceOf, sizeOf } from './frames.ts';

const NOTHING = { trades: [], candles: [], answers: [], unknown: [], refused: [] };
const trade = (fields: Record<string, unknown>) => ({ type: 'trade', payload: { ...TRADE, ...fields } });
const candle = (fields: Record<string, unknown>) => ({
  type: 'trade-metrics',
  payload: { ...CANDLE, ...fields },
});
const without = (object: Record<string, unknown>, ...names: string[]) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
/** A message whose `price` is these very characters. */
const rawPrice = (text: string) => JSON.stringify(trade({ price: '@' })).replace('"@"', text);
const reasons = (frame: unknown) => decode(frame).refused.map((each) => each.reason);

describe('the default dialect', () => {
  it('trade', () => {
    expect(decode(trade({}))).toEqual({ ...NOTHING, trades: [DECODED_TRADE] });
  });

  it('candle', () => {
    expect(decode(candle({}))).toEqual({ ...NOTHING, candles: [DECODED_CANDLE] });
  });

  it('success', () => {
    const frame = { traceId: 'k3f9-1', type: 'success', payload: { marketIds: ['binance-btc-usdt'] } };
    expect(decode(frame, { pending: ['k3f9-1'] })).toEqual({
      ...NOTHING,
      answers: [{ traceId: 'k3f9-1', ok: true, markets: ['binance-btc-usdt'], words: null }],
    });
  });

  it('error', () => {
    const frame = {
      traceId: 'k3f9-2',
      type: 'error',
      payload: { code: 'BAD_REQUEST', message: 'unknown market' },
    };
    expect(decode(frame, { pending: ['k3f9-2'] })).toEqual({
      ...NOTHING,
      answers: [{ traceId: 'k3f9-2', ok: false, markets: [], words: 'BAD_REQUEST: unknown market' }],
    });
  });
});

describe("a message's kind", () => {
  const renamed = { ...DEFAULT_DIALECT, types: { t: 'trade', c: 'candle', y: 'ack', n: 'error' } } as const;

  it("is first that of the dialect's type map", () => {
    expect(decode({ type: 't', payload: TRADE }, { dialect: renamed }).trades).toEqual([DECODED_TRADE]);
    expect(decode({ type: 'c', payload: CANDLE }, { dialect: renamed }).candles).toEqual([DECODED_CANDLE]);
    expect(decode({ type: 'y', payload: TRADE }, { dialect: renamed }).trades).toEqual([]);
    expect(decode({ type: 'n', payload: TRADE }, { dialect: renamed }).answers[0]?.ok).toBe(false);
    // A trade by its type, though it has the shape of a candle.
    expect(decode({ type: 't', payload: { ...TRADE, open: '1' } }, { dialect: renamed }).trades).toHaveLength(
      1,
    );
  });

  it('is then an answer, by a pending traceId', () => {
    const frame = { type: 'subscribed', traceId: 'a', payload: { marketIds: ['m'] } };
    expect(decode(frame, { pending: ['a'] }).answers).toEqual([
      { traceId: 'a', ok: true, markets: ['m'], words: null },
    ]);
    expect(decode(frame, { pending: ['b'] })).toEqual({ ...NOTHING, unknown: ['subscribed'] });
  });

  it.each(['open', 'high', 'low', 'vwap', 'trades'])('is then a candle, by %s', (name) => {
    const payload = {
      ...without(CANDLE, 'open', 'high', 'low', 'vwap', 'trades', 'volume'),
      volume: '1',
      price: '2',
    };
    expect(decode({ type: '?', payload: { ...payload, [name]: 3 } }).candles).toHaveLength(1);
    expect(decode({ type: '?', payload }).candles).toHaveLength(0);
  });

  it('is then a trade, by price with size', () => {
    expect(decode({ type: '?', payload: TRADE }).trades).toEqual([DECODED_TRADE]);
    expect(decode({ payload: TRADE }).trades).toEqual([DECODED_TRADE]);
    expect(decode({ type: '?', payload: without(TRADE, 'size') })).toEqual({ ...NOTHING, unknown: ['?'] });
  });
});

describe('an acknowledgement', () => {
  it('is any frame that is no error with a pending traceId', () => {
    for (const frame of [
      { traceId: 'a' },
      { traceId: 'a', type: 'whatever', payload: null },
      { traceId: 'a', payload: [] },
      { trace_id: 'a', result: 'ok' },
    ]) {
      expect(decode(frame, { pending: ['a'] })).toEqual({
        ...NOTHING,
        answers: [{ traceId: 'a', ok: true, markets: [], words: null }],
      });
    }
  });

  it('may carry data, which is not lost', () => {
    for (const type of ['trade', 'other']) {
      const seen = decode({ type, traceId: 'a', payload: TRADE }, { pending: ['a'] });
      expect(seen.answers).toEqual([{ traceId: 'a', ok: true, markets: ['binance-btc-usdt'], words: null }]);
      expect(seen.trades).toEqual([DECODED_TRADE]);
    }
  });

  it('may echo the request without being taken for data', () => {
    const frame = { type: 'ok', traceId: 'a', payload: { marketIds: ['m'], trades: true, open: true } };
    expect(decode(frame, { pending: ['a'] })).toEqual({
      ...NOTHING,
      answers: [{ traceId: 'a', ok: true, markets: ['m'], words: null }],
    });
  });

  it('names markets in any of their forms', () => {
    const markets = (payload: unknown) => decode({ type: 'success', payload }).answers[0]?.markets;
    expect(markets({ marketIds: ['a', 7, null, { id: 'c' }] })).toEqual(['a', '7', 'c']);
    expect(markets({ marketId: 'a' })).toEqual(['a']);
    expect(markets({ market: { id: 'a' } })).toEqual(['a']);
    expect(markets({ markets: [{ id: 'a' }] })).toEqual(['a']);
  });
});

describe('an error', () => {
  const refused = (words: string | null, traceId: string | null = null) => ({
    ...NOTHING,
    answers: [{ traceId, ok: false, markets: [], words }],
  });

  it.each<[string, unknown, string | null]>([
    ['type error', { type: 'error' }, null],
    ['type failure', { type: 'failure', payload: { message: 'no' } }, 'no'],
    ['code at the top', { type: 'x', code: 429 }, '429'],
    ['message at the top', { message: 'no' }, 'no'],
    ['errors at the top', { errors: ['a', { code: 1, message: 'b' }] }, 'a; 1: b'],
    ['code in the payload', { type: 'x', payload: { code: 'NO' } }, 'NO'],
    ['message in the payload', { payload: { message: 'no' } }, 'no'],
    ['errors in the payload', { payload: { errors: [{ message: 'a' }] } }, 'a'],
    ['by a type of data that holds none', { type: 'trade', payload: { message: 'no' } }, 'no'],
  ])('%s', (_, frame, words) => {
    expect(decode(frame)).toEqual(refused(words));
  });

  it('with a traceId, pending or not', () => {
    const frame = { traceId: 'a', type: 'x', payload: { message: 'no' } };
    expect(decode(frame, { pending: ['a'] })).toEqual(refused('no', 'a'));
    expect(decode(frame)).toEqual(refused('no', 'a'));
  });

  it('is not one that says nothing', () => {
    const frame = { type: 'x', traceId: 'a', errors: [], code: null, message: '' };
    expect(decode(frame, { pending: ['a'] }).answers[0]?.ok).toBe(true);
  });

  it('is not a trade that has a message', () => {
    expect(decode({ type: 'trade', payload: { ...TRADE, message: 'x', code: 1 } }).trades).toEqual([
      DECODED_TRADE,
    ]);
    expect(decode({ ...TRADE, message: 'x' }).trades).toEqual([DECODED_TRADE]);
  });

  it("has the server's words cleaned and bounded", () => {
    const words = decode({ type: 'error', payload: { message: `a\u202eb\u0000c\n${'x'.repeat(9999)}` } })
      .answers[0]?.words;
    expect(words).toHaveLength(500);
    expect(words?.startsWith('ab c xxx')).toBe(true);
  });
});

describe('an unknown type', () => {
  it('is named, not refused', () => {
    expect(decode({ type: 'heartbeat', payload: {} })).toEqual({ ...NOTHING, unknown: ['heartbeat'] });
    expect(decode({ type: 'heartbeat' })).toEqual({ ...NOTHING, unknown: ['heartbeat'] });
    expect(decode({ type: 'x', payload: { data: [] } })).toEqual({ ...NOTHING, unknown: ['x'] });
  });

  it('is cleaned and bounded', () => {
    expect(decode({ type: `\u202e${'x'.repeat(1000)}` }).unknown).toEqual(['x'.repeat(100)]);
  });
});

describe('the payload', () => {
  const other = { ...TRADE, id: '2' };
  const two = [DECODED_TRADE, { ...DECODED_TRADE, id: '2' }];

  it.each<[string, unknown]>([
    ['an array', { type: 'trade', payload: [TRADE, other] }],
    ['{data:[]}', { type: 'trade', payload: { data: [TRADE, other] } }],
    ['{trades:[]}', { type: 'trade', payload: { trades: [TRADE, other] } }],
    ['{items:[]}', { type: 'trade', payload: { items: [TRADE, other] } }],
    ['{data:{items:[]}}', { payload: { data: { items: [TRADE, other] } } }],
    ['data at the top', { type: 'trade', data: [TRADE, other] }],
    [
      'items that inherit the market and the time',
      {
        type: 'trade',
        payload: {
          marketId: TRADE.marketId,
          timestamp: TRADE.timestamp,
          trades: [TRADE, other].map((each) => without(each, 'marketId', 'timestamp')),
        },
      },
    ],
    ['an array of messages', [trade({}), trade({ id: '2' })]],
    ['an array of flat items', [TRADE, other]],
    ['documents a line', `${JSON.stringify(trade({}))}\n${JSON.stringify(trade({ id: '2' }))}`],
    ['documents a line, with empty ones', `\n${JSON.stringify(TRADE)}\r\n\n${JSON.stringify(other)}\n\n`],
    [
      'documents over several lines',
      `${JSON.stringify(trade({}), null, 2)}\n${JSON.stringify(other, null, 2)}`,
    ],
    ['a byte order mark before it', `\ufeff${JSON.stringify([TRADE, other])}`],
  ])('%s', (_, frame) => {
    expect(decode(frame)).toEqual({ ...NOTHING, trades: two });
  });

  it('a flat frame with no envelope', () => {
    expect(decode(TRADE).trades).toEqual([DECODED_TRADE]);
    expect(decode({ type: 'trade', ...TRADE }).trades).toEqual([DECODED_TRADE]);
    expect(decode(CANDLE).candles).toEqual([DECODED_CANDLE]);
  });

  it('nested market{}', () => {
    const market = { id: TRADE.marketId, marketVenue: 'binance', pairId: 'btc-usdt' };
    expect(decode({ type: 'trade', payload: { ...without(TRADE, 'marketId'), market } }).trades).toEqual([
      DECODED_TRADE,
    ]);
  });

  it('metrics{}', () => {
    const measured = { price: '42519.590', volume: '12.5', trades: 606, vwap: '42515.2' };
    const expected = { ...DECODED_CANDLE, open: null, high: null, low: null };
    const frame = {
      type: 'trade-metrics',
      payload: {
        market: { id: CANDLE.marketId },
        timestamp: CANDLE.timestamp,
        metrics: { '1m': measured, '1h': { ...measured, trades: 7 }, '5m': measured },
      },
    };
    const seen = decode(frame);
    expect(seen.candles).toEqual([expected, { ...expected, granularity: '1h', trades: 7 }]);
    expect(seen.refused.map((each) => each.reason)).toEqual(['granularity']);
    expect(decode({ ...frame, type: '?' }).candles).toEqual(seen.candles);
    expect(decode(frame.payload).candles).toEqual(seen.candles);
  });

  it('does not take the time of the envelope for that of the trade', () => {
    const frame = { timestamp: TRADE.timestamp, type: 'trade', payload: without(TRADE, 'timestamp') };
    expect(reasons(frame)).toEqual(['time']);
  });

  it('loses no sibling of a bad item', () => {
    const seen = decode({ type: 'trade', payload: [TRADE, 7, null, [], { ...TRADE, price: 'x' }, other] });
    expect(seen.trades).toEqual(two);
    expect(seen.refused.map((each) => each.reason)).toEqual(['shape', 'shape', 'shape', 'price']);
    expect(seen.refused[3]?.sample).toBe(JSON.stringify({ ...TRADE, price: 'x' }));
  });

  it('loses no line beside a bad one', () => {
    const good = JSON.stringify(trade({}));
    const alsoGood = JSON.stringify(trade({ id: '2' }));
    for (const bad of ['{"type":"trade",', '{"a":[1,', 'garbage', '{} {}', '"', '{"a":"\u0001"}', '7 7']) {
      const seen = decode(`${good}\n${bad}\n${alsoGood}\n`);
      expect(seen.trades).toEqual(two);
      expect(seen.refused).toEqual([{ reason: 'json', sample: bad.replace('\u0001', ' ') }]);
    }
  });

  it.each<[string, unknown]>([
    ['a number', '7'],
    ['a string', '"trade"'],
    ['null', 'null'],
    ['an empty object', {}],
    ['an object of no shape', { a: 1 }],
    ['a trade without an object', { type: 'trade', payload: null }],
    ['a trade with a text', { type: 'trade', payload: 'x' }],
  ])('refuses %s', (_, frame) => {
    expect(reasons(frame)).toEqual(['shape']);
  });
});

describe('field names', () => {
  it('ignore case, _ and -', () => {
    const respelled = {
      'Market-ID': TRADE.marketId,
      PRICE: '42519.59',
      S_I_Z_E: '0.0125',
      Time_Stamp: TRADE.timestamp,
    };
    expect(decode({ Type: 'trade', PAYLOAD: { ...respelled, ID: TRADE.id, 'si-de': 'BUY' } }).trades).toEqual(
      [DECODED_TRADE],
    );
  });

  it.each(['size', 'volume', 'amount', 'quantity', 'qty'])('size as %s', (name) => {
    expect(
      decode({ type: 'trade', payload: { ...without(TRADE, 'size'), [name]: '0.0125' } }).trades,
    ).toEqual([DECODED_TRADE]);
  });

  it.each(['timestamp', 'timeExchange', 'startTime', 'time'])('time as %s', (name) => {
    const payload = { ...without(TRADE, 'timestamp'), [name]: TRADE.timestamp };
    expect(decode({ type: 'trade', payload }).trades).toEqual([DECODED_TRADE]);
    const ofCandle = { ...without(CANDLE, 'timestamp'), [name]: CANDLE.timestamp };
    expect(decode({ type: 'trade-metrics', payload: ofCandle }).candles).toEqual([DECODED_CANDLE]);
  });

  it.each(['trades', 'tradeCount', 'count'])('trades as %s', (name) => {
    const payload = { ...without(CANDLE, 'trades'), [name]: 606 };
    expect(decode({ type: 'trade-metrics', payload }).candles).toEqual([DECODED_CANDLE]);
  });

  it.each(['marketVenue', 'marketVenueId', 'exchange'])(
    'venue as %s, with the pair, is looked up',
    (name) => {
      const lookup = (venue: string, pair: string) =>
        venue === 'binance' && pair === 'btc-usdt' ? TRADE.marketId : null;
      const payload = { ...without(TRADE, 'marketId', 'marketVenue'), [name]: 'binance' };
      expect(decode({ type: 'trade', payload }, { lookup }).trades).toEqual([DECODED_TRADE]);
      expect(
        decode({ type: 'trade', payload: { ...payload, pairId: 'x' } }, { lookup }).refused[0]?.reason,
      ).toBe('market');
      expect(reasons({ type: 'trade', payload })).toEqual(['market']);
      const nested = {
        ...without(payload, name, 'pairId'),
        market: { [name]: 'binance', pair: { id: 'btc-usdt' } },
      };
      expect(decode({ type: 'trade', payload: nested }, { lookup }).trades).toEqual([DECODED_TRADE]);
    },
  );

  it('price as close where there is no close', () => {
    const seen = decode(candle({ close: undefined, price: '7' }));
    expect(seen.candles).toEqual([{ ...DECODED_CANDLE, close: '7' }]);
    expect(decode(candle({ price: '7' })).candles).toEqual([DECODED_CANDLE]);
  });
});

describe('decimals', () => {
  it.each<[string, string]>([
    ['42519.59', '42519.59'],
    ['42519.590', '42519.59'],
    ['"42519.59"', '42519.59'],
    ['1e3', '1000'],
    ['1.5E-7', '0.00000015'],
    ['"1.5e-7"', '0.00000015'],
    ['0.1000000000000000055', '0.1000000000000000055'],
    ['9007199254740993', '9007199254740993'],
    ['"9007199254740993"', '9007199254740993'],
    ['"0.9007199254740993"', '0.9007199254740993'],
    ['9223372036854775807', '9223372036854775807'],
    ['0', '0'],
    ['"0.000"', '0'],
    ['-0', '0'],
  ])('%s', (raw, text) => {
    expect(priceOf(decode(rawPrice(raw)).trades[0])).toBe(text);
  });

  it('null prices of a period without a trade', () => {
    const empty = { open: null, high: null, low: null, close: null, vwap: null, volume: null, trades: 0 };
    const expected = {
      ...DECODED_CANDLE,
      open: null,
      high: null,
      low: null,
      close: null,
      vwap: null,
      trades: 0,
    };
    expect(decode(candle(empty)).candles).toEqual([{ ...expected, volume: '0' }]);
    expect(decode(candle({ ...empty, volume: '0.0' })).candles).toEqual([{ ...expected, volume: '0' }]);
  });

  it('of a candle, beyond what a double holds', () => {
    const frame = JSON.stringify(candle({ volume: '@' })).replace('"@"', '123456789012345678901.10');
    expect(decode(frame).candles[0]?.volume).toBe('123456789012345678901.1');
  });

  it('a candle with prices but no volume is not taken for one of zero', () => {
    expect(reasons(candle({ volume: undefined }))).toEqual(['size']);
  });
});

describe('times', () => {
  it.each<[string, number]>([
    ['"2024-01-15T18:10:07Z"', TIME - 123_000],
    ['"2024-01-15T18:10:07.123456789Z"', TIME + 456],
    ['"2024-01-15T19:10:07.123+01:00"', TIME],
    ['1705342207', TIME - 123_000],
    ['1705342207.123', TIME],
    ['1705342207123', TIME],
    ['"1705342207123"', TIME],
    ['1705342207123456', TIME + 456],
    ['1705342207123456789', TIME + 456],
  ])('%s', (raw, time) => {
    const frame = JSON.stringify(trade({ timestamp: '@' })).replace('"@"', raw);
    expect(decode(frame).trades[0]?.exchangeTime).toBe(time);
  });

  it('of a candle are its end where the dialect says so, but for a field named start', () => {
    const dialect = { ...DEFAULT_DIALECT, candleTime: 'end' } as const;
    expect(decode(candle({}), { dialect }).candles[0]?.start).toBe(DECODED_CANDLE.start - 60_000_000);
    expect(decode(candle({ granularity: '1h' }), { dialect }).candles[0]?.start).toBe(
      DECODED_CANDLE.start - 3_600_000_000,
    );
    expect(decode(candle({ startTime: CANDLE.timestamp }), { dialect }).candles[0]?.start).toBe(
      DECODED_CANDLE.start,
    );
  });
});

describe('ids', () => {
  it.each<[string, string]>([
    ['"3401927715"', '3401927715'],
    ['9007199254740993', '9007199254740993'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['"a\\"b\\u00e9"', 'a"bé'],
    ['"0012"', '0012'],
    ['""', ''],
    ['null', ''],
  ])('%s', (raw, id) => {
    expect(decode(JSON.stringify(trade({ id: '@' })).replace('"@"', raw)).trades[0]?.id).toBe(id);
  });

  it('may be missing', () => {
    expect(decode(trade({ id: undefined })).trades[0]?.id).toBe('');
  });

  it('of markets are opaque', () => {
    expect(decode(trade({ marketId: 'Ünïcode id/7' })).trades[0]?.market).toBe('Ünïcode id/7');
    expect(decode(trade({ marketId: 7 })).trades[0]?.market).toBe('7');
  });

  it.each<[string, string, string]>([
    ['too long', 'id', JSON.stringify('x'.repeat(257))],
    ['half a pair', 'id', '"\\ud800"'],
    ['an object', 'id', '{}'],
    ['a market too long', 'marketId', JSON.stringify('x'.repeat(257))],
    ['no market', 'marketId', '""'],
    ['null for a market', 'marketId', 'null'],
  ])('refused when %s', (_, name, raw) => {
    const frame = JSON.stringify(trade({ [name]: '@' })).replace('"@"', () => raw);
    expect(reasons(frame)).toEqual([name === 'id' ? 'id' : 'market']);
  });
});

describe('side', () => {
  it.each<[string, Record<string, unknown>, number]>([
    ['buy', { side: 'buy' }, 1],
    ['SELL', { side: 'SELL' }, 2],
    ['Sell', { side: 'Sell' }, 2],
    ['missing', {}, 0],
    ['null', { side: null }, 0],
    ['empty', { side: '' }, 0],
    ['neither', { side: 'both' }, 0],
    ['takerSide', { takerSide: 'Sell' }, 2],
    ['isBuySide', { isBuySide: true }, 1],
    ['not isBuySide', { isBuySide: false }, 2],
    ['isBuyerMaker, inverted', { isBuyerMaker: true }, 2],
    ['not isBuyerMaker', { is_buyer_maker: false }, 1],
    ['isBuySide as text', { isBuySide: 'TRUE' }, 1],
  ])('%s', (_, fields, side) => {
    expect(decode({ type: 'trade', payload: { ...without(TRADE, 'side'), ...fields } }).trades[0]?.side).toBe(
      side,
    );
  });
});

describe('a candle', () => {
  it.each(['final', 'isFinal', 'closed', 'is_closed', 'complete', 'isComplete'])(
    'is final when %s says so',
    (flag) => {
      expect(decode(candle({ [flag]: true })).candles[0]?.final).toBe(true);
      expect(decode(candle({ [flag]: false })).candles[0]?.final).toBe(false);
    },
  );

  it.each<[string, Record<string, unknown>, string]>([
    ['no granularity', { granularity: undefined }, 'granularity'],
    ['another granularity', { granularity: '5m' }, 'granularity'],
    ['no market', { marketId: undefined }, 'market'],
    ['no time', { timestamp: undefined }, 'time'],
    ['a time out of range', { timestamp: '1999-01-01T00:00:00Z' }, 'time'],
    ['a negative price', { low: '-1' }, 'price'],
    ['a price that is none', { open: 'NaN' }, 'price'],
    ['a negative volume', { volume: '-1' }, 'size'],
    ['half a trade', { trades: 1.5 }, 'count'],
    ['fewer trades than none', { trades: -1 }, 'count'],
  ])('is refused with %s', (_, fields, reason) => {
    expect(decode(candle(fields))).toMatchObject({ candles: [], refused: [{ reason }] });
  });
});

describe('fault 32: depth and prototypes', () => {
  it('refuses 100,000 levels before it builds them', () => {
    for (const open of ['[', '{"a":', '{"payload":[', '{"type":"trade","payload":{"x":']) {
      expect(reasons(open.repeat(100_000))).toEqual(['depth']);
    }
  });

  it('pollutes nothing by __proto__', () => {
    const frame = `{"__proto__":{"price":"1","polluted":1},"type":"trade","payload":{"__proto__":{"size":"7"},${JSON.stringify(
      TRADE,
    ).slice(1)}}`;
    expect(decode(frame).trades).toEqual([DECODED_TRADE]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(decode('{"type":"__proto__"}').unknown).toEqual(['__proto__']);
    expect(decode('{"type":"constructor","payload":{}}').unknown).toEqual(['constructor']);
    expect(decode(`{"payload":{"__proto__":${JSON.stringify(TRADE)}}}`).trades).toEqual([]);
  });

  it('refuses a frame that is too large, whole', () => {
    const frame = Buffer.alloc(MAX_FRAME + 1, 0x20);
    frame.write(JSON.stringify(trade({})));
    expect(reasons(frame)).toEqual(['size']);
    expect(decode(frame.subarray(0, MAX_FRAME)).trades).toEqual([DECODED_TRADE]);
  });

  it('gives up a frame of nothing but broken lines, in time', () => {
    const seen = decode('{\n'.repeat(1_000_000));
    expect(seen.refused).toHaveLength(1000);
  });

  it('counts a hundred thousand bad items, with few samples', () => {
    const seen = decode(`[${'{},'.repeat(99_999)}{}]`);
    expect(seen.refused).toHaveLength(100_000);
    expect(seen.refused.filter((each) => each.sample !== '')).toHaveLength(20);
  });
});

describe('fault 33: numbers that are none', () => {
  it.each<[string, string]>([
    ['NaN', 'json'],
    ['Infinity', 'json'],
    ['"NaN"', 'price'],
    ['"Infinity"', 'price'],
    ['1e999', 'price'],
    ['"1e999"', 'price'],
    ['-1', 'price'],
    ['"-0.01"', 'price'],
    ['9223372036854775808', 'price'],
    ['"9223372036854775808"', 'price'],
    ['1e-39', 'price'],
    ['null', 'price'],
    ['""', 'price'],
    ['true', 'price'],
    ['{}', 'price'],
  ])('a price of %s', (raw, reason) => {
    expect(decode(rawPrice(raw))).toMatchObject({ trades: [], refused: [{ reason }] });
  });

  it('a size', () => {
    for (const size of ['-1', '1e999', 'NaN', '', null]) expect(reasons(trade({ size }))).toEqual(['size']);
    expect(sizeOf(decode(trade({ size: '0' })).trades[0])).toBe('0');
  });

  it('a time', () => {
    for (const timestamp of ['1999-12-31T23:59:59Z', '2100-01-01T00:00:00Z', 'x', '', 0, 1e300, {}, true]) {
      expect(reasons(trade({ timestamp }))).toEqual(['time']);
    }
  });
});

describe('fault 35: text', () => {
  const text = Buffer.from(JSON.stringify(trade({ marketVenue: 'é@' })));

  it('invalid UTF-8 is refused, and only the document that has it', () => {
    const bad = Buffer.from(text);
    bad[bad.indexOf('@')] = 0xff;
    const line = Buffer.from('\n');
    const seen = decode(Buffer.concat([text, line, bad, line, text]));
    expect(seen.trades).toEqual([DECODED_TRADE, DECODED_TRADE]);
    expect(seen.refused.map((each) => each.reason)).toEqual(['utf8']);
    expect(seen.refused[0]?.sample).toContain('é\ufffd');
  });

  it('cut anywhere is refused', () => {
    for (let length = 0; length < text.length; length++) {
      const seen = decode(text.subarray(0, length));
      expect(seen.trades).toEqual([]);
      expect(seen.refused).toHaveLength(1);
    }
  });

  it('samples are cleaned and bounded', () => {
    const sample = decode(`{"a\u202e":"\u0007\u009b${'x'.repeat(10_000)}`).refused[0]?.sample;
    expect(sample?.length).toBe(300);
    expect(sample?.startsWith('{"a":" xxx')).toBe(true);
  });

  it('an empty frame is refused', () => {
    expect(reasons('')).toEqual(['json']);
    expect(reasons(' \n ')).toEqual(['json']);
  });
});
