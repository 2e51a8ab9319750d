import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DemoFeed, DemoTrade } from '../../main/demo/feed.ts';
import type { Client } from './support.ts';
import { connect, HandClock, startFeed } from './support.ts';

const BTC = 'binance-btc-usdt';
const ETH = 'binance-eth-usdt';
/** The start of an hour. */
const HOUR = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);

describe('answers', () => {
  let feed: DemoFeed;
  let clock: HandClock;
  let client: Client;
  beforeEach(async () => {
    clock = new HandClock(HOUR);
    feed = await startFeed({ clock });
    client = await connect(feed.addresses.trades);
  });
  afterEach(() => feed.close());

  it('carry the traceId of the request, letter for letter as the protocol has them', async () => {
    client.socket.send(`{"traceId":"k3f9-1","type":"subscribe","payload":{"marketIds":["${BTC}"]}}`);
    client.socket.send(`{"traceId":"k3f9-3","type":"unsubscribe","payload":{"marketIds":["${BTC}"]}}`);
    await client.until(() => client.texts.length === 2);
    expect(client.texts).toEqual([
      `{"traceId":"k3f9-1","type":"success","payload":{"marketIds":["${BTC}"]}}`,
      `{"traceId":"k3f9-3","type":"success","payload":{"marketIds":["${BTC}"]}}`,
    ]);
  });

  it('have no traceId when the request had none', async () => {
    client.socket.send(`{"type":"subscribe","payload":{"marketIds":["${BTC}"]}}`);
    await client.until(() => client.texts.length === 1);
    expect(client.texts).toEqual([`{"type":"success","payload":{"marketIds":["${BTC}"]}}`]);
  });

  it('refuse an unknown market, and then subscribe to none of the request', async () => {
    const answer = await client.ask('subscribe', { marketIds: [BTC, 'binance-no-such'] });
    expect(answer).toMatchObject({
      type: 'error',
      payload: { code: 'BAD_REQUEST', message: 'unknown market binance-no-such' },
    });
    clock.advance(10_000);
    await client.ask('subscribe', { marketIds: [ETH] });
    expect(client.data).toEqual([]);
  });

  it('want a granularity for candles', async () => {
    const candles = await connect(feed.addresses.candles);
    for (const granularity of [undefined, '5m', 1, null]) {
      const answer = await candles.ask('subscribe', { marketIds: [BTC], granularity });
      expect(answer).toMatchObject({ type: 'error', payload: { code: 'BAD_REQUEST' } });
    }
    expect(await candles.ask('subscribe', { marketIds: [BTC], granularity: '1h' })).toMatchObject({
      type: 'success',
    });
  });

  it('come to garbage too, and the connection lives on', async () => {
    const garbage = [
      '',
      'null',
      '[]',
      '17',
      '{',
      '"x"',
      '{}',
      '{"type":5}',
      '{"type":"subscribe"}',
      '{"type":"subscribe","payload":[]}',
      '{"type":"subscribe","payload":{"marketIds":[]}}',
      '{"type":"subscribe","payload":{"marketIds":"binance-btc-usdt"}}',
      '{"type":"subscribe","payload":{"marketIds":[null]}}',
      '{"type":"subscribe","payload":{"marketIds":["__proto__"]}}',
      '{"type":"constructor","payload":{"marketIds":["x"]}}',
      '{"traceId":7,"type":"subscribe","payload":{"marketIds":["binance-btc-usdt"]}}',
      `{"traceId":"${'x'.repeat(300)}","type":"subscribe","payload":{}}`,
      '['.repeat(200_000),
      `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
      '\u0000\uffff\u202e',
    ];
    for (const text of garbage) {
      const answer = await client.provoke(text);
      expect(answer).toMatchObject({ type: 'error', payload: { code: 'BAD_REQUEST' } });
      expect(typeof answer.payload['message']).toBe('string');
    }
    expect(await client.provoke(Buffer.from([0, 255, 3]))).toMatchObject({ type: 'error' });
    expect(await client.ask('subscribe', { marketIds: [BTC] })).toMatchObject({ type: 'success' });
  });

  it('a message that is too long or no UTF-8 ends that connection alone', async () => {
    const long = await connect(feed.addresses.trades);
    long.socket.send('x'.repeat(2 * 1024 * 1024));
    await long.until(() => long.closed !== null);
    expect([1009, 1006]).toContain(long.closed?.code);
    const broken = await connect(feed.addresses.trades);
    broken.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
    await broken.until(() => broken.closed !== null);
    expect(broken.closed?.code).toBe(1007);
    expect(await client.ask('subscribe', { marketIds: [BTC] })).toMatchObject({ type: 'success' });
  });
});

describe('data', () => {
  let feed: DemoFeed;
  let clock: HandClock;
  let made: DemoTrade[];
  beforeEach(async () => {
    clock = new HandClock(HOUR + 30_000);
    made = [];
    feed = await startFeed({ clock, rate: 500, onTrade: (trade) => made.push(trade) });
  });
  afterEach(() => feed.close());

  it('is every trade of the subscribed markets and no other, one a frame', async () => {
    const client = await connect(feed.addresses.trades);
    await client.ask('subscribe', { marketIds: [BTC, 'kraken-ltc-usd'] });
    clock.advance(20_000);
    const expected = made.filter((trade) => trade.market === BTC || trade.market === 'kraken-ltc-usd');
    expect(expected.length).toBeGreaterThan(1_000);
    await client.until(() => client.data.length >= expected.length);
    expect(client.data).toEqual(
      expected.map((trade) => {
        const [marketVenue, ...pair] = trade.market.split('-');
        return JSON.stringify({
          type: 'trade',
          payload: {
            id: trade.id,
            marketId: trade.market,
            marketVenue,
            pairId: pair.join('-'),
            timestamp: new Date(trade.time).toISOString(),
            price: trade.price,
            size: trade.size,
            side: trade.side,
          },
        });
      }),
    );
    expect(feed.tradesPublished(BTC) + feed.tradesPublished('kraken-ltc-usd')).toBe(expected.length);
    expect(feed.tradesPublished(ETH)).toBe(0);
    expect(feed.counts.trades).toEqual({
      published: expected.length,
      written: expected.length,
      redelivered: 0,
    });
  });

  it('ends with the subscription', async () => {
    const client = await connect(feed.addresses.trades);
    await client.ask('subscribe', { marketIds: [BTC, ETH] });
    clock.advance(1_000);
    await client.ask('unsubscribe', { marketIds: [BTC] });
    const before = client.data.filter((text) => text.includes(BTC)).length;
    clock.advance(5_000);
    await client.ask('unsubscribe', { marketIds: [ETH] });
    expect(before).toBeGreaterThan(0);
    expect(client.data.filter((text) => text.includes(BTC))).toHaveLength(before);
    expect(client.data.filter((text) => text.includes(ETH)).length).toBeGreaterThan(before);
  });

  it('reaches every one of several clients according to its own subscriptions', async () => {
    const both = await connect(feed.addresses.trades);
    await both.ask('subscribe', { marketIds: [BTC, ETH] });
    const one = await connect(feed.addresses.trades);
    await one.ask('unsubscribe', { marketIds: [BTC] });
    clock.advance(3_000);
    const of = (market: string): number => made.filter((trade) => trade.market === market).length;
    await both.until(() => both.data.length >= of(BTC) + of(ETH));
    await one.until(() => one.data.length >= of(ETH));
    expect(both.data).toHaveLength(of(BTC) + of(ETH));
    expect(one.data).toEqual(both.data.filter((text) => text.includes(ETH)));
    // It is still the key's market as long as a connection has it.
    both.cut();
    const third = await connect(feed.addresses.trades);
    await third.until(() => third.data.length >= of(BTC) + of(ETH));
  });

  it('updates a candle about once a second, and completes it at the end of its minute', async () => {
    const client = await connect(feed.addresses.candles);
    await client.ask('subscribe', { marketIds: [BTC], granularity: '1m' });
    await client.ask('subscribe', { marketIds: [BTC], granularity: '1h' });
    clock.advance(90_000);
    await client.ask('unsubscribe', { marketIds: [BTC], granularity: '1h' });
    const frames = client.data.map(
      (text) => (JSON.parse(text) as { payload: Record<string, unknown> }).payload,
    );
    const minutes = frames.filter((frame) => frame['granularity'] === '1m');
    const first = minutes.filter((frame) => frame['timestamp'] === new Date(HOUR).toISOString());
    const second = minutes.filter((frame) => frame['timestamp'] === new Date(HOUR + 60_000).toISOString());
    expect(first.length).toBeGreaterThan(25);
    expect(first.length).toBeLessThan(35);
    expect(second.length).toBeGreaterThan(55);
    for (const [group, start] of [
      [first, HOUR],
      [second, HOUR + 60_000],
    ] as const) {
      const trades = made.filter(
        (trade) => trade.market === BTC && trade.time >= start && trade.time < start + 60_000,
      );
      const cents = (text: string): bigint => BigInt(text.replace('.', ''));
      const prices = trades.map((trade) => cents(trade.price));
      const volume = trades.reduce((sum, trade) => sum + cents(trade.size), 0n);
      const final = group.at(-1);
      expect(final).toEqual({
        marketId: BTC,
        marketVenue: 'binance',
        pairId: 'btc-usdt',
        granularity: '1m',
        timestamp: new Date(start).toISOString(),
        open: trades[0]?.price,
        high: trades.find((trade) => cents(trade.price) === prices.reduce((a, b) => (a > b ? a : b)))?.price,
        low: trades.find((trade) => cents(trade.price) === prices.reduce((a, b) => (a < b ? a : b)))?.price,
        close: trades.at(-1)?.price,
        volume: `${volume / 100_000n}.${String(volume % 100_000n).padStart(5, '0')}`,
        vwap: final?.['vwap'],
        trades: trades.length,
      });
      // Within half a unit of its last place of the exact quotient.
      const notional = trades.reduce((sum, trade) => sum + cents(trade.price) * cents(trade.size), 0n);
      const [whole = '', fraction = ''] = String(final?.['vwap']).split('.');
      const vwap = BigInt(whole + fraction.padEnd(8, '0'));
      const off = vwap * volume - notional * 10n ** 6n;
      expect(2n * (off < 0n ? -off : off)).toBeLessThanOrEqual(volume);
    }
    const hours = frames.filter((frame) => frame['granularity'] === '1h');
    expect(new Set(hours.map((frame) => frame['timestamp']))).toEqual(
      new Set([new Date(HOUR).toISOString()]),
    );
    expect(Number(hours.at(-1)?.['trades'])).toBeGreaterThan(Number(second.at(-1)?.['trades']));
  });

  it('shows a new subscriber the candle as it is, without another trade', async () => {
    clock.advance(5_000);
    feed.pause();
    const client = await connect(feed.addresses.candles);
    await client.ask('subscribe', { marketIds: [BTC], granularity: '1m' });
    clock.advance(1_000);
    await client.until(() => client.data.length === 1);
    expect(JSON.parse(client.data[0] ?? '')).toMatchObject({
      type: 'trade-metrics',
      payload: { marketId: BTC },
    });
  });
});
