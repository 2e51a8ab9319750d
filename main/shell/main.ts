/** The desktop's entry: what must be said to Electron before it is ready, and one Quipu a data folder. */
import { join } from 'node:path';
import { app, dialog } from 'electron';
import { dataFolder } from '../core/folders.ts';
import { Desktop } from './desktop.ts';
import { APP_ID, type Launch, LaunchError, LINK_SCHEME, parseLaunch, TOAST_CLSID } from './launch.ts';
import { openLog } from './log.ts';
import { declareScheme } from './scheme.ts';

/** In development the first argument is the app's folder. */
const args = process.argv.slice(app.isPackaged ? 1 : 2);

function start(launch: Launch): void {
  const folder = dataFolder();
  declareScheme();
  // Chromium's own files, and the lock with them: another data folder is another Quipu.
  app.setPath('userData', join(folder, 'desktop'));
  // What Chromium tells the first instance of a second one's arguments is in Chromium's order.
  if (!app.requestSingleInstanceLock({ args })) {
    // The one that runs was told by this, and shows its window.
    app.quit();
    return;
  }
  // Linux and macOS learn them from the package.
  if (app.isPackaged && process.platform === 'win32') {
    app.setAppUserModelId(APP_ID);
    app.setToastActivatorCLSID(TOAST_CLSID);
    app.setAsDefaultProtocolClient(LINK_SCHEME);
  }
  const desktop = new Desktop(folder, openLog(join(folder, 'logs')));
  void app.whenReady().then(() => desktop.start(launch));
}

/** Whether another Quipu runs makes no difference: nothing is opened of what cannot be read. */
function refuse({ message }: LaunchError): void {
  process.stderr.write(`${message}\n`);
  void app.whenReady().then(() => {
    dialog.showErrorBox('Quipu cannot open this', message);
    app.exit(2);
  });
}

let launch: Launch | null = null;
try {
  launch = parseLaunch(args);
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  refuse(error);
}
if (launch !== null) start(launch);
