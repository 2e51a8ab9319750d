/** Over a real loopback socket, one trade a frame; the server has a process of its own. */
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import WebSocket from 'ws';
import { createDecoder } from '../../../main/core/protocol/decode.ts';
import { DEFAULT_DIALECT } from '../../../main/core/protocol/dialect.ts';
import { createWsSocket } from '../../../main/core/session/ws-socket.ts';
import { startFeedServer } from '../feed-server.ts';
import { type Contender, type Form, type Row, type Sample } from '../harness.ts';
import { loadSimdjson } from '../simdjson.ts';
import { Meter } from '../stopwatch.ts';

/** Mean bytes of a frame with its header, by which raw bytes are counted as frames. */
const FRAME_BYTES = 223;

/** Runs `receive` against a server until it has had its fill. */
export function overSocket(receive: (url: string, meter: Meter) => void): Contender {
  return async ({ full }: Form) => {
    const server = await startFeedServer();
    const sample = await new Promise<Sample>((done) => {
      receive(server.url, new Meter(200_000, full ? 2_000_000 : 300_000, done));
    });
    server.stop();
    return sample;
  };
}

export function byWs(meter: Meter, url: string, each: (data: Buffer) => void): void {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on('message', (data: Buffer) => {
    each(data);
    if (!meter.add(1)) socket.terminate();
  });
}

const ignore = (): undefined => undefined;
const never = (): boolean => false;

const RAW = 'raw socket bytes';
const UNPARSED = 'ws without parsing';

export const receive: Row = {
  name: 'receive',
  stage: 'receive + decode + validate, one trade a frame',
  unit: 'trade',
  contenders: {
    [RAW]: overSocket((url, meter) => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname, () => {
        const key = randomBytes(16).toString('base64');
        socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
      });
      socket.on('data', ({ length }) => {
        if (!meter.add(length / FRAME_BYTES)) socket.destroy();
      });
    }),
    [UNPARSED]: overSocket((url, meter) => byWs(meter, url, ignore)),
    'ws + JSON.parse': overSocket((url, meter) =>
      byWs(meter, url, (data) => JSON.parse(data.toString('utf8')) as unknown),
    ),
    'ws + simdjson': async (form) => {
      const { parse } = loadSimdjson();
      const run = overSocket((url, meter) => byWs(meter, url, (data) => parse(data.toString('utf8'))));
      return run(form);
    },
    ours: overSocket((url, meter) => {
      const decoder = createDecoder(DEFAULT_DIALECT);
      let trades = 0;
      const sink = {
        trade: () => void trades++,
        candle: ignore,
        answer: ignore,
        unknown: ignore,
        refused: () => {
          throw new Error('a frame was refused');
        },
      };
      const socket = createWsSocket(
        { url, headers: {}, handshakeTimeoutMs: 10_000, maxPayloadBytes: 16 * 1024 * 1024 },
        {
          open: ignore,
          message: (bytes, start, end) => {
            const before = trades;
            decoder.decode(bytes, never, sink, start, end);
            if (!meter.add(trades - before)) socket.terminate();
          },
          ping: ignore,
          pong: ignore,
          refused: ignore,
          close: ignore,
        },
      );
    }),
  },
  limits: [RAW, UNPARSED],
  against: 'ws + JSON.parse',
  must: 1.5,
  shall: 2.2,
};
