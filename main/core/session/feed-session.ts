/**
 * One authenticated socket to one endpoint: connects, stays, comes back, and keeps the desired
 * subscriptions. What it receives goes to its listener decoded; what it is, to `link`.
 */
import type { Endpoint, Granularity, LinkPhase, LinkProblem, LinkState, Subscription } from '../contract.ts';
import {
  type Answer,
  createDecoder,
  type DecodedCandle,
  type DecodedTrade,
  type Decoder,
  type Refusal,
} from '../protocol/decode.ts';
import { type Dialect, subscribeMessage } from '../protocol/dialect.ts';
import type { Clock, Logger, Socket, SocketEvents, SocketFactory, Timer } from '../ports.ts';
import { backoff } from './backoff.ts';
import { Health } from './health.ts';
import {
  endsAttempts,
  NO_KEY,
  problemOfClose,
  problemOfError,
  problemOfSilence,
  problemOfStatus,
  retryAfter,
} from './problem.ts';

/** faults.md, row 19. */
const HANDSHAKE_LIMIT_MS = 10_000;
/** faults.md, row 31. A frame of 10,000 trades takes some 2 MB. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** A ping of our own goes out this often: ws alone never notices a frozen or half-open peer. */
const PING_MS = 4_000;
/** Silence after which the link is shown as stale, then given up; within the 15 s of faults.md, row 17. */
const STALE_MS = 9_000;
const GIVE_UP_MS = 13_000;
const ACKNOWLEDGE_MS = 10_000;
/** Market ids in one subscribe message. */
const IDS_PER_MESSAGE = 100;

export interface FeedSessionListener {
  /** The socket is open and the subscriptions are sent; redelivery may follow. */
  connected(): void;
  /** @param silence milliseconds since the last sign of life on the connection that ended */
  disconnected(problem: LinkProblem, silence: number): void;
  trade(trade: DecodedTrade): void;
  candle(candle: DecodedCandle): void;
  refused(refusal: Refusal): void;
  subscription(market: string, state: Subscription, words: string | null): void;
  /** The link's phase or problem changed. */
  changed(link: LinkState): void;
}

export interface FeedSessionOptions {
  readonly endpoint: Endpoint;
  readonly url: string;
  readonly key: string | null;
  readonly dialect: Dialect;
  readonly granularities: readonly Granularity[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sockets: SocketFactory;
  /** In [0, 1). */
  readonly random: () => number;
  readonly listener: FeedSessionListener;
}

interface Pending {
  readonly action: 'subscribe' | 'unsubscribe';
  readonly markets: readonly string[];
  readonly granularity: Granularity | null;
  readonly deadline: number;
}

export class FeedSession {
  readonly #options: FeedSessionOptions;
  readonly #decoder: Decoder;
  readonly #health: Health;
  readonly #desired = new Set<string>();
  readonly #unconfirmed = new Set<string>();
  readonly #pending = new Map<string, Pending>();
  readonly #isPending = (traceId: string): boolean => this.#pending.has(traceId);
  #socket: Socket | null = null;
  /** Counts sockets, so that a late event of a former one is told apart and ignored. */
  #generation = 0;
  #phase: LinkPhase = 'idle';
  #since = 0;
  #problem: LinkProblem | null = null;
  #retryAt: number | null = null;
  #attempt = 0;
  #connections = 0;
  /** Wall clock of the last opening, microseconds. */
  #openedAt = 0;
  #heardAt = 0;
  #pingedAt = 0;
  #tracePrefix = '';
  #traceCount = 0;
  #retry: Timer | null = null;
  #watch: Timer | null = null;

  constructor(options: FeedSessionOptions) {
    this.#options = options;
    this.#decoder = createDecoder(options.dialect);
    this.#health = new Health(options.clock);
    this.#since = this.#wallMs();
  }

  get state(): LinkState {
    return {
      endpoint: this.#options.endpoint,
      url: this.#options.url,
      phase: this.#phase,
      since: this.#since,
      problem: this.#problem,
      retryAt: this.#retryAt,
      attempt: this.#attempt,
      connections: this.#connections,
      ...this.#health.read(),
    };
  }

  start(): void {
    this.#watch ??= this.#options.clock.every(1_000, () => this.#check());
    if (this.#options.key === null) {
      this.#problem = NO_KEY;
      this.#enter('refused');
    } else {
      this.#connect();
    }
  }

  /** Tries now instead of at `retryAt`; also after a refusal. Nothing when connected or stopped. */
  retry(): void {
    if (this.#phase !== 'waiting' && this.#phase !== 'refused') return;
    if (this.#options.key !== null) this.#connect();
  }

  /** Ends for good: the last messages that arrived were handed on before. */
  stop(): void {
    if (this.#phase === 'stale' && this.#problem !== null) {
      // Whether anything was sent since the last sign of life will never be known.
      this.#options.listener.disconnected(this.#problem, this.#options.clock.monotonic() - this.#heardAt);
    }
    this.#generation++;
    this.#retry?.cancel();
    this.#watch?.cancel();
    this.#watch = null;
    // Nothing that arrives from now on could be recorded, so no closing handshake is waited for.
    this.#socket?.close(1000, 'stopped');
    this.#socket?.terminate();
    this.#socket = null;
    this.#retryAt = null;
    this.#enter('stopped');
  }

  /** Replaces the markets subscribed to; kept across reconnects. */
  setMarkets(markets: readonly string[]): void {
    const wanted = new Set(markets);
    const added = markets.filter((market) => !this.#desired.has(market));
    const removed = [...this.#desired].filter((market) => !wanted.has(market));
    for (const market of added) {
      this.#desired.add(market);
      this.#options.listener.subscription(market, this.#open() ? 'requested' : 'off', null);
    }
    for (const market of removed) {
      this.#desired.delete(market);
      this.#unconfirmed.delete(market);
      this.#options.listener.subscription(market, 'off', null);
    }
    if (!this.#open()) return;
    this.#request('subscribe', added);
    this.#request('unsubscribe', removed);
  }

  #open(): boolean {
    return this.#phase === 'live' || this.#phase === 'stale';
  }

  #wallMs(): number {
    return Math.floor(this.#options.clock.now() / 1000);
  }

  #enter(phase: LinkPhase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#since = this.#wallMs();
    this.#options.listener.changed(this.state);
  }

  #connect(): void {
    const { clock, dialect, key, sockets, url } = this.#options;
    this.#retry?.cancel();
    this.#retry = null;
    this.#retryAt = null;
    const generation = ++this.#generation;
    this.#heardAt = clock.monotonic();
    this.#enter('connecting');
    let refusal: { problem: LinkProblem; wait: number | null } | null = null;
    const current = (): boolean => generation === this.#generation;
    const events: SocketEvents = {
      open: () => {
        if (current()) this.#opened();
      },
      message: (bytes) => {
        if (current()) this.#received(bytes);
      },
      ping: () => {
        if (current()) this.#heard();
      },
      pong: () => {
        if (!current()) return;
        this.#heard();
        this.#health.roundTrip(clock.monotonic() - this.#pingedAt);
      },
      refused: (status, headers) => {
        refusal = { problem: problemOfStatus(status, headers), wait: retryAfter(headers, this.#wallMs()) };
      },
      close: (code, reason, error) => {
        if (!current()) return;
        const problem =
          refusal?.problem ??
          (error === null || this.#open() ? problemOfClose(code, reason) : problemOfError(error));
        this.#ended(problem, refusal?.wait ?? null);
      },
    };
    this.#socket = sockets(
      {
        url,
        headers: { [dialect.header.name]: `${dialect.header.prefix}${key ?? ''}` },
        handshakeTimeoutMs: HANDSHAKE_LIMIT_MS,
        maxPayloadBytes: MAX_FRAME_BYTES,
      },
      events,
    );
  }

  #opened(): void {
    const { clock, listener } = this.#options;
    this.#connections++;
    this.#openedAt = clock.now();
    this.#problem = null;
    this.#heardAt = clock.monotonic();
    this.#pingedAt = 0;
    this.#pending.clear();
    this.#unconfirmed.clear();
    // Unique across connections: a redelivered answer to an older request must match nothing.
    this.#tracePrefix = Math.floor(this.#options.random() * 2 ** 48).toString(36);
    this.#traceCount = 0;
    this.#enter('live');
    listener.connected();
    this.#request('subscribe', [...this.#desired]);
  }

  #heard(): void {
    this.#heardAt = this.#options.clock.monotonic();
    if (this.#phase === 'stale') {
      this.#problem = null;
      this.#enter('live');
    }
  }

  #received(bytes: Uint8Array): void {
    this.#heard();
    this.#health.frame(bytes.length);
    this.#decoder.decode(bytes, this.#isPending, this.#sink);
  }

  readonly #sink = {
    trade: (trade: DecodedTrade): void => {
      this.#good(trade.market);
      // What is redelivered is late by nature and says nothing of the link.
      if (trade.exchangeTime >= this.#openedAt) this.#health.lag(trade.exchangeTime);
      this.#options.listener.trade(trade);
    },
    candle: (candle: DecodedCandle): void => {
      this.#good(candle.market);
      this.#options.listener.candle(candle);
    },
    answer: (answer: Answer): void => this.#answered(answer),
    unknown: (type: string): void => {
      this.#options.logger.log('info', 'message of an unknown type', {
        endpoint: this.#options.endpoint,
        type,
      });
    },
    refused: (refusal: Refusal): void => {
      this.#health.refused();
      this.#options.listener.refused(refusal);
    },
  };

  /** A message that proves that the server serves us: only this resets the back-off. */
  #good(market: string | null): void {
    this.#attempt = 0;
    // The first data of a market confirms its subscription.
    if (market !== null && this.#unconfirmed.delete(market)) {
      this.#options.listener.subscription(market, 'confirmed', null);
    }
  }

  #request(action: 'subscribe' | 'unsubscribe', markets: readonly string[]): void {
    const { endpoint, granularities, listener } = this.#options;
    for (let at = 0; at < markets.length; at += IDS_PER_MESSAGE) {
      const group = markets.slice(at, at + IDS_PER_MESSAGE);
      for (const granularity of endpoint === 'candles' ? granularities : [null]) {
        this.#send(action, group, granularity);
      }
      if (action === 'unsubscribe') continue;
      for (const market of group) {
        this.#unconfirmed.add(market);
        listener.subscription(market, 'requested', null);
      }
    }
  }

  #send(action: Pending['action'], markets: readonly string[], granularity: Granularity | null): void {
    const { clock, dialect, endpoint } = this.#options;
    const traceId = `${this.#tracePrefix}-${++this.#traceCount}`;
    const deadline = clock.monotonic() + ACKNOWLEDGE_MS;
    this.#pending.set(traceId, { action, markets, granularity, deadline });
    this.#socket?.send(subscribeMessage(dialect, { endpoint, action, traceId, markets, granularity }));
  }

  #answered(answer: Answer): void {
    const pending = answer.traceId === null ? undefined : this.#pending.get(answer.traceId);
    if (answer.traceId !== null) this.#pending.delete(answer.traceId);
    if (answer.ok) this.#good(null);
    if (pending === undefined) {
      if (!answer.ok)
        this.#options.logger.log('warn', 'the server reports an error', { words: answer.words });
      return;
    }
    if (pending.action === 'unsubscribe') return;
    if (answer.ok) this.#confirmed(answer, pending);
    else this.#refused(answer, pending);
  }

  #confirmed(answer: Answer, { markets }: Pending): void {
    const named = markets.filter((market) => answer.markets.includes(market));
    for (const market of named.length > 0 ? named : markets) {
      this.#unconfirmed.delete(market);
      this.#options.listener.subscription(market, 'confirmed', null);
    }
  }

  /**
   * One market that the server does not know must not cost the others their subscription: those that
   * the answer names are refused, and the rest is asked for again, in halves when it names none.
   */
  #refused(answer: Answer, { markets, granularity }: Pending): void {
    const named = markets.filter((market) => answer.markets.includes(market));
    const refused = markets.length === 1 || named.length === markets.length ? markets : named;
    for (const market of refused) {
      this.#unconfirmed.delete(market);
      this.#options.listener.subscription(market, 'refused', answer.words);
    }
    const rest = markets.filter((market) => !refused.includes(market) && this.#desired.has(market));
    if (rest.length === 0) return;
    const half = refused.length > 0 ? rest.length : Math.ceil(rest.length / 2);
    for (const part of [rest.slice(0, half), rest.slice(half)]) {
      if (part.length > 0) this.#send('subscribe', part, granularity);
    }
  }

  #check(): void {
    if (!this.#open()) return;
    const now = this.#options.clock.monotonic();
    const silence = now - this.#heardAt;
    if (silence >= GIVE_UP_MS) {
      const socket = this.#socket;
      this.#ended(problemOfSilence(silence), null);
      socket?.terminate();
      return;
    }
    if (silence >= STALE_MS && this.#phase === 'live') {
      this.#problem = problemOfSilence(silence);
      this.#enter('stale');
    }
    if (now - this.#pingedAt >= PING_MS) {
      this.#pingedAt = now;
      this.#socket?.ping();
    }
    for (const [traceId, pending] of this.#pending) {
      if (pending.deadline > now) continue;
      this.#pending.delete(traceId);
      for (const market of pending.markets) {
        if (this.#unconfirmed.has(market)) this.#options.listener.subscription(market, 'unconfirmed', null);
      }
    }
  }

  #ended(problem: LinkProblem, wait: number | null): void {
    const { clock, listener, logger, random } = this.#options;
    const wasOpen = this.#open();
    this.#generation++;
    this.#socket = null;
    this.#pending.clear();
    this.#unconfirmed.clear();
    this.#problem = problem;
    logger.log('warn', problem.message, {
      endpoint: this.#options.endpoint,
      kind: problem.kind,
      words: problem.serverWords,
    });
    for (const market of this.#desired) listener.subscription(market, 'off', null);
    if (wasOpen) listener.disconnected(problem, clock.monotonic() - this.#heardAt);
    if (endsAttempts(problem)) {
      this.#enter('refused');
      return;
    }
    const ms = wait ?? backoff(this.#attempt, random());
    this.#attempt++;
    this.#retryAt = this.#wallMs() + ms;
    this.#retry = clock.after(ms, () => this.#connect());
    this.#enter('waiting');
  }
}
