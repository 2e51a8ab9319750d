/** Markets for the tests of the dictionary: as a generator, and as a real server lists them. */
import fc from 'fast-check';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MarketInfo } from '../../../main/core/contract.ts';

/** Few letters, so that words are found in many places, and all that a market may lack. */
const name = fc.string({ unit: fc.constantFrom('b', 't', 'c', 'B', '-', '/', 'é', '1'), maxLength: 4 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });

export const marketLists: fc.Arbitrary<MarketInfo[]> = fc.uniqueArray(
  fc.record({
    id: fc.string({ unit: fc.constantFrom('b', 't', 'C', '-', 'x'), minLength: 1, maxLength: 8 }),
    venue: fc.constantFrom('', 'bin', 'Okx', 'kraken', 'b t'),
    symbol: name,
    base: name,
    assetType: maybe(fc.constantFrom('spot', 'perp', '')),
    active: fc.boolean(),
    volume1h: maybe(fc.constantFrom('0', '1.5', '10', '9', '1e3')),
    price: maybe(fc.constant('1')),
    trades1h: maybe(fc.nat({ max: 3 })),
    lastSeen: maybe(fc.nat({ max: 3 })),
  }),
  { selector: ({ id }) => id, maxLength: 40 },
);

/** One market as the server lists it. */
export function item(id: string, more: Readonly<Record<string, unknown>> = {}): object {
  return {
    market: {
      id,
      marketVenue: 'binance',
      pairId: `${id}-pair`,
      pair: { id: `${id}-pair`, assetType: 'spot', symbol: id, base: 'usdt' },
    },
    active: true,
    ...more,
  };
}

/** The page that a request asks for, out of `all`. */
export function pageOf(all: readonly object[], request: IncomingMessage): object {
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
  const page = Number(query.get('page'));
  const size = Number(query.get('size'));
  const content = all.slice(page * size, (page + 1) * size);
  const totalPages = Math.ceil(all.length / size);
  return {
    ...{ content, size, totalPages, totalElements: all.length, numberOfElements: content.length, page },
    hasNext: page + 1 < totalPages,
  };
}

export type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

export interface TestServer {
  readonly address: string;
  /** Pages that were asked for, in order. */
  readonly asked: number[];
  /** How requests are answered from now on; `count` counts them from 0. */
  answer(by: Answer): void;
  close(): Promise<void>;
}

export function json(response: ServerResponse, value: unknown): void {
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value));
}

/** A real HTTP server on loopback. */
export async function dictionaryServer(answer: Answer): Promise<TestServer> {
  let by = answer;
  let count = 0;
  const asked: number[] = [];
  const server = createServer((request, response) => {
    asked.push(Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('page')));
    by(request, response, count++);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    asked,
    answer(next) {
      by = next;
      count = 0;
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
