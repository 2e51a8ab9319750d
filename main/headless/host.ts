/**
 * The browser host: the renderer's files and the bridge, for a browser of this computer alone.
 *
 * Other programs and pages can reach a loopback port too. So the bridge wants this server's own name
 * (against DNS rebinding), its own origin (against other pages) and the token of this start (against
 * other programs and users).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Core } from '../core/core.ts';
import { pageHeaders } from '../core/page-policy.ts';
import type { Logger } from '../core/ports.ts';
import { QuipuError } from '../core/result.ts';
import { encodeFrame } from '../core/transport/loopback-frame.ts';
import { readStatic } from '../core/static-files.ts';

const HOST = '127.0.0.1';
const BRIDGE_PATH = '/bridge';
const SUBPROTOCOL = 'quipu.v1';
const TOKEN_PREFIX = 'token.';
const TOKEN_BYTES = 32;
/** Wrong tokens a minute, of all clients together: all of them are this computer. */
const MAX_FAILURES = 10;
const FAILURE_MS = 60_000;
/** What may wait for a client that does not read; the core never waits for one. */
const MAX_BUFFERED = 8 * 1024 * 1024;
/** The largest request, `dialect.preview` with 320 KB of text, has six bytes for a byte where JSON escapes it. */
const MAX_REQUEST = 2 * 1024 * 1024;
const MAX_CLIENTS = 32;
const CLOSE_MS = 1_000;

export interface HostOptions {
  readonly core: Core;
  /** 0: any free one. */
  readonly port: number;
  /** Of the renderer's built files. */
  readonly folder: string;
  readonly logger: Logger;
}

export interface Host {
  readonly port: number;
  /** To be opened in a browser. Its fragment holds the token, which so is in no request and no log. */
  readonly address: string;
  close(): Promise<void>;
}

interface Refusal {
  readonly status: number;
  readonly why: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** @throws {QuipuError} when the port cannot be had */
export async function startHost(options: HostOptions): Promise<Host> {
  const { core, folder, logger } = options;
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  const server = createServer();
  const port = await listen(server, options.port);
  // Browsers leave the port of the scheme out.
  const name = port === 80 ? HOST : `${HOST}:${port}`;
  const origin = `http://${name}`;
  const headers = Object.entries({ ...pageHeaders(`ws://${name}`), 'Cache-Control': 'no-store' });
  const failures = new Failures();
  const bridge = new WebSocketServer({
    noServer: true,
    handleProtocols: () => SUBPROTOCOL,
    perMessageDeflate: false,
    maxPayload: MAX_REQUEST,
  });

  server.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => {
      logger.log('error', 'a request failed', { message: String(error) });
      response.destroy();
    });
  });
  server.on('upgrade', (request, socket: Duplex, head) => {
    socket.on('error', () => socket.destroy());
    const refusal = refusalOf(request);
    if (refusal !== null) {
      logger.log('warn', 'refused at the bridge', { status: refusal.status, why: refusal.why });
      const wait = refusal.retryAfter === undefined ? '' : `Retry-After: ${refusal.retryAfter}\r\n`;
      socket.end(
        `HTTP/1.1 ${refusal.status} ${refusal.why}\r\n${wait}Connection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    bridge.handleUpgrade(request, socket, head, (client) => serveClient(core, client, logger));
  });

  function refusalOf(request: IncomingMessage): Refusal | null {
    if (request.headers.host !== name) return { status: 421, why: 'Wrong Host' };
    if (request.url !== BRIDGE_PATH) return { status: 404, why: 'Not Found' };
    // A page elsewhere must not be able to use up the attempts, so only wrong tokens count.
    if (request.headers.origin !== origin) return { status: 403, why: 'Wrong Origin' };
    const retryAfter = failures.wait();
    if (retryAfter > 0) return { status: 429, why: 'Too Many Failures', retryAfter };
    if (!isLetIn(request.headers['sec-websocket-protocol'], token)) {
      failures.add();
      return { status: 401, why: 'Wrong Token' };
    }
    return bridge.clients.size >= MAX_CLIENTS ? { status: 503, why: 'Too Many Clients' } : null;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [header, value] of headers) response.setHeader(header, value);
    if (request.headers.host !== name) return end(response, 421);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return end(response, 405);
    }
    const file = await readStatic(folder, request.url ?? '/');
    if (file === null) return end(response, 404);
    response.setHeader('Content-Type', file.type);
    response.setHeader('Content-Length', file.bytes.length);
    response.end(request.method === 'HEAD' ? undefined : file.bytes);
  }

  return {
    port,
    address: `${origin}/#token=${token}`,
    async close() {
      for (const client of bridge.clients) client.close(1001, 'Quipu was ended.');
      const late = setTimeout(() => {
        for (const client of bridge.clients) client.terminate();
        // Those that sent nothing, or half a request, count as busy.
        server.closeAllConnections();
      }, CLOSE_MS);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearTimeout(late);
      bridge.close();
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another program uses it' : error.message;
      reject(
        new QuipuError('busy', `Port ${port} of ${HOST} cannot be had: ${why}.`, 'Name another with --port.'),
      );
    });
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.end();
}

/** Whether the offered subprotocols are ours and hold the token; in a time that does not tell how much of it was right. */
function isLetIn(offered: string | undefined, token: string): boolean {
  const names = (offered ?? '').split(',').map((each) => each.trim());
  const given = names.find((each) => each.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length) ?? '';
  // Digests have one length whatever was given, which timingSafeEqual needs.
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token)) && names.includes(SUBPROTOCOL);
}

/** Wrong tokens of the last minute. */
class Failures {
  readonly #times: number[] = [];

  add(): void {
    this.#times.push(performance.now());
  }

  /** Seconds until another attempt is heard; 0: now. */
  wait(): number {
    const now = performance.now();
    while (this.#times[0] !== undefined && this.#times[0] < now - FAILURE_MS) this.#times.shift();
    const [oldest] = this.#times;
    if (oldest === undefined || this.#times.length < MAX_FAILURES) return 0;
    return Math.max(1, Math.ceil((oldest + FAILURE_MS - now) / 1000));
  }
}

/** One view at the other end of a WebSocket joins the core. */
function serveClient(core: Core, socket: WebSocket, logger: Logger): void {
  socket.on('error', (error) => logger.log('warn', 'the bridge broke', { message: error.message }));
  const client = core.connect((message) => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > MAX_BUFFERED) {
      logger.log('warn', 'dropped a view that does not read');
      socket.terminate();
      return;
    }
    socket.send(encodeFrame(message));
  });
  socket.on('close', () => client.close());
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) {
      socket.close(1003, 'Requests are text.');
      return;
    }
    let request: unknown;
    try {
      request = JSON.parse(data.toString('utf8'));
    } catch {
      socket.close(1007, 'This is no JSON.');
      return;
    }
    client.request(request);
  });
}
