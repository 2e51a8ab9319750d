/** From the core's events to what is announced, on a clock that the test moves. */
import { describe, expect, it } from 'vitest';
import type {
  Announcement,
  AnnouncementsState,
  Endpoint,
  Gap,
  LinkPhase,
  LinkProblem,
  RecordingState,
} from '../../../main/core/contract.ts';
import type { Occasion } from '../../../main/core/notices/announcements.ts';
import { Announcer } from '../../../main/core/notices/announcer.ts';
import { PAUSED_LONG_MS, STALE_LONG_MS } from '../../../main/core/notices/troubles.ts';
import { TestClock } from '../../helpers/test-clock.ts';
import { linkState, rowState } from '../../helpers/states.ts';

const START = Date.parse('2024-01-15T18:00:00Z');
const HOUR = 3_600_000;

/** A clock whose wall the test sets apart. */
class JumpingClock extends TestClock {
  jump = 0;

  override now(): number {
    return super.now() + this.jump * 1000;
  }
}

function setUp() {
  const clock = new JumpingClock(START);
  const shown: Announcement[] = [];
  const closed: number[] = [];
  const told: AnnouncementsState[] = [];
  const announcer = new Announcer({
    clock,
    notifier: { show: (announcement) => shown.push(announcement), close: (id) => closed.push(id) },
    changed: (announcements) => told.push(announcements),
  });
  announcer.take({ type: 'source', source: 'live', key: { place: 'keychain', problem: null } });
  const problem = (kind: string): LinkProblem => ({
    kind,
    status: null,
    serverWords: kind === 'unauthorized' ? 'no such key' : null,
    message: 'It happened.',
    action: 'Do this.',
  });
  return {
    clock,
    shown,
    closed,
    told,
    announcer,
    link: (endpoint: Endpoint, phase: LinkPhase, kind?: string): void =>
      announcer.take({
        type: 'link',
        link: linkState(endpoint, { phase, problem: kind === undefined ? null : problem(kind) }),
      }),
    recording: (recording: Partial<RecordingState>): void =>
      announcer.take({
        type: 'recording',
        recording: { state: 'recording', session: null, problem: null, ...recording },
      }),
    gap: (over: Partial<Gap>): void =>
      announcer.take({
        type: 'gap',
        gap: {
          session: 1,
          endpoint: 'trades',
          from: START,
          to: START + 300_000,
          state: 'lost',
          cause: 'The server could not be reached.',
          recovered: 0,
          duplicates: 0,
          ...over,
        },
      }),
    get titles(): string[] {
      return shown.map(({ title }) => title);
    },
  };
}

describe('trouble that needs a hand', () => {
  it('a refused key is one for both endpoints, and is closed when it is taken', () => {
    const it = setUp();
    it.link('trades', 'refused', 'unauthorized');
    it.link('candles', 'refused', 'forbidden');
    it.clock.advance(60_000);
    expect(it.titles).toEqual(['The API key is refused']);
    expect(it.shown[0]?.body).toBe(
      'It happened. The server says: “no such key”. Do this. Until then nothing is received.',
    );
    it.link('trades', 'live');
    it.clock.advance(60_000);
    expect(it.closed).toEqual([]);
    it.link('candles', 'live');
    it.clock.advance(60_000);
    expect(it.closed).toEqual([1]);
  });

  it.each(['dns', 'closed', 'unavailable', 'rate-limited'])(
    '%s mends itself: only what lasts is announced',
    (kind) => {
      const it = setUp();
      it.link('trades', 'waiting', kind);
      it.clock.advance(STALE_LONG_MS - 1_000);
      it.link('trades', 'live');
      it.clock.advance(STALE_LONG_MS);
      expect(it.titles).toEqual([]);
    },
  );

  it('no data for long is one for both endpoints, whatever the attempts go through meanwhile', () => {
    const it = setUp();
    for (const endpoint of ['trades', 'candles'] as const) it.link(endpoint, 'stale', 'stale');
    for (let n = 0; n < 10; n++) {
      for (const endpoint of ['trades', 'candles'] as const) {
        it.link(endpoint, n % 2 === 0 ? 'waiting' : 'connecting', 'unreachable');
      }
      it.clock.advance(60_000);
    }
    expect(it.titles).toEqual(['No trades and candles for 5 minutes']);
  });

  it('a computer that sleeps is no silent feed', () => {
    const it = setUp();
    it.link('trades', 'suspended', 'suspended');
    it.clock.advance(8 * HOUR);
    expect(it.titles).toEqual([]);
  });

  it('not recording is told at once, a pause only when it may be forgotten', () => {
    const failed = setUp();
    failed.recording({
      state: 'failed',
      problem: { kind: 'storage', message: 'The disk is full.', action: 'Make room.' },
    });
    expect(failed.titles).toEqual(['Quipu is not recording']);
    expect(failed.shown[0]?.body).toBe('The disk is full. Make room.');
    const paused = setUp();
    paused.recording({ state: 'stopped', pausedSince: START });
    paused.clock.advance(PAUSED_LONG_MS - 1_000);
    expect(paused.titles).toEqual([]);
    paused.clock.advance(2_000);
    paused.clock.advance(10 * HOUR);
    expect(paused.titles).toEqual(['Recording is still paused']);
    paused.recording({});
    paused.clock.advance(60_000);
    expect(paused.closed).toEqual([1]);
  });

  it('a lost gap leads to its moment; one that was mended is none', () => {
    const it = setUp();
    it.gap({ state: 'recovered' });
    it.gap({ state: 'unverified' });
    it.gap({ from: START - HOUR, to: START });
    it.clock.advance(10_000);
    expect(it.titles).toEqual(['60 min of trades are lost']);
    expect(it.shown[0]?.target).toEqual({ view: 'live', market: null, at: START - HOUR });
    it.gap({ from: START, to: START + 9_000 });
    it.gap({ from: START, to: START + 9_000, endpoint: 'candles' });
    it.clock.advance(10_000);
    expect(it.titles[1]).toBe('2 gaps are lost; the first is 9 s of trades');
  });

  it('refused markets are one, which leads to the first, and is over when none is refused', () => {
    const it = setUp();
    const rows = (refused: readonly string[]): void =>
      it.announcer.take({
        type: 'watchlist',
        rows: ['a', 'b', 'c'].map((id) =>
          rowState(id, refused.includes(id) ? { trades: 'refused', refusal: 'not in your plan' } : {}),
        ),
      });
    rows(['b']);
    rows(['b', 'c']);
    it.clock.advance(10_000);
    expect(it.titles).toEqual(['2 markets are refused; the first is B / USDT on binance']);
    expect(it.shown[0]?.target.market).toBe('b');
    rows(['c']);
    it.clock.advance(60_000);
    expect(it.closed).toEqual([]);
    rows([]);
    it.clock.advance(60_000);
    expect(it.closed).toEqual([1]);
  });

  it('a record that was replaced is told until the user puts it away', () => {
    const it = setUp();
    const notice = { kind: 'storage', message: 'The record was damaged.', action: 'Check.' } as const;
    it.announcer.take({ type: 'notice', notice });
    it.announcer.take({ type: 'notice', notice });
    it.clock.advance(60_000);
    expect(it.titles).toEqual(['The record was replaced']);
    it.announcer.take({ type: 'notice', notice: null });
    it.clock.advance(60_000);
    expect(it.closed).toEqual([1]);
  });

  it('another feed ends the trouble of the one before, but not that of the record', () => {
    const it = setUp();
    it.link('trades', 'refused', 'unauthorized');
    it.announcer.take({ type: 'notice', notice: { kind: 'storage', message: 'Damaged.' } });
    it.announcer.take({ type: 'source', source: 'demo', key: { place: 'none', problem: null } });
    it.clock.advance(60_000);
    expect(it.closed).toEqual([1]);
    expect(it.announcer.announcements.items.map(({ state }) => state)).toEqual(['open', 'resolved']);
  });

  it('a wall clock that jumps a day rings nothing again', () => {
    const it = setUp();
    const all = (): void => {
      it.link('trades', 'refused', 'unauthorized');
      it.link('candles', 'waiting', 'dns');
      it.recording({ state: 'failed', problem: { kind: 'storage', message: 'Full.' } });
      it.gap({});
    };
    all();
    it.clock.advance(STALE_LONG_MS + 60_000);
    const rung = it.titles;
    expect(rung.length).toBe(4);
    for (const jump of [24 * HOUR, -24 * HOUR]) {
      it.clock.jump += jump;
      all();
      it.clock.advance(60_000);
    }
    expect(it.titles).toEqual(rung);
  });
});

describe('alerts', () => {
  const alert = (n: number): Occasion => ({
    kind: 'alert',
    group: 'rule 1',
    key: `rule 1, ${n}`,
    title: `BTC / USDT above ${n}`,
    body: 'Your rule “tall”.',
    many: (count) => `${count} alerts of “tall”`,
    target: { view: 'live', market: 'btc', at: START },
  });

  it('come through one door, which groups them', () => {
    const it = setUp();
    it.announcer.announce(alert(1));
    it.clock.advance(5_000);
    for (let n = 2; n < 100; n++) it.announcer.announce(alert(n));
    it.clock.advance(5_000);
    expect(it.titles).toEqual(['BTC / USDT above 1', '98 alerts of “tall”']);
    expect(it.shown[0]?.target).toEqual({ view: 'live', market: 'btc', at: START });
    expect(it.told.at(-1)?.items.map(({ count }) => count)).toEqual([98, 1]);
  });
});

describe('a mute', () => {
  it('of an hour ends after one', () => {
    const it = setUp();
    expect(it.announcer.mute('hour')).toBe(START + HOUR);
    expect(it.told.at(-1)?.mutedUntil).toBe(START + HOUR);
    it.clock.advance(HOUR);
    expect(it.told.at(-1)?.mutedUntil).toBeNull();
  });

  it('until tomorrow ends at eight of the next day, as this computer counts', () => {
    const until = new Date(setUp().announcer.mute('tomorrow') ?? 0);
    expect([until.getHours(), until.getMinutes(), until.getSeconds()]).toEqual([8, 0, 0]);
    const days = new Date(until).setHours(0, 0, 0, 0) - new Date(START).setHours(0, 0, 0, 0);
    expect(Math.round(days / 86_400_000)).toBe(1);
  });

  it.each([
    ['an hour that is left', START + HOUR, START + HOUR],
    ['one that is over', START - 1, null],
    ['one longer than any, of another clock', START + 365 * 24 * HOUR, null],
    ['words', 'null', null],
  ])('of an earlier run: %s', (_what, kept, expected) => {
    const it = setUp();
    it.announcer.restore(String(kept));
    expect(it.announcer.announcements.mutedUntil).toBe(expected);
  });
});
