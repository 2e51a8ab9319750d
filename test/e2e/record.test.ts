/** What `quipu record` keeps is what the server sent: the real command, real sockets, real SQLite. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DemoFeed, type DemoTrade, startDemoFeed } from '../../main/demo/feed.ts';
import { type Quipu, quipu, type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

const data =
  process.env['QUIPU_TEST_DATA'] ?? resolve(import.meta.dirname, '..', '..', '..', 'shared', 'data');
const tradesFile = resolve(data, 'xrp-eth-2019-10-11.trades.csv');
const candlesFile = resolve(data, 'xrp-eth-2019-10-11.candles-1m.csv');
const hasData = existsSync(tradesFile) && existsSync(candlesFile);

interface Summary {
  readonly session: number;
  readonly trades: {
    readonly received: number;
    readonly stored: number;
    readonly duplicates: number;
    readonly refused: number;
  };
  readonly candles: { readonly received: number; readonly stored: number; readonly refused: number };
  readonly connections: number;
  readonly gaps: number;
}

let folder: TemporaryFolder;
let feed: DemoFeed | null;

beforeEach(() => {
  folder = temporaryFolder();
  feed = null;
});
afterEach(async () => {
  await feed?.close();
  folder.remove();
});

function record(server: DemoFeed, args: readonly string[]): Quipu {
  return quipu(['record', ...args, '--data-dir', folder.path, '--json'], {
    QUIPU_API_KEY: server.key,
    QUIPU_TRADES_URL: server.addresses.trades,
    QUIPU_METRICS_URL: server.addresses.candles,
    QUIPU_DICTIONARY_URL: server.addresses.dictionary,
  });
}

async function finish(recording: Quipu): Promise<Summary> {
  recording.process.kill('SIGTERM');
  const { code, stdout, stderr } = await recording.ended;
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Summary;
}

type Row = Readonly<Record<string, string>>;

/** Good for what these tests export: no cell is quoted. */
function rowsOf(csv: string): Row[] {
  const [head = '', ...lines] = csv.trim().split(/\r?\n/);
  const names = head.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, n) => [names[n] ?? '', cell])));
}

async function exported(what: 'trades' | 'candles', session: number, ...more: string[]): Promise<Row[]> {
  const args = [what, '--session', String(session), '--format', 'csv', '--data-dir', folder.path, ...more];
  const { code, stdout, stderr } = await quipu(args).ended;
  expect(code, stderr).toBe(0);
  return rowsOf(stdout);
}

/** Until so many are committed: what is still in a socket when the command is ended is not recorded. */
async function committed(trades: number, candles = 0): Promise<void> {
  const counts = async (): Promise<boolean> => {
    const { stdout } = await quipu(['sessions', '--json', '--data-dir', folder.path]).ended;
    const [first] = JSON.parse(stdout) as { trades: number; candles: number }[];
    return first !== undefined && first.trades >= trades && first.candles >= candles;
  };
  await expect.poll(counts, { timeout: 60_000, interval: 500 }).toBe(true);
}

/** The value without zeros that say nothing: 23.00000000 and 23 are the same number. */
const value = (decimal = ''): string => (decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal);

describe.skipIf(!hasData)(
  'real trades of shared data, played at 20,000 times their speed',
  { timeout: 120_000 },
  () => {
    it('equal the source row for row, and so do the candles', async () => {
      const market = 'binance-xrp-eth';
      feed = await startDemoFeed({
        port: 0,
        seed: 1,
        rate: 0.1,
        key: 'k',
        playback: { file: tradesFile, market, speed: 20_000 },
      });
      const server = feed;
      const recording = record(server, ['--market', market, '--granularity', '1m']);
      await expect.poll(() => server.playbackEnded, { timeout: 90_000, interval: 100 }).toBe(true);
      // The last candle follows the last trade within a second.
      await committed(12_477, 2_469);
      const summary = await finish(recording);

      const source = rowsOf(readFileSync(tradesFile, 'utf8'));
      expect(source).toHaveLength(12_477);
      const trades = await exported('trades', summary.session);
      expect(
        trades.map((row) => [
          row['id'],
          Date.parse(row['exchange_time'] ?? ''),
          row['side'],
          row['price'],
          row['size'],
        ]),
      ).toEqual(
        source.map((row) => [
          row['id'],
          Number(row['timestamp_ms']),
          row['side'],
          value(row['price']),
          value(row['size']),
        ]),
      );
      expect(summary.trades).toEqual({ received: 12_477, stored: 12_477, duplicates: 0, refused: 0 });

      const given = rowsOf(readFileSync(candlesFile, 'utf8'));
      expect(given).toHaveLength(2_469);
      const candles = await exported('candles', summary.session, '--granularity', '1m');
      const prices = ['open', 'high', 'low', 'close'];
      expect(
        candles.map((row) => [Date.parse(row['start'] ?? ''), ...prices.map((name) => row[name])]),
      ).toEqual(given.map((row) => [Number(row['start_ms']), ...prices.map((name) => value(row[name]))]));
      candles.forEach((row, n) => expect(Number(row['volume'])).toBeCloseTo(Number(given[n]?.['volume']), 6));
    });
  },
);

describe('a synthetic feed', { timeout: 120_000 }, () => {
  const markets = ['binance-btc-usdt', 'okx-btc-usdt', 'binance-eth-usdt', 'kraken-eth-btc', 'okx-sol-usdt'];
  const watched = markets.flatMap((market) => ['--market', market]);

  async function start(rate: number): Promise<{ server: DemoFeed; sent: Map<string, DemoTrade[]> }> {
    const sent = new Map<string, DemoTrade[]>(markets.map((market) => [market, []]));
    const server = await startDemoFeed({
      port: 0,
      seed: 7,
      rate,
      key: 'k',
      onTrade: (trade) => sent.get(trade.market)?.push({ ...trade }),
    });
    feed = server;
    return { server, sent };
  }

  const published = (server: DemoFeed): number =>
    markets.reduce((sum, market) => sum + server.tradesPublished(market), 0);

  async function publishedMore(server: DemoFeed, trades: number): Promise<void> {
    const enough = published(server) + trades;
    await expect.poll(() => published(server), { timeout: 60_000, interval: 50 }).toBeGreaterThan(enough);
  }

  /** Compares what is stored with what the server sent since the subscription, trade by trade. */
  async function compare(server: DemoFeed, sent: Map<string, DemoTrade[]>, session: number): Promise<number> {
    const rows = await exported('trades', session);
    for (const market of markets) {
      const expected = (sent.get(market) ?? []).slice(-server.tradesPublished(market));
      const stored = rows.filter((row) => row['market_id'] === market);
      expect(
        stored.map((row) => [
          row['id'],
          row['side'],
          row['price'],
          row['size'],
          Date.parse(row['exchange_time'] ?? ''),
        ]),
      ).toEqual(
        expected.map(({ id, side, price, size, time }) => [id, side, value(price), value(size), time]),
      );
    }
    return rows.length;
  }

  it('ten reconnects at 1,000 trades a second: every trade that was sent is stored, none twice', async () => {
    const { server, sent } = await start(1_000);
    const recording = record(server, [...watched, '--granularity', '1m']);
    await publishedMore(server, 300);
    for (let cut = 0; cut < 10; cut++) {
      server.dropConnections();
      await publishedMore(server, 300);
      await expect
        .poll(() => server.connections, { timeout: 30_000, interval: 20 })
        .toEqual({ trades: 1, candles: 1 });
    }
    server.pause();
    await committed(published(server));
    const summary = await finish(recording);
    const stored = await compare(server, sent, summary.session);
    expect(stored).toBe(published(server));
    expect(summary.trades).toMatchObject({
      stored,
      refused: 0,
      received: stored + summary.trades.duplicates,
    });
    expect(summary.trades.duplicates).toBeGreaterThan(0);
    expect(summary.connections).toBe(22);
    const { stdout } = await quipu(['sessions', '--json', '--data-dir', folder.path]).ended;
    expect((JSON.parse(stdout) as { gaps: number }[])[0]?.gaps).toBe(summary.gaps);
    // A cut before redelivery had its time goes on with the outage before it.
    expect(summary.gaps).toBeGreaterThanOrEqual(2);
    expect(summary.gaps).toBeLessThanOrEqual(20);
  });

  it('a burst of 20,000 trades a second is recorded whole', async () => {
    const { server, sent } = await start(20_000);
    const recording = record(server, [...watched, '--granularity', '1m']);
    await publishedMore(server, 30_000);
    server.pause();
    await committed(published(server));
    const summary = await finish(recording);
    expect(await compare(server, sent, summary.session)).toBe(published(server));
    expect(summary).toMatchObject({ gaps: 0, connections: 2 });
  });
});
