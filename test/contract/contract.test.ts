/** The contract, the same over each transport: a real core with the demo feed behind both. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  BUCKET_FIELDS,
  CANDLE_FIELDS,
  type CommandArgs,
  type CommandName,
  type CommandValue,
  CONTRACT_VERSION,
  floatsOf,
  type Message,
  type SessionSummary,
  TRADE_BUY,
  TRADE_FIELDS,
  TRADE_SELL,
  tradesOf,
} from '../../main/core/contract.ts';
import { type Core, type CoreOptions, createCore } from '../../main/core/core.ts';
import type { SecretStore } from '../../main/core/ports.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { Client } from './client.ts';
import { type Transport, TRANSPORTS } from './transports.ts';

const KEY = 'a-key-that-no-view-may-see';
const NOBODY = '127.0.0.1:1';

let folder: TemporaryFolder;
let core: Core;
/** Views that are joined to the core now. */
let joined = 0;

/** The core with another way in. */
function withConnect(to: Core, connect: Core['connect']): Core {
  return {
    connect,
    start: (source) => to.start(source),
    resume: () => to.resume(),
    sleep: () => to.sleep(),
    wake: () => to.wake(),
    links: () => to.links(),
    report: () => to.report(),
    close: () => to.close(),
  };
}

beforeAll(async () => {
  folder = temporaryFolder();
  let kept: string | null = null;
  const secrets: SecretStore = {
    get: () => Promise.resolve(kept),
    set: async (key) => void (kept = key),
    forget: async () => void (kept = null),
  };
  const options: CoreOptions = {
    host: 'browser',
    version: '1.2.3',
    folder: folder.path,
    addresses: {
      trades: `ws://${NOBODY}/trades`,
      candles: `ws://${NOBODY}/candles`,
      dictionary: `http://${NOBODY}`,
    },
    environmentKey: null,
    ports: { ...nodePorts(), logger: { log: () => undefined }, secrets },
  };
  const real = await createCore(options);
  core = withConnect(real, (send) => {
    joined++;
    const client = real.connect(send);
    return {
      request: (message) => client.request(message),
      close: () => {
        joined--;
        client.close();
      },
    };
  });
  await core.start('demo');
});
afterAll(async () => {
  await core.close();
  folder.remove();
});

const BROWSE: CommandArgs<'markets.browse'> = {
  ...{ text: '', venue: null, assetType: null, active: null, sort: 'relevance', descending: false },
  ...{ offset: 0, limit: 200 },
};

const POLICY = { tradesDays: null, candlesDays: null, historyDays: null, maxBytes: null };
const BAD_POLICIES: readonly unknown[] = [
  ...[{}, { policy: null }, { policy: {} }, { policy: { ...POLICY, more: 1 } }],
  ...[{ tradesDays: 0 }, { candlesDays: 36_501 }, { historyDays: 1.5 }, { maxBytes: 9_999_999 }].map(
    (bad) => ({
      policy: { ...POLICY, ...bad },
    }),
  ),
  { policy: { ...POLICY, tradesDays: '7' } },
];

/** Arguments that each command must refuse; one without an entry does not compile. */
const BAD: { readonly [N in CommandName]: readonly unknown[] } = {
  'key.set': [{}, { key: 1 }, { key: '' }, { key: '   ' }, { key: 'two words' }, { key: 'x'.repeat(5_000) }],
  'key.forget': [{ key: 'k' }],
  'key.test': [{}, { key: 1 }, { key: '' }, { key: 'two words' }, { key: 'x'.repeat(5_000) }],
  'key.retry': [{ key: 'k' }],
  'source.set': [{}, { source: 'other' }, { source: null }, { source: ['demo'] }],
  'link.retry': [{}, { endpoint: 'both' }, { endpoint: 1 }],
  'recording.set': [{}, { on: 1 }, { on: 'true' }, { on: true, off: false }],
  'watch.set': [
    ...[{}, { markets: 'm' }, { markets: [1] }, { markets: [''] }, { markets: ['m', 'm'] }],
    { markets: Array.from({ length: 501 }, (_, n) => `m${n}`) },
  ],
  'watch.retry': [
    ...[{}, { markets: 'm' }, { markets: [1] }, { markets: [''] }],
    { markets: Array.from({ length: 501 }, (_, n) => `m${n}`) },
  ],
  'markets.search': [
    {},
    { text: 'x' },
    { text: 1, limit: 1 },
    { text: 'x', limit: 0 },
    { text: 'x', limit: 1.5 },
  ],
  'markets.browse': [
    {},
    ...[{ limit: 0 }, { limit: 201 }, { offset: -1 }, { sort: 'price' }, { active: 1 }, { venue: 7 }].map(
      (bad) => ({
        ...BROWSE,
        ...bad,
      }),
    ),
    ...[{ text: 'x'.repeat(201) }, { descending: null }, { assetType: undefined }, { more: 1 }].map(
      (bad) => ({
        ...BROWSE,
        ...bad,
      }),
    ),
  ],
  'markets.reload': [{ all: true }],
  'follow.set': [
    ...[{}, { charts: [], tapes: 'm' }, { charts: [{}], tapes: [] }],
    ...[
      { charts: [{ market: 'm', granularity: '5m' }], tapes: [] },
      { charts: [], tapes: Array(9).fill('m') },
    ],
  ],
  'candles.page': [
    ...[{}, { chart: { market: 'm', granularity: '1m' }, before: null, limit: 5_001 }],
    ...[
      { chart: null, before: null, limit: 1 },
      { chart: { market: 'm', granularity: '1m' }, before: 'x', limit: 1 },
    ],
  ],
  'buckets.page': [
    {},
    ...[
      { from: -1 },
      { from: 0.5 },
      { to: 5 },
      { to: null },
      { limit: 0 },
      { limit: 5_001 },
      { session: 0 },
    ].map((bad) => ({ session: null, market: 'm', from: 5, to: 6, limit: 10, ...bad })),
  ],
  'trades.page': [{}, { market: 'm', before: -1, limit: 1 }, { market: 'm', before: null, limit: -1 }],
  'sessions.list': [{ all: true }],
  'sessions.edit': [
    ...[{}, { session: 1 }, { name: 'x' }, { session: 0, name: 'x' }, { session: 1, name: 1 }],
    ...[
      { session: 1, name: 'x'.repeat(81) },
      { session: 1, name: 'two\nlines' },
      { session: 1, name: 'a\u202eb' },
      { session: 1, note: 'x'.repeat(2_001) },
      { session: 1, note: 'a\u0000b' },
      { session: 1, pinned: 1 },
      { session: 1, name: 'x', colour: 'red' },
    ],
  ],
  'sessions.delete': [{}, { session: 0 }, { session: '1' }, { session: 1, now: 0 }],
  'sessions.restore': [{}, { session: null }, { session: 1.5 }],
  'journal.page': [
    ...[{}, { session: 0, endpoint: null, before: null, limit: 1 }],
    ...[
      { session: null, endpoint: 'both', before: null, limit: 1 },
      { session: null, endpoint: null, before: -1, limit: 1 },
      { session: null, endpoint: null, before: null, limit: 1_001 },
    ],
  ],
  'health.page': [
    ...[{}, { endpoint: null, before: null, limit: 1 }, { endpoint: 'trades', before: 'x', limit: 1 }],
    { endpoint: 'trades', before: null, limit: 5_001 },
  ],
  'refusals.list': [{}, { session: 'x' }, { session: 0 }],
  'frames.list': [{}, { endpoint: null }, { endpoint: 'both' }],
  'announcements.seen': [{}, { upTo: '1' }, { upTo: -1 }, { upTo: 1.5 }],
  'announcements.mute': [{}, { for: 'day' }, { for: null }, { for: 'off', until: 1 }],
  'notice.dismiss': [{ notice: 1 }],
  'dialect.get': [{ all: true }],
  'dialect.set': [{}, { document: 1 }, { document: {} }, { document: 'x'.repeat(65_537) }],
  'dialect.preview': [
    ...[{}, { document: '{}', endpoint: 'trades' }, { document: '{}', endpoint: 'both', frame: '' }],
    { document: '{}', endpoint: 'trades', frame: 'x'.repeat(262_145) },
  ],
  'coverage.page': [
    ...[{}, { market: 'm', endpoint: 'trades', from: 1, to: 1 }],
    ...[
      { market: 'm', endpoint: 'both', from: 0, to: 1 },
      { market: '', endpoint: 'trades', from: 0, to: 1 },
      { market: 'm', endpoint: 'trades', from: 0.5, to: 1 },
      { market: 'm', endpoint: 'trades', from: 0, to: null },
    ],
  ],
  'coverage.recent': [{ from: 1 }],
  'coverage.sessions': [
    ...[{}, { sessions: [1], buckets: 0 }, { sessions: [1], buckets: 501 }, { sessions: 1, buckets: 9 }],
    { sessions: Array(21).fill(1), buckets: 9 },
    { sessions: [0], buckets: 9 },
  ],
  'coverage.session': [
    ...[{}, { session: 0, markets: [], buckets: 9 }, { session: 1, markets: [1], buckets: 9 }],
    { session: 1, markets: Array(51).fill('m'), buckets: 9 },
  ],
  'settings.set': [{}, { settings: { theme: 'pink' } }, { settings: { colour: 1 } }, { settings: null }],
  'retention.get': [{ all: true }],
  'retention.preview': BAD_POLICIES,
  'retention.set': BAD_POLICIES,
};
/** Of every command. */
const NO_ARGUMENTS: readonly unknown[] = [null, 1, 'text', [], true];

describe.each(Object.entries(TRANSPORTS))('over %s', { timeout: 60_000 }, (_name, serve) => {
  let transport: Transport;
  const clients: Client[] = [];

  async function join(): Promise<Client> {
    const client = new Client(await transport.open());
    clients.push(client);
    await expect.poll(() => client.messages.length).toBeGreaterThan(0);
    return client;
  }

  beforeAll(async () => {
    transport = await serve(core);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.view.close();
    await expect.poll(() => joined).toBe(0);
  });
  afterAll(() => transport.close());

  it('a view is sent a snapshot first, which has all that it needs', async () => {
    const client = await join();
    const first = client.messages[0];
    expect(first?.kind).toBe('event');
    const [snapshot] = client.eventsOf('snapshot');
    expect(first).toEqual({ kind: 'event', event: snapshot });
    expect(snapshot?.snapshot).toMatchObject({
      version: CONTRACT_VERSION,
      app: { version: '1.2.3', host: 'browser' },
      source: 'demo',
      links: { trades: { endpoint: 'trades' }, candles: { endpoint: 'candles' } },
      recording: { state: 'recording', problem: null },
      settings: { theme: expect.stringMatching(/^(system|dark|light)$/) as string },
    });
    expect(snapshot?.snapshot.watchlist.length).toBeGreaterThanOrEqual(12);
  });

  it('events follow: links, ticks, the recording', async () => {
    const client = await join();
    await expect.poll(() => client.eventsOf('ticks').length, { timeout: 10_000 }).toBeGreaterThan(0);
    await expect.poll(() => client.eventsOf('link').length, { timeout: 10_000 }).toBeGreaterThan(0);
    await expect.poll(() => client.eventsOf('recording').length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(client.eventsOf('ticks')[0]?.ticks[0]?.last).toBeGreaterThan(0);
  });

  it.each(['nothing', '', 'toString', '__proto__', 'constructor', 'hasOwnProperty', 'x'.repeat(10_000)])(
    'there is no command %s',
    async (command) => {
      const client = await join();
      const result = await client.ask(command, {});
      expect(result).toMatchObject({ ok: false, error: { kind: 'unknown-command' } });
      expect(JSON.stringify(result).length).toBeLessThan(300);
    },
  );

  it.each(Object.entries(BAD))('%s refuses bad arguments', async (command, bad) => {
    const client = await join();
    for (const args of [...bad, ...NO_ARGUMENTS]) {
      const result = await client.ask(command, args);
      expect(result, JSON.stringify(args)).toMatchObject({ ok: false, error: { kind: 'bad-argument' } });
    }
  });

  it('what is no request is not answered, and does no harm', async () => {
    const client = await join();
    for (const value of [
      null,
      1,
      'text',
      [],
      {},
      { id: 'a', command: 'sessions.list' },
      { id: 1 },
      { command: 'x' },
    ]) {
      client.view.sendRaw(value);
    }
    await client.call('sessions.list', {});
    expect(client.messages.filter(({ kind }) => kind === 'reply')).toHaveLength(1);
    expect(client.closed).toBeNull();
  });

  it('replies carry the id that was asked with, whatever the order', async () => {
    const client = await join();
    const asked = Array.from({ length: 50 }, (_, n) =>
      n % 2 === 0
        ? client.call('sessions.list', {})
        : client.call('markets.search', { text: 'btc', limit: 3 }),
    );
    const values = await Promise.all(asked);
    values.forEach((value, n) => expect(value).toHaveProperty(n % 2 === 0 ? 'sessions' : 'markets'));
  });

  it('a followed tape and chart come with their bytes; who follows nothing is sent none', async () => {
    const client = await join();
    const other = await join();
    const rows = client.eventsOf('snapshot')[0]?.snapshot.watchlist ?? [];
    const markets = rows.slice(0, 8).map(({ market }) => market.id);
    const charts = markets.map((market) => ({ market, granularity: '1m' as const }));
    await client.call('follow.set', { charts, tapes: markets });
    await expect.poll(() => client.eventsOf('trades').length, { timeout: 20_000 }).toBeGreaterThan(3);
    await expect.poll(() => client.eventsOf('candles').length, { timeout: 20_000 }).toBeGreaterThan(0);
    for (const { market, count, bytes } of client.eventsOf('trades')) {
      expect(markets).toContain(market);
      const floats = tradesOf(bytes);
      expect(floats).toHaveLength(count * TRADE_FIELDS);
      const [time = 0, price = 0, size = 0, flags = 0] = floats;
      expect(Math.abs(time / 1000 - Date.now())).toBeLessThan(3_600_000);
      expect(price).toBeGreaterThan(0);
      expect(size).toBeGreaterThan(0);
      expect(flags & (TRADE_BUY | TRADE_SELL)).not.toBe(0);
    }
    expect(other.eventsOf('trades')).toEqual([]);
    expect(other.eventsOf('candles')).toEqual([]);
  });

  it('coverage: a view that joins late is told all, and what changes from then on', async () => {
    const client = await join();
    const watched = client.eventsOf('snapshot')[0]?.snapshot.watchlist.map(({ market }) => market.id) ?? [];
    const market = watched[0] ?? '';
    const page = await client.call('coverage.page', {
      market,
      endpoint: 'trades',
      from: (Date.now() - 3_600_000) * 1000,
      to: Number.MAX_SAFE_INTEGER,
    });
    expect(page.stretches.map(({ from }) => from)).toEqual([
      page.from,
      ...page.stretches.slice(0, -1).map(({ to }) => to),
    ]);
    expect(page.stretches.at(-1)?.to).toBe(page.to);
    expect(page.now).not.toBeNull();
    const recent = await client.call('coverage.recent', {});
    expect(new Set(recent.lines.map((line) => line.market))).toEqual(new Set(watched));
    expect(recent.lines).toHaveLength(watched.length * 2);

    await client.call('recording.set', { on: false });
    await expect.poll(() => client.eventsOf('coverage').some(({ ended }) => ended)).toBe(true);
    await client.call('recording.set', { on: true });
    const session = client.eventsOf('coverage').find(({ ended }) => ended)?.session ?? 0;
    const begun = (): unknown => client.eventsOf('coverage').find((event) => event.session > session);
    await expect.poll(begun).toBeDefined();
    // Its first event tells every line from its start.
    const first = client.eventsOf('coverage').find((event) => event.session > session);
    expect(first?.changes).toHaveLength(watched.length * 2);
    for (const change of first?.changes ?? []) expect(change.from).toBe(first?.started);
    expect(first?.known?.counted).toBeGreaterThan(0);

    const { sessions } = await client.call('sessions.list', {});
    const ids = sessions.map(({ id }) => id);
    const { cords } = await client.call('coverage.sessions', { sessions: [...ids, 4711], buckets: 7 });
    expect(cords.map((cord) => cord.session)).toEqual(ids);
    for (const { runs } of cords) expect(runs.length).toBeLessThanOrEqual(7);
    const { lines } = await client.call('coverage.session', { session, markets: [market], buckets: 7 });
    expect(lines.map((line) => [line.market, line.endpoint])).toEqual([
      [market, 'trades'],
      [market, 'candles'],
    ]);
    expect(
      await client.ask('coverage.session', { session: 4711, markets: [market], buckets: 7 }),
    ).toMatchObject({ ok: false, error: { kind: 'not-found' } });
  });

  it('sessions are named, noted, pinned, deleted and restored, and the other view is told', async () => {
    const [one, other] = [await join(), await join()];
    const told = (): unknown => other.eventsOf('session').map(({ change, session }) => [session, change]);
    const list = async (): Promise<CommandValue<'sessions.list'>> => other.call('sessions.list', {});
    const find = async (id: number): Promise<SessionSummary | undefined> =>
      (await list()).sessions.find((session) => session.id === id);
    await one.call('recording.set', { on: true });
    const running = (await list()).sessions.find(({ state }) => state === 'recording')?.id ?? 0;
    const given = { name: 'Launch day', note: 'Two\nlines', pinned: true };
    expect(await one.call('sessions.edit', { session: running, ...given })).toBeNull();
    expect(await find(running)).toMatchObject(given);
    // What is told of the recording each second has them too.
    await expect
      .poll(() => other.eventsOf('recording').at(-1)?.recording.session, { timeout: 10_000 })
      .toMatchObject({ id: running, ...given });
    expect(await one.ask('sessions.delete', { session: running })).toMatchObject({
      ok: false,
      error: { kind: 'busy', action: expect.stringMatching(/^Stop the recording/) as string },
    });
    await one.call('recording.set', { on: false });
    expect(await one.ask('sessions.delete', { session: running })).toMatchObject({
      ok: false,
      error: { kind: 'busy', action: expect.stringMatching(/^Unpin/) as string },
    });
    await one.call('sessions.edit', { session: running, pinned: false, note: null });
    const before = await list();
    const cords = { sessions: [running], buckets: 9 };
    const cord = await one.call('coverage.sessions', cords);
    expect(cord.cords).toHaveLength(1);

    const { undoUntil } = await one.call('sessions.delete', { session: running });
    expect(undoUntil).toBeGreaterThan(Date.now());
    const after = await list();
    expect(after.sessions).toEqual(before.sessions.filter(({ id }) => id !== running));
    expect(after.removed).toEqual([{ session: before.sessions.find(({ id }) => id === running), undoUntil }]);
    expect(await one.call('coverage.sessions', cords)).toEqual({ cords: [] });
    for (const [command, args] of [
      ['sessions.edit', { session: running, name: 'x' }],
      ['sessions.delete', { session: running }],
      ['refusals.list', { session: running }],
      ['sessions.restore', { session: 4_711 }],
    ] as const) {
      expect(await one.ask(command, args), command).toMatchObject({
        ok: false,
        error: { kind: 'not-found' },
      });
    }
    expect(await one.call('sessions.restore', { session: running })).toBeNull();
    expect(await list()).toEqual(before);
    expect(await one.call('coverage.sessions', cords)).toEqual(cord);
    await expect.poll(told).toEqual([
      [running, 'edited'],
      [running, 'edited'],
      [running, 'deleted'],
      [running, 'restored'],
    ]);
    await one.call('recording.set', { on: true });
  });

  it('what one view changes, the other is told', async () => {
    const [one, other] = [await join(), await join()];
    const theme = 'light';
    expect(await one.call('settings.set', { settings: { theme } })).toBeNull();
    for (const client of [one, other]) {
      await expect.poll(() => client.eventsOf('settings').at(-1)?.settings).toEqual({ theme });
    }
    expect(other.messages.every(({ kind }) => kind === 'event')).toBe(true);
  });

  it('raw frames are handed out as they came, and only when asked for', async () => {
    const client = await join();
    const asked = { endpoint: 'trades' } as const;
    await expect
      .poll(async () => (await client.call('frames.list', asked)).frames.length, { timeout: 20_000 })
      .toBeGreaterThan(5);
    const { frames } = await client.call('frames.list', asked);
    expect(frames.map(({ at }) => at)).toEqual(frames.map(({ at }) => at).sort((a, b) => a - b));
    const newest = frames.at(-1);
    expect(newest).toMatchObject({ bytes: Buffer.byteLength(newest?.text ?? ''), truncated: false });
    expect(JSON.parse(newest?.text ?? '')).toHaveProperty('payload');
    await client.call('source.set', { source: 'none' });
    expect(await client.call('frames.list', asked)).toEqual({ frames: [] });
    await client.call('source.set', { source: 'demo' });
  });

  it('the dictionary is in the snapshot, browsed by pages, and read anew on demand', async () => {
    const client = await join();
    const { snapshot } = client.eventsOf('snapshot')[0] ?? {};
    expect(snapshot?.dictionary).toMatchObject({ from: 'server', known: 15, problem: null });
    const page = await client.call('markets.browse', { ...BROWSE, sort: 'pair', limit: 10 });
    const rest = await client.call('markets.browse', { ...BROWSE, sort: 'pair', offset: 10 });
    const markets = [...page.markets, ...rest.markets];
    expect(markets.map(({ symbol, base }) => `${symbol}/${base}`)).toEqual(
      markets.map(({ symbol, base }) => `${symbol}/${base}`).sort(),
    );
    expect([page.total, markets.length, page.offset, rest.offset]).toEqual([15, 15, 0, 10]);
    expect(page.venues.map(({ value, count }) => `${value} ${count}`)).toEqual([
      'binance 6',
      'kraken 5',
      'okx 4',
    ]);
    expect(page.assetTypes).toEqual([{ value: 'spot', count: 15 }]);
    expect(page.active).toEqual({ yes: 14, no: 1 });
    expect(page.read).toBe(snapshot?.dictionary.read);
    const okx = await client.call('markets.browse', { ...BROWSE, text: 'usdt', venue: 'okx', active: true });
    expect(okx.markets.every(({ venue, base }) => venue === 'okx' && base === 'usdt')).toBe(true);
    expect(okx.total).toBe(4);
    await client.call('markets.reload', {});
    await expect
      .poll(() => client.eventsOf('dictionary').map(({ dictionary }) => dictionary.loading))
      .toEqual(expect.arrayContaining([true, false]));
    const { revision } = await client.call('markets.browse', BROWSE);
    expect(revision).toBeGreaterThan(page.revision);
  });

  it('a policy of retention is told to every view and kept', async () => {
    const [one, other] = [await join(), await join()];
    const policy = { ...POLICY, tradesDays: 400, maxBytes: 50_000_000_000 };
    const preview = await one.call('retention.preview', { policy });
    expect(preview).toMatchObject({ policy, beyond: 0 });
    expect(preview.kinds.map(({ kind, rows }) => [kind, rows])).toEqual([
      ...[
        ['trades', 0],
        ['candles', 0],
        ['history', 0],
      ],
    ]);
    expect(await other.call('retention.get', {})).toMatchObject({ policy: POLICY });
    expect(other.eventsOf('retention')).toEqual([]);
    expect(await one.call('retention.set', { policy })).toBeNull();
    await expect.poll(() => other.eventsOf('retention').length).toBeGreaterThan(0);
    const kept = await other.call('retention.get', {});
    expect(kept.policy).toEqual(policy);
    expect(kept.kinds.map(({ kind }) => kind)).toEqual(['trades', 'candles', 'history']);
    await one.call('retention.set', { policy: POLICY });
  });

  it('a view that goes leaves the core, and the others stay', async () => {
    const [one, other] = [await join(), await join()];
    expect(joined).toBe(2);
    one.view.close();
    await expect.poll(() => joined).toBe(1);
    const before = other.messages.length;
    await expect.poll(() => other.messages.length, { timeout: 10_000 }).toBeGreaterThan(before);
    expect(await other.call('sessions.list', {})).toHaveProperty('sessions');
  });

  it('every command is acknowledged or gives its page, and the key is never told', async () => {
    const client = await join();
    const market = client.eventsOf('snapshot')[0]?.snapshot.watchlist[0]?.market.id ?? '';
    const chart = { market, granularity: '1m' } as const;
    /** In an order in which each can succeed; one without an entry does not compile. */
    const good: { readonly [N in CommandName]: CommandArgs<N> } = {
      'recording.set': { on: true },
      'watch.set': { markets: [market] },
      'watch.retry': { markets: [market] },
      'markets.search': { text: 'btc', limit: 5 },
      'markets.browse': BROWSE,
      'markets.reload': {},
      'follow.set': { charts: [chart], tapes: [market] },
      'candles.page': { chart, before: null, limit: 10 },
      'trades.page': { market, before: null, limit: 10 },
      'buckets.page': { session: null, market, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 10 },
      'sessions.list': {},
      'journal.page': { session: null, endpoint: null, before: null, limit: 10 },
      'health.page': { endpoint: 'trades', before: null, limit: 10 },
      'refusals.list': { session: null },
      'frames.list': { endpoint: 'trades' },
      'notice.dismiss': {},
      'announcements.seen': { upTo: 1 },
      'announcements.mute': { for: 'off' },
      'coverage.page': { market, endpoint: 'trades', from: 0, to: Number.MAX_SAFE_INTEGER },
      'coverage.recent': {},
      'coverage.sessions': { sessions: [1], buckets: 100 },
      'coverage.session': { session: 1, markets: [market], buckets: 100 },
      'settings.set': { settings: { theme: 'dark' } },
      'sessions.edit': { session: 1, name: 'First', pinned: false },
      'sessions.delete': { session: 1 },
      'sessions.restore': { session: 1 },
      'retention.get': {},
      'retention.preview': { policy: POLICY },
      'retention.set': { policy: POLICY },
      'dialect.get': {},
      'dialect.set': { document: null },
      'dialect.preview': { document: '{"quipuDialect":1}', endpoint: 'trades', frame: '' },
      'link.retry': { endpoint: null },
      'key.set': { key: KEY },
      'key.test': { key: null },
      'key.retry': {},
      'key.forget': {},
      'source.set': { source: 'demo' },
    };
    const pages = [
      ...['markets.search', 'markets.browse', 'candles.page', 'trades.page', 'buckets.page', 'sessions.list'],
      ...['journal.page', 'health.page', 'refusals.list', 'frames.list'],
      ...['coverage.page', 'coverage.recent', 'coverage.sessions', 'coverage.session'],
    ];
    pages.push('dialect.get', 'dialect.preview', 'key.test', 'sessions.delete');
    pages.push('retention.get', 'retention.preview');
    for (const [command, args] of Object.entries(good)) {
      const result = await client.ask(command, args);
      expect(result, command).toMatchObject({ ok: true });
      if (result.ok && !pages.includes(command)) expect(result.value, command).toBeNull();
    }
    const places = client.eventsOf('snapshot').map(({ snapshot }) => snapshot.key.place);
    expect(places).toContain('keychain');
    expect(client.eventsOf('snapshot').at(-1)?.snapshot).toMatchObject({
      source: 'demo',
      key: { place: 'none' },
    });
    expect(JSON.stringify(client.messages)).not.toContain(KEY);
    // The next test finds the whole watchlist again.
    const all = await client.call('markets.search', { text: '', limit: 100 });
    await client.call('watch.set', { markets: all.markets.map(({ id }) => id) });
  });

  it('the core’s side ends it', async () => {
    const own = await serve(core);
    const client = new Client(await own.open());
    await expect.poll(() => client.messages.length).toBeGreaterThan(0);
    await own.close();
    await expect.poll(() => client.closed).not.toBeNull();
    await expect.poll(() => joined).toBe(0);
  });
});

describe('between the transports', { timeout: 60_000 }, () => {
  it('pages arrive whole, and byte for byte the same', async () => {
    const served = await Promise.all(Object.values(TRANSPORTS).map((serve) => serve(core)));
    const [one, other] = await Promise.all(served.map(async (each) => new Client(await each.open())));
    if (one === undefined || other === undefined) throw new Error('there are two transports');
    await expect.poll(() => one.eventsOf('snapshot').length).toBeGreaterThan(0);
    const market = one.eventsOf('snapshot')[0]?.snapshot.watchlist[0]?.market.id ?? '';
    const chart = { market, granularity: '1m' } as const;
    const candles = { chart, before: null, limit: 5_000 };
    const trades = { market, before: null, limit: 5_000 };
    await expect
      .poll(async () => (await one.call('trades.page', trades)).count, { timeout: 20_000 })
      .toBeGreaterThan(5);
    await expect
      .poll(async () => (await one.call('candles.page', candles)).count, { timeout: 20_000 })
      .toBeGreaterThan(0);
    // From here on the store stands still.
    await one.call('recording.set', { on: false });

    const first = await one.call('candles.page', candles);
    const second = await other.call('candles.page', candles);
    expect(second).toEqual(first);
    expect(Buffer.from(first.bytes).equals(Buffer.from(second.bytes))).toBe(true);
    const floats = floatsOf(first.bytes);
    expect(floats).toHaveLength(first.count * CANDLE_FIELDS);
    const [start = 0, open = 0, high = 0, low = 0, close = 0, volume = 0] = floats.slice(-CANDLE_FIELDS);
    expect(start % 60_000).toBe(0);
    expect(high).toBeGreaterThanOrEqual(Math.max(open, close));
    expect(low).toBeLessThanOrEqual(Math.min(open, close));
    expect(volume).toBeGreaterThan(0);

    const tape = await one.call('trades.page', trades);
    const same = await other.call('trades.page', trades);
    expect(same).toEqual(tape);
    expect(tradesOf(tape.bytes)).toHaveLength(tape.count * TRADE_FIELDS);
    const range = { session: null, market, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 9 };
    const buckets = await one.call('buckets.page', range);
    expect(floatsOf(buckets.bytes)).toHaveLength(buckets.count * BUCKET_FIELDS);
    // To the digits of a float32: sums are added up in another order once trades are sealed.
    const [told, again] = [buckets, await other.call('buckets.page', range)].map(({ bytes }) =>
      floatsOf(bytes).map(Math.fround),
    );
    expect(again).toEqual(told);
    // A page without rows has bytes too, of no length.
    const none = { chart, before: 0, limit: 1 };
    for (const client of [one, other]) {
      expect(await client.call('candles.page', none)).toMatchObject({ count: 0, bytes: new Uint8Array(0) });
    }
    await one.call('recording.set', { on: true });
    await Promise.all(served.map((each) => each.close()));
  });

  it('a view into a larger buffer takes none of the rest along', async () => {
    const large = new Uint8Array(4096).fill(7);
    const bytes = large.subarray(1001, 1017);
    const message: Message = { kind: 'reply', id: 1, result: { ok: true, value: { count: 1, bytes } } };
    for (const serve of Object.values(TRANSPORTS)) {
      const one = withConnect(core, (send) => {
        send(message);
        return { request: () => undefined, close: () => undefined };
      });
      const transport = await serve(one);
      const client = new Client(await transport.open());
      await expect.poll(() => client.messages).toEqual([message]);
      const [reply] = client.messages;
      if (reply?.kind !== 'reply' || !reply.result.ok) throw new Error('no reply');
      const arrived = (reply.result.value as { bytes: Uint8Array }).bytes;
      expect(arrived.buffer.byteLength).toBeLessThan(200);
      expect(arrived.byteOffset % 8).toBe(0);
      await transport.close();
    }
  });
});
