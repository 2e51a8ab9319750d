/** The user's API key: where it is kept, what is in the way, and whether the feed takes it. */
import { type Endpoint, ENDPOINTS, type KeyState, type KeyVerdict } from './contract.ts';
import { KeychainError } from './keychain.ts';
import type { FeedAddresses, Logger, SecretStore, SocketFactory } from './ports.ts';
import type { Dialect } from './protocol/dialect.ts';
import { type Redact, redactorOf } from './redact.ts';
import { QuipuError, toAppError } from './result.ts';
import { tryHandshake } from './session/handshake.ts';

export class OwnKey {
  readonly #secrets: SecretStore;
  #value: string | null;
  #state: KeyState;
  #testing = false;
  /** Changes one after the other: which of two keys is kept must be the one that is used. */
  #changes: Promise<unknown> = Promise.resolve();

  /** @param given from the environment; it goes before the keychain and is never stored */
  constructor(secrets: SecretStore, given: string | null) {
    this.#secrets = secrets;
    this.#value = given;
    this.#state = { place: given === null ? 'none' : 'environment', problem: null };
  }

  get value(): string | null {
    return this.#value;
  }

  get state(): KeyState {
    return this.#state;
  }

  /** Reads the keychain unless there is a key. What keeps it from being read is a state, not a failure. */
  read(): Promise<void> {
    return this.#change(async () => {
      if (this.#value !== null) return;
      try {
        this.#value = await this.#secrets.get();
        this.#state = { place: this.#value === null ? 'none' : 'keychain', problem: null };
      } catch (error) {
        this.#state = { place: 'none', ...troubleOf(error) };
      }
    });
  }

  /** Uses another key from now on, kept in the keychain or, where that cannot be, in memory. */
  set(key: string): Promise<void> {
    return this.#change(() => this.#keep(key));
  }

  /** Asks the keychain again: for the key where there is none, or to keep that of this session. */
  async retry(): Promise<void> {
    const key = this.#value;
    if (this.#state.place === 'this session' && key !== null) await this.set(key);
    else await this.read();
  }

  /**
   * Reads the key of the keychain again, since another program may have changed it, and uses that from now on.
   * Shows the user no dialog; a keychain that cannot be read now changes nothing.
   *
   * @returns whether it is another key
   */
  renew(): Promise<boolean> {
    return this.#change(async () => {
      if (this.#state.place !== 'keychain') return false;
      const before = this.#value;
      const kept = await this.#secrets.get(true).catch(() => before);
      if (kept === null) this.#state = { place: 'this session', problem: null };
      else this.#value = kept;
      return this.#value !== before;
    });
  }

  /** @throws {QuipuError} kind `keychain` when the keychain has it and does not let go of it */
  forget(): Promise<void> {
    return this.#change(async () => {
      const { place } = this.#state;
      try {
        await this.#secrets.forget();
        this.#state = { place: 'none', problem: null };
      } catch (error) {
        if (place === 'keychain') throw error;
        // What is in memory alone needs no keychain to be forgotten.
        this.#state = { place: 'none', ...troubleOf(error) };
      }
      this.#value = null;
    });
  }

  /** See the command `key.test`. @throws {QuipuError} */
  async test(
    key: string | null,
    addresses: FeedAddresses,
    dialect: Dialect,
    sockets: SocketFactory,
  ): Promise<readonly KeyVerdict[]> {
    const tried = key ?? this.#value;
    if (tried === null)
      throw new QuipuError('no-key', 'There is no API key.', 'Enter the key that Inca Digital gave you.');
    // Each handshake counts against the server's limit of connections.
    if (this.#testing) throw new QuipuError('busy', 'A key is being tested.', 'Wait for its result.');
    this.#testing = true;
    try {
      const one = async (endpoint: Endpoint): Promise<KeyVerdict> => ({
        endpoint,
        problem: await tryHandshake(addresses[endpoint], tried, dialect, sockets),
      });
      return await Promise.all(ENDPOINTS.map(one));
    } finally {
      this.#testing = false;
    }
  }

  async #keep(key: string): Promise<void> {
    this.#value = key;
    try {
      await this.#secrets.set(key);
      this.#state = { place: 'keychain', problem: null };
    } catch (error) {
      this.#state = { place: 'this session', ...troubleOf(error) };
    }
  }

  #change<T>(make: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(make);
    this.#changes = done.catch(() => undefined);
    return done;
  }
}

function troubleOf(error: unknown): Pick<KeyState, 'problem' | 'trouble'> {
  return { problem: toAppError(error), trouble: error instanceof KeychainError ? error.trouble : 'failed' };
}

/** The log without the key, whoever's words hold it. */
export function keylessLogger(logger: Logger, key: () => string | null): Logger {
  let known: string | null = null;
  let redact = redactorOf(known);
  return {
    log(level, message, detail) {
      if (key() !== known) {
        known = key();
        redact = redactorOf(known);
      }
      logger.log(level, redact(message), detail === undefined ? detail : clean(detail, redact));
    },
  };
}

function clean<T>(value: T, redact: Redact): T;
function clean(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly unknown[]).map((each): unknown => clean(each, redact));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]: [string, unknown]) => [name, clean(each, redact)]),
  );
}
