/** What the tests need of the machine beyond npm's packages, and which tests are skipped without it. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';

export interface Need {
  readonly what: string;
  /** Debian's package that has it. */
  readonly debian: string;
  readonly tests: string;
  readonly present: () => boolean;
}

/** The program's path, or null when PATH has none. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (existsSync(path)) return path;
  }
  return null;
}

/** A Chromium for the end-to-end tests: QUIPU_TEST_CHROMIUM, else the system's. */
export function findChromium(): string | null {
  return (
    process.env['QUIPU_TEST_CHROMIUM'] ??
    findProgram('chromium') ??
    findProgram('google-chrome') ??
    findProgram('chrome')
  );
}

export function keytarLoads(): boolean {
  try {
    createRequire(import.meta.url)('keytar');
    return true;
  } catch {
    return false;
  }
}

const LIBRARY_FOLDERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];
export const library = (name: string): boolean =>
  LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, name)));

const program = (name: string, debian: string, tests: string): Need => ({
  what: name,
  debian,
  tests,
  present: () => findProgram(name) !== null,
});
const shared = (name: string, debian: string): Need => ({
  what: name,
  debian,
  tests: 'the packaged app',
  present: () => library(name),
});

export const NEEDS: readonly Need[] = [
  { ...program('chromium', 'chromium', 'the app in a browser'), present: () => findChromium() !== null },
  {
    what: 'libsecret’s headers',
    debian: 'libsecret-1-dev',
    tests: 'the keychain, the packaged app',
    present: () => library('libsecret-1.so'),
  },
  program('openssl', 'openssl', 'certificates that must not be accepted'),
  program('gnome-keyring-daemon', 'gnome-keyring', 'the keychain, the packaged app'),
  program('dbus-run-session', 'dbus', 'the keychain, the packaged app'),
  program('gdbus', 'libglib2.0-bin', 'the keychain, the packaged app'),
  program('Xvfb', 'xvfb', 'the packaged app'),
  {
    what: 'dbusmock',
    debian: 'python3-dbusmock',
    tests: 'the packaged app',
    present: () => existsSync('/usr/lib/python3/dist-packages/dbusmock'),
  },
  shared('libgtk-3.so.0', 'libgtk-3-0'),
  shared('libnss3.so', 'libnss3'),
  shared('libasound.so.2', 'libasound2'),
  shared('libgbm.so.1', 'libgbm1'),
  shared('libnotify.so.4', 'libnotify4'),
  shared('libXtst.so.6', 'libxtst6'),
];
