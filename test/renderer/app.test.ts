import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CoreEvent, MAX_WATCHED } from '../../main/core/contract.ts';
import { App } from '../../renderer/state/app.svelte.ts';
import { targetOf } from '../../renderer/state/target.ts';
import { dictionary, snapshot, summary, TestChannel, tradeBytes, watchRow } from './support.ts';

// For the whole file: a frame may still be due when a test has ended.
vi.stubGlobal('requestAnimationFrame', (run: () => void) => setTimeout(run, 0));
vi.stubGlobal('cancelAnimationFrame', clearTimeout);

let channel: TestChannel;
let app: App;

function event(told: CoreEvent): void {
  channel.tell({ kind: 'event', event: told });
}

function asked(command: string): unknown[] {
  return channel.sent.filter((sent) => sent.command === command).map(({ args }) => args);
}

beforeEach(async () => {
  channel = new TestChannel();
  app = new App({ open: () => Promise.resolve(channel) });
  await vi.waitUntil(() => app.bridge.phase === 'open');
});

afterEach(() => {
  app.close();
});

describe('App', () => {
  it('shows a snapshot, and follows its first markets before it asks for their history', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    await vi.waitUntil(() => app.view !== null);
    expect(app.slots).toEqual(['a', 'b', 'c']);
    expect(asked('follow.set')).toMatchObject([
      { charts: ['a', 'b', 'c'].map((market) => ({ market, granularity: '1m' })), tapes: ['a'] },
    ]);
    expect(channel.sent[0]?.command).toBe('follow.set');
    expect(asked('candles.page')).toHaveLength(3);
    expect(asked('trades.page')).toEqual([{ market: 'a', before: null, limit: 500 }]);
  });

  it('refuses to show a core of another version', async () => {
    event({ type: 'snapshot', snapshot: snapshot({ version: 999 }) });
    await vi.waitUntil(() => app.mismatch);
  });

  it('puts the trades of the large market alone on the tape', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    event({ type: 'trades', market: 'a', count: 1, bytes: tradeBytes([5, 1, 1]) });
    event({ type: 'trades', market: 'b', count: 1, bytes: tradeBytes([6, 1, 1]) });
    channel.answer('trades.page', { count: 2, more: true, bytes: tradeBytes([4, 1, 1], [5, 1, 1]) });
    await vi.waitUntil(() => app.tapeMore);
    expect(app.tape.length).toBe(2);
    app.select('b');
    expect(app.tape.length).toBe(0);
    expect(app.slots).toEqual(['b', 'a', 'c']);
    expect(asked('trades.page').at(-1)).toMatchObject({ market: 'b' });
  });

  it('asks for the edge of a page again, so that trades of one microsecond are not cut apart', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    channel.answer('trades.page', { count: 1, more: true, bytes: tradeBytes([50, 2, 1]) });
    await vi.waitUntil(() => app.tapeMore);
    const loaded = app.loadOlderTrades();
    expect(asked('trades.page').at(-1)).toMatchObject({ before: 51 });
    channel.answer('trades.page', { count: 2, more: false, bytes: tradeBytes([50, 1, 1], [50, 2, 1]) });
    await loaded;
    expect(app.tape.length).toBe(2);
    expect(app.tapeMore).toBe(false);
  });

  it('builds one change of the watchlist on the one before, though the core has not shown it yet', () => {
    event({ type: 'snapshot', snapshot: snapshot({ watchlist: [watchRow('a')] }) });
    void app.addMarket('b');
    void app.addMarket('c');
    void app.removeMarket('a');
    expect(asked('watch.set')).toEqual([
      { markets: ['a', 'b'] },
      { markets: ['a', 'b', 'c'] },
      { markets: ['b', 'c'] },
    ]);
    event({ type: 'watchlist', rows: [watchRow('b'), watchRow('c')] });
    void app.addMarket('d');
    expect(asked('watch.set').at(-1)).toEqual({ markets: ['b', 'c', 'd'] });
  });

  it('adds as many markets as the watchlist takes, and says that it is full', async () => {
    const rows = Array.from({ length: MAX_WATCHED - 1 }, (_, n) => watchRow(`m${n}`));
    event({ type: 'snapshot', snapshot: snapshot({ watchlist: rows }) });
    const adding = app.addMarkets(['m0', 'x', 'y']);
    expect(app.watched.has('x')).toBe(true);
    channel.answer('watch.set', null);
    await adding;
    expect((asked('watch.set').at(-1) as { markets: string[] }).markets.slice(-2)).toEqual(['m498', 'x']);
    expect(app.notice?.message).toContain('Only 1 of 2 were added: the watchlist takes 500 markets');
    await app.addMarket('z');
    expect(app.notice?.message).toContain('Nothing was added');
    expect(asked('watch.set')).toHaveLength(1);
  });

  it('asks for its list of markets again when others are known, and not for each page that is read', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    await vi.waitUntil(() => app.view !== null);
    const browsed = (): number => asked('markets.browse').length;
    event({ type: 'dictionary', dictionary: dictionary({ loading: true, pages: 1 }) });
    event({ type: 'dictionary', dictionary: dictionary({ loading: true, pages: 2 }) });
    expect(browsed()).toBe(0);
    event({ type: 'dictionary', dictionary: dictionary({ known: 4, read: 1_700_000_000_001 }) });
    expect(browsed()).toBe(1);
    await vi.waitUntil(() => app.view?.dictionary.known === 4);
  });

  it('starts anew when the source changes: its store is another one', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    channel.answer('trades.page', { count: 1, more: false, bytes: tradeBytes([50, 2, 1]) });
    await vi.waitUntil(() => app.tape.length === 1);
    const before = asked('candles.page').length;
    event({ type: 'source', source: 'demo', key: { place: 'demo', problem: null } });
    expect(app.tape.length).toBe(0);
    expect(asked('candles.page')).toHaveLength(before + 3);
  });

  it('reads the record anew when a session is deleted or restored, and keeps no answer of before', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    await vi.waitUntil(() => app.view !== null);
    channel.answer('trades.page', { count: 1, more: true, bytes: tradeBytes([50, 2, 1]) });
    await vi.waitUntil(() => app.tape.length === 1);
    void app.loadOlderTrades();
    const late = channel.sent.findLast(({ command }) => command === 'trades.page');
    const before = asked('candles.page').length;
    const lists = asked('sessions.list').length;
    event({ type: 'session', session: 4, change: 'deleted' });
    expect(app.tape.length).toBe(0);
    expect(asked('candles.page')).toHaveLength(before + 3);
    expect(asked('sessions.list')).toHaveLength(lists + 1);
    const value = { count: 1, more: false, bytes: tradeBytes([40, 2, 1]) };
    channel.tell({ kind: 'reply', id: late?.id ?? -1, result: { ok: true, value } });
    channel.answer('trades.page', { count: 1, more: false, bytes: tradeBytes([60, 2, 1]) });
    await vi.waitUntil(() => app.tape.length > 0);
    expect([app.tape.length, app.tape.oldest]).toEqual([1, 60]);

    event({ type: 'session', session: 4, change: 'edited' });
    expect(asked('candles.page')).toHaveLength(before + 3);
    expect(asked('sessions.list')).toHaveLength(lists + 2);
    const removed = [{ session: summary({ id: 4 }), undoUntil: 9 }];
    channel.answer('sessions.list', { sessions: [summary({ id: 5 })], removed });
    await vi.waitUntil(() => app.sessions !== null);
    expect(app.removed).toEqual(removed);
  });

  it('keeps what a command could not do for the status bar, until one succeeds', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    const error = { kind: 'storage', message: 'The disk is full.', action: 'Free some room.' } as const;
    const failing = app.setSource('demo');
    channel.tell({ kind: 'reply', id: channel.sent.at(-1)?.id ?? -1, result: { ok: false, error } });
    await failing;
    expect(app.notice).toEqual(error);
    const working = app.setTheme('dark');
    channel.answer('settings.set', null);
    await working;
    expect(app.notice).toBeNull();
  });

  it('says that the bridge is lost, and why', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    channel.lose('Quipu was ended.');
    expect(app.bridge).toMatchObject({ phase: 'lost', why: 'Quipu was ended.', attempt: 1 });
    expect(await app.ask('sessions.list', {})).toMatchObject({ ok: false, error: { kind: 'closed' } });
  });
});

describe('going where an announcement leads', () => {
  const AT = 1_700_000_000_000;

  it('shows the market large, at the moment', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    await vi.waitUntil(() => app.view !== null);
    app.tab = 'feed';
    app.goTo({ view: 'live', market: 'c', at: AT });
    expect([app.tab, app.slots[0]]).toEqual(['live', 'c']);
    expect(app.moment).toEqual({ market: 'c', at: AT });
  });

  it('waits for the first snapshot', async () => {
    app.goTo({ view: 'live', market: 'b', at: AT });
    event({ type: 'snapshot', snapshot: snapshot() });
    await vi.waitUntil(() => app.view !== null);
    expect(app.moment).toEqual({ market: 'b', at: AT });
  });

  it('shows no other market at the moment of one that has left the watchlist', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    await vi.waitUntil(() => app.view !== null);
    app.goTo({ view: 'live', market: 'gone', at: AT });
    expect([app.tab, app.slots[0], app.moment]).toEqual(['live', 'a', null]);
  });

  it('of the whole feed shows what is large, and a summary opens the list', async () => {
    event({ type: 'snapshot', snapshot: snapshot() });
    await vi.waitUntil(() => app.view !== null);
    app.goTo({ view: 'live', market: null, at: AT });
    expect(app.moment).toEqual({ market: 'a', at: AT });
    app.goTo({ view: 'announcements', market: null, at: null });
    expect([app.announcementsOpen, app.tab]).toEqual([true, 'live']);
  });

  it.each([
    null,
    'live',
    {},
    { view: 'other', market: null, at: null },
    { view: 'live', market: 1, at: null },
    { view: 'live', market: null, at: Number.NaN },
    { view: 'live', market: null },
  ])('takes no target from %j', (value) => {
    expect(targetOf(value)).toBeNull();
  });

  it('takes of a target what it needs alone', () => {
    expect(targetOf({ view: 'live', market: 'm', at: 1, more: true })).toEqual({
      view: 'live',
      market: 'm',
      at: 1,
    });
  });
});
