/**
 * One endpoint's connections, subscriptions and deliveries.
 *
 * All connections read the same queue, each from its own place: a new one starts two minutes back
 * with the subscriptions that the key had before, goes through the queue as fast as its socket
 * takes it, and is live once it has caught up. So nothing is lost between redelivery and live, and
 * a slow reader costs no more memory than the queue itself; when what it has not yet read is
 * forgotten, it is closed with 1013.
 *
 * The feed has one key, so what is kept "per key" is kept once.
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { FrameWriter } from './frames.ts';
import type { MessageQueue } from './redelivery.ts';
import { REDELIVERY_MS } from './redelivery.ts';

/** A socket that has this much unsent is not given more. */
const MAX_UNSENT = 4 * 1024 * 1024;
/**
 * Messages are forgotten this much after they left the two minutes, so that a connection which
 * begins with the oldest has time to get ahead of the forgetting.
 */
const GRACE_MS = 30_000;
/** Messages turned to frames in one piece while a connection catches up. */
const CATCH_UP_STEP = 4_096;
const OPEN = 1;
const TRY_AGAIN_LATER = 1013;

export interface ChannelCounts {
  /** Different messages that the key was to be sent, whether or not a connection was there. */
  readonly published: number;
  /** Frames written to sockets, redelivered ones included. */
  readonly written: number;
  /** Frames written that were older than the connection. */
  readonly redelivered: number;
}

/** The newest messages as frames, made once for all connections that are up to date. */
interface Block {
  readonly from: number;
  readonly to: number;
  readonly bytes: Buffer;
  /** Where the frame of message `from + i` ends. */
  readonly ends: readonly number[];
}

export interface Connection {
  readonly socket: WebSocket;
  /** The stream below it: frames of data are written there, control frames through `socket`. */
  readonly stream: Duplex;
  /** slot -> sequence number of the first message that is for this connection. */
  readonly slots: Map<number, number>;
  /** The next message to look at. */
  cursor: number;
  /** Messages before this one are older than the connection. */
  readonly joined: number;
  pingedAt: number;
  awaitingPong: boolean;
}

export class Channel {
  readonly connections = new Set<Connection>();
  readonly #queue: MessageQueue;
  /** What the key has subscribed, kept while it is away: slot -> first message. */
  readonly #kept = new Map<number, number>();
  /** By slot: 1 when the key or a connection wants it. */
  readonly #wanted: Uint8Array;
  readonly #published: Float64Array;
  #written = 0;
  #redelivered = 0;
  /** Up to here, messages were made into a block. */
  #flushed = 0;

  constructor(queue: MessageQueue, slots: number) {
    this.#queue = queue;
    this.#wanted = new Uint8Array(slots);
    this.#published = new Float64Array(slots);
  }

  /** Whether a message of this slot must be put into the queue. */
  wants(slot: number): boolean {
    return this.#wanted[slot] === 1;
  }

  /** Counts a message that was put into the queue. */
  published(slot: number): void {
    this.#published[slot] = (this.#published[slot] ?? 0) + 1;
  }

  publishedOf(slot: number): number {
    return this.#published[slot] ?? 0;
  }

  get counts(): ChannelCounts {
    let published = 0;
    for (const count of this.#published) published += count;
    return { published, written: this.#written, redelivered: this.#redelivered };
  }

  /** A connection is established: redelivery begins at once. @param now monotonic ms */
  open(socket: WebSocket, stream: Duplex, now: number): Connection {
    const since = this.#queue.firstSince(now - REDELIVERY_MS);
    const connection: Connection = {
      socket,
      stream,
      slots: new Map(this.#kept),
      cursor: this.#kept.size === 0 ? this.#queue.head : since,
      joined: this.#queue.head,
      pingedAt: now,
      awaitingPong: false,
    };
    this.connections.add(connection);
    stream.on('drain', () => this.#catchUp(connection));
    this.#catchUp(connection);
    return connection;
  }

  /** Its subscriptions stay with the key. */
  closed(connection: Connection): void {
    this.connections.delete(connection);
    for (const slot of connection.slots.keys()) this.#weigh(slot);
  }

  /** Everything said from now on; what is subscribed already goes on unchanged. */
  subscribe(connection: Connection, slots: readonly number[]): void {
    for (const slot of slots) {
      if (!connection.slots.has(slot)) connection.slots.set(slot, this.#queue.head);
      if (!this.#kept.has(slot)) this.#kept.set(slot, this.#queue.head);
      this.#weigh(slot);
    }
  }

  unsubscribe(connection: Connection, slots: readonly number[]): void {
    for (const slot of slots) {
      connection.slots.delete(slot);
      if (!this.#subscribed(slot)) this.#kept.delete(slot);
      this.#weigh(slot);
    }
  }

  /** Delivers what was put into the queue since the last call, and forgets what is too old to be redelivered. */
  flush(now: number): void {
    const block = this.#takeBlock();
    for (const connection of this.connections) {
      const upToDate = connection.cursor === block.from && connection.stream.writableLength < MAX_UNSENT;
      if (upToDate) this.#writeBlock(connection, block);
      else this.#catchUp(connection);
    }
    this.#queue.forgetBefore(now - REDELIVERY_MS - GRACE_MS);
    for (const connection of this.connections) {
      if (connection.cursor < this.#queue.first) connection.socket.close(TRY_AGAIN_LATER, 'reads too slowly');
    }
  }

  #takeBlock(): Block {
    const from = this.#flushed;
    const to = this.#queue.head;
    this.#flushed = to;
    const writer = new FrameWriter();
    const ends: number[] = [];
    if (this.connections.size > 0) {
      for (let sequence = from; sequence < to; sequence++) {
        writer.add(this.#queue.text(sequence));
        ends.push(writer.length);
      }
    }
    return { from, to, bytes: writer.take(), ends };
  }

  #writeBlock(connection: Connection, block: Block): void {
    connection.cursor = block.to;
    const wanted: Buffer[] = [];
    let frames = 0;
    let runStart = 0;
    let runEnd = 0;
    for (let sequence = block.from; sequence < block.to; sequence++) {
      const end = block.ends[sequence - block.from] ?? 0;
      if (this.#isFor(connection, sequence)) {
        frames++;
      } else {
        if (runEnd > runStart) wanted.push(block.bytes.subarray(runStart, runEnd));
        runStart = end;
      }
      runEnd = end;
    }
    if (runEnd > runStart) wanted.push(block.bytes.subarray(runStart, runEnd));
    const [only] = wanted;
    if (only !== undefined)
      this.#write(connection, wanted.length === 1 ? only : Buffer.concat(wanted), frames);
  }

  #catchUp(connection: Connection): void {
    const queue = this.#queue;
    // Messages not flushed yet go out with the next block.
    const end = this.#flushed;
    while (connection.cursor < end && connection.stream.writableLength < MAX_UNSENT) {
      if (connection.cursor < queue.first || connection.socket.readyState !== OPEN) return;
      const stop = Math.min(end, connection.cursor + CATCH_UP_STEP);
      const writer = new FrameWriter();
      let frames = 0;
      let redelivered = 0;
      for (let sequence = connection.cursor; sequence < stop; sequence++) {
        if (!this.#isFor(connection, sequence)) continue;
        writer.add(queue.text(sequence));
        frames++;
        if (sequence < connection.joined) redelivered++;
      }
      connection.cursor = stop;
      this.#redelivered += redelivered;
      if (frames > 0) this.#write(connection, writer.take(), frames);
    }
  }

  #isFor(connection: Connection, sequence: number): boolean {
    const from = connection.slots.get(this.#queue.slot(sequence));
    return from !== undefined && from <= sequence;
  }

  #write(connection: Connection, bytes: Buffer, frames: number): void {
    // After a closing frame nothing more may be sent.
    if (connection.socket.readyState !== OPEN) return;
    connection.stream.write(bytes);
    this.#written += frames;
  }

  #subscribed(slot: number): boolean {
    for (const connection of this.connections) if (connection.slots.has(slot)) return true;
    return false;
  }

  #weigh(slot: number): void {
    this.#wanted[slot] = this.#kept.has(slot) || this.#subscribed(slot) ? 1 : 0;
  }
}
