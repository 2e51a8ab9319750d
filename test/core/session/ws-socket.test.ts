/** The socket against a real server: what it reads into the same memory again and again arrives whole. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { createWsSocket } from '../../../main/core/session/ws-socket.ts';
import { type Certificates, makeCertificates } from '../../faults/certificates.ts';
import { findProgram } from '../../needs.ts';

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Texts of all lengths around those that matter: of headers, of one packet, and of what is read at once. */
function texts(): string[] {
  const lengths = [1, 2, 125, 126, 127, 65_535, 65_536, 131_071, 131_072, 131_073, 400_000];
  for (let n = 0; n < 3_000; n++) lengths.push(1 + ((n * 7_919) % 700));
  return lengths.map((length, n) => String.fromCharCode(97 + (n % 26)).repeat(length - 1) + 'é');
}

async function received(secure: Certificates | null): Promise<void> {
  const http =
    secure === null ? createServer() : createSecureServer({ cert: secure.good.cert, key: secure.good.key });
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  const sent = texts();
  server.on('connection', (socket) => {
    for (const [n, text] of sent.entries()) {
      if (n % 100 === 7) socket.ping(`ping ${n}`);
      if (n % 50 !== 9) socket.send(text);
      else {
        socket.send(text.slice(0, text.length >> 1), { fin: false });
        socket.send(text.slice(text.length >> 1), { fin: true });
      }
    }
    socket.close(1001, 'all of it');
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const came: string[] = [];
  let pings = 0;
  const end = await new Promise<[number, string]>((resolve) => {
    createWsSocket(
      {
        url: `${secure === null ? 'ws' : 'wss'}://127.0.0.1:${port}/`,
        headers: {},
        handshakeTimeoutMs: 10_000,
        maxPayloadBytes: 16 * 1024 * 1024,
      },
      {
        open: () => undefined,
        message: (bytes, start = 0, stop = bytes.length) =>
          void came.push(digest(bytes.subarray(start, stop))),
        ping: () => void pings++,
        pong: () => undefined,
        refused: () => undefined,
        close: (code, reason) => void resolve([code, reason]),
      },
    );
  });
  server.close();
  http.close();
  expect(end).toEqual([1001, 'all of it']);
  expect(pings).toBe(sent.filter((_, n) => n % 100 === 7).length);
  expect(came).toEqual(sent.map((text) => digest(Buffer.from(text))));
}

describe('messages, pieces of messages, pings and the goodbye', () => {
  it('arrive whole and in their order', () => received(null));

  describe.skipIf(findProgram('openssl') === null)('by TLS', () => {
    let certificates: Certificates;
    let before: string[];

    beforeAll(() => {
      certificates = makeCertificates();
      before = getCACertificates('default');
      setDefaultCACertificates([...before, certificates.authority]);
    });
    afterAll(() => setDefaultCACertificates(before));

    it('likewise', () => received(certificates));
  });
});
