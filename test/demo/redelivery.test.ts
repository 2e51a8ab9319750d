import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DemoFeed } from '../../main/demo/feed.ts';
import { TextQueue, TradeQueue } from '../../main/demo/redelivery.ts';
import { connect, eventually, HandClock, startFeed } from './support.ts';

const BTC = 'binance-btc-usdt';
const ETH = 'binance-eth-usdt';
const START = 1_700_000_000_000;

describe('redelivery', () => {
  let feed: DemoFeed;
  let clock: HandClock;
  beforeEach(async () => {
    clock = new HandClock(START);
    feed = await startFeed({ clock, rate: 200 });
  });
  afterEach(() => feed.close());

  const gone = (): Promise<void> =>
    eventually(() => feed.connections.trades + feed.connections.candles === 0);

  it('has nothing for a first connection', async () => {
    clock.advance(60_000);
    const client = await connect(feed.addresses.trades);
    await client.ask('subscribe', { marketIds: [BTC] });
    expect(client.data).toEqual([]);
  });

  it('gives what was sent again, byte for byte, then what was missed, then what follows, once each', async () => {
    const first = await connect(feed.addresses.trades);
    await first.ask('subscribe', { marketIds: [BTC] });
    clock.advance(20_000);
    const sent = feed.tradesPublished(BTC);
    await first.until(() => first.data.length === sent);
    first.cut();
    await gone();
    clock.advance(30_000);
    const missed = feed.tradesPublished(BTC);
    expect(missed).toBeGreaterThan(sent);

    const second = await connect(feed.addresses.trades);
    // It is live at once: this is before it asks for anything.
    clock.advance(5_000);
    const between = feed.tradesPublished(BTC);
    expect(between).toBeGreaterThan(missed);
    await second.ask('subscribe', { marketIds: [BTC] });
    clock.advance(5_000);
    const all = feed.tradesPublished(BTC);
    await second.until(() => second.data.length >= all);
    expect(second.data.slice(0, sent)).toEqual(first.data);
    expect(second.data).toHaveLength(all);
    expect(new Set(second.data).size).toBe(all);
    expect(feed.counts.trades).toEqual({ published: all, written: sent + all, redelivered: missed });
  });

  it('reaches two minutes back and no further', async () => {
    const first = await connect(feed.addresses.trades);
    await first.ask('subscribe', { marketIds: [BTC] });
    clock.advance(300_000);
    await first.until(() => first.data.length === feed.tradesPublished(BTC));
    const second = await connect(feed.addresses.trades);
    const ages = first.data.map((text) => {
      const { payload } = JSON.parse(text) as { payload: { timestamp: string } };
      return { text, age: START + 300_000 - Date.parse(payload.timestamp) };
    });
    // A trade is said up to one tick after its own time.
    const surely = ages.filter(({ age }) => age <= 119_950).map(({ text }) => text);
    const atMost = ages.filter(({ age }) => age <= 120_050).map(({ text }) => text);
    await second.until(() => second.data.length >= surely.length);
    await second.ask('subscribe', { marketIds: [BTC] });
    expect(surely.length).toBeGreaterThan(1_000);
    expect(second.data.slice(-surely.length)).toEqual(surely);
    expect(second.data.length).toBeLessThanOrEqual(atMost.length);
    expect(atMost.length).toBeLessThan(first.data.length / 2);
  });

  it('is over for a market that was unsubscribed', async () => {
    const first = await connect(feed.addresses.trades);
    await first.ask('subscribe', { marketIds: [BTC, ETH] });
    clock.advance(10_000);
    await first.ask('unsubscribe', { marketIds: [BTC] });
    first.cut();
    await gone();
    const second = await connect(feed.addresses.trades);
    await second.until(() => second.data.length === feed.tradesPublished(ETH));
    await second.ask('subscribe', { marketIds: [BTC] });
    expect(second.data.every((text) => text.includes(ETH))).toBe(true);
    expect(second.data.length).toBeGreaterThan(0);
  });

  it('begins with the subscription in force, not with one that was ended before', async () => {
    const first = await connect(feed.addresses.trades);
    await first.ask('subscribe', { marketIds: [BTC] });
    clock.advance(10_000);
    await first.ask('unsubscribe', { marketIds: [BTC] });
    const before = first.data.length;
    await first.ask('subscribe', { marketIds: [BTC] });
    clock.advance(10_000);
    const all = feed.tradesPublished(BTC);
    await first.until(() => first.data.length === all);
    first.cut();
    await gone();
    const second = await connect(feed.addresses.trades);
    await second.ask('subscribe', { marketIds: [BTC] });
    expect(before).toBeGreaterThan(0);
    expect(second.data).toEqual(first.data.slice(before));
  });

  it('gives candles again too, of the granularity that was subscribed', async () => {
    const first = await connect(feed.addresses.candles);
    await first.ask('subscribe', { marketIds: [BTC], granularity: '1m' });
    clock.advance(100_000);
    const sent = feed.counts.candles.published;
    expect(sent).toBeGreaterThan(80);
    await first.until(() => first.data.length === sent);
    first.cut();
    await gone();
    const second = await connect(feed.addresses.candles);
    await second.until(() => second.data.length >= sent);
    expect(second.data).toEqual(first.data);
  });

  it('is the same on the trades endpoint whatever the candles endpoint did', async () => {
    const candles = await connect(feed.addresses.candles);
    await candles.ask('subscribe', { marketIds: [BTC], granularity: '1m' });
    clock.advance(5_000);
    const trades = await connect(feed.addresses.trades);
    await trades.ask('subscribe', { marketIds: [ETH] });
    expect(trades.data).toEqual([]);
  });
});

describe('ten reconnections at 1,000 trades a second', () => {
  it('lose nothing: every trade comes, in order once repeats are left out', async () => {
    const markets = [BTC, ETH, 'okx-sol-usdt', 'kraken-dot-usdt'];
    const feed = await startFeed({ rate: 1_000 });
    const seen = new Set<string>();
    for (let round = 0; round < 10; round++) {
      const client = await connect(feed.addresses.trades);
      await client.ask('subscribe', { marketIds: markets });
      const enough = client.data.length + 50;
      await client.until(() => client.data.length >= enough);
      if (round < 9) feed.dropConnections();
      else {
        feed.pause();
        const expected = markets.reduce((sum, market) => sum + feed.tradesPublished(market), 0);
        await client.until(() => new Set([...seen, ...client.data]).size >= expected);
        for (const text of client.data) seen.add(text);
        expect(seen.size).toBe(expected);
        const own = client.data.filter((text) => text.includes('okx-sol-usdt'));
        const ids = own.map((text) => Number((JSON.parse(text) as { payload: { id: string } }).payload.id));
        expect(ids).toEqual(ids.map((_, index) => (ids[0] ?? 0) + index));
        break;
      }
      await client.until(() => client.closed !== null);
      for (const text of client.data) seen.add(text);
    }
    await feed.close();
  });
});

describe('a slow reader', () => {
  it('gets everything late, as long as it is queued', async () => {
    const clock = new HandClock(START);
    const feed = await startFeed({ clock, rate: 20_000 });
    const client = await connect(feed.addresses.trades);
    await client.ask('subscribe', { marketIds: [BTC, ETH] });
    client.socket.pause();
    // Some 30 MB: more than the sockets and the feed hold for one connection.
    clock.advance(15_000);
    client.socket.resume();
    const all = feed.tradesPublished(BTC) + feed.tradesPublished(ETH);
    let count = 0;
    await client.until(() => (count = client.texts.length - 1) >= all);
    expect(count).toBe(all);
    expect(new Set(client.texts).size).toBe(all + 1);
    await feed.close();
  });

  it('is closed with 1013 when what it has not read is forgotten', async () => {
    const clock = new HandClock(START);
    const feed = await startFeed({ clock, rate: 5_000 });
    const client = await connect(feed.addresses.trades);
    await client.ask('subscribe', { marketIds: [BTC, ETH, 'okx-btc-usdt', 'okx-sol-usdt'] });
    client.socket.pause();
    clock.advance(200_000);
    client.socket.resume();
    await client.until(() => client.closed !== null);
    expect(client.closed).toEqual({ code: 1013, reason: 'reads too slowly' });
    await feed.close();
  });
});

describe('the queues', () => {
  it('of trades gives back what was put in, across chunks, and forgets the old', () => {
    const queue = new TradeQueue((trade) => JSON.stringify(trade));
    const trade = (serial: number): Parameters<TradeQueue['add']>[1] => ({
      market: serial % 7,
      serial,
      time: 1_700_000_000_000 + serial,
      price: 2 ** 52 + serial,
      size: serial * 3,
      buy: serial % 2 === 0,
    });
    for (let serial = 0; serial < 20_000; serial++) queue.add(serial, trade(serial));
    expect(queue.head).toBe(20_000);
    for (const sequence of [0, 4_095, 4_096, 12_345, 19_999]) {
      expect(JSON.parse(queue.text(sequence))).toEqual(trade(sequence));
      expect(queue.slot(sequence)).toBe(sequence % 7);
      expect(queue.firstSince(sequence)).toBe(sequence);
    }
    queue.forgetBefore(10_000);
    expect(queue.first).toBeGreaterThan(5_000);
    expect(queue.first).toBeLessThanOrEqual(10_000);
    expect(JSON.parse(queue.text(12_345))).toEqual(trade(12_345));
    expect(() => queue.text(0)).toThrow(RangeError);
    expect(queue.firstSince(30_000)).toBe(20_000);
  });

  it('of texts does the same', () => {
    const queue = new TextQueue();
    for (let n = 0; n < 1_000; n++) queue.add(n, n % 5, `text ${n}`);
    expect(queue.firstSince(400)).toBe(400);
    queue.forgetBefore(400);
    expect(queue.first).toBe(400);
    expect(queue.text(401)).toBe('text 401');
    expect(queue.slot(401)).toBe(1);
    expect(queue.head).toBe(1_000);
    expect(() => queue.text(3)).toThrow(RangeError);
  });
});
