/** The one window: sandboxed, with no way out of the app's own pages. */
import { BrowserWindow, nativeTheme, session } from 'electron';
import { openDocumentation } from './external.ts';
import { APP_PAGE, isAppPage } from './scheme.ts';

/** The page's panel colour, so that nothing flashes before its first paint. */
const BACKGROUND = { dark: '#13171a', light: '#fdfdfb' } as const;

export interface WindowOptions {
  readonly preload: string;
  readonly icon: string;
  /** Asked when the user closes the window: true lets it go, false keeps it hidden, with the tray. */
  readonly mayClose: () => boolean;
}

/** Shown once it has painted. */
export function createWindow({ preload, icon, mayClose }: WindowOptions): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 720,
    minHeight: 480,
    show: false,
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
    },
  });
  window.once('ready-to-show', () => window.show());
  window.on('close', (event) => {
    if (mayClose()) return;
    event.preventDefault();
    window.hide();
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
    openDocumentation(url);
    return { action: 'deny' };
  });
  void window.loadURL(APP_PAGE);
  return window;
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
