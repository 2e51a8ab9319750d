/** What the tests of the demo feed share: a client on a real socket, and a clock turned by hand. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';
import type { Clock } from '../../main/core/ports.ts';
import type { DemoFeed, DemoFeedOptions } from '../../main/demo/feed.ts';
import { startDemoFeed } from '../../main/demo/feed.ts';

export const KEY = 'test-key';

const DATA = process.env['QUIPU_TEST_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
export const TRADES_FILE = join(DATA, 'xrp-eth-2019-10-11.trades.csv');
export const CANDLES_FILE = join(DATA, 'xrp-eth-2019-10-11.candles-1m.csv');
export const HAS_DATA = existsSync(TRADES_FILE) && existsSync(CANDLES_FILE);

/** Time passes only by `advance`, and every timer fires at its own time on the way. */
export class HandClock implements Clock {
  #monotonic = 1_000;
  #wall: number;
  readonly #timers = new Set<{ due: number; every: number | null; run: () => void }>();

  constructor(wallMs: number) {
    this.#wall = wallMs;
  }

  now(): number {
    return Math.round(this.#wall * 1_000);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, run: () => void): { cancel(): void } {
    return this.#add({ due: this.#monotonic + ms, every: null, run });
  }

  every(ms: number, run: () => void): { cancel(): void } {
    return this.#add({ due: this.#monotonic + ms, every: ms, run });
  }

  /** Time passes, but no timer fires: as when the thread was held up. */
  stall(ms: number): void {
    this.#monotonic += ms;
    this.#wall += ms;
  }

  /** The wall clock alone is set forward, as after a sleep. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (;;) {
      let next: { due: number; every: number | null; run: () => void } | null = null;
      for (const timer of this.#timers) if (next === null || timer.due < next.due) next = timer;
      if (next === null || next.due > end) break;
      next.due = Math.max(next.due, this.#monotonic);
      this.#wall += next.due - this.#monotonic;
      this.#monotonic = next.due;
      if (next.every === null) this.#timers.delete(next);
      else next.due += next.every;
      next.run();
    }
    this.#wall += end - this.#monotonic;
    this.#monotonic = end;
  }

  #add(timer: { due: number; every: number | null; run: () => void }): { cancel(): void } {
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
}

/**
 * Options for a test; each may be overridden. No pings: a clock turned by hand leaves no time to
 * answer them.
 */
export function feedOptions(options: Partial<DemoFeedOptions> = {}): DemoFeedOptions {
  return { port: 0, seed: 1, rate: 100, key: KEY, pingIntervalMs: Infinity, ...options };
}

export function startFeed(options: Partial<DemoFeedOptions> = {}): Promise<DemoFeed> {
  return startDemoFeed(feedOptions(options));
}

export interface Frame {
  readonly traceId?: string;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** A client that keeps every frame as it came. */
export class Client {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  pings = 0;
  closed: { code: number; reason: string } | null = null;
  #traces = 0;
  #wake: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => {
      this.texts.push(data.toString('utf8'));
      this.#woken();
    });
    socket.on('ping', () => {
      this.pings++;
      this.#woken();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString('utf8') };
      this.#woken();
    });
    socket.on('error', () => this.#woken());
  }

  get frames(): Frame[] {
    return this.texts.map((text) => JSON.parse(text) as Frame);
  }

  /** Frames of data, without the answers. */
  get data(): string[] {
    return this.texts.filter((text) => /^\{"type":"trade/.test(text));
  }

  /** Resolves once `reached` is true; it is asked again whenever something came. */
  async until(reached: () => boolean): Promise<void> {
    while (!reached()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** Sends a request and gives its answer. */
  async ask(type: string, payload: unknown): Promise<Frame> {
    const traceId = `t${++this.#traces}-${Math.random()}`;
    this.socket.send(JSON.stringify({ traceId, type, payload }));
    let answer: Frame | undefined;
    await this.until(() => (answer = this.frames.find((frame) => frame.traceId === traceId)) !== undefined);
    if (answer === undefined) throw new Error('unreachable');
    return answer;
  }

  /** Sends anything and gives the next frame that is an error. */
  async provoke(message: string | Buffer): Promise<Frame> {
    const before = this.texts.length;
    this.socket.send(message);
    let answer: Frame | undefined;
    await this.until(
      () => (answer = this.frames.slice(before).find((frame) => frame.type === 'error')) !== undefined,
    );
    if (answer === undefined) throw new Error('unreachable');
    return answer;
  }

  /** Ends without waiting for the server. */
  cut(): void {
    this.socket.terminate();
  }

  #woken(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

export function connect(url: string, options: ClientOptions = {}): Promise<Client> {
  const socket = new WebSocket(url, { headers: { Authorization: KEY }, ...options });
  const client = new Client(socket);
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(client));
    socket.once('error', reject);
  });
}

export interface Refused {
  readonly status: number;
  readonly words: string | undefined;
  readonly retryAfter: string | undefined;
}

/** How a handshake that is not accepted is answered. */
export function refusedBy(url: string, headers: Record<string, string>): Promise<Refused> {
  const socket = new WebSocket(url, { headers });
  return new Promise((resolve, reject) => {
    socket.on('error', () => undefined);
    socket.once('open', () => {
      socket.terminate();
      reject(new Error('the handshake was accepted'));
    });
    socket.once('unexpected-response', (request, response) => {
      const { 'x-inca-error-message': words, 'retry-after': retryAfter } = response.headers;
      resolve({
        status: response.statusCode ?? 0,
        words: typeof words === 'string' ? words : undefined,
        retryAfter,
      });
      request.destroy();
    });
  });
}

/** Until a condition that no socket of the test reports. */
export async function eventually(reached: () => boolean): Promise<void> {
  while (!reached()) await new Promise((resolve) => setTimeout(resolve, 5));
}
