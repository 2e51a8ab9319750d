/** How many announcements are unseen, on the app's own picture where the system has a place for it. */
import { join } from 'node:path';
import { app, type BrowserWindow, nativeImage } from 'electron';

/**
 * @param windows those that Windows shows in its task bar
 * @param icons folder of the pictures that build/icons.ts draws
 */
export function showBadge(count: number, windows: readonly BrowserWindow[], icons: string): void {
  if (process.platform !== 'win32') {
    app.setBadgeCount(count);
    return;
  }
  const overlay = count === 0 ? null : nativeImage.createFromPath(join(icons, 'badge.png'));
  const words = count === 0 ? '' : `${count} unseen ${count === 1 ? 'announcement' : 'announcements'}`;
  for (const window of windows) window.setOverlayIcon(overlay, words);
}
