/** Where the key is kept and what is in the way, over a keychain whose every answer the test makes. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { KeychainTrouble } from '../../main/core/contract.ts';
import { createKeychain, KeychainError, type Keytar } from '../../main/core/keychain.ts';
import { keylessLogger, OwnKey } from '../../main/core/key.ts';
import { withoutKey } from '../../main/core/environment.ts';
import { answerKeytar, keytarBy } from '../../main/core/keytar-call.ts';
import type { SecretStore, SocketFactory } from '../../main/core/ports.ts';
import { DEFAULT_DIALECT } from '../../main/core/protocol/dialect.ts';

const KEY = 'a-key-for-the-tests';
const LOCKED = new KeychainError('locked', 'The keychain is locked.', 'Unlock it.');

let kept: string | null;
let trouble: Error | null;
/** Of each reading. */
let wereQuiet: boolean[];
const secrets: SecretStore = {
  get: async (quietly = false) => {
    wereQuiet.push(quietly);
    if (trouble !== null) throw trouble;
    return kept;
  },
  set: async (key) => {
    if (trouble !== null) throw trouble;
    kept = key;
  },
  forget: async () => {
    if (trouble !== null) throw trouble;
    kept = null;
  },
};
beforeEach(() => {
  kept = null;
  trouble = null;
  wereQuiet = [];
});

describe('the key', () => {
  it('comes from the keychain, is replaced and forgotten there', async () => {
    kept = KEY;
    const key = new OwnKey(secrets, null);
    await key.read();
    expect([key.value, key.state]).toEqual([KEY, { place: 'keychain', problem: null }]);
    await key.set('another-key');
    expect([key.value, kept]).toEqual(['another-key', 'another-key']);
    await key.forget();
    expect([key.value, kept, key.state.place]).toEqual([null, null, 'none']);
  });

  it('of the environment goes before the keychain and is not stored', async () => {
    kept = 'another-key';
    const key = new OwnKey(secrets, KEY);
    await key.read();
    expect([key.value, key.state.place, kept]).toEqual([KEY, 'environment', 'another-key']);
  });

  it('of a locked keychain is asked for again once it is unlocked', async () => {
    kept = KEY;
    trouble = LOCKED;
    const key = new OwnKey(secrets, null);
    await key.read();
    expect(key.value).toBeNull();
    expect(key.state).toMatchObject({ place: 'none', trouble: 'locked', problem: { action: 'Unlock it.' } });
    trouble = null;
    await key.retry();
    expect([key.value, key.state]).toEqual([KEY, { place: 'keychain', problem: null }]);
  });

  it('is of this session where there is no keychain, kept as soon as there is one, and forgotten without', async () => {
    trouble = new KeychainError('missing', 'None.', 'Start one.');
    const key = new OwnKey(secrets, null);
    await key.set(KEY);
    expect([key.value, kept]).toEqual([KEY, null]);
    expect(key.state).toMatchObject({ place: 'this session', trouble: 'missing' });
    await key.forget();
    expect([key.value, key.state.place]).toEqual([null, 'none']);
    await key.set(KEY);
    trouble = null;
    await key.retry();
    expect([kept, key.state]).toEqual([KEY, { place: 'keychain', problem: null }]);
  });

  it('that another program changes in the keychain is read again, without a dialog; one that it takes away stays in use', async () => {
    const key = new OwnKey(secrets, null);
    await key.set(KEY);
    expect(await key.renew()).toBe(false);
    kept = 'another-key';
    trouble = LOCKED;
    expect([await key.renew(), key.value, key.state.place]).toEqual([false, KEY, 'keychain']);
    trouble = null;
    expect([await key.renew(), key.value, key.state.place]).toEqual([true, 'another-key', 'keychain']);
    kept = null;
    expect([await key.renew(), key.value, key.state.place]).toEqual([false, 'another-key', 'this session']);
    kept = KEY;
    expect([await key.renew(), key.value]).toEqual([false, 'another-key']);
    expect(wereQuiet).toEqual([true, true, true, true]);
  });

  it('of the environment is not exchanged for that of the keychain', async () => {
    kept = 'another-key';
    const key = new OwnKey(secrets, KEY);
    expect([await key.renew(), key.value]).toEqual([false, KEY]);
  });

  it('that the keychain holds and does not let go of is not said to be forgotten', async () => {
    kept = KEY;
    const key = new OwnKey(secrets, null);
    await key.read();
    trouble = LOCKED;
    await expect(key.forget()).rejects.toBe(LOCKED);
    expect([key.value, key.state.place]).toEqual([KEY, 'keychain']);
  });

  it('two that are set at once: the later one is used and kept', async () => {
    const key = new OwnKey(secrets, null);
    await Promise.all([key.set('the-first-key'), key.set('the-second-key')]);
    expect([key.value, kept]).toEqual(['the-second-key', 'the-second-key']);
  });
});

describe('a test of a key', () => {
  const addresses = { trades: 'wss://t', candles: 'wss://c', dictionary: 'https://d' };
  let asked: [string, string | undefined][];
  /** Lets `good` in; to others it repeats what it was given. */
  const sockets: SocketFactory = ({ url, headers }, events) => {
    const given = headers['Authorization'];
    asked.push([url, given]);
    const end = (): void => events.close(1006, '', null);
    setImmediate(() => {
      if (given === 'the-good-key') events.open();
      else {
        events.refused(401, { 'x-inca-error-message': `Key ${given ?? ''} is not valid` });
        end();
      }
    });
    return { send() {}, ping() {}, close() {}, terminate: end };
  };
  beforeEach(() => {
    asked = [];
  });

  it('is one handshake at each endpoint, and changes nothing', async () => {
    const key = new OwnKey(secrets, KEY);
    const good = await key.test('the-good-key', addresses, DEFAULT_DIALECT, sockets);
    expect(good).toEqual([
      { endpoint: 'trades', problem: null },
      { endpoint: 'candles', problem: null },
    ]);
    expect(asked).toEqual([
      ['wss://t', 'the-good-key'],
      ['wss://c', 'the-good-key'],
    ]);
    expect([key.value, kept]).toEqual([KEY, null]);
  });

  it('says what the server says, without the key', async () => {
    const verdicts = await new OwnKey(secrets, KEY).test(null, addresses, DEFAULT_DIALECT, sockets);
    expect(verdicts[0]?.problem).toMatchObject({
      kind: 'unauthorized',
      serverWords: 'Key [API key] is not valid',
    });
    expect(JSON.stringify(verdicts)).not.toContain(KEY);
  });

  it('needs a key, and is one at a time', async () => {
    const none = new OwnKey(secrets, null);
    await expect(none.test(null, addresses, DEFAULT_DIALECT, sockets)).rejects.toMatchObject({
      kind: 'no-key',
    });
    const key = new OwnKey(secrets, KEY);
    const first = key.test(null, addresses, DEFAULT_DIALECT, sockets);
    await expect(key.test(null, addresses, DEFAULT_DIALECT, sockets)).rejects.toMatchObject({ kind: 'busy' });
    await first;
    expect(await key.test(null, addresses, DEFAULT_DIALECT, sockets)).toHaveLength(2);
  });
});

describe('what keeps a keychain from being used', () => {
  it.each<[string, KeychainTrouble, RegExp]>([
    ['Cannot create an item in a locked collection', 'locked', /unlock/i],
    ['User interaction is not allowed.', 'locked', /unlock/i],
    ['The prompt was dismissed', 'denied', /allow/i],
    ['User canceled the operation.', 'denied', /allow/i],
    ['Access is denied.', 'denied', /allow/i],
    ['GDBus.Error:org.freedesktop.DBus.Error.AccessDenied: Rejected send message', 'denied', /allow/i],
    ['The name org.freedesktop.secrets was not provided by any .service files', 'missing', /QUIPU_API_KEY/],
    ['Cannot autolaunch D-Bus without X11 $DISPLAY', 'missing', /QUIPU_API_KEY/],
    ['Could not connect: No such file or directory', 'missing', /QUIPU_API_KEY/],
    ['A specified logon session does not exist.', 'missing', /QUIPU_API_KEY/],
    ['A default keychain could not be found.', 'missing', /QUIPU_API_KEY/],
    ['something new', 'failed', /QUIPU_API_KEY/],
  ])('%s: %s', async (words, expected, action) => {
    const fail = (): Promise<never> => Promise.reject(new Error(words));
    const keytar: Keytar = { getPassword: fail, setPassword: fail, deletePassword: fail };
    const chain = createKeychain({ load: () => Promise.resolve(keytar) });
    for (const use of [() => chain.get(), () => chain.set(KEY), () => chain.forget()]) {
      const error = await use().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(KeychainError);
      expect(error).toMatchObject({ kind: 'keychain', trouble: expected });
      expect((error as KeychainError).action).toMatch(action);
    }
  });

  it('a keychain that repeats the key in its error: the error goes without it', async () => {
    const fail = (): Promise<never> => Promise.reject(new Error(`cannot store ${KEY}`));
    const keytar: Keytar = { getPassword: fail, setPassword: fail, deletePassword: fail };
    const chain = createKeychain({ load: () => Promise.resolve(keytar) });
    const error = (await chain.set(KEY).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message + (error.stack ?? '')).not.toContain(KEY);
  });
});

describe('keytar in another process', () => {
  it('gives values and errors as keytar does', async () => {
    const told: unknown[] = [];
    const keytar = keytarBy((call) => {
      told.push(call);
      return Promise.resolve(call.method === 'getPassword' ? { value: KEY } : { words: 'no room' });
    });
    expect(await keytar.getPassword('s', 'a')).toBe(KEY);
    await expect(keytar.setPassword('s', 'a', KEY)).rejects.toThrow('no room');
    expect(told).toEqual([
      { method: 'getPassword', args: ['s', 'a'] },
      { method: 'setPassword', args: ['s', 'a', KEY] },
    ]);
    const missing = keytarBy(() => Promise.resolve({ words: 'none', trouble: 'missing', action: 'do' }));
    await expect(missing.deletePassword('s', 'a')).rejects.toMatchObject({
      trouble: 'missing',
      action: 'do',
    });
  });

  it('a call that keytar throws at is an answer', async () => {
    const answer = await answerKeytar({ method: 'setPassword', args: ['', '', ''] });
    expect(answer).toHaveProperty('words');
  });

  it('the process is not handed the key of the environment', () => {
    expect(withoutKey({ QUIPU_API_KEY: KEY, HOME: '/h', LANG: undefined })).toEqual({ HOME: '/h' });
  });
});

it('the log goes without the key, in words and in detail', () => {
  const lines: unknown[] = [];
  let key: string | null = KEY;
  const logger = keylessLogger({ log: (...line) => void lines.push(line) }, () => key);
  logger.log('warn', `no ${KEY}`);
  logger.log('info', 'detail', { words: [`x${KEY}`, 7, null], deep: { url: `ws://h/?k=${KEY}` } });
  key = 'another-key-now';
  logger.log('info', 'another-key-now', { n: 1 });
  expect(JSON.stringify(lines)).not.toMatch(/a-key-for-the-tests|another-key-now/);
  expect(lines[1]).toEqual([
    'info',
    'detail',
    { words: ['x[API key]', 7, null], deep: { url: 'ws://h/?k=[API key]' } },
  ]);
});
