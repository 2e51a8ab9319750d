/** The native menus: which commands are where, and what they say in a state. */
import type { Theme } from '../core/contract.ts';
import { HOST_COMMANDS, type HostCommand, PAGE_COMMANDS, type PageCommand } from '../core/desk.ts';

type Item = Electron.MenuItemConstructorOptions;

/** What menus depend on. */
export interface MenuState {
  readonly platform: NodeJS.Platform;
  /** A feed is chosen, so that there is something to record and to connect to. */
  readonly hasFeed: boolean;
  readonly isRecording: boolean;
  readonly theme: Theme;
}

export interface MenuActions {
  readonly host: (command: HostCommand) => void;
  readonly page: (command: PageCommand) => void;
}

const TABS: readonly PageCommand[] = ['tab.live', 'tab.markets', 'tab.sessions', 'tab.feed', 'tab.settings'];
const THEMES: readonly Theme[] = ['system', 'dark', 'light'];
const LINE: Item = { type: 'separator' };

export function menuTemplate(state: MenuState, actions: MenuActions): Item[] {
  const isMac = state.platform === 'darwin';
  const host = (command: HostCommand, more: Item = {}): Item => {
    const { label, keys } = HOST_COMMANDS[command];
    const item: Item = { id: command, label, click: () => actions.host(command), ...more };
    return keys === undefined ? item : { accelerator: keys, ...item };
  };
  const page = (command: PageCommand): Item => {
    const { label, keys } = PAGE_COMMANDS[command];
    const item: Item = { id: command, label, click: () => actions.page(command) };
    return keys === undefined ? item : { accelerator: keys, ...item };
  };
  const ofFeed: Item = { enabled: state.hasFeed };
  const recording = state.isRecording ? 'Pause recording' : 'Resume recording';

  const file: Item = {
    label: 'File',
    submenu: [
      host('window.new'),
      page('window.own'),
      LINE,
      host('recording.toggle', { ...ofFeed, label: recording }),
      host('links.retry', ofFeed),
      host('markets.reload', ofFeed),
      LINE,
      host('folder.open'),
      LINE,
      { role: 'close', label: 'Close window' },
      ...(isMac ? [] : [{ role: 'quit', label: 'Quit Quipu', accelerator: 'Ctrl+Q' } satisfies Item]),
    ],
  };
  const edit: Item = {
    label: 'Edit',
    submenu: [
      { role: 'undo' },
      { role: 'redo' },
      LINE,
      { role: 'cut' },
      { role: 'copy' },
      { role: 'paste' },
      { role: 'delete' },
      { role: 'selectAll', label: 'Select all' },
      LINE,
      page('search'),
    ],
  };
  const view: Item = {
    label: 'View',
    submenu: [
      ...TABS.map(page),
      LINE,
      page('connection'),
      LINE,
      {
        label: 'Theme',
        submenu: THEMES.map((theme) =>
          host(`theme.${theme}`, { type: 'radio', checked: theme === state.theme }),
        ),
      },
      LINE,
      host('zoom.in'),
      // The same key without Shift, where + is above =.
      host('zoom.in', { id: 'zoom.in.equals', accelerator: 'CmdOrCtrl+=', visible: false }),
      host('zoom.out'),
      host('zoom.reset'),
      LINE,
      { role: 'togglefullscreen', label: 'Full screen', accelerator: isMac ? 'Ctrl+Cmd+F' : 'F11' },
    ],
  };
  const window: Item = {
    label: 'Window',
    role: 'windowMenu',
    submenu: [
      host('window.main'),
      LINE,
      { role: 'minimize', label: 'Minimise' },
      ...(isMac ? [{ role: 'zoom' } satisfies Item, { role: 'front' } satisfies Item] : []),
    ],
  };
  const help: Item = {
    label: 'Help',
    role: 'help',
    submenu: [
      host('updates.news'),
      host('updates.check'),
      LINE,
      host('licences'),
      ...(isMac ? [] : [LINE, host('about')]),
    ],
  };
  const app: Item = {
    label: 'Quipu',
    submenu: [
      host('about'),
      LINE,
      { label: 'Settings…', click: () => actions.page('tab.settings') },
      LINE,
      { role: 'services' },
      LINE,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      LINE,
      { role: 'quit' },
    ],
  };
  return [...(isMac ? [app] : []), file, edit, view, window, help];
}
