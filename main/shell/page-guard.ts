/** A window whose page died or hangs is brought back; the recording is in another process and goes on. */
import { type BrowserWindow, dialog } from 'electron';
import type { Logger } from '../core/ports.ts';
import { reloadLimit } from './reload-limit.ts';

const GOES_ON = 'Recording is not touched by this and goes on.';

export function guardPage(window: BrowserWindow, logger: Logger): void {
  const { webContents } = window;
  const limit = reloadLimit();
  let question: AbortController | null = null;

  webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    question?.abort();
    logger.log('error', 'a window’s page ended', { reason, exitCode });
    if (limit.take(performance.now())) webContents.reload();
    else void askAfterCrash(`${reason}, exit code ${exitCode}`);
  });
  webContents.on('unresponsive', () => void askWhileHanging());
  webContents.on('responsive', () => question?.abort());
  window.on('closed', () => question?.abort());

  async function askAfterCrash(reason: string): Promise<void> {
    const { response } = await dialog.showMessageBox(window, {
      type: 'error',
      message: 'This window stops working again and again',
      detail: `Its page ended more than three times within a minute (${reason}). ${GOES_ON}`,
      buttons: ['Try again', 'Close window'],
      defaultId: 0,
      cancelId: 1,
    });
    if (window.isDestroyed()) return;
    if (response === 0) {
      limit.reset();
      webContents.reload();
    } else window.close();
  }

  async function askWhileHanging(): Promise<void> {
    if (question !== null) return;
    question = new AbortController();
    const { signal } = question;
    logger.log('warn', 'a window’s page does not answer');
    const { response } = await dialog.showMessageBox(window, {
      type: 'warning',
      message: 'This window does not answer',
      detail: `It may be busy for a moment. ${GOES_ON}`,
      buttons: ['Wait', 'Load it again'],
      defaultId: 0,
      cancelId: 0,
      signal,
    });
    question = null;
    if (response !== 1 || signal.aborted || window.isDestroyed()) return;
    limit.reset();
    // A page that hangs does not get to end itself; what is crashed is loaded again as above.
    webContents.forcefullyCrashRenderer();
  }
}
