/**
 * The feed's trades endpoint, simulated behind the SocketFactory port: it says trades, queues those of
 * the last two minutes, delivers them again to whoever connects, and breaks off as it is told to. It
 * keeps account of everything, which is the truth that a client is held against.
 */
import type { Socket, SocketEvents, SocketFactory } from '../../main/core/ports.ts';
import { between, type Chance, chance, pick, shuffled } from './chance.ts';
import { BEGINNING, type ProcessClock, type Timeline } from './timeline.ts';

/** The vendor: the messages of the last 2 minutes are queued. */
export const QUEUE_MS = 120_000;

/** How the trades of a market are told apart. */
export type Ids = 'ids' | 'none' | 'mixed' | 'numbers';

export interface SimulatedMarket {
  readonly id: string;
  readonly ids: Ids;
  /** Its share of what is said; 0: never trades. */
  readonly weight: number;
}

export interface FeedForm {
  readonly markets: readonly SimulatedMarket[];
  /** Mean pause between two bursts, ms. */
  readonly pause: number;
}

/** How redelivery is sent. */
export interface RedeliveryForm {
  readonly order: 'as said' | 'shuffled';
  /** Whether new trades are sent between those redelivered, or after them. */
  readonly live: 'between' | 'after';
  /** Trades that have ids are redelivered twice. Without ids nothing tells a repeat from an identical fill. */
  readonly twice: boolean;
  /** Trades a frame, at most. */
  readonly frame: number;
  /** From the first frame to the last, ms. */
  readonly span: number;
  readonly answer: 'before' | 'after' | 'never';
}

/** A close code with which the server says goodbye; `reset` and `vanish` end TCP; `silence` tells nobody. */
export type Break = number | 'reset' | 'vanish' | 'silence';

/** What becomes of an attempt to connect. */
export type Fate =
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'status'; readonly status: number }
  /** No answer, ever. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'accept'; readonly redelivery: RedeliveryForm; readonly breaks: BreakPoint };

export type BreakPoint =
  /** `after` ms from the opening: before the subscription is taken up, when that is soon. */
  | { readonly at: 'time'; readonly after: number; readonly by: Break }
  /** In the middle of several trades that are said at once, the first time after so many ms. */
  | { readonly at: 'burst'; readonly after: number; readonly by: Break }
  /** When this share (0 to 1) of redelivery was sent. */
  | { readonly at: 'redelivery'; readonly share: number; readonly by: Break }
  /** The server does not break; somebody else does. */
  | { readonly at: 'never' };

/** A trade that the server said. */
export interface Said {
  /** Timeline ms. */
  readonly at: number;
  readonly market: string;
  readonly hasId: boolean;
  readonly text: string;
  /** As it is to be stored: market, id, exchange time, price, size, side. */
  readonly row: string;
  /** Each time that a process was handed it, and on which of its connections. */
  readonly handed: { readonly process: number; readonly attempt: Attempt; readonly at: number }[];
}

/** Timeline ms; null: it did not happen. */
export interface Attempt {
  readonly process: number;
  readonly at: number;
  readonly fate: Fate['kind'];
  openedAt: number | null;
  /** When it was ended, by either side, or fell silent. */
  endedAt: number | null;
  /** When the process fell asleep with it, when anything had arrived last before, and when it woke. */
  sleptAt: number | null;
  heardBefore: number | null;
  wokeAt: number | null;
  /** What the client is to tell of its end: problem's kind and close code; null: nothing, since it goes on. */
  told: { kind: string; closeCode: number | null } | null;
  /** When the client told it. */
  toldAt: number;
  /** When the last thing that arrived was sent, and when the last thing arrived. */
  lastSent: number;
  lastHanded: number;
  /** Since when a market was answered for, or heard of. */
  readonly served: Map<string, number>;
  /** Trades of the queue that were handed over. */
  readonly brought: Map<string, number>;
  /** The last trade of the queue was handed over. */
  redeliveredAt: number | null;
}

export interface SimulatedProcess {
  readonly number: number;
  readonly clock: ProcessClock;
  alive: boolean;
}

export class SimulatedFeed {
  readonly said: Said[] = [];
  readonly attempts: Attempt[] = [];
  /** What becomes of the next attempt. */
  fate: () => Fate = () => ({ kind: 'unreachable' });
  readonly #timeline: Timeline;
  readonly #random: Chance;
  readonly #form: FeedForm;
  readonly #connections = new Set<Connection>();
  readonly #ids = new Map<string, number>();
  /** Makes each price another, so that only the fills of one order look alike. */
  #serial = 0;

  constructor(timeline: Timeline, form: FeedForm, seed: number) {
    this.#timeline = timeline;
    this.#form = form;
    this.#random = chance(seed);
    this.#planBurst();
  }

  sockets(process: SimulatedProcess): SocketFactory {
    return (_options, events) => {
      const connection: Connection = new Connection({
        timeline: this.#timeline,
        process,
        events,
        fate: this.fate(),
        // A chance of its own, so that one connection's course does not change another's.
        random: chance(Math.floor(this.#random() * 2 ** 32)),
        queue: (since) => this.#since(since),
        over: () => this.#connections.delete(connection),
      });
      this.attempts.push(connection.attempt);
      this.#connections.add(connection);
      return connection.socket;
    };
  }

  /** The process is gone: so are its connections. */
  died({ number }: SimulatedProcess): void {
    for (const connection of [...this.#connections]) {
      if (connection.attempt.process === number) connection.abandon();
    }
  }

  /** The process was woken: what waited for it in its sockets arrives. */
  woke({ number }: SimulatedProcess): void {
    for (const connection of [...this.#connections]) {
      if (connection.attempt.process === number) connection.catchUp();
    }
  }

  /** Breaks the open connections of a process off. */
  breakOff({ number }: SimulatedProcess, by: Break): void {
    for (const connection of [...this.#connections]) {
      if (connection.attempt.process === number) connection.breakOff(by);
    }
  }

  /** What is in the queue since then. */
  #since(time: number): Said[] {
    const from = this.said.findLastIndex((one) => one.at < time);
    return this.said.slice(from + 1);
  }

  #planBurst(): void {
    const pause = Math.round(-Math.log(1 - this.#random()) * this.#form.pause);
    this.#timeline.after(Math.max(1, pause), () => {
      this.#burst();
      this.#planBurst();
    });
  }

  #burst(): void {
    const random = this.#random;
    const total = this.#form.markets.reduce((sum, { weight }) => sum + weight, 0);
    const burst: Said[] = [];
    for (let trades = between(random, 1, 4); trades > 0; trades--) {
      let left = random() * total;
      const market = this.#form.markets.find(({ weight }) => (left -= weight) < 0);
      if (market === undefined) continue;
      // Some orders are filled by several of the same size: each a trade, all of one look.
      const fills = random() < 0.2 ? between(random, 2, 3) : 1;
      burst.push(...this.#fills(market, fills));
    }
    this.said.push(...burst);
    for (const connection of [...this.#connections]) connection.say(burst);
  }

  #fills(market: SimulatedMarket, count: number): Said[] {
    const random = this.#random;
    const at = this.#timeline.now;
    const time = (BEGINNING + at - between(random, 0, 300)) * 1000 + between(random, 0, 999);
    const price = `${between(random, 1, 90_000)}.${String(++this.#serial).padStart(7, '0')}1`;
    const size = `0.${between(random, 1, 9_999)}1`;
    const side = pick(random, ['buy', 'sell']);
    return Array.from({ length: count }, () => {
      const id = this.#idOf(market);
      const fields = { id, marketId: market.id, timestamp: isoOf(time), price, size, side };
      return {
        at,
        market: market.id,
        hasId: id !== undefined,
        // JSON leaves out what is undefined.
        text: JSON.stringify({ type: 'trade', payload: fields }),
        row: rowOf({ market: market.id, id: String(id ?? ''), exchangeTime: time, price, size, side }),
        handed: [],
      };
    });
  }

  /** Each market counts its own, so that one id is several trades. */
  #idOf({ id: market, ids }: SimulatedMarket): string | number | undefined {
    if (ids === 'none' || (ids === 'mixed' && this.#random() < 0.5)) return undefined;
    const count = (this.#ids.get(market) ?? 0) + 1;
    this.#ids.set(market, count);
    return ids === 'numbers' ? count : `t${count}`;
  }
}

/** What makes a stored trade equal to one that was said. */
export function rowOf(trade: {
  readonly market: string;
  readonly id: string;
  readonly exchangeTime: number;
  readonly price: string;
  readonly size: string;
  readonly side: string;
}): string {
  return [trade.market, trade.exchangeTime, trade.price, trade.size, trade.side, trade.id].join(' ');
}

function isoOf(micros: number): string {
  const iso = new Date(Math.floor(micros / 1000)).toISOString();
  return `${iso.slice(0, -1)}${String(micros % 1000).padStart(3, '0')}Z`;
}

interface ConnectionOptions {
  readonly timeline: Timeline;
  readonly process: SimulatedProcess;
  readonly events: SocketEvents;
  readonly fate: Fate;
  readonly random: Chance;
  readonly queue: (since: number) => readonly Said[];
  readonly over: () => void;
}

/** On its way to the client, or waiting there for it to wake. */
interface Parcel {
  readonly sentAt: number;
  readonly isLife: boolean;
  readonly open: () => void;
}

class Connection {
  readonly attempt: Attempt;
  readonly socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #subscribed = new Set<string>();
  /** What arrived while the process slept. */
  readonly #waiting: Parcel[] = [];
  /** Said while redelivery goes on, to be sent after it. */
  #held: Said[] | null = null;
  #isOpen = false;
  /** The server sends nothing any more. */
  #isMute = false;
  /** The client lets nothing come in any more. */
  #isDeaf = false;

  constructor(options: ConnectionOptions) {
    const { fate, process, timeline } = options;
    this.#options = options;
    this.attempt = {
      process: process.number,
      at: timeline.now,
      fate: fate.kind,
      openedAt: null,
      endedAt: null,
      sleptAt: null,
      heardBefore: null,
      wokeAt: null,
      told: null,
      toldAt: Infinity,
      lastSent: timeline.now,
      lastHanded: timeline.now,
      served: new Map(),
      brought: new Map(),
      redeliveredAt: null,
    };
    this.socket = {
      send: (text) => this.#soon(() => this.#asked(text)),
      ping: () => this.#soon(() => this.#deliver(true, () => options.events.pong())),
      terminate: () => this.abandon(),
      close: () => this.abandon(),
    };
    this.#begin(fate);
  }

  /** The client let go of it, or is gone. */
  abandon(): void {
    this.#isDeaf = true;
    this.#isMute = true;
    this.attempt.endedAt ??= this.#options.timeline.now;
    this.#options.over();
  }

  /** Sends what was just said. */
  say(burst: readonly Said[]): void {
    if (!this.#isOpen || this.#isMute) return;
    const own = burst.filter(({ market }) => this.#subscribed.has(market));
    if (this.#held !== null) {
      this.#held.push(...own);
      return;
    }
    const { fate, random, timeline } = this.#options;
    const breaks = fate.kind === 'accept' ? fate.breaks : null;
    const openFor = timeline.now - (this.attempt.openedAt ?? timeline.now);
    if (breaks?.at === 'burst' && openFor >= breaks.after && own.length > 1) {
      this.#send(own.slice(0, between(random, 1, own.length - 1)), random() < 0.5 ? 1 : own.length, false);
      this.breakOff(breaks.by);
      return;
    }
    this.#send(own, random() < 0.5 ? 1 : own.length, false);
  }

  /** The process woke. */
  catchUp(): void {
    for (const parcel of this.#waiting.splice(0)) this.#open(parcel);
  }

  breakOff(by: Break): void {
    const { events, timeline } = this.#options;
    if (this.#isMute) return;
    this.attempt.endedAt = timeline.now;
    if (by === 'silence') {
      this.attempt.told = { kind: 'stale', closeCode: null };
      this.#isMute = true;
      return;
    }
    if (by === 'reset') {
      this.attempt.told = { kind: 'broken', closeCode: null };
      this.#end(() => events.close(1006, '', errorOf('ECONNRESET')));
    } else {
      const code = by === 'vanish' ? 1006 : by;
      this.attempt.told = { kind: 'closed', closeCode: code };
      this.#end(() => events.close(code, '', null));
    }
  }

  #begin(fate: Fate): void {
    const { events, random, timeline } = this.#options;
    const later = (run: () => void): void => void timeline.after(between(random, 1, 40), run);
    const reach = (then: () => void): void =>
      later(() => {
        this.#deliver(false, () => events.reached?.());
        then();
      });
    const fail = (kind: string, code: string): void => {
      this.attempt.endedAt = timeline.now;
      this.attempt.told = { kind, closeCode: null };
      this.#end(() => events.close(1006, '', errorOf(code)));
    };
    switch (fate.kind) {
      case 'unreachable':
        later(() => fail('unreachable', 'ECONNREFUSED'));
        break;
      case 'reset':
        reach(() => later(() => fail('broken', 'ECONNRESET')));
        break;
      case 'hang':
        this.attempt.told = { kind: 'timeout', closeCode: null };
        reach(() => undefined);
        break;
      case 'status':
        reach(() => later(() => this.#refuse(fate.status)));
        break;
      case 'accept':
        reach(() => later(() => this.#accept(fate.breaks)));
        break;
    }
  }

  #refuse(status: number): void {
    const { events, timeline } = this.#options;
    const kinds: Readonly<Record<number, string>> = {
      401: 'unauthorized',
      403: 'forbidden',
      429: 'rate-limited',
      503: 'unavailable',
    };
    this.attempt.endedAt = timeline.now;
    this.attempt.told = { kind: kinds[status] ?? 'unavailable', closeCode: null };
    this.#deliver(false, () => events.refused(status, { 'x-inca-error-message': 'as simulated' }));
    this.#end(() => events.close(1006, '', null));
  }

  #accept(breaks: BreakPoint): void {
    const { events, timeline } = this.#options;
    if (this.#isMute) return;
    this.#isOpen = true;
    this.attempt.openedAt = timeline.now;
    this.#deliver(true, () => events.open());
    if (breaks.at === 'time') timeline.after(breaks.after, () => this.breakOff(breaks.by));
    this.#planPing();
  }

  #planPing(): void {
    const { events, random, timeline } = this.#options;
    timeline.after(between(random, 5_000, 40_000), () => {
      if (this.#isMute) return;
      this.#deliver(true, () => events.ping());
      this.#planPing();
    });
  }

  #asked(text: string): void {
    const { fate, queue, timeline } = this.#options;
    if (fate.kind !== 'accept') return;
    const { payload, traceId, type } = JSON.parse(text) as {
      traceId: string;
      type: string;
      payload: { marketIds: string[] };
    };
    const { answer, live, order, span, twice } = fate.redelivery;
    const confirm = (): void => {
      const reply = JSON.stringify({ traceId, type: 'success', payload });
      this.#deliver(true, () => {
        this.#serve(payload.marketIds);
        this.#options.events.message(Buffer.from(reply));
      });
    };
    if (type !== 'subscribe') {
      for (const market of payload.marketIds) this.#subscribed.delete(market);
      confirm();
      return;
    }
    for (const market of payload.marketIds) this.#subscribed.add(market);
    if (answer === 'before') confirm();
    const opened = this.attempt.openedAt ?? timeline.now;
    const again = queue(opened - QUEUE_MS).filter(({ market }) => payload.marketIds.includes(market));
    const all = twice ? [...again, ...again.filter(({ hasId }) => hasId)] : again;
    const list = order === 'as said' ? all : shuffled(this.#options.random, all);
    if (live === 'after') this.#held = [];
    this.#redeliver(list, span, () => {
      this.attempt.redeliveredAt = timeline.now;
      const held = this.#held ?? [];
      this.#held = null;
      this.#send(held, 1, false);
      if (answer === 'after') confirm();
    });
  }

  #redeliver(list: readonly Said[], span: number, done: () => void): void {
    const { fate, timeline } = this.#options;
    if (fate.kind !== 'accept') return;
    const { breaks, redelivery } = fate;
    const size = Math.max(redelivery.frame, Math.ceil(list.length / 50));
    const stop = breaks.at === 'redelivery' ? Math.floor(list.length * breaks.share) : Infinity;
    const frames = Math.ceil(list.length / size);
    const next = (frame: number): void => {
      if (this.#isMute) return;
      const from = frame * size;
      const to = Math.min(from + size, stop, list.length);
      this.#send(list.slice(from, to), size, true);
      if (to >= stop && breaks.at === 'redelivery') this.breakOff(breaks.by);
      else if (to >= list.length) done();
      else timeline.after(Math.round(span / frames), () => next(frame + 1));
    };
    next(0);
  }

  /** @param size trades a frame; several stand on lines of their own */
  #send(trades: readonly Said[], size: number, again: boolean): void {
    const { events, process, timeline } = this.#options;
    for (let at = 0; at < trades.length; at += size) {
      const group = trades.slice(at, at + size);
      this.#deliver(true, () => {
        this.#serve(group.map(({ market }) => market));
        for (const one of group) {
          one.handed.push({ process: process.number, attempt: this.attempt, at: timeline.now });
          if (again) this.attempt.brought.set(one.market, (this.attempt.brought.get(one.market) ?? 0) + 1);
        }
        events.message(Buffer.from(group.map(({ text }) => text).join('\n')));
      });
    }
  }

  #serve(markets: readonly string[]): void {
    for (const market of markets) {
      if (!this.attempt.served.has(market)) this.attempt.served.set(market, this.#options.timeline.now);
    }
  }

  #soon(run: () => void): void {
    const { random, timeline } = this.#options;
    timeline.after(between(random, 1, 15), () => {
      if (!this.#isMute) run();
    });
  }

  #end(close: () => void): void {
    this.#deliver(false, close);
    this.#isMute = true;
    if (!this.#options.process.clock.asleep) this.#options.over();
  }

  #deliver(isLife: boolean, open: () => void): void {
    if (this.#isMute) return;
    const { process, timeline } = this.#options;
    const parcel: Parcel = { sentAt: timeline.now, isLife, open };
    if (process.clock.asleep) this.#waiting.push(parcel);
    else this.#open(parcel);
  }

  #open({ isLife, open, sentAt }: Parcel): void {
    const { process, timeline } = this.#options;
    if (this.#isDeaf || !process.alive) return;
    if (isLife) {
      this.attempt.lastSent = sentAt;
      this.attempt.lastHanded = timeline.now;
    }
    open();
  }
}

function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code });
}
