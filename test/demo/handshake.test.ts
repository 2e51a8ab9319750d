import { connect as connectTcp } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DemoFeed } from '../../main/demo/feed.ts';
import { startDemoFeed } from '../../main/demo/feed.ts';
import { connect, eventually, feedOptions, HandClock, KEY, refusedBy, startFeed } from './support.ts';

describe('the handshake', () => {
  let feed: DemoFeed;
  beforeEach(async () => {
    feed = await startFeed();
  });
  afterEach(() => feed.close());

  it('accepts the key on both endpoints', async () => {
    const trades = await connect(feed.addresses.trades);
    const candles = await connect(feed.addresses.candles);
    expect(feed.connections).toEqual({ trades: 1, candles: 1 });
    trades.cut();
    candles.cut();
    await eventually(() => feed.connections.trades + feed.connections.candles === 0);
  });

  it('refuses a missing, another and a prefixed key with 401 and words', async () => {
    const url = feed.addresses.trades;
    const missing = await refusedBy(url, {});
    expect(missing).toMatchObject({ status: 401, words: 'The Authorization header is missing' });
    const wrong = { status: 401, words: 'The API key is not valid' };
    expect(await refusedBy(url, { Authorization: 'other' })).toMatchObject(wrong);
    expect(await refusedBy(url, { Authorization: `Bearer ${KEY}` })).toMatchObject(wrong);
    expect(feed.connections.trades).toBe(0);
  });

  it('answers 404 elsewhere', async () => {
    const url = feed.addresses.trades.replace('/ws/trades', '/ws/other');
    expect(await refusedBy(url, { Authorization: KEY })).toMatchObject({ status: 404 });
  });

  it.each([401, 403, 429, 500, 503] as const)(
    'answers %d on demand, until it is taken back',
    async (status) => {
      feed.setFault({ status });
      const refused = await refusedBy(feed.addresses.candles, { Authorization: KEY });
      expect(refused.status).toBe(status);
      expect(refused.words).toMatch(/\w/);
      expect(refused.retryAfter).toBeUndefined();
      feed.setFault(null);
      (await connect(feed.addresses.candles)).cut();
    },
  );

  it('gives the words and Retry-After it was told, and cannot be made to split the header', async () => {
    feed.setFault({ status: 429, words: 'slow down\r\nx-evil: 1', retryAfter: 17 });
    const refused = await refusedBy(feed.addresses.trades, { Authorization: KEY });
    expect(refused).toEqual({ status: 429, words: 'slow down??x-evil: 1', retryAfter: '17' });
  });

  it('limits a fault to an endpoint and to a number of handshakes', async () => {
    feed.setFault({ status: 503, endpoint: 'trades', times: 2 });
    (await connect(feed.addresses.candles)).cut();
    expect((await refusedBy(feed.addresses.trades, { Authorization: KEY })).status).toBe(503);
    expect((await refusedBy(feed.addresses.trades, { Authorization: KEY })).status).toBe(503);
    (await connect(feed.addresses.trades)).cut();
  });

  it('leaves a handshake unanswered on demand, and still closes', async () => {
    feed.setFault({});
    const port = feed.port;
    const peer = connectTcp(port, '127.0.0.1');
    let received = '';
    peer.on('data', (data) => (received += data.toString()));
    peer.on('error', () => undefined);
    peer.write(
      'GET /ws/trades HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    // A later request is answered, so the earlier one was seen.
    await fetch(`${feed.addresses.dictionary}/markets`);
    expect(received).toBe('');
    const ended = new Promise<void>((resolve) => peer.on('close', () => resolve()));
    await feed.close();
    await ended;
    expect(received).toBe('');
  });
});

describe('pings', () => {
  it('are sent, and who does not answer them is dropped', async () => {
    const clock = new HandClock(1_700_000_000_000);
    const feed = await startFeed({ rate: 0.1, clock, pingIntervalMs: 20_000 });
    try {
      const good = await connect(feed.addresses.trades);
      const mute = await connect(feed.addresses.trades, { autoPong: false });
      clock.advance(19_900);
      await good.ask('subscribe', { marketIds: ['binance-btc-usdt'] });
      expect(good.pings).toBe(0);
      clock.advance(200);
      await good.until(() => good.pings === 1);
      await mute.until(() => mute.pings === 1);
      // What is asked after the pong is answered after it was read.
      await good.ask('subscribe', { marketIds: ['binance-btc-usdt'] });
      clock.advance(9_800);
      expect(feed.connections.trades).toBe(2);
      clock.advance(300);
      await mute.until(() => mute.closed !== null);
      expect(mute.closed?.code).toBe(1006);
      await eventually(() => feed.connections.trades === 1);
      await good.ask('unsubscribe', { marketIds: ['binance-btc-usdt'] });
      good.cut();
    } finally {
      await feed.close();
    }
  });
});

describe('starting and ending', () => {
  it('refuses options out of range with words', async () => {
    const wrong = [
      { rate: 0.05 },
      { rate: 100_001 },
      { rate: NaN },
      { port: 70_000 },
      { seed: 1.5 },
      { key: '' },
      { key: 'two words' },
      { playback: { file: '/nowhere', market: 'x', speed: 0 } },
    ];
    for (const options of wrong) {
      await expect(startDemoFeed(feedOptions(options))).rejects.toMatchObject({ kind: 'bad-argument' });
    }
    const missing = { playback: { file: '/nowhere/trades.csv', market: 'x', speed: 1 } };
    await expect(startDemoFeed(feedOptions(missing))).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('says that a port is taken', async () => {
    const feed = await startFeed();
    await expect(startFeed({ port: feed.port })).rejects.toMatchObject({ kind: 'busy' });
    await feed.close();
  });

  it('closes every connection and frees the port, once or twice', async () => {
    const feed = await startFeed();
    const client = await connect(feed.addresses.trades);
    await Promise.all([feed.close(), feed.close()]);
    await client.until(() => client.closed !== null);
    const again = await startFeed({ port: feed.port });
    await again.close();
  });

  it('drops connections on demand, with a code where one is given', async () => {
    const feed = await startFeed();
    const cut = await connect(feed.addresses.trades);
    feed.dropConnections();
    await cut.until(() => cut.closed !== null);
    expect(cut.closed?.code).toBe(1006);
    const told = await connect(feed.addresses.trades);
    feed.dropConnections(1012, 'restart');
    await told.until(() => told.closed !== null);
    expect(told.closed).toEqual({ code: 1012, reason: 'restart' });
    await feed.close();
  });
});
