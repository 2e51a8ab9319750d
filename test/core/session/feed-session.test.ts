/** One link against a socket whose every event the test makes, on a clock that the test moves. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { LinkProblem, LinkState, Subscription } from '../../../main/core/contract.ts';
import type { Clock, Socket, SocketEvents, SocketFactory, SocketOptions } from '../../../main/core/ports.ts';
import { DEFAULT_DIALECT } from '../../../main/core/protocol/dialect.ts';
import { FeedSession } from '../../../main/core/session/feed-session.ts';
import { ProcessClock, Timeline } from '../../faults/timeline.ts';
import { TestClock } from '../../helpers/test-clock.ts';

interface Opened {
  readonly options: SocketOptions;
  readonly events: SocketEvents;
  readonly sent: { traceId: string; type: string; payload: { marketIds: string[]; granularity?: string } }[];
  terminated: boolean;
  pings: number;
}

let clock: TestClock;
let opened: Opened[];
let states: LinkState[];
let subscriptions: [string, Subscription, string | null][];
let ended: [LinkProblem, number][];
let trades: string[];
let transitions: string[];
let measured: [string, unknown][];

function link(
  key: string | null = 'key',
  endpoint: 'trades' | 'candles' = 'trades',
  on: Clock = clock,
): FeedSession {
  const sockets: SocketFactory = (options, events): Socket => {
    const socket: Opened = { options, events, sent: [], terminated: false, pings: 0 };
    opened.push(socket);
    return {
      send: (text) => void socket.sent.push(JSON.parse(text) as Opened['sent'][number]),
      ping: () => void socket.pings++,
      terminate: () => {
        socket.terminated = true;
      },
      close: () => undefined,
    };
  };
  return new FeedSession({
    endpoint,
    url: 'ws://127.0.0.1:1/ws',
    key,
    dialect: DEFAULT_DIALECT,
    granularities: ['1m', '1h'],
    clock: on,
    logger: { log: () => undefined },
    sockets,
    random: () => 0.5,
    lookup: (venue, pair) => (venue === 'okx' && pair === 'btc-usdt' ? 'm' : null),
    listener: {
      connected: () => undefined,
      alive: () => undefined,
      disconnected: (problem, silence) => void ended.push([problem, silence]),
      trade: ({ id }) => void trades.push(id),
      candle: () => undefined,
      refused: () => undefined,
      subscription: (market, state, words) => void subscriptions.push([market, state, words]),
      changed: (state) => void states.push(state),
      transition: (from, to, { kind, serverWords }) =>
        void transitions.push(`${from} > ${to}: ${kind}${serverWords === null ? '' : ` “${serverWords}”`}`),
    },
    meter: {
      frame: (bytes) => void measured.push(['frame', bytes]),
      lag: (ms) => void measured.push(['lag', ms]),
      roundTrip: (ms) => void measured.push(['round trip', ms]),
      clockOffset: (ms) => void measured.push(['clock offset', ms]),
    },
  });
}

const last = (): Opened => {
  const socket = opened.at(-1);
  if (socket === undefined) throw new Error('no socket was opened');
  return socket;
};
const receive = (message: unknown): void =>
  last().events.message(new TextEncoder().encode(JSON.stringify(message)));
const trade = (id: string): unknown => ({
  type: 'trade',
  payload: { id, marketId: 'm', timestamp: '2024-01-15T18:00:00.000Z', price: '1', size: '1', side: 'buy' },
});

it('takes a trade that names its market by venue and pair, when the dictionary knows which it is', () => {
  const session = link();
  session.setMarkets(['m']);
  session.start();
  last().events.open();
  const named = (id: string, pairId: string): unknown => ({
    type: 'trade',
    payload: { id, marketVenue: 'okx', pairId, timestamp: '2024-01-15T18:00:00.000Z', price: '1', size: '1' },
  });
  receive(named('known', 'btc-usdt'));
  receive(named('unknown', 'eth-usdt'));
  expect(trades).toEqual(['known']);
  expect(session.state.refused).toBe(1);
});

/** Moves the clock until another socket is opened. */
const untilNextAttempt = (): void => {
  const { length } = opened;
  for (let waited = 0; opened.length === length; waited += 100) {
    if (waited > 3_600_000) throw new Error('no further attempt was made');
    clock.advance(100);
  }
};

beforeEach(() => {
  clock = new TestClock();
  opened = [];
  states = [];
  subscriptions = [];
  ended = [];
  trades = [];
  transitions = [];
  measured = [];
});

describe('connecting', () => {
  it('sends the key in the header, without a scheme word, and subscribes once open', () => {
    const session = link();
    session.setMarkets(['m', 'n']);
    session.start();
    expect(last().options.headers).toEqual({ Authorization: 'key' });
    expect(last().options.handshakeTimeoutMs).toBe(10_000);
    last().events.open();
    expect(last().sent).toMatchObject([{ type: 'subscribe', payload: { marketIds: ['m', 'n'] } }]);
    expect(session.state).toMatchObject({ phase: 'live', connections: 1, problem: null });
  });

  it('subscribes candles once for each granularity', () => {
    const session = link('key', 'candles');
    session.setMarkets(['m']);
    session.start();
    last().events.open();
    expect(last().sent.map(({ payload }) => payload.granularity)).toEqual(['1m', '1h']);
  });

  it('hundreds of markets go in several messages on one socket', () => {
    const session = link();
    session.setMarkets(Array.from({ length: 250 }, (_, n) => `m${n}`));
    session.start();
    last().events.open();
    expect(last().sent.map(({ payload }) => payload.marketIds.length)).toEqual([100, 100, 50]);
  });

  it('without a key opens nothing and says so', () => {
    const session = link(null);
    session.start();
    clock.advance(600_000);
    expect(opened).toHaveLength(0);
    expect(session.state).toMatchObject({ phase: 'refused', problem: { kind: 'no-key' } });
  });
});

describe('refusals and coming back', () => {
  it.each([401, 403])('%i: one attempt, then none until the user acts', (status) => {
    const session = link();
    session.start();
    last().events.refused(status, { 'x-inca-error-message': 'your key is revoked' });
    last().events.close(1006, '', null);
    clock.advance(24 * 3_600_000);
    expect(opened).toHaveLength(1);
    expect(session.state).toMatchObject({
      phase: 'refused',
      problem: { status, serverWords: 'your key is revoked' },
    });
    session.retry();
    expect(opened).toHaveLength(2);
  });

  it('429: waits as long as Retry-After says, and little longer', () => {
    link().start();
    last().events.refused(429, { 'retry-after': '30' });
    last().events.close(1006, '', null);
    clock.advance(30_000);
    expect(opened).toHaveLength(1);
    clock.advance(3_000);
    expect(opened).toHaveLength(2);
  });

  it('the back-off grows though the socket opens, and is reset by a good message', () => {
    const session = link();
    session.start();
    for (let attempt = 0; attempt < 5; attempt++) {
      last().events.open();
      last().events.close(1006, '', null);
      untilNextAttempt();
    }
    last().events.open();
    expect(session.state.attempt).toBe(5);
    receive(trade('1'));
    expect(session.state.attempt).toBe(0);
  });

  it('a late event of a former socket is ignored', () => {
    const session = link();
    session.start();
    const first = last();
    first.events.open();
    first.events.close(1006, '', null);
    untilNextAttempt();
    last().events.open();
    first.events.close(1006, '', null);
    first.events.message(new TextEncoder().encode(JSON.stringify(trade('late'))));
    expect(session.state.phase).toBe('live');
    expect(trades).toEqual([]);
  });
});

describe('liveness', () => {
  it('a frozen peer is shown as stale, given up within 15 s, and the outage counts from its last sign', () => {
    const session = link();
    session.start();
    last().events.open();
    receive(trade('1'));
    clock.advance(10_000);
    expect(session.state).toMatchObject({ phase: 'stale', problem: { kind: 'stale' } });
    clock.advance(3_000);
    expect(last().terminated).toBe(true);
    expect(session.state.phase).toBe('waiting');
    expect(ended).toHaveLength(1);
    expect(ended[0]?.[1]).toBeGreaterThanOrEqual(13_000);
  });

  it('stopped while it is stale, it was cut off since its last sign of life', () => {
    const session = link();
    session.start();
    last().events.open();
    clock.advance(5_000);
    receive(trade('1'));
    clock.advance(10_000);
    expect(session.state.phase).toBe('stale');
    session.stop();
    expect(ended).toMatchObject([[{ kind: 'stale' }, 10_000]]);
    const fresh = link();
    fresh.start();
    last().events.open();
    fresh.stop();
    expect(ended).toHaveLength(1);
  });

  it('a quiet market is not stale while the server answers pings', () => {
    const session = link();
    session.start();
    last().events.open();
    for (let second = 0; second < 3_600; second++) {
      clock.advance(1_000);
      last().events.pong();
    }
    expect(session.state.phase).toBe('live');
    expect(last().pings).toBeGreaterThan(600);
  });
});

describe('transitions', () => {
  it('each is told once, in order, with its cause', () => {
    const session = link();
    session.start();
    last().events.reached?.();
    last().events.open();
    last().events.close(1012, '', null);
    untilNextAttempt();
    session.stop();
    session.stop();
    expect(transitions).toEqual([
      'idle > connecting: start',
      'connecting > handshaking: reached',
      'handshaking > live: opened',
      'live > waiting: closed',
      'waiting > connecting: due',
      'connecting > stopped: stop',
    ]);
  });
});

describe('transitions by the server', () => {
  it('carry its own words, cleaned, and those by other causes none', () => {
    const session = link();
    session.start();
    last().events.open();
    last().events.close(1001, 'deploying\u202e v2', null);
    untilNextAttempt();
    last().events.refused(403, { 'x-inca-error-message': 'not this feed' });
    last().events.close(1006, '', null);
    session.retry();
    expect(transitions).toEqual([
      'idle > connecting: start',
      'connecting > live: opened',
      'live > waiting: closed “deploying v2”',
      'waiting > connecting: due',
      'connecting > refused: forbidden “not this feed”',
      'refused > connecting: retry',
    ]);
  });
});

describe('what is measured', () => {
  const at = (ms: number): unknown => ({
    type: 'trade',
    payload: {
      id: String(ms),
      marketId: 'm',
      timestamp: new Date(clock.now() / 1000 - ms).toISOString(),
      price: '1',
      size: '1',
      side: 'buy',
    },
  });

  it('lag by its quantiles over the last seconds, without what is redelivered', () => {
    const session = link();
    session.start();
    last().events.open();
    expect(session.state).toMatchObject({ lagP50: null, lagP95: null, lagP99: null });
    receive(at(60_000));
    clock.advance(1_000);
    expect(session.state.lagP50).toBeNull();
    for (let ms = 100; ms >= 1; ms--) receive(at(ms));
    expect(session.state).toMatchObject({ lagP50: 50, lagP95: 95, lagP99: 99 });
    expect(measured.filter(([what]) => what === 'lag').map(([, ms]) => ms)).toEqual(
      Array.from({ length: 100 }, (_, n) => 100 - n),
    );
    expect(measured.filter(([what]) => what === 'frame')).toHaveLength(101);
    for (let second = 0; second < 6; second++) {
      clock.advance(1_000);
      last().events.pong();
    }
    expect(session.state).toMatchObject({ lagP50: null, lagP95: null, lagP99: null });
  });

  it('of very many in one second, the later ones have a part in it', () => {
    const session = link();
    session.start();
    last().events.open();
    clock.advance(1_000);
    for (let n = 0; n < 200; n++) receive(at(1));
    for (let n = 0; n < 2_000; n++) receive(at(500));
    expect(session.state.lagP99).toBe(500);
  });

  const headers = { date: 'Mon, 15 Jan 2024 17:58:30 GMT' };

  it('the clock’s offset by the date of the last handshake, halfway through it', () => {
    const session = link();
    session.start();
    expect(session.state.clockOffset).toBeNull();
    // The look-up of the address, TCP and TLS are no part of the handshake.
    clock.advance(3_000);
    last().events.reached?.();
    clock.advance(400);
    last().events.open(headers);
    // 18:00:03.4 here, of which 0.2 s passed since the server's 17:58:30, cut from up to 30.999.
    expect(session.state.clockOffset).toBe(93_400 - 200 - 500);
    last().events.close(1006, '', null);
    expect(session.state.clockOffset).toBe(92_700);
    untilNextAttempt();
    last().events.open({});
    expect(session.state.clockOffset).toBeNull();
    expect(measured.filter(([what]) => what === 'clock offset')).toEqual([
      ['clock offset', 92_700],
      ['clock offset', null],
    ]);
  });

  it.each([
    'yesterday',
    '2024-01-15T17:58:30Z',
    'Mon Jan 15 17:58:30 2024',
    'Monday, 15-Jan-24 17:58:30 GMT',
    'Mon, 15 Xxx 2024 17:58:30 GMT',
    'Mon, 15 Jan 2024 17:58:30 GMT, Mon, 15 Jan 2024 17:58:30 GMT',
    '',
  ])('no offset by the date “%s”', (date) => {
    const session = link();
    session.start();
    last().events.open({ date });
    expect(session.state.clockOffset).toBeNull();
  });
});

describe('sleep', () => {
  it('suspend lets go of the socket; resume connects at once and asks for the markets again', () => {
    const session = link();
    session.setMarkets(['m']);
    session.start();
    last().events.open();
    session.suspend();
    expect(last().terminated).toBe(true);
    expect(session.state).toMatchObject({ phase: 'suspended', problem: { kind: 'suspended' } });
    expect(ended).toHaveLength(1);
    clock.advance(600_000);
    expect(opened).toHaveLength(1);
    session.resume();
    expect(opened).toHaveLength(2);
    last().events.open();
    expect(last().sent).toMatchObject([{ payload: { marketIds: ['m'] } }]);
    expect(session.state).toMatchObject({ phase: 'live', problem: null });
  });

  it.each([true, false])(
    'what waited in the socket meanwhile is no sign of life (a clock that stood still: %s)',
    async (stood) => {
      const timeline = new Timeline();
      const held = new ProcessClock(timeline);
      link('key', 'trades', held).start();
      last().events.open();
      await timeline.until(10_500);
      receive(trade('before'));
      held.sleep();
      await timeline.until(310_500);
      held.wake(stood);
      receive(trade('waited'));
      last().events.close(1006, '', null);
      expect(trades).toEqual(['before', 'waited']);
      expect(ended).toMatchObject([[{ closeCode: 1006 }, stood ? 0 : 300_000]]);
    },
  );

  it('what comes some time after it is, since the connection lives', async () => {
    const timeline = new Timeline();
    const held = new ProcessClock(timeline);
    link('key', 'trades', held).start();
    last().events.open();
    await timeline.until(10_500);
    last().events.pong();
    held.sleep();
    await timeline.until(15_500);
    held.wake(false);
    await timeline.until(19_600);
    receive(trade('1'));
    await timeline.until(19_900);
    last().events.close(1006, '', null);
    expect(ended).toMatchObject([[{ closeCode: 1006 }, 300]]);
  });

  it('a refused link stays refused', () => {
    const session = link();
    session.start();
    last().events.refused(401, {});
    last().events.close(1006, '', null);
    session.suspend();
    session.resume();
    expect(opened).toHaveLength(1);
    expect(session.state.phase).toBe('refused');
  });
});

describe('subscriptions', () => {
  it('an acknowledgement confirms, an error refuses with the server’s words', () => {
    const session = link();
    session.setMarkets(['m']);
    session.start();
    last().events.open();
    receive({ traceId: last().sent[0]?.traceId, type: 'success', payload: { marketIds: ['m'] } });
    expect(subscriptions.at(-1)).toEqual(['m', 'confirmed', null]);
    session.setMarkets(['m', 'n']);
    clock.advance(100);
    receive({
      traceId: last().sent[1]?.traceId,
      type: 'error',
      payload: { code: 'X', message: 'unknown market' },
    });
    expect(subscriptions.at(-1)?.slice(0, 2)).toEqual(['n', 'refused']);
    expect(subscriptions.at(-1)?.[2]).toContain('unknown market');
  });

  it('one refused market does not cost the others their subscription', () => {
    const session = link();
    const markets = ['a', 'b', 'bad', 'c', 'd'];
    session.setMarkets(markets);
    session.start();
    last().events.open();
    // As a server that takes all of a message or none of it, and does not say which one it minds.
    for (let at = 0; at < last().sent.length; at++) {
      const { traceId, payload } = last().sent[at] as Opened['sent'][number];
      const isBad = payload.marketIds.includes('bad');
      receive({
        traceId,
        type: isBad ? 'error' : 'success',
        payload: isBad ? { message: 'unknown market' } : {},
      });
    }
    const final = new Map(subscriptions.map(([market, state]) => [market, state]));
    expect(Object.fromEntries(final)).toEqual({
      a: 'confirmed',
      b: 'confirmed',
      bad: 'refused',
      c: 'confirmed',
      d: 'confirmed',
    });
    expect(last().sent.length).toBeLessThan(10);
  });

  it('markets that the refusal names are refused, the others asked for again', () => {
    const session = link();
    session.setMarkets(['a', 'bad']);
    session.start();
    last().events.open();
    receive({
      traceId: last().sent[0]?.traceId,
      type: 'error',
      payload: { message: 'no', marketIds: ['bad'] },
    });
    expect(subscriptions.at(-1)?.slice(0, 2)).toEqual(['bad', 'refused']);
    expect(last().sent.map(({ payload }) => payload.marketIds)).toEqual([['a', 'bad'], ['a']]);
  });

  it('an acknowledgement that names some of the markets leaves the others waiting for theirs', () => {
    const session = link();
    session.setMarkets(['a', 'b', 'c']);
    session.start();
    last().events.open();
    const traceId = last().sent[0]?.traceId;
    receive({ traceId, type: 'success', payload: { marketIds: ['a'] } });
    receive({ traceId, type: 'success', payload: { marketIds: ['b'] } });
    for (let second = 0; second < 6; second++) {
      clock.advance(1_000);
      last().events.pong();
    }
    expect(subscriptions.slice(-3)).toEqual([
      ['a', 'confirmed', null],
      ['b', 'confirmed', null],
      ['c', 'unconfirmed', null],
    ]);
  });

  it('the first data of a market confirms it; silence is unconfirmed, not a failure', () => {
    const session = link();
    session.setMarkets(['m', 'n']);
    session.start();
    last().events.open();
    receive(trade('1'));
    expect(subscriptions.at(-1)).toEqual(['m', 'confirmed', null]);
    for (let second = 0; second < 11; second++) {
      clock.advance(1_000);
      last().events.pong();
    }
    expect(subscriptions.filter(([, state]) => state === 'unconfirmed')).toEqual([
      ['n', 'unconfirmed', null],
    ]);
    expect(session.state.phase).toBe('live');
  });

  it('what is desired is asked for anew at each connection, with traceIds never used before', () => {
    const session = link();
    session.setMarkets(['m']);
    session.start();
    last().events.open();
    session.setMarkets(['n']);
    clock.advance(100);
    const first = last();
    expect(first.sent.map(({ type, payload }) => [type, payload.marketIds])).toEqual([
      ['subscribe', ['m']],
      ['subscribe', ['n']],
      ['unsubscribe', ['m']],
    ]);
    first.events.close(1006, '', null);
    untilNextAttempt();
    last().events.open();
    expect(last().sent.map(({ payload }) => payload.marketIds)).toEqual([['n']]);
  });
});

describe('raw frames', () => {
  it('are kept as they came, refused ones too, and outlive a reconnect', () => {
    const session = link();
    session.start();
    last().events.open();
    receive(trade('1'));
    last().events.message(new TextEncoder().encode('{"type": broken'));
    last().events.close(1006, '', null);
    untilNextAttempt();
    last().events.open();
    receive(trade('2'));
    const { frames } = session;
    expect(frames.map(({ text }) => text)).toEqual([
      JSON.stringify(trade('1')),
      '{"type": broken',
      JSON.stringify(trade('2')),
    ]);
    expect(frames[0]?.at).toBe(clock.now() / 1000 - clock.monotonic());
    expect(frames[2]?.at).toBe(clock.now() / 1000);
  });

  it('changes within a short time go in as few messages as one change', () => {
    const session = link();
    session.setMarkets(['a', 'b']);
    session.start();
    last().events.open();
    for (let n = 0; n < 20; n++) {
      session.setMarkets(['b', ...Array.from({ length: n + 1 }, (_, at) => `m${at}`)]);
      clock.advance(4);
    }
    session.setMarkets(['b', 'c']);
    clock.advance(100);
    expect(last().sent.map(({ type, payload }) => [type, payload.marketIds])).toEqual([
      ['subscribe', ['a', 'b']],
      ['subscribe', ['c']],
      ['unsubscribe', ['a']],
    ]);
    // And what is changed without end is not put off without end.
    for (let n = 0; n < 100; n++) {
      session.setMarkets(['b', `n${n}`]);
      clock.advance(10);
    }
    expect(last().sent.length).toBeGreaterThan(10);
    expect(last().sent.length).toBeLessThan(30);
  });

  it('a market that is taken off and put back at once stays as it was, and nothing is sent', () => {
    const session = link();
    session.setMarkets(['m']);
    session.start();
    last().events.open();
    receive({ traceId: last().sent[0]?.traceId, type: 'error', payload: { message: 'unknown market' } });
    session.setMarkets([]);
    expect(subscriptions.at(-1)).toEqual(['m', 'off', null]);
    session.setMarkets(['m']);
    expect(subscriptions.at(-1)).toEqual(['m', 'refused', 'unknown market']);
    clock.advance(1_000);
    expect(last().sent).toHaveLength(1);
  });

  it('changes that wait when the link breaks are part of what is asked for on the next connection', () => {
    const session = link();
    session.setMarkets(['m']);
    session.start();
    last().events.open();
    session.setMarkets(['n']);
    last().events.close(1006, '', null);
    untilNextAttempt();
    last().events.open();
    clock.advance(1_000);
    expect(last().sent.map(({ type, payload }) => [type, payload.marketIds])).toEqual([['subscribe', ['n']]]);
  });

  it('one granularity that is refused is seen, though the other is served', () => {
    const session = link('key', 'candles');
    session.setMarkets(['m']);
    session.start();
    last().events.open();
    const [minutes, hours] = last().sent;
    receive({ traceId: hours?.traceId, type: 'error', payload: { message: 'no hours' } });
    expect(subscriptions.at(-1)).toEqual(['m', 'refused', '1h: no hours']);
    receive({ traceId: minutes?.traceId, type: 'success', payload: {} });
    expect(subscriptions.at(-1)).toEqual(['m', 'refused', '1h: no hours']);
    session.askAgain(null);
    expect(
      last()
        .sent.slice(2)
        .map(({ payload }) => payload.granularity),
    ).toEqual(['1h']);
    expect(subscriptions.at(-1)).toEqual(['m', 'confirmed', null]);
  });

  it('what was refused or not confirmed is asked for again when the user wants it, and nothing else is', () => {
    const session = link();
    const markets = ['good', 'bad', 'worse', 'mute'];
    session.setMarkets(markets);
    session.start();
    last().events.open();
    const named = ['bad', 'worse'];
    receive({
      traceId: last().sent[0]?.traceId,
      type: 'error',
      payload: { message: 'no', marketIds: named },
    });
    receive({
      type: 'trade',
      payload: { marketId: 'good', price: '1', size: '1', timestamp: 1_705_341_600 },
    });
    clock.advance(6_000);
    expect(new Map(subscriptions.map(([market, state]) => [market, state])).get('mute')).toBe('unconfirmed');
    const { length } = last().sent;
    session.askAgain(['bad', 'good', 'never wanted']);
    session.askAgain(null);
    expect(
      last()
        .sent.slice(length)
        .map(({ type, payload }) => [type, payload.marketIds]),
    ).toEqual([
      ['subscribe', ['bad']],
      ['subscribe', ['worse', 'mute']],
    ]);
    const states = new Map(subscriptions.map(([market, state]) => [market, state]));
    expect(markets.map((market) => states.get(market))).toEqual([
      'confirmed',
      'requested',
      'requested',
      'requested',
    ]);
    receive({ traceId: last().sent[length]?.traceId, type: 'success', payload: {} });
    expect(subscriptions.at(-1)).toEqual(['bad', 'confirmed', null]);
  });

  it('what was refused is asked for again on the next connection', () => {
    const session = link();
    session.setMarkets(['m']);
    session.start();
    last().events.open();
    receive({ traceId: last().sent[0]?.traceId, type: 'error', payload: { message: 'unknown market' } });
    session.askAgain(null);
    last().events.close(1006, '', null);
    session.askAgain(null);
    untilNextAttempt();
    last().events.open();
    expect(last().sent.map(({ payload }) => payload.marketIds)).toEqual([['m']]);
    expect(subscriptions.at(-1)).toEqual(['m', 'requested', null]);
  });
});

it('of what the server says, nothing that holds the key is told or kept', () => {
  const key = 'a-key-that-a-server-may-repeat';
  const words = `The key ${key} is not good`;
  const session = link(key);
  session.setMarkets(['m']);
  session.start();
  last().events.refused(503, { 'x-inca-error-message': words });
  last().events.close(1006, '', null);
  untilNextAttempt();
  last().events.open();
  const [asked] = last().sent;
  receive({ type: 'error', traceId: asked?.traceId, payload: { message: words } });
  receive({ type: key, payload: { note: words } });
  receive({ type: 'trade', payload: { marketId: 'm', price: words, size: '1', timestamp: words } });
  last().events.close(1008, words, null);
  untilNextAttempt();
  last().events.close(1006, '', new Error(words));
  // Each of them was told: the search is not of nothing.
  expect(transitions.filter((told) => told.includes('“The key [API key] is not good”'))).toHaveLength(2);
  expect(subscriptions.some(([, , told]) => told === 'The key [API key] is not good')).toBe(true);
  expect(session.frames).toHaveLength(3);
  expect(session.frames.every(({ text }) => text.includes('[API key]'))).toBe(true);
  expect(session.state.problem?.message).toContain('[API key]');
  const told = JSON.stringify([transitions, subscriptions, ended, states, session.frames, session.state]);
  expect(told).not.toContain(key);
});
