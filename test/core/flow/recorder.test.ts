/** From decoded messages to a real SQLite file and back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type CoverageInterval,
  type CoverageStart,
  type CoverageState,
  type Endpoint,
  ENDPOINTS,
  type Gap,
  type HealthMinute,
  type JournalEntry,
} from '../../../main/core/contract.ts';
import type { CoverageTold } from '../../../main/core/coverage/today.ts';
import type { Candle, Origin } from '../../../main/core/flow/batch.ts';
import { Recorder } from '../../../main/core/flow/recorder.ts';
import type { DecodedCandle, DecodedTrade } from '../../../main/core/protocol/decode.ts';
import { QuipuError } from '../../../main/core/result.ts';
import type { Cause } from '../../../main/core/session/machine.ts';
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
let told: JournalEntry[];
/** Warnings, but for what a disk that fails says at every commit. */
let logged: string[];
let candles: Candle[];
let known: CoverageTold[];

function recorderOf(into: Store): Recorder {
  return new Recorder({
    clock,
    logger: {
      log: (level, message) => {
        if (level !== 'info' && message !== 'not recording') logged.push(message);
      },
    },
    store: into,
    listener: {
      trade: (_trade, _receipt, origin) => void origins.push(origin),
      candle: (candle) => void candles.push(candle),
      gap: (gap) => void gaps.push(gap),
      journal: (entry) => void told.push(entry),
      coverage: (each) => void known.push(each),
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
  told = [];
  logged = [];
  candles = [];
  known = [];
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

/** Time passes on links that are alive. */
function live(ms: number): void {
  for (let passed = 0; passed < ms; passed += 1_000) {
    clock.advance(1_000);
    for (const endpoint of ENDPOINTS) recorder.alive(endpoint, 0);
  }
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

  it('of one packet are stored once, in their order, and told when all of it came', async () => {
    recorder.connected('trades');
    const packet = Array.from({ length: 3_000 }, (_, n) => trade(n % 3 === 2 ? 'again' : `${n}`));
    const ids = packet.filter(({ id }, n) => id !== 'again' || n === 2).map(({ id }) => id);
    recorder.together((given) => {
      for (const [n, each] of given.entries()) {
        recorder.trade(each);
        if (n === 10) expect(origins).toEqual([]);
      }
      recorder.together(() => undefined, null);
      expect(origins.length).toBeLessThan(ids.length);
    }, packet);
    expect(origins.length).toBe(ids.length);
    recorder.together(() => {
      recorder.trade(trade('0'));
      recorder.trade(trade('last'));
      recorder.disconnected('trades', 'cut', 0);
    }, null);
    await recorder.close();
    expect((await stored()).map(({ id }) => id)).toEqual([...ids, 'last']);
    expect(recorder.report.trades).toEqual({
      ...{ received: 3_002, stored: ids.length + 1, duplicates: 3_002 - ids.length - 1, refused: 0 },
    });
  });

  it('that a packet brings before it fails are kept', async () => {
    recorder.connected('trades');
    const fail = (): never => {
      recorder.trade(trade('1'));
      throw new Error('broken');
    };
    expect(() => recorder.together(fail, null)).toThrow('broken');
    await recorder.close();
    expect((await stored()).map(({ id }) => id)).toEqual(['1']);
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
    live(4_000);
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
    live(4_000);
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(300_000);
    recorder.connected('trades');
    live(4_000);
    await recorder.close();
    expect(gaps.map(({ state, from, to }) => [state, to - from])).toEqual([
      ['unverified', 30_000],
      ['lost', 180_000],
      ['unverified', 120_000],
    ]);
    expect((await store.sessions())[0]?.gaps).toBe(3);
  });

  it('after a long outage a trade that was on its way when the connection stood proves nothing', async () => {
    recorder.connected('trades');
    recorder.trade(trade('1'));
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(300_000);
    recorder.connected('trades');
    clock.advance(50);
    // Its exchange's clock may be behind ours, too.
    recorder.trade(trade('2', { exchangeTime: clock.now() - 80_000 }));
    recorder.trade(trade('3', { exchangeTime: clock.now() - 8_000_000 }));
    live(4_000);
    await recorder.close();
    expect(gaps.map(({ state, recovered }) => [state, recovered])).toEqual([
      ['lost', 0],
      ['unverified', 2],
    ]);
  });

  it('a link that breaks while redelivery is judged makes one outage, not two', async () => {
    recorder.connected('trades');
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(10_000);
    recorder.connected('trades');
    recorder.disconnected('trades', 'again', 0);
    clock.advance(10_000);
    recorder.connected('trades');
    live(4_000);
    await recorder.close();
    expect(gaps.map(({ from, to, cause }) => [to - from, cause])).toEqual([[20_000, 'cut']]);
  });

  it('of a session that was deleted are not recorded in the next one too: it may be restored', async () => {
    recorder.connected('trades');
    const sent = trade('1');
    recorder.trade(sent);
    clock.advance(5_000);
    await recorder.close();
    const deleted = recorder.report.session ?? 0;
    // The store's thread goes by the wall clock.
    await store.removeSession(deleted, Date.now());
    await store.close();
    await newRecorder();
    recorder.connected('trades');
    recorder.trade(sent);
    recorder.trade(trade('2'));
    await recorder.close();
    expect((await stored()).map(({ id }) => id)).toEqual(['2']);
    await store.restoreSession(deleted, Date.now());
    expect((await store.tradePage('m', null, 10)).count).toBe(2);
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

  it.each([
    ['an earlier session was recorded with the clock ahead', [86_400_000, 0, 0]],
    ['the clock was set back meanwhile', [0, 0, -600_000]],
    ['the clock was set forward meanwhile', [0, 0, 86_400_000]],
  ])('an earlier run’s trades are known though %s', async (_how, [first = 0, second = 0, third = 0]) => {
    const now = clock.now.bind(clock);
    let set = first;
    clock.now = () => now() + set * 1000;
    const run = async (trades: () => void): Promise<void> => {
      await newRecorder();
      recorder.connected('trades');
      trades();
      clock.advance(5_000);
      await recorder.close();
    };
    const again = async (): Promise<void> => {
      await store.close();
      clock.advance(20_000);
    };
    await recorder.close();
    await again();
    await run(() => recorder.trade(trade('0')));
    await again();
    set = second;
    const [sent, last] = [trade('1'), trade('2')];
    await run(() => {
      recorder.trade(sent);
      clock.advance(5_000);
      set = third;
      clock.advance(5_000);
      recorder.trade(last);
    });
    await again();
    await run(() => {
      recorder.trade(sent);
      recorder.trade(last);
      recorder.trade(trade('3'));
    });
    expect((await stored()).map(({ id }) => id)).toEqual(['3']);
  });

  it('begins and ends take turns: the last that was asked for holds', async () => {
    recorder.connected('trades');
    recorder.trade(trade('1'));
    clock.advance(60);
    // A commit is under way, for which the end waits.
    await Promise.all([recorder.end(), recorder.begin(), recorder.begin()]);
    expect(recorder.recording.state).toBe('recording');
    recorder.trade(trade('2'));
    await Promise.all([recorder.end(), recorder.begin(), recorder.end()]);
    expect(recorder.recording.state).toBe('stopped');
    await recorder.close();
    expect((await store.sessions()).map(({ state, trades }) => [state, trades])).toEqual([
      ['ended', 1],
      ['ended', 1],
      ['ended', 0],
    ]);
  });

  it('that a session lost at its end are no gap of the next one', async () => {
    await recorder.close();
    const real = store;
    let fails = true;
    store = {
      ...real,
      commit: (commit) =>
        fails ? Promise.reject(new QuipuError('storage', 'disk full', '')) : real.commit(commit),
    };
    recorder = recorderOf(store);
    await recorder.begin();
    recorder.connected('trades');
    recorder.trade(trade('1'));
    await recorder.end();
    fails = false;
    clock.advance(3_600_000);
    await recorder.begin();
    recorder.trade(trade('2'));
    await recorder.close();
    expect(gaps).toEqual([]);
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

  it('one of a time that has not come settles none that runs', async () => {
    recorder.connected('candles');
    const start = Math.floor(clock.now() / MINUTE) * MINUTE;
    const ahead = candle(start + 525_600 * MINUTE, 1);
    recorder.candle(ahead);
    recorder.candle(candle(start, 1));
    recorder.candle(ahead);
    recorder.candle(candle(start, 2));
    const states = (): unknown[] =>
      candles
        .filter((each) => each.start < ahead.start)
        .map(({ start: at, trades, final }) => [(at - start) / MINUTE, trades, final]);
    expect(states()).toEqual([
      [0, 1, false],
      [0, 2, false],
    ]);
    clock.advance(61_000);
    recorder.candle(ahead);
    recorder.candle(candle(start + MINUTE, 1));
    recorder.candle(candle(start + MINUTE, 2));
    clock.advance(61_000);
    recorder.candle(candle(start + 2 * MINUTE, 1));
    await recorder.close();
    const last = new Map(
      (await rows()).map((each) => [(each.start - start) / MINUTE, [each.trades, each.final]]),
    );
    expect(last).toEqual(
      new Map([
        [0, [2, true]],
        [1, [2, true]],
        [2, [1, false]],
        [525_600, [1, false]],
      ]),
    );
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

  it('are counted as the session counts them: once each, and not before they are on disk', async () => {
    await recorder.close();
    const real = store;
    let fails = true;
    store = {
      ...real,
      commit: (commit) =>
        fails ? Promise.reject(new QuipuError('storage', 'disk full', '')) : real.commit(commit),
    };
    recorder = recorderOf(store);
    await recorder.begin();
    recorder.connected('candles');
    const start = Math.floor(clock.now() / MINUTE) * MINUTE;
    for (const minute of [0, 1, 2]) recorder.candle(candle(start + minute * MINUTE, 1));
    clock.advance(50);
    await vi.waitFor(() => expect(recorder.recording.state).toBe('failed'));
    expect(recorder.report.candles.stored).toBe(0);
    fails = false;
    clock.advance(1_000);
    await vi.waitFor(() => expect(recorder.report.candles.stored).toBe(3));
    // Another state of each, and of an older one that is no longer in memory.
    for (const minute of [0, 1, 2]) recorder.candle(candle(start + minute * MINUTE, 2));
    clock.advance(50);
    recorder.candle(candle(start - MINUTE, 1));
    expect(recorder.recording.session?.candles).toBe(3);
    await recorder.close();
    expect(recorder.report.candles).toEqual({ received: 7, stored: 4, refused: 0 });
    expect((await store.sessions()).at(-1)?.candles).toBe(4);
    await recorder.begin();
    expect(recorder.report.candles.stored).toBe(0);
    await recorder.close();
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
    live(4_000);
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
    live(4_000);
    await recorder.close();
    expect(gaps).toMatchObject([{ endpoint: 'candles', state: 'recovered', duplicates: 3 }]);
    expect(await covered('candles')).toEqual([
      ['recovered', 5_000],
      ['live', 4_000],
    ]);
  });

  /** What was told so far, as a view puts it together. */
  function asTold(endpoint: Endpoint): [CoverageState, number][] {
    let starts: CoverageStart[] = [];
    for (const { changes } of known) {
      for (const change of changes) {
        if (change.market !== 'm' || change.endpoint !== endpoint) continue;
        starts = [...starts.filter(({ from }) => from < change.from), ...change.starts];
      }
    }
    const until = known.at(-1)?.until ?? 0;
    return starts
      .map(({ from, state }, index): [CoverageState, number] => [
        state,
        Math.round(((starts[index + 1]?.from ?? until) - from) / 1000),
      ])
      .filter(([, ms]) => ms > 0);
  }

  it('what the disk refused waits, with all that came meanwhile, and is stored in its order', async () => {
    await recorder.close();
    known = [];
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
    const before = await covered('trades');
    fails = true;
    recorder.trade(trade('1'));
    const start = Math.floor(clock.now() / MINUTE) * MINUTE;
    recorder.candle(candle(start, 1));
    clock.advance(50);
    await vi.waitFor(() => expect(recorder.recording.state).toBe('failed'));
    recorder.trade(trade('2'));
    clock.advance(900);
    recorder.trade(trade('3'));
    expect(await covered('trades')).toEqual(before);
    // What is not on disk is not told.
    expect(asTold('trades')).toEqual(await covered('trades'));
    fails = false;
    clock.advance(1_050);
    await vi.waitFor(() => expect(recorder.recording.state).toBe('recording'));
    await recorder.close();
    expect(await covered('trades')).toEqual([['live', 3_000]]);
    expect(await covered('candles')).toEqual([['live', 3_000]]);
    expect((await stored()).map(({ id }) => id)).toEqual(['1', '2', '3']);
    expect(gaps).toEqual([]);
    for (const endpoint of ENDPOINTS) expect(asTold(endpoint)).toEqual(await covered(endpoint));
    expect(known.map(({ ended }) => ended).lastIndexOf(false)).toBe(known.length - 2);
    expect(known.at(-1)).toMatchObject({ session: recorder.report.session, ended: true, changes: [] });
    const candleRows: Candle[] = [];
    const session = recorder.report.session ?? 0;
    for await (const page of store.exportCandles({ session, market: null, granularity: null }))
      candleRows.push(...page);
    expect(candleRows).toHaveLength(1);
  });

  it('an outage that the end cuts off is a gap too', async () => {
    recorder.watch(['m']);
    subscribe('trades');
    live(4_000);
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(2_000);
    await recorder.close();
    expect(gaps).toMatchObject([{ state: 'lost', cause: 'cut' }]);
    expect((await store.sessions())[0]?.gaps).toBe(1);
    expect(await covered('trades')).toEqual([
      ['live', 4_000],
      ['lost', 2_000],
    ]);
  });
});

/** What a link would have told of its going to live. */
const OPENED: Cause = { kind: 'opened', message: 'The server accepted the connection.', serverWords: null };
const CLOSED: Cause = { kind: 'closed', message: 'The server goes away (1001).', serverWords: 'bye' };
const ALL = { session: null, endpoint: null };

async function journal(from = store): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const page of from.journal(ALL)) entries.push(...page);
  return entries;
}

describe('the journal', () => {
  it('has each transition once, with the session it happened in, as it was told', async () => {
    const first = recorder.report.session;
    recorder.transition('trades', 'handshaking', 'live', OPENED);
    clock.advance(1_000);
    recorder.transition('trades', 'live', 'waiting', CLOSED);
    await recorder.end();
    recorder.transition('candles', 'idle', 'connecting', { ...OPENED, kind: 'start' });
    await recorder.begin();
    recorder.transition('trades', 'waiting', 'stopped', { ...OPENED, kind: 'stop' });
    await recorder.close();
    const at = Date.parse('2024-01-15T18:00:00Z');
    const shared = { type: 'transition' as const, endpoint: 'trades' as const, session: first };
    expect(told.slice(0, 2)).toEqual([
      { ...shared, row: 1, at, from: 'handshaking', to: 'live', ...OPENED },
      { ...shared, row: 2, at: at + 1_000, from: 'live', to: 'waiting', ...CLOSED },
    ]);
    expect(told.map(({ row, session }) => [row, session])).toEqual([
      [1, first],
      [2, first],
      [3, null],
      [4, recorder.report.session],
    ]);
    expect(await journal()).toEqual(told);
  });

  it('without a session it is written within a second', async () => {
    await recorder.end();
    recorder.transition('trades', 'idle', 'connecting', OPENED);
    clock.advance(1_000);
    await vi.waitFor(async () => expect(await journal()).toEqual(told));
    expect(told).toHaveLength(1);
    await recorder.close();
  });

  it('goes with the next commit, each entry with one, and what is written waits no more', async () => {
    await recorder.close();
    const real = store;
    const rows: number[] = [];
    let acknowledge: () => void = () => undefined;
    const acknowledged = new Promise<void>((done) => (acknowledge = done));
    store = {
      ...real,
      commit: async (commit) => {
        rows.push(...(commit.journal ?? []).map(({ row }) => row));
        const done = await real.commit(commit);
        await acknowledged;
        return done;
      },
    };
    recorder = recorderOf(store);
    await recorder.begin();
    clock.advance(100);
    told = [];
    for (let n = 0; n < 30; n++) {
      for (let each = 0; each < 25; each++) recorder.transition('trades', 'live', 'stale', OPENED);
      clock.advance(100);
      if (n === 15) {
        // They wait for a commit that is not known to be on disk yet, and are told once.
        expect((await recorder.journalPage(ALL, null, 1_000)).entries).toEqual(told);
        acknowledge();
        await acknowledged;
        await new Promise((done) => setImmediate(done));
      }
    }
    await recorder.close();
    expect(rows).toEqual(told.map(({ row }) => row));
    expect(await journal()).toHaveLength(750);
    expect(logged).toEqual([]);
  });

  it('has a report of each stretch of an outage, alike to its gap', async () => {
    recorder.connected('trades');
    recorder.trade(trade('1'));
    recorder.disconnected('trades', 'cut', 0);
    clock.advance(300_000);
    const missed = trade('2', { exchangeTime: clock.now() - 20_000_000 });
    recorder.connected('trades');
    recorder.trade(missed);
    live(4_000);
    recorder.disconnected('trades', 'again', 0);
    clock.advance(1_000);
    recorder.connected('trades');
    recorder.trade(missed);
    live(4_000);
    await recorder.close();
    const reports = await journal();
    expect(reports).toEqual(told);
    const parts = reports.map((entry) => {
      if (entry.type !== 'outage') throw new Error('not a report');
      const { cause, duplicates, endpoint, from, overlap, recovered, session, state, to } = entry;
      return { gap: { cause, duplicates, endpoint, from, recovered, session, state, to }, overlap };
    });
    expect(parts.map(({ gap }) => gap)).toEqual(gaps);
    expect(parts.map(({ gap, overlap }) => [gap.state, gap.recovered, gap.duplicates, overlap])).toEqual([
      ['lost', 0, 0, false],
      ['recovered', 1, 0, false],
      ['recovered', 0, 1, true],
    ]);
    // It is judged once redelivery has had its time, and the link was heard of after that.
    expect(reports[1]?.at).toBe((parts[1]?.gap.to ?? 0) + 3_000);
  });

  it('a disk that refuses it stops nothing; a page has it all the same, and it is written later', async () => {
    await recorder.close();
    const real = store;
    let fails = true;
    const refused = (): Promise<never> => Promise.reject(new QuipuError('storage', 'disk full', ''));
    store = {
      ...real,
      commit: (commit) => (fails ? refused() : real.commit(commit)),
      note: (entries) => (fails ? refused() : real.note(entries)),
    };
    recorder = recorderOf(store);
    recorder.transition('trades', 'idle', 'connecting', OPENED);
    clock.advance(3_000);
    const warning = ['the journal cannot be written'];
    await vi.waitFor(() => expect(logged).toEqual(warning));
    // It is said once, though it is tried every second.
    clock.advance(1_000);
    await recorder.journalPage(ALL, null, 9);
    expect(logged).toEqual(warning);
    await recorder.begin();
    recorder.transition('candles', 'idle', 'connecting', OPENED);
    clock.advance(200);
    await vi.waitFor(() => expect(recorder.recording.state).toBe('failed'));
    expect(await journal()).toEqual([]);
    expect(await recorder.journalPage(ALL, null, 9)).toEqual({ more: false, entries: told });
    const [first, second] = told;
    if (first === undefined || second === undefined) throw new Error('two were told');
    expect(await recorder.journalPage(ALL, null, 1)).toEqual({ more: true, entries: [second] });
    expect(await recorder.journalPage(ALL, second.row, 1)).toEqual({ more: false, entries: [first] });
    expect(await recorder.journalPage({ ...ALL, endpoint: 'trades' }, null, 9)).toMatchObject({
      entries: [first],
    });
    expect(await recorder.journalPage({ ...ALL, session: second.session }, null, 9)).toMatchObject({
      entries: [second],
    });
    fails = false;
    await recorder.close();
    expect(await journal()).toEqual(told);
    expect(await recorder.journalPage(ALL, null, 9)).toEqual({ more: false, entries: told });
  });

  it('is bounded while the disk refuses it, and so are its words', async () => {
    await recorder.close();
    const real = store;
    let fails = true;
    store = {
      ...real,
      note: (entries) =>
        fails ? Promise.reject(new QuipuError('storage', 'disk full', '')) : real.note(entries),
    };
    recorder = recorderOf(store);
    const long = 'x\u202e'.repeat(5_000);
    for (let n = 0; n < 1_100; n++) {
      recorder.transition('trades', 'live', 'waiting', { kind: long, message: long, serverWords: long });
    }
    fails = false;
    await recorder.close();
    const entries = await journal();
    expect(entries.map(({ row }) => row)).toEqual(told.slice(100).map(({ row }) => row));
    expect(entries[0]).toMatchObject({
      kind: 'x'.repeat(60),
      message: 'x'.repeat(500),
      serverWords: 'x'.repeat(500),
    });
    expect(logged).toContain('entries of the journal are lost, since the disk refuses them');
  });
});

describe('health', () => {
  const minutes = async (): Promise<HealthMinute[]> => {
    const all: HealthMinute[] = [];
    for await (const page of store.health(recorder.report.session)) all.push(...page);
    return all;
  };
  const of = (all: readonly HealthMinute[], endpoint: Endpoint): HealthMinute[] =>
    all.filter((one) => one.endpoint === endpoint);
  const START = Date.parse('2024-01-15T18:00:00Z');
  const NOTHING = {
    messages: 0,
    bytes: 0,
    lagP50: null,
    lagP95: null,
    lagP99: null,
    clockOffset: null,
    roundTrip: null,
    reconnects: 0,
    refused: 0,
  };

  it('is kept by whole minutes and written at the end of each and of the session', async () => {
    const session = recorder.report.session;
    const meter = recorder.meter('trades');
    clock.advance(10_000);
    meter.clockOffset(250);
    recorder.connected('trades');
    for (let n = 1; n <= 100; n++) {
      meter.frame(10);
      meter.lag(n);
    }
    meter.roundTrip(9);
    meter.roundTrip(7.5);
    recorder.refused('trades', { reason: 'price', sample: 'x' });
    recorder.disconnected('trades', 'cut', 0);
    recorder.connected('trades');
    clock.advance(49_999);
    meter.frame(1);
    clock.advance(1);
    // The first moment of the next minute.
    meter.frame(5);
    meter.lag(-3);
    clock.advance(1_000);
    await vi.waitFor(async () => expect(await minutes()).toHaveLength(2));
    clock.advance(125_000);
    await recorder.close();
    const all = await minutes();
    expect(of(all, 'candles')).toEqual(
      [0, 1, 2, 3].map((n) => ({ ...NOTHING, session, endpoint: 'candles', at: START + n * 60_000 })),
    );
    const [first, ...rest] = of(all, 'trades');
    expect(first).toMatchObject({
      session,
      at: START,
      messages: 101,
      bytes: 1_001,
      clockOffset: 250,
      roundTrip: 7.5,
      reconnects: 1,
      refused: 1,
    });
    for (const [told, truth] of [
      [first?.lagP50, 50],
      [first?.lagP95, 95],
      [first?.lagP99, 99],
    ] as const)
      expect(Math.abs((told ?? NaN) - truth)).toBeLessThanOrEqual(truth * 0.01);
    const later = { ...NOTHING, session, endpoint: 'trades', clockOffset: 250 };
    const lags = { lagP50: -3, lagP95: -3, lagP99: -3 };
    expect(rest).toEqual([
      { ...later, at: START + 60_000, messages: 1, bytes: 5, ...lags },
      { ...later, at: START + 120_000 },
      { ...later, at: START + 180_000 },
    ]);
  });

  it('what comes before a session is not of it; a link that was open then has had its first connection', async () => {
    await recorder.end();
    const meter = recorder.meter('trades');
    recorder.connected('trades');
    meter.frame(10);
    meter.lag(5);
    await recorder.begin();
    meter.frame(3);
    recorder.disconnected('trades', 'cut', 0);
    recorder.connected('trades');
    recorder.connected('candles');
    await recorder.close();
    const [trades] = of(await minutes(), 'trades');
    expect(trades).toMatchObject({ messages: 1, bytes: 3, lagP50: null, reconnects: 1 });
    expect(of(await minutes(), 'candles')).toMatchObject([{ reconnects: 0 }]);
  });

  it('no minute comes twice when the clock is set back, and one that the disk refused comes later', async () => {
    await recorder.close();
    const real = store;
    let fails = true;
    store = {
      ...real,
      commit: (commit) =>
        fails ? Promise.reject(new QuipuError('storage', 'disk full', '')) : real.commit(commit),
    };
    const now = clock.now.bind(clock);
    let set = 0;
    clock.now = () => now() + set;
    recorder = recorderOf(store);
    await recorder.begin();
    clock.advance(61_000);
    await vi.waitFor(() => expect(recorder.recording.state).toBe('failed'));
    fails = false;
    set = -3_600_000_000;
    clock.advance(60_000);
    recorder.meter('trades').frame(4);
    await recorder.close();
    const trades = of(await minutes(), 'trades');
    expect(trades.map(({ at, messages }) => [at - START, messages])).toEqual([
      [0, 0],
      [60_000, 0],
      [120_000, 1],
    ]);
  });
});

describe('refusals', () => {
  it('of the running session are told at once and exactly, of an older one out of the store', async () => {
    const first = recorder.report.session ?? 0;
    const at = clock.now() / 1000;
    recorder.refused('trades', { reason: 'price', sample: 'a' });
    recorder.refused('trades', { reason: 'price', sample: 'b' });
    const counted = [
      {
        endpoint: 'trades',
        reason: 'price',
        count: 2,
        first: at,
        last: at,
        samples: [
          { at, text: 'b' },
          { at, text: 'a' },
        ],
      },
    ];
    expect(await store.refusals(first)).toEqual([]);
    expect(await recorder.refusals(null)).toEqual(counted);
    expect(await recorder.refusals(first)).toEqual(counted);
    clock.advance(1_050);
    await vi.waitFor(async () => expect(await store.refusals(first)).toEqual(counted));
    await recorder.end();
    expect(await recorder.refusals(null)).toEqual([]);
    recorder.refused('trades', { reason: 'price', sample: 'between' });
    await recorder.begin();
    expect(await recorder.refusals(null)).toEqual([]);
    recorder.refused('candles', { reason: 'json', sample: '' });
    await recorder.close();
    expect(await recorder.refusals(first)).toEqual(counted);
    expect(await recorder.refusals(recorder.report.session)).toMatchObject([
      { endpoint: 'candles', reason: 'json', count: 1, samples: [] },
    ]);
    await expect(recorder.refusals(99)).rejects.toMatchObject({ kind: 'not-found' });
  });
});
