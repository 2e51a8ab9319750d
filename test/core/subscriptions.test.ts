/** What is subscribed to, through the whole core: real sockets, a real store, a server that keeps account. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CommandArgs, type CommandName, ENDPOINTS, type WatchRow } from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type FeedServer, feedServer } from '../faults/server.ts';

interface Asked {
  /** Of the server's connections, from 0. */
  readonly connection: number;
  readonly type: string;
  readonly markets: readonly string[];
  readonly granularity: string | undefined;
}

interface Server extends FeedServer {
  readonly asked: Asked[];
}

const WORDS = 'FORBIDDEN: the market is not in your plan';
const ports = { ...nodePorts(), logger: { log: () => undefined } };
const many = Array.from({ length: 500 }, (_, n) => `venue-${n}-usdt`);

let folder: string;
let core: Core | null;
let rows: readonly WatchRow[];
let trades: Server;
let candles: Server;
let replies: number;
let refused: Set<string>;
let mute: Set<string>;
let ask: (command: CommandName, args: CommandArgs<CommandName>) => void;

/** Acknowledges what it is asked for, but for what it refuses and what it says nothing to. */
async function server(): Promise<Server> {
  const asked: Asked[] = [];
  const listening = await feedServer({
    connected: (socket, connection) => {
      socket.on('message', (data: Buffer) => {
        const { traceId, type, payload } = JSON.parse(data.toString()) as {
          traceId: string;
          type: string;
          payload: { marketIds: string[]; granularity?: string };
        };
        const markets = payload.marketIds;
        asked.push({ connection, type, markets, granularity: payload.granularity });
        if (markets.some((market) => mute.has(market))) return;
        const bad = markets.filter((market) => refused.has(market));
        const answer =
          bad.length === 0
            ? { traceId, type: 'success', payload }
            : {
                traceId,
                type: 'error',
                payload: { code: 'FORBIDDEN', message: 'the market is not in your plan', marketIds: bad },
              };
        socket.send(JSON.stringify(answer));
      });
    },
  });
  return { ...listening, asked };
}

async function open(): Promise<void> {
  core = await createCore({
    host: 'browser',
    version: '1',
    folder,
    addresses: { trades: trades.url, candles: candles.url, dictionary: 'http://127.0.0.1:1' },
    environmentKey: 'key',
    ports,
  });
  rows = [];
  replies = 0;
  const client = core.connect((message) => {
    if (message.kind === 'reply') replies++;
    if (message.kind !== 'event') return;
    if (message.event.type === 'snapshot') rows = message.event.snapshot.watchlist;
    if (message.event.type === 'watchlist') rows = message.event.rows;
  });
  let id = 0;
  ask = (command, args) => client.request({ id: ++id, command, args });
  await core.resume();
  await expect.poll(() => ENDPOINTS.map((each) => core?.links()[each].phase)).toEqual(['live', 'live']);
}

const states = (endpoint: 'trades' | 'candles', state: string): number =>
  rows.filter((row) => row[endpoint] === state).length;

async function confirmed(count: number): Promise<void> {
  for (const endpoint of ENDPOINTS)
    await expect.poll(() => states(endpoint, 'confirmed'), { timeout: 20_000 }).toBe(count);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quipu-subscriptions-'));
  refused = new Set();
  mute = new Set();
  trades = await server();
  candles = await server();
});
afterEach(async () => {
  await core?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('subscriptions', { timeout: 60_000 }, () => {
  it('500 markets are asked for on one socket by 100, and by granularity, and each is confirmed', async () => {
    await open();
    ask('watch.set', { markets: many });
    await confirmed(500);
    expect(trades.asked.map(({ markets }) => markets.length)).toEqual([100, 100, 100, 100, 100]);
    expect(trades.asked.flatMap(({ markets }) => markets)).toEqual(many);
    for (const granularity of ['1m', '1h']) {
      const own = candles.asked.filter((each) => each.granularity === granularity);
      expect(own.flatMap(({ markets }) => markets)).toEqual(many);
    }
    expect(candles.asked).toHaveLength(10);
    expect([trades.sockets.length, candles.sockets.length]).toEqual([1, 1]);
  });

  it('the set is asked for again after a break and after a restart, in its order', async () => {
    await open();
    ask('watch.set', { markets: many });
    await confirmed(500);
    trades.sockets[0]?.terminate();
    await expect.poll(() => trades.sockets.length, { timeout: 20_000 }).toBe(2);
    await confirmed(500);
    await core?.close();
    await open();
    await confirmed(500);
    for (const connection of [1, 2]) {
      const own = trades.asked.filter((each) => each.connection === connection);
      expect(own.map(({ markets, type }) => [type, markets.length])).toEqual(
        Array(5).fill(['subscribe', 100]),
      );
      expect(own.flatMap(({ markets }) => markets)).toEqual(many);
    }
    expect(rows.map(({ market }) => market.id)).toEqual(many);
  });

  it('a change that comes before the rows of the one before were read is what is kept', async () => {
    await open();
    ask('watch.set', { markets: many });
    ask('watch.set', { markets: many.slice(1) });
    await expect.poll(() => replies, { timeout: 20_000 }).toBe(2);
    await core?.close();
    await open();
    expect(rows.map(({ market }) => market.id)).toEqual(many.slice(1));
  });

  it('twenty changes in a row are a few messages, and the last is what holds', async () => {
    await open();
    ask('watch.set', { markets: ['first'] });
    await confirmed(1);
    const before = trades.asked.length;
    for (let n = 1; n <= 20; n++) ask('watch.set', { markets: many.slice(0, n * 5) });
    await confirmed(100);
    const sent = trades.asked.slice(before);
    // A machine that is busy may take longer than the changes are waited for.
    expect(sent.length).toBeLessThanOrEqual(6);
    const subscribed = sent.filter(({ type }) => type === 'subscribe').flatMap(({ markets }) => markets);
    expect(subscribed).toEqual(many.slice(0, 100));
    expect(sent.filter(({ type }) => type === 'unsubscribe').flatMap(({ markets }) => markets)).toEqual([
      'first',
    ]);
  });

  it('a refused market has the server’s words, the others are served, and asking again can mend it', async () => {
    refused.add('bad');
    mute.add('mute');
    await open();
    ask('watch.set', { markets: ['a', 'bad', 'b'] });
    await confirmed(2);
    const row = (id: string): WatchRow | undefined => rows.find(({ market }) => market.id === id);
    expect(row('bad')).toMatchObject({ trades: 'refused', candles: 'refused', refusal: WORDS });
    expect(row('a')).toMatchObject({ trades: 'confirmed', refusal: null });

    ask('watch.set', { markets: ['a', 'bad', 'b', 'mute'] });
    await expect.poll(() => row('mute')?.trades, { timeout: 20_000 }).toBe('unconfirmed');
    expect(row('mute')?.refusal).toBeNull();

    refused.clear();
    mute.clear();
    ask('watch.retry', { markets: ['bad'] });
    await expect.poll(() => [row('bad')?.trades, row('bad')?.candles]).toEqual(['confirmed', 'confirmed']);
    expect(row('bad')?.refusal).toBeNull();
    expect(row('mute')?.trades).toBe('unconfirmed');
    ask('watch.retry', { markets: null });
    await confirmed(4);
  });
});
