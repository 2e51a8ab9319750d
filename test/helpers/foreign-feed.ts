/**
 * A real server that speaks another dialect than the default: the key after a scheme word, one market a
 * message by venue and pair, other type and field names, and candles told by their end.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export interface ForeignMarket {
  readonly id: string;
  readonly venue: string;
  readonly pair: string;
}

export const FOREIGN_KEY = 'foreign-key';

/** Ids out of which nothing could be read. */
export const FOREIGN_MARKETS: readonly ForeignMarket[] = [
  { id: '#17', venue: 'kraken', pair: 'eth-btc' },
  { id: '#18', venue: 'okx', pair: 'eth-btc' },
];

/** The document in which it is understood, but for its addresses. */
export const FOREIGN_DIALECT = {
  quipuDialect: 1,
  name: 'Foreign',
  header: { name: 'X-Access', prefix: 'Bearer ' },
  subscribe: { type: 'sub', payload: { exchange: '{venue}', instrument: '{pair}' } },
  unsubscribe: { type: 'unsub' },
  batched: false,
  granularityField: 'interval',
  types: { tick: 'trade', bar: 'candle', ok: 'ack', no: 'error' },
  candleTime: 'end',
  ackTime: 2_000,
};

interface Asked {
  readonly path: string;
  readonly message: { readonly traceId: string; readonly type: string; readonly payload: ForeignRequest };
}

interface ForeignRequest {
  readonly exchange: string;
  readonly instrument: string;
  readonly interval?: string;
}

export interface ForeignFeed {
  readonly addresses: { readonly trades: string; readonly candles: string; readonly dictionary: string };
  /** Every request as it came. */
  readonly asked: Asked[];
  /** Handshakes that were refused for their key. */
  readonly refused: () => number;
  /** Sends to every subscriber of the market; times in ms. */
  tick(market: ForeignMarket, id: string, at: number, price: string, size: string): void;
  bar(market: ForeignMarket, end: number, close: string): void;
  close(): Promise<void>;
}

export async function startForeignFeed(): Promise<ForeignFeed> {
  const asked: Asked[] = [];
  const subscribers = new Map<string, Set<WebSocket>>();
  let refused = 0;
  const server = createServer((request, response) => {
    const content = FOREIGN_MARKETS.map(({ id, venue, pair }) => {
      const [symbol, base] = pair.split('-');
      return {
        market: { id, marketVenue: venue, pairId: pair, pair: { id: pair, symbol, base } },
        active: true,
      };
    });
    const isDictionary = request.url?.startsWith('/dictionary/markets') === true;
    response.writeHead(isDictionary ? 200 : 404, { 'content-type': 'application/json' });
    const page = { content, size: 5_000, totalPages: 1, totalElements: content.length, page: 0 };
    response.end(
      JSON.stringify(isDictionary ? { ...page, numberOfElements: content.length, hasNext: false } : {}),
    );
  });
  const accepting = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    if (request.headers['x-access'] !== `Bearer ${FOREIGN_KEY}`) {
      refused++;
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    accepting.handleUpgrade(request, socket, head, (client) => serve(client, request));
  });

  function serve(client: WebSocket, { url = '' }: IncomingMessage): void {
    client.on('error', () => undefined);
    client.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Asked['message'];
      asked.push({ path: url, message });
      const { exchange, instrument, interval = '' } = message.payload;
      const isKnown = FOREIGN_MARKETS.some(({ venue, pair }) => venue === exchange && pair === instrument);
      const answer = { traceId: message.traceId, payload: { exchange, pair: instrument, interval } };
      client.send(JSON.stringify({ type: isKnown ? 'ok' : 'no', ...answer }));
      const topic = [url, exchange, instrument].join(' ');
      const listening = subscribers.get(topic) ?? new Set();
      subscribers.set(topic, listening);
      if (message.type === 'sub' && isKnown) listening.add(client);
      else listening.delete(client);
    });
  }

  function send(path: string, { venue, pair }: ForeignMarket, message: unknown): void {
    for (const client of subscribers.get([path, venue, pair].join(' ')) ?? [])
      client.send(JSON.stringify(message));
  }

  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    addresses: {
      trades: `ws://127.0.0.1:${port}/stream/t`,
      candles: `ws://127.0.0.1:${port}/stream/c`,
      dictionary: `http://127.0.0.1:${port}/dictionary`,
    },
    asked,
    refused: () => refused,
    tick(market, id, at, price, size) {
      send('/stream/t', market, foreignTick(market, id, iso(at), price, size));
    },
    bar(market, end, close) {
      const { venue: exchange, pair } = market;
      const prices = { open: close, high: close, low: close, close, vwap: close };
      send('/stream/c', market, {
        type: 'bar',
        payload: {
          exchange,
          pair,
          interval: '1m',
          time: iso(end),
          ...prices,
          volume: '3',
          count: 1,
          closed: true,
        },
      });
    },
    async close() {
      for (const client of accepting.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** A trade as it is sent. */
export function foreignTick(
  { venue, pair }: ForeignMarket,
  id: string,
  time: string,
  price: string,
  qty: string,
): unknown {
  return {
    type: 'tick',
    payload: { exchange: venue, pair, trade_id: id, time, price, qty, taker_side: 'SELL' },
  };
}
