/** The SocketFactory of all hosts, by the package ws. */
import WebSocket from 'ws';
import type { Socket, SocketEvents, SocketOptions } from '../ports.ts';

/**
 * Opens a WebSocket. Never throws: whatever fails is reported by `close`.
 *
 * Compression is off: on frames of some 200 bytes it costs fifty times the work. UTF-8 is checked
 * by the decoder, so ws need not. Redirects are not followed, so the key goes to no other host.
 */
export function createWsSocket(options: SocketOptions, events: SocketEvents): Socket {
  let socket: WebSocket;
  try {
    socket = new WebSocket(options.url, {
      headers: { ...options.headers },
      handshakeTimeout: options.handshakeTimeoutMs,
      maxPayload: options.maxPayloadBytes,
      perMessageDeflate: false,
      followRedirects: false,
      skipUTF8Validation: true,
    });
  } catch (error) {
    // An address or a header that cannot be sent at all.
    setImmediate(() => events.close(1006, '', error instanceof Error ? error : new Error(String(error))));
    return { send() {}, ping() {}, terminate() {}, close() {} };
  }
  let failure: Error | null = null;
  socket.binaryType = 'nodebuffer';
  socket.on('open', () => events.open());
  socket.on('message', (data: Buffer) => events.message(data));
  socket.on('ping', () => events.ping());
  socket.on('pong', () => events.pong());
  socket.on('unexpected-response', (_request, response) => {
    events.refused(response.statusCode ?? 0, response.headers);
    // With a listener here ws leaves the ending to it; this reports `close`.
    socket.terminate();
  });
  socket.on('error', (error) => {
    failure ??= error;
  });
  socket.on('close', (code, reason) => events.close(code, reason.toString('utf8'), failure));
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
