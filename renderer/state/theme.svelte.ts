/** The theme in force: the setting, or the system's while the setting is `system`. */
import type { Theme } from '../../main/core/contract.ts';
import { readTheme, writeTheme } from './preferences.ts';

export type Resolved = 'dark' | 'light';

const LIGHT_QUERY = '(prefers-color-scheme: light)';

export class ThemeState {
  setting = $state<Theme>(readTheme());
  #system = $state<Resolved>('dark');
  resolved = $derived<Resolved>(this.setting === 'system' ? this.#system : this.setting);

  constructor() {
    const query = window.matchMedia(LIGHT_QUERY);
    const read = (): void => {
      this.#system = query.matches ? 'light' : 'dark';
    };
    read();
    query.addEventListener('change', read);
    this.apply();
  }

  /** Takes the core's setting. */
  set(setting: Theme): void {
    if (setting === this.setting) return;
    this.setting = setting;
    writeTheme(setting);
  }

  /** Puts the theme on the document, for the style sheet and the canvases. */
  apply(): void {
    document.documentElement.dataset['theme'] = this.resolved;
  }

  /** The setting after this one: the other look first, so that one press always changes something. */
  next(): Theme {
    const other: Resolved = this.#system === 'dark' ? 'light' : 'dark';
    if (this.setting === 'system') return other;
    return this.setting === other ? this.#system : 'system';
  }
}
