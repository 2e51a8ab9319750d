/**
 * The contract over each transport: a real core with the real demo feed and real SQLite, asked by the
 * renderer's own client through a MessagePort, and through the browser host's WebSocket.
 */
import { join } from 'node:path';
import { MessageChannel, type MessagePort as NodePort } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket as WsSocket } from 'ws';
import {
  CANDLE_FIELDS,
  type ClientChannel,
  type CommandName,
  CONTRACT_VERSION,
  type CoreEvent,
  floatsOf,
  type Message,
  type Snapshot,
  TRADE_FIELDS,
} from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import { type CorePort, servePort } from '../../main/core/transport/serve-port.ts';
import { type Host, startHost } from '../../main/headless/host.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type Client, createClient } from '../../renderer/state/client.ts';
import { socketChannel } from '../../renderer/transports/loopback.ts';
import { portChannel } from '../../renderer/transports/port.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

let folder: TemporaryFolder;
let core: Core;
let host: Host;
const quiet = { log: () => undefined };

beforeAll(async () => {
  folder = temporaryFolder();
  const kept = new Map<string, string>();
  const ports = nodePorts();
  core = await createCore({
    host: 'browser',
    version: '0.0.0',
    folder: folder.path,
    addresses: {
      trades: 'ws://127.0.0.1:9/t',
      candles: 'ws://127.0.0.1:9/c',
      dictionary: 'http://127.0.0.1:9/d',
    },
    environmentKey: null,
    ports: {
      ...ports,
      logger: quiet,
      // The keychain has a test of its own; here it would be the developer's.
      secrets: {
        get: () => Promise.resolve(kept.get('key') ?? null),
        set: (key) => Promise.resolve(void kept.set('key', key)),
        forget: () => Promise.resolve(void kept.delete('key')),
      },
    },
  });
  await core.start('demo');
  host = await startHost({ core, port: 0, folder: join(folder.path, 'no-page'), logger: quiet });
});

afterAll(async () => {
  await host.close();
  await core.close();
  folder.remove();
});

/** As a caller that keeps to no types would call. */
function untyped(client: Client): (command: string, args: unknown) => Promise<unknown> {
  return (command, args) => client.call(command as CommandName, args as never);
}

/** Node's port in the shape that Electron's is given to the core. */
function corePort(port: NodePort): CorePort {
  return {
    postMessage: (message: Message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
    onClose: (listener) => void port.on('close', listener),
    close: () => port.close(),
  };
}

function overPort(): Promise<ClientChannel> {
  const { port1, port2 } = new MessageChannel();
  servePort(core, corePort(port1));
  return Promise.resolve(portChannel(port2 as unknown as MessagePort));
}

async function overLoopback(): Promise<ClientChannel> {
  const { origin, hash } = new URL(host.address);
  const token = new URLSearchParams(hash.slice(1)).get('token') ?? '';
  const socket = new WsSocket(`${origin.replace('http', 'ws')}/bridge`, ['quipu.v1', `token.${token}`], {
    origin,
  });
  socket.binaryType = 'arraybuffer';
  // Like a page, it listens before anything can come.
  const channel = socketChannel(socket as unknown as WebSocket);
  await new Promise<void>((opened, failed) => {
    socket.once('open', opened);
    socket.once('error', failed);
  });
  return channel;
}

const WRONG: { readonly [N in CommandName]: readonly unknown[] } = {
  'key.set': [{}, { key: 1 }, { key: '' }, { key: 'a b' }],
  'key.forget': [null, { more: 1 }],
  'source.set': [{ source: 'other' }, {}],
  'link.retry': [{ endpoint: 'books' }],
  'recording.set': [{ on: 'yes' }],
  'watch.set': [{ markets: 'm' }, { markets: ['m', 'm'] }, { markets: [''] }],
  'markets.search': [
    { text: 'x', limit: 0 },
    { text: 1, limit: 1 },
  ],
  'follow.set': [{ charts: [{ market: 'm', granularity: '5m' }], tapes: [] }],
  'candles.page': [{ chart: { market: 'm', granularity: '1m' }, before: -1, limit: 1 }],
  'trades.page': [{ market: 'm', before: null, limit: 5_001 }],
  'sessions.list': [[], 7],
  'settings.set': [{ settings: { theme: 'pink' } }, { settings: { key: 'x' } }],
};

describe.each([
  ['a MessagePort', overPort],
  ['the loopback WebSocket', overLoopback],
])('over %s', (_name, open) => {
  interface View {
    readonly client: Client;
    readonly events: CoreEvent[];
    readonly snapshot: Snapshot;
  }
  const clients: Client[] = [];

  async function view(): Promise<View> {
    const client = createClient(await open());
    clients.push(client);
    const events: CoreEvent[] = [];
    client.onEvent((event) => events.push(event));
    await expect.poll(() => events.length).toBeGreaterThan(0);
    const [first] = events;
    if (first?.type !== 'snapshot') throw new Error(`the first event is ${first?.type}`);
    return { client, events, snapshot: first.snapshot };
  }
  const ofType = <T extends CoreEvent['type']>(
    events: readonly CoreEvent[],
    type: T,
  ): Extract<CoreEvent, { type: T }>[] =>
    events.filter((event): event is Extract<CoreEvent, { type: T }> => event.type === type);

  afterAll(() => {
    for (const client of clients) client.close();
  });

  it('a snapshot comes first, whole and of this version', async () => {
    const { snapshot } = await view();
    expect(snapshot.version).toBe(CONTRACT_VERSION);
    expect(snapshot.source).toBe('demo');
    expect(snapshot.watchlist.length).toBeGreaterThanOrEqual(12);
    expect(snapshot.recording.state).toBe('recording');
    expect(Object.keys(snapshot.links)).toEqual(['trades', 'candles']);
  });

  it.each(Object.entries(WRONG))('%s refuses wrong arguments and goes on', async (name, wrongs) => {
    const { client } = await view();
    const call = untyped(client);
    for (const wrong of wrongs) {
      expect(await call(name, wrong)).toMatchObject({ ok: false, error: { kind: 'bad-argument' } });
    }
    expect(await client.call('sessions.list', {})).toMatchObject({ ok: true });
  });

  it('an unknown command is named, and no property of an object is one', async () => {
    const { client } = await view();
    const call = untyped(client);
    for (const name of ['none.such', '__proto__', 'constructor', 'toString']) {
      expect(await call(name, {})).toMatchObject({ ok: false, error: { kind: 'unknown-command' } });
    }
  });

  it('followed trades and candles arrive, and pages hold what was recorded, bytes intact', async () => {
    const { client, events, snapshot } = await view();
    const market =
      snapshot.watchlist.find(({ market: { id } }) => id === 'binance-eth-usdt')?.market.id ?? '';
    const chart = { market, granularity: '1m' } as const;
    expect(await client.call('follow.set', { charts: [chart], tapes: [market] })).toEqual({
      ok: true,
      value: null,
    });
    await expect.poll(() => ofType(events, 'trades').length, { timeout: 20_000 }).toBeGreaterThan(1);
    await expect.poll(() => ofType(events, 'candles').length, { timeout: 20_000 }).toBeGreaterThan(0);
    for (const { count, bytes, market: of } of ofType(events, 'trades')) {
      expect(of).toBe(market);
      const floats = floatsOf(bytes);
      expect(floats).toHaveLength(count * TRADE_FIELDS);
      expect(floats[1]).toBeGreaterThan(100);
    }
    const followed = ofType(events, 'trades').flatMap(({ bytes }) => [...floatsOf(bytes)]);

    const page = await client.call('trades.page', { market, before: null, limit: 5_000 });
    if (!page.ok) throw new Error(page.error.message);
    const floats = floatsOf(page.value.bytes);
    expect(floats).toHaveLength(page.value.count * TRADE_FIELDS);
    // What was followed a moment ago is in the record, with the same values.
    const times = Array.from({ length: page.value.count }, (_, row) => floats[row * TRADE_FIELDS] ?? 0);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const at = times.indexOf(followed[0] ?? 0) * TRADE_FIELDS;
    expect([...floats.slice(at, at + 3)]).toEqual(followed.slice(0, 3));

    const candles = await client.call('candles.page', { chart, before: null, limit: 100 });
    if (!candles.ok) throw new Error(candles.error.message);
    expect(candles.value.count).toBeGreaterThan(0);
    expect(floatsOf(candles.value.bytes)).toHaveLength(candles.value.count * CANDLE_FIELDS);
  });

  it('what is not followed is not sent', async () => {
    const { client, events } = await view();
    await client.call('follow.set', { charts: [], tapes: [] });
    await expect.poll(() => ofType(events, 'ticks').length, { timeout: 20_000 }).toBeGreaterThan(2);
    expect(ofType(events, 'trades')).toEqual([]);
    expect(ofType(events, 'candles')).toEqual([]);
  });

  it('a change by one view is told to all', async () => {
    const one = await view();
    const two = await view();
    const theme = one.snapshot.settings.theme === 'dark' ? 'light' : 'dark';
    expect(await one.client.call('settings.set', { settings: { theme } })).toEqual({ ok: true, value: null });
    await expect.poll(() => ofType(two.events, 'settings').at(-1)?.settings.theme).toBe(theme);

    const all = one.snapshot.watchlist.map(({ market: { id } }) => id);
    expect(await one.client.call('watch.set', { markets: all.slice(1) })).toEqual({ ok: true, value: null });
    const rows = (): string[] | undefined =>
      ofType(two.events, 'watchlist')
        .at(-1)
        ?.rows.map(({ market: { id } }) => id);
    await expect.poll(rows).toEqual(all.slice(1));
    await one.client.call('watch.set', { markets: all });
    await expect.poll(rows).toEqual(all);
  });

  it('recording stops and begins anew as another session', async () => {
    const { client, events } = await view();
    const state = (): string | undefined => ofType(events, 'recording').at(-1)?.recording.state;
    expect(await client.call('recording.set', { on: false })).toEqual({ ok: true, value: null });
    await expect.poll(state).toBe('stopped');
    expect(await client.call('recording.set', { on: true })).toEqual({ ok: true, value: null });
    await expect.poll(state).toBe('recording');
    const list = await client.call('sessions.list', {});
    if (!list.ok) throw new Error(list.error.message);
    const states = list.value.sessions.map((session) => session.state);
    expect(states.filter((each) => each === 'recording')).toHaveLength(1);
    expect(states.filter((each) => each === 'ended').length).toBeGreaterThan(0);
  });

  it('markets are found by venue and asset', async () => {
    const { client } = await view();
    const found = await client.call('markets.search', { text: 'eth kraken', limit: 10 });
    if (!found.ok) throw new Error(found.error.message);
    expect(found.value.markets.map(({ id }) => id)).toEqual(['kraken-eth-btc']);
  });

  it('a key goes in and never comes out', async () => {
    const { client, events } = await view();
    const canary = 'canary-key-8d1f3c';
    expect(await client.call('key.set', { key: canary })).toEqual({ ok: true, value: null });
    await expect.poll(() => ofType(events, 'snapshot').at(-1)?.snapshot.source).toBe('live');
    expect(ofType(events, 'snapshot').at(-1)?.snapshot.key.place).toBe('keychain');
    expect(await client.call('key.forget', {})).toEqual({ ok: true, value: null });
    await expect.poll(() => ofType(events, 'snapshot').at(-1)?.snapshot.source).toBe('none');
    expect(JSON.stringify(events)).not.toContain(canary);
    expect(await client.call('source.set', { source: 'live' })).toMatchObject({
      ok: false,
      error: { kind: 'no-key' },
    });
    expect(await client.call('source.set', { source: 'demo' })).toEqual({ ok: true, value: null });
  });

  it('a view that leaves is sent nothing more, and its calls end', async () => {
    const { client, events } = await view();
    const pending = client.call('sessions.list', {});
    client.close();
    expect(await pending).toMatchObject({ ok: false, error: { kind: 'closed' } });
    const count = events.length;
    const other = await view();
    await expect.poll(() => ofType(other.events, 'ticks').length, { timeout: 20_000 }).toBeGreaterThan(1);
    expect(events).toHaveLength(count);
  });
});
