/** The user's own dialect through the contract: a real core, a real store, a real server that speaks it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  CommandArgs,
  CommandName,
  CommandValue,
  CoreEvent,
  DialectState,
} from '../../main/core/contract.ts';
import { type Core, type CoreOptions, createCore } from '../../main/core/core.ts';
import { DEFAULT_DIALECT } from '../../main/core/protocol/dialect.ts';
import { parseDialect } from '../../main/core/protocol/dialect-document.ts';
import type { Result } from '../../main/core/result.ts';
import { openStore } from '../../main/core/store/open.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import {
  FOREIGN_DIALECT,
  FOREIGN_KEY,
  FOREIGN_MARKETS,
  type ForeignFeed,
  foreignTick,
  startForeignFeed,
} from '../helpers/foreign-feed.ts';

const [MARKET, OTHER] = FOREIGN_MARKETS;
if (MARKET === undefined || OTHER === undefined) throw new Error('there are two markets');
const TIME = Date.parse('2024-01-15T18:10:00Z');

let folder: string;
let feed: ForeignFeed;
let core: Core | null;
let events: CoreEvent[];
let ask: <N extends CommandName>(command: N, args: CommandArgs<N>) => Promise<Result<CommandValue<N>>>;
const ports = { ...nodePorts(), logger: { log: () => undefined } };

async function open(options: Partial<CoreOptions> = {}): Promise<Core> {
  const opened = await createCore({
    host: 'browser',
    version: '1',
    folder,
    addresses: {},
    environmentKey: FOREIGN_KEY,
    ports,
    ...options,
  });
  core = opened;
  events = [];
  const waiting = new Map<number, (result: Result<unknown>) => void>();
  const client = opened.connect((message) => {
    if (message.kind === 'event') events.push(message.event);
    else waiting.get(message.id)?.(message.result);
  });
  let id = 0;
  ask = (command, args) =>
    new Promise((done) => {
      waiting.set(++id, done as (result: Result<unknown>) => void);
      client.request({ id, command, args });
    });
  return opened;
}

async function value<N extends CommandName>(command: N, args: CommandArgs<N>): Promise<CommandValue<N>> {
  const result = await ask(command, args);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** As the last event told it. */
function state(): DialectState | null {
  const told = events.flatMap((event) =>
    event.type === 'snapshot' ? [event.snapshot.dialect] : event.type === 'dialect' ? [event.dialect] : [],
  );
  return told.at(-1) ?? null;
}

const source = (): string | undefined =>
  events.flatMap((event) => (event.type === 'snapshot' ? [event.snapshot.source] : [])).at(-1);

async function store<T>(use: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>): Promise<T> {
  const opened = await openStore({ folder, workerScript: ports.workerScript });
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

const text = (): string => JSON.stringify({ ...FOREIGN_DIALECT, addresses: feed.addresses }, null, 2);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quipu-dialect-'));
  feed = await startForeignFeed();
  core = null;
});
afterEach(async () => {
  await core?.close();
  await feed.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the own dialect', { timeout: 60_000 }, () => {
  it('is not there at first: the default is told in full, and as itself', async () => {
    await open();
    expect(state()).toEqual({ own: false, name: '', problem: null, file: null });
    const { document, defaults, environment } = await value('dialect.get', {});
    expect([document, environment]).toEqual([null, {}]);
    expect(parseDialect(defaults)).toMatchObject({ ok: true, document: { dialect: DEFAULT_DIALECT } });
  });

  it('a live feed reconnects in it, records by it, and is so after a restart; null goes back', async () => {
    // The addresses of the environment go before the document's: the default reaches this server as well.
    let running = await open({ addresses: feed.addresses });
    await running.start('live');
    await value('watch.set', { markets: [MARKET.id, OTHER.id] });
    await expect.poll(() => running.links().trades.phase, { timeout: 20_000 }).toBe('refused');

    await value('dialect.set', { document: text() });
    expect(state()).toEqual({ own: true, name: 'Foreign', problem: null, file: null });
    await expect.poll(() => feed.asked.length, { timeout: 20_000 }).toBe(6);
    expect(feed.asked.map(({ path, message }) => [path, message.type, message.payload])).toEqual(
      expect.arrayContaining([
        ['/stream/t', 'sub', { exchange: 'kraken', instrument: 'eth-btc' }],
        ['/stream/t', 'sub', { exchange: 'okx', instrument: 'eth-btc' }],
        ['/stream/c', 'sub', { exchange: 'kraken', instrument: 'eth-btc', interval: '1m' }],
        ['/stream/c', 'sub', { exchange: 'kraken', instrument: 'eth-btc', interval: '1h' }],
      ]),
    );
    feed.tick(MARKET, 'a', TIME, '0.05230', '12.5');
    feed.tick(OTHER, 'b', TIME + 1, '0.0524', '1');
    feed.bar(MARKET, TIME, '0.0523');
    await expect
      .poll(() => [running.report().trades.stored, running.report().candles.stored], { timeout: 20_000 })
      .toEqual([2, 1]);
    const { document } = await value('dialect.get', {});
    expect(document).toBe(text());

    // The same words under another name are no reason to reconnect.
    const asked = feed.asked.length;
    await value('dialect.set', { document: text().replace('Foreign', 'Renamed') });
    expect(state()?.name).toBe('Renamed');
    await running.close();
    running = await open({ addresses: feed.addresses });
    expect(state()).toMatchObject({ own: true, name: 'Renamed' });
    await running.resume();
    await expect.poll(() => feed.asked.length, { timeout: 20_000 }).toBe(asked + 6);

    await value('dialect.set', { document: null });
    await expect.poll(() => running.links().trades.phase, { timeout: 20_000 }).toBe('refused');
    expect(state()).toEqual({ own: false, name: '', problem: null, file: null });
    await running.close();
    core = null;

    const kept = await store(async (own) => {
      const trades: unknown[] = [];
      const candles: unknown[] = [];
      for (const { id: session } of await own.sessions()) {
        for await (const page of own.exportTrades({ session, market: null })) trades.push(...page);
        const options = { session, market: null, granularity: null };
        for await (const page of own.exportCandles(options)) candles.push(...page);
      }
      return { trades, candles };
    });
    expect(kept.trades).toMatchObject([
      { market: '#17', id: 'a', exchangeTime: TIME * 1000, price: '0.0523', size: '12.5', side: 'sell' },
      { market: '#18', id: 'b', price: '0.0524', size: '1', side: 'sell' },
    ]);
    expect(kept.candles).toMatchObject([
      { market: '#17', granularity: '1m', start: (TIME - 60_000) * 1000, close: '0.0523' },
    ]);
  });

  it('is connected to at its own addresses', async () => {
    const running = await open();
    await value('dialect.set', { document: text() });
    expect(running.links().trades.url).toBe(feed.addresses.trades);
    await running.start('live');
    await expect.poll(() => running.links().candles.phase, { timeout: 20_000 }).toBe('live');
    await expect
      .poll(async () => (await value('markets.search', { text: 'kraken', limit: 5 })).total, {
        timeout: 20_000,
      })
      .toBe(1);
    expect(feed.refused()).toBe(0);
  });

  it('does not concern the demo feed', async () => {
    const running = await open();
    await value('dialect.set', { document: text() });
    await running.start('demo');
    await expect.poll(() => running.report().trades.stored, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(state()?.own).toBe(true);
    await value('dialect.set', { document: null });
    expect(source()).toBe('demo');
    expect(running.links().trades.connections).toBe(1);
  });

  it('with mistakes is refused with all of them, and nothing changes', async () => {
    await open();
    await value('dialect.set', { document: text() });
    const result = await ask('dialect.set', {
      document: '{"quipuDialect":1,"batched":1,"ackTime":0,"x":1,"y":1}',
    });
    expect(result).toMatchObject({ ok: false, error: { kind: 'bad-argument' } });
    if (result.ok) return;
    expect(result.error.message).toMatch(/batched: must be true.*ackTime: must be.*x: is not.*And 1 more/);
    expect((await value('dialect.get', {})).document).toBe(text());
    expect(state()?.name).toBe('Foreign');
  });
});

describe('a kept document that this Quipu cannot read', { timeout: 60_000 }, () => {
  it.each<[what: string, json: string, problem: RegExp]>([
    [
      'of a newer version',
      JSON.stringify('{"quipuDialect":7,"new":1}'),
      /quipuDialect: is 7, of a newer Quipu/,
    ],
    ['kept in another form', '{"documents":["{}"]}', /quipuDialect: is missing/],
    ['that is damaged', '"{\\"quipuDi', /is no JSON/],
  ])(
    '%s is a stated problem: the real feed is not connected, in the default neither',
    async (_what, json, problem) => {
      await store((own) => own.writeSetting('dialect', json));
      const running = await open({ addresses: feed.addresses });
      expect(state()).toMatchObject({ own: true, name: '', problem: { kind: 'bad-argument' } });
      expect(state()?.problem?.message).toMatch(problem);
      expect(state()?.problem?.action).toMatch(/Settings.*default/);
      await expect(running.resume()).rejects.toThrow(problem);
      expect(running.links().trades.phase).toBe('idle');
      expect(feed.refused()).toBe(0);
      expect((await value('dialect.get', {})).document).not.toBeNull();

      // The demo goes on, and what is put right connects at once.
      await value('source.set', { source: 'none' });
      await value('dialect.set', { document: text() });
      await expect.poll(() => running.links().trades.phase, { timeout: 20_000 }).toBe('live');
      expect(source()).toBe('live');
    },
  );
});

describe('a dialect that a file gives', { timeout: 60_000 }, () => {
  it('goes before the kept one, which stays as it is', async () => {
    await store((own) => own.writeSetting('dialect', JSON.stringify('{"quipuDialect":1,"name":"Kept"}')));
    const running = await open({ dialect: { file: '/x/foreign.json', text: text() } });
    expect(state()).toEqual({ own: true, name: 'Foreign', problem: null, file: '/x/foreign.json' });
    await running.start('live');
    await expect.poll(() => running.links().trades.phase, { timeout: 20_000 }).toBe('live');
    expect(await ask('dialect.set', { document: null })).toMatchObject({
      ok: false,
      error: { kind: 'busy' },
    });
    await running.close();
    await open();
    expect(state()?.name).toBe('Kept');
  });
});

describe('a preview', { timeout: 60_000 }, () => {
  it('tells what would be sent, to where, and what the decoder makes of a frame, and changes nothing', async () => {
    const running = await open({ addresses: { candles: feed.addresses.candles } });
    const frame = JSON.stringify(foreignTick(MARKET, '9', '2024-01-15T18:10:00.000001Z', '1e-8', '0.10'));
    const before = await value('dialect.preview', {
      document: '{"quipuDialect":1}',
      endpoint: 'trades',
      frame,
    });
    expect(before.items.map(({ kind }) => kind)).toEqual(['refused']);
    expect(before.items[0]?.why).toMatch(/dictionary knows/);

    await value('dialect.set', { document: text() });
    await running.start('live');
    await expect
      .poll(async () => (await value('markets.search', { text: '', limit: 1 })).total, { timeout: 20_000 })
      .toBe(2);
    await value('watch.set', { markets: [OTHER.id] });
    const changed = JSON.stringify({ ...FOREIGN_DIALECT, addresses: { trades: 'wss://other.example/t' } });
    const preview = await value('dialect.preview', { document: changed, endpoint: 'candles', frame });
    expect(preview).toMatchObject({
      problems: [],
      name: 'Foreign',
      addresses: ['wss://other.example/t', feed.addresses.candles, DEFAULT_DIALECT.addresses.dictionary],
      header: 'X-Access: Bearer …',
      total: 1,
    });
    expect(preview.requests.map((request) => (JSON.parse(request) as { payload: unknown }).payload)).toEqual([
      { exchange: 'okx', instrument: 'eth-btc', interval: '1m' },
      { exchange: 'okx', instrument: 'eth-btc', interval: '1h' },
    ]);
    expect(preview.items[0]?.fields).toContainEqual({ name: 'price', value: '0.00000001', from: 'price' });
    expect(preview.items[0]?.fields).toContainEqual({
      name: 'market',
      value: '#17',
      from: 'exchange and pair, by the dictionary',
    });
    expect((await value('dialect.get', {})).document).toBe(text());
  });

  it('of a document with mistakes tells them alone', async () => {
    await open();
    const preview = await value('dialect.preview', {
      document: '{"quipuDialect":1,',
      endpoint: 'trades',
      frame: 'x',
    });
    expect(preview.problems).toMatchObject([{ path: '', line: 1, column: 19 }]);
    expect([preview.items, preview.requests]).toEqual([[], []]);
  });
});
