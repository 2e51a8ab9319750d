/** Where the cache lies unless the user says otherwise. */
import { homedir } from 'node:os';
import { posix, resolve, win32 } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The platform's folder for an application's data: `$XDG_DATA_HOME/Quipu` or `~/.local/share/Quipu`
 * (XDG Base Directory Specification 0.8), `~/Library/Application Support/Quipu`, `%APPDATA%\Quipu`.
 */
export function defaultDataFolder(platform: NodeJS.Platform, env: Environment, home: string): string {
  if (platform === 'win32') {
    return win32.join(env['APPDATA'] || win32.join(home, 'AppData', 'Roaming'), 'Quipu');
  }
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'Quipu');
  const data = env['XDG_DATA_HOME'];
  // The specification: a path that is not absolute is to be ignored.
  const base = data !== undefined && posix.isAbsolute(data) ? data : posix.join(home, '.local', 'share');
  return posix.join(base, 'Quipu');
}

/** QUIPU_DATA_DIR, else the platform's folder; absolute. */
export function dataFolder(env: Environment = process.env): string {
  const given = env['QUIPU_DATA_DIR'];
  return given === undefined || given === ''
    ? defaultDataFolder(process.platform, env, homedir())
    : resolve(given);
}
