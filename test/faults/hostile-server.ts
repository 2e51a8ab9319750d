/**
 * A server in a process of its own, which can be frozen, and whose floods cost the test's process only
 * what they cost a client. Usage: node hostile-server.ts MODE; it writes its port on stdout.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { deflateRawSync } from 'node:zlib';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 0x1;
const CONTINUATION = 0x0;
const PING = 0x9;
const FIN = 0x80;
const RSV1 = 0x40;

/** A frame's head, unmasked as servers send them; the length may be a lie. */
function head(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, length]);
  const bytes = Buffer.alloc(length < 65_536 ? 4 : 10);
  bytes[0] = first;
  bytes[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) bytes.writeUInt16BE(length, 2);
  else bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}

function frame(first: number, payload: Buffer): Buffer {
  return Buffer.concat([head(first, payload.length), payload]);
}

/** As fast as the peer takes it. */
function pour(socket: Socket, pieces: Iterator<Buffer, void>): void {
  for (;;) {
    if (socket.destroyed) return;
    const next = pieces.next();
    if (next.done === true) return;
    if (!socket.write(next.value)) {
      socket.once('drain', () => pour(socket, pieces));
      return;
    }
  }
}

function* fragments(count: number, between: Buffer): Generator<Buffer, void> {
  for (let n = 0; n < count; n++) {
    const first = n === 0 ? TEXT : CONTINUATION;
    yield Buffer.concat([frame(first | (n === count - 1 ? FIN : 0), Buffer.from(' ')), between]);
  }
}

function* giant(): Generator<Buffer, void> {
  yield head(FIN | TEXT, 100 * 1024 * 1024);
  const piece = Buffer.alloc(64 * 1024, 0x20);
  for (let n = 0; n < 1_600; n++) yield piece;
}

function every(socket: Socket, ms: number, bytes: Buffer): void {
  const timer = setInterval(() => socket.write(bytes), ms);
  socket.on('close', () => clearInterval(timer));
}

function text(line: string): Buffer {
  return frame(FIN | TEXT, Buffer.from(line));
}

const TRADE = JSON.stringify({
  type: 'trade',
  payload: { marketId: 'm', timestamp: '2024-01-15T18:00:00Z', price: '1', size: '1', side: 'buy' },
});

/** What each mode sends once the handshake is answered. */
const MODES: Readonly<Record<string, (socket: Socket) => void>> = {
  trades: (socket) => every(socket, 100, text(TRADE)),
  /** 10,000 pings a second, and not one pong. */
  pings: (socket) =>
    every(socket, 10, Buffer.concat(Array.from({ length: 100 }, () => frame(FIN | PING, Buffer.alloc(8))))),
  giant: (socket) => pour(socket, giant()),
  fragments: (socket) => pour(socket, fragments(131_000, Buffer.alloc(0))),
  /** Each fragment in a packet of its own among pings, so that a byte kept could keep 64 KiB. */
  spread: (socket) =>
    pour(
      socket,
      fragments(
        131_000,
        Buffer.concat(Array.from({ length: 520 }, () => frame(FIN | PING, Buffer.alloc(124)))),
      ),
    ),
  bomb: (socket) => socket.write(frame(FIN | RSV1 | TEXT, deflateRawSync(Buffer.alloc(256 * 1024 * 1024)))),
  /** As much as one frame may hold, of what costs most to build. */
  dense: (socket) => socket.write(text(`[${'{},'.repeat(5_000_000)}{}]`)),
  lines: (socket) => socket.write(text('{}\n'.repeat(5_000_000))),
};

const [mode = ''] = process.argv.slice(2);
const extension = mode === 'bomb-accepted' ? 'Sec-WebSocket-Extensions: permessage-deflate\r\n' : '';
const send = MODES[mode === 'bomb-accepted' ? 'bomb' : mode];
if (send === undefined) throw new Error(`unknown mode ${mode}`);
const server = createServer();
server.on('upgrade', (request, duplex) => {
  const socket = duplex as Socket;
  socket.on('error', () => undefined);
  socket.on('data', () => undefined);
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key'] ?? ''}${GUID}`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${extension}Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  send(socket);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
