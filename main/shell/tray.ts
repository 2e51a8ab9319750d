/** The tray: the state by shape, its words, and the way back to the window. */
import { join } from 'node:path';
import { Menu, nativeImage, Tray } from 'electron';
import { type TrayShape, trayWords, type Status } from './status.ts';

export interface TrayActions {
  open(): void;
  quit(): void;
}

export interface AppTray {
  show(status: Status | null): void;
  destroy(): void;
}

/** @param icons folder of the pictures that build/icons.ts draws */
export function createTray(icons: string, actions: TrayActions): AppTray {
  // macOS colours a template itself, for a light or a dark menu bar; it knows one by its name.
  const kind = process.platform === 'darwin' ? 'Template' : '';
  const image = (shape: TrayShape): Electron.NativeImage =>
    nativeImage.createFromPath(join(icons, `tray-${shape}${kind}.png`));
  const tray = new Tray(image('not-recording'));
  let shown = '';
  // On macOS a click opens the menu.
  if (process.platform !== 'darwin') tray.on('click', () => actions.open());

  return {
    show(status) {
      const { shape, title, lines } = trayWords(status);
      const state = JSON.stringify([shape, title, lines]);
      // Links report every second; a menu that is open closes when it is replaced.
      if (state === shown) return;
      shown = state;
      tray.setImage(image(shape));
      tray.setToolTip(title);
      tray.setContextMenu(
        Menu.buildFromTemplate([
          ...lines.map((label) => ({ label, enabled: false })),
          { type: 'separator' },
          { label: 'Open Quipu', click: () => actions.open() },
          { label: 'Quit Quipu', click: () => actions.quit() },
        ]),
      );
    },
    destroy: () => tray.destroy(),
  };
}
