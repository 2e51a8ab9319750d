/** A real link, over real sockets, whose every report is kept. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll } from 'vitest';
import type { Endpoint, LinkPhase, LinkProblem, Subscription } from '../../main/core/contract.ts';
import type { Clock, SocketFactory } from '../../main/core/ports.ts';
import type { DecodedTrade, Refusal } from '../../main/core/protocol/decode.ts';
import { DEFAULT_DIALECT } from '../../main/core/protocol/dialect.ts';
import { FeedSession, type FeedSessionListener } from '../../main/core/session/feed-session.ts';
import type { Cause } from '../../main/core/session/machine.ts';
import { createWsSocket } from '../../main/core/session/ws-socket.ts';

export const KEY = 'secret-key-4711';

export interface Transition {
  readonly from: LinkPhase;
  readonly to: LinkPhase;
  readonly cause: Cause;
  /** Monotonic ms of the link's clock. */
  readonly at: number;
}

export interface Watched {
  readonly session: FeedSession;
  readonly transitions: Transition[];
  readonly trades: DecodedTrade[];
  readonly refusals: Refusal[];
  readonly unknown: string[];
  readonly subscriptions: Map<string, readonly [Subscription, string | null]>;
  readonly ended: { readonly problem: LinkProblem; readonly silence: number }[];
  /** When the link entered the phase for the nth time (from 1), or NaN. */
  readonly entered: (phase: LinkPhase, nth?: number) => number;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly random?: () => number;
  readonly endpoint?: Endpoint;
  readonly markets?: readonly string[];
  readonly sockets?: SocketFactory;
  /** Told beside what is kept. */
  readonly listener?: Partial<FeedSessionListener>;
}

const undo: (() => void | Promise<void>)[] = [];
afterAll(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

/** Runs after the last test of the file. */
export function atEnd(run: () => void | Promise<void>): void {
  undo.push(run);
}

/** Starts a link; it is stopped after the last test of the file. */
export function watch(url: string, options: WatchOptions): Watched {
  const { clock, listener = {} } = options;
  const transitions: Transition[] = [];
  const trades: DecodedTrade[] = [];
  const refusals: Refusal[] = [];
  const unknown: string[] = [];
  const subscriptions: Watched['subscriptions'] = new Map();
  const ended: { problem: LinkProblem; silence: number }[] = [];
  const session = new FeedSession({
    endpoint: options.endpoint ?? 'trades',
    url,
    key: KEY,
    dialect: DEFAULT_DIALECT,
    granularities: ['1m'],
    clock,
    logger: {
      log: (_level, message, detail) => {
        if (message === 'message of an unknown type') unknown.push(String(detail?.['type']));
      },
    },
    sockets: options.sockets ?? createWsSocket,
    random: options.random ?? Math.random,
    listener: {
      connected: () => listener.connected?.(),
      alive: (silence) => listener.alive?.(silence),
      disconnected: (problem, silence) => {
        ended.push({ problem, silence });
        listener.disconnected?.(problem, silence);
      },
      trade: (trade) => {
        trades.push({ ...trade });
        listener.trade?.(trade);
      },
      candle: (candle) => listener.candle?.(candle),
      refused: (refusal) => {
        refusals.push(refusal);
        listener.refused?.(refusal);
      },
      subscription: (market, state, words) => void subscriptions.set(market, [state, words]),
      changed: () => undefined,
      transition: (from, to, cause) => void transitions.push({ from, to, cause, at: clock.monotonic() }),
    },
  });
  session.setMarkets(options.markets ?? []);
  session.start();
  atEnd(() => session.stop());
  return {
    session,
    transitions,
    trades,
    refusals,
    unknown,
    subscriptions,
    ended,
    entered: (phase, nth = 1) => transitions.filter(({ to }) => to === phase)[nth - 1]?.at ?? NaN,
  };
}

/** Waits for a condition; fails when it does not come true in time. */
export async function until(condition: () => boolean, what: string, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Not within ${ms} ms: ${what}`);
    await delay(5);
  }
}

export async function untilPhase({ session }: Watched, phase: LinkPhase, ms?: number): Promise<void> {
  await until(() => session.state.phase === phase, `phase ${phase}`, ms).catch((error: unknown) => {
    throw new Error(`${String(error)}; it is ${JSON.stringify(session.state)}`);
  });
}

let trade = 0;

/** A trade's message as the API sends it; ids count up. */
export function tradeMessage(change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    type: 'trade',
    payload: {
      id: String(++trade),
      marketId: 'm',
      timestamp: '2024-01-15T18:00:00.123456Z',
      price: '42519.59',
      size: '0.0125',
      side: 'buy',
      ...change,
    },
  });
}
