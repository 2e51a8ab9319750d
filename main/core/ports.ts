/** What the core needs of the world. A host (desktop, browser host, command line) supplies it. */
import type { Announcement, Micros } from './contract.ts';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, microseconds since the epoch. May jump. */
  now(): Micros;
  /** Milliseconds that never jump; only differences mean something. */
  monotonic(): number;
  after(ms: number, run: () => void): Timer;
  every(ms: number, run: () => void): Timer;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Never given the key. */
export interface Logger {
  log(level: LogLevel, message: string, detail?: Readonly<Record<string, unknown>>): void;
}

/** The OS keychain. Every method ends within a time limit and fails with kind `keychain`. */
export interface SecretStore {
  /**
   * null only when the keychain was read and has no key.
   *
   * @param quietly fails for a locked keychain where the system would ask the user to unlock it
   * @throws {QuipuError}
   */
  get(quietly?: boolean): Promise<string | null>;
  set(key: string): Promise<void>;
  forget(): Promise<void>;
  /**
   * Calls `listener` each time that a call which had failed is done after all, for the user has unlocked the
   * keychain meanwhile.
   */
  unlocked?(listener: () => void): void;
}

/** Shows announcements where the user sees them without a window, such as the system's notifications. */
export interface Notifier {
  /** Its text is another's: shown as text alone. */
  show(announcement: Announcement): void;
  /** What it told of is over. Nothing when it is not shown. */
  close(id: number): void;
}

export interface FeedAddresses {
  readonly trades: string;
  readonly candles: string;
  /** Base of the REST dictionaries, e.g. https://host/dictionaries/v2/trades */
  readonly dictionary: string;
}

/** A demo feed that a host started for the core. */
export interface DemoFeedHandle {
  readonly addresses: FeedAddresses;
  readonly key: string;
  close(): Promise<void>;
}

/** Names in lower case. */
export type HandshakeHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What opening a socket may report, in order; `open` at most once, `close` exactly once. */
export interface SocketEvents {
  /** TCP, and TLS where there is one, stand: the request goes out. Before `open`; not every host tells. */
  reached?(): void;
  /** @param headers those of the answer, where the host tells them */
  open(headers?: HandshakeHeaders): void;
  /**
   * One text or binary message, as UTF-8 bytes from `start` (0 when it is lacking) up to `end` (the last
   * when it is lacking), so that no view need be made of each that came in one packet. Valid only during
   * the call, or during that of `together` around it.
   */
  message(bytes: Uint8Array, start?: number, end?: number): void;
  /** Is to run `tell`, which hands over messages that came at once; not every host has them together. */
  together?<T>(tell: (given: T) => void, given: T): void;
  ping(): void;
  pong(): void;
  /** The handshake was answered with another status than 101. `close` follows. */
  refused(status: number, headers: HandshakeHeaders): void;
  close(code: number, reason: string, error: Error | null): void;
}

export interface Socket {
  send(text: string): void;
  ping(): void;
  /** Ends at once; `close` is reported unless it was before. */
  terminate(): void;
  /** Closes with a closing handshake; the owner still terminates after a time limit. */
  close(code: number, reason: string): void;
}

export interface SocketOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For all of it, from the look-up of the address to the answer; then `close` tells ETIMEDOUT. */
  readonly handshakeTimeoutMs: number;
  readonly maxPayloadBytes: number;
}

export type SocketFactory = (options: SocketOptions, events: SocketEvents) => Socket;

/** Starts one of the store's worker threads; the script's place differs between source and package. */
export type WorkerName = 'writer' | 'reader';

export interface Ports {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly secrets: SecretStore;
  /** Absent where nobody would see it. */
  readonly notifier?: Notifier;
  readonly sockets: SocketFactory;
  readonly fetch: typeof globalThis.fetch;
  /** Absolute path or file URL of a worker thread's script. */
  readonly workerScript: (name: WorkerName) => string | URL;
  readonly startDemoFeed: () => Promise<DemoFeedHandle>;
}
