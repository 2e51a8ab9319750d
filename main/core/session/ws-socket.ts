/** The SocketFactory of all hosts, by the package ws. */
import net, { type Socket as TcpSocket } from 'node:net';
import tls from 'node:tls';
import WebSocket from 'ws';
import type { HandshakeHeaders, Socket, SocketEvents, SocketOptions } from '../ports.ts';
import { FrameSplitter } from './frame-splitter.ts';

/**
 * Pieces of one message. A server that fragments by 8 KiB reaches 4 MiB with them; a hostile one can
 * have ws hold the 64 KiB around each, which stays under the 50 MB of faults.md, row 31.
 */
const MAX_FRAGMENTS = 512;
/** Packets of one frame; 16 MiB arrive in some 12,000. */
const MAX_CHUNKS = 32_768;
/** Of what a socket has read at once; a packet of the network is far smaller, a burst far larger. */
const READ_BYTES = 128 * 1024;
/** How long the server may take to end the connection after its goodbye, ms; ws alone waits 30 s. */
const CLOSE_MS = 2_000;

/**
 * Opens a WebSocket. Never throws: whatever fails is reported by `close`.
 *
 * Compression is off: on frames of some 200 bytes it costs fifty times the work. UTF-8 is checked
 * by the decoder, so ws need not. Redirects are not followed, so the key goes to no other host.
 */
export function createWsSocket(options: SocketOptions, events: SocketEvents): Socket {
  let socket: WebSocket;
  let take: Packets | null = null;
  try {
    const limits = { closeTimeout: CLOSE_MS, maxFragments: MAX_FRAGMENTS, maxBufferedChunks: MAX_CHUNKS };
    socket = new WebSocket(options.url, {
      ...limits,
      headers: { ...options.headers },
      maxPayload: options.maxPayloadBytes,
      perMessageDeflate: false,
      followRedirects: false,
      skipUTF8Validation: true,
      // ws ends a connection on which many pings wait for their pongs at once.
      autoPong: false,
      createConnection: connectTo(options.url),
      finishRequest: (request) => {
        request.once('socket', (reached: TcpSocket) => {
          take = new Packets(reached);
          whenReached(reached, () => events.reached?.());
        });
        request.end();
      },
    });
  } catch (error) {
    // An address or a header that cannot be sent at all.
    setImmediate(() => events.close(1006, '', error instanceof Error ? error : new Error(String(error))));
    return { send() {}, ping() {}, terminate() {}, close() {} };
  }
  let failure: Error | null = null;
  // ws's own limit counts from the last byte, so a server that sends one now and then would never end it.
  const limit = setTimeout(() => {
    failure ??= Object.assign(new Error('The handshake took too long.'), { code: 'ETIMEDOUT' });
    socket.terminate();
  }, options.handshakeTimeoutMs);
  socket.binaryType = 'nodebuffer';
  let headers: HandshakeHeaders = {};
  socket.on('upgrade', (response) => {
    ({ headers } = response);
  });
  socket.on('open', () => {
    clearTimeout(limit);
    take?.texts(options.maxPayloadBytes, events);
    events.open(headers);
  });
  socket.on('message', (data: Buffer) => events.message(data));
  const answer = pongs(socket);
  socket.on('ping', (data: Buffer) => {
    answer(data);
    events.ping();
  });
  socket.on('pong', () => events.pong());
  socket.on('unexpected-response', (_request, response) => {
    events.refused(response.statusCode ?? 0, response.headers);
    // With a listener here ws leaves the ending to it; this reports `close`.
    socket.terminate();
  });
  socket.on('error', (error) => {
    failure ??= error;
    // A server whose frame was refused might go on sending it.
    socket.terminate();
  });
  socket.on('close', (code, reason) => {
    clearTimeout(limit);
    events.close(code, reason.toString('utf8'), failure);
  });
  const open = (): boolean => socket.readyState === WebSocket.OPEN;
  return {
    send: (text) => {
      if (open()) socket.send(text);
    },
    ping: () => {
      if (open()) socket.ping();
    },
    terminate: () => socket.terminate(),
    close: (code, reason) => socket.close(code, reason),
  };
}

/** Bytes that a peer may leave unread before it gets no more pongs. */
const MOST_UNREAD = 64 * 1024;

/**
 * Answers a ping at once; of more that come in the same turn of the loop, the last alone, as RFC 6455,
 * 5.5.3 allows, so that a flood of them costs little.
 */
function pongs(socket: WebSocket): (data: Buffer) => void {
  let turn = false;
  let last: Buffer | null = null;
  const send = (data: Buffer): void => {
    if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_UNREAD) socket.pong(data);
  };
  return (data) => {
    if (turn) {
      last = data;
      return;
    }
    turn = true;
    send(data);
    setImmediate(() => {
      turn = false;
      if (last !== null) send(last);
      last = null;
    });
  };
}

/**
 * Connects as ws does, but for the memory that what comes is read into: it is the same each time, since new
 * memory for every packet has to be cleared away again, which takes as long as decoding. So a packet's bytes
 * are valid only while its `data` event lasts.
 *
 * @throws {TypeError} when the address is none
 */
function connectTo(address: string): () => TcpSocket {
  const { hostname, port, protocol } = new URL(address);
  const host = hostname.replace(/^\[|\]$/g, '');
  return () => {
    const buffer = Buffer.from(new ArrayBuffer(READ_BYTES));
    const onread = {
      buffer,
      callback: (length: number): boolean => {
        socket.emit('data', buffer.subarray(0, length));
        return true;
      },
    };
    const options = { host, onread };
    const socket: TcpSocket =
      protocol === 'wss:'
        ? tls.connect({
            ...options,
            port: Number(port || 443),
            servername: net.isIP(host) === 0 ? host : '',
          })
        : net.connect({ ...options, port: Number(port || 80) });
    return socket;
  };
}

function whenReached(tcp: TcpSocket, reached: () => void): void {
  tcp.once('encrypted' in tcp ? 'secureConnect' : 'connect', reached);
}

/**
 * What a socket reads, which others keep only as a copy. By `emit`, and not by a listener in the place of
 * ws's own: ws takes that one off when it is done with the connection.
 */
class Packets {
  readonly #emit: (event: string | symbol, ...values: unknown[]) => boolean;
  #take: (packet: Buffer) => void = (packet) => this.#give(packet);

  constructor(tcp: TcpSocket) {
    this.#emit = tcp.emit.bind(tcp) as (event: string | symbol, ...values: unknown[]) => boolean;
    tcp.emit = (event: string | symbol, ...values: unknown[]): boolean => {
      const [packet] = values;
      if (event !== 'data' || !Buffer.isBuffer(packet)) return this.#emit(event, ...values);
      this.#take(packet);
      return true;
    };
  }

  /** From now on hands whole text frames to `events`, and what is left of the packets to ws. */
  texts(limit: number, events: SocketEvents): void {
    const splitter = new FrameSplitter(limit, {
      text: (packet, start, end) => events.message(packet, start, end),
      rest: (bytes) => this.#give(bytes),
    });
    const push = (packet: Buffer): void => splitter.push(packet);
    this.#take = (packet) => {
      if (events.together === undefined) push(packet);
      else events.together(push, packet);
    };
  }

  #give(bytes: Buffer): void {
    this.#emit('data', Buffer.from(bytes));
  }
}
