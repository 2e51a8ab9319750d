import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Announcement } from '../../../main/core/contract.ts';
import {
  announcementsOf,
  CLEAR_MS,
  type Effect,
  type Input,
  MAX_GROUPING_MS,
  MAX_ITEMS,
  MAX_RINGS,
  type Moment,
  type Occasion,
  QUIET,
  RING_WINDOW_MS,
  type State,
  step,
} from '../../../main/core/notices/announcements.ts';

const START = Date.parse('2024-01-15T18:00:00Z');

function occasion(kind: Occasion['kind'], key: string, over: Partial<Occasion> = {}): Occasion {
  return {
    kind,
    group: '',
    key,
    title: `one ${key}`,
    body: 'What to do.',
    many: (count) => `${count} of them`,
    target: { view: 'live', market: null, at: null },
    ...over,
  };
}

/** The state over time, with what was shown and closed, and when. */
class Run {
  state: State = QUIET;
  mono = 0;
  jump = 0;
  readonly shown: { readonly at: number; readonly announcement: Announcement }[] = [];
  readonly closed: number[] = [];

  get now(): Moment {
    return { wall: START + this.mono + this.jump, mono: this.mono };
  }

  give(input: Input): readonly Effect[] {
    const { state, effects } = step(this.state, input, this.now);
    this.state = state;
    for (const effect of effects) {
      if (effect.type === 'show') this.shown.push({ at: this.mono, announcement: effect.announcement });
      else this.closed.push(effect.id);
    }
    return effects;
  }

  happened(kind: Occasion['kind'], key: string, over: Partial<Occasion> = {}): void {
    this.give({ type: 'happened', occasion: occasion(kind, key, over) });
  }

  raise(kind: Occasion['kind'], key: string, over: Partial<Occasion> = {}): void {
    this.give({ type: 'raise', occasion: occasion(kind, key, over) });
  }

  /** As the announcer does: half a second at a time. */
  wait(ms: number): void {
    for (const end = this.mono + ms; this.mono < end;) {
      this.mono = Math.min(end, this.mono + 500);
      this.give({ type: 'time' });
    }
  }

  get titles(): string[] {
    return this.shown.map(({ announcement }) => announcement.title);
  }
}

describe('what is announced', () => {
  it('rings once for a state, takes its new words, and closes it when it has been over for a while', () => {
    const run = new Run();
    run.raise('not-recording', 'recording');
    run.wait(60_000);
    run.raise('not-recording', 'recording', { body: 'The disk is full.' });
    expect(run.titles).toEqual(['one recording']);
    expect(run.state.items).toMatchObject([{ body: 'The disk is full.', state: 'open', count: 1 }]);
    run.give({ type: 'clear', key: 'recording' });
    run.wait(CLEAR_MS - 1_000);
    expect(run.closed).toEqual([]);
    run.wait(1_000);
    expect(run.closed).toEqual([1]);
    expect(run.state.items).toMatchObject([{ state: 'resolved' }]);
  });

  it('a state that flaps is one', () => {
    const run = new Run();
    for (let n = 0; n < 100; n++) {
      run.raise('not-recording', 'recording');
      run.wait(2_000);
      run.give({ type: 'clear', key: 'recording' });
      run.wait(2_000);
    }
    expect(run.titles).toEqual(['one recording']);
    expect(run.closed).toEqual([]);
  });

  it('a state that comes back after its end rings again', () => {
    const run = new Run();
    for (let n = 0; n < 2; n++) {
      run.raise('key-refused', 'key');
      run.give({ type: 'clear', key: 'key' });
      run.wait(CLEAR_MS);
    }
    expect(run.titles).toEqual(['one key', 'one key']);
  });

  it('tells a burst as one with its number, and where the first of it was', () => {
    const run = new Run();
    for (let n = 0; n < 40; n++) {
      run.happened('gap-lost', `gap ${n}`, { target: { view: 'live', market: null, at: n } });
      run.wait(100);
    }
    run.wait(5_000);
    expect(run.shown.map(({ announcement }) => announcement)).toMatchObject([
      { title: '40 of them', count: 40, target: { at: 0 } },
    ]);
  });

  it('a group that never ends is told all the same', () => {
    const run = new Run();
    for (let n = 0; n < 60; n++) {
      run.happened('gap-lost', `gap ${n}`);
      run.wait(500);
    }
    expect(run.shown[0]?.at).toBeLessThanOrEqual(MAX_GROUPING_MS);
  });

  it('a moment that is told twice is announced once', () => {
    const run = new Run();
    run.happened('gap-lost', 'gap');
    run.wait(10_000);
    run.happened('gap-lost', 'gap');
    run.wait(10_000);
    expect(run.titles).toEqual(['one gap']);
  });

  it('what is over before its group is told is not told, and the rest keeps its own name', () => {
    const run = new Run();
    run.raise('subscription-refused', 'a');
    run.raise('subscription-refused', 'b');
    run.give({ type: 'clear', key: 'a' });
    run.wait(5_000);
    expect(run.titles).toEqual(['one b']);
    run.give({ type: 'clear', key: 'b' });
    run.wait(CLEAR_MS);
    expect(run.closed).toEqual([1]);
  });

  it('a group is over with the last of it', () => {
    const run = new Run();
    for (const key of ['a', 'b', 'c']) run.raise('subscription-refused', key);
    run.wait(5_000);
    for (const key of ['a', 'b']) run.give({ type: 'clear', key });
    run.wait(CLEAR_MS);
    expect(run.closed).toEqual([]);
    run.give({ type: 'clear', key: 'c' });
    run.wait(CLEAR_MS);
    expect(run.closed).toEqual([1]);
  });

  it('alerts come by the same door, grouped by their rule', () => {
    const run = new Run();
    for (const n of [1, 2, 3]) run.happened('alert', `tall ${n}`, { group: 'tall' });
    run.happened('alert', 'fast 1', { group: 'fast' });
    run.wait(1_000);
    expect(run.titles).toEqual(['3 of them', 'one fast 1']);
    expect(run.state.items.map(({ kind, state }) => [kind, state])).toEqual([
      ['alert', 'passed'],
      ['alert', 'passed'],
    ]);
  });

  it('sums up at the end what went over the limit', () => {
    const run = new Run();
    for (let n = 0; n < 20; n++) {
      run.happened('alert', `${n}`, { group: `${n}` });
      run.wait(1_000);
    }
    expect(run.shown.length).toBe(MAX_RINGS);
    run.wait(RING_WINDOW_MS);
    expect(run.shown.length).toBe(MAX_RINGS + 1);
    const last = run.shown.at(-1)?.announcement;
    expect(last).toMatchObject({ kind: 'summary', count: 14, target: { view: 'announcements' } });
    expect(last?.body).toContain('14 alerts');
    expect(run.state.items.length).toBe(20);
  });

  it('is silent while muted, keeps the list, and tells at the end what still lasts', () => {
    const run = new Run();
    run.give({ type: 'mute', until: START + 3_600_000 });
    expect(announcementsOf(run.state).mutedUntil).toBe(START + 3_600_000);
    run.raise('not-recording', 'recording');
    run.happened('alert', 'one');
    run.wait(3_599_000);
    expect(run.titles).toEqual([]);
    expect(run.state.items.length).toBe(2);
    run.wait(1_000);
    expect(run.titles).toEqual(['While Quipu was muted: 2 announcements']);
    expect(announcementsOf(run.state).mutedUntil).toBeNull();
  });

  it('says nothing at the end of a mute when all is over, nor when the user ends it', () => {
    const over = new Run();
    over.give({ type: 'mute', until: START + 60_000 });
    over.raise('not-recording', 'recording');
    over.give({ type: 'clear', key: 'recording' });
    over.wait(120_000);
    const ended = new Run();
    ended.give({ type: 'mute', until: START + 60_000 });
    ended.raise('not-recording', 'recording');
    ended.give({ type: 'mute', until: null });
    ended.wait(120_000);
    expect([...over.titles, ...ended.titles]).toEqual([]);
  });

  it('a mute ends by either clock, so that neither a sleep nor a jump back makes it longer', () => {
    const slept = new Run();
    slept.give({ type: 'mute', until: START + 3_600_000 });
    slept.jump = 8 * 3_600_000;
    slept.wait(500);
    const back = new Run();
    back.give({ type: 'mute', until: START + 3_600_000 });
    back.jump = -86_400_000;
    back.wait(3_600_000);
    for (const run of [slept, back]) expect(run.state.mute).toBeNull();
  });

  it.each([86_400_000, -86_400_000, 3_600_000, -3_600_000])(
    'a clock that jumps by %d ms rings nothing twice, and nothing is held longer',
    (jump) => {
      const run = new Run();
      run.raise('not-recording', 'recording');
      run.happened('gap-lost', 'gap');
      for (let n = 0; n < 10; n++) run.happened('alert', `${n}`, { group: `${n}` });
      run.wait(5_000);
      const before = run.shown.length;
      run.jump = jump;
      // All is told again, as after a reconnect.
      run.raise('not-recording', 'recording');
      run.happened('gap-lost', 'gap');
      for (let n = 0; n < 10; n++) run.happened('alert', `${n}`, { group: `${n}` });
      run.wait(60_000);
      expect(run.shown.length).toBe(before);
      run.wait(RING_WINDOW_MS);
      expect(run.shown.length).toBe(before + 1);
      expect(run.shown.at(-1)?.announcement.kind).toBe('summary');
    },
  );

  it('cleans and bounds words', () => {
    const run = new Run();
    run.happened('alert', 'x', { title: `a\u202eb\n${'c'.repeat(500)}`, body: '\u0007'.repeat(9_000) });
    run.wait(1_000);
    const [shown] = run.shown;
    expect(shown?.announcement.title).toMatch(/^ab c+$/);
    expect(shown?.announcement.title.length).toBeLessThanOrEqual(120);
    expect(shown?.announcement.body).toBe('');
  });

  it('what was seen is seen', () => {
    const run = new Run();
    run.happened('alert', 'a', { group: 'a' });
    run.wait(1_000);
    run.happened('alert', 'b', { group: 'b' });
    run.wait(1_000);
    run.give({ type: 'seen', upTo: 1 });
    expect(run.state.items.map(({ id, seen }) => [id, seen])).toEqual([
      [2, false],
      [1, true],
    ]);
  });
});

type Move =
  | { readonly do: 'happened'; readonly kind: 'alert' | 'gap-lost'; readonly key: number }
  | { readonly do: 'raise' | 'clear'; readonly kind: Occasion['kind']; readonly key: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'mute'; readonly ms: number | null };

const key = fc.nat(12);
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('happened'),
      kind: fc.constantFrom('alert', 'gap-lost'),
      key: fc.nat(60),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('raise', 'clear'),
      kind: fc.constantFrom('not-recording', 'subscription-refused', 'feed-stale'),
      key,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 90_000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('jump'), ms: fc.constantFrom(-86_400_000, 86_400_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('mute'), ms: fc.constantFrom(null, 60_000, 3_600_000) }),
  },
);

function play(moves: readonly Move[], mayMute: boolean): Run {
  const run = new Run();
  for (const each of moves) {
    switch (each.do) {
      case 'wait':
        run.wait(each.ms);
        break;
      case 'jump':
        run.jump += each.ms;
        break;
      case 'mute':
        if (mayMute) run.give({ type: 'mute', until: each.ms === null ? null : run.now.wall + each.ms });
        break;
      case 'happened': {
        const group = each.kind === 'alert' ? `${each.key % 9}` : '';
        run.happened(each.kind, `${each.kind} ${each.key}`, { group });
        break;
      }
      case 'raise':
        run.raise(each.kind, `${each.kind} ${each.key}`);
        break;
      case 'clear':
        run.give({ type: 'clear', key: `${each.kind} ${each.key}` });
        break;
    }
  }
  return run;
}

describe('over any course of events', () => {
  const course = fc.array(move, { maxLength: 120 });

  it('rings at most so often in any ten minutes, however the wall clock jumps', () => {
    fc.assert(
      fc.property(course, (moves) => {
        const run = play(moves, true);
        run.wait(2 * RING_WINDOW_MS);
        for (const { at } of run.shown) {
          const near = run.shown.filter((other) => other.at >= at && other.at < at + RING_WINDOW_MS);
          expect(near.length).toBeLessThanOrEqual(MAX_RINGS);
        }
        const ids = run.shown.map(({ announcement }) => announcement.id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(run.state.items.length).toBeLessThanOrEqual(MAX_ITEMS);
      }),
      { numRuns: 150 },
    );
  });

  it('without a mute, each announcement is shown or counted in a summary in the end', () => {
    fc.assert(
      fc.property(course, (moves) => {
        const run = play(moves, false);
        run.wait(2 * RING_WINDOW_MS);
        const shown = run.shown.map(({ announcement }) => announcement);
        const apart = shown.filter(({ kind }) => kind !== 'summary').length;
        const summed = shown.reduce((sum, { kind, count }) => sum + (kind === 'summary' ? count : 0), 0);
        // Ids are given to announcements and to summaries, each once.
        const summaries = shown.length - apart;
        expect(apart + summed).toBe(run.state.nextId - 1 - summaries);
      }),
      { numRuns: 150 },
    );
  });

  it('no moment is lost or counted twice in the groups', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(8), fc.integer({ min: 0, max: 4_000 })), { maxLength: 40 }),
        (gaps) => {
          const run = new Run();
          const keys = new Set<number>();
          for (const [n, pause] of gaps) {
            keys.add(n);
            run.happened('gap-lost', `${n}`);
            run.wait(pause);
          }
          run.wait(RING_WINDOW_MS);
          const counted = run.state.items.reduce((sum, { count }) => sum + count, 0);
          expect(counted).toBe(keys.size);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('a lasting state is announced at most once until it was over', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 600_000 }), { maxLength: 30 }), (pauses) => {
        const run = new Run();
        for (const pause of pauses) {
          run.raise('not-recording', 'recording');
          run.wait(pause);
        }
        expect(run.shown.length).toBe(pauses.length === 0 ? 0 : 1);
      }),
      { numRuns: 30 },
    );
  });
});
