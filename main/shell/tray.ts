/** The tray: the state by shape, its words, and the way back to the window. */
import { join } from 'node:path';
import { Menu, nativeImage, nativeTheme, Tray } from 'electron';
import { type Status, type TrayShape, trayWords } from './status.ts';
import { type TrayDeed, trayMenu } from './tray-menu.ts';

export interface AppTray {
  show(status: Status | null): void;
  destroy(): void;
}

/**
 * @param icons folder of the pictures that build/icons.ts draws
 * @param chosen a line of the menu was chosen
 */
export function createTray(icons: string, chosen: (deed: TrayDeed) => void): AppTray {
  let shape: TrayShape = 'not-recording';
  const image = (): Electron.NativeImage =>
    nativeImage.createFromPath(join(icons, `tray-${shape}${pictureKind()}.png`));
  const tray = new Tray(image());
  let shown = '';
  // On macOS a click opens the menu.
  if (process.platform !== 'darwin') tray.on('click', () => chosen({ do: 'open' }));
  const recolour = (): void => tray.setImage(image());
  nativeTheme.on('updated', recolour);

  return {
    show(status) {
      const words = trayWords(status);
      const menu = trayMenu(status);
      const state = JSON.stringify([words.shape, words.title, menu]);
      // Links report every second; a menu that is open closes when it is replaced.
      if (state === shown) return;
      shown = state;
      shape = words.shape;
      tray.setImage(image());
      tray.setToolTip(words.title);
      tray.setContextMenu(
        Menu.buildFromTemplate(
          menu.map((each) => {
            if (each === 'separator') return { type: 'separator' };
            const { label, deed } = each;
            return deed === null ? { label, enabled: false } : { label, click: () => chosen(deed) };
          }),
        ),
      );
    },
    destroy() {
      nativeTheme.off('updated', recolour);
      tray.destroy();
    },
  };
}

/** Of the picture for the panel that it lies on. */
function pictureKind(): 'Template' | '' | '-light' {
  // macOS colours a template itself, for a light or a dark menu bar; it knows one by its name.
  if (process.platform === 'darwin') return 'Template';
  // On Windows the task bar has a theme of its own.
  const isDark =
    process.platform === 'win32'
      ? nativeTheme.shouldUseDarkColorsForSystemIntegratedUI
      : nativeTheme.shouldUseDarkColors;
  return isDark ? '' : '-light';
}
