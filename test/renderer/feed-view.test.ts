import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type {
  CommandName,
  Endpoint,
  HealthMinute,
  JournalEntry,
  Subscription,
} from '../../main/core/contract.ts';
import { FeedView } from '../../renderer/state/feed-view.svelte.ts';
import {
  byTrouble,
  countStates,
  healthLine,
  mergeEntries,
  minuteAt,
  MOST_ENTRIES,
  spanOf,
  spanWords,
} from '../../renderer/state/feed-view.ts';
import { snapshot, watchRow } from './support.ts';

function entry(row: number, endpoint: Endpoint = 'trades'): JournalEntry {
  return {
    ...{ row, session: 1, type: 'transition', endpoint, at: row, from: 'connecting', to: 'live' },
    ...{ kind: 'opened', message: 'The server accepted the connection.', serverWords: null },
  };
}

function minute(at: number, lagP95: number | null): HealthMinute {
  return {
    ...{ session: 1, endpoint: 'trades', at: at * 60_000, messages: 60, bytes: 1, lagP50: null, lagP95 },
    ...{ lagP99: null, clockOffset: null, roundTrip: null, reconnects: 0, refused: 0 },
  };
}

describe('the journal', () => {
  it('is newest first, each entry once, in whatever order it comes', () => {
    const rows = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
    fc.assert(
      fc.property(rows, rows, (known, more) => {
        const merged = mergeEntries(
          mergeEntries(
            [],
            known.map((row) => entry(row)),
          ),
          more.map((row) => entry(row)),
        );
        expect(merged.map(({ row }) => row)).toEqual([...new Set([...known, ...more])].sort((a, b) => b - a));
      }),
    );
  });

  it('of very many keeps the newest', () => {
    const many = Array.from({ length: MOST_ENTRIES + 5 }, (_, n) => entry(n + 1));
    const merged = mergeEntries([], many);
    expect(merged).toHaveLength(MOST_ENTRIES);
    expect(merged[0]?.row).toBe(MOST_ENTRIES + 5);
  });
});

describe('subscriptions', () => {
  const row = (id: string, trades: Subscription, candles: Subscription): ReturnType<typeof watchRow> =>
    watchRow(id, { trades, candles });

  it('have what is refused first, by the worse of both endpoints, else the watchlist’s order', () => {
    const rows = [
      row('a', 'confirmed', 'confirmed'),
      row('b', 'confirmed', 'unconfirmed'),
      row('c', 'refused', 'confirmed'),
      row('d', 'requested', 'requested'),
      row('e', 'confirmed', 'refused'),
      row('f', 'confirmed', 'confirmed'),
    ];
    expect(byTrouble(rows).map(({ market }) => market.id)).toEqual(['c', 'e', 'b', 'd', 'a', 'f']);
    expect(rows[0]?.market.id).toBe('a');
    expect(countStates(rows, 'trades')).toEqual([
      { state: 'refused', count: 1 },
      { state: 'requested', count: 1 },
      { state: 'confirmed', count: 4 },
    ]);
  });
});

describe('a line of health', () => {
  const span = { from: 0, to: 10 * 60_000 };
  const lag = (each: HealthMinute): number | null => each.lagP95;

  it('joins minutes that follow each other, and leaves a hole where one is lacking', () => {
    const { path, high, low } = healthLine([minute(0, 50), minute(1, 100), minute(4, 0)], lag, span, 100, 20);
    expect(path).toBe('M0.0 10.0H10.0L10.0 0.0H20.0M40.0 20.0H50.0');
    expect({ high, low }).toEqual({ high: 100, low: 0 });
  });

  it('leaves a hole too where nothing was measured, and shows nothing of other times', () => {
    const minutes = [minute(-1, 5), minute(0, 10), minute(1, null), minute(2, 10), minute(10, 99)];
    expect(healthLine(minutes, lag, span, 100, 20)).toEqual({
      path: 'M0.0 0.0H10.0M20.0 0.0H30.0',
      high: 10,
      low: 0,
    });
  });

  it('of nothing, or of zeros, is no nonsense', () => {
    expect(healthLine([], lag, span, 100, 20).path).toBe('');
    expect(healthLine([minute(0, 0)], lag, span, 100, 20).path).toBe('M0.0 20.0H10.0');
  });

  it('reaches below zero where a clock is behind', () => {
    expect(healthLine([minute(0, -10), minute(1, 10)], lag, span, 100, 20).path).toBe(
      'M0.0 20.0H10.0L10.0 0.0H20.0',
    );
  });

  it('lies in its box whatever the minutes', () => {
    const value = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
    const given = fc.uniqueArray(fc.tuple(fc.integer({ min: -5, max: 15 }), fc.option(value)), {
      maxLength: 20,
      selector: ([at]) => at,
    });
    fc.assert(
      fc.property(given, (pairs) => {
        const minutes = pairs.sort(([a], [b]) => a - b).map(([at, lagP95]) => minute(at, lagP95));
        const { path } = healthLine(minutes, lag, span, 100, 20);
        for (const [, x, y, end] of path.matchAll(/[ML]([\d.-]+) ([\d.-]+)H([\d.-]+)/g)) {
          for (const number of [x, y, end].map(Number)) expect(number).toBeGreaterThanOrEqual(0);
          expect(Number(y)).toBeLessThanOrEqual(20);
          expect(Number(end)).toBeLessThanOrEqual(100);
        }
      }),
    );
  });

  it('tells the minute under the pointer, or that none was recorded there', () => {
    const minutes = [minute(0, 1), minute(3, 2)];
    expect(minuteAt(minutes, span, 5, 100)?.at).toBe(0);
    expect(minuteAt(minutes, span, 39.9, 100)?.lagP95).toBe(2);
    expect(minuteAt(minutes, span, 15, 100)).toBeNull();
  });

  it.each([
    ['nothing', [], '30 min'],
    ['a young record', [990, 999], '30 min'],
    ['half an hour and more', [969, 999], '1 h'],
    ['a record older than is drawn', [1, 500, 819, 980], '30 min'],
    ['the same, to its edge', [1, 500, 820, 980], '3 h'],
    ['one of all the time', [821, 900], '3 h'],
  ])('spans whole minutes before the one that runs: of %s', (_what, times, words) => {
    const at = times.map((time) => minute(time, 1));
    const { from, to } = spanOf(at, 1_000 * 60_000 + 5_000);
    expect(to).toBe(1_000 * 60_000);
    expect(spanWords({ from, to })).toBe(words);
  });
});

describe('the view', () => {
  interface Asked {
    readonly name: CommandName;
    readonly args: unknown;
    readonly answer: (value: unknown) => void;
    readonly fail: () => void;
  }
  let asked: Asked[] = [];
  const view = (): FeedView =>
    new FeedView(
      (name, args) =>
        new Promise((resolve) => {
          asked.push({
            name,
            args,
            answer: (value) => resolve({ ok: true, value: value as never }),
            fail: () => resolve({ ok: false, error: { kind: 'storage', message: 'No.', action: 'Wait.' } }),
          });
        }),
    );
  const last = (name: CommandName): Asked => {
    const found = asked.findLast((each) => each.name === name);
    if (found === undefined) throw new Error(`nothing asked for ${name}`);
    return found;
  };
  const rows = (feed: FeedView): number[] => feed.entries.map(({ row }) => row);

  afterEach(() => {
    asked = [];
  });

  it('reads nothing before it is open, and all that it shows then', () => {
    const feed = view();
    feed.take({ type: 'journal', entry: entry(1) });
    feed.take({ type: 'snapshot', snapshot: snapshot() });
    expect(asked).toEqual([]);
    expect(feed.entries).toEqual([]);
    feed.open();
    expect(new Set(asked.map(({ name }) => name))).toEqual(
      new Set(['journal.page', 'health.page', 'refusals.list']),
    );
  });

  it('takes live entries beside pages, and asks for what is older by its oldest row', async () => {
    const feed = view();
    feed.open();
    feed.take({ type: 'journal', entry: entry(9) });
    last('journal.page').answer({ more: true, entries: [entry(7), entry(8), entry(9)] });
    await vi.waitUntil(() => feed.loaded);
    feed.take({ type: 'journal', entry: entry(10, 'candles') });
    expect(rows(feed)).toEqual([10, 9, 8, 7]);
    const older = feed.loadOlder();
    expect(last('journal.page').args).toMatchObject({ before: 7, endpoint: null });
    void feed.loadOlder();
    expect(asked.filter(({ name }) => name === 'journal.page')).toHaveLength(2);
    last('journal.page').answer({ more: false, entries: [entry(5), entry(6)] });
    await older;
    expect(rows(feed)).toEqual([10, 9, 8, 7, 6, 5]);
    await feed.loadOlder();
    expect(asked.filter(({ name }) => name === 'journal.page')).toHaveLength(2);
  });

  it('of one endpoint shows only its entries, and a late answer for the other does no harm', async () => {
    const feed = view();
    feed.open();
    const late = last('journal.page');
    feed.setEndpoint('candles');
    expect(last('journal.page').args).toMatchObject({ endpoint: 'candles', before: null });
    last('journal.page').answer({ more: false, entries: [entry(2, 'candles')] });
    late.answer({ more: true, entries: [entry(1)] });
    await vi.waitUntil(() => feed.loaded);
    feed.take({ type: 'journal', entry: entry(3) });
    feed.take({ type: 'journal', entry: entry(4, 'candles') });
    expect(rows(feed)).toEqual([4, 2]);
    expect(feed.more).toBe(false);
  });

  it('starts anew when the source changes: its record is another one', async () => {
    const feed = view();
    feed.open();
    last('journal.page').answer({ more: false, entries: [entry(2)] });
    await vi.waitUntil(() => feed.loaded);
    feed.take({ type: 'source', source: 'demo', key: { place: 'demo', problem: null } });
    expect(feed.entries).toEqual([]);
    expect(asked.filter(({ name }) => name === 'journal.page')).toHaveLength(2);
  });

  it('says what could not be read, and reads on', async () => {
    const feed = view();
    feed.open();
    last('refusals.list').fail();
    last('journal.page').fail();
    await vi.waitUntil(() => feed.loaded);
    expect(feed.journalProblem?.action).toBe('Wait.');
    expect(feed.refusalsProblem?.kind).toBe('storage');
    const again = feed.readRefusals();
    last('refusals.list').answer({ refusals: [] });
    await again;
    expect(feed.refusalsProblem).toBeNull();
    expect(feed.refusals).toEqual([]);
  });

  it('has the reason that came last first', async () => {
    const feed = view();
    feed.open();
    const refusal = { endpoint: 'trades', count: 1, first: 0, samples: [] };
    last('refusals.list').answer({
      refusals: [
        { ...refusal, reason: 'json', last: 1 },
        { ...refusal, reason: 'price', last: 2 },
      ],
    });
    await vi.waitUntil(() => feed.refusals !== null);
    expect(feed.refusals?.map(({ reason }) => reason)).toEqual(['price', 'json']);
  });
});
