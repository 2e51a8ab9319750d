/** A window: sandboxed, with no way out of the app's own pages. */
import { BrowserWindow, nativeTheme, session } from 'electron';
import { type Place, placeHash } from '../core/desk.ts';
import { openDocumentation } from './external.ts';
import { APP_PAGE, isAppPage } from './scheme.ts';
import { SMALLEST, type WindowPlace } from './window-place.ts';

/** The page's panel colour, so that nothing flashes before its first paint. */
const BACKGROUND = { dark: '#13171a', light: '#fdfdfb' } as const;

export interface WindowOptions {
  readonly preload: string;
  readonly icon: string;
  readonly place: Place;
  readonly bounds: WindowPlace;
  /** 1 is the page's own size. */
  readonly zoom: number;
  /** Asked when the user closes the window: true lets it go, false keeps it hidden, with the tray. */
  readonly mayClose: () => boolean;
  /** The page asked for a window with this address, which is not given to it. */
  readonly opened: (url: string) => void;
}

/** Shown once it has painted. */
export function createWindow(options: WindowOptions): BrowserWindow {
  const { preload, icon, place, bounds, zoom, mayClose, opened } = options;
  const { x, y, width, height } = bounds;
  const window = new BrowserWindow({
    x,
    y,
    width,
    height,
    minWidth: SMALLEST.width,
    minHeight: SMALLEST.height,
    show: false,
    // Alt shows it; its keys work all the same. macOS has it at the top of the screen.
    autoHideMenuBar: true,
    title: 'Quipu',
    icon,
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      spellcheck: false,
      zoomFactor: zoom,
    },
  });
  window.once('ready-to-show', () => {
    if (bounds.isMaximized) window.maximize();
    window.show();
  });
  window.on('close', (event) => {
    if (mayClose()) return;
    event.preventDefault();
    hideWindow(window);
  });
  const { webContents } = window;
  // Whatever wants to go elsewhere was not written by us. A page may load itself again.
  const stay = (event: Electron.Event, url: string): void => {
    if (!isAppPage(url)) event.preventDefault();
  };
  webContents.on('will-navigate', stay);
  webContents.on('will-redirect', stay);
  webContents.on('will-attach-webview', (event) => event.preventDefault());
  webContents.setWindowOpenHandler(({ url }) => {
    opened(url);
    openDocumentation(url);
    return { action: 'deny' };
  });
  void window.loadURL(`${APP_PAGE}${placeHash(place)}`);
  return window;
}

/** macOS leaves an empty black screen behind a window that is hidden while it fills the screen. */
function hideWindow(window: BrowserWindow): void {
  if (process.platform === 'darwin' && window.isFullScreen()) {
    window.once('leave-full-screen', () => window.hide());
    window.setFullScreen(false);
  } else window.hide();
}

/** Brings the window to the front, wherever it was. */
export function showWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

/** The one permission that the page has: to put text on the clipboard. It may not read what is there. */
const COPY = 'clipboard-sanitized-write';
const BLOB = 'blob:';

/** The page may copy, and save a file that it made itself. It gets nothing else of the system. */
export function limitPermissions(): void {
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((contents, permission, decide, { isMainFrame, requestingUrl }) =>
    decide(permission === COPY && isMainFrame && isAppPage(requestingUrl) && isOurs(contents)),
  );
  defaultSession.setPermissionCheckHandler(
    (contents, permission, origin, { isMainFrame }) =>
      permission === COPY && isMainFrame && isAppPage(origin) && isOurs(contents),
  );
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.on('will-download', (event, item, contents) => {
    const url = item.getURL();
    const isOwn = url.startsWith(BLOB) && isAppPage(url.slice(BLOB.length)) && isOurs(contents);
    // Only the user starts one; then the system asks where to.
    if (!isOwn || !item.hasUserGesture()) event.preventDefault();
  });
}

function isOurs(contents: Electron.WebContents | null): boolean {
  return contents !== null && isAppPage(contents.getURL());
}
