/** What this browser profile remembers of a view's own choices. Nothing of the core is kept here. */
import type { Theme } from '../../main/core/contract.ts';
import { STEPS } from './charts.ts';
import type { Step } from './charts.ts';

const STEPS_ENTRY = 'quipu.steps';
const THEME_ENTRY = 'quipu.theme';
const DIALECT_ENTRY = 'quipu.dialect-draft';
const DEFAULT_STEPS: readonly Step[] = ['1m', '1m', '1m'];

function read(entry: string): string | null {
  try {
    return localStorage.getItem(entry);
  } catch {
    // Storage can be switched off; then every start has the defaults.
    return null;
  }
}

function write(entry: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(entry);
    else localStorage.setItem(entry, value);
  } catch {
    // As above: the choice holds until the window closes.
  }
}

/** The step of each chart, the large one first. */
export function readSteps(): readonly Step[] {
  const kept = (read(STEPS_ENTRY) ?? '').split(' ');
  return DEFAULT_STEPS.map((usual, i) => STEPS.find((step) => step === kept[i]) ?? usual);
}

export function writeSteps(steps: readonly Step[]): void {
  write(STEPS_ENTRY, steps.join(' '));
}

/** The theme of the last time, so that a window opens in its colours before the core has spoken. */
export function readTheme(): Theme {
  const kept = read(THEME_ENTRY);
  return kept === 'dark' || kept === 'light' ? kept : 'system';
}

export function writeTheme(theme: Theme): void {
  write(THEME_ENTRY, theme);
}

/** The dialect document that was being written and is not applied; null without one. */
export function readDialectDraft(): string | null {
  return read(DIALECT_ENTRY);
}

export function writeDialectDraft(text: string | null): void {
  write(DIALECT_ENTRY, text);
}
