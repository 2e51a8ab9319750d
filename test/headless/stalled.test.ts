/** A view that stops reading is let go of at 8 MiB, and the recording does not notice. */
import { createConnection, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Core, createCore } from '../../main/core/core.ts';
import type { SecretStore } from '../../main/core/ports.ts';
import { type Host, startHost } from '../../main/headless/host.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

const MIB = 1024 * 1024;
/** Of a masked text frame, whose mask is all zeros. */
const FIN_TEXT = 0x81;
const NOWHERE = 'ws://127.0.0.1:1/none';

let folder: TemporaryFolder;
let core: Core;
let host: Host;
const logged: string[] = [];

beforeAll(async () => {
  folder = temporaryFolder();
  const secrets: SecretStore = { get: async () => null, set: async () => {}, forget: async () => {} };
  core = await createCore({
    ...{ host: 'browser', version: '0', folder: folder.path, environmentKey: null },
    addresses: { trades: NOWHERE, candles: NOWHERE, dictionary: 'http://127.0.0.1:1' },
    ports: { ...nodePorts(), logger: { log: () => undefined }, secrets },
  });
  await core.start('demo');
  const logger = { log: (_level: string, message: string) => void logged.push(message) };
  host = await startHost({ core, port: 0, folder: folder.path, logger });
});
afterAll(async () => {
  await host.close();
  await core.close();
  folder.remove();
});

/** A client that can ask without ever reading: WebSocket by hand. */
async function stalledClient(): Promise<Socket> {
  const name = `127.0.0.1:${host.port}`;
  const socket = createConnection({ host: '127.0.0.1', port: host.port });
  socket.on('error', () => undefined);
  socket.write(
    [
      ...['GET /bridge HTTP/1.1', `Host: ${name}`, `Origin: http://${name}`, 'Upgrade: websocket'],
      ...['Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='],
      `Sec-WebSocket-Protocol: quipu.v1, token.${host.address.split('#token=')[1] ?? ''}`,
      '\r\n',
    ].join('\r\n'),
  );
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  return socket;
}

function ask(socket: Socket, id: number): void {
  const text = Buffer.from(JSON.stringify({ id, command: 'frames.list', args: { endpoint: 'trades' } }));
  const head = Buffer.alloc(8);
  head[0] = FIN_TEXT;
  head[1] = 0x80 | 126;
  head.writeUInt16BE(text.length, 2);
  socket.write(Buffer.concat([head, text]));
}

it('is dropped, while all that is received is stored', { timeout: 90_000 }, async () => {
  const stored = (): number => core.report().trades.stored;
  await expect.poll(stored, { timeout: 30_000 }).toBeGreaterThan(20);
  const socket = await stalledClient();
  let ended = false;
  socket.once('close', () => {
    ended = true;
  });
  const before = stored();
  const resident = process.memoryUsage().rss;
  // Each answer holds up to 200 frames; it is asked until the host has had enough.
  for (let id = 0; id < 20_000 && !logged.includes('dropped a view that does not read'); id++) {
    ask(socket, id);
    if (id % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(logged).toContain('dropped a view that does not read');
  // What waited for it is bounded: its own 8 MiB, the system's buffers and what was being made.
  expect(process.memoryUsage().rss - resident).toBeLessThan(256 * MIB);
  await expect.poll(stored, { timeout: 30_000 }).toBeGreaterThan(before + 20);
  const { trades, gaps, connections } = core.report();
  expect(trades.refused).toBe(0);
  expect(trades.received - trades.stored - trades.duplicates).toBeLessThan(5_000);
  // One for each endpoint: no link was lost for it.
  expect([gaps, connections]).toEqual([0, 2]);
  socket.resume();
  await expect.poll(() => ended, { timeout: 10_000 }).toBe(true);
});
