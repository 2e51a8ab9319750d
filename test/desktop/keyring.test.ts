/** A real keyring that is locked when the app starts and unlocked while it runs, and one that another program changes. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { library } from '../needs.ts';
import { keyInKeyring, lacking, packagedApp, type RunningApp, startApp } from './app.ts';
import { type DesktopSession, startDesktopSession } from './session.ts';

const WAIT = { timeout: 60_000 };
const ROOT = resolve(import.meta.dirname, '..', '..');
const RIGHT = 'keyring-right-8a40c1';
const OTHER = 'keyring-other-17de92';
const why = lacking();

const run = promisify(execFile);

/** As a screen saver locks and unlocks it; in one connection, since a secret's session ends with its own. */
const KEYRING = `
import dbus, sys
bus = dbus.SessionBus()
service = bus.get_object('org.freedesktop.secrets', '/org/freedesktop/secrets')
login = dbus.ObjectPath('/org/freedesktop/secrets/collection/login')
secrets = dbus.Interface(service, 'org.freedesktop.Secret.Service')
internal = dbus.Interface(service, 'org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface')
_, session = secrets.OpenSession('plain', dbus.String('', variant_level=1))
def password(text):
    return dbus.Struct((session, dbus.ByteArray(b''), dbus.ByteArray(text), 'text/plain'), signature='oayays')
first = password(b'\\n')
if sys.argv[1] == 'lock':
    secrets.Lock([login])
elif sys.argv[1] == 'unlock':
    internal.UnlockWithMasterPassword(login, first)
else:
    internal.ChangeWithMasterPassword(login, first, password(sys.argv[1].encode()))
`;
/** Types into what has the keyboard, which is the keyring's dialog while it is there, and presses Enter. */
const TYPE = `
import ctypes, sys
x = ctypes.CDLL('libX11.so.6')
test = ctypes.CDLL('libXtst.so.6')
x.XOpenDisplay.restype = ctypes.c_void_p
display = ctypes.c_void_p(x.XOpenDisplay(None))
for name in [*sys.argv[1], 'Return']:
    code = x.XKeysymToKeycode(display, ctypes.c_ulong(x.XStringToKeysym(name.encode())))
    for down in (1, 0):
        test.XTestFakeKeyEvent(display, code, down, ctypes.c_ulong(0))
x.XSync(display, 0)
`;
const PASSWORD = 'secret';

describe.skipIf(why !== null)(`the keyring${why === null ? '' : ` (${why})`}`, { timeout: 240_000 }, () => {
  let folder: TemporaryFolder;
  let session: DesktopSession;
  let program: string;
  let feed: DemoFeed;
  let env: Record<string, string>;
  let app: RunningApp | null = null;

  beforeAll(async () => {
    folder = temporaryFolder();
    feed = await startDemoFeed({ port: 0, seed: 3, rate: 20, key: RIGHT });
    [program, session] = await Promise.all([packagedApp(), startDesktopSession(folder.path)]);
    env = {
      ...session.env,
      QUIPU_TRADES_URL: feed.addresses.trades,
      QUIPU_METRICS_URL: feed.addresses.candles,
      QUIPU_DICTIONARY_URL: feed.addresses.dictionary,
      QUIPU_DATA_DIR: join(folder.path, 'data'),
    };
  }, 300_000);

  afterEach(async () => {
    if (app === null) return;
    app.app.process().kill('SIGTERM');
    expect(await app.ended).toBe(0);
    app = null;
  });

  afterAll(async () => {
    if (app !== null) {
      app.app.process().kill('SIGKILL');
      await app.ended;
    }
    await feed.close();
    await session.stop();
    folder.remove();
  });

  /** @param what `lock`, `unlock`, or the password that it is to have instead of that of its start */
  const keyring = (what: string): Promise<unknown> =>
    run('/usr/bin/python3', ['-c', KEYRING, what], { env: { ...session.env }, timeout: 20_000 });
  const inAnotherProgram = (call: string): Promise<unknown> =>
    run(process.execPath, ['-e', `require('keytar').${call}`], { cwd: ROOT, env: { ...session.env } });
  const write = (key: string): Promise<unknown> =>
    inAnotherProgram(`setPassword('Quipu', 'inca-api-key', '${key}')`);
  const forget = (): Promise<unknown> => inAnotherProgram("deletePassword('Quipu', 'inca-api-key')");
  const start = async (): Promise<RunningApp> => {
    app = await startApp(program, env);
    return app;
  };
  const phases = ({ page }: RunningApp): Promise<(string | null)[]> =>
    Promise.all(
      ['link-trades', 'link-candles'].map(async (link) =>
        (await page.getByTestId(link).count()) === 0
          ? null
          : page.getByTestId(link).getAttribute('data-phase'),
      ),
    );
  const startLive = async (): Promise<RunningApp> => {
    await write(feed.key);
    const running = await start();
    await expect.poll(() => phases(running), WAIT).toEqual(['live', 'live']);
    return running;
  };

  /** How many of keytar's processes the app has. */
  const waiting = ({ app: running }: RunningApp): Promise<number> =>
    running.evaluate(
      ({ app: electron }) =>
        electron
          .getAppMetrics()
          .filter(({ name, serviceName }) => [name, serviceName].includes('Quipu keychain')).length,
    );

  it('that was locked at the start gives its key once it is unlocked, and the feed goes live', async () => {
    await write(RIGHT);
    await keyring('lock');
    const started = await start();
    const { page } = started;
    const trouble = page.getByTestId('key-trouble');
    await trouble.waitFor(WAIT);
    // With an entry to give out, the keyring shows its dialog, which nobody answers here.
    expect(await trouble.getAttribute('data-trouble')).toBe('locked');
    expect(await trouble.textContent()).toMatch(/locked.*Unlock/);
    expect(await waiting(started)).toBe(1);
    await page.getByTestId('key-retry').click();
    await expect.poll(() => page.getByTestId('key-retry').isEnabled(), WAIT).toBe(true);
    expect(await trouble.getAttribute('data-trouble')).toBe('locked');
    expect(await waiting(started)).toBe(1);

    await keyring('unlock');
    expect(await keyInKeyring(session.env)).toBe(RIGHT);
    await page.getByTestId('key-retry').click();
    await expect.poll(() => phases(started), WAIT).toEqual(['live', 'live']);
    expect(await trouble.count()).toBe(0);
    await expect.poll(() => waiting(started), WAIT).toBe(0);
  });

  it('that another program changes disturbs nothing, until the key is tested or tried again', async () => {
    const running = await startLive();
    const { page } = running;
    await write(OTHER);
    feed.dropConnections();
    await expect.poll(() => phases(running), WAIT).toEqual(['live', 'live']);
    // The app wrote nothing over it.
    expect(await keyInKeyring(session.env)).toBe(OTHER);

    await page.getByTestId('tab-settings').click();
    await page.getByTestId('settings-key').click();
    await page.getByTestId('key-test').click();
    const refused = page.getByTestId('key-result').locator('[data-state=refused]');
    await expect.poll(() => refused.count(), WAIT).toBe(2);
    await expect.poll(() => phases(running), WAIT).toEqual(['refused', 'refused']);

    await write(RIGHT);
    await page.getByTestId('link-trades').click();
    // A reading that began with the refusals may have found it already, and then there is nothing to click.
    await expect
      .poll(async () => {
        const retry = page.getByTestId('retry-trades');
        await retry.click({ timeout: 1_000 }).catch(() => undefined);
        return phases(running);
      }, WAIT)
      .toEqual(['live', 'live']);
  });

  it('that another program changes is used once the server refuses the old key', async () => {
    const running = await startLive();
    await write(OTHER);
    const { port } = feed;
    await feed.close();
    feed = await startDemoFeed({ port, seed: 3, rate: 20, key: OTHER });
    await expect.poll(() => phases(running), WAIT).toEqual(['live', 'live']);
    await expect.poll(() => feed.connections, WAIT).toEqual({ trades: 1, candles: 1 });
    expect(await keyInKeyring(session.env)).toBe(OTHER);
  });

  it.skipIf(!library('libXtst.so.6'))(
    'that is unlocked in its own dialog gives its key by itself',
    async () => {
      await write(feed.key);
      await keyring(PASSWORD);
      await keyring('lock');
      const started = await start();
      const trouble = started.page.getByTestId('key-trouble');
      await trouble.waitFor(WAIT);
      expect(await trouble.getAttribute('data-trouble')).toBe('locked');
      // What is typed before the dialog has the keyboard makes it ask again.
      await expect
        .poll(
          async () => {
            if (await trouble.isVisible())
              await run('/usr/bin/python3', ['-c', TYPE, PASSWORD], { env: { ...session.env } });
            return phases(started);
          },
          { ...WAIT, interval: 3_000 },
        )
        .toEqual(['live', 'live']);
      expect(await trouble.count()).toBe(0);
    },
  );

  it('that another program takes away is used on, and said to be of this session alone', async () => {
    const running = await startLive();
    const { page } = running;
    await forget();
    await page.getByTestId('tab-settings').click();
    await page.getByTestId('settings-key').click();
    expect(await page.getByTestId('key-settings').getAttribute('data-place')).toBe('keychain');
    await page.getByTestId('key-test').click();
    const accepted = page.getByTestId('key-result').locator('[data-state=accepted]');
    await expect.poll(() => accepted.count(), WAIT).toBe(2);
    expect(await page.getByTestId('key-settings').getAttribute('data-place')).toBe('this session');
    expect(await phases(running)).toEqual(['live', 'live']);
  });
});
