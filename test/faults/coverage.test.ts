/**
 * The coverage ledger against the server's own truth: the whole core on real sockets and real SQLite,
 * cut off for so long. The long cuts run on a clock that the test moves.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CoverageInterval, WatchRow } from '../../main/core/contract.ts';
import { ENDPOINTS } from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import { openStore } from '../../main/core/store/open.ts';
import type { StoredTrade } from '../../main/core/store/store.ts';
import { type DemoFeed, type DemoTrade, startDemoFeed } from '../../main/demo/feed.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type Quipu, quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { TestClock } from '../helpers/test-clock.ts';
import { workerScript } from '../helpers/workers.ts';

const RATE = 500;
const REACH_MS = 120_000;
/** Of the feed's markets: those that trade, busiest first, and one that never does. */
const MARKETS = [
  'binance-btc-usdt',
  'binance-eth-usdt',
  'okx-btc-usdt',
  'okx-sol-usdt',
  'okx-doge-usdt',
  'okx-avax-usdt',
  'kraken-btc-usd',
  'binance-ada-usdt',
  'binance-link-usdt',
  'binance-xrp-eth',
  'binance-shib-usdt',
  'kraken-eth-btc',
  'kraken-ltc-usd',
  'kraken-dot-usdt',
];
const SILENT = 'kraken-xmr-usd';

interface Said extends DemoTrade {
  /** Milliseconds of the server's clock. */
  readonly said: number;
}

let folder: TemporaryFolder;
let feed: DemoFeed;
let said: Map<string, Said[]>;

beforeEach(() => {
  folder = temporaryFolder();
  said = new Map(MARKETS.map((market) => [market, []]));
});
afterEach(async () => {
  await feed.close();
  folder.remove();
});

/** The value without zeros that say nothing: 23.00000000 and 23 are the same number. */
const value = (decimal: string): string => (decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal);
const sentRow = ({ id, market, price, side, size, time }: DemoTrade): unknown[] => [
  market,
  id,
  time * 1000,
  value(price),
  value(size),
  side,
];
const storedRow = ({ exchangeTime, id, market, price, side, size }: StoredTrade): unknown[] => [
  market,
  id,
  exchangeTime,
  price,
  size,
  side,
];

/** What the server was to send of a market since it was subscribed. */
function subscribed(market: string): Said[] {
  const published = feed.tradesPublished(market);
  return published === 0 ? [] : (said.get(market) ?? []).slice(-published);
}

async function recorded(): Promise<{
  trades: StoredTrade[];
  coverage: CoverageInterval[];
  session: [number, number];
}> {
  const store = await openStore({ folder: folder.path, workerScript, readOnly: true });
  try {
    const [session] = await store.sessions();
    if (session === undefined || session.ended === null) throw new Error('no session that ended');
    const trades: StoredTrade[] = [];
    for await (const page of store.exportTrades({ session: session.id, market: null })) trades.push(...page);
    const coverage: CoverageInterval[] = [];
    for await (const page of store.coverage({ session: session.id, market: null })) coverage.push(...page);
    return { trades, coverage, session: [session.started * 1000, session.ended * 1000] };
  } finally {
    await store.close();
  }
}

/** Every line reaches from the session's start to its end without overlap or hole. */
function expectWhole(coverage: readonly CoverageInterval[], [started, ended]: [number, number]): void {
  for (const market of [...MARKETS, SILENT]) {
    for (const endpoint of ENDPOINTS) {
      const line = coverage.filter((one) => one.market === market && one.endpoint === endpoint);
      expect(line.map(({ from }) => from)).toEqual([started, ...line.slice(0, -1).map(({ to }) => to)]);
      expect(line.at(-1)?.to).toBe(ended);
    }
  }
}

const REAL_TIME_MS = 10_000;
const POLL = { timeout: 60_000, interval: 500 };

describe('a cut on the test clock', { timeout: 300_000 }, () => {
  let clock: TestClock;
  let core: Core;

  const links = (phase: string): boolean =>
    ENDPOINTS.every((endpoint) => core.links()[endpoint].phase === phase);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  /** While the clock stands still. */
  async function until(reached: () => boolean): Promise<void> {
    while (!reached()) await turn();
  }

  /** All that the server wrote has arrived. */
  function drained(): boolean {
    const report = core.report();
    return ENDPOINTS.every((endpoint) => report[endpoint].received === feed.counts[endpoint].written);
  }

  async function pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000);
      // A tick of the server hands out what it made; then everything arrives before time goes on.
      await until(drained);
      await turn();
    }
  }

  function confirmed(): boolean {
    let rows: readonly WatchRow[] = [];
    const view = core.connect((message) => {
      if (message.kind === 'event' && message.event.type === 'snapshot')
        rows = message.event.snapshot.watchlist;
    });
    view.close();
    return rows.length > 0 && rows.every((row) => row.trades === 'confirmed' && row.candles === 'confirmed');
  }

  async function connect(): Promise<void> {
    const view = core.connect(() => undefined);
    await until(() => {
      if (links('live')) return true;
      // Nothing while an attempt is under way.
      view.request({ id: 1, command: 'link.retry', args: { endpoint: null } });
      return false;
    });
    view.close();
    await until(confirmed);
  }

  async function recordThrough(cutSeconds: number): Promise<{ cut: number; back: number }> {
    clock = new TestClock();
    feed = await startDemoFeed({
      port: 0,
      seed: cutSeconds,
      rate: RATE,
      key: 'k',
      clock,
      onTrade: (trade) => said.get(trade.market)?.push({ ...trade, said: clock.monotonic() }),
    });
    core = await createCore({
      host: 'browser',
      version: '0.0.0',
      folder: folder.path,
      addresses: feed.addresses,
      environmentKey: feed.key,
      ports: { ...nodePorts(), clock, logger: { log: () => undefined } },
      fixed: { markets: [...MARKETS, SILENT], granularities: ['1m'] },
    });
    await core.start('live');
    await connect();
    await pass(30);

    const cut = clock.monotonic();
    feed.setFault({ status: 503 });
    feed.dropConnections();
    await until(() => !links('live') && feed.connections.trades + feed.connections.candles === 0);
    await pass(cutSeconds);
    const back = clock.monotonic();
    feed.setFault(null);
    await connect();
    await pass(8);
    await core.close();
    return { cut, back };
  }

  it.each([30, 119, 121, 300])('of %i s at 500 trades a second', async (cutSeconds) => {
    const { cut, back } = await recordThrough(cutSeconds);
    const { coverage, session, trades } = await recorded();
    expect(back - cut).toBe(cutSeconds * 1_000);
    expectWhole(coverage, session);

    let sent = 0;
    for (const market of MARKETS) {
      const own = subscribed(market);
      sent += own.length;
      const promised = own.filter((trade) => trade.said <= cut || trade.said >= back - REACH_MS);
      const stored = trades.filter((trade) => trade.market === market);
      expect(stored.map(storedRow)).toEqual(promised.map(sentRow));
      expect(stored.length).toBeGreaterThan(20);
    }
    const seconds = 30 + cutSeconds + 8;
    expect(sent).toBeGreaterThan(seconds * RATE * 0.9);

    const start = clock.now() / 1000 - clock.monotonic();
    const near = (micros: number | undefined, ms: number): void => {
      expect(Math.abs((micros ?? Infinity) / 1000 - start - ms)).toBeLessThan(1_000);
    };
    for (const market of [...MARKETS, SILENT]) {
      for (const endpoint of ENDPOINTS) {
        const outage = coverage.filter(
          (one) =>
            one.market === market &&
            one.endpoint === endpoint &&
            !['live', 'off', 'quiet'].includes(one.state),
        );
        const own = subscribed(market);
        const between = (from: number, to: number): boolean =>
          own.some((trade) => trade.said >= from && trade.said <= to);
        const reach = back - REACH_MS;
        // The server's truth: what it sent again of the time before the cut, or of the time after.
        const brought = cut < reach ? between(reach, back) : between(reach, cut);
        const rest = brought ? 'recovered' : 'unverified';
        const expected = cut < reach ? ['lost', rest] : [rest];
        // Candles are sent once a second: whether one was sent in the last second before a cut is not told.
        if (endpoint === 'trades' || Math.abs(cut - reach) > 1_000) {
          expect({ market, endpoint, states: outage.map(({ state }) => state) }).toEqual({
            market,
            endpoint,
            states: expected,
          });
        }
        near(outage[0]?.from, cut);
        near(outage.at(-1)?.to, back);
        if (cut < reach) near(outage[0]?.to, reach);
      }
    }
  });
});

interface Told {
  readonly market: string;
  readonly endpoint: string;
  readonly from: string;
  readonly to: string;
  readonly state: string;
  readonly cause: string;
}

describe('the command line, in real time', { timeout: 120_000 }, () => {
  let recording: Quipu;

  async function start(): Promise<void> {
    feed = await startDemoFeed({
      port: 0,
      seed: 5,
      rate: RATE,
      key: 'k',
      onTrade: (trade) => said.get(trade.market)?.push({ ...trade, said: trade.time }),
    });
    const watched = [...MARKETS, SILENT].flatMap((market) => ['--market', market]);
    recording = quipu(['record', ...watched, '--granularity', '1m', '--data-dir', folder.path, '--json'], {
      QUIPU_API_KEY: feed.key,
      QUIPU_TRADES_URL: feed.addresses.trades,
      QUIPU_METRICS_URL: feed.addresses.candles,
      QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
    });
    await seconds(3);
  }

  /** So many of the feed's, from when it is connected. */
  async function seconds(count: number): Promise<void> {
    await connections(1);
    const enough = feed.counts.trades.published + count * RATE * 0.9;
    await expect.poll(() => feed.counts.trades.published, { timeout: 60_000 }).toBeGreaterThan(enough);
  }

  async function connections(count: number): Promise<void> {
    await expect
      .poll(() => feed.connections, { timeout: 60_000, interval: 10 })
      .toEqual({ trades: count, candles: count });
  }

  function cut(): number {
    feed.setFault({ status: 503 });
    feed.dropConnections();
    return Date.now();
  }

  async function told(...args: string[]): Promise<Told[]> {
    const command = ['coverage', '--session', '1', '--data-dir', folder.path, '--json', ...args];
    const { code, stdout, stderr } = await quipu(command).ended;
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Told[];
  }

  async function listed<T>(what: 'sessions' | 'journal'): Promise<T[]> {
    const of = what === 'journal' ? ['--session', '1'] : [];
    const { code, stdout, stderr } = await quipu([what, ...of, '--data-dir', folder.path, '--json']).ended;
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as T[];
  }

  const outages = (coverage: readonly Told[]): Told[] =>
    coverage.filter(({ state }) => ['recovered', 'unverified', 'lost'].includes(state));

  it('a cut of 5 s at 500 trades a second is recovered, and no trade is lost or doubled', async () => {
    await start();
    const from = cut();
    await new Promise((done) => setTimeout(done, 5_000));
    feed.setFault(null);
    await expect.poll(() => feed.connections.trades, { timeout: 60_000, interval: 10 }).toBe(1);
    const to = Date.now();
    await seconds(5);
    feed.pause();
    const sent = MARKETS.reduce((sum, market) => sum + feed.tradesPublished(market), 0);
    await expect
      .poll(async () => (await listed<{ trades: number }>('sessions'))[0]?.trades, POLL)
      .toBeGreaterThanOrEqual(sent);
    await recording.stop();

    const { coverage, session, trades } = await recorded();
    expectWhole(coverage, session);
    for (const market of MARKETS) {
      const stored = trades.filter((trade) => trade.market === market);
      expect(stored.map(storedRow)).toEqual(subscribed(market).map(sentRow));
    }
    const all = await told();
    expect(all.map(({ from: text }) => Date.parse(text))).toEqual(
      coverage.map((one) => Math.floor(one.from / 1000)),
    );
    let overlaps = 0;
    for (const market of MARKETS) {
      const [outage, ...more] = outages(linesOf(all, market, 'trades'));
      expect(more).toEqual([]);
      // By the server's truth: what it sent before the cut it sent again.
      const held = subscribed(market).some((trade) => trade.said < from - 1_000);
      if (held) expect(outage?.state).toBe('recovered');
      expect(outage?.from).toMatch(/\.\d{6}Z$/);
      overlaps += held ? 1 : 0;
      // In real time, on a machine that does other things too; to the second it is proven on the test clock.
      expect(Math.abs(Date.parse(outage?.from ?? '') - from)).toBeLessThan(REAL_TIME_MS);
      expect(Math.abs(Date.parse(outage?.to ?? '') - to)).toBeLessThan(REAL_TIME_MS);
    }
    expect(overlaps).toBeGreaterThan(MARKETS.length / 2);
    expect(outages(linesOf(all, SILENT, 'trades')).map(({ state }) => state)).toEqual(['unverified']);
    expect(await told('--market', SILENT)).toEqual(all.filter(({ market }) => market === SILENT));
  });

  it('an outage that the end of the recording cuts off is lost', async () => {
    await start();
    const from = cut();
    await connections(0);
    const waiting = async (): Promise<unknown> =>
      new Set(
        (await listed<{ endpoint: string; to: string }>('journal'))
          .filter(({ to }) => to === 'waiting')
          .map(({ endpoint }) => endpoint),
      );
    await expect.poll(waiting, POLL).toEqual(new Set(['trades', 'candles']));
    await recording.stop();
    const { coverage, session } = await recorded();
    expectWhole(coverage, session);
    for (const market of [...MARKETS, SILENT]) {
      const last = coverage.filter((one) => one.market === market && one.endpoint === 'trades').at(-1);
      expect(last).toMatchObject({ state: 'lost', to: session[1] });
      expect(Math.abs((last?.from ?? 0) / 1000 - from)).toBeLessThan(REAL_TIME_MS);
    }
  });

  it('after kill -9 the ledger is whole up to the last commit, and no row is newer', async () => {
    await start();
    recording.process.kill('SIGKILL');
    await recording.ended;
    const { coverage, session, trades } = await recorded();
    const [started] = session;
    const until = coverage[0] === undefined ? 0 : Math.max(...coverage.map(({ to }) => to));
    expectWhole(coverage, [started, until]);
    expect(Math.floor(until / 1000) * 1000).toBe(session[1]);
    expect(Math.max(...trades.map(({ receiptTime }) => receiptTime))).toBeLessThanOrEqual(until);
    // All that came while it was live is there: the ledger tells nothing that the rows do not.
    for (const market of MARKETS) {
      const stored = trades.filter((trade) => trade.market === market);
      expect(stored.map(storedRow)).toEqual(subscribed(market).slice(0, stored.length).map(sentRow));
    }
  });
});

function linesOf(coverage: readonly Told[], market: string, endpoint: string): Told[] {
  return coverage.filter((one) => one.market === market && one.endpoint === endpoint);
}
