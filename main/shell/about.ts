/** What Quipu is made of, and by whose leave. */
import { release } from 'node:os';
import { app, BrowserWindow, clipboard, dialog } from 'electron';
import { sqliteVersion } from '../core/store/sqlite-version.ts';
import { APP_ORIGIN } from './scheme.ts';

/** What the build wrote beside the page; see build/licences.ts. */
const LICENCES_PAGE = `${APP_ORIGIN}/licences.txt`;

/** @param parent null: it stands alone */
export async function showAbout(parent: BrowserWindow | null, folder: string): Promise<void> {
  const { electron = '', chrome = '', node = '' } = process.versions as Readonly<Record<string, string>>;
  const lines = [
    `Version ${app.getVersion()}`,
    '',
    `Electron ${electron}, Chromium ${chrome}`,
    `Node ${node}, SQLite ${sqliteOrWhy()}`,
    `${process.platform} ${release()}, ${process.arch}`,
    '',
    `Data folder: ${folder}`,
    '',
    'All rights reserved. Parts are by others, under licences of their own: see Help, Third-party licences.',
  ];
  const question: Electron.MessageBoxOptions = {
    type: 'info',
    title: 'About Quipu',
    message: 'Quipu',
    detail: lines.join('\n'),
    buttons: ['OK', 'Copy'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  };
  const { response } = await (parent === null
    ? dialog.showMessageBox(question)
    : dialog.showMessageBox(parent, question));
  if (response === 1) void clipboard.writeText(['Quipu', ...lines.slice(0, -2)].join('\n'));
}

/** A plain text in a window of its own, without a way to the app. */
export function showLicences(): void {
  const window = new BrowserWindow({
    width: 760,
    height: 820,
    title: 'Third-party licences',
    autoHideMenuBar: true,
    webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false, spellcheck: false },
  });
  window.on('page-title-updated', (event) => event.preventDefault());
  window.webContents.on('will-navigate', (event) => event.preventDefault());
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  void window.loadURL(LICENCES_PAGE);
}

function sqliteOrWhy(): string {
  try {
    return sqliteVersion();
  } catch (error) {
    return `(cannot be loaded: ${String(error)})`;
  }
}
