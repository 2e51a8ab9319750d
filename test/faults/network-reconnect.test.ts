/** faults.md, rows 20, 21, 27, 29 and the quiet half of 28: hours of a link, on a clock that the test moves. */
import type { Socket as TcpSocket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Socket, SocketEvents, SocketFactory } from '../../main/core/ports.ts';
import { systemClock } from '../../main/core/system-clock.ts';
import { TestClock } from '../helpers/test-clock.ts';
import { chance } from './chance.ts';
import { KEY, tradeMessage, until, untilPhase, watch, type Watched } from './link.ts';
import { acknowledge, feedServer, type FeedServer } from './server.ts';

const HOUR = 3_600_000;

/** A server that lives on the test's clock. `serve` is given each attempt. */
function simulated(serve: (events: SocketEvents, nth: number) => void): SocketFactory {
  let count = 0;
  return (_options, events): Socket => {
    serve(events, count++);
    return {
      send: () => undefined,
      ping: () => events.pong(),
      terminate: () => undefined,
      close: () => undefined,
    };
  };
}

describe('row 20: flapping every 2 s for an hour', () => {
  it.each([1, 2, 3])(
    'at most 120 attempts, though each connection brings a good message (seed %i)',
    (seed) => {
      const clock = new TestClock();
      const attempts: number[] = [];
      const sockets = simulated((events) => {
        attempts.push(clock.monotonic());
        clock.after(10, () => {
          events.reached?.();
          events.open();
          events.message(Buffer.from(tradeMessage()));
        });
        clock.after(2_000, () => events.close(1006, '', null));
      });
      const link = watch('ws://simulated/', { clock, sockets, random: chance(seed) });
      clock.advance(3 * HOUR);
      const inHour = (from: number): number => attempts.filter((at) => at >= from && at < from + HOUR).length;
      for (const from of attempts) expect(inHour(from)).toBeLessThanOrEqual(120);
      // Nor does it give up: what the server redelivers covers two minutes.
      const pauses = attempts.slice(1).map((at, n) => at - (attempts[n] ?? 0));
      expect(Math.max(...pauses)).toBeLessThan(62_000);
      expect(link.trades.length).toBe(attempts.length - (link.session.state.phase === 'connecting' ? 1 : 0));
      link.session.stop();
    },
  );

  it('a link that broke once is back within the usual bound', () => {
    const clock = new TestClock();
    const attempts: number[] = [];
    const sockets = simulated((events, nth) => {
      attempts.push(clock.monotonic());
      events.open();
      events.message(Buffer.from(tradeMessage()));
      if (nth === 0) clock.after(HOUR, () => events.close(1006, '', null));
    });
    watch('ws://simulated/', { clock, sockets });
    clock.advance(HOUR + 1_000);
    expect(attempts).toHaveLength(2);
  });
});

describe('row 21: 500 clients at a server restart', () => {
  it('come back spread out by full jitter, none later than 60 s', () => {
    const clock = new TestClock();
    const CLIENTS = 500;
    const DOWN = 10_000;
    const BACK = 55_000;
    const attempts: { at: number; client: number }[] = [];
    const open: SocketEvents[] = [];
    const links = Array.from({ length: CLIENTS }, (_, client) => {
      const sockets = simulated((events) => {
        const at = clock.monotonic();
        attempts.push({ at, client });
        clock.after(1, () => {
          if (at >= DOWN && at < BACK) {
            events.close(1006, '', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
            return;
          }
          events.open();
          events.message(Buffer.from(tradeMessage()));
          open.push(events);
        });
      });
      return watch('ws://simulated/', { clock, sockets, random: chance(client + 1) });
    });
    clock.advance(DOWN);
    for (const events of open.splice(0)) events.close(1006, '', null);

    /** The most attempts in any stretch of `ms`. */
    const densest = (from: number, to: number, ms: number): number => {
      const times = attempts.map(({ at }) => at).filter((at) => at >= from && at < to);
      return Math.max(...times.map((at) => times.filter((each) => each >= at && each < at + ms).length));
    };
    const back = new Map<number, number>();
    const waits: number[] = [];
    for (let step = 0; step < 130; step++) {
      clock.advance(1_000);
      links.forEach(({ session }, client) => {
        if (session.state.phase === 'live' && !back.has(client)) back.set(client, clock.monotonic());
      });
    }
    links.forEach(({ transitions }) => {
      const turns = transitions.filter(({ to }) => to === 'waiting' || to === 'connecting');
      turns.forEach(({ to, at }, n) => {
        if (to === 'waiting') waits.push((turns[n + 1]?.at ?? NaN) - at);
      });
    });
    // The first wait is anywhere in a whole second: a tenth of it holds about a tenth of them.
    expect(densest(DOWN, DOWN + 900, 100)).toBeLessThan(CLIENTS * 0.25);
    // When the server is there again, no second brings more than a small share of them.
    expect(densest(BACK, BACK + 70_000, 1_000)).toBeLessThan(CLIENTS * 0.1);
    expect(back.size).toBe(CLIENTS);
    expect(Math.max(...back.values())).toBeLessThanOrEqual(BACK + 61_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
    // Full jitter: waits reach down to zero, not only up to their bound.
    expect(waits.filter((wait) => wait < 500).length).toBeGreaterThan(CLIENTS / 4);
    for (const { session } of links) session.stop();
  });
});

describe('row 27: close codes', () => {
  /** [code, least wait, most of the first wait, words of the message] */
  it.each([
    [1000, 500, 1_500, /good order/],
    [1001, 0, 5_000, /goes away/],
    [1006, 0, 1_000, /without a goodbye/],
    [1008, 15_000, 45_000, /policy/],
    [1009, 1_000, 2_000, /too long/],
    [1011, 1_000, 6_000, /failed/],
    [1012, 5_000, 30_000, /restarts/],
    [1013, 30_000, 60_000, /come back later/],
    [4_000, 0, 1_000, /4000/],
  ])('%i comes back after %i to %i ms', async (code, least, most, words) => {
    const waits: number[] = [];
    for (const random of [0, 0.999_999]) {
      const clock = new TestClock();
      const server = await feedServer({
        connected: (socket, nth) => {
          socket.send(tradeMessage());
          if (nth > 0) return;
          if (code === 1006) socket.terminate();
          else socket.close(code, 'the server’s \u202ewords');
        },
      });
      const link = watch(server.url, { clock, random: () => random, markets: ['m'] });
      await untilPhase(link, 'waiting');
      const { problem, retryAt } = link.session.state;
      expect(problem?.message).toMatch(words);
      expect(problem).toMatchObject({ kind: 'closed', closeCode: code });
      expect(problem?.serverWords).toBe(code === 1006 ? null : 'the server’s words');
      const wait = (retryAt ?? NaN) - clock.now() / 1000;
      waits.push(wait);
      clock.advance(wait);
      await untilPhase(link, 'live');
      expect(link.session.state.problem).toBeNull();
    }
    expect(waits).toEqual([least, most]);
  });

  it('1008 from a server that never says anything else: refused after a few, with its words and what to do', async () => {
    const clock = new TestClock();
    const server = await feedServer({ connected: (socket) => socket.close(1008, 'too many markets') });
    const link = watch(server.url, { clock, markets: ['m'] });
    for (let nth = 1; nth <= 4; nth++) {
      await until(() => !Number.isNaN(link.entered('waiting', nth)), 'waiting');
      clock.advance((link.session.state.retryAt ?? NaN) - clock.now() / 1000);
    }
    await untilPhase(link, 'refused');
    expect(server.handshakes).toHaveLength(5);
    expect(link.session.state.problem).toMatchObject({ kind: 'policy', serverWords: 'too many markets' });
    clock.advance(24 * HOUR);
    expect(server.handshakes).toHaveLength(5);
    link.session.retry();
    await until(() => server.handshakes.length === 6, 'the attempt that the user asked for');
  });

  it('1009: what was too long is asked for in shorter requests', async () => {
    const clock = new TestClock();
    const LIMIT = 30;
    const asked: string[][] = [];
    const server = await feedServer({
      connected: (socket) => {
        socket.on('message', (data: Buffer) => {
          const { payload } = JSON.parse(data.toString()) as { payload: { marketIds: string[] } };
          if (payload.marketIds.length > LIMIT) socket.close(1009);
          else asked.push(payload.marketIds);
        });
      },
    });
    const markets = Array.from({ length: 200 }, (_, n) => `m${n}`);
    const link = watch(server.url, { clock, markets });
    for (let nth = 1; nth <= 2; nth++) {
      await until(() => !Number.isNaN(link.entered('waiting', nth)), 'waiting');
      clock.advance((link.session.state.retryAt ?? NaN) - clock.now() / 1000);
    }
    await until(() => asked.flat().length === markets.length, 'all markets');
    expect(asked.flat()).toEqual(markets);
  });

  it('a server that says goodbye and keeps the connection open is left in time', async () => {
    const server = await feedServer({
      connected: (socket) => {
        // As ws writes it, without ending TCP, and deaf to the answer.
        const { _socket: tcp } = socket as unknown as { _socket: TcpSocket };
        tcp.removeAllListeners('data').removeAllListeners('end');
        tcp.write(Buffer.from([0x88, 2, 0x03, 0xe9]));
      },
    });
    const link = watch(server.url, { clock: systemClock });
    await until(() => link.ended.length > 0, 'the end', 10_000);
    expect(link.ended[0]?.problem.closeCode).toBe(1001);
  });
});

/** Moves a second at a time; after each, what either end sent has arrived at the other. */
async function pass(clock: TestClock, seconds: number, server: FeedServer): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1_000);
    const socket = server.sockets.at(-1);
    if (socket === undefined) throw new Error('nobody is connected');
    await new Promise((resolve) => {
      socket.once('pong', resolve);
      socket.ping();
    });
  }
}

describe('row 28: no pong', () => {
  it('a server that answers no ping is not stale while it sends pings', async () => {
    const clock = new TestClock();
    const server = await feedServer({ pongs: false });
    const link = watch(server.url, { clock });
    await untilPhase(link, 'live');
    await pass(clock, 60, server);
    expect(link.session.state).toMatchObject({ phase: 'live', connections: 1, roundTrip: null });
  });
});

describe('row 29: a market that is acknowledged but silent', () => {
  it('is quiet, not stale: confirmed on a live link for ten minutes', async () => {
    const clock = new TestClock();
    // The server's own pings would hide a link that judges by data alone, so here only answers come.
    let answered = 0;
    const server = await feedServer({
      connected: (socket) => {
        acknowledge(socket);
        socket.on('ping', () => answered++);
      },
    });
    const link = watch(server.url, { clock, markets: ['quiet'] });
    await until(() => link.subscriptions.get('quiet')?.[0] === 'confirmed', 'the subscription');
    for (let second = 0; second < 600; second += 4) {
      const before = answered;
      clock.advance(4_000);
      await until(() => answered > before, 'an answered ping');
    }
    expect(link.transitions.map(({ to }) => to)).toEqual(['connecting', 'handshaking', 'live']);
    expect(link.subscriptions.get('quiet')).toEqual(['confirmed', null]);
    expect(link.session.state).toMatchObject({ phase: 'live', problem: null, connections: 1 });
    expect(server.handshakes[0]?.authorization).toBe(KEY);
    expect(link.trades).toEqual([]);
  });

  it('an unanswered one is unconfirmed, on a link that is live all the same', async () => {
    const clock = new TestClock();
    const server = await feedServer();
    const link: Watched = watch(server.url, { clock, markets: ['unheard'] });
    await untilPhase(link, 'live');
    await pass(clock, 20, server);
    expect(link.subscriptions.get('unheard')).toEqual(['unconfirmed', null]);
    expect(link.session.state.phase).toBe('live');
  });
});
