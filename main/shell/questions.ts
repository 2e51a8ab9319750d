/** What the shell asks and tells the user by the system's own dialogs. */
import { dialog } from 'electron';
import type { LeaveAnswer } from './leave.ts';

/** Once, when the last window is closed for the first time. @returns whether the user would rather quit */
export async function explainTray(): Promise<boolean> {
  const { response } = await dialog.showMessageBox({
    type: 'info',
    title: 'Quipu',
    message: 'Quipu goes on in the tray',
    detail:
      'It stays connected and records. Its window comes back by the tray’s icon, or by starting Quipu again. To end it, choose Quit Quipu in the tray’s menu or in the File menu.',
    buttons: ['Keep it running', 'Quit Quipu'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  });
  return response === 1;
}

/** Whether to wait for what cannot be saved. A dialog that is closed lets nothing be lost. */
export async function askToLeave(why: string, over: AbortSignal): Promise<LeaveAnswer> {
  const { response } = await dialog.showMessageBox({
    type: 'warning',
    title: 'Quipu',
    message: 'Quipu cannot save what it received',
    detail: `${why}\n\nQuipu goes on trying while you wait, and ends as soon as all is saved. If you quit anyway, what came in the last moments is missing from the record; the feed sends the last two minutes again if you start Quipu soon.`,
    buttons: ['Wait', 'Quit anyway'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
    signal: over,
  });
  return response === 1 && !over.aborted ? 'leave' : 'wait';
}
