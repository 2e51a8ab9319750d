/**
 * The life of a link as a pure function: a state and an event give the next state and what is to be
 * done. It knows no socket, timer or clock; FeedSession owns those and carries the effects out.
 *
 *     idle ─► connecting ─► handshaking ─► live ⇄ stale
 *                 ▲  └───────────┴──────────┴──────┴─► waiting ─► connecting
 *                 └─ refused (by retry), suspended (by resume); stopped is final
 */
import type { LinkPhase, LinkProblem } from '../contract.ts';
import { type Allowance, backoff, FULL_ALLOWANCE, spend, untilAllowed } from './backoff.ts';
import {
  endsAttempts,
  isBreach,
  NO_KEY,
  paceOf,
  problemOfSilence,
  RETRY_AFTER_MAX_MS,
  SLOW_HANDSHAKE,
  standingBreach,
  SUSPENDED,
} from './problem.ts';

/** From the first packet to the answer 101 (faults.md, row 19). */
export const HANDSHAKE_LIMIT_MS = 10_000;
/** A ping of our own goes out this often: ws alone never notices a frozen or half-open peer. */
const PING_MS = 4_000;
/** Silence after which the link is shown as stale, then given up; within the 15 s of faults.md, row 17. */
export const STALE_MS = 9_000;
export const GIVE_UP_MS = 13_000;
/** Ticks come each second. When one is so late, this process was held (sleep, SIGSTOP), not the peer. */
const HELD_MS = 3_000;
/** After that, what waits in the socket is read first, and the peer may answer one ping. */
const GRACE_MS = 4_000;
/**
 * A server that ends every connection for a breach of its policy, before it says anything good, means us:
 * then it is for the user to act, as after a refused handshake. The waits between make it some minutes.
 */
const MOST_BREACHES = 5;
/** Share of a Retry-After that is added at random: all whom the server refused were told the same time. */
const RETRY_AFTER_JITTER = 0.1;

export interface Machine {
  readonly phase: LinkPhase;
  /** A key is there to connect with. */
  readonly keyed: boolean;
  /** Why the link is, or lately was, not live; null while live. */
  readonly problem: LinkProblem | null;
  /** When the next attempt is due in `waiting`, or the handshake must be over before; monotonic ms, else null. */
  readonly due: number | null;
  /** Attempts since the last good message. */
  readonly attempt: number;
  /** Connections since the last good message that the server ended for a breach of its policy. */
  readonly breaches: number;
  readonly allowance: Allowance;
  readonly tickedAt: number;
  readonly pingedAt: number;
  /** Until then silence is not held against the peer. */
  readonly graceUntil: number;
}

export const INITIAL: Machine = {
  phase: 'idle',
  keyed: false,
  problem: null,
  due: null,
  attempt: 0,
  breaches: 0,
  allowance: FULL_ALLOWANCE,
  tickedAt: 0,
  pingedAt: 0,
  graceUntil: 0,
};

type Happening =
  | { readonly type: 'start'; readonly keyed: boolean }
  /** The user asks to try now. */
  | { readonly type: 'retry' }
  /** The time of `due` came. */
  | { readonly type: 'due' }
  /** TCP, and TLS where there is one, stand; the request with the key goes out. */
  | { readonly type: 'reached' }
  | { readonly type: 'opened' }
  /** A message that proves that the server serves us. */
  | { readonly type: 'good' }
  /** A sign of life while stale. */
  | { readonly type: 'heard' }
  /** Each second while open. `silence`: ms since the last sign of life. */
  | { readonly type: 'tick'; readonly silence: number }
  /** The socket is gone. `wait`: what Retry-After asked for, ms. */
  | { readonly type: 'ended'; readonly problem: LinkProblem; readonly wait: number | null }
  | { readonly type: 'suspend' }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' };

/** What happened, when (monotonic ms), and a number in [0, 1) for what is left to chance. */
export type LinkEvent = Happening & { readonly at: number; readonly random: number };

/** Why a phase was entered: a stable kind (the problem's, or the event's name) and words for the screen. */
export interface Cause {
  readonly kind: string;
  readonly message: string;
  /** The server's own, bounded, or null. */
  readonly serverWords: string | null;
}

/** To be carried out in order. */
export type Effect =
  | { readonly type: 'transition'; readonly from: LinkPhase; readonly to: LinkPhase; readonly cause: Cause }
  /** Open a socket, with the key. */
  | { readonly type: 'connect' }
  /** Subscriptions are to be asked for. */
  | { readonly type: 'opened' }
  /** The connection or the attempt at one is over; `open` when data could come on it. */
  | { readonly type: 'lost'; readonly problem: LinkProblem; readonly open: boolean }
  /** End the socket, whose further events mean nothing. */
  | { readonly type: 'drop' }
  | { readonly type: 'ping' }
  /** Report `due` after so many ms, instead of what was asked for before; null: not at all. */
  | { readonly type: 'timer'; readonly ms: number | null };

export interface Step {
  readonly state: Machine;
  readonly effects: readonly Effect[];
}

export function isOpen(phase: LinkPhase): boolean {
  return phase === 'live' || phase === 'stale';
}

function isConnecting(phase: LinkPhase): boolean {
  return phase === 'connecting' || phase === 'handshaking';
}

/** The next state and what is to be done. An event that means nothing in a phase changes nothing. */
export function step(state: Machine, event: LinkEvent): Step {
  const { phase } = state;
  switch (event.type) {
    case 'start': {
      if (phase !== 'idle') return unchanged(state);
      const next = { ...state, keyed: event.keyed };
      return event.keyed ? connect(next, event.at, CAUSES.start) : refuse(next, NO_KEY, []);
    }
    case 'retry':
      return state.keyed && (phase === 'waiting' || phase === 'refused')
        ? connect(state, event.at, CAUSES.retry)
        : unchanged(state);
    case 'due':
      if (phase === 'waiting') return connect(state, event.at, CAUSES.due);
      return isConnecting(phase)
        ? end(state, event, SLOW_HANDSHAKE, null, [{ type: 'drop' }])
        : unchanged(state);
    case 'reached':
      return phase === 'connecting' ? enter(state, 'handshaking', CAUSES.reached) : unchanged(state);
    case 'opened':
      return isConnecting(phase) ? open(state, event.at) : unchanged(state);
    case 'good':
      return isOpen(phase) ? { state: { ...state, attempt: 0, breaches: 0 }, effects: [] } : unchanged(state);
    case 'heard':
      return phase === 'stale' ? enter({ ...state, problem: null }, 'live', CAUSES.heard) : unchanged(state);
    case 'tick':
      return isOpen(phase) ? tick(state, event, event.silence) : unchanged(state);
    case 'ended':
      return isOpen(phase) || isConnecting(phase)
        ? end(state, event, event.problem, event.wait, [])
        : unchanged(state);
    case 'suspend':
      return isOpen(phase) || isConnecting(phase) || phase === 'waiting' ? suspend(state) : unchanged(state);
    case 'resume':
      return resume(state, event.at);
    case 'stop':
      return phase === 'stopped' ? unchanged(state) : stop(state);
  }
}

const CAUSES = {
  start: { kind: 'start', message: 'The feed is watched from now on.' },
  retry: { kind: 'retry', message: 'You asked to try again.' },
  due: { kind: 'due', message: 'The time to try again came.' },
  reached: { kind: 'reached', message: 'The server was reached.' },
  opened: { kind: 'opened', message: 'The server accepted the connection.' },
  heard: { kind: 'heard', message: 'The server is heard again.' },
  resume: { kind: 'resume', message: 'This computer woke up.' },
  stop: { kind: 'stop', message: 'The feed is no longer watched.' },
} as const satisfies Record<string, Why>;

type Why = Omit<Cause, 'serverWords'> & Partial<Cause>;

function unchanged(state: Machine): Step {
  return { state, effects: [] };
}

function enter(
  state: Machine,
  to: LinkPhase,
  { kind, message, serverWords = null }: Why,
  before: readonly Effect[] = [],
  after: readonly Effect[] = [],
): Step {
  const moved: Effect = { type: 'transition', from: state.phase, to, cause: { kind, message, serverWords } };
  return { state: { ...state, phase: to }, effects: [...before, moved, ...after] };
}

function connect(state: Machine, at: number, cause: Why, before: readonly Effect[] = []): Step {
  const next = { ...state, due: at + HANDSHAKE_LIMIT_MS, allowance: spend(state.allowance, at) };
  return enter(next, 'connecting', cause, before, [
    { type: 'connect' },
    { type: 'timer', ms: HANDSHAKE_LIMIT_MS },
  ]);
}

function open(state: Machine, at: number): Step {
  const next = { ...state, problem: null, due: null, tickedAt: at, pingedAt: at, graceUntil: at };
  return enter(
    next,
    'live',
    CAUSES.opened,
    [{ type: 'timer', ms: null }],
    [{ type: 'opened' }, { type: 'ping' }],
  );
}

function tick(state: Machine, event: LinkEvent, silence: number): Step {
  const { at } = event;
  const held = at - state.tickedAt > HELD_MS;
  const graceUntil = held ? at + GRACE_MS : state.graceUntil;
  if (silence >= GIVE_UP_MS && at >= graceUntil) {
    return end(state, event, problemOfSilence(silence), null, [{ type: 'drop' }]);
  }
  const pings = held || at - state.pingedAt >= PING_MS;
  const next = { ...state, tickedAt: at, graceUntil, pingedAt: pings ? at : state.pingedAt };
  const effects: Effect[] = pings ? [{ type: 'ping' }] : [];
  if (silence < STALE_MS || state.phase === 'stale') return { state: next, effects };
  const problem = problemOfSilence(silence);
  return enter({ ...next, problem }, 'stale', problem, effects);
}

function end(
  state: Machine,
  { at, random }: LinkEvent,
  problem: LinkProblem,
  asked: number | null,
  before: readonly Effect[],
): Step {
  const lost: Effect[] = [...before, { type: 'lost', problem, open: isOpen(state.phase) }];
  if (endsAttempts(problem)) return refuse(state, problem, lost);
  const breaches = state.breaches + (isBreach(problem) ? 1 : 0);
  if (isBreach(problem) && breaches >= MOST_BREACHES) {
    return refuse({ ...state, breaches }, standingBreach(problem), lost);
  }
  const wanted =
    asked === null
      ? backoff(state.attempt, random, paceOf(problem))
      : Math.min(RETRY_AFTER_MAX_MS, Math.round(asked * (1 + RETRY_AFTER_JITTER * random)));
  const ms = Math.max(wanted, untilAllowed(state.allowance, at, random));
  const next = { ...state, problem, due: at + ms, attempt: state.attempt + 1, breaches };
  return enter(next, 'waiting', problem, lost, [{ type: 'timer', ms }]);
}

function refuse(state: Machine, problem: LinkProblem, before: readonly Effect[]): Step {
  return enter({ ...state, problem, due: null }, 'refused', problem, before, [{ type: 'timer', ms: null }]);
}

function suspend(state: Machine): Step {
  const next = { ...state, problem: SUSPENDED, due: null, attempt: 0 };
  return enter(next, 'suspended', SUSPENDED, dropped(state), [{ type: 'timer', ms: null }]);
}

/** Also without a `suspend` before, which a computer that falls asleep fast may not have told. */
function resume(state: Machine, at: number): Step {
  const { phase } = state;
  if (phase !== 'suspended' && phase !== 'waiting' && !isOpen(phase) && !isConnecting(phase)) {
    return unchanged(state);
  }
  const problem = isOpen(phase) ? SUSPENDED : state.problem;
  return connect({ ...state, problem, attempt: 0, breaches: 0 }, at, CAUSES.resume, dropped(state));
}

function stop(state: Machine): Step {
  return enter(
    { ...state, due: null },
    'stopped',
    CAUSES.stop,
    [{ type: 'drop' }],
    [{ type: 'timer', ms: null }],
  );
}

/** A socket that slept: it may look open for long, and is not. */
function dropped({ phase }: Machine): Effect[] {
  if (!isOpen(phase) && !isConnecting(phase)) return [];
  return [{ type: 'drop' }, { type: 'lost', problem: SUSPENDED, open: isOpen(phase) }];
}
