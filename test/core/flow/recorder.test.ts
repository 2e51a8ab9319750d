/** From decoded messages to a real SQLite file and back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoverageInterval, CoverageState, Endpoint, Gap } from '../../../main/core/contract.ts';
import type { Candle, Origin } from '../../../main/core/flow/batch.ts';
import { Recorder } from '../../../main/core/flow/recorder.ts';
import type { DecodedCandle, DecodedTrade } from '../../../main/core/protocol/decode.ts';
import { QuipuError } from '../../../main/core/result.ts';
import { openStore } from '../../../main/core/store/open.ts';
import type { Store, StoredTrade } from '../../../main/core/store/store.ts';
import { type TemporaryFolder, temporaryFolder } from '../../helpers/quipu.ts';
import { TestClock } from '../../helpers/test-clock.ts';
import { workerScript } from '../../helpers/workers.ts';

const MINUTE = 60_000_000;

let folder: TemporaryFolder;
let store: Store;
let clock: TestClock;
let recorder: Recorder;
let origins: Origin[];
let gaps: Gap[];
let candles: Candle[];

function recorderOf(into: Store): Recorder {
  return new Recorder({
    clock,
    logger: { log: () => undefined },
    store: into,
    listener: {
      trade: (_trade, _receipt, origin) => void origins.push(origin),
      candle: (candle) => void candles.push(candle),
      gap: (gap) => void gaps.push(gap),
      changed: () => undefined,
    },
  });
}

async function newRecorder(): Promise<void> {
  store = await openStore({ folder: folder.path, workerScript });
  recorder = recorderOf(store);
  await recorder.restore();
  await recorder.begin();
}

beforeEach(async () => {
  folder = temporaryFolder();
  clock = new TestClock();
  origins = [];
  gaps = [];
  candles = [];
  await newRecorder();
});

afterEach(async () => {
  await store.close();
  folder.remove();
});

function trade(id: string, change: Partial<DecodedTrade> = {}): DecodedTrade {
  return {
    market: 'm',
    exchangeTime: clock.now(),
    priceDigits: 141342n,
    priceScale: 8,
    sizeDigits: 23n,
    sizeScale: 0,
    side: 2,
    id,
    ...change,
  };
}

function candle(start: number, trades: number, change: Partial<DecodedCandle> = {}): DecodedCandle {
  return {
    market: 'm',
    granularity: '1m',
    start,
    open: '1',
    high: '2',
    low: '0.5',
    close: '1.5',
    volume: '10',
    vwap: '1.25',
    trades,
    final: false,
    ...change,
  };
}

async function stored(): Promise<StoredTrade[]> {
  const rows: StoredTrade[] = [];
  const session = recorder.report.session ?? 0;
  for await (const page of store.exportTrades({ session, market: null })) rows.push(...page);
  return rows;
}

describe('trades', () => {
  it('come back exact, in the order of receipt', async () => {
    recorder.connected('trades');
    recorder.trade(trade('b', { priceDigits: 9_223_372_036_854_775_807n, priceScale: 18 }));
    recorder.trade(trade('a', { market: 'n', side: 0 }));
    await recorder.close();
    expect((await stored()).map(({ id, market, price, side }) => [id, market, price, side])).toEqual([
      ['b', 'm', '9.223372036854775807', 'sell'],
      ['a', 'n', '0.00141342', 'unknown'],
    ]);
  });

  it('redelivered are stored once, and new ones among them are marked', async () => {
    recorder.connected('trades');
    recorder.trade(trade('1'));
    clock.advance(5_000);
    recorder.disconnected('trades', 'cut', 0);
    const missed = trade('2');
    clock.advance(20_000);
    recorder.connected('trades');
    recorder.trade(trade('1', { exchangeTime: clock.now() - 25_000_000 }));
    recorder.trade(missed);
    recorder.trade(trade('3'));
    clock.advance(4_000);
    await recorder.close();
    expect((await stored()).map(({ id, origin }) => `${id} ${origin}`)).toEqual([
      '1 live',
      '2 redelivered',
      '3 live',
    ]);
    expect(recorder.report.trades).toEqual({ received: 4, stored: 3, duplicates: 1, refused: 0 });
    expect(gaps).toMatchObject([
      { endpoint: 'trades', state: 'recovered', recovered: 1, duplicates: 1, cause: 'cut' },
    ]);
    expect(gaps[0]).toMatchObject({ to: (gaps[0]?.from ?? 0) + 20_000 });
  });

  it('an outage without overlap is unverified, one of over two minutes is lost up to the last two', async () => {
    recorder.connected('trades');
    recorder.trade(trade('1'));
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(30_000);
    recorder.connected('trades');
    clock.advance(4_000);
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(300_000);
    recorder.connected('trades');
    clock.advance(4_000);
    await recorder.close();
    expect(gaps.map(({ state, from, to }) => [state, to - from])).toEqual([
      ['unverified', 30_000],
      ['lost', 180_000],
      ['unverified', 120_000],
    ]);
    expect((await store.sessions())[0]?.gaps).toBe(3);
  });

  it('a link that breaks while redelivery is judged makes one outage, not two', async () => {
    recorder.connected('trades');
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(10_000);
    recorder.connected('trades');
    recorder.disconnected('trades', 'again', 0);
    clock.advance(10_000);
    recorder.connected('trades');
    clock.advance(4_000);
    await recorder.close();
    expect(gaps.map(({ from, to, cause }) => [to - from, cause])).toEqual([[20_000, 'cut']]);
  });

  it('an earlier run’s trades are known after a restart', async () => {
    recorder.connected('trades');
    recorder.trade(trade('1'));
    recorder.trade(trade(''));
    await recorder.close();
    const before = clock.now();
    await store.close();
    clock.advance(60_000);
    await newRecorder();
    recorder.connected('trades');
    recorder.trade(trade('1', { exchangeTime: before }));
    recorder.trade(trade('', { exchangeTime: before }));
    recorder.trade(trade('2'));
    await recorder.close();
    expect((await stored()).map(({ id }) => id)).toEqual(['2']);
  });

  it('while not recording nothing is stored, and a new session has counts of its own', async () => {
    recorder.connected('trades');
    recorder.trade(trade('1'));
    await recorder.end();
    recorder.trade(trade('2'));
    await recorder.begin();
    recorder.trade(trade('3'));
    await recorder.close();
    expect((await store.sessions()).map(({ trades }) => trades).sort()).toEqual([1, 1]);
    expect((await stored()).map(({ id }) => id)).toEqual(['3']);
  });
});

describe('candles', () => {
  const rows = async (): Promise<Candle[]> => {
    const all: Candle[] = [];
    const session = recorder.report.session ?? 0;
    for await (const page of store.exportCandles({ session, market: null, granularity: null }))
      all.push(...page);
    return all;
  };

  it('are final once a later period arrives, or some time after their end', async () => {
    recorder.connected('candles');
    const start = Math.floor(clock.now() / MINUTE) * MINUTE;
    recorder.candle(candle(start, 1));
    recorder.candle(candle(start, 2));
    recorder.candle(candle(start + MINUTE, 1));
    clock.advance(131_000);
    await recorder.close();
    expect((await rows()).map(({ trades, final }) => [trades, final])).toEqual([
      [2, true],
      [1, true],
    ]);
  });

  it('a late revision is taken, and a redelivered older state does not replace a newer', async () => {
    recorder.connected('candles');
    const start = Math.floor(clock.now() / MINUTE) * MINUTE;
    recorder.candle(candle(start, 5));
    recorder.candle(candle(start + MINUTE, 1));
    recorder.candle(candle(start, 7, { close: '9' }));
    recorder.candle(candle(start, 3));
    await recorder.close();
    expect((await rows()).map(({ trades, close }) => [trades, close])).toEqual([
      [7, '9'],
      [1, '1.5'],
    ]);
    expect(recorder.report.candles).toEqual({ received: 4, stored: 2, refused: 0 });
  });

  it('settled by time alone, a candle of the past still grows with what arrives', async () => {
    recorder.connected('candles');
    recorder.candle(candle(0, 1));
    clock.advance(2_000);
    recorder.candle(candle(0, 4));
    await recorder.close();
    expect((await rows()).map(({ trades, final }) => [trades, final])).toEqual([[4, true]]);
  });
});

describe('coverage', () => {
  const covered = async (endpoint: Endpoint): Promise<[CoverageState, number][]> => {
    const all: CoverageInterval[] = [];
    const session = recorder.report.session ?? 0;
    for await (const page of store.coverage({ session, market: 'm' })) all.push(...page);
    return all
      .filter((one) => one.endpoint === endpoint)
      .map(({ from, state, to }) => [state, Math.round((to - from) / 1000)]);
  };

  function subscribe(endpoint: Endpoint): void {
    recorder.connected(endpoint);
    recorder.subscription(endpoint, 'm', 'requested', null);
    recorder.subscription(endpoint, 'm', 'confirmed', null);
  }

  it('reaches up to the last commit, with and without anything to record', async () => {
    recorder.watch(['m']);
    subscribe('trades');
    clock.advance(30_000);
    // With nothing to write there is a commit a second.
    await vi.waitFor(async () => {
      const [[state, ms] = [], ...more] = await covered('trades');
      expect([state, more]).toEqual(['live', []]);
      expect(ms).toBeGreaterThan(29_000);
    });
    await recorder.close();
    expect(await covered('trades')).toEqual([['live', 30_000]]);
    expect(await covered('candles')).toEqual([['off', 30_000]]);
  });

  it('a trade that was lacking and one that was held make an outage recovered, and its gap alike', async () => {
    recorder.watch(['m']);
    subscribe('trades');
    recorder.trade(trade('1'));
    const missed = trade('2', { exchangeTime: clock.now() + 7_000_000 });
    clock.advance(5_000);
    recorder.disconnected('trades', 'cut', 2_000);
    clock.advance(20_000);
    subscribe('trades');
    recorder.trade(trade('1', { exchangeTime: clock.now() - 25_000_000 }));
    recorder.trade(missed);
    clock.advance(4_000);
    await recorder.close();
    expect(await covered('trades')).toEqual([
      ['live', 3_000],
      ['recovered', 22_000],
      ['live', 4_000],
    ]);
    expect(gaps.map(({ from, state, to }) => [state, to - from])).toEqual([['recovered', 22_000]]);
  });

  it('redelivered states of the candle that was held are overlap, the older ones too', async () => {
    recorder.watch(['m']);
    subscribe('candles');
    const start = Math.floor(clock.now() / MINUTE) * MINUTE;
    for (const count of [1, 2, 3]) recorder.candle(candle(start, count));
    recorder.disconnected('candles', 'cut', 0);
    clock.advance(5_000);
    subscribe('candles');
    for (const count of [1, 2, 3, 4]) recorder.candle(candle(start, count));
    clock.advance(4_000);
    await recorder.close();
    expect(gaps).toMatchObject([{ endpoint: 'candles', state: 'recovered', duplicates: 3 }]);
    expect(await covered('candles')).toEqual([
      ['recovered', 5_000],
      ['live', 4_000],
    ]);
  });

  it('what the disk refused is lost; candles, gaps and coverage go with the next commit', async () => {
    await recorder.close();
    const real = store;
    let fails = false;
    store = {
      ...real,
      commit: (commit) =>
        fails ? Promise.reject(new QuipuError('storage', 'disk full', '')) : real.commit(commit),
    };
    recorder = recorderOf(store);
    recorder.watch(['m']);
    await recorder.begin();
    subscribe('trades');
    subscribe('candles');
    clock.advance(1_000);
    await vi.waitFor(async () => expect(await covered('trades')).toHaveLength(1));
    fails = true;
    recorder.trade(trade('1'));
    const start = Math.floor(clock.now() / MINUTE) * MINUTE;
    recorder.candle(candle(start, 1));
    clock.advance(50);
    await vi.waitFor(() => expect(recorder.recording.state).toBe('failed'));
    fails = false;
    clock.advance(1_950);
    await vi.waitFor(() => expect(recorder.recording.state).toBe('recording'));
    await recorder.close();
    expect(await covered('trades')).toEqual([
      ['live', 1_000],
      ['lost', 50],
      ['live', 1_950],
    ]);
    expect(await covered('candles')).toEqual([['live', 3_000]]);
    expect(await stored()).toEqual([]);
    const candleRows: Candle[] = [];
    const session = recorder.report.session ?? 0;
    for await (const page of store.exportCandles({ session, market: null, granularity: null }))
      candleRows.push(...page);
    expect(candleRows).toHaveLength(1);
  });

  it('an outage that the end cuts off is a gap too', async () => {
    recorder.watch(['m']);
    subscribe('trades');
    clock.advance(1_000);
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(2_000);
    await recorder.close();
    expect(gaps).toMatchObject([{ state: 'lost', cause: 'cut' }]);
    expect((await store.sessions())[0]?.gaps).toBe(1);
    expect(await covered('trades')).toEqual([
      ['live', 1_000],
      ['lost', 2_000],
    ]);
  });
});
