/** The running desktop: the core in Electron's main process, its windows, the tray, and the way out. */
import { join } from 'node:path';
import { app, BrowserWindow, dialog, shell } from 'electron';
import {
  type AnnouncementTarget,
  type CommandArgs,
  type CommandName,
  type CoreEvent,
  unseenOf,
} from '../core/contract.ts';
import { type Core, createCore } from '../core/core.ts';
import { type HostCommand, MAIN, type Place } from '../core/desk.ts';
import { environmentDialect, environmentKey, feedAddresses, takeKey } from '../core/environment.ts';
import { toAppError } from '../core/result.ts';
import { progressWords } from '../core/store/progress.ts';
import type { StoreProgress } from '../core/store/store.ts';
import { showAbout, showLicences } from './about.ts';
import { showBadge } from './badge.ts';
import { type ShellClient, shellClient } from './core-client.ts';
import { type DeskMemory, openDeskMemory } from './desk-memory.ts';
import { argumentsOf, type Launch, LaunchError, parseLaunch, parseLink } from './launch.ts';
import { leave } from './leave.ts';
import type { FileLog } from './log.ts';
import { type AppMenu, createMenu } from './menu.ts';
import { createNotifications, type Notifications } from './notifications.ts';
import { desktopPorts } from './ports.ts';
import { askToLeave, explainTray } from './questions.ts';
import { serveScheme } from './scheme.ts';
import { type Status, statusAfter } from './status.ts';
import { isStartedAtLogin, onSystemEnd, type SystemWatch, watchSystem } from './system.ts';
import type { TrayDeed } from './tray-menu.ts';
import { type AppTray, createTray } from './tray.ts';
import { type Updates, watchUpdates } from './updates/updates.ts';
import { limitPermissions } from './window.ts';
import { DeskWindows } from './windows.ts';

/** What was received takes a moment to reach the disk; then the user is asked whether to wait longer. */
const FLUSH_MS = 10_000;
const LOOK_MS = 250;
const LOG_MS = 1_000;

export class Desktop {
  readonly #folder: string;
  readonly #log: FileLog;
  readonly #given: ReturnType<typeof takeKey>;
  readonly #out = join(app.getAppPath(), 'out');
  readonly #icons = join(this.#out, 'main', 'icons');
  readonly #notifications: Notifications;
  readonly #memory: DeskMemory;
  readonly #windows: DeskWindows;
  #core: Promise<Core> | null = null;
  #client: ShellClient | null = null;
  #system: SystemWatch | null = null;
  #menu: AppMenu | null = null;
  #updates: Updates | null = null;
  #tray: AppTray | null = null;
  #status: Status | null = null;
  /** What macOS asked for before the app was ready. */
  #linked: Place | null = null;
  #isQuitting = false;

  /** Before the app is ready. @param folder the data folder */
  constructor(folder: string, log: FileLog) {
    this.#folder = folder;
    this.#log = log;
    this.#given = takeKey(process.env);
    this.#notifications = createNotifications(log, ({ id, target }) => this.#goTo(id, target));
    this.#memory = openDeskMemory(join(folder, 'desktop.json'), (error) => {
      log.log('warn', 'the windows’ places cannot be kept', { message: toAppError(error).message });
    });
    this.#windows = new DeskWindows({
      out: this.#out,
      memory: this.#memory,
      logger: log,
      outOfSight: () => void this.#explainTray(),
    });
    app.on('second-instance', (_event, _argv, _folder, data) => this.#openArguments(argumentsOf(data) ?? []));
    app.on('open-url', (event, url) => {
      event.preventDefault();
      this.#openLink(url);
    });
    app.on('activate', () => this.open());
    // The tray keeps the app, with or without a window.
    app.on('window-all-closed', () => undefined);
    app.on('before-quit', (event) => {
      event.preventDefault();
      this.#quit(true);
    });
    onSystemEnd((why) => {
      log.log('info', 'the system ends Quipu', { why });
      this.#updates?.systemEnds();
      this.#quit(false);
    });
    process.on('uncaughtException', (error) => {
      this.#log.log('error', 'an unexpected error', { message: error.message, stack: error.stack });
    });
    process.on('unhandledRejection', (reason) => {
      this.#log.log('error', 'an unexpected rejection', { message: toAppError(reason).message });
    });
  }

  /** The window first, since a locked keychain or a large record takes its time. */
  async start({ place, isHidden, isDemo }: Launch): Promise<void> {
    this.#log.log('info', 'Quipu starts', {
      version: app.getVersion(),
      electron: process.versions['electron'],
    });
    limitPermissions();
    serveScheme(join(this.#out, 'renderer'));
    this.#menu = createMenu({
      host: (command) => this.#command(command),
      page: (command) => this.#windows.command(command),
    });
    this.#tray = createTray(this.#icons, (deed) => this.#do(deed));
    this.#tray.show(null);
    const opening = this.#openCore();
    this.#core = opening;
    this.#windows.serve(opening);
    if (this.#linked !== null) this.#windows.open(this.#linked);
    else if (!isHidden && !isStartedAtLogin()) this.#windows.open(place);
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
    this.#windows.open(MAIN);
  }

  /** Of a second start, whose process has told the user of arguments that are wrong. */
  #openArguments(args: readonly string[]): void {
    try {
      const { place, isHidden } = parseLaunch(args);
      if (!isHidden) this.#windows.open(place);
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      this.#log.log('warn', 'a second start had arguments that are none');
    }
  }

  #openLink(url: string): void {
    try {
      const place = parseLink(url);
      if (this.#core === null) this.#linked = place;
      else this.#windows.open(place);
    } catch (error) {
      dialog.showErrorBox('Quipu cannot open this', toAppError(error).message);
    }
  }

  async #openCore(): Promise<Core> {
    return createCore({
      host: 'desktop',
      version: app.getVersion(),
      folder: this.#folder,
      addresses: feedAddresses(),
      dialect: environmentDialect(),
      environmentKey: environmentKey(this.#given),
      standsBy: true,
      ports: { ...desktopPorts(join(this.#out, 'main'), this.#log), notifier: this.#notifications },
      progress: (progress) => this.#showProgress(progress),
    });
  }

  /** On the windows' frames, since their pages have nothing to show before the core is there. */
  #showProgress(progress: StoreProgress): void {
    const isDone = progress.share >= 1;
    for (const window of this.#windows.all) {
      window.setProgressBar(isDone ? -1 : progress.share);
      window.setTitle(isDone ? 'Quipu' : `Quipu · ${progressWords(progress)}`);
    }
  }

  /** Tray, menu and system are views like another: they learn the state from what the core tells. */
  #watch(core: Core): void {
    this.#updates = watchUpdates(core, { folder: this.#folder, logger: this.#log });
    // The first event comes before the client is there, so the system is told it afterwards.
    const early: CoreEvent[] = [];
    let unseen = 0;
    const client = shellClient(core, (event) => {
      this.#status = statusAfter(this.#status, event);
      this.#tray?.show(this.#status);
      this.#menu?.take(event);
      const count = this.#status === null ? 0 : unseenOf(this.#status.announcements).length;
      if (count !== unseen) showBadge(count, this.#windows.all, this.#icons);
      unseen = count;
      if (this.#system === null) early.push(event);
      else this.#system.take(event);
    });
    this.#client = client;
    this.#system = watchSystem(core, client, this.#log);
    for (const event of early) this.#system.take(event);
  }

  #command(command: HostCommand): void {
    switch (command) {
      case 'window.new':
        return this.#windows.openNew(MAIN);
      case 'window.main':
        return this.open();
      case 'recording.toggle':
        return this.#ask('recording.set', { on: this.#status?.recording.state === 'stopped' });
      case 'links.retry':
        return this.#ask('link.retry', { endpoint: null });
      case 'markets.reload':
        return this.#ask('markets.reload', {});
      case 'theme.system':
        return this.#ask('settings.set', { settings: { theme: 'system' } });
      case 'theme.dark':
        return this.#ask('settings.set', { settings: { theme: 'dark' } });
      case 'theme.light':
        return this.#ask('settings.set', { settings: { theme: 'light' } });
      case 'zoom.in':
        return this.#windows.zoom('in');
      case 'zoom.out':
        return this.#windows.zoom('out');
      case 'zoom.reset':
        return this.#windows.zoom('reset');
      case 'folder.open':
        void this.#openFolder();
        return;
      case 'updates.check':
        return this.#updates?.check();
      case 'updates.news':
        return this.#updates?.whatsNew();
      case 'licences':
        return showLicences();
      case 'about':
        void showAbout(BrowserWindow.getFocusedWindow(), this.#folder);
    }
  }

  /** A command of a menu, which has no place of its own for what went wrong. */
  #ask<N extends CommandName>(command: N, args: CommandArgs<N>): void {
    void this.#client?.ask(command, args).then((result) => {
      if (result.ok) return;
      const { message, action } = result.error;
      dialog.showErrorBox('Quipu', [message, action ?? ''].join('\n').trim());
    });
  }

  async #openFolder(): Promise<void> {
    const failure = await shell.openPath(this.#folder);
    if (failure !== '')
      dialog.showErrorBox('The data folder could not be opened', `${this.#folder}\n${failure}`);
  }

  /** On macOS an app without a window is nothing new. */
  async #explainTray(): Promise<void> {
    if (process.platform === 'darwin' || this.#isQuitting || this.#memory.now.isTrayExplained) return;
    this.#memory.change({ isTrayExplained: true });
    if (await explainTray()) app.quit();
  }

  /** What was chosen in the tray. */
  #do(deed: TrayDeed): void {
    if (deed.do === 'open') this.open();
    else if (deed.do === 'quit') app.quit();
    else if (deed.do === 'go') this.#goTo(deed.id, deed.target);
    else if (deed.do === 'mute') void this.#client?.ask('announcements.mute', deed.args);
    else
      void this.#client?.ask('recording.set', deed.args).then((result) => {
        // The recording's own state tells on the screen why it cannot go on.
        if (!result.ok) this.#log.log('error', 'the recording could not be changed', { ...result.error });
      });
  }

  /** Opens the window where an announcement leads. */
  #goTo(id: number, target: AnnouncementTarget): void {
    this.#windows.go(target);
    void this.#client?.ask('announcements.seen', { upTo: id });
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

  /** @param isAsked by the user, who can be asked in turn */
  #quit(isAsked: boolean): void {
    if (this.#isQuitting) return;
    this.#isQuitting = true;
    this.#windows.hideAll();
    this.#system?.end();
    void this.#flushAndExit(isAsked);
  }

  async #flushAndExit(isAsked: boolean): Promise<void> {
    const why = await leave({
      trouble: () => {
        const recording = this.#status?.recording;
        return recording?.state === 'failed' ? (recording.problem?.message ?? 'It is not known why.') : null;
      },
      close: () => this.#closeCore(),
      ask: isAsked ? askToLeave : null,
      patience: FLUSH_MS,
      look: LOOK_MS,
    });
    if (why === null) this.#log.log('info', 'Quipu ends');
    else this.#log.log('error', 'the record could not be closed', { message: why });
    await this.#memory.flush();
    this.#tray?.destroy();
    this.#notifications.closeAll();
    await this.#flushLog();
    app.exit(why === null ? 0 : 1);
  }

  /** A log that does not get through is no reason to stay. */
  async #flushLog(): Promise<void> {
    await Promise.race([this.#log.flush(), new Promise((resolve) => setTimeout(resolve, LOG_MS))]);
  }

  async #closeCore(): Promise<void> {
    // One that could not be made has nothing to save.
    const core = await this.#core?.catch(() => null);
    await core?.close();
  }
}
