import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoveragePage, CoverageStretch } from '../../main/core/contract.ts';
import { CoverageLoader } from '../../renderer/state/coverage-loader.ts';
import type { CoverageEvent } from '../../renderer/state/coverage.ts';
import { createClient } from '../../renderer/state/client.ts';
import { TestChannel } from './support.ts';

const HOUR = 3_600_000;
const NOW = 100 * HOUR;

let channel: TestChannel;
let changes: number;
let now: number;
let loader: CoverageLoader;

beforeEach(() => {
  channel = new TestChannel();
  changes = 0;
  now = NOW;
  loader = new CoverageLoader(
    () => changes++,
    () => now,
  );
  loader.reset(createClient(channel), 1);
});

function asked(command: string): Record<string, unknown>[] {
  return channel.sent
    .filter((sent) => sent.command === command)
    .map(({ args }) => args as Record<string, unknown>);
}

/** Answers every request for a page that has no answer yet. */
let answered = 0;
beforeEach(() => {
  answered = 0;
});
async function answerPages(change: Partial<CoveragePage> = {}): Promise<void> {
  const pages = channel.sent.filter(({ command }) => command === 'coverage.page');
  for (const { args, id } of pages.slice(answered)) {
    const { from, to } = args as { from: number; to: number };
    const end = Math.min(to, now * 1000);
    const goesOn = to > end;
    const stretches: CoverageStretch[] = [{ from, to: end, state: 'live', cause: '' }];
    const page = { from, to: end, grain: 0, stretches, now: goesOn ? { state: 'live', cause: '' } : null };
    channel.tell({ kind: 'reply', id, result: { ok: true, value: { ...page, ...change } } });
  }
  answered = pages.length;
  await Promise.resolve();
  await new Promise((done) => setTimeout(done, 0));
}

function event(over: Partial<CoverageEvent> = {}): CoverageEvent {
  return {
    type: 'coverage',
    session: 1,
    started: 0,
    until: now * 1000,
    ended: false,
    changes: [],
    known: null,
    ...over,
  };
}

describe('of a chart', () => {
  beforeEach(() => loader.follow(['m']));

  it('asks for both endpoints, for more than is in sight, and not again while that is enough', async () => {
    loader.want('m', NOW - HOUR, NOW);
    loader.want('m', NOW - HOUR - 1, NOW);
    expect(asked('coverage.page')).toEqual(
      ['trades', 'candles'].map((endpoint) => ({
        market: 'm',
        endpoint,
        from: (NOW - 2 * HOUR) * 1000,
        to: Number.MAX_SAFE_INTEGER,
      })),
    );
    await answerPages();
    expect(changes).toBeGreaterThan(1);
    expect(loader.chart('m').trades).toEqual([{ from: NOW - 2 * HOUR, to: NOW, state: 'live', cause: '' }]);
    loader.want('m', NOW - 2 * HOUR, NOW + HOUR);
    expect(asked('coverage.page')).toHaveLength(2);
  });

  it('of the past asks for the past alone', async () => {
    loader.want('m', NOW - 50 * HOUR, NOW - 49 * HOUR);
    expect(asked('coverage.page')[0]).toMatchObject({
      from: (NOW - 51 * HOUR) * 1000,
      to: (NOW - 48 * HOUR) * 1000,
    });
    await answerPages();
    expect(loader.chart('m').candles.at(-1)?.to).toBe(NOW - 48 * HOUR);
    loader.want('m', NOW - 48.5 * HOUR, NOW - 47.5 * HOUR);
    expect(asked('coverage.page')).toHaveLength(4);
  });

  it('asks anew when what it has is too coarse for what is in sight', async () => {
    loader.want('m', NOW - 90 * HOUR, NOW);
    await answerPages({ grain: 135 * 1_000_000 });
    loader.want('m', NOW - 89 * HOUR, NOW);
    expect(asked('coverage.page')).toHaveLength(2);
    loader.want('m', NOW - 2 * HOUR, NOW);
    expect(asked('coverage.page')).toHaveLength(4);
  });

  it('asks anew for what lies before what it holds and was changed', async () => {
    loader.want('m', NOW - HOUR, NOW);
    await answerPages();
    const change = { market: 'm', endpoint: 'trades' as const, from: 5, starts: [] };
    loader.take(event({ changes: [change] }));
    expect(asked('coverage.page')).toHaveLength(3);
    await answerPages();
    expect(loader.chart('m').trades).toHaveLength(1);
  });

  it('a request that fails is tried again after a while, not at once', async () => {
    loader.want('m', NOW - HOUR, NOW);
    const error = { kind: 'storage', message: 'No.' } as const;
    for (const { id } of channel.sent) channel.tell({ kind: 'reply', id, result: { ok: false, error } });
    await answerPages();
    loader.want('m', NOW - HOUR, NOW);
    expect(asked('coverage.page')).toHaveLength(2);
    now += 5_000;
    loader.take(event());
    expect(asked('coverage.page')).toHaveLength(4);
  });

  it('lets go of what is drawn no more, and of pages that come for it', async () => {
    loader.want('m', NOW - HOUR, NOW);
    loader.follow(['n']);
    await answerPages();
    expect(loader.chart('m').trades).toEqual([]);
    loader.want('m', NOW - HOUR, NOW);
    expect(asked('coverage.page')).toHaveLength(2);
  });
});

describe('of the watchlist', () => {
  async function answerRecent(...markets: string[]): Promise<void> {
    const from = (now - HOUR) * 1000;
    const to = now * 1000;
    const lines = markets.flatMap((market) =>
      (['trades', 'candles'] as const).map((endpoint) => ({
        market,
        endpoint,
        stretches: [{ from, to, state: 'live', cause: '' }],
        now: { state: 'live', cause: '' },
      })),
    );
    channel.answer('coverage.recent', { from, to, lines });
    await vi.waitUntil(() => markets.length === 0 || loader.row(markets[0] ?? '') !== null);
  }

  it('asks once for all, and again when there is a new one', async () => {
    loader.watch(['a', 'b']);
    loader.watch(['b', 'a']);
    expect(asked('coverage.recent')).toHaveLength(1);
    await answerRecent('a', 'b');
    loader.watch(['a']);
    expect(asked('coverage.recent')).toHaveLength(1);
    expect(loader.row('b')).toBeNull();
    loader.watch(['a', 'c']);
    expect(asked('coverage.recent')).toHaveLength(2);
    // One that came to the watchlist meanwhile is not in the answer.
    loader.watch(['a', 'c', 'd']);
    await answerRecent('a', 'c');
    expect(asked('coverage.recent')).toHaveLength(3);
  });

  it('gives the same row while nothing changed that could be seen', async () => {
    now += 10_000;
    loader.watch(['a', 'b']);
    await answerRecent('a', 'b');
    const row = loader.row('a');
    now += 1_000;
    loader.take(event());
    expect(loader.row('a')).toBe(row);
    const at = (now - 5_000) * 1000;
    const starts = [{ from: at, state: 'lost' as const, cause: 'cut' }];
    loader.take(event({ changes: [{ market: 'a', endpoint: 'trades', from: at, starts }] }));
    expect(loader.row('a')).not.toBe(row);
    expect(loader.row('a')?.trades.map(({ state }) => state)).toEqual(['live', 'lost']);
    const other = loader.row('b');
    now += 60_000;
    loader.take(event());
    expect(loader.row('b')).not.toBe(other);
    // What is older than the hour is let go.
    now += 2 * HOUR;
    loader.take(event());
    expect(loader.row('b')?.trades[0]?.from).toBeGreaterThan(now - 1.1 * HOUR);
  });
});

describe('of sessions', () => {
  it('asks for those in sight at once, each once, and for the running one anew', async () => {
    for (let session = 1; session <= 25; session++) loader.wantSession(session);
    await vi.waitUntil(() => asked('coverage.sessions').length === 1);
    expect(asked('coverage.sessions')[0]?.['sessions']).toHaveLength(20);
    const cord = (session: number): unknown => ({ session, from: 0, to: 9, runs: [] });
    channel.answer('coverage.sessions', { cords: [1, 2].map(cord) });
    await vi.waitUntil(() => asked('coverage.sessions').length === 2);
    expect(asked('coverage.sessions')[1]?.['sessions']).toEqual([21, 22, 23, 24, 25]);
    channel.answer('coverage.sessions', { cords: [25].map(cord) });
    await vi.waitUntil(() => loader.session(25) !== null);
    expect(loader.session(3)).toBeNull();
    loader.wantSession(1);
    loader.wantSession(2, true);
    await vi.waitUntil(() => asked('coverage.sessions').length === 3);
    expect(asked('coverage.sessions')[2]?.['sessions']).toEqual([2]);
  });

  const line = (market: string): unknown => ({ market, endpoint: 'trades', runs: [] });
  const answer = (markets: readonly string[], to: number): void =>
    channel.answer('coverage.session', { from: 1_000, to, lines: markets.map(line) });

  it('asks for as many markets of one as are wanted, in pages, and shows them together', async () => {
    const markets = Array.from({ length: 120 }, (_, n) => `m${n}`);
    const first = loader.wantMarkets(3, markets, 50);
    expect(asked('coverage.session')).toMatchObject([{ session: 3, markets: markets.slice(0, 50) }]);
    answer(markets.slice(0, 50), 9_000);
    await first;
    expect(loader.markets).toMatchObject({ session: 3, from: 1, to: 9, asked: 50 });

    const all = loader.wantMarkets(3, markets, 150);
    answer(markets.slice(0, 50), 10_000);
    await vi.waitUntil(() => asked('coverage.session').length === 3);
    answer(markets.slice(50, 100), 11_000);
    await vi.waitUntil(() => asked('coverage.session').length === 4);
    expect(loader.markets?.asked).toBe(50);
    answer(markets.slice(100), 12_000);
    await all;
    expect(asked('coverage.session')[3]?.['markets']).toEqual(markets.slice(100));
    expect(loader.markets).toMatchObject({ from: 1, to: 12, asked: 120 });
    expect(loader.markets?.lines.map(({ market }) => market)).toEqual(markets);
  });

  it('knows without a question that a session without markets has none, and tells why one cannot be read', async () => {
    await loader.wantMarkets(4, [], 50);
    expect(asked('coverage.session')).toEqual([]);
    expect(loader.markets).toMatchObject({ session: 4, lines: [], asked: 0, problem: null });
    const done = loader.wantMarkets(5, ['m'], 50);
    const error = { kind: 'storage', message: 'The disk is full.', action: 'Make room.' } as const;
    channel.tell({ kind: 'reply', id: channel.sent.at(-1)?.id ?? 0, result: { ok: false, error } });
    await done;
    expect(loader.markets).toMatchObject({ session: 5, lines: [], problem: error });
  });

  it('leaves out an answer that another question overtook', async () => {
    const older = loader.wantMarkets(3, ['m'], 50);
    const newer = loader.wantMarkets(4, ['n'], 50);
    const [late] = channel.sent.filter(({ command }) => command === 'coverage.session');
    answer(['n'], 9_000);
    const value = { from: 0, to: 9_000, lines: [line('m')] };
    channel.tell({ kind: 'reply', id: late?.id ?? 0, result: { ok: true, value } });
    await Promise.all([older, newer]);
    expect(loader.markets?.session).toBe(4);
  });

  it('forgets all with a new core', async () => {
    loader.wantSession(1);
    await vi.waitUntil(() => asked('coverage.sessions').length === 1);
    loader.reset(createClient(new TestChannel()), null);
    channel.answer('coverage.sessions', { cords: [{ session: 1, from: 0, to: 9, runs: [] }] });
    await new Promise((next) => setTimeout(next, 0));
    expect(loader.session(1)).toBeNull();
  });
});
