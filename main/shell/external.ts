/** The only way out of the app: documentation, in the user's own browser. */
import { shell } from 'electron';
import { isDocumentation } from './documentation.ts';

/** Opens an address of the allow-list; any other is not opened, and said to be so by `false`. */
export function openDocumentation(address: string): boolean {
  if (!isDocumentation(address)) return false;
  // Parsed and put together again: what was checked is what is opened.
  void shell.openExternal(new URL(address).href);
  return true;
}
