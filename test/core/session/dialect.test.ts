/** A link in a dialect that asks for markets by venue and pair, which only the dictionary tells. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_DIALECT, type Dialect, type MarketNames } from '../../../main/core/protocol/dialect.ts';
import type { SocketEvents, SocketOptions } from '../../../main/core/ports.ts';
import { FeedSession } from '../../../main/core/session/feed-session.ts';
import { TestClock } from '../../helpers/test-clock.ts';

const payload = { exchange: '{venue}', instrument: '{pair}' };
const BY_NAMES: Dialect = {
  ...DEFAULT_DIALECT,
  header: { name: 'X-Access', prefix: 'Bearer ' },
  subscribe: { type: 'sub', payload },
  unsubscribe: { type: 'unsub', payload },
  batched: false,
  granularityField: 'interval',
  types: { bar: 'candle', ok: 'ack' },
  candleTime: 'end',
};

function start(known: Map<string, MarketNames>) {
  const clock = new TestClock();
  const sockets: {
    options: SocketOptions;
    events: SocketEvents;
    sent: { type: string; payload: unknown }[];
  }[] = [];
  const states = new Map<string, string>();
  const candles: [market: string, start: number][] = [];
  const refusals: string[] = [];
  const session = new FeedSession({
    endpoint: 'candles',
    url: 'ws://127.0.0.1:1/ws',
    key: 'k',
    dialect: BY_NAMES,
    granularities: ['1m'],
    clock,
    logger: { log: () => undefined },
    sockets: (options, events) => {
      const sent: (typeof sockets)[number]['sent'] = [];
      sockets.push({ options, events, sent });
      return {
        send: (text) => void sent.push(JSON.parse(text) as (typeof sent)[number]),
        ping: () => undefined,
        terminate: () => undefined,
        close: () => undefined,
      };
    },
    random: () => 0.5,
    lookup: (venue, pair) =>
      [...known].find(([, names]) => names.venue === venue && names.pair === pair)?.[0] ?? null,
    names: (market) => known.get(market) ?? null,
    listener: {
      connected: () => undefined,
      alive: () => undefined,
      disconnected: () => undefined,
      trade: () => undefined,
      candle: (candle) => void candles.push([candle.market, candle.start]),
      refused: ({ reason }) => void refusals.push(reason),
      subscription: (market, state, words) =>
        void states.set(market, words === null ? state : `${state}: ${words}`),
      changed: () => undefined,
      transition: () => undefined,
    },
  });
  const last = (): (typeof sockets)[number] => {
    const socket = sockets.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  };
  const receive = (message: unknown): void => last().events.message(Buffer.from(JSON.stringify(message)));
  return { clock, session, sockets, last, receive, states, candles, refusals };
}

const bar = (exchange: string, instrument: string): unknown => ({
  type: 'bar',
  payload: {
    exchange,
    pair: instrument,
    interval: '1m',
    time: '2024-01-15T18:01:00Z',
    open: '1',
    close: '2',
    volume: '1',
  },
});

describe('a link that asks by venue and pair', () => {
  it('sends the header, asks one by one by the names, and finds the market in what comes', () => {
    const { clock, session, last, receive, states, candles, refusals } = start(
      new Map([
        ['m1', { venue: 'kraken', pair: 'eth-btc' }],
        ['m2', { venue: 'okx', pair: 'eth-btc' }],
      ]),
    );
    session.setMarkets(['m1', 'm2']);
    session.start();
    expect(last().options.headers).toEqual({ 'X-Access': 'Bearer k' });
    last().events.open();
    expect(last().sent.map(({ type, payload }) => [type, payload])).toEqual([
      ['sub', { exchange: 'kraken', instrument: 'eth-btc', interval: '1m' }],
      ['sub', { exchange: 'okx', instrument: 'eth-btc', interval: '1m' }],
    ]);
    // Of the second the first data is the confirmation.
    const { traceId } = last().sent[0] as unknown as { traceId: string };
    receive({ type: 'ok', traceId, payload: { exchange: 'kraken', pair: 'eth-btc' } });
    expect(states.get('m1')).toBe('confirmed');
    expect(states.get('m2')).toBe('requested');
    receive(bar('okx', 'eth-btc'));
    expect(states.get('m2')).toBe('confirmed');
    receive(bar('nowhere', 'eth-btc'));
    expect(candles).toEqual([['m2', Date.parse('2024-01-15T18:00:00Z') * 1000]]);
    expect(refusals).toEqual(['market']);

    session.setMarkets(['m2']);
    clock.advance(100);
    expect(last().sent.at(-1)).toMatchObject({
      type: 'unsub',
      payload: { exchange: 'kraken', instrument: 'eth-btc', interval: '1m' },
    });
  });

  it('says of a market without names that it is not asked for, and asks once the dictionary has them', () => {
    const known = new Map([['m1', { venue: 'kraken', pair: 'eth-btc' }]]);
    const { clock, session, last, states } = start(known);
    session.setMarkets(['m1', 'm2', 'm3']);
    session.start();
    last().events.open();
    expect(last().sent).toHaveLength(1);
    expect(states.get('m2')).toMatch(/^refused: .*dictionary.*venue and pair/);

    known.set('m2', { venue: 'okx', pair: 'eth-btc' });
    session.renamed();
    expect(last().sent.slice(1)).toMatchObject([{ type: 'sub', payload: { exchange: 'okx' } }]);
    expect(states.get('m2')).toBe('requested');
    expect(states.get('m3')).toMatch(/^refused/);
    session.renamed();
    expect(last().sent).toHaveLength(2);

    // What was never asked for is not taken back.
    session.setMarkets(['m1', 'm2']);
    clock.advance(100);
    expect(last().sent).toHaveLength(2);
    expect(states.get('m3')).toBe('off');
  });

  it('tries them anew on the next connection', () => {
    const known = new Map<string, MarketNames>();
    const { clock, session, sockets, last, states } = start(known);
    session.setMarkets(['m1']);
    session.start();
    last().events.open();
    last().events.close(1006, '', null);
    session.renamed();
    expect(last().sent).toEqual([]);
    known.set('m1', { venue: 'kraken', pair: 'eth-btc' });
    while (sockets.length === 1) clock.advance(1_000);
    last().events.open();
    expect(last().sent).toHaveLength(1);
    expect(states.get('m1')).toBe('requested');
  });
});
