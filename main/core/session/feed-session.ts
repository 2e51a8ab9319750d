/**
 * One authenticated socket to one endpoint: connects, stays, comes back, and keeps the desired
 * subscriptions. What it receives goes to its listener decoded; what it is, to `link`.
 */
import type {
  Endpoint,
  Granularity,
  LinkPhase,
  LinkProblem,
  LinkState,
  RawFrame,
  Subscription,
} from '../contract.ts';
import {
  type Answer,
  createDecoder,
  type DecodedCandle,
  type DecodedTrade,
  type Decoder,
  type MarketLookup,
  type Refusal,
} from '../protocol/decode.ts';
import { asksByNames, type Dialect, type MarketNames, subscribeMessage } from '../protocol/dialect.ts';
import type { Clock, Logger, Socket, SocketEvents, SocketFactory, Timer } from '../ports.ts';
import { clockOffset } from './clock-offset.ts';
import { Health, type LinkMeter } from './health.ts';
import {
  type Cause,
  type Effect,
  HANDSHAKE_LIMIT_MS,
  INITIAL,
  isOpen,
  type LinkEvent,
  type Machine,
  step,
} from './machine.ts';
import { type Redact, redactorOf } from '../redact.ts';
import { problemOfClose, problemOfError, problemOfStatus, retryAfter, withoutKey } from './problem.ts';
import { RawFrames } from './raw-frames.ts';
import { Subscriptions } from './subscriptions.ts';

/** faults.md, row 31. A frame of 10,000 trades takes some 2 MB. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;
const TICK_MS = 1_000;
/** Market ids in one subscribe message, unless the server finds that too long. */
const IDS_PER_MESSAGE = 100;
/** Changes of the watchlist within this time go in as few messages as one change. */
const GATHER_MS = 100;
/** A tick that is so late tells that this process was held: it slept, was stopped, or was busy. */
const LATE_MS = 500;
/**
 * What arrives so soon after this process was held may have waited in the socket: it does not prove that
 * the connection outlived that.
 */
const WAITED_MS = 4_000;
/** The server's close code for a message of ours that it finds too long. */
const TOO_LONG = 1009;

const NO_NAMES =
  'Quipu’s dictionary does not give the venue and pair of this market, by which the feed dialect asks for it.';

/** What the session tells the machine; it adds the time and the chance. */
type Told = LinkEvent extends infer E ? (E extends LinkEvent ? Omit<E, 'at' | 'random'> : never) : never;

export interface FeedSessionListener {
  /** The socket is open and the subscriptions are sent; redelivery may follow. */
  connected(): void;
  /** Each second while open. @param silence milliseconds since the last sign of life */
  alive(silence: number): void;
  /** @param silence milliseconds since the last sign of life on the connection that ended */
  disconnected(problem: LinkProblem, silence: number): void;
  trade(trade: DecodedTrade): void;
  candle(candle: DecodedCandle): void;
  refused(refusal: Refusal): void;
  subscription(market: string, state: Subscription, words: string | null): void;
  /** The link's phase or problem changed. */
  changed(link: LinkState): void;
  /** The link went from one phase to another, and why. After `changed`. */
  transition(from: LinkPhase, to: LinkPhase, cause: Cause): void;
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
  /** Finds a market that the feed names by venue and pair; without it such messages are refused. */
  readonly lookup?: MarketLookup;
  /** The other way, for a dialect that asks by venue and pair. */
  readonly names?: (market: string) => MarketNames | null;
  readonly listener: FeedSessionListener;
  readonly meter?: LinkMeter;
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
  /** Of what the server says, nothing that holds the key is kept, told or logged. */
  readonly #redact: Redact;
  readonly #health: Health;
  readonly #frames = new RawFrames();
  /** Messages that came at once are being handed over. */
  #together = false;
  readonly #subscriptions = new Subscriptions();
  /** Changes of the watchlist wait here for those that follow at once. */
  #gathering: Timer | null = null;
  /** Not asked for, since the dialect asks by names that the dictionary does not tell yet. */
  readonly #unnamed = new Set<string>();
  readonly #byNames: boolean;
  readonly #pending = new Map<string, Pending>();
  readonly #isPending = (traceId: string): boolean => this.#pending.has(traceId);
  #machine: Machine = INITIAL;
  /** Told while another event is handled; taken up after it. */
  readonly #events: LinkEvent[] = [];
  #stepping = false;
  #socket: Socket | null = null;
  /** Counts sockets, so that a late event of a former one is told apart and ignored. */
  #generation = 0;
  #since = 0;
  #connections = 0;
  /** Wall clock of the last opening, microseconds. */
  #openedAt = 0;
  #heardAt = 0;
  /** The clocks at the last tick. */
  #ticked = { monotonic: 0, wall: 0 };
  /** This process was held; `heardAt` is the last sign of life before that. */
  #held: { readonly until: number; readonly heardAt: number } | null = null;
  /** When the ping that is not answered yet went out. */
  #pingSent: number | null = null;
  #idsPerMessage = IDS_PER_MESSAGE;
  #tracePrefix = '';
  #traceCount = 0;
  #timer: Timer | null = null;
  #ticker: Timer | null = null;

  constructor(options: FeedSessionOptions) {
    this.#options = options;
    this.#redact = redactorOf(options.key);
    this.#decoder = createDecoder(options.dialect, options.lookup ?? null);
    this.#byNames = asksByNames(options.dialect);
    this.#health = new Health(options.clock, options.random, options.meter ?? null);
    this.#since = this.#wallMs();
  }

  get state(): LinkState {
    const { phase, problem, attempt, due } = this.#machine;
    return {
      endpoint: this.#options.endpoint,
      url: this.#options.url,
      phase,
      since: this.#since,
      problem,
      retryAt:
        phase === 'waiting' && due !== null
          ? this.#wallMs() + Math.round(due - this.#options.clock.monotonic())
          : null,
      attempt,
      connections: this.#connections,
      ...this.#health.read(),
    };
  }

  /** The last frames as they came, oldest first; also of connections that ended. */
  get frames(): RawFrame[] {
    return this.#frames.list().map((frame) => ({ ...frame, text: this.#redact(frame.text) }));
  }

  start(): void {
    this.#tell({ type: 'start', keyed: this.#options.key !== null });
  }

  /** Tries now instead of at `retryAt`; also after a refusal. Nothing when connected or stopped. */
  retry(): void {
    this.#tell({ type: 'retry' });
  }

  /** The computer is about to sleep: lets go of the socket, which would not outlive it. */
  suspend(): void {
    this.#tell({ type: 'suspend' });
  }

  /** The computer woke up: connects now. Needs no `suspend` before. */
  resume(): void {
    this.#tell({ type: 'resume' });
  }

  /** Ends for good: the last messages that arrived were handed on before. */
  stop(): void {
    const { phase, problem } = this.#machine;
    // Whether anything was sent since the last sign of life will never be known.
    if (phase === 'stale' && problem !== null) {
      this.#options.listener.disconnected(problem, this.#silence());
    }
    this.#tell({ type: 'stop' });
  }

  /** Replaces the markets subscribed to; kept across reconnects. Sent a little later, with what changes by then. */
  setMarkets(markets: readonly string[]): void {
    const { clock, listener } = this.#options;
    const { added, removed } = this.#subscriptions.want(markets);
    for (const market of added) {
      // One that was taken off and put back before the server was told is as it was.
      const { state, words } = this.#subscriptions.told(market);
      listener.subscription(market, this.#open() && state === 'off' ? 'requested' : state, words);
    }
    for (const market of removed) {
      this.#unnamed.delete(market);
      listener.subscription(market, 'off', null);
    }
    if (!this.#open() || added.length + removed.length === 0) return;
    this.#gathering ??= clock.after(GATHER_MS, () => this.#sendChanges());
  }

  /** Asks again for those of the markets (null: of all) that the server refused or did not confirm. */
  askAgain(markets: readonly string[] | null): void {
    if (!this.#open()) return;
    const own = this.#subscriptions.desired.filter((market) => markets?.includes(market) ?? true);
    for (const granularity of this.#parts) {
      const troubled = own.filter((market) => this.#subscriptions.isTroubled(market, granularity));
      this.#subscribe(troubled, [granularity]);
    }
  }

  #sendChanges(): void {
    this.#gathering = null;
    const { subscribe, unsubscribe } = this.#subscriptions.changes();
    this.#subscribe(subscribe);
    this.#inGroups('unsubscribe', unsubscribe, this.#parts);
    this.#subscriptions.leave(unsubscribe);
  }

  /** The dictionary tells other names now: markets that lacked them can be asked for. */
  renamed(): void {
    if (this.#open() && this.#unnamed.size > 0) this.#subscribe([...this.#unnamed]);
  }

  #open(): boolean {
    return isOpen(this.#machine.phase);
  }

  #wallMs(): number {
    return Math.floor(this.#options.clock.now() / 1000);
  }

  #tell(told: Told): void {
    const { clock, random } = this.#options;
    this.#events.push({ ...told, at: clock.monotonic(), random: random() });
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
        const { state, effects } = step(this.#machine, event);
        this.#machine = state;
        for (const effect of effects) this.#carryOut(effect);
      }
    } finally {
      this.#stepping = false;
    }
  }

  #carryOut(effect: Effect): void {
    const { clock, listener } = this.#options;
    switch (effect.type) {
      case 'transition':
        this.#since = this.#wallMs();
        listener.changed(this.state);
        listener.transition(effect.from, effect.to, effect.cause);
        break;
      case 'connect':
        this.#connect();
        break;
      case 'opened':
        this.#opened();
        break;
      case 'lost':
        this.#lost(effect.problem, effect.open);
        break;
      case 'drop':
        this.#drop();
        break;
      case 'ping':
        this.#pingSent ??= clock.monotonic();
        this.#socket?.ping();
        break;
      case 'timer':
        this.#timer?.cancel();
        this.#timer = effect.ms === null ? null : clock.after(effect.ms, () => this.#tell({ type: 'due' }));
        break;
    }
  }

  #connect(): void {
    const { clock, dialect, key, sockets, url } = this.#options;
    const generation = ++this.#generation;
    let refusal: { problem: LinkProblem; wait: number | null } | null = null;
    let asked = clock.monotonic();
    const current = (): boolean => generation === this.#generation;
    const events: SocketEvents = {
      reached: () => {
        asked = clock.monotonic();
        if (current()) this.#tell({ type: 'reached' });
      },
      open: (headers = {}) => {
        if (!current()) return;
        this.#health.clockOffset(clockOffset(headers, clock.now(), clock.monotonic() - asked));
        this.#tell({ type: 'opened' });
      },
      message: (bytes, start = 0, end = bytes.length) => {
        if (current()) this.#received(bytes, start, end);
      },
      together: (tell, given) => {
        this.#together = true;
        try {
          tell(given);
        } finally {
          this.#together = false;
          this.#frames.copy();
        }
      },
      ping: () => {
        if (current()) this.#heard();
      },
      pong: () => {
        if (current()) this.#ponged();
      },
      refused: (status, headers) => {
        const clean = withoutKey(headers, this.#redact);
        refusal = { problem: problemOfStatus(status, clean), wait: retryAfter(headers, this.#wallMs()) };
      },
      close: (code, reason, error) => {
        if (!current()) return;
        // Whoever closes says why in the code; what broke without one says it in the error.
        const said = error === null || (code !== 1005 && code !== 1006);
        const problem =
          refusal?.problem ??
          (said ? problemOfClose(code, this.#redact(reason)) : problemOfError(error, this.#redact));
        this.#tell({ type: 'ended', problem, wait: refusal?.wait ?? null });
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
    this.#heardAt = clock.monotonic();
    this.#ticked = { monotonic: this.#heardAt, wall: this.#wallMs() };
    this.#held = null;
    this.#pingSent = null;
    // Unique across connections: a redelivered answer to an older request must match nothing.
    this.#tracePrefix = Math.floor(this.#options.random() * 2 ** 48).toString(36);
    this.#traceCount = 0;
    this.#ticker = clock.every(TICK_MS, () => this.#tick());
    listener.connected();
    this.#subscribe(this.#subscriptions.desired);
  }

  #lost(problem: LinkProblem, open: boolean): void {
    const { endpoint, listener, logger } = this.#options;
    this.#generation++;
    this.#socket = null;
    this.#ticker?.cancel();
    this.#ticker = null;
    this.#pending.clear();
    this.#forgetAsked();
    this.#unnamed.clear();
    if (problem.closeCode === TOO_LONG) this.#idsPerMessage = Math.ceil(this.#idsPerMessage / 2);
    logger.log('warn', problem.message, { endpoint, kind: problem.kind, words: problem.serverWords });
    if (!open) return;
    for (const market of this.#subscriptions.desired) listener.subscription(market, 'off', null);
    listener.disconnected(problem, this.#silence());
  }

  #forgetAsked(): void {
    this.#gathering?.cancel();
    this.#gathering = null;
    this.#subscriptions.clear();
  }

  /** Nothing that arrives from now on could be recorded, so no closing handshake is waited for. */
  #drop(): void {
    this.#generation++;
    this.#ticker?.cancel();
    this.#ticker = null;
    this.#forgetAsked();
    this.#socket?.close(1000, 'stopped');
    this.#socket?.terminate();
    this.#socket = null;
  }

  #ponged(): void {
    this.#heard();
    if (this.#pingSent === null) return;
    this.#health.roundTrip(this.#options.clock.monotonic() - this.#pingSent);
    this.#pingSent = null;
  }

  /** Called for each frame, so the machine is told only where it matters. */
  #heard(wall = this.#wallMs()): void {
    const now = this.#options.clock.monotonic();
    this.#seeHold(now, wall);
    if (this.#held !== null && now >= this.#held.until) this.#held = null;
    this.#heardAt = now;
    if (this.#machine.phase === 'stale') this.#tell({ type: 'heard' });
  }

  /** Sees by a tick that is overdue, by either clock, that this process slept or was stopped. */
  #seeHold(now: number, wall: number): void {
    const elapsed = Math.max(now - this.#ticked.monotonic, wall - this.#ticked.wall);
    if (elapsed <= TICK_MS + LATE_MS) return;
    this.#ticked = { monotonic: now, wall };
    this.#held = { until: now + WAITED_MS, heardAt: this.#held?.heardAt ?? this.#heardAt };
  }

  /** Milliseconds since the last sign of life that proves that nothing was missed before it. */
  #silence(): number {
    const now = this.#options.clock.monotonic();
    this.#seeHold(now, this.#wallMs());
    return now - (this.#held?.heardAt ?? this.#heardAt);
  }

  /** Of a packet's bytes those from `start` up to `end`. */
  #received(bytes: Uint8Array, start: number, end: number): void {
    const wall = this.#wallMs();
    this.#heard(wall);
    this.#health.frame(end - start);
    this.#frames.note(wall, bytes, start, end);
    if (!this.#together) this.#frames.copy();
    this.#decoder.decode(bytes, this.#isPending, this.#sink, start, end);
  }

  readonly #sink = {
    trade: (trade: DecodedTrade): void => {
      this.#good();
      this.#confirm(trade.market, null);
      // What is redelivered is late by nature and says nothing of the link.
      if (trade.exchangeTime >= this.#openedAt) this.#health.lag(trade.exchangeTime);
      this.#options.listener.trade(trade);
    },
    candle: (candle: DecodedCandle): void => {
      this.#good();
      this.#confirm(candle.market, candle.granularity);
      this.#options.listener.candle(candle);
    },
    answer: (answer: Answer): void =>
      this.#answered(answer.words === null ? answer : { ...answer, words: this.#redact(answer.words) }),
    unknown: (type: string): void => {
      this.#options.logger.log('info', 'message of an unknown type', {
        endpoint: this.#options.endpoint,
        type: this.#redact(type),
      });
    },
    refused: (refusal: Refusal): void => {
      this.#health.refused();
      this.#options.listener.refused({ ...refusal, sample: this.#redact(refusal.sample) });
    },
  };

  /** A message that proves that the server serves us: only this resets the back-off. */
  #good(): void {
    if (this.#machine.attempt > 0) this.#tell({ type: 'good' });
  }

  /** The first data of a market confirms its subscription. */
  #confirm(market: string, granularity: Granularity | null): void {
    if (this.#subscriptions.isOpen(market, granularity)) this.#took(market, granularity, 'confirmed', null);
  }

  #took(
    market: string,
    granularity: Granularity | null,
    state: Exclude<Subscription, 'off'>,
    words: string | null,
  ): void {
    const told = this.#subscriptions.took(market, granularity, state, words);
    if (told !== null) this.#options.listener.subscription(market, told.state, told.words);
  }

  /** What a market is asked for in: candles by granularity. */
  get #parts(): readonly (Granularity | null)[] {
    return this.#options.endpoint === 'candles' ? this.#options.granularities : [null];
  }

  #subscribe(markets: readonly string[], parts = this.#parts): void {
    for (const market of this.#inGroups('subscribe', markets, parts)) {
      this.#subscriptions.ask(market, parts);
      const { state, words } = this.#subscriptions.told(market);
      this.#options.listener.subscription(market, state, words);
    }
  }

  /** @returns those that were sent */
  #inGroups(
    action: Pending['action'],
    markets: readonly string[],
    parts: readonly (Granularity | null)[],
  ): readonly string[] {
    const size = this.#options.dialect.batched ? this.#idsPerMessage : 1;
    const known = this.#named(action, markets);
    for (let at = 0; at < known.length; at += size) {
      for (const granularity of parts) this.#send(action, known.slice(at, at + size), granularity);
    }
    return known;
  }

  /** Those of the markets that the dialect can ask for. */
  #named(action: Pending['action'], markets: readonly string[]): readonly string[] {
    if (!this.#byNames) return markets;
    return markets.filter((market) => {
      const isNamed = this.#namesOf(market) !== null;
      if (isNamed) this.#unnamed.delete(market);
      else if (action === 'subscribe' && !this.#unnamed.has(market)) {
        this.#unnamed.add(market);
        this.#options.listener.subscription(market, 'refused', NO_NAMES);
      }
      return isNamed;
    });
  }

  #namesOf(market: string | undefined): MarketNames | null {
    return market === undefined ? null : (this.#options.names?.(market) ?? null);
  }

  #send(action: Pending['action'], markets: readonly string[], granularity: Granularity | null): void {
    const { clock, dialect, endpoint } = this.#options;
    const traceId = `${this.#tracePrefix}-${++this.#traceCount}`;
    const deadline = clock.monotonic() + dialect.ackTime;
    this.#pending.set(traceId, { action, markets, granularity, deadline });
    const names = this.#byNames ? this.#namesOf(markets[0]) : null;
    this.#socket?.send(subscribeMessage(dialect, { endpoint, action, traceId, markets, granularity, names }));
  }

  #answered(answer: Answer): void {
    const pending = answer.traceId === null ? undefined : this.#pending.get(answer.traceId);
    if (answer.traceId !== null) this.#pending.delete(answer.traceId);
    if (answer.ok) this.#good();
    if (pending === undefined) {
      if (!answer.ok)
        this.#options.logger.log('warn', 'the server reports an error', { words: answer.words });
      return;
    }
    if (pending.action === 'unsubscribe') return;
    if (answer.ok) this.#confirmed(answer, pending);
    else this.#refused(answer, pending);
  }

  #confirmed({ markets: meant, traceId }: Answer, pending: Pending): void {
    const { granularity, markets } = pending;
    const named = markets.filter((market) => meant.includes(market));
    const confirmed = named.length > 0 ? named : markets;
    for (const market of confirmed) this.#took(market, granularity, 'confirmed', null);
    // For the others an answer may come still, or none in time.
    const rest = markets.filter((market) => !confirmed.includes(market));
    if (traceId !== null && rest.length > 0) this.#pending.set(traceId, { ...pending, markets: rest });
  }

  /**
   * One market that the server does not know must not cost the others their subscription: those that
   * the answer names are refused, and the rest is asked for again, in halves when it names none.
   */
  #refused(answer: Answer, { markets, granularity }: Pending): void {
    const named = markets.filter((market) => answer.markets.includes(market));
    const refused = markets.length === 1 || named.length === markets.length ? markets : named;
    for (const market of refused) this.#took(market, granularity, 'refused', answer.words);
    const rest = markets.filter((market) => !refused.includes(market) && this.#subscriptions.wants(market));
    if (rest.length === 0) return;
    const half = refused.length > 0 ? rest.length : Math.ceil(rest.length / 2);
    for (const part of [rest.slice(0, half), rest.slice(half)]) {
      if (part.length > 0) this.#send('subscribe', part, granularity);
    }
  }

  #tick(): void {
    const now = this.#options.clock.monotonic();
    this.#options.listener.alive(this.#silence());
    this.#ticked = { monotonic: now, wall: this.#wallMs() };
    this.#tell({ type: 'tick', silence: now - this.#heardAt });
    for (const [traceId, pending] of this.#pending) {
      if (pending.deadline > now) continue;
      this.#pending.delete(traceId);
      if (pending.action === 'unsubscribe') continue;
      for (const market of pending.markets) {
        if (this.#subscriptions.isOpen(market, pending.granularity))
          this.#took(market, pending.granularity, 'unconfirmed', null);
      }
    }
  }
}
