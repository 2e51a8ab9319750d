/** The native menus, kept as the core's state is. */
import { Menu } from 'electron';
import type { CoreEvent } from '../core/contract.ts';
import { type MenuActions, type MenuState, menuTemplate } from './menu-template.ts';

export interface AppMenu {
  /** What all views are told. */
  take(event: CoreEvent): void;
}

export function createMenu(actions: MenuActions): AppMenu {
  let state: MenuState = {
    platform: process.platform,
    hasFeed: false,
    isRecording: false,
    theme: 'system',
  };
  let shown = '';

  function show(next: MenuState): void {
    state = next;
    const text = JSON.stringify(state);
    // The state of recording comes every second; a menu that is open closes when it is replaced.
    if (text === shown) return;
    shown = text;
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(state, actions)));
  }

  show(state);
  return {
    take(event) {
      if (event.type === 'snapshot') {
        const { source, recording, settings } = event.snapshot;
        show({
          ...state,
          hasFeed: source !== 'none',
          isRecording: recording.state !== 'stopped',
          theme: settings.theme,
        });
      } else if (event.type === 'source') show({ ...state, hasFeed: event.source !== 'none' });
      else if (event.type === 'recording')
        show({ ...state, isRecording: event.recording.state !== 'stopped' });
      else if (event.type === 'settings') show({ ...state, theme: event.settings.theme });
    },
  };
}
