/** A desktop of its own for a test: a screen, a D-Bus session, a keyring and a tray, all real but the tray. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

const WATCHER = 'org.kde.StatusNotifierWatcher';
const WATCHER_PATH = '/StatusNotifierWatcher';
const MOCK = 'org.freedesktop.DBus.Mock';
const MENU = 'com.canonical.dbusmenu';
const NOTIFICATIONS = 'org.freedesktop.Notifications';
const NOTIFICATIONS_PATH = '/org/freedesktop/Notifications';
const MANAGER = 'org.gnome.SessionManager';
const MANAGER_PATH = '/org/gnome/SessionManager';

/** Notifications are numbered from 1, in the order in which they were asked for. */
const NUMBERED = 'ret = args[1] if args[1] else sum(1 for call in self.call_log if call[1] == "Notify")';
/** Their calls as JSON: GVariant's own text is hard to read back. */
const CALLS = `
import dbus, json, sys
mock = dbus.Interface(dbus.SessionBus().get_object('${NOTIFICATIONS}', '${NOTIFICATIONS_PATH}'), '${MOCK}')
print(json.dumps([[part for part in args] for _, args in mock.GetMethodCalls(sys.argv[1])]))
`;

export interface TrayMenuItem {
  readonly id: number;
  readonly label: string;
}

export interface ShownNotification {
  /** The server's. */
  readonly id: number;
  readonly title: string;
  readonly body: string;
  readonly actions: readonly string[];
}

export interface DesktopSession {
  /** For programs that live in it. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of the icons that registered with the tray, in their order. */
  trayIcons(): Promise<string[]>;
  /** What an icon's menu shows now. */
  trayMenu(icon: string): Promise<TrayMenuItem[]>;
  /** Chooses from an icon's menu, as a user does with the mouse. */
  chooseFromTray(icon: string, label: string): Promise<void>;
  /** What an icon looks like now: equal texts are equal pictures. */
  trayPicture(icon: string): Promise<string>;
  /** All that programs asked to be shown, in their order. */
  notifications(): Promise<ShownNotification[]>;
  /** Those that programs took back. */
  closedNotifications(): Promise<number[]>;
  /** Clicks on a notification. */
  clickNotification(id: number): Promise<void>;
  /** How often programs asked GNOME's session manager to keep the computer awake, and gave that back. */
  inhibitions(): Promise<{ readonly asked: number; readonly given: number }>;
  stop(): Promise<void>;
}

/** @param folder gets the home of its user */
export async function startDesktopSession(folder: string): Promise<DesktopSession> {
  const home = join(folder, 'home');
  const runtime = join(folder, 'runtime');
  mkdirSync(home, { recursive: true });
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  const children: ChildProcess[] = [];
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    XDG_RUNTIME_DIR: runtime,
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_CACHE_HOME: join(home, 'cache'),
    // What no test should wait for: there is no accessibility bus here.
    NO_AT_BRIDGE: '1',
  };

  async function stop(): Promise<void> {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    }
  }

  /** Starts a program of the session; with `line`, waits for the first line that it writes there. */
  function start(program: string, args: readonly string[], line?: 'stdout' | 'third'): Promise<string> {
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'ignore', 'pipe'] });
    children.push(child);
    const [input, output, , third] = child.stdio as unknown as [Writable, Readable, null, Readable];
    // An empty password, which is what unlocks the keyring; the others may have closed theirs by now.
    input.on('error', () => undefined).end('\n');
    if (line !== 'stdout') output.resume();
    if (line !== 'third') third.resume();
    if (line === undefined) return Promise.resolve('');
    return new Promise((resolve, reject) => {
      createInterface(line === 'stdout' ? output : third).once('line', resolve);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)));
    });
  }

  const gdbus = async (...args: readonly string[]): Promise<string> =>
    (await run('gdbus', args, { env, timeout: 20_000 })).stdout;
  const call = (dest: string, path: string, method: string, ...args: readonly string[]): Promise<string> =>
    gdbus('call', '--session', '--dest', dest, '--object-path', path, '--method', method, '--', ...args);
  const mock = (method: string, ...args: readonly string[]): Promise<string> =>
    call(WATCHER, WATCHER_PATH, `${MOCK}.${method}`, ...args);
  const notifier = (method: string, ...args: readonly string[]): Promise<string> =>
    call(NOTIFICATIONS, NOTIFICATIONS_PATH, `${MOCK}.${method}`, ...args);
  const manager = (method: string, ...args: readonly string[]): Promise<string> =>
    call(MANAGER, MANAGER_PATH, `${MOCK}.${method}`, ...args);
  /** Each call's time comes first of what the mock noted of it. */
  const managerCalls = async (method: string): Promise<number> =>
    [...(await manager('GetMethodCalls', method)).matchAll(/\((?:uint64 )?\d+, \[/g)].length;
  const notifierCalls = async (method: string): Promise<readonly (readonly unknown[])[]> => {
    const { stdout } = await run('/usr/bin/python3', ['-c', CALLS, method], { env, timeout: 20_000 });
    return JSON.parse(stdout) as readonly (readonly unknown[])[];
  };
  const present = (name: string): Promise<string> => gdbus('wait', '--session', '--timeout', '15', name);

  const propertyOf = (icon: string, name: string): Promise<string> =>
    call(
      icon,
      '/StatusNotifierItem',
      'org.freedesktop.DBus.Properties.Get',
      'org.kde.StatusNotifierItem',
      name,
    );

  async function menuOf(icon: string): Promise<string> {
    const answer = await propertyOf(icon, 'Menu');
    return /'([^']+)'/.exec(answer)?.[1] ?? '';
  }

  async function trayMenu(icon: string): Promise<TrayMenuItem[]> {
    const layout = await call(icon, await menuOf(icon), `${MENU}.GetLayout`, '0', '-1', '@as []');
    return [...layout.matchAll(/\((\d+), \{[^}]*'label': <(?:'([^']*)'|"([^"]*)")>/g)].map((match) => ({
      id: Number(match[1]),
      label: match[2] ?? match[3] ?? '',
    }));
  }

  try {
    const screen = ['-screen', '0', '1600x1000x24', '-nolisten', 'tcp', '-displayfd', '3'];
    env['DISPLAY'] = `:${await start('Xvfb', screen, 'third')}`;
    env['DBUS_SESSION_BUS_ADDRESS'] = await start(
      'dbus-daemon',
      ['--session', '--nofork', '--nopidfile', '--print-address=1'],
      'stdout',
    );
    await start('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets']);
    // Debian's Python, whose modules Debian's dbusmock is among.
    await start('/usr/bin/python3', ['-m', 'dbusmock', '--session', WATCHER, WATCHER_PATH, WATCHER]);
    const server = [NOTIFICATIONS, NOTIFICATIONS_PATH, NOTIFICATIONS];
    await start('/usr/bin/python3', ['-m', 'dbusmock', '--session', ...server]);
    await start('/usr/bin/python3', ['-m', 'dbusmock', '--session', MANAGER, MANAGER_PATH, MANAGER]);
    await Promise.all(
      ['org.freedesktop.secrets', WATCHER, NOTIFICATIONS, MANAGER].map((name) => present(name)),
    );
    await manager('AddMethod', MANAGER, 'Inhibit', 'susu', 'u', 'ret = len(self.call_log)');
    await manager('AddMethod', MANAGER, 'Uninhibit', 'u', '', '');
    await notifier('AddMethod', NOTIFICATIONS, 'Notify', 'susssasa{sv}i', 'u', NUMBERED);
    await notifier('AddMethod', NOTIFICATIONS, 'CloseNotification', 'u', '', '');
    const able = 'ret = ["actions", "body", "body-markup"]';
    await notifier('AddMethod', NOTIFICATIONS, 'GetCapabilities', '', 'as', able);
    const named = 'ret = ("mock", "test", "1", "1.2")';
    await notifier('AddMethod', NOTIFICATIONS, 'GetServerInformation', '', 'ssss', named);
    await mock('AddProperty', WATCHER, 'IsStatusNotifierHostRegistered', '<true>');
    await mock('AddProperty', WATCHER, 'ProtocolVersion', '<0>');
    await mock('AddMethod', WATCHER, 'RegisterStatusNotifierItem', 's', '', '');
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    env,
    async trayIcons() {
      const calls = await mock('GetMethodCalls', 'RegisterStatusNotifierItem');
      return [...calls.matchAll(/<'([^']+)'>/g)].map((match) => match[1] ?? '');
    },
    trayMenu,
    async chooseFromTray(icon, label) {
      const item = (await trayMenu(icon)).find((each) => each.label === label);
      if (item === undefined) throw new Error(`The tray's menu has no ${label}.`);
      await call(icon, await menuOf(icon), `${MENU}.Event`, String(item.id), 'clicked', "<''>", '0');
    },
    trayPicture: (icon) => propertyOf(icon, 'IconPixmap'),
    async notifications() {
      const calls = await notifierCalls('Notify');
      return calls.map(([, , , title, body, actions], at) => ({
        id: at + 1,
        title: String(title),
        body: String(body),
        actions: actions as readonly string[],
      }));
    },
    closedNotifications: async () => (await notifierCalls('CloseNotification')).map(([id]) => Number(id)),
    async clickNotification(id) {
      const args = `[<uint32 ${id}>, <'default'>]`;
      await notifier('EmitSignal', NOTIFICATIONS, 'ActionInvoked', 'us', args);
    },
    async inhibitions() {
      const [asked, given] = await Promise.all([managerCalls('Inhibit'), managerCalls('Uninhibit')]);
      return { asked, given };
    },
    stop,
  };
}
