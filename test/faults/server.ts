/** Servers that a test drives: a feed that can refuse, a proxy that can swallow. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { atEnd } from './link.ts';

export interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface FeedServerOptions {
  /** What to answer the nth (from 0) handshake with; null: accept it. */
  readonly refuse?: (nth: number, request: IncomingMessage) => Refusal | null;
  /** The nth (from 0) accepted connection. */
  readonly connected?: (socket: WebSocket, nth: number) => void;
  /** Lines that are added to the answer of a handshake that is accepted. */
  readonly headers?: () => readonly string[];
  /** Certificate and key in PEM; with them it speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Whether pings are answered, which is usual. */
  readonly pongs?: boolean;
}

export interface FeedServer {
  readonly port: number;
  readonly url: string;
  /** Headers of every handshake. */
  readonly handshakes: IncomingHttpHeaders[];
  /** The accepted connections. */
  readonly sockets: WebSocket[];
  /** TCP connections, whatever came of them. */
  readonly tcp: () => number;
}

/** Listens on loopback until the last test of the file. */
export async function feedServer(options: FeedServerOptions = {}): Promise<FeedServer> {
  const handshakes: IncomingHttpHeaders[] = [];
  const sockets: WebSocket[] = [];
  let tcp = 0;
  const server: Server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
  const accepting = new WebSocketServer({
    noServer: true,
    autoPong: options.pongs ?? true,
    perMessageDeflate: true,
  });
  accepting.on('headers', (headers) => void headers.push(...(options.headers?.() ?? [])));
  server.on('connection', () => tcp++);
  server.on('upgrade', (request, tcpSocket, head) => {
    handshakes.push(request.headers);
    const refusal = options.refuse?.(handshakes.length - 1, request) ?? null;
    if (refusal !== null) {
      const { status, headers = {}, body = '' } = refusal;
      const lines = Object.entries({ ...headers, 'content-length': String(Buffer.byteLength(body)) });
      tcpSocket.end(
        `HTTP/1.1 ${status} Answer\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
      );
      return;
    }
    accepting.handleUpgrade(request, tcpSocket, head, (socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      options.connected?.(socket, sockets.length - 1);
    });
  });
  server.on('request', (_request, response) => response.writeHead(404).end());
  server.on('clientError', (_error, socket) => socket.destroy());
  const port = await listen(server);
  atEnd(() => {
    for (const socket of sockets) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  const scheme = options.tls === undefined ? 'ws' : 'wss';
  return { port, url: `${scheme}://127.0.0.1:${port}/ws/trades`, handshakes, sockets, tcp: () => tcp };
}

/** A TCP server on loopback; `serve` has each connection. */
export async function tcpServer(serve: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createTcpServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    serve(socket);
  });
  atEnd(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return listen(server);
}

export interface Proxy {
  readonly port: number;
  /** From now on nothing passes on the connections that there are, and neither end is told. */
  swallow(): void;
}

export async function swallowingProxy(target: number): Promise<Proxy> {
  let pairs: Socket[] = [];
  const port = await tcpServer((client) => {
    const server = connect(target, '127.0.0.1');
    server.on('error', () => undefined);
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => client.write(bytes));
    pairs.push(client, server);
    atEnd(() => void server.destroy());
  });
  return {
    port,
    swallow() {
      for (const socket of pairs) socket.removeAllListeners('data').on('data', () => undefined);
      pairs = [];
    },
  };
}

function listen(server: TcpServer | Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Answers every subscription of a connection with success. */
export function acknowledge(socket: WebSocket): void {
  socket.on('message', (data: Buffer) => {
    const { traceId, payload } = JSON.parse(data.toString()) as { traceId: string; payload: unknown };
    socket.send(JSON.stringify({ traceId, type: 'success', payload }));
  });
}
