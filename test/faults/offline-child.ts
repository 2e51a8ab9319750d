/**
 * Run in a network namespace of its own, where nothing is up: tells, a JSON line each, how two links
 * fail, then brings loopback up and tells when the first is live.
 */
import { execFileSync } from 'node:child_process';
import { WebSocketServer } from 'ws';
import { DEFAULT_DIALECT } from '../../main/core/protocol/dialect.ts';
import { FeedSession } from '../../main/core/session/feed-session.ts';
import { createWsSocket } from '../../main/core/session/ws-socket.ts';
import { systemClock } from '../../main/core/system-clock.ts';

const PORT = 47_110;
let failures = 0;

for (const [name, url] of [
  ['address', `ws://127.0.0.1:${PORT}/`],
  ['name', 'ws://api.financial.inca.digital/'],
] as const) {
  const ignore = (): void => undefined;
  new FeedSession({
    endpoint: 'trades',
    url,
    key: 'key',
    dialect: DEFAULT_DIALECT,
    granularities: ['1m'],
    clock: systemClock,
    logger: { log: ignore },
    sockets: createWsSocket,
    random: () => 0.2,
    listener: {
      connected: ignore,
      alive: ignore,
      disconnected: ignore,
      trade: ignore,
      candle: ignore,
      refused: ignore,
      subscription: ignore,
      changed: ignore,
      transition: (_from, to, { kind }) => {
        if (to === 'waiting' || to === 'live')
          process.stdout.write(`${JSON.stringify({ name, to, kind })}\n`);
        if (to === 'waiting' && ++failures === 4) comeUp();
        if (to === 'live') process.exit(0);
      },
    },
  }).start();
}

function comeUp(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  new WebSocketServer({ host: '127.0.0.1', port: PORT });
}
