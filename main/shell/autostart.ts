/** Start at login on Linux: a file of the XDG autostart folder, which every desktop there reads. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { replaceFile } from './desk-memory.ts';

const FILE = 'quipu.desktop';

export interface Autostart {
  readonly isOn: () => boolean;
  /** @throws {Error} of the file system */
  readonly set: (on: boolean) => Promise<void>;
}

/** @param program absolute path of the program that is started, hidden */
export function xdgAutostart(env: NodeJS.ProcessEnv, home: string, program: string): Autostart {
  const given = env['XDG_CONFIG_HOME'] ?? '';
  // The standard says to leave a path out that is not absolute.
  const path = join(isAbsolute(given) ? given : join(home, '.config'), 'autostart', FILE);
  return {
    isOn: () => existsSync(path),
    set: (on) => (on ? replaceFile(path, autostartEntry(program)) : rm(path, { force: true })),
  };
}

/** The file's text. */
export function autostartEntry(program: string): string {
  return [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Quipu',
    'Comment=Monitor and recorder for market data',
    `Exec=${execWord(program)} --hidden`,
    'Terminal=false',
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n');
}

/** A word of an Exec line: quoted, then escaped once more as every text of such a file is; % begins a code there. */
function execWord(word: string): string {
  const quoted = `"${word.replace(/["`$\\]/g, '\\$&')}"`;
  return quoted.replaceAll('\\', '\\\\').replaceAll('%', '%%');
}
