/** What the computer tells the app, and what the app asks of it: sleep, networks, power, log-in and log-out. */
import { homedir, networkInterfaces } from 'node:os';
import { app, BrowserWindow, dialog, powerMonitor, powerSaveBlocker } from 'electron';
import type { CoreEvent, Settings } from '../core/contract.ts';
import type { Core } from '../core/core.ts';
import type { Logger } from '../core/ports.ts';
import { toAppError } from '../core/result.ts';
import { ownAppImage } from './app-image.ts';
import { type Autostart, xdgAutostart } from './autostart.ts';
import type { ShellClient } from './core-client.ts';
import { networkWatch } from './network.ts';
import { isOnMains, keepsAwake } from './power.ts';

const NETWORK_LOOK_MS = 2_000;
const POWER_LOOK_MS = 30_000;
const POWER_SUPPLIES = '/sys/class/power_supply';
const HIDDEN = '--hidden';

export interface SystemWatch {
  /** What all views are told. */
  take(event: CoreEvent): void;
  /** Lets go of what it asked of the system. */
  end(): void;
}

/** Before the app is ready: the system ends, or the user's session does, and nobody is there to be asked. */
export function onSystemEnd(end: (why: string) => void): void {
  void app.whenReady().then(() => {
    // Electron sets its own before it is ready, which quit as the user does; the last that is set is heard.
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, () => end(signal));
    if (process.platform === 'win32') onWindowsEnd(end);
    // Linux and macOS wait a moment for who asks for one.
    powerMonitor.on('shutdown', (event?: { preventDefault(): void }) => {
      event?.preventDefault();
      end('shutdown');
    });
  });
}

/** Windows tells windows alone, so one that is never shown hears it while Quipu is in the tray. */
function onWindowsEnd(end: (why: string) => void): void {
  const ear = new BrowserWindow({ show: false, skipTaskbar: true, focusable: false });
  ear.on('query-session-end', (event) => {
    // Windows goes on by itself once Quipu has ended; without this it would not wait for the record.
    event.preventDefault();
    end('query-session-end');
  });
  // An end that nobody may put off is not asked about.
  ear.on('session-end', () => end('session-end'));
}

/** Whether the system started the app at log-in, so that no window is wanted. */
export function isStartedAtLogin(): boolean {
  return process.platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin;
}

export function watchSystem(core: Core, client: ShellClient, logger: Logger): SystemWatch {
  const network = networkWatch(networkInterfaces);
  const login = loginItem();
  let settings: Settings | null = null;
  let isRecording = false;
  let blocker: number | null = null;

  powerMonitor.on('suspend', () => core.sleep());
  powerMonitor.on('resume', () => core.wake());

  const lookAtNetwork = (): void => {
    if (!network.look()) return;
    logger.log('info', 'the network is another, so links that wait try again');
    void client.ask('link.retry', { endpoint: null });
  };
  const timers = [setInterval(lookAtNetwork, NETWORK_LOOK_MS), setInterval(judgePower, POWER_LOOK_MS)];
  powerMonitor.on('on-ac', judgePower);
  powerMonitor.on('on-battery', judgePower);

  function judgePower(): void {
    const isMains =
      process.platform === 'linux' ? isOnMains(POWER_SUPPLIES) : !powerMonitor.isOnBatteryPower();
    const wanted = keepsAwake({ isAsked: settings?.keepAwake ?? false, isRecording, isOnMains: isMains });
    if (wanted === (blocker !== null)) return;
    if (blocker === null) blocker = powerSaveBlocker.start('prevent-app-suspension');
    else {
      powerSaveBlocker.stop(blocker);
      blocker = null;
    }
    logger.log('info', wanted ? 'the computer is kept awake' : 'the computer may sleep');
  }

  /** What the system says goes before what is kept: the user may have changed it there. */
  function learnLogin(kept: Settings): void {
    const startAtLogin = login.isOn();
    if (startAtLogin !== (kept.startAtLogin ?? false))
      void client.ask('settings.set', { settings: { startAtLogin } });
  }

  async function setLogin(on: boolean): Promise<void> {
    if (on === login.isOn()) return;
    try {
      await login.set(on);
    } catch (error) {
      const { message } = toAppError(error);
      logger.log('error', 'start at log-in could not be set', { message });
      await client.ask('settings.set', { settings: { startAtLogin: login.isOn() } });
      dialog.showErrorBox('Start at log-in could not be set', message);
    }
  }

  function takeSettings(next: Settings): void {
    const isFirst = settings === null;
    settings = next;
    if (isFirst) learnLogin(next);
    else void setLogin(next.startAtLogin ?? false);
    judgePower();
  }

  return {
    take(event) {
      if (event.type === 'snapshot') {
        isRecording = event.snapshot.recording.state === 'recording';
        if (settings === null) takeSettings(event.snapshot.settings);
      } else if (event.type === 'settings') takeSettings(event.settings);
      else if (event.type === 'recording') isRecording = event.recording.state === 'recording';
      else return;
      judgePower();
    },
    end() {
      for (const timer of timers) clearInterval(timer);
      isRecording = false;
      judgePower();
    },
  };
}

function loginItem(): Autostart {
  if (!app.isPackaged)
    return {
      isOn: () => false,
      set: () => Promise.reject(new Error('Only an installed Quipu can do that.')),
    };
  if (process.platform === 'linux') {
    // An AppImage is run from a folder that is there for that run alone.
    const program = ownAppImage(process.env, process.execPath) ?? process.execPath;
    return xdgAutostart(process.env, homedir(), program);
  }
  return {
    isOn: () => app.getLoginItemSettings({ args: [HIDDEN] }).openAtLogin,
    set: (on) => {
      app.setLoginItemSettings({ openAtLogin: on, args: [HIDDEN] });
      return Promise.resolve();
    },
  };
}
