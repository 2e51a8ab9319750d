/** Has a window's page show what an announcement tells of. */
import type { BrowserWindow } from 'electron';
import type { AnnouncementTarget } from '../core/contract.ts';

/** One-way: the page is told where to go, and answers nothing. */
export function goTo({ webContents }: BrowserWindow, target: AnnouncementTarget): void {
  const send = (): void => webContents.send('quipu:go', target);
  if (webContents.isLoading()) webContents.once('did-finish-load', send);
  else send();
}
