import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePlayback, PLAYBACK_HEADER, scaledUnits } from '../../main/demo/playback.ts';
import { CANDLES_FILE, connect, eventually, HandClock, HAS_DATA, startFeed, TRADES_FILE } from './support.ts';

const ROWS = [
  '9007199254740993,1570752011620,sell,0.00141342,23.00000000',
  'b-2,1570752011620,buy,0.0014135,5',
  'c,1570752061000,buy,12,0.5',
  'd,1570755700000,sell,11.5,1',
];

describe('a file of trades', () => {
  it('is read with its decimals untouched', () => {
    const tape = parsePlayback(`${PLAYBACK_HEADER}\r\n${ROWS.join('\r\n')}\r\n`);
    expect(tape).toMatchObject({ priceDigits: 8, sizeDigits: 8 });
    expect(tape.rows[1]).toEqual({
      id: 'b-2',
      time: 1_570_752_011_620,
      buy: true,
      price: '0.0014135',
      size: '5',
    });
    expect(scaledUnits('12', 8)).toBe(1_200_000_000n);
    expect(scaledUnits('0.0014135', 8)).toBe(141_350n);
    expect(scaledUnits('7.25', 2)).toBe(725n);
    expect(scaledUnits('7', 0)).toBe(7n);
  });

  it.each([
    ['a wrong header', 'id,price\n', 'Line 1 '],
    ['no trade', `${PLAYBACK_HEADER}\n`, 'Line 2 '],
    ['a missing field', `${PLAYBACK_HEADER}\na,1,buy,1\n`, 'Line 2 '],
    ['no id', `${PLAYBACK_HEADER}\n,1,buy,1,1\n`, 'Line 2 '],
    ['a wrong time', `${PLAYBACK_HEADER}\na,1,buy,1,1\nb,x,buy,1,1\n`, 'Line 3 '],
    ['disorder', `${PLAYBACK_HEADER}\na,2,buy,1,1\nb,1,buy,1,1\n`, 'Line 3 '],
    ['a wrong side', `${PLAYBACK_HEADER}\na,1,up,1,1\n`, 'Line 2 '],
    ['a number that is no plain decimal', `${PLAYBACK_HEADER}\na,1,buy,1e5,1\n`, 'Line 2 '],
    ['a quote in a number', `${PLAYBACK_HEADER}\na,1,buy,1","x":"1,1\n`, 'Line 2 '],
  ])('is refused for %s, naming the line', (_, text, words) => {
    expect(() => parsePlayback(text)).toThrow(words);
  });
});

describe('playing', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quipu-playback-'));
    file = join(folder, 'trades.csv');
    writeFileSync(file, `${PLAYBACK_HEADER}\n${ROWS.join('\n')}\n`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('waits for a subscriber, keeps times and decimals, and completes every candle', async () => {
    const clock = new HandClock(1_700_000_000_000);
    const feed = await startFeed({ clock, playback: { file, market: 'my own "market"', speed: 60 } });
    clock.advance(120_000);
    expect(feed.playbackEnded).toBe(false);
    const trades = await connect(feed.addresses.trades);
    const candles = await connect(feed.addresses.candles);
    const market = { marketIds: ['my own "market"'] };
    await trades.ask('subscribe', market);
    clock.advance(1_400);
    await candles.ask('subscribe', { ...market, granularity: '1m' });
    await candles.ask('subscribe', { ...market, granularity: '1h' });
    expect(feed.tradesPublished('my own "market"')).toBe(0);
    clock.advance(200);
    expect(feed.tradesPublished('my own "market"')).toBe(2);
    // 49.38 s of the file take 0.823 s.
    clock.advance(700);
    expect(feed.tradesPublished('my own "market"')).toBe(2);
    clock.advance(100);
    expect(feed.tradesPublished('my own "market"')).toBe(3);
    clock.advance(61_000);
    expect(feed.playbackEnded).toBe(true);
    await trades.until(() => trades.data.length === 4);
    const payloads = trades.data.map(
      (text) => (JSON.parse(text) as { payload: Record<string, unknown> }).payload,
    );
    expect(
      payloads.map(({ id, timestamp, side, price, size }) =>
        [id, Date.parse(String(timestamp)), side, price, size].join(','),
      ),
    ).toEqual(ROWS);
    expect(payloads[0]).toMatchObject({ marketId: 'my own "market"', marketVenue: 'playback' });

    await candles.ask('unsubscribe', { ...market, granularity: '1h' });
    const last = new Map<string, Record<string, unknown>>();
    for (const text of candles.data) {
      const { payload } = JSON.parse(text) as { payload: Record<string, unknown> };
      last.set(`${String(payload['granularity'])} ${String(payload['timestamp'])}`, payload);
    }
    const shown = (key: string): unknown[] =>
      ['open', 'high', 'low', 'close', 'volume', 'trades'].map((name) => last.get(key)?.[name]);
    expect([...last.keys()].sort()).toEqual([
      '1h 2019-10-11T00:00:00.000Z',
      '1h 2019-10-11T01:00:00.000Z',
      '1m 2019-10-11T00:00:00.000Z',
      '1m 2019-10-11T00:01:00.000Z',
      '1m 2019-10-11T01:01:00.000Z',
    ]);
    expect(shown('1m 2019-10-11T00:00:00.000Z')).toEqual([
      '0.00141342',
      '0.00141350',
      '0.00141342',
      '0.00141350',
      '28.00000000',
      2,
    ]);
    expect(shown('1h 2019-10-11T00:00:00.000Z')).toEqual([
      '0.00141342',
      '12.00000000',
      '0.00141342',
      '12.00000000',
      '28.50000000',
      3,
    ]);
    await feed.close();
  });

  it('is in the dictionary, as a known market or as a new one', async () => {
    for (const market of ['binance-btc-usdt', 'kraken-xmr-usd', 'binance-xlm-btc', 'odd']) {
      const feed = await startFeed({ playback: { file, market, speed: 1 } });
      const answer = await fetch(`${feed.addresses.dictionary}/markets?verbose=true&active=true`);
      const { content } = (await answer.json()) as { content: { market: { id: string } }[] };
      expect(content.filter((entry) => entry.market.id === market)).toHaveLength(1);
      await feed.close();
    }
  });

  it('stops when paused', async () => {
    const clock = new HandClock(1_700_000_000_000);
    const feed = await startFeed({ clock, playback: { file, market: 'x', speed: 1e6 } });
    const client = await connect(feed.addresses.trades);
    await client.ask('subscribe', { marketIds: ['x'] });
    feed.pause();
    clock.advance(60_000);
    expect(feed.tradesPublished('x')).toBe(0);
    feed.resume();
    clock.advance(2_000);
    expect(feed.playbackEnded).toBe(true);
    await feed.close();
  });
});

describe.skipIf(!HAS_DATA)('real trades (skipped without ../shared/data or QUIPU_TEST_DATA)', () => {
  it.each([20_000, 1e9])(
    'played at %d times their speed arrive row for row, with their 2,469 minutes',
    async (speed) => {
      const market = 'binance-xrp-eth';
      const feed = await startFeed({
        playback: { file: TRADES_FILE, market, speed },
        playbackDelayMs: 50,
      });
      const candles = await connect(feed.addresses.candles);
      await candles.ask('subscribe', { marketIds: [market], granularity: '1m' });
      const trades = await connect(feed.addresses.trades);
      await trades.ask('subscribe', { marketIds: [market] });
      await eventually(() => feed.playbackEnded);
      await trades.until(() => trades.data.length === 12_477);
      const rows = trades.data.map((text) => {
        const { payload } = JSON.parse(text) as { payload: Record<string, string> };
        const { id, timestamp = '', side, price, size } = payload;
        return [id, Date.parse(timestamp), side, price, size].join(',');
      });
      expect(rows).toEqual(readFileSync(TRADES_FILE, 'utf8').trim().split('\n').slice(1));

      await candles.ask('unsubscribe', { marketIds: [market], granularity: '1m' });
      const last = new Map<number, Record<string, string>>();
      for (const text of candles.data) {
        const { payload } = JSON.parse(text) as { payload: Record<string, string> };
        last.set(Date.parse(payload['timestamp'] ?? ''), payload);
      }
      const expected = readFileSync(CANDLES_FILE, 'utf8').trim().split('\n').slice(1);
      expect(last.size).toBe(expected.length);
      for (const line of expected) {
        const [start = '', ...values] = line.split(',');
        const candle = last.get(Number(start));
        const ours = [candle?.['open'], candle?.['high'], candle?.['low'], candle?.['close']];
        expect(ours.map((text) => scaledUnits(text ?? '', 8))).toEqual(
          values.slice(0, 4).map((text) => scaledUnits(text, 8)),
        );
        expect(Math.abs(Number(candle?.['volume']) - Number(values[4]))).toBeLessThan(1e-6);
      }
      await feed.close();
    },
    60_000,
  );
});
