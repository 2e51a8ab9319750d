/** faults.md, rows 17 to 19, in real time, side by side. */
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../main/core/system-clock.ts';
import { hostileServer } from './hostile.ts';
import { tradeMessage, until, untilPhase, watch, type Watched } from './link.ts';
import { acknowledge, feedServer, swallowingProxy, tcpServer } from './server.ts';

/** What is promised, and how much longer a busy machine may take: on the test clock it is proven to the second. */
const NOTICED_MS = 15_000;
const BUSY_MS = 15_000;
const PATIENCE_MS = 40_000;

/** From the moment of the fault to what the user is told. */
function expectNoticed(link: Watched, fault: number): void {
  expect(link.entered('stale') - fault).toBeLessThan(NOTICED_MS + BUSY_MS);
  expect(link.entered('waiting') - fault).toBeLessThan(NOTICED_MS + BUSY_MS);
  expect(link.entered('stale')).toBeLessThan(link.entered('waiting'));
  expect(link.ended[0]?.problem.kind).toBe('stale');
  // The outage is counted from the last sign of life, not from when it was noticed.
  expect(link.ended[0]?.silence).toBeGreaterThanOrEqual(12_900);
}

describe.concurrent('silence', { timeout: 90_000 }, () => {
  it.skipIf(process.platform === 'win32')('row 17: a frozen server is noticed', async () => {
    const server = await hostileServer('trades');
    const link = watch(server.url, { clock: systemClock });
    await until(() => link.trades.length > 3, 'trades');
    const frozen = systemClock.monotonic();
    server.process.kill('SIGSTOP');
    await until(() => !Number.isNaN(link.entered('waiting')), 'waiting', PATIENCE_MS);
    expectNoticed(link, frozen);
    // It thaws, and the link is back by itself.
    server.process.kill('SIGCONT');
    await untilPhase(link, 'live');
    expect(link.session.state.connections).toBe(2);
  });

  it('row 18: a half-open connection is noticed', async () => {
    const server = await feedServer({
      connected: (socket) => {
        acknowledge(socket);
        socket.send(tradeMessage());
      },
    });
    const proxy = await swallowingProxy(server.port);
    const link = watch(`ws://127.0.0.1:${proxy.port}/`, { clock: systemClock, markets: ['m'] });
    await until(() => link.subscriptions.get('m')?.[0] === 'confirmed', 'the subscription');
    const cut = systemClock.monotonic();
    proxy.swallow();
    await until(() => !Number.isNaN(link.entered('waiting')), 'waiting', PATIENCE_MS);
    expectNoticed(link, cut);
    await until(() => link.subscriptions.get('m')?.[0] === 'confirmed', 'the subscription, again');
  });

  it.each([
    ['at 1 byte/s', 'HTTP/1.1 101 Switching Protocols\r\n'],
    ['that never comes', ''],
  ])('row 19: a handshake %s ends after 10 s', async (_what, answer) => {
    const port = await tcpServer((socket) => {
      let sent = 0;
      const timer = setInterval(() => socket.write(answer.slice(sent, ++sent)), 1_000);
      socket.on('close', () => clearInterval(timer));
    });
    const link = watch(`ws://127.0.0.1:${port}/`, { clock: systemClock });
    await untilPhase(link, 'handshaking');
    await untilPhase(link, 'waiting', PATIENCE_MS);
    const took = link.entered('waiting') - link.entered('connecting');
    expect(took).toBeGreaterThan(9_500);
    expect(took).toBeLessThan(10_000 + BUSY_MS);
    expect(link.session.state.problem?.kind).toBe('timeout');
  });
});
