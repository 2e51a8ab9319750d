/** The state machine of a link: each phase against each event, and what holds after any sequence. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LinkPhase } from '../../../main/core/contract.ts';
import {
  GIVE_UP_MS,
  HANDSHAKE_LIMIT_MS,
  INITIAL,
  isOpen,
  type Machine,
  STALE_MS,
  type Step,
  step,
} from '../../../main/core/session/machine.ts';
import {
  NO_KEY,
  problemOfClose,
  problemOfSilence,
  problemOfStatus,
  SUSPENDED,
} from '../../../main/core/session/problem.ts';

const AT = 1_000_000;
const broken = problemOfClose(1006, '');
const denied = problemOfStatus(401, {});
const breach = problemOfClose(1008, 'too many markets');

const base: Machine = { ...INITIAL, keyed: true, tickedAt: AT - 1_000, pingedAt: AT - 1_000 };
const STATES: Readonly<Record<LinkPhase, Machine>> = {
  idle: INITIAL,
  connecting: { ...base, phase: 'connecting', due: AT + 5_000 },
  handshaking: { ...base, phase: 'handshaking', due: AT + 5_000 },
  live: { ...base, phase: 'live' },
  stale: { ...base, phase: 'stale', problem: problemOfSilence(STALE_MS) },
  waiting: { ...base, phase: 'waiting', problem: broken, due: AT + 5_000, attempt: 3 },
  refused: { ...base, phase: 'refused', problem: denied },
  suspended: { ...base, phase: 'suspended', problem: SUSPENDED },
  stopped: { ...base, phase: 'stopped' },
};

const EVENTS = {
  start: { type: 'start', keyed: true },
  'start without a key': { type: 'start', keyed: false },
  retry: { type: 'retry' },
  due: { type: 'due' },
  reached: { type: 'reached' },
  opened: { type: 'opened' },
  good: { type: 'good' },
  heard: { type: 'heard' },
  tick: { type: 'tick', silence: 1_000 },
  'silent tick': { type: 'tick', silence: STALE_MS },
  'long silent tick': { type: 'tick', silence: GIVE_UP_MS },
  broken: { type: 'ended', problem: broken, wait: null },
  denied: { type: 'ended', problem: denied, wait: null },
  breach: { type: 'ended', problem: breach, wait: null },
  suspend: { type: 'suspend' },
  resume: { type: 'resume' },
  stop: { type: 'stop' },
} as const;
type EventName = keyof typeof EVENTS;

const on = (state: Machine, name: EventName, at = AT, random = 0.5): Step =>
  step(state, { ...EVENTS[name], at, random });

/** Where each event leads from each phase, and the cause's kind; an event that is not named leads nowhere. */
const connecting = {
  due: ['waiting', 'timeout'],
  opened: ['live', 'opened'],
  broken: ['waiting', 'closed'],
  breach: ['waiting', 'closed'],
  denied: ['refused', 'unauthorized'],
  suspend: ['suspended', 'suspended'],
  resume: ['connecting', 'resume'],
  stop: ['stopped', 'stop'],
} as const;
const open = {
  'long silent tick': ['waiting', 'stale'],
  broken: ['waiting', 'closed'],
  breach: ['waiting', 'closed'],
  denied: ['refused', 'unauthorized'],
  suspend: ['suspended', 'suspended'],
  resume: ['connecting', 'resume'],
  stop: ['stopped', 'stop'],
} as const;
const TABLE: Readonly<
  Record<LinkPhase, Partial<Record<EventName, readonly [to: LinkPhase, cause: string]>>>
> = {
  idle: {
    start: ['connecting', 'start'],
    'start without a key': ['refused', 'no-key'],
    stop: ['stopped', 'stop'],
  },
  connecting: { ...connecting, reached: ['handshaking', 'reached'] },
  handshaking: connecting,
  live: { ...open, 'silent tick': ['stale', 'stale'] },
  stale: { ...open, heard: ['live', 'heard'] },
  waiting: {
    retry: ['connecting', 'retry'],
    due: ['connecting', 'due'],
    suspend: ['suspended', 'suspended'],
    resume: ['connecting', 'resume'],
    stop: ['stopped', 'stop'],
  },
  refused: { retry: ['connecting', 'retry'], stop: ['stopped', 'stop'] },
  suspended: { resume: ['connecting', 'resume'], stop: ['stopped', 'stop'] },
  stopped: {},
};

const phases = Object.keys(STATES) as LinkPhase[];
const names = Object.keys(EVENTS) as EventName[];

describe.each(phases)('%s', (phase) => {
  it.each(names)('on %s', (name) => {
    const { state, effects } = on(STATES[phase], name);
    const expected = TABLE[phase][name];
    const moves = effects.filter((effect) => effect.type === 'transition');
    if (expected === undefined) {
      expect(moves).toEqual([]);
      expect(state.phase).toBe(phase);
      return;
    }
    const [to, kind] = expected;
    expect(state.phase).toBe(to);
    expect(moves).toMatchObject([{ from: phase, to, cause: { kind } }]);
    expect(moves[0]?.cause.message).not.toBe('');
  });
});

describe('what an event asks for', () => {
  it('a start opens a socket and limits the handshake', () => {
    expect(on(STATES.idle, 'start').effects.slice(1)).toEqual([
      { type: 'connect' },
      { type: 'timer', ms: HANDSHAKE_LIMIT_MS },
    ]);
  });

  it('a handshake past its limit drops the socket', () => {
    expect(on(STATES.handshaking, 'due').effects.map(({ type }) => type)).toEqual([
      'drop',
      'lost',
      'transition',
      'timer',
    ]);
  });

  it('the wait is between zero and a bound that doubles, at most 60 s', () => {
    const wait = (attempt: number, random: number): number =>
      (on({ ...STATES.live, attempt }, 'broken', AT, random).state.due ?? NaN) - AT;
    expect([0, 1, 2, 3, 10].map((attempt) => wait(attempt, 0.999_999))).toEqual([
      1_000, 2_000, 4_000, 8_000, 60_000,
    ]);
    expect(wait(10, 0)).toBe(0);
  });

  it('after a process that was held, silence is not held against the peer before it could answer', () => {
    const held = { ...STATES.live, tickedAt: AT - 600_000, pingedAt: AT - 600_000 };
    const first = step(held, { type: 'tick', silence: 600_000, at: AT, random: 0.5 });
    expect(first.state.phase).toBe('stale');
    expect(first.effects).toContainEqual({ type: 'ping' });
    let { state } = first;
    for (let at = AT + 1_000; at < AT + 4_000; at += 1_000) {
      ({ state } = step(state, { type: 'tick', silence: 600_000 + at - AT, at, random: 0.5 }));
      expect(state.phase).toBe('stale');
    }
    ({ state } = step(state, { type: 'tick', silence: 604_000, at: AT + 4_000, random: 0.5 }));
    expect(state.phase).toBe('waiting');
  });

  it.each<[name: string, between: readonly EventName[], phase: LinkPhase]>([
    ['nothing good between', [], 'refused'],
    ['another trouble between', ['broken', 'retry', 'opened'], 'refused'],
    ['a good message between', ['good'], 'waiting'],
    ['a sleep between', ['suspend', 'resume', 'opened'], 'waiting'],
  ])('five connections ended for a breach of policy, with %s', (_name, between, phase) => {
    let state = STATES.live;
    const phases: LinkPhase[] = [];
    for (let n = 0; n < 5; n++) {
      if (n === 3) for (const name of between) state = on(state, name).state;
      state = on(state, 'breach').state;
      phases.push(state.phase);
      if (n < 4) for (const name of ['retry', 'opened'] as const) state = on(state, name).state;
    }
    expect(phases).toEqual([...Array<LinkPhase>(4).fill('waiting'), phase]);
    if (phase !== 'refused') return;
    expect(state.problem).toMatchObject({ kind: 'policy', closeCode: 1008, serverWords: 'too many markets' });
    expect(state.due).toBeNull();
    // The user may try, and is told at once when it is the same.
    for (const name of ['retry', 'opened', 'breach'] as const) state = on(state, name).state;
    expect(state.phase).toBe('refused');
    for (const name of ['retry', 'opened', 'good', 'breach'] as const) state = on(state, name).state;
    expect(state.phase).toBe('waiting');
  });

  it('a user’s retry is never denied, and does not go unaccounted', () => {
    let state = STATES.waiting;
    for (let n = 0; n < 30; n++) {
      state = on(state, 'retry').state;
      expect(state.phase).toBe('connecting');
      state = on(state, 'broken').state;
    }
    expect((state.due ?? 0) - AT).toBeGreaterThan(30_000);
  });
});

describe('after any sequence of events', () => {
  const sequence = fc.array(
    fc.record({
      name: fc.constantFrom(...names),
      after: fc.nat(20_000),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    }),
    { maxLength: 60 },
  );
  it('what a phase promises holds, sockets are opened and let go one for one, and stopped is final', () => {
    fc.assert(
      fc.property(sequence, (events) => {
        let state = INITIAL;
        let at = 0;
        let socket = false;
        for (const { name, after, random } of events) {
          at += after;
          const before = state;
          // The shell reports nothing of a socket that it does not hold.
          if (['reached', 'opened', 'broken', 'denied', 'breach'].includes(name) && !socket) continue;
          const { state: next, effects } = on(state, name, at, random);
          state = next;
          for (const effect of effects) {
            if (effect.type === 'connect') {
              expect(socket).toBe(false);
              socket = true;
            }
            if (effect.type === 'drop' || effect.type === 'lost') socket = false;
          }
          const { phase } = state;
          expect(socket).toBe(isOpen(phase) || phase === 'connecting' || phase === 'handshaking');
          if (phase === 'waiting' || phase === 'refused' || phase === 'stale' || phase === 'suspended') {
            expect(state.problem?.action).toBeTruthy();
          }
          if (phase === 'live') expect(state.problem).toBeNull();
          expect(state.due !== null).toBe(
            phase === 'waiting' || phase === 'connecting' || phase === 'handshaking',
          );
          if (before.phase === 'stopped') expect(phase).toBe('stopped');
          if (before.phase !== phase) expect(effects.some(({ type }) => type === 'transition')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('without a key nothing is ever opened', () => {
    let state = on(INITIAL, 'start without a key').state;
    expect(state.problem).toBe(NO_KEY);
    for (const name of names) state = on(state, name === 'start' ? 'retry' : name).state;
    expect(state.phase).toBe('stopped');
  });
});
