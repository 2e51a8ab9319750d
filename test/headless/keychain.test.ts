/** The key in a real keyring: gnome-keyring on a bus of its own, in a home of its own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createKeychain, KeychainError, type Keytar } from '../../main/core/keychain.ts';
import { temporaryFolder } from '../helpers/quipu.ts';
import { findProgram, keytarLoads } from '../needs.ts';

const STEPS = join(import.meta.dirname, 'keychain-steps.ts');
const PROGRAMS = ['dbus-run-session', 'gnome-keyring-daemon', 'gdbus'];
const lacking = process.platform !== 'linux' || PROGRAMS.some((name) => findProgram(name) === null);
const skip = lacking || !keytarLoads();

interface Told {
  readonly name: string;
  readonly ms: number;
  readonly value?: unknown;
  readonly kind?: string;
  readonly message?: string;
  readonly action?: string;
}

/** Does the steps in one process. @param keyring `none`: no bus at all; `frozen`: a keyring that never answers */
function steps(keyring: 'open' | 'frozen' | 'none', names: readonly string[]): { told: Told[]; ms: number } {
  const home = temporaryFolder();
  const begun = performance.now();
  try {
    const env = { PATH: process.env['PATH'], HOME: home.path, XDG_RUNTIME_DIR: home.path };
    const run = [process.execPath, STEPS, ...names];
    const withKeyring = [
      'gnome-keyring-daemon --foreground --unlock --components=secrets <<<"" >/dev/null 2>&1 & keyring=$!',
      'gdbus wait --session --timeout 20 org.freedesktop.secrets || exit 9',
      keyring === 'frozen' ? 'kill -STOP $keyring' : ':',
      '"$@"',
      'kill -CONT $keyring; kill $keyring; wait',
    ].join('\n');
    const [program = '', ...args] =
      keyring === 'none' ? run : ['dbus-run-session', '--', 'bash', '-c', withKeyring, 'bash', ...run];
    const { stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8', timeout: 60_000 });
    const told = stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Told);
    expect(told, stderr).toHaveLength(names.length);
    return { told, ms: performance.now() - begun };
  } finally {
    home.remove();
  }
}

describe.skipIf(skip)(`the keychain (needs ${PROGRAMS.join(', ')} and keytar)`, { timeout: 90_000 }, () => {
  it('keeps the key, gives it back, forgets it', () => {
    const { told } = steps('open', ['get', 'set', 'get', 'forget', 'get', 'forget']);
    expect(told.map(({ value }) => value)).toEqual([
      null,
      null,
      'a key with 10^3 characters? no',
      null,
      null,
      null,
    ]);
  });

  it('locked: neither “there is no key” nor “it is forgotten”, but what to do', () => {
    const { told } = steps('open', ['set', 'lock', 'get', 'forget', 'set']);
    expect(told[0]).toMatchObject({ value: null });
    for (const step of told.slice(2)) {
      expect(step.kind, step.name).toBe('keychain');
      expect(step.message).toContain('locked');
      expect(step.action).toMatch(/unlock/i);
    }
  });

  it('without a bus: an error with its action, soon', () => {
    const { told } = steps('none', ['get', 'set', 'forget']);
    for (const step of told) {
      expect(step).toMatchObject({ kind: 'keychain' });
      expect(step.action).toContain('QUIPU_API_KEY');
      expect(step.ms).toBeLessThan(10_000);
    }
  });

  it('a keyring that never answers holds up neither the call nor the end of the process', () => {
    const { told, ms } = steps('frozen', ['get', 'get']);
    for (const step of told) {
      expect(step).toMatchObject({ kind: 'keychain' });
      expect(step.message).toContain('did not answer in time');
    }
    // libsecret itself gives up after 25 s for each of the three things that it asks.
    expect(ms).toBeLessThan(40_000);
  });
});

describe('what is behind the time limit', () => {
  const never = new Promise<never>(() => undefined);
  const keytar = (part: Partial<Keytar>): (() => Promise<Keytar>) => {
    const full: Keytar = {
      getPassword: () => Promise.resolve(null),
      setPassword: () => Promise.resolve(),
      deletePassword: () => Promise.resolve(false),
      ...part,
    };
    return () => Promise.resolve(full);
  };

  it('null is “absent” only of an open keychain', async () => {
    const open = createKeychain({ load: keytar({}), isLocked: () => Promise.resolve(false) });
    expect(await open.get()).toBeNull();
    await open.forget();
    for (const locked of [true, null]) {
      const closed = createKeychain({ load: keytar({}), isLocked: () => Promise.resolve(locked) });
      await expect(closed.get()).rejects.toMatchObject({ kind: 'keychain' });
      await expect(closed.forget()).rejects.toMatchObject({ kind: 'keychain' });
    }
  });

  /** A keychain whose calls all wait, until they are ended; and what was asked of it. */
  const waitingKeychain = (isLocked: () => Promise<boolean | null>) => {
    const calls: { readonly call: string; readonly over: AbortSignal }[] = [];
    const chain = createKeychain({
      load: (over) => {
        const wait = (call: string): Promise<never> => {
          calls.push({ call, over });
          return new Promise((_resolve, reject) => {
            over.addEventListener('abort', () => reject(new Error('its process ended')));
          });
        };
        return Promise.resolve({
          getPassword: () => wait('get'),
          setPassword: (_service, _account, key) => wait(`set ${key}`),
          deletePassword: () => wait('forget'),
        });
      },
      isLocked,
      timeLimitMs: 20,
    });
    return { chain, asked: () => calls.map(({ call, over }) => `${call}${over.aborted ? ' ended' : ''}`) };
  };
  const troubleOf = (done: Promise<unknown>): Promise<unknown> =>
    done.catch((error: unknown) => (error instanceof KeychainError ? error.trouble : error));

  it('a call that is late gives way to the next one', async () => {
    const { chain, asked } = waitingKeychain(() => Promise.resolve(null));
    expect(await troubleOf(chain.get())).toBe('late');
    expect(asked()).toEqual(['get']);
    expect(await troubleOf(chain.get())).toBe('late');
    expect(asked()).toEqual(['get ended', 'get']);
  });

  it('a call that waits because of the lock says so, keeps its dialog, and is made again once it is unlocked', async () => {
    let locked = true;
    const { chain, asked } = waitingKeychain(() => Promise.resolve(locked));
    expect(await troubleOf(chain.get())).toBe('locked');
    expect(await troubleOf(chain.get())).toBe('locked');
    expect(await troubleOf(chain.set('A'))).toBe('locked');
    expect(asked()).toEqual(['get']);
    locked = false;
    expect(await troubleOf(chain.get())).toBe('late');
    expect(asked()).toEqual(['get ended', 'get']);
  });

  it('a change that waits is ended by another, so that no late one undoes it', async () => {
    const { chain, asked } = waitingKeychain(() => Promise.resolve(true));
    expect(await troubleOf(chain.set('A'))).toBe('locked');
    // The same again: its dialog is there.
    expect(await troubleOf(chain.set('A'))).toBe('locked');
    expect(asked()).toEqual(['set A']);
    expect(await troubleOf(chain.set('B'))).toBe('locked');
    expect(await troubleOf(chain.forget())).toBe('locked');
    expect(await troubleOf(chain.get())).toBe('locked');
    expect(asked()).toEqual(['set A ended', 'set B ended', 'forget ended', 'get']);
  });

  it('read quietly, a locked one shows no dialog', async () => {
    const { chain, asked } = waitingKeychain(() => Promise.resolve(true));
    expect(await troubleOf(chain.get(true))).toBe('locked');
    expect(asked()).toEqual([]);
  });

  it.each([
    ['the key', 1],
    [null, 0],
  ])(
    'a late call ends: %s. It is told when the keychain was unlocked, and calls are made as ever',
    async (answer, times) => {
      let end: (key: string | null) => void = () => undefined;
      const late = new Promise<string | null>((resolve) => (end = resolve));
      let told = 0;
      const chain = createKeychain({
        load: keytar({ getPassword: () => late }),
        isLocked: () => Promise.resolve(false),
        timeLimitMs: 20,
      });
      chain.unlocked?.(() => told++);
      expect(await troubleOf(chain.get())).toBe('late');
      end(answer);
      await setImmediate();
      expect(await chain.get()).toBe(answer);
      expect(told).toBe(times);
    },
  );

  it('the key is in no error', async () => {
    const setPassword = (): Promise<void> => Promise.reject(new Error('no room'));
    const chain = createKeychain({ load: keytar({ setPassword, getPassword: () => never }) });
    const error = (await chain.set('s3cret-key').catch((thrown: unknown) => thrown)) as Error;
    expect(JSON.stringify(error) + error.message + (error.stack ?? '')).not.toContain('s3cret-key');
    expect(error.message).toContain('no room');
  });
});
