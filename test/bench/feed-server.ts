/**
 * A feed in a process of its own that sends trades as fast as they are taken. It costs next to nothing
 * a frame, since all of them are built before: from pass to pass only the first eight figures of the ids
 * change, so that every id comes once, and the seconds of the times, so that time goes on.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { take, tradeMessage, trades, webSocketFrame } from './frames.ts';

const FRAMES = 50_000;
const PER_SECOND = 5_000;
const PASS_MS = (FRAMES / PER_SECOND) * 1000;
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
  readonly #start = Date.now() + AHEAD_MS;
  /** Where each frame's id and time begin. */
  readonly #ids = new Uint32Array(FRAMES);
  readonly #times = new Uint32Array(FRAMES);
  #passes = 0;

  constructor() {
    const frames = take(trades(1, this.#start, PER_SECOND), FRAMES).map((trade) =>
      webSocketFrame(tradeMessage(trade)),
    );
    let at = 0;
    for (const [index, frame] of frames.entries()) {
      this.#ids[index] = at + frame.indexOf('"id":"') + 6;
      this.#times[index] = at + frame.indexOf('"timestamp":"') + 13;
      at += frame.length;
    }
    this.#bytes = Buffer.concat(frames);
  }

  #renew(): void {
    const pass = Buffer.from((this.#passes++).toString(16).padStart(8, '0'));
    const start = this.#start + this.#passes * PASS_MS;
    for (let n = 0; n < FRAMES; n += PER_SECOND) {
      const second = Buffer.from(new Date(start + (n / PER_SECOND) * 1000).toISOString().slice(0, 19));
      for (let at = n; at < n + PER_SECOND; at++) {
        pass.copy(this.#bytes, this.#ids[at]);
        second.copy(this.#bytes, this.#times[at]);
      }
    }
  }

  async run(socket: Socket): Promise<void> {
    while (!socket.destroyed) {
      this.#renew();
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
