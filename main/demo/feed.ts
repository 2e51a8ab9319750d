/** A local server that speaks the API: both WebSocket endpoints and the REST dictionaries. */
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { Endpoint } from '../core/contract.ts';
import { ENDPOINTS } from '../core/contract.ts';
import type { Clock, FeedAddresses } from '../core/ports.ts';
import { QuipuError } from '../core/result.ts';
import type { ChannelCounts, Connection } from './channel.ts';
import { systemClock } from '../core/system-clock.ts';
import { answerDictionary, DICTIONARY_PATH, type MarketFacts } from './dictionary.ts';
import { MARKETS } from './catalogue.ts';
import type { DemoFault } from './handshake.ts';
import { authorize, refuse, wordsOf } from './handshake.ts';
import type { DemoTrade } from './market-feed.ts';
import { listedMarkets } from './listing.ts';
import { errorMessage, MAX_REQUEST_BYTES, parseRequest, successMessage } from './requests.ts';
import { Stage } from './stage.ts';
import { checkedOptions } from './options.ts';

export type { ChannelCounts } from './channel.ts';
export type { DemoFault } from './handshake.ts';
export type { DemoTrade } from './market-feed.ts';

export interface DemoFeedOptions {
  /** 0: any free one. On 127.0.0.1 only. */
  readonly port: number;
  /** Any safe integer. The same seed, rate and playback give the same trades, but for their times. */
  readonly seed: number;
  /** Trades a second over all synthetic markets, 0.1 to 100,000. */
  readonly rate: number;
  /** What `Authorization` must hold. */
  readonly key: string;
  /** A market that plays a CSV of real trades (id,timestamp_ms,side,price,size) instead. */
  readonly playback?: { readonly file: string; readonly market: string; readonly speed: number };
  /** Time from the first subscription of the played market's trades to its first trade; 1,500 ms. */
  readonly playbackDelayMs?: number;
  /**
   * Added to the ids of all synthetic trades (0). A feed that is started again with the same seed
   * repeats its ids, which a client rightly takes for repeated trades: give another number then.
   */
  readonly idOffset?: number;
  /** Markets in the dictionary (those of the catalogue alone), up to 100,000; those beyond the catalogue never trade. */
  readonly dictionarySize?: number;
  /** Time between pings (20,000 ms), and how long a pong may take (10,000 ms). */
  readonly pingIntervalMs?: number;
  readonly pongTimeoutMs?: number;
  readonly fault?: DemoFault;
  /** Is told of every trade, wanted by a client or not, in order. */
  readonly onTrade?: (trade: DemoTrade) => void;
  readonly clock?: Clock;
}

export interface DemoFeed {
  readonly port: number;
  readonly addresses: FeedAddresses;
  readonly key: string;
  /** Connections that are open now. */
  readonly connections: Readonly<Record<Endpoint, number>>;
  readonly counts: Readonly<Record<Endpoint, ChannelCounts>>;
  /** Different trades of a market that the key was to be sent since it first subscribed. */
  tradesPublished(market: string): number;
  /** The playback has come to its end (true also when there is none). */
  readonly playbackEnded: boolean;
  /** What handshakes meet from now on; null: nothing unusual. */
  setFault(fault: DemoFault | null): void;
  /** Cuts every connection without a closing handshake, or closes it with a code. */
  dropConnections(code?: number, reason?: string): void;
  /** No more trades until `resume`; connections live on, and the sequence goes on where it stopped. */
  pause(): void;
  resume(): void;
  /** Cuts every connection and frees the port. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const TICK_MS = 20;
const DEFAULT_PING_INTERVAL_MS = 20_000;
const DEFAULT_PONG_TIMEOUT_MS = 10_000;
const DEFAULT_PLAYBACK_DELAY_MS = 1_500;
const PATHS: Readonly<Record<Endpoint, string>> = { trades: '/ws/trades', candles: '/ws/trade-metrics' };

/**
 * Starts it and its markets.
 *
 * @throws {QuipuError} `bad-argument` for an option out of its range or a file of trades that is
 *   none, `not-found` for one that cannot be read, `busy` when the port is taken
 */
export async function startDemoFeed(options: DemoFeedOptions): Promise<DemoFeed> {
  const tape = await checkedOptions(options);
  const clock = options.clock ?? systemClock;
  const pingInterval = options.pingIntervalMs ?? DEFAULT_PING_INTERVAL_MS;
  const pongTimeout = options.pongTimeoutMs ?? DEFAULT_PONG_TIMEOUT_MS;
  const stage = new Stage({
    seed: options.seed,
    rate: options.rate,
    idOffset: options.idOffset ?? 0,
    playback:
      options.playback === undefined || tape === null
        ? null
        : {
            tape,
            market: options.playback.market,
            speed: options.playback.speed,
            delayMs: options.playbackDelayMs ?? DEFAULT_PLAYBACK_DELAY_MS,
          },
    listed: listedFor(options, Math.floor(clock.now() / 1_000)),
    onTrade: options.onTrade ?? null,
    clock,
  });

  let fault = options.fault ?? null;
  let faultsMet = 0;
  /** Every TCP connection, so that the end of the feed does not wait for idle ones. */
  const peers = new Set<Duplex>();

  const http = createServer((request, response) => {
    answerDictionary(request, response, stage.facts);
  });
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: MAX_REQUEST_BYTES,
  });

  // As most servers do, though RFC 9110, 6.6.1, does not ask for it in an answer 101.
  sockets.on('headers', (headers) => {
    headers.push(`Date: ${new Date(clock.now() / 1000).toUTCString()}`);
  });
  http.on('connection', (peer) => {
    peers.add(peer);
    peer.on('close', () => peers.delete(peer));
  });
  http.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // A peer that is gone is reported by `close`; its error needs no further answer.
    stream.on('error', () => stream.destroy());
    const path = (request.url ?? '').split('?')[0];
    const endpoint = ENDPOINTS.find((name) => PATHS[name] === path);
    if (endpoint === undefined) {
      refuse(stream, { status: 404, words: wordsOf(404) });
      return;
    }
    const met = meetFault(endpoint);
    if (met !== null) {
      if (met.status === undefined) return;
      const retryAfter = met.retryAfter === undefined ? {} : { retryAfter: met.retryAfter };
      const words =
        typeof met.words === 'function' ? met.words(request.headers.authorization ?? '') : met.words;
      refuse(stream, { status: met.status, words: words ?? wordsOf(met.status), ...retryAfter });
      return;
    }
    const refusal = authorize(request.headers.authorization, options.key);
    if (refusal !== null) {
      refuse(stream, refusal);
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => accept(endpoint, socket, stream));
  });

  function meetFault(endpoint: Endpoint): DemoFault | null {
    if (fault === null || (fault.endpoint !== undefined && fault.endpoint !== endpoint)) return null;
    if (fault.times !== undefined && faultsMet >= fault.times) return null;
    faultsMet++;
    return fault;
  }

  function accept(endpoint: Endpoint, socket: WebSocket, stream: Duplex): void {
    const channel = stage.channels[endpoint];
    // ws closes with the right code (too big, not UTF-8, broken frame) before it reports the error.
    socket.on('error', () => undefined);
    const connection = channel.open(socket, stream, clock.monotonic());
    socket.on('close', () => channel.closed(connection));
    socket.on('pong', () => {
      connection.awaitingPong = false;
    });
    socket.on('message', (data, isBinary) => answer(endpoint, connection, data, isBinary));
  }

  function answer(endpoint: Endpoint, connection: Connection, data: RawData, isBinary: boolean): void {
    const { socket } = connection;
    if (isBinary) {
      socket.send(errorMessage(null, 'the message is not text'));
      return;
    }
    const request = parseRequest(textOf(data), endpoint, (market, granularity) =>
      stage.slotOf(endpoint, market, granularity),
    );
    if (!request.ok) {
      socket.send(errorMessage(request.traceId, request.message));
      return;
    }
    socket.send(successMessage(request.traceId, request.markets));
    if (request.action === 'subscribe') stage.subscribe(endpoint, connection, request.slots);
    else stage.channels[endpoint].unsubscribe(connection, request.slots);
  }

  function checkPings(now: number): void {
    for (const endpoint of ENDPOINTS) {
      for (const connection of stage.channels[endpoint].connections) {
        const waited = now - connection.pingedAt;
        if (connection.awaitingPong) {
          if (waited >= pongTimeout) connection.socket.terminate();
        } else if (waited >= pingInterval && connection.socket.readyState === connection.socket.OPEN) {
          connection.awaitingPong = true;
          connection.pingedAt = now;
          connection.socket.ping();
        }
      }
    }
  }

  function dropConnections(code?: number, reason?: string): void {
    for (const endpoint of ENDPOINTS) {
      for (const { socket } of stage.channels[endpoint].connections) {
        if (code === undefined) socket.terminate();
        else socket.close(code, reason);
      }
    }
  }

  const port = await listen(http, options.port);
  stage.begin();
  const ticking = clock.every(TICK_MS, () => {
    stage.tick();
    checkPings(clock.monotonic());
  });
  let closing: Promise<void> | null = null;

  return {
    port,
    addresses: {
      trades: `ws://${HOST}:${port}${PATHS.trades}`,
      candles: `ws://${HOST}:${port}${PATHS.candles}`,
      dictionary: `http://${HOST}:${port}${DICTIONARY_PATH}`,
    },
    key: options.key,
    get connections() {
      return {
        trades: stage.channels.trades.connections.size,
        candles: stage.channels.candles.connections.size,
      };
    },
    get counts() {
      return { trades: stage.channels.trades.counts, candles: stage.channels.candles.counts };
    },
    tradesPublished: (market) => stage.tradesPublished(market),
    get playbackEnded() {
      return stage.playbackEnded;
    },
    setFault(next) {
      fault = next;
      faultsMet = 0;
    },
    dropConnections,
    pause: () => stage.pause(),
    resume: () => stage.resume(),
    close() {
      closing ??= new Promise((resolve) => {
        ticking.cancel();
        http.close(() => resolve());
        sockets.close();
        for (const peer of peers) peer.destroy();
      });
      return closing;
    },
  };
}

function listedFor({ dictionarySize, seed }: DemoFeedOptions, now: number): readonly MarketFacts[] {
  const more = (dictionarySize ?? 0) - MARKETS.length;
  return more > 0 ? listedMarkets(more, seed, now) : [];
}

function listen(http: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new QuipuError(
          'busy',
          `The demo feed cannot listen on port ${port}: ${error.message}`,
          error.code === 'EADDRINUSE'
            ? 'Choose another port, or 0 for any free one.'
            : 'Choose another port.',
        ),
      );
    });
    http.listen(port, HOST, () => {
      const address = http.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return data instanceof ArrayBuffer ? Buffer.from(data).toString('utf8') : data.toString('utf8');
}
