/** The running desktop: the core in Electron's main process, one window, the tray, and the way out. */
import { join } from 'node:path';
import { app, type BrowserWindow, dialog, Menu, powerMonitor } from 'electron';
import { type Core, createCore } from '../core/core.ts';
import { toAppError } from '../core/result.ts';
import { environmentDialect, environmentKey, feedAddresses } from '../core/environment.ts';
import { progressWords } from '../core/store/progress.ts';
import type { StoreProgress } from '../core/store/store.ts';
import { serveBridge } from './bridge.ts';
import type { FileLog } from './log.ts';
import { desktopPorts } from './ports.ts';
import { serveScheme } from './scheme.ts';
import { type Status, statusAfter } from './status.ts';
import { type AppTray, createTray } from './tray.ts';
import { createWindow, limitPermissions, showWindow } from './window.ts';

/** What was received takes a moment to reach the disk; longer than this it is not waited for. */
const FLUSH_MS = 10_000;
const LOG_MS = 1_000;

export class Desktop {
  readonly #folder: string;
  readonly #log: FileLog;
  readonly #out = join(app.getAppPath(), 'out');
  #core: Promise<Core> | null = null;
  #window: BrowserWindow | null = null;
  #tray: AppTray | null = null;
  #isQuitting = false;

  /** Before the app is ready. @param folder the data folder */
  constructor(folder: string, log: FileLog) {
    this.#folder = folder;
    this.#log = log;
    app.on('second-instance', () => this.open());
    app.on('activate', () => this.open());
    // The tray keeps the app, with or without a window.
    app.on('window-all-closed', () => undefined);
    app.on('before-quit', (event) => {
      event.preventDefault();
      this.#quit();
    });
    process.on('uncaughtException', (error) => {
      this.#log.log('error', 'an unexpected error', { message: error.message, stack: error.stack });
    });
    process.on('unhandledRejection', (reason) => {
      this.#log.log('error', 'an unexpected rejection', { message: toAppError(reason).message });
    });
  }

  /** The window first, since a locked keychain or a large record takes its time. */
  async start(isDemo: boolean): Promise<void> {
    this.#log.log('info', 'Quipu starts', {
      version: app.getVersion(),
      electron: process.versions['electron'],
    });
    limitPermissions();
    serveScheme(join(this.#out, 'renderer'));
    setMenu();
    this.#tray = createTray(join(this.#out, 'main', 'icons'), {
      open: () => this.open(),
      quit: () => app.quit(),
    });
    this.#tray.show(null);
    const opening = this.#openCore();
    this.#core = opening;
    this.#openWindow(opening);
    let core: Core;
    try {
      core = await opening;
    } catch (error) {
      await this.#giveUp(error);
      return;
    }
    this.#watch(core);
    try {
      await (isDemo ? core.start('demo') : core.resume());
    } catch (error) {
      // It is on the screen too, where it can be put right.
      this.#log.log('error', 'the feed could not be started', { ...toAppError(error) });
    }
  }

  /** Brings the window to the front. */
  open(): void {
    if (this.#isQuitting || this.#core === null) return;
    if (this.#window === null || this.#window.isDestroyed()) this.#openWindow(this.#core);
    else showWindow(this.#window);
  }

  async #openCore(): Promise<Core> {
    return createCore({
      host: 'desktop',
      version: app.getVersion(),
      folder: this.#folder,
      addresses: feedAddresses(),
      dialect: environmentDialect(),
      environmentKey: environmentKey(),
      ports: desktopPorts(join(this.#out, 'main'), this.#log),
      progress: (progress) => this.#showProgress(progress),
    });
  }

  /** On the window's frame, since its page has nothing to show before the core is there. */
  #showProgress(progress: StoreProgress): void {
    if (this.#window === null || this.#window.isDestroyed()) return;
    const isDone = progress.share >= 1;
    this.#window.setProgressBar(isDone ? -1 : progress.share);
    this.#window.setTitle(isDone ? 'Quipu' : `Quipu · ${progressWords(progress)}`);
  }

  #openWindow(core: Promise<Core>): void {
    this.#window = createWindow({
      preload: join(this.#out, 'preload', 'preload.cjs'),
      icon: join(this.#out, 'main', 'icons', 'window.png'),
      mayClose: () => this.#isQuitting,
    });
    serveBridge(this.#window, core, this.#log);
  }

  /** The tray is a view like another: it learns the state from what the core tells. Sleep is told to the core. */
  #watch(core: Core): void {
    powerMonitor.on('suspend', () => core.sleep());
    powerMonitor.on('resume', () => core.wake());
    let status: Status | null = null;
    core.connect((message) => {
      if (message.kind !== 'event') return;
      status = statusAfter(status, message.event);
      this.#tray?.show(status);
    });
  }

  /** The core could not be made: nothing would be recorded, so say why and end. */
  async #giveUp(error: unknown): Promise<void> {
    const { message, action } = toAppError(error);
    this.#log.log('error', 'Quipu could not start', { message });
    await this.#flushLog();
    if (!this.#isQuitting)
      dialog.showErrorBox('Quipu could not start', [message, action ?? ''].join('\n').trim());
    app.exit(1);
  }

  #quit(): void {
    if (this.#isQuitting) return;
    this.#isQuitting = true;
    if (this.#window?.isDestroyed() === false) this.#window.hide();
    void this.#flushAndExit();
  }

  async #flushAndExit(): Promise<void> {
    let code = 0;
    try {
      await within(FLUSH_MS, this.#closeCore());
      this.#log.log('info', 'Quipu ends');
    } catch (error) {
      code = 1;
      const { message } = toAppError(error);
      this.#log.log('error', 'the record could not be closed', { message });
      await this.#flushLog();
      dialog.showErrorBox(
        'Quipu could not save everything',
        `The record could not be closed: ${message}\nWhat was received in the last moments may be missing from the record; the feed sends the last two minutes again if you start Quipu now.`,
      );
    }
    this.#tray?.destroy();
    await this.#flushLog();
    app.exit(code);
  }

  /** A log that does not get through is no reason to stay. */
  async #flushLog(): Promise<void> {
    await within(LOG_MS, this.#log.flush()).catch(() => undefined);
  }

  async #closeCore(): Promise<void> {
    // One that could not be made has nothing to save.
    const core = await this.#core?.catch(() => null);
    await core?.close();
  }
}

/** @throws {Error} when `work` takes longer than `ms`; it goes on, but nobody waits for it */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`It took longer than ${ms / 1000} s.`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** macOS takes copy, paste and quit from the menu; elsewhere they need none. */
function setMenu(): void {
  Menu.setApplicationMenu(
    process.platform === 'darwin'
      ? Menu.buildFromTemplate([{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }])
      : null,
  );
}
