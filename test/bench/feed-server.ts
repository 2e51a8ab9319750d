/**
 * A feed in a process of its own that sends trades as fast as they are taken. It costs next to nothing
 * a frame, since all of them are built before: only the first eight figures of the ids change from pass
 * to pass, so that every id comes once.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { take, tradeMessage, trades, webSocketFrame } from './frames.ts';

const FRAMES = 50_000;
const CHUNK = 256 * 1024;
/** Trades are dated from here on, so that none is older than the connection. */
const AHEAD_MS = 60_000;

export interface FeedServer {
  /** ws://...; what a path with `metrics` in it connects to keeps silent. */
  readonly url: string;
  stop(): void;
}

export async function startFeedServer(): Promise<FeedServer> {
  const running = fork(import.meta.filename, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [port] = (await once(running, 'message')) as [number];
  return { url: `ws://127.0.0.1:${port}`, stop: () => void running.kill('SIGKILL') };
}

class Pump {
  readonly #bytes: Buffer;
  /** Where each frame's id begins. */
  readonly #ids: Uint32Array;
  #passes = 0;

  constructor() {
    const frames = take(trades(1, Date.now() + AHEAD_MS), FRAMES).map((trade) =>
      webSocketFrame(tradeMessage(trade)),
    );
    this.#ids = new Uint32Array(FRAMES);
    let at = 0;
    for (const [index, frame] of frames.entries()) {
      this.#ids[index] = at + frame.indexOf('"id":"') + 6;
      at += frame.length;
    }
    this.#bytes = Buffer.concat(frames);
  }

  async run(socket: Socket): Promise<void> {
    while (!socket.destroyed) {
      const pass = Buffer.from((this.#passes++).toString(16).padStart(8, '0'));
      for (const at of this.#ids) this.#bytes.set(pass, at);
      for (let at = 0; at < this.#bytes.length && !socket.destroyed; at += CHUNK) {
        const chunk = this.#bytes.subarray(at, at + CHUNK);
        // Called once the system has its copy, or the socket is gone: so the ids may change then.
        await new Promise<void>((done) => socket.write(chunk, () => done()));
      }
    }
  }
}

function serve(): void {
  const pump = new Pump();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.setNoDelay(true);
    socket.once('data', (head) => {
      const request = head.toString('latin1');
      const key = /sec-websocket-key: (\S+)/i.exec(request)?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.resume();
      if (!request.startsWith('GET /metrics')) void pump.run(socket);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  process.once('disconnect', () => process.exit());
}

if (process.argv[1] === import.meta.filename) serve();
