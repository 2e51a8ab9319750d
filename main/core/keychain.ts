/**
 * The key in the OS keychain, by keytar: Keychain on macOS, Credential Manager on Windows, the Secret
 * Service on Linux. Never hangs, and never in plaintext: where there is no keychain, it says so.
 */
import { execFile } from 'node:child_process';
import type { KeychainTrouble } from './contract.ts';
import { withoutKey } from './environment.ts';
import type { SecretStore } from './ports.ts';
import { redactorOf } from './redact.ts';
import { QuipuError } from './result.ts';

const SERVICE = 'Quipu';
const ACCOUNT = 'inca-api-key';
/** A locked keyring with a screen waits for the user, and keytar with it. */
const TIME_LIMIT_MS = 5_000;

/** The part of keytar that is used. Its `findCredentials` crashes the process when the keyring is locked. */
export interface Keytar {
  getPassword(service: string, account: string): Promise<string | null>;
  setPassword(service: string, account: string, password: string): Promise<void>;
  deletePassword(service: string, account: string): Promise<boolean>;
}

/** What keeps the keychain from being used, as an exception. */
export class KeychainError extends QuipuError {
  readonly trouble: KeychainTrouble;

  constructor(trouble: KeychainTrouble, message: string, action: string) {
    super('keychain', message, action);
    this.trouble = trouble;
  }
}

export interface KeychainOptions {
  /** keytar for one call, in a process that ends when `over` is aborted. */
  readonly load: (over: AbortSignal) => Promise<Keytar>;
  /** Whether the keychain is locked; null: that could not be found out. Asks the user nothing. */
  readonly isLocked?: () => Promise<boolean | null>;
  readonly timeLimitMs?: number;
}

/** What a call is to keep: a key, none (null), or what is there (undefined). */
type Wish = string | null | undefined;

/** A call that was given up, and that may still wait for the user. */
interface LeftBehind {
  readonly wish: Wish;
  readonly over: AbortController;
}

/**
 * A SecretStore over keytar.
 *
 * A call that does not end in time is given up, but left to wait, since the user may be answering its dialog.
 * The next call ends it and takes its place, so that at most one waits and none is late with an older key.
 */
export function createKeychain({
  load,
  isLocked = secretServiceLocked,
  timeLimitMs = TIME_LIMIT_MS,
}: KeychainOptions): SecretStore {
  const listeners: (() => void)[] = [];
  let leftBehind: LeftBehind | null = null;

  /** @throws {QuipuError} while the call that was left behind can do what is wished, once the user unlocks */
  async function takePlace(wish: Wish): Promise<void> {
    if (leftBehind === null) return;
    const { over, wish: earlier } = leftBehind;
    // Its dialog is on the screen, and a keyring shows that of another call only after it.
    if ((earlier === undefined || earlier === wish) && (await isLocked()) === true) throw isClosed();
    over.abort();
    leftBehind = null;
  }

  async function call<T>(use: (keytar: Keytar) => Promise<T>, wish?: Wish): Promise<T> {
    await takePlace(wish);
    const mine: LeftBehind = { wish, over: new AbortController() };
    const keytar = await load(mine.over.signal);
    // Asked beside it, since the answer must be there when the time is over.
    const locked = isLocked();
    let wasLeft = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        leftBehind = mine;
        void locked.then((isIt) => reject(isIt === true ? isClosed() : waiting()));
      }, timeLimitMs);
    });
    const done = use(keytar)
      .catch((error: unknown) => {
        throw unusable(error, wish ?? null);
      })
      .finally(() => {
        if (leftBehind !== mine) return;
        leftBehind = null;
        wasLeft = true;
      });
    try {
      return await Promise.race([done, late]);
    } finally {
      clearTimeout(timer);
      void done.then(
        // keytar's “nothing there” is that of a dialog put away, too.
        (value) => {
          if (wasLeft && value !== null && value !== false) for (const listener of listeners) listener();
        },
        // Nobody waits any more for one that fails late.
        () => undefined,
      );
    }
  }

  /** keytar answers "nothing there" for a locked keychain too. @throws {QuipuError} unless it is open */
  async function mustBeOpen(): Promise<void> {
    const locked = await isLocked();
    if (locked === false) return;
    if (locked === true) throw isClosed();
    throw new KeychainError(
      'failed',
      'The keychain shows no API key, and whether it is locked could not be found out.',
      UNLOCK,
    );
  }

  return {
    async get(quietly = false) {
      if (quietly && (await isLocked()) === true) throw isClosed();
      const key = await call((keytar) => keytar.getPassword(SERVICE, ACCOUNT));
      if (key === null) await mustBeOpen();
      return key;
    },
    set: (key) => call((keytar) => keytar.setPassword(SERVICE, ACCOUNT, key), key),
    async forget() {
      const forgotten = await call((keytar) => keytar.deletePassword(SERVICE, ACCOUNT), null);
      if (!forgotten) await mustBeOpen();
    },
    unlocked(listener) {
      listeners.push(listener);
    },
  };
}

/** keytar itself. @throws {QuipuError} kind `keychain` when it is not there or cannot be loaded */
export async function loadKeytar(): Promise<Keytar> {
  try {
    // CommonJS and native: some loaders give it as the default export alone.
    const loaded = (await import('keytar')) as Keytar & { readonly default?: Keytar };
    return loaded.default ?? loaded;
  } catch {
    throw new KeychainError(
      'missing',
      'There is no keychain for Quipu: keytar is not installed or its library is missing.',
      process.platform === 'linux'
        ? 'Install libsecret (Debian: libsecret-1-0) and start Quipu again; until then the key is kept for this session only.'
        : 'Install Quipu again; until then the key is kept for this session only.',
    );
  }
}

const UNLOCK = 'Unlock the keychain (log in with your password), then try again.';

function isClosed(): KeychainError {
  return new KeychainError('locked', 'The keychain is locked.', UNLOCK);
}

function waiting(): KeychainError {
  return new KeychainError(
    'late',
    'The keychain did not answer in time; it may be waiting for you to unlock it.',
    'Unlock the keychain, then try again.',
  );
}

/** libsecret's words, then those of macOS. */
const LOCKED_WORDS = /\blocked\b|IsLocked|interaction is not allowed/i;
/** The user said no, or the system does: a prompt put away, a refusal by macOS or D-Bus, an error of Windows. */
const DENIED_WORDS =
  /\bden(?:y|ied)\b|dismissed|cancel|not permitted|not authori[sz]ed|AccessDenied|authorization|passphrase you entered/i;
/** No bus, no service on it, no program to start one, no collection, no session of the user. */
const MISSING_WORDS =
  /not provided by any|ServiceUnknown|NameHasNoOwner|autolaunch|dbus-launch|could not connect|failed to connect|cannot spawn|no such file|connection refused|connection is closed|disconnected from message bus|could not be found|logon session does not exist/i;

/** keytar hands on the words of the system and no code. @param key what the error may not hold */
function unusable(error: unknown, key: string | null): QuipuError {
  if (error instanceof QuipuError) return error;
  const words = redactorOf(key)(error instanceof Error ? error.message : String(error));
  if (LOCKED_WORDS.test(words)) return isClosed();
  if (DENIED_WORDS.test(words)) {
    return new KeychainError(
      'denied',
      `The keychain refused Quipu: ${words}`,
      'Allow Quipu when the system asks, then try again.',
    );
  }
  const isLinux = process.platform === 'linux';
  if (MISSING_WORDS.test(words)) {
    return new KeychainError(
      'missing',
      `There is no keychain in this session: ${words}`,
      isLinux
        ? 'Start a keyring (GNOME Keyring, KWallet) in this session, then try again; or set QUIPU_API_KEY.'
        : 'Log in with your own account, then try again; or set QUIPU_API_KEY.',
    );
  }
  return new KeychainError(
    'failed',
    `The keychain could not be used: ${words}`,
    isLinux
      ? 'Start or unlock a keyring (GNOME Keyring, KWallet) in this session; or set QUIPU_API_KEY.'
      : 'Unlock the keychain, then try again; or set QUIPU_API_KEY.',
  );
}

/**
 * Ways to ask the Secret Service over D-Bus; a desktop has at least one of the three programs. Each ends in less
 * than the time limit; gdbus has up to 3 s more, in which it asks for the method's signature.
 */
const LOCKED_QUESTIONS: readonly (readonly [program: string, args: readonly string[]])[] = [
  [
    'dbus-send',
    [
      ...['--session', '--print-reply', '--reply-timeout=3000', '--dest=org.freedesktop.secrets'],
      ...['/org/freedesktop/secrets/aliases/default', 'org.freedesktop.DBus.Properties.Get'],
      ...['string:org.freedesktop.Secret.Collection', 'string:Locked'],
    ],
  ],
  [
    'gdbus',
    [
      ...['call', '--session', '--timeout', '2', '--dest', 'org.freedesktop.secrets'],
      ...['--object-path', '/org/freedesktop/secrets/aliases/default'],
      ...['--method', 'org.freedesktop.DBus.Properties.Get'],
      ...['org.freedesktop.Secret.Collection', 'Locked'],
    ],
  ],
  [
    'busctl',
    [
      ...['--user', '--timeout=3', 'get-property', 'org.freedesktop.secrets'],
      ...['/org/freedesktop/secrets/aliases/default', 'org.freedesktop.Secret.Collection', 'Locked'],
    ],
  ],
];

/** A service without a default collection: nothing was ever stored, so nothing is locked. */
const NO_COLLECTION = /UnknownObject|UnknownMethod|No such (object|interface|method)|does not exist/i;

/**
 * Whether the default collection is locked (Secret Service API 0.2, property
 * org.freedesktop.Secret.Collection.Locked). Reading a property asks the user nothing.
 */
async function secretServiceLocked(): Promise<boolean | null> {
  // Elsewhere keytar throws when the keychain is locked.
  if (process.platform !== 'linux') return false;
  for (const [program, args] of LOCKED_QUESTIONS) {
    const answer = await run(program, args);
    if (answer === null) continue;
    if (/\btrue\b/.test(answer)) return true;
    // Another program would ask the same service on the same bus.
    return /\bfalse\b/.test(answer) || NO_COLLECTION.test(answer) ? false : null;
  }
  return null;
}

/** What the program wrote, whether it succeeded or not; null when it could not be run or took too long. */
function run(program: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { timeout: TIME_LIMIT_MS, env: withoutKey(process.env) },
      (error, stdout, stderr) => {
        resolve(error !== null && typeof error.code !== 'number' ? null : stdout + stderr);
      },
    );
  });
}
