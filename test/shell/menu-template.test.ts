import { describe, expect, it } from 'vitest';
import { HOST_COMMANDS, PAGE_COMMANDS } from '../../main/core/desk.ts';
import { type MenuState, menuTemplate } from '../../main/shell/menu-template.ts';

type Item = Electron.MenuItemConstructorOptions;

const STATE: MenuState = { platform: 'linux', hasFeed: true, isRecording: true, theme: 'dark' };

function menu(state: Partial<MenuState> = {}): { items: Item[]; done: string[] } {
  const done: string[] = [];
  const note = (command: string): void => void done.push(command);
  const flat = (items: readonly Item[]): Item[] =>
    items.flatMap((item) => [item, ...(Array.isArray(item.submenu) ? flat(item.submenu) : [])]);
  return { items: flat(menuTemplate({ ...STATE, ...state }, { host: note, page: note })), done };
}

describe.each(['linux', 'win32', 'darwin'] as const)('the menus on %s', (platform) => {
  it('have every command of the app once, which does what it is called', () => {
    const { items, done } = menu({ platform });
    for (const [id, { keys }] of Object.entries({ ...PAGE_COMMANDS, ...HOST_COMMANDS })) {
      const found = items.filter((item) => item.id === id);
      expect(found.length, id).toBe(1);
      expect(found[0]?.accelerator, id).toBe(keys);
      (found[0]?.click as () => void)();
      expect(done.at(-1)).toBe(id);
    }
  });

  it('have no key twice', () => {
    const keys = menu({ platform }).items.flatMap(({ accelerator }) => accelerator ?? []);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('the menus', () => {
  const item = (id: string, state: Partial<MenuState>): Item | undefined =>
    menu(state).items.find((each) => each.id === id);

  it('say what can be done', () => {
    expect(item('recording.toggle', { isRecording: true })?.label).toBe('Pause recording');
    expect(item('recording.toggle', { isRecording: false })?.label).toBe('Resume recording');
    expect(item('recording.toggle', { hasFeed: false })?.enabled).toBe(false);
    expect(item('theme.dark', {})?.checked).toBe(true);
    expect(item('theme.light', {})?.checked).toBe(false);
  });
});
