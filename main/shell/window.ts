/** The one window: sandboxed, with no way out of the app's own pages. */
import { BrowserWindow, nativeTheme, session } from 'electron';
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
  webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  void window.loadURL(APP_PAGE);
  return window;
}

/** Brings the window to the front, wherever it was. */
export function showWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

/** The page needs no permission of the system, so it gets none. */
export function denyPermissions(): void {
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, _permission, decide) => decide(false));
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
}
