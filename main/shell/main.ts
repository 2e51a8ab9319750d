/** The desktop's entry: what must be said to Electron before it is ready, and one Quipu a data folder. */
import { join } from 'node:path';
import { app } from 'electron';
import { dataFolder } from '../core/folders.ts';
import { Desktop } from './desktop.ts';
import { openLog } from './log.ts';
import { declareScheme } from './scheme.ts';

const folder = dataFolder();
declareScheme();
// Chromium's own files, and the lock with them: another data folder is another Quipu.
app.setPath('userData', join(folder, 'desktop'));
if (app.requestSingleInstanceLock()) {
  const desktop = new Desktop(folder, openLog(join(folder, 'logs')));
  void app.whenReady().then(() => desktop.start(process.argv.includes('--demo')));
} else {
  // The one that runs was told by this, and shows its window.
  app.quit();
}
