import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Gap } from '../../../main/core/contract.ts';
import {
  CANDLE_FIELDS,
  floatsOf,
  TRADE_BUY,
  TRADE_FIELDS,
  TRADE_REDELIVERED,
  TRADE_SELL,
  tradesOf,
} from '../../../main/core/contract.ts';
import { EXPORT_ROWS } from '../../../main/core/store/reader.ts';
import type { StoredTrade } from '../../../main/core/store/store.ts';
import {
  allOf,
  candle,
  commitOf,
  failureOf,
  NOW,
  open,
  temporaryFolder,
  trade,
  workerScript,
} from './support.ts';

const MINUTE = 60_000_000;
const START = 1_705_342_200_000_000;

function gap(values: Partial<Gap> = {}): Gap {
  return {
    session: 1,
    endpoint: 'trades',
    from: START / 1000,
    to: START / 1000 + 5_000,
    state: 'unverified',
    cause: 'closed',
    recovered: 0,
    duplicates: 0,
    ...values,
  };
}

/** Exchange times of a page, microseconds. */
function times(page: { bytes: Uint8Array }): number[] {
  return [...tradesOf(page.bytes)].filter((_, index) => index % TRADE_FIELDS === 0);
}

/** Starts of a page, milliseconds. */
function starts(page: { bytes: Uint8Array }): number[] {
  return [...floatsOf(page.bytes)].filter((_, index) => index % CANDLE_FIELDS === 0);
}

describe('what is committed comes back as it was', () => {
  test('trades, with huge digits, scale 38, no id and any text as id', async () => {
    const store = await open(temporaryFolder());
    const { id: session } = await store.beginSession(NOW / 1000);
    const trades = [
      trade({ price: '9223372036854775807', size: '9007199254740993' }),
      trade({ price: '9007199254740991', size: '9007199254740992' }),
      trade({ price: `0.${'0'.repeat(37)}1`, size: '0.0000000000000000009223372036854775807'.slice(0, 40) }),
      trade({ price: '-9223372036854775807', size: '-4503599627370497.5' }),
      trade({ price: '0', size: '0' }),
      trade({ id: '' }),
      trade({ id: '' }),
      trade({ id: 'ünïcode-取引-🧶' }),
      trade({ id: '\ufeffmark' }),
      trade({ id: '9007199254740993' }),
      trade({ id: 'x'.repeat(5_000) }),
      trade({ market: 'a market, "of" any; text 🪢', side: 'sell', origin: 'redelivered' }),
      trade({ side: 'unknown', exchangeTime: 0, receiptTime: Number.MAX_SAFE_INTEGER }),
    ];
    await store.commit(commitOf(session, trades));
    expect(await allOf(store.exportTrades({ session, market: null }))).toEqual(trades);
  });

  test('candles, with decimals longer than 64 bits and periods without a trade', async () => {
    const store = await open(temporaryFolder());
    const { id: session } = await store.beginSession(NOW / 1000);
    const candles = [
      candle({ volume: '123456789012345678901234567890.123456789012345678901234567890', final: true }),
      candle({
        start: START + MINUTE,
        open: null,
        high: null,
        low: null,
        close: null,
        vwap: null,
        volume: '0',
        trades: 0,
        origin: 'redelivered',
      }),
      candle({ granularity: '1h' }),
      candle({ market: 'other' }),
    ];
    await store.commit(commitOf(session, [], candles));
    const exported = async (market: string | null, granularity: '1m' | '1h' | null): Promise<unknown> =>
      allOf(store.exportCandles({ session, market, granularity }));
    expect(await exported(null, null)).toEqual(candles);
    expect(await exported(null, '1h')).toEqual([candles[2]]);
    expect(await exported('other', '1m')).toEqual([candles[3]]);
    expect(await exported('other', '1h')).toEqual([]);
    expect(await exported('never seen', null)).toEqual([]);
  });

  test('after a restart too, and settings with it', async () => {
    const folder = temporaryFolder();
    const first = await open(folder);
    expect(await first.readSetting('watchlist')).toBeNull();
    const { id: session } = await first.beginSession(1_000);
    await first.commit(commitOf(session, [trade()], [candle()]));
    await first.writeSetting('watchlist', '["a"]');
    await first.writeSetting('watchlist', '["a","b"]');
    expect(await first.readSetting('watchlist')).toBe('["a","b"]');
    const ended = await first.endSession(session, 2_000);
    await first.close();
    expect(readdirSync(folder).sort()).toEqual(['About this folder.txt', 'quipu.db', 'quipu.lock']);

    const second = await open(folder);
    expect(await second.sessions()).toEqual([ended]);
    expect(await allOf(second.exportTrades({ session, market: null }))).toEqual([trade()]);
    expect(await second.readSetting('watchlist')).toBe('["a","b"]');
  });
});

describe('sessions', () => {
  test('count what they hold and name their markets', async () => {
    const store = await open(temporaryFolder());
    const began = await store.beginSession(1_000);
    expect(began).toEqual({
      id: 1,
      started: 1_000,
      ended: null,
      state: 'recording',
      markets: [],
      trades: 0,
      candles: 0,
      gaps: 0,
      name: null,
      note: null,
      pinned: false,
    });
    await store.commit(
      commitOf(1, [trade({ market: 'b' }), trade({ market: 'a' })], [candle({ market: 'c' })]),
    );
    await store.commit(
      commitOf(1, [], [candle({ market: 'c', trades: 700 })], { requested: ['quiet', 'a'] }),
    );
    await store.commit(
      commitOf(1, [trade({ market: 'b' })], [], { markets: ['b', 'unused'], gaps: [gap()] }),
    );
    const running = { ...began, markets: ['a', 'b', 'c', 'quiet'], trades: 3, candles: 1, gaps: 1 };
    expect(await store.sessions()).toEqual([running]);
    expect(await store.state()).toMatchObject({ trades: 3, candles: 1 });
    const ended = { ...running, ended: 9_000, state: 'ended' };
    expect(await store.endSession(1, 9_000)).toEqual(ended);
    expect(await store.endSession(1, 99_000)).toEqual(ended);

    await store.beginSession(10_000);
    await store.commit(commitOf(2, [trade({ market: 'a' })]));
    expect((await store.sessions()).map(({ id, markets, trades }) => ({ id, markets, trades }))).toEqual([
      { id: 1, markets: ['a', 'b', 'c', 'quiet'], trades: 3 },
      { id: 2, markets: ['a'], trades: 1 },
    ]);
    expect(await store.state()).toMatchObject({ trades: 4, candles: 1 });
  });

  test('that was left open is closed when the next begins, at its last receipt', async () => {
    const folder = temporaryFolder();
    const store = await open(folder);
    await store.beginSession(1_000);
    await store.commit(commitOf(1, [trade({ receiptTime: 5_000_900 }), trade({ receiptTime: 4_000_000 })]));
    await store.beginSession(6_000);
    await store.commit(commitOf(2, [], [candle({ receiptTime: 7_000_000 })]));
    await store.close();
    const next = await open(folder);
    await next.beginSession(20_000);
    await next.beginSession(30_000);
    expect((await next.sessions()).map(({ started, ended, state }) => ({ started, ended, state }))).toEqual([
      { started: 1_000, ended: 5_000, state: 'ended unexpectedly' },
      { started: 6_000, ended: 7_000, state: 'ended unexpectedly' },
      { started: 20_000, ended: 20_000, state: 'ended unexpectedly' },
      { started: 30_000, ended: null, state: 'recording' },
    ]);
  });

  test('that does not exist is an error wherever it is named', async () => {
    const store = await open(temporaryFolder());
    const failures = [
      await failureOf(store.commit(commitOf(7, [trade()]))),
      await failureOf(store.endSession(7, 1)),
      await failureOf(allOf(store.exportTrades({ session: 7, market: null }))),
      await failureOf(allOf(store.exportCandles({ session: 7, market: null, granularity: null }))),
    ];
    for (const failure of failures)
      expect(failure).toMatchObject({ kind: 'not-found', message: /session 7/ });
    expect(await store.state()).toMatchObject({ trades: 0 });
  });
});

describe('pages of trades', () => {
  test('are the newest before a time, oldest first, across sessions and by market', async () => {
    const store = await open(temporaryFolder());
    await store.beginSession(1);
    await store.commit(commitOf(1, [trade({ exchangeTime: 30 }), trade({ exchangeTime: 10 })]));
    await store.beginSession(2);
    await store.commit(
      commitOf(2, [
        trade({ exchangeTime: 20 }),
        trade({ exchangeTime: 25, market: 'other' }),
        trade({ exchangeTime: 40, side: 'sell', origin: 'redelivered', price: '1.5', size: '1e-38' }),
        trade({ exchangeTime: 50, side: 'unknown' }),
      ]),
    );
    const market = 'binance-btc-usdt';
    const newest = await store.tradePage(market, null, 2);
    expect(newest).toMatchObject({ count: 2, more: true });
    expect([...tradesOf(newest.bytes)]).toEqual([
      ...[40, 1.5, 1e-38, TRADE_SELL | TRADE_REDELIVERED],
      ...[50, 42519.59, 0.0125, 0],
    ]);
    const older = await store.tradePage(market, 40, 2);
    expect(older).toMatchObject({ count: 2, more: true });
    expect(times(older)).toEqual([20, 30]);
    const oldest = await store.tradePage(market, 20, 2);
    expect([...tradesOf(oldest.bytes)]).toEqual([10, 42519.59, 0.0125, TRADE_BUY]);
    expect(oldest).toMatchObject({ count: 1, more: false });
    expect(await store.tradePage(market, 10, 2)).toMatchObject({ count: 0, more: false });
    expect(await store.tradePage('never seen', null, 2)).toMatchObject({ count: 0, more: false });
    expect(await store.tradePage(market, null, 5)).toMatchObject({ count: 5, more: false });
  });

  test('do not tear trades of one time apart, so that paging by time loses none', async () => {
    const store = await open(temporaryFolder());
    await store.beginSession(1);
    const at = [1, 2, 2, 2, 3, 4, 4, 5];
    await store.commit(
      commitOf(
        1,
        at.map((exchangeTime) => trade({ exchangeTime })),
      ),
    );
    const seen: number[][] = [];
    let before: number | null = null;
    for (let more = true; more;) {
      const page = await store.tradePage('binance-btc-usdt', before, 3);
      seen.unshift(times(page));
      before = times(page)[0] ?? null;
      more = page.more;
    }
    expect(seen).toEqual([[1], [2, 2, 2], [3], [4, 4, 5]]);
    // A limit below the number of trades at one time is still kept.
    expect(times(await store.tradePage('binance-btc-usdt', 3, 2))).toEqual([2, 2]);
    expect(await store.tradePage('binance-btc-usdt', 3, 2)).toMatchObject({ more: true });
  });
});

describe('pages of candles', () => {
  test('take the best of each period across sessions, which keep their own', async () => {
    const store = await open(temporaryFolder());
    const [a, b, c, d] = [START, START + MINUTE, START + 2 * MINUTE, START + 3 * MINUTE];
    const first = [
      candle({ start: a, trades: 9, final: true, close: '1' }),
      candle({ start: b, trades: 9, close: '1' }),
      candle({ start: c, trades: 9, final: true, close: '1' }),
    ];
    const second = [
      candle({ start: a, trades: 10, close: '2' }),
      candle({ start: b, trades: 10, close: '2' }),
      candle({ start: c, trades: 9, final: true, close: '2' }),
      candle({ start: d, trades: 0, open: null, high: null, low: null, close: null, vwap: null }),
    ];
    await store.beginSession(1);
    await store.commit(commitOf(1, [], first));
    await store.beginSession(2);
    await store.commit(commitOf(2, [], second));
    const chart = { market: 'binance-btc-usdt', granularity: '1m' } as const;
    const page = await store.candlePage(chart, null, 10);
    expect(page).toMatchObject({ count: 4, more: false });
    const rest = (trades: number, final: number): number[] => [12.5, 42515.2, trades, final];
    expect([...floatsOf(page.bytes)]).toEqual([
      ...[a / 1000, 42510.1, 42522, 42509, 1, ...rest(9, 1)],
      ...[b / 1000, 42510.1, 42522, 42509, 2, ...rest(10, 0)],
      ...[c / 1000, 42510.1, 42522, 42509, 2, ...rest(9, 1)],
      ...[d / 1000, NaN, NaN, NaN, NaN, 12.5, NaN, 0, 0],
    ]);
    const two = await store.candlePage(chart, d / 1000, 2);
    expect(two).toMatchObject({ count: 2, more: true });
    expect(starts(two)).toEqual([b / 1000, c / 1000]);
    expect(await store.candlePage(chart, b / 1000, 1)).toMatchObject({ count: 1, more: false });
    expect(await store.candlePage({ ...chart, granularity: '1h' }, null, 5)).toMatchObject({ count: 0 });
    for (const [session, own] of [first, second].entries()) {
      const options = { session: session + 1, market: null, granularity: null };
      expect(await allOf(store.exportCandles(options))).toEqual(own);
    }
  });

  test('come with the gaps that overlap them, the newest 500, oldest first', async () => {
    const store = await open(temporaryFolder());
    await store.beginSession(1);
    const minute = (n: number): number => START / 1000 + n * 60_000;
    await store.commit(
      commitOf(
        1,
        [],
        [0, 1, 2, 3].map((n) => candle({ start: START + n * MINUTE })),
        {
          gaps: [
            gap({ from: minute(-9), to: minute(-8), cause: 'before all' }),
            gap({ from: minute(0), to: minute(1) - 1, cause: 'in 0' }),
            gap({
              from: minute(1) + 10,
              to: minute(2) + 10,
              endpoint: 'candles',
              state: 'lost',
              cause: 'from 1 to 2',
            }),
            gap({ from: minute(9), to: minute(10), cause: 'after all', recovered: 3, duplicates: 4 }),
          ],
        },
      ),
    );
    const chart = { market: 'binance-btc-usdt', granularity: '1m' } as const;
    const causes = async (before: number | null, limit: number): Promise<string[]> =>
      (await store.candlePage(chart, before, limit)).gaps.map(({ cause }) => cause);
    expect(await causes(null, 2)).toEqual(['from 1 to 2', 'after all']);
    expect(await causes(minute(2), 1)).toEqual(['from 1 to 2']);
    expect(await causes(minute(1), 5)).toEqual(['before all', 'in 0']);
    expect((await store.candlePage(chart, null, 2)).gaps.at(-1)).toEqual(
      gap({ from: minute(9), to: minute(10), cause: 'after all', recovered: 3, duplicates: 4 }),
    );
    // A newer judgement of a gap takes its place.
    await store.commit(
      commitOf(1, [], [], {
        gaps: [gap({ from: minute(9), to: minute(11), cause: 'after all', state: 'recovered' })],
      }),
    );
    expect((await store.candlePage(chart, null, 2)).gaps.at(-1)).toMatchObject({
      to: minute(11),
      state: 'recovered',
    });
    expect((await store.sessions())[0]?.gaps).toBe(4);

    const many = Array.from({ length: 600 }, (_, n) => gap({ from: minute(20) + n, to: minute(20) + n }));
    await store.commit(commitOf(1, [], [], { gaps: many }));
    expect((await store.candlePage(chart, null, 2)).gaps).toEqual(many.slice(100));
  });
});

describe('exports', () => {
  test('keep the order of receipt and their extent while commits go on', async () => {
    const store = await open(temporaryFolder());
    await store.beginSession(1);
    await store.commit(commitOf(1, [trade({ id: 'of an earlier session' })]));
    await store.beginSession(2);
    const rows = Array.from({ length: EXPORT_ROWS * 2 + 500 }, (_, n) =>
      trade({ id: `${n}`, exchangeTime: NOW - n, market: n % 3 === 0 ? 'a' : 'b' }),
    );
    await store.commit(commitOf(2, rows));
    const pages: StoredTrade[][] = [];
    const later: Promise<unknown>[] = [];
    for await (const page of store.exportTrades({ session: 2, market: null })) {
      pages.push([...page]);
      later.push(store.commit(commitOf(2, [trade({ id: `later ${pages.length}` })])));
      await later[0];
    }
    await Promise.all(later);
    expect(pages.map((page) => page.length)).toEqual([EXPORT_ROWS, EXPORT_ROWS, 500]);
    expect(pages.flat()).toEqual(rows);
    expect(await allOf(store.exportTrades({ session: 2, market: 'a' }))).toEqual(
      rows.filter(({ market }) => market === 'a'),
    );
    const whole = await allOf(store.exportTrades({ session: 2, market: null }));
    expect(whole.slice(rows.length).map(({ id }) => id)).toEqual(['later 1', 'later 2', 'later 3']);
    expect((await allOf(store.exportTrades({ session: 1, market: null }))).length).toBe(1);
  });

  test('of what was received since a time cross sessions, in the order of receipt', async () => {
    const store = await open(temporaryFolder());
    expect(await store.receivedSince(0)).toEqual([]);
    expect(await store.newestReceived(10)).toEqual([]);
    await store.beginSession(1);
    // More rows than one step back of the search.
    const old = Array.from({ length: 25_000 }, (_, n) => trade({ id: `old ${n}`, receiptTime: 1_000 + n }));
    await store.commit(commitOf(1, old));
    await store.beginSession(2);
    const recent = [3, 2, 5, 4].map((n) => trade({ id: `${n}`, receiptTime: 100_000 + n }));
    await store.commit(commitOf(2, recent));
    expect(await store.receivedSince(100_003)).toEqual([recent[0], recent[2], recent[3]]);
    expect(await store.receivedSince(26_000 - 100)).toEqual([...old.slice(-100), ...recent]);
    expect((await store.receivedSince(0)).length).toBe(25_004);
    expect(await store.receivedSince(200_000)).toEqual([]);
    expect(await store.receivedSince(0, 6)).toEqual([...old.slice(-2), ...recent]);
    expect(await store.newestReceived(3)).toEqual(recent.slice(1));
    expect((await store.newestReceived(100_000)).length).toBe(25_004);
  });
});

describe('closing', () => {
  test('waits for what was asked before, and refuses what is asked after', async () => {
    const folder = temporaryFolder();
    const store = await open(folder);
    await store.beginSession(1);
    const commits = Array.from({ length: 50 }, (_, n) => store.commit(commitOf(1, [trade({ id: `${n}` })])));
    await Promise.all([store.close(), store.close()]);
    await Promise.all(commits);
    expect(await failureOf(store.sessions())).toMatchObject({ kind: 'closed' });
    expect(await failureOf(store.commit(commitOf(1, [trade()])))).toMatchObject({ kind: 'closed' });
    const again = await open(folder, { readOnly: true });
    expect((await again.sessions())[0]).toMatchObject({ trades: 50 });
  });
});

describe('a thread that dies', () => {
  const dying = new URL('./dying-worker.ts', import.meta.url);

  test.each(['writer', 'reader'] as const)(
    'the %s: all that waits for it fails, the other goes on',
    async (which) => {
      const folder = temporaryFolder();
      const store = await open(folder, {
        workerScript: (name) => (name === which ? dying : workerScript(name)),
      });
      const asked =
        which === 'writer'
          ? [store.beginSession(1), store.commit(commitOf(1, [trade()])), store.writeSetting('a', '1')]
          : [store.sessions(), store.state(), allOf(store.exportTrades({ session: 1, market: null }))];
      const failures = await Promise.all(asked.map((one) => failureOf(one)));
      const later = which === 'writer' ? store.beginSession(1) : store.sessions();
      for (const failure of [...failures, await failureOf(later)]) {
        expect(failure).toEqual({
          kind: 'storage',
          message: `The thread that is the store's ${which} stopped (it exited with 3).`,
          action: 'Start Quipu again.',
        });
      }
      if (which === 'writer') expect(await store.sessions()).toEqual([]);
      else expect(await store.beginSession(5)).toMatchObject({ id: 1 });
      await store.close();
      const again = await open(folder);
      expect((await again.sessions()).length).toBe(which === 'writer' ? 0 : 1);
    },
  );
});
