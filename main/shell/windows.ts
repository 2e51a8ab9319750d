/** The app's windows: which there are, where they go, and what becomes of one that is closed. */
import { join } from 'node:path';
import { BrowserWindow, screen } from 'electron';
import type { AnnouncementTarget } from '../core/contract.ts';
import type { Core } from '../core/core.ts';
import {
  isSamePlace,
  MAIN,
  type PageCommand,
  type Place,
  type PlaceKind,
  placeOfHash,
} from '../core/desk.ts';
import type { Logger } from '../core/ports.ts';
import { serveBridge } from './bridge.ts';
import type { DeskMemory } from './desk-memory.ts';
import { goTo } from './go-to.ts';
import { guardPage } from './page-guard.ts';
import { APP_ORIGIN, isAppPage } from './scheme.ts';
import { createWindow, showWindow } from './window.ts';
import { placeWindow, type Rect, type Size } from './window-place.ts';
import { nextZoom } from './zoom.ts';

const USUAL: Readonly<Record<PlaceKind, Size>> = {
  main: { width: 1440, height: 900 },
  market: { width: 1040, height: 640 },
  session: { width: 1200, height: 700 },
};
/** A hand opens no more; what asks for more is no hand. */
const MOST = 24;

export interface WindowsOptions {
  /** The built app's folder. */
  readonly out: string;
  readonly memory: DeskMemory;
  readonly logger: Logger;
  /** The last window in sight was closed, and the app is in the tray alone. */
  readonly outOfSight: () => void;
}

interface Shown {
  readonly window: BrowserWindow;
  readonly place: Place;
}

export class DeskWindows {
  readonly #options: WindowsOptions;
  #core: Promise<Core> | null = null;
  #shown: readonly Shown[] = [];
  #isEnding = false;

  constructor(options: WindowsOptions) {
    this.#options = options;
  }

  /** Before the first window: what their pages are connected to. */
  serve(core: Promise<Core>): void {
    this.#core = core;
  }

  get all(): readonly BrowserWindow[] {
    return this.#shown.map(({ window }) => window);
  }

  /** The window that has the keyboard, or had it last and is in sight. */
  get front(): BrowserWindow | null {
    const focused = BrowserWindow.getFocusedWindow();
    return (
      this.all.find((window) => window === focused) ?? this.all.find((window) => window.isVisible()) ?? null
    );
  }

  /** Brings the window that shows it to the front; opens one when there is none. */
  open(place: Place): void {
    const found = this.#find(place);
    if (found === null) this.openNew(place);
    else showWindow(found);
  }

  openNew(place: Place): void {
    const core = this.#core;
    if (core === null || this.#isEnding || this.#shown.length >= MOST) return;
    const { out, memory, logger } = this.#options;
    const first = screen.getPrimaryDisplay();
    const others = screen.getAllDisplays().filter(({ id }) => id !== first.id);
    const window = createWindow({
      preload: join(out, 'preload', 'preload.cjs'),
      icon: join(out, 'main', 'icons', 'window.png'),
      place,
      bounds: placeWindow(
        memory.now.windows[place.kind] ?? null,
        USUAL[place.kind],
        [first, ...others].map(({ workArea }) => workArea),
        this.#taken(),
      ),
      zoom: memory.now.zoom,
      mayClose: () => this.#mayClose(window),
      opened: (url) => this.#openAddress(url),
    });
    this.#shown = [...this.#shown, { window, place }];
    const { webContents } = window;
    // The page of a hidden window has no say in it, and a crash forgets it.
    webContents.on('did-finish-load', () => webContents.setZoomFactor(memory.now.zoom));
    webContents.on('zoom-changed', (_event, direction) => this.zoom(direction));
    this.#remember(window, place.kind);
    guardPage(window, logger);
    window.on('closed', () => {
      this.#shown = this.#shown.filter((each) => each.window !== window);
      this.#lookAround();
    });
    serveBridge(window, core, logger);
  }

  /** Makes all pages larger or smaller: they are of one origin, which Chromium zooms as one. */
  zoom(direction: 'in' | 'out' | 'reset'): void {
    const { memory } = this.#options;
    const zoom = direction === 'reset' ? 1 : nextZoom(memory.now.zoom, direction === 'in' ? 1 : -1);
    memory.change({ zoom });
    for (const { webContents } of this.all) webContents.setZoomFactor(zoom);
  }

  /** Has the page of the front window do it, or that of the whole app's where the front one cannot. */
  command(command: PageCommand): void {
    const { front } = this;
    const isOfAny = command === 'connection' || command === 'window.own';
    const whole = this.#shown.filter(({ place }) => place.kind === 'main').map(({ window }) => window);
    if (!isOfAny && (front === null || !whole.includes(front))) this.open(MAIN);
    const window =
      isOfAny && front !== null ? front : (whole.find((each) => each === front) ?? this.#find(MAIN));
    if (window === null) return;
    const { webContents } = window;
    const send = (): void => webContents.send('quipu:command', command);
    if (webContents.isLoading()) webContents.once('did-finish-load', send);
    else send();
  }

  /** Brings the whole app's window to the front and shows there what an announcement tells of. */
  go(target: AnnouncementTarget): void {
    this.open(MAIN);
    const window = this.#find(MAIN);
    if (window !== null) goTo(window, target);
  }

  /** Out of sight, and closed for good from now on. */
  hideAll(): void {
    this.#isEnding = true;
    for (const window of this.all) window.hide();
  }

  #find(place: Place): BrowserWindow | null {
    const found = this.#shown.filter((each) =>
      place.kind === 'main' ? each.place.kind === 'main' : isSamePlace(each.place, place),
    );
    return (found.find(({ window }) => window.isVisible()) ?? found[0])?.window ?? null;
  }

  #taken(): readonly Rect[] {
    return this.all.filter((window) => window.isVisible()).map((window) => window.getNormalBounds());
  }

  /** What a page asks to be opened: an address of its own with another place. */
  #openAddress(url: string): void {
    const place = isAppPage(url) && url.startsWith(APP_ORIGIN) ? placeOfHash(new URL(url).hash) : null;
    if (place !== null && place.kind !== 'main') this.open(place);
  }

  /** The last window of the whole app is kept, hidden, so that it is back at once and as it was. */
  #mayClose(window: BrowserWindow): boolean {
    if (this.#isEnding) return true;
    const whole = this.#shown.filter(({ place }) => place.kind === 'main');
    if (whole.length > 1 || whole[0]?.window !== window) return true;
    // Told once the window is out of sight.
    window.once('hide', () => this.#lookAround());
    return false;
  }

  #lookAround(): void {
    if (!this.#isEnding && !this.all.some((window) => window.isVisible())) this.#options.outOfSight();
  }

  #remember(window: BrowserWindow, kind: PlaceKind): void {
    const note = (): void => {
      if (window.isDestroyed() || window.isMinimized() || window.isFullScreen() || !window.isVisible())
        return;
      const { x, y, width, height } = window.getNormalBounds();
      this.#options.memory.rememberWindow(kind, { x, y, width, height, isMaximized: window.isMaximized() });
    };
    window.on('resize', note);
    window.on('move', note);
    window.on('maximize', note);
    window.on('unmaximize', note);
    // Some systems tell of moves only while they last.
    window.on('close', note);
  }
}
