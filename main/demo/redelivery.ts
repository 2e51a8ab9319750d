/**
 * What the feed said in the last two minutes, so that it can be said again, byte for byte.
 *
 * A message has a sequence number and a slot (a market, or a market and a granularity). Trades are
 * kept as numbers and turned to text when they are sent, first or again: two minutes of 20,000
 * trades a second are 84 MB in this form and 600 MB as text.
 */

/** The vendor: the messages of the last 2 minutes are queued. */
export const REDELIVERY_MS = 2 * 60_000;

export interface MessageQueue {
  /** Sequence number of the oldest message kept. */
  readonly first: number;
  /** Sequence number that the next message will have. */
  readonly head: number;
  /** Slot of a kept message. */
  slot(sequence: number): number;
  /** The whole message, JSON. */
  text(sequence: number): string;
  /** Sequence number of the first message said at or after `time` (monotonic ms); `head` if none. */
  firstSince(time: number): number;
  /** Forgets messages said before `time`; may keep some of them a little longer. */
  forgetBefore(time: number): void;
}

const CHUNK_BITS = 12;
const CHUNK = 1 << CHUNK_BITS;

interface TradeChunk {
  readonly said: Float64Array;
  readonly market: Uint16Array;
  readonly serial: Float64Array;
  readonly time: Float64Array;
  readonly price: Float64Array;
  readonly size: Float64Array;
  readonly buy: Uint8Array;
}

/** A trade as numbers. What `price` and `size` count is known to the market's text function alone. */
export interface QueuedTrade {
  market: number;
  serial: number;
  /** Exchange time, ms since the epoch. */
  time: number;
  price: number;
  size: number;
  buy: boolean;
}

/** Slots are indices of markets. */
export class TradeQueue implements MessageQueue {
  readonly #textOf: (trade: QueuedTrade) => string;
  readonly #chunks: TradeChunk[] = [];
  readonly #trade: QueuedTrade = { market: 0, serial: 0, time: 0, price: 0, size: 0, buy: true };
  /** Sequence number of the first entry of the first chunk: a multiple of CHUNK. */
  #start = 0;
  #head = 0;

  /** @param textOf must always give the same text for the same numbers */
  constructor(textOf: (trade: QueuedTrade) => string) {
    this.#textOf = textOf;
  }

  get first(): number {
    return this.#start;
  }

  get head(): number {
    return this.#head;
  }

  add(said: number, trade: Readonly<QueuedTrade>): void {
    const row = this.#head & (CHUNK - 1);
    let chunk = this.#chunks[this.#chunks.length - 1];
    if (row === 0 || chunk === undefined) {
      chunk = allocate();
      this.#chunks.push(chunk);
    }
    chunk.said[row] = said;
    chunk.market[row] = trade.market;
    chunk.serial[row] = trade.serial;
    chunk.time[row] = trade.time;
    chunk.price[row] = trade.price;
    chunk.size[row] = trade.size;
    chunk.buy[row] = trade.buy ? 1 : 0;
    this.#head++;
  }

  slot(sequence: number): number {
    return this.#chunk(sequence).market[sequence & (CHUNK - 1)] ?? 0;
  }

  text(sequence: number): string {
    const chunk = this.#chunk(sequence);
    const row = sequence & (CHUNK - 1);
    const trade = this.#trade;
    trade.market = chunk.market[row] ?? 0;
    trade.serial = chunk.serial[row] ?? 0;
    trade.time = chunk.time[row] ?? 0;
    trade.price = chunk.price[row] ?? 0;
    trade.size = chunk.size[row] ?? 0;
    trade.buy = chunk.buy[row] === 1;
    return this.#textOf(trade);
  }

  firstSince(time: number): number {
    let low = this.#start;
    let high = this.#head;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#chunk(middle).said[middle & (CHUNK - 1)] ?? 0) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  forgetBefore(time: number): void {
    // The last chunk is still being filled, and stays.
    while (this.#chunks.length > 1 && (this.#chunks[0]?.said[CHUNK - 1] ?? Infinity) < time) {
      this.#chunks.shift();
      this.#start += CHUNK;
    }
  }

  #chunk(sequence: number): TradeChunk {
    const chunk = this.#chunks[Math.floor((sequence - this.#start) / CHUNK)];
    if (chunk === undefined) throw new RangeError(`message ${sequence} is not kept`);
    return chunk;
  }
}

interface QueuedText {
  readonly said: number;
  readonly slot: number;
  readonly text: string;
}

/** For messages that are few: they are kept as they were sent. */
export class TextQueue implements MessageQueue {
  #messages: QueuedText[] = [];
  #start = 0;

  get first(): number {
    return this.#start;
  }

  get head(): number {
    return this.#start + this.#messages.length;
  }

  add(said: number, slot: number, text: string): void {
    this.#messages.push({ said, slot, text });
  }

  slot(sequence: number): number {
    return this.#message(sequence).slot;
  }

  text(sequence: number): string {
    return this.#message(sequence).text;
  }

  firstSince(time: number): number {
    const index = this.#messages.findIndex((message) => message.said >= time);
    return index < 0 ? this.head : this.#start + index;
  }

  forgetBefore(time: number): void {
    const kept = this.firstSince(time);
    // Moving the rest costs as much as it has messages, so it is done for many at once.
    if (kept - this.#start < 256) return;
    this.#messages = this.#messages.slice(kept - this.#start);
    this.#start = kept;
  }

  #message(sequence: number): QueuedText {
    const message = this.#messages[sequence - this.#start];
    if (message === undefined) throw new RangeError(`message ${sequence} is not kept`);
    return message;
  }
}

function allocate(): TradeChunk {
  return {
    said: new Float64Array(CHUNK),
    market: new Uint16Array(CHUNK),
    serial: new Float64Array(CHUNK),
    time: new Float64Array(CHUNK),
    price: new Float64Array(CHUNK),
    size: new Float64Array(CHUNK),
    buy: new Uint8Array(CHUNK),
  };
}
